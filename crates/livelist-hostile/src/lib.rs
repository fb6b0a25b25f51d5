//! Hostile years: a deterministic simulation of all of Livelist. The steps and the RESO client are real;
//! MLSs, network, storage, clocks, queue and executions are simulated, and everything that happens follows
//! from one seed. An oracle that knows the truth checks every list that is published.
//!
//! Depends on the steps, the client and the simulated MLSs; nothing depends on it.

pub mod daily;
pub mod dice;
pub mod oracle;
pub mod play;
pub mod plugin;
pub mod ports;
pub mod records;
pub mod shrink;
pub mod sim;
pub mod store;
pub mod story;
pub mod tally;
pub mod transport;
pub mod world;

pub use play::{Report, play};
pub use story::{Cut, Story, Without};
