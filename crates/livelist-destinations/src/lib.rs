//! Destinations: copies of records that Livelist keeps. A destination takes the changes of a log in
//! batches, and says itself how far it is. One folder a kind of destination, each behind a feature.
//!
//! Depends on the records and on the drivers of databases. Never on a store, AWS, a provider, the
//! environment or the clock.

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod children;
pub mod contract;
pub mod destination;
pub mod error;
mod json;
pub mod layout;
#[cfg(feature = "mysql")]
pub mod mysql;
pub mod options;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod row;
pub mod shaped;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use destination::{
    Batch, Destination, Held, KeyStamp, LogId, Pass, Position, Prepared, Written,
};
pub use error::DestinationError;
pub use layout::{Checked, ColumnPlace, Finding, Layout};
pub use options::{Options, Removed, Wanted};
pub use shaped::{KeyForm, Shaped, Shaper};
