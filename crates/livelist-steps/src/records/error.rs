//! The errors of records.

use livelist_destinations::DestinationError;
use livelist_log::LogError;
use livelist_model::syncs::SyncError;
use livelist_model::with_causes;
use livelist_reso::ClientError;
use livelist_store::{SealError, StoreError};

use crate::StepError;

/// Why records could not be pulled, applied or proved.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The provider, its secret, or storage.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The log.
    #[error("the log cannot be used")]
    Log(#[source] LogError),
    /// The destination.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The provider's metadata does not describe the replicated resource.
    #[error("the metadata of {mls} cannot be used: {reason}")]
    Metadata {
        /// The MLS.
        mls: String,
        /// Why.
        reason: String,
    },
    /// The provider's pages end before all that it counts was read.
    #[error("the pages of {resource} end after {rows} rows, before all that the provider counts")]
    Incomplete {
        /// The resource.
        resource: String,
        /// Rows that were read.
        rows: u64,
    },
}

impl RecordsError {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            RecordsError::Step(error) => error.name(),
            RecordsError::Log(LogError::Moved(_)) => "LogMoved",
            RecordsError::Log(LogError::Corrupt { .. }) => "LogCorrupt",
            RecordsError::Log(LogError::Store(_)) => "StoreUnavailable",
            RecordsError::Destination(error) => error.name(),
            RecordsError::Metadata { .. } => "MetadataInvalid",
            RecordsError::Incomplete { .. } => "PagesIncomplete",
        }
    }

    /// As it is written down.
    pub fn noted(&self) -> SyncError {
        SyncError {
            name: self.name().to_owned(),
            message: with_causes(self),
            resource: None,
            destination: None,
        }
    }

    /// Whether the token was refused.
    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(
            self,
            RecordsError::Step(StepError::Provider(ClientError::Unauthorized))
        )
    }
}

/// What an operator should do about an error of this name.
pub fn advice(name: &str) -> &'static str {
    match name {
        "DestinationUnavailable" => {
            "The database cannot be reached. Nothing is lost: the next pass goes on where it was."
        }
        "DestinationRefused" => {
            "The database refuses; the message says what. `livelist destinations check` says which rights \
             are missing."
        }
        "DestinationAltered" | "DestinationMoved" => {
            "Somebody else changes the tables or writes the same copy. The next pass looks again."
        }
        "MetadataInvalid" => {
            "The provider's $metadata cannot be used, or has no such resource; the message names what is there."
        }
        "PagesIncomplete" => {
            "The provider counts more than its pages have. If its count is wrong, put `\"count\": \"never\"` \
             into the MLS's document."
        }
        "LogMoved" => "Another process works on the same log. The next pass goes on.",
        "LogCorrupt" => {
            "Something in the log is not what was recorded. Restore `records/` from a backup; or remove the \
             folder of the replication: then all is read again."
        }
        name => crate::error::advice(name),
    }
}

impl From<LogError> for RecordsError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Store(error) => RecordsError::Step(error.into()),
            error => RecordsError::Log(error),
        }
    }
}

impl From<ClientError> for RecordsError {
    fn from(error: ClientError) -> Self {
        RecordsError::Step(error.into())
    }
}

impl From<StoreError> for RecordsError {
    fn from(error: StoreError) -> Self {
        RecordsError::Step(error.into())
    }
}

impl From<SealError> for RecordsError {
    fn from(error: SealError) -> Self {
        RecordsError::Step(error.into())
    }
}
