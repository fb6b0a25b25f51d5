//! The log of a replication: every change of its records in the order in which Livelist learned them.
//!
//! The log is a list of *segments*, named by its *head*. A segment holds changes with consecutive numbers,
//! sorted by resource and key, one for each record; it is stored in *pieces* of bounded size, each with an
//! index (the same changes without the records). The head moves by conditional write alone, and holds the
//! sources' cursors: cursor and changes are one write. Segments are merged as they become many
//! ([`Log::compact`]); of a record the newest change stays.
//!
//! Depends on the records, the model and the ports; never on AWS, the clock or a provider.

mod append;
mod compact;
mod error;
mod head;
mod log;
mod lookup;
mod piece;
mod read;

pub use append::{Appended, Arrival, Lacks};
pub use error::LogError;
pub use head::{Head, Piece, Segment};
pub use log::Log;
pub use read::{Changes, Span};
