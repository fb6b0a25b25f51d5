//! The errors of destinations, classified by the adapters.

/// Why a destination cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// It cannot be reached, or works on something else: the same may succeed later.
    #[error("{destination} is not available: {reason}")]
    Unavailable {
        /// Which.
        destination: String,
        /// The database's message.
        reason: String,
    },
    /// It refuses: wrong password, missing permissions, no such database.
    #[error("{destination} refuses: {reason}")]
    Refused {
        /// Which.
        destination: String,
        /// The database's message, and the missing permission.
        reason: String,
    },
    /// It is not as Livelist left it: a table was altered or dropped.
    #[error("{destination} was changed by somebody else: {reason}")]
    Altered {
        /// Which.
        destination: String,
        /// The difference.
        reason: String,
    },
    /// Another process has written to it: its position is another one.
    #[error("{destination} was written to by another process")]
    Moved {
        /// Which.
        destination: String,
    },
}

impl DestinationError {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            DestinationError::Unavailable { .. } => "DestinationUnavailable",
            DestinationError::Refused { .. } => "DestinationRefused",
            DestinationError::Altered { .. } => "DestinationAltered",
            DestinationError::Moved { .. } => "DestinationMoved",
        }
    }
}
