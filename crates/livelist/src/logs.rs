//! The log of this process: lines for people on standard error, and JSON objects, one per line, in
//! `DATA/logs/livelist.YYYY-MM-DD.ndjson` (UTC) for `serve` and `reconcile`. Also `livelist logs`, which
//! reads them.

mod layer;
mod read;
mod room;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::tz::TimeZone;
use livelist_store::{Clock, SystemClock};
use tracing::{Level, Metadata};
use tracing_appender::rolling::{RollingFileAppender, RollingWriter, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::exit::Failed;
use layer::Objects;
use room::{Room, Take};

pub use read::run;

/// This many days are kept.
const KEPT: usize = 30;
/// The folder in the data.
const FOLDER: &str = "logs";
const PREFIX: &str = "livelist";
const SUFFIX: &str = "ndjson";

static FILES: OnceLock<(RollingFileAppender, Mutex<Room>)> = OnceLock::new();

/// Bytes a day.
static MOST: OnceLock<u64> = OnceLock::new();

/// Starts logging: with the filter `people` to standard error, with the filter `files` to files once they
/// are open, and at most this many megabytes a day.
pub fn init(people: &str, files: &str, megabytes: u32) {
    // A process begins once.
    let _ = MOST.set(u64::from(megabytes) * 1_000_000);
    let filter =
        |text: &str, or: &str| EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new(or));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_filter(filter(people, "warn"));
    let objects = Objects::new(Files).with_filter(filter(files, "info"));
    tracing_subscriber::registry()
        .with(lines)
        .with(objects)
        .init();
}

/// From now on the files below `data` are written.
///
/// # Errors
/// They cannot be written.
pub fn open(data: &Path) -> Result<(), Failed> {
    let folder = data.join(FOLDER);
    // The appender looks for old files before it creates the folder, and complains on standard error.
    std::fs::create_dir_all(&folder)
        .map_err(|e| Failed::because(format!("cannot log to {}: {e}", folder.display())))?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(PREFIX)
        .filename_suffix(SUFFIX)
        .max_log_files(KEPT)
        .build(&folder)
        .map_err(|e| Failed::because(format!("cannot log to {}: {e}", folder.display())))?;
    let room = Room::new(&folder, MOST.get().copied().unwrap_or(u64::MAX));
    // A process opens them once.
    let _ = FILES.set((files, Mutex::new(room)));
    Ok(())
}

/// The destination of objects: nothing until the files are open. Each object is written at once, so that a
/// killed process has logged what it did.
struct Files;

impl<'a> MakeWriter<'a> for Files {
    type Writer = Written<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        self.of(Level::INFO)
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        self.of(*meta.level())
    }
}

impl Files {
    fn of<'a>(&'a self, level: Level) -> Written<'a> {
        Written(FILES.get().map(|(files, room)| Open {
            writer: files.make_writer(),
            room,
            level,
        }))
    }
}

struct Written<'a>(Option<Open<'a>>);

struct Open<'a> {
    writer: RollingWriter<'a>,
    room: &'a Mutex<Room>,
    level: Level,
}

impl Open<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        match room.take(today, self.level, line.len()) {
            Take::Write => self.writer.write(line),
            Take::TellThatItIsFull => {
                self.writer.write_all(full(self.level).as_bytes())?;
                Ok(line.len())
            }
            Take::Leave => Ok(line.len()),
        }
    }
}

/// The last line of its kind on a day.
fn full(level: Level) -> String {
    let line = serde_json::json!({
        "timestamp": format!("{:.6}", SystemClock.now()),
        "level": "WARN",
        "target": module_path!(),
        "message": format!("the day's log is full: nothing more of the level {level} is written until tomorrow; \
            --log-megabytes"),
    });
    format!("{line}\n")
}

impl Write for Written<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(open) => open.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |open| open.writer.flush())
    }
}
