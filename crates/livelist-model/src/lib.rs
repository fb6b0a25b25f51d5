//! The model of Livelist, without any effects: names, registry documents, keys, the snapshot codec,
//! evidence, guards, decisions, the manifest, the plan and the notices to the sites.
//!
//! May depend on pure libraries only (serde, jiff's types, cronexpr, sha2, flate2 over `std::io` values
//! that the caller owns). No network, no file system, no clock, no randomness, no async.

pub mod ack;
pub mod agenda;
pub mod asking;
pub mod bom;
pub mod budget;
pub mod causes;
pub mod clock;
pub mod codec;
pub mod decision;
pub mod delta;
pub mod evidence;
pub mod gone;
pub mod guard_switch;
pub mod guards;
pub mod head;
pub mod history;
pub mod ids;
pub mod instant;
pub mod keys;
pub mod lately;
pub mod layout;
pub mod merge;
pub mod metrics;
pub mod notice;
pub mod pairs;
pub mod pause;
pub mod plan;
pub mod questions;
pub mod record;
pub mod registry;
pub mod run;
pub mod syncs;
pub mod wait;
pub mod waiting;

pub use bom::without_bom;
pub use causes::with_causes;
pub use ids::{
    ClientId, DestinationId, FeedId, MlsId, NameError, ReplicationId, ResourceName, RunId,
};
