//! Worlds that have to pass, and with guards off, worlds that have to fail.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

#[cfg(feature = "mutations")]
mod mutations;
#[cfg(not(feature = "mutations"))]
mod worlds;
