//! Notices over real HTTP on loopback, to correct and faulty receivers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod machine;
mod places;
mod receiver;
mod secrets;
mod sites;
mod tls;
mod world;
