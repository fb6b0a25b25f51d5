//! What a record is: its schema from `$metadata`, its fields, its hash, and the changes that a log is
//! made of. And how records fit the columns of a database.
//!
//! May depend on the model and on pure libraries. No network, no file system, no clock, no
//! randomness, no async.

pub mod cell;
pub mod change;
pub mod children;
pub mod columns;
pub mod decide;
pub mod decimal;
pub mod edmx;
pub mod fields;
pub mod hash;
pub mod minify;
pub mod names;
pub mod schema;

pub use cell::{Cell, Fit, cell};
pub use change::{Change, Entry, Place, Reason, Removal, What};
pub use children::{Child, Children};
pub use decide::{Incoming, Verdict, Way, decide};
pub use edmx::{Metadata, MetadataError};
pub use fields::{Fields, RecordError};
pub use hash::Hashing;
pub use schema::{Field, Kind, Navigation, Schema};
