//! The command `livelist` as people and programs use it: the real binary on a directory, against
//! simulated MLSs over real HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests may panic and print as tests do"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the process under test runs on real time; waits for it are bounded by it"
)]

mod alerts;
mod approval;
mod backup;
mod cancel;
mod days;
mod foreign;
mod keys;
mod killed;
mod killed_records;
mod logs;
mod metrics;
mod millions;
mod month;
mod notices;
mod one_machine;
mod operator;
mod owner;
mod probe;
mod providers;
mod reader;
mod refusals;
mod registry;
mod replicate;
mod secrets;
mod serve;
mod show;
mod stranger;
mod strangers;
mod syncs;
mod town;
mod twins;
