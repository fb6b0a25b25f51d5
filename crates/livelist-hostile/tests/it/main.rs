//! Worlds that have to come out right, and with guards off, worlds that have to go wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[cfg(feature = "mutations")]
mod mutations;
#[cfg(not(feature = "mutations"))]
mod worlds;
