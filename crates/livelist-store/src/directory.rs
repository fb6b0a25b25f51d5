//! Twins in a directory: the whole system on one machine. Writes go to a temporary file and are
//! renamed into place, so that a process killed at any point leaves whole objects only; conditions
//! are checked under a file lock, so that several processes can share the directory.

mod failed;
mod leases;
mod objects;

pub use failed::FailedWrite;
pub use leases::DirectoryLeases;
pub use objects::{DirectoryObjects, written_lately};
