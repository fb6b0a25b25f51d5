//! What operators ask and do, wherever Livelist runs: how the feeds stand, what happened in a run, what
//! became of a listing; approve, reject, run again, pause. The command and the operators' web API are
//! two faces of the same functions.
//!
//! Depends on the model, the ports and, where a result is published, on the steps. Never on AWS, the
//! environment or the wall clock.

pub mod cancel;
pub mod conditions;
pub mod copies;
pub mod decide;
pub mod diff;
pub mod error;
pub mod explain;
pub mod feeds;
pub mod health;
pub mod http;
pub mod pause;
pub mod progress;
pub mod redrive;
pub mod removals;
pub mod rerun;
pub mod runs;
pub mod status;
mod versions;
pub mod why;

pub use error::OpsError;
