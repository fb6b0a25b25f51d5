//! `livelist replicate`, `prove`, `record`, `schema` and `destinations`: copies of records on this machine.

mod destinations;
pub mod open;
pub mod pass;
mod progress;
mod prove;
mod record;
mod replicate;

pub use destinations::{check, schema};
pub use prove::{prove, proved};
pub use record::record;
pub use replicate::replicate;
