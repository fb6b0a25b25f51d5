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

mod ampre;
mod bridge;
mod client;
mod command;
mod constellation1;
mod contrary;
mod controls;
mod crea;
mod edits;
mod faults;
mod media;
mod metadata;
mod mlsgrid;
mod paragon;
mod people;
mod rapattoni;
mod realtyna;
mod records;
mod reso;
mod rmls;
mod scan;
mod spark;
mod trestle;
mod utahrealestate;
mod ways;
mod windows;
mod wire;
