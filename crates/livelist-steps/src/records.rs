//! Records: from a provider into the log of a replication, and from the log into its destinations.
//!
//! [`pull`] reads what changed and appends it to the log, with what [`listed`] takes over from
//! the nightly run; [`apply`] brings a destination up to the log; [`prove`] compares a destination with the log.
//! [`schedule`], [`sync`] and [`copy`] are the same as functions that queues call: which syncs are due, one
//! sync of a replication, one copy brought up to its log.
//! [`scans`] says which feeds are scanned for a replication alone, [`syncs`] how its last passes ended.

pub mod apply;
pub mod copy;
pub mod error;
pub mod listed;
pub mod prove;
pub mod pull;
pub mod scans;
pub mod schedule;
pub mod spec;
pub mod sync;
pub mod syncs;
mod unsure;

pub use error::RecordsError;
pub use spec::ResourceSpec;
