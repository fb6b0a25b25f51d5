//! Records the last write that failed. On a full disk nothing can be written, not even this record. So its
//! file is allocated in advance, and is written in place.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::objects::OWN;
use crate::{Clock, SystemClock};

/// The room of the note.
const ROOM: usize = 1_024;
/// Of a name and an error's text so much is kept.
const TEXT: usize = 300;

/// A write that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedWrite {
    /// When.
    pub at: Timestamp,
    /// The object that was to be written.
    pub key: String,
    /// How long it was.
    pub bytes: u64,
    /// The system's error.
    pub error: String,
    /// Whether the file system was full: it may have room by now. For a quota, that is not known.
    pub was_full: bool,
}

impl FailedWrite {
    /// The last write below `root` that failed, if none as long succeeded since.
    pub fn read(root: &Path) -> Option<FailedWrite> {
        let text = fs::read_to_string(file(root)).ok()?;
        serde_json::from_str(text.trim_end()).ok()
    }
}

/// This process's knowledge of it.
#[derive(Debug, Default)]
pub(super) struct Failing(AtomicBool);

impl Failing {
    /// Takes the note's room, if that is not done.
    pub(super) fn prepare(root: &Path) -> Failing {
        let file = file(root);
        if !fs::metadata(&file).is_ok_and(|meta| meta.len() == ROOM as u64) {
            // If there is no room for it, the process that fails still reports the error.
            let _ = fs::write(file, [b' '; ROOM]);
        }
        Failing(AtomicBool::new(FailedWrite::read(root).is_some()))
    }

    /// Records the result of a write of `bytes`.
    pub(super) fn note<T>(&self, root: &Path, key: &str, bytes: u64, written: &io::Result<T>) {
        match written {
            Err(error) => {
                let short = |text: String| text.chars().take(TEXT).collect();
                let failed = FailedWrite {
                    at: SystemClock.now(),
                    key: short(key.to_owned()),
                    bytes,
                    error: short(error.to_string()),
                    was_full: is_full(error),
                };
                tracing::error!(key, %error, "a file could not be written");
                self.0.store(true, Ordering::Relaxed);
                put(root, &serde_json::to_vec(&failed).unwrap_or_default());
            }
            Ok(_) if self.0.load(Ordering::Relaxed) => {
                let is_longer = |failed: FailedWrite| failed.bytes > bytes;
                if !FailedWrite::read(root).is_some_and(is_longer) {
                    put(root, b"");
                    self.0.store(false, Ordering::Relaxed);
                }
            }
            Ok(_) => {}
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == ErrorKind::StorageFull
}

fn file(root: &Path) -> PathBuf {
    root.join(OWN).join("failed-write")
}

/// Writes the record in place. If that fails too, nothing can be recorded.
fn put(root: &Path, text: &[u8]) {
    let mut room = [b' '; ROOM];
    let Some(begin) = room.get_mut(..text.len()) else {
        return;
    };
    begin.copy_from_slice(text);
    let opened = File::options().write(true).open(file(root));
    if let Ok(mut file) = opened {
        let _ = file.write_all(&room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_is_told_until_one_as_long_succeeds() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join(OWN)).unwrap();
        let failing = Failing::prepare(root);
        assert_eq!(FailedWrite::read(root), None);
        let full = || Err::<(), _>(io::Error::from(ErrorKind::StorageFull));
        failing.note(root, &"k".repeat(900), 500, &full());
        let failed = FailedWrite::read(root).unwrap();
        assert_eq!((failed.bytes, failed.was_full), (500, true));
        failing.note(root, "small", 499, &Ok(()));
        assert!(FailedWrite::read(root).is_some(), "smaller files fit still");
        // Another process knows of it, too.
        Failing::prepare(root).note(root, "large", 500, &Ok(()));
        assert_eq!(FailedWrite::read(root), None);
        assert_eq!(fs::metadata(file(root)).unwrap().len(), ROOM as u64);
    }
}
