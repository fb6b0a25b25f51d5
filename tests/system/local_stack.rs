//! The deployed system from end to end: planner, queue, worker, state machine, steps, storage and
//! HTTP API on the local stack, with simulated MLSs. Needs the local stack.

mod days;
mod equivalence;
mod faults;
mod metrics;
mod notices;
mod operations;
mod operator;
mod records;
mod scale;
