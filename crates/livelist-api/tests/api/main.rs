//! The API from outside: requests into the router, answers out of it, over the twins in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends at the first surprise"
)]

mod acks;
mod changes;
mod check;
mod crowd;
mod errors;
mod feeds;
mod history;
mod hostile;
mod keys;
mod live;
mod log;
mod objects;
mod openapi;
mod questions;
mod secrets;
mod server;
mod world;
