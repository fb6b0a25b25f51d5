//! What the tests of the whole system share: the project's own files as data (template, state
//! machine, events), the local stack as a client sees it, and a small world of simulated MLSs with
//! their registry.
//!
//! Only for tests, so it ends them where something is not as it must be. Talks to the local stack
//! in plain HTTP: `aws-sdk-*` belongs to `livelist-aws` alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: ending the test is what they are for"
)]

pub mod files;
pub mod machine;
pub mod stack;
pub mod template;
pub mod world;
