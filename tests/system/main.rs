//! The tests of the system as a whole, in one binary.
//!
//! `drift` and `permissions` need nothing from outside. The others need the local stack and are ignored without
//! it: `make test` starts one and runs them all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: ending the test is what they are for"
)]

mod branches;
mod drift;
mod local_stack;
mod permissions;
