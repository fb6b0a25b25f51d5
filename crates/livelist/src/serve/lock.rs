//! A lock, so that only one process starts runs by schedule. It belongs to the operating system, so it is
//! released whenever its process ends. `livelist reconcile` needs no such lock: credentials are leased, and
//! heads change by compare-and-swap.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::exit::Failed;

/// Held as long as this lives.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// A process that only checks the lock holds it for a moment, so it is tried this often, with a pause.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

fn tried(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    file.try_lock()
}

/// Whether a process starts the runs of the data directory by schedule.
pub fn is_held(data: &Path) -> bool {
    let file = File::open(data.join(".livelist/serve.lock"));
    // Closing the file releases the lock.
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Takes the lock of the data directory, or names the process that has it.
pub fn take(data: &Path) -> Result<DataLock, Failed> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(data.join(".livelist/serve.lock"))?;
    match tried(&file) {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())?;
            Ok(DataLock { _file: file })
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The holder may be writing just now.
            let _ = file.read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "unknown",
                holder => holder,
            };
            Err(Failed::usage(format!(
                "another `livelist serve` (process {holder}) starts the runs of {}. Stop it first, \
                 or serve the API alone with --no-schedule",
                data.display()
            )))
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
