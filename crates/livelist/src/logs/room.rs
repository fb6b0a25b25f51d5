//! Limits the log of a day. A part is reserved for warnings and errors, so that frequent lines do not
//! displace them.

use std::path::Path;

use jiff::civil::Date;
use tracing::Level;

use super::{PREFIX, SUFFIX};

/// One part in this many is reserved for warnings and errors.
const KEPT_FOR_TROUBLE: u64 = 4;

/// The bytes written today.
pub struct Room {
    most: u64,
    day: Option<Date>,
    written: u64,
    /// For each kind of lines: whether the missing room was reported.
    told: [bool; 2],
    /// Bytes of a file of an earlier process, by its day.
    found: Box<dyn Fn(Date) -> u64 + Send>,
}

/// What to do with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// It is written.
    Write,
    /// In its place it is written that there is no more room.
    TellThatItIsFull,
    /// It is not written.
    Leave,
}

impl Room {
    /// Room for `most` bytes a day; today's files in `folder` count.
    pub fn new(folder: &Path, most: u64) -> Room {
        let folder = folder.to_owned();
        let found = move |day: Date| {
            let file = folder.join(format!("{PREFIX}.{day}.{SUFFIX}"));
            std::fs::metadata(file).map_or(0, |meta| meta.len())
        };
        Room {
            most,
            day: None,
            written: 0,
            told: [false; 2],
            found: Box::new(found),
        }
    }

    /// Takes room for a line of this many bytes.
    pub fn take(&mut self, today: Date, level: Level, bytes: usize) -> Take {
        if self.day != Some(today) {
            self.day = Some(today);
            self.written = (self.found)(today);
            self.told = [false; 2];
        }
        let is_trouble = level <= Level::WARN;
        let most = match is_trouble {
            true => self.most,
            false => self.most - self.most / KEPT_FOR_TROUBLE,
        };
        let bytes = bytes as u64;
        if self.written.saturating_add(bytes) <= most {
            self.written += bytes;
            return Take::Write;
        }
        match std::mem::replace(&mut self.told[usize::from(is_trouble)], true) {
            false => Take::TellThatItIsFull,
            true => Take::Leave,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_has_its_room_and_trouble_a_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut room = Room::new(folder.path(), 1_000);
        let (today, tomorrow) = (date(2026, 11, 21), date(2026, 11, 22));
        for _ in 0..7 {
            assert_eq!(room.take(today, Level::INFO, 100), Take::Write);
        }
        assert_eq!(room.take(today, Level::INFO, 100), Take::TellThatItIsFull);
        assert_eq!(room.take(today, Level::DEBUG, 100), Take::Leave);
        for _ in 0..3 {
            assert_eq!(room.take(today, Level::ERROR, 100), Take::Write);
        }
        assert_eq!(room.take(today, Level::WARN, 100), Take::TellThatItIsFull);
        assert_eq!(room.take(today, Level::ERROR, 100), Take::Leave);
        assert_eq!(room.take(tomorrow, Level::INFO, 100), Take::Write);
    }

    #[test]
    fn what_an_earlier_process_wrote_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("livelist.2026-11-21.ndjson");
        std::fs::write(file, [b'x'; 700]).unwrap();
        let mut room = Room::new(folder.path(), 1_000);
        let today = date(2026, 11, 21);
        assert_eq!(room.take(today, Level::INFO, 100), Take::TellThatItIsFull);
        assert_eq!(room.take(today, Level::WARN, 100), Take::Write);
    }
}
