//! `livelist replicate`, `prove` and `record`: copies of records on this machine.

mod open;
pub mod programs;
mod prove;
mod record;
mod replicate;

pub use prove::prove;
pub use record::record;
pub use replicate::replicate;
