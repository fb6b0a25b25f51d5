//! What this process tells: lines for people on standard error, and objects, one a line, in
//! `DATA/logs/livelist.YYYY-MM-DD.ndjson` (UTC) for `serve` and `reconcile`. Besides, `livelist logs`,
//! which reads them.

mod layer;
mod read;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

use tracing_appender::rolling::{RollingFileAppender, RollingWriter, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::exit::Failed;
use layer::Objects;

pub use read::run;

/// So many days are kept.
const KEPT: usize = 30;
/// The folder in the data.
const FOLDER: &str = "logs";
const PREFIX: &str = "livelist";
const SUFFIX: &str = "ndjson";

static FILES: OnceLock<RollingFileAppender> = OnceLock::new();

/// Begins to log: to standard error what `people` says, to files what `files` says, once they are
/// open.
pub fn init(people: &str, files: &str) {
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
pub fn open(data: &Path) -> Result<(), Failed> {
    let folder = data.join(FOLDER);
    // The appender looks for old files before it makes the folder, and complains on standard error.
    std::fs::create_dir_all(&folder)
        .map_err(|e| Failed::because(format!("cannot log to {}: {e}", folder.display())))?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(PREFIX)
        .filename_suffix(SUFFIX)
        .max_log_files(KEPT)
        .build(&folder)
        .map_err(|e| Failed::because(format!("cannot log to {}: {e}", folder.display())))?;
    // A process opens them once.
    let _ = FILES.set(files);
    Ok(())
}

/// Where objects are written: nowhere until the files are open. Each is written at once, so that a
/// process that is killed has told what it did.
struct Files;

impl<'a> MakeWriter<'a> for Files {
    type Writer = Written<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Written(FILES.get().map(RollingFileAppender::make_writer))
    }
}

struct Written<'a>(Option<RollingWriter<'a>>);

impl Write for Written<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(file) => file.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}
