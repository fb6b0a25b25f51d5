//! The errors of a log.

use livelist_store::StoreError;

/// Why a log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Storage.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process has written to the log: it has to be opened again.
    #[error("another process has written to the log of {0}")]
    Moved(String),
    /// A piece differs from what the head says.
    #[error("the log's object {name} cannot be read: {reason}")]
    Corrupt {
        /// The object.
        name: String,
        /// Why.
        reason: String,
    },
}

impl LogError {
    pub(crate) fn corrupt(name: &str, reason: impl ToString) -> LogError {
        LogError::Corrupt {
            name: name.to_owned(),
            reason: reason.to_string(),
        }
    }
}
