//! One process at a time starts runs by schedule. The lock is the operating system's, so it is gone
//! when its process is, however it ended. `livelist reconcile` needs no such lock: credentials are
//! leased, and heads change by conditional write.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::exit::Failed;

/// Held as long as this lives.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

/// Takes the lock of the data directory, or names the process that has it.
pub fn take(data: &Path) -> Result<DataLock, Failed> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(data.join(".livelist/serve.lock"))?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())?;
            Ok(DataLock { _file: file })
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it may be writing just now.
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
