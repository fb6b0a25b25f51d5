//! The port to the state machine.

use async_trait::async_trait;

use crate::StoreError;

/// The result of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// An execution began.
    Started,
    /// There is, or was within 90 days, an execution of this name. A success for the caller: the
    /// run is on its way or done.
    AlreadyExists,
}

/// Starts executions of the reconcile state machine. Starting the same name twice starts one.
#[async_trait]
pub trait Executions: Send + Sync {
    /// Starts the execution `name` with `input`, a JSON text.
    async fn start(&self, name: &str, input: String) -> Result<Start, StoreError>;
}
