//! The simulator over real sockets, seen by a client that knows nothing of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may panic as tests do"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the server under test runs on real time"
)]

mod bridge;
mod client;
mod command;
mod controls;
mod faults;
mod mlsgrid;
mod reso;
mod scan;
mod trestle;
mod ways;
mod wire;
