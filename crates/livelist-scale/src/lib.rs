//! What a night costs, and when it ends: a model of a run that walks through the real state machine, list
//! prices, and a simulation of all runs of a night. `make scale` writes `docs/scale.md`.
//!
//! Depends on the model and on the dialects' facts. No clock, no network, no AWS; randomness comes from a
//! seed.

pub mod account;
pub mod dice;
pub mod excerpt;
pub mod machine;
pub mod naive;
pub mod night;
pub mod prices;
pub mod report;
pub mod settings;
pub mod steps;
pub mod syncs;
pub mod town;
pub mod usage;
pub mod walk;
pub mod work;
