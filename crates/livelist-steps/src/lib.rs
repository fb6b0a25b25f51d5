//! The steps of a run. Each file is one step: its NAME, its typed Input and Output, and
//! `run(env, input)`; Lambda, the command and the tests call the same function.
//!
//! Depends on the model (what to decide), the RESO client (how to ask) and the ports (where to
//! keep). Never on AWS, the environment or the wall clock.

pub mod acquire;
pub mod authorize;
mod budget;
pub mod chain;
pub mod compare;
pub mod confirm;
pub mod draft;
mod endpoint;
pub mod env;
pub mod error;
mod forms;
mod heads;
pub mod history;
mod ids;
mod late;
pub mod lists;
mod logged;
mod looks;
mod marks;
mod negatives;
mod parts;
pub mod plan;
pub mod progress;
pub mod publish;
mod questions;
pub mod release;
pub mod scan;
pub mod start;
pub mod stumble;
pub mod watch;

pub use env::{Env, Limits};
pub use error::StepError;
