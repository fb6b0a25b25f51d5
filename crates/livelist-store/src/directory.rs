//! Twins in a directory: the whole system on one machine. Writes go to a temporary file that is then
//! renamed, so a process that is killed at any point leaves only whole objects. Conditions are checked
//! under a file lock, so several processes can share the directory.

mod failed;
mod leases;
mod objects;

pub use failed::FailedWrite;
pub use leases::DirectoryLeases;
pub use objects::{DirectoryObjects, written_lately};
