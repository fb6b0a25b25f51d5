//! The errors of operators' questions and decisions.

use livelist_steps::StepError;
use livelist_store::StoreError;
use livelist_store::registry::DocumentError;

/// An error. [`OpsError::name`] is stable.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// It does not exist.
    #[error("there is no {what} {name}. {hint}")]
    Unknown {
        /// `run`, `feed`, `MLS`, `client`, `version`.
        what: &'static str,
        /// Its name.
        name: String,
        /// What to do.
        hint: &'static str,
    },
    /// Only a held run can be decided on.
    #[error("the run {run} is {state}, not held")]
    NotHeld {
        /// The run.
        run: String,
        /// Its state.
        state: &'static str,
    },
    /// The reason leaves nothing to approve.
    #[error(
        "a run held for {0} cannot be approved: its scan is not proved complete. The next run looks again"
    )]
    NotApprovable(&'static str),
    /// A later look counts.
    #[error("superseded by {by}{}", if *.is_held { "; decide on that one" } else { "; there is nothing left to approve" })]
    Superseded {
        /// The newest run with a look.
        by: String,
        /// Whether its result waits.
        is_held: bool,
    },
    /// A later look counts, but its run is not known.
    #[error(
        "a later run has looked since, or this one was rejected; there is nothing left to approve"
    )]
    Stale,
    /// The run's record lacks data that the decision needs.
    #[error("the record of the run {0} does not say what to publish")]
    NoResume(String),
    /// The run is under way, so no other is started.
    #[error("the run {0} is under way already")]
    UnderWay(String),
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A list of the feed does not match the head.
    #[error("{object} is damaged: {reason}")]
    Damaged {
        /// Which.
        object: String,
        /// The error.
        reason: String,
    },
    /// The registry.
    #[error(transparent)]
    Registry(#[from] DocumentError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A step that was called for the operator.
    #[error(transparent)]
    Step(#[from] StepError),
    /// A thread was lost.
    #[error("an internal task ended early")]
    Internal,
}

impl OpsError {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            OpsError::Unknown { .. } => "Unknown",
            OpsError::NotHeld { .. } => "NotHeld",
            OpsError::NotApprovable(_) => "NotApprovable",
            OpsError::Superseded { .. } | OpsError::Stale => "Superseded",
            OpsError::NoResume(_) => "NoResume",
            OpsError::UnderWay(_) => "UnderWay",
            OpsError::Invalid(_) => "Invalid",
            OpsError::Damaged { .. } => "Damaged",
            OpsError::Registry(_) => "RegistryInvalid",
            OpsError::Store(_) => "StoreUnavailable",
            OpsError::Step(error) => error.name(),
            OpsError::Internal => "Internal",
        }
    }

    /// Whether the error is in the request, not in the system.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            OpsError::Unknown { .. }
                | OpsError::NotHeld { .. }
                | OpsError::NotApprovable(_)
                | OpsError::Superseded { .. }
                | OpsError::Stale
                | OpsError::UnderWay(_)
                | OpsError::Invalid(_)
                | OpsError::Registry(DocumentError::Missing(_) | DocumentError::Invalid(_))
        )
    }

    /// There is no such run.
    pub fn unknown_run(run: impl Into<String>) -> OpsError {
        OpsError::Unknown {
            what: "run",
            name: run.into(),
            hint: "`livelist runs` lists them",
        }
    }

    /// There is no such feed.
    pub fn unknown_feed(feed: impl Into<String>) -> OpsError {
        OpsError::Unknown {
            what: "feed",
            name: feed.into(),
            hint: "`livelist status` lists them",
        }
    }
}
