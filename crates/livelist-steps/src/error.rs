//! The errors of a step. Their names are stable: Step Functions matches them as `errorType`,
//! docs/operations.md has a section for each, and operators' programs rely on them.

use livelist_model::MlsId;
use livelist_model::codec::CodecError;
use livelist_model::record::Failure;
use livelist_model::registry::CredentialRef;
use livelist_reso::ClientError;
use livelist_reso::secret::AccountError;
use livelist_store::registry::DocumentError;
use livelist_store::{SealError, SecretError, StoreError};

/// An error of a step.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The provider could not be asked, or refused.
    #[error("the provider gave no result")]
    Provider(#[source] ClientError),
    /// The same, with what was requested.
    #[error("the provider gave no result for {what}")]
    Asked {
        /// Which page or question.
        what: String,
        /// Why.
        #[source]
        source: ClientError,
    },
    /// A token that was just issued, or read from the secret, is not accepted.
    #[error("the provider does not accept the newest token there is")]
    TokenRefused,
    /// The secret of the reference does not exist.
    #[error("there is no secret behind the credential")]
    SecretMissing(#[source] SecretError),
    /// The secret cannot be read.
    #[error("the secret cannot be read")]
    SecretUnreadable(#[source] SecretError),
    /// The secret is not an account.
    #[error("the secret behind {reference} is not an account")]
    SecretInvalid {
        /// Which.
        reference: CredentialRef,
        /// Why.
        #[source]
        source: AccountError,
    },
    /// The registry cannot be understood.
    #[error("a registry document cannot be used")]
    Registry(#[source] DocumentError),
    /// The run's addresses differ from the registry: the document was edited, or the input was written by
    /// hand.
    #[error("mls/{mls}.json says otherwise than the run about `{member}`")]
    NotInRegistry {
        /// The MLS.
        mls: MlsId,
        /// The member that differs.
        member: &'static str,
    },
    /// The input is not the step's.
    #[error("the input is not the step's: {0}")]
    InputInvalid(String),
    /// Another run has the credential now.
    #[error("the credential's lease went to {owner}")]
    LeaseLost {
        /// Its owner.
        owner: String,
    },
    /// Storage, or another service of ours.
    #[error("storage gave no result")]
    Store(#[source] StoreError),
    /// A stored list differs from what was recorded.
    #[error("the list {object} cannot be used")]
    List {
        /// Its name.
        object: String,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// Computed numbers contradict each other.
    #[error("the run's numbers contradict each other: {0}")]
    Contradiction(String),
    /// The token cannot be sealed or opened.
    #[error("the token cannot be sealed or opened")]
    Seal(#[source] SealError),
    /// Not all pairs could be sent.
    #[error("{failed} of {all} pairs could not be sent to the queue: {reason}")]
    PlanIncomplete {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
        /// The first reason.
        reason: String,
    },
    /// Something here broke.
    #[error("an internal task failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StepError {
    /// Every name there is.
    pub const NAMES: &[&str] = &[
        "ProviderUnavailable",
        "ProviderThrottled",
        "PageInvalid",
        "RequestRejected",
        "AccessDenied",
        "AuthorizationFailed",
        "LinkRefused",
        "PagingLoop",
        "LimitExceeded",
        "SecretMissing",
        "SecretInvalid",
        "RegistryInvalid",
        "NotInRegistry",
        "UnknownProvider",
        "InputInvalid",
        "LeaseLost",
        "StoreUnavailable",
        "StoreRefused",
        "StoreCorrupt",
        "SealInvalid",
        "PlanIncomplete",
        "Internal",
    ];

    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            StepError::Provider(error) | StepError::Asked { source: error, .. } => match error {
                ClientError::Throttled(_) => "ProviderThrottled",
                ClientError::Unauthorized | ClientError::CredentialRefused(_) => {
                    "AuthorizationFailed"
                }
                ClientError::Denied { .. } => "AccessDenied",
                ClientError::Rejected { .. } => "RequestRejected",
                ClientError::Unavailable { .. } => "ProviderUnavailable",
                ClientError::Page(_) => "PageInvalid",
                ClientError::Link(_) => "LinkRefused",
                ClientError::Loop { .. } | ClientError::Endless(_) => "PagingLoop",
                ClientError::OutOfTime => "ProviderUnavailable",
                ClientError::TooLarge { .. } => "LimitExceeded",
                ClientError::Settings(_) => "RegistryInvalid",
                ClientError::UnknownProvider(_) => "UnknownProvider",
                ClientError::Internal(_) => "Internal",
            },
            StepError::TokenRefused => "AuthorizationFailed",
            StepError::SecretMissing(_) => "SecretMissing",
            StepError::SecretUnreadable(_) | StepError::SecretInvalid { .. } => "SecretInvalid",
            StepError::Registry(DocumentError::Store(error)) | StepError::Store(error) => {
                store_name(error)
            }
            StepError::Registry(_) => "RegistryInvalid",
            StepError::NotInRegistry { .. } => "NotInRegistry",
            StepError::InputInvalid(_) => "InputInvalid",
            StepError::LeaseLost { .. } => "LeaseLost",
            StepError::List {
                source: CodecError::Io(_),
                ..
            } => "StoreUnavailable",
            StepError::List { .. } | StepError::Contradiction(_) => "StoreCorrupt",
            StepError::Seal(SealError::Store(error)) => store_name(error),
            StepError::Seal(_) => "SealInvalid",
            StepError::PlanIncomplete { .. } => "PlanIncomplete",
            StepError::Internal(_) => "Internal",
        }
    }

    /// Whether the same step may succeed a little later: the provider or storage stumbled.
    pub fn is_passing(&self) -> bool {
        match self {
            StepError::Provider(error) | StepError::Asked { source: error, .. } => {
                matches!(
                    error,
                    ClientError::Unavailable { .. } | ClientError::Page(_)
                )
            }
            StepError::Registry(DocumentError::Store(error))
            | StepError::Store(error)
            | StepError::Seal(SealError::Store(error)) => matches!(
                error,
                StoreError::Unavailable { .. } | StoreError::ConditionFailed { .. }
            ),
            StepError::List { source, .. } => matches!(source, CodecError::Io(_)),
            _ => false,
        }
    }

    /// The same error; an error of the provider also says what was requested.
    pub(crate) fn asked_for(self, what: impl FnOnce() -> String) -> StepError {
        match self {
            StepError::Provider(source) => StepError::Asked {
                what: what(),
                source,
            },
            other => other,
        }
    }

    /// What an operator should do, in a sentence or two.
    pub fn advice(&self) -> &'static str {
        advice(self.name())
    }

    /// The error and its causes, in one line. Holds no secrets, as no error does.
    pub fn chain(&self) -> String {
        livelist_model::with_causes(self)
    }

    /// The error as a run's record holds it.
    pub fn failure(&self, step: &str) -> Failure {
        Failure {
            name: self.name().to_owned(),
            message: self.chain(),
            advice: self.advice().to_owned(),
            step: Some(step.to_owned()),
        }
    }
}

fn store_name(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable { .. } | StoreError::ConditionFailed { .. } => "StoreUnavailable",
        StoreError::Refused { .. } => "StoreRefused",
        StoreError::Missing { .. } | StoreError::Corrupt { .. } => "StoreCorrupt",
    }
}

/// What an operator should do about an error of this name.
pub fn advice(name: &str) -> &'static str {
    match name {
        "ProviderUnavailable" => {
            "The provider does not work now. The next run tries again; if it stays, ask the provider."
        }
        "ProviderThrottled" => {
            "The provider keeps asking to wait. Look for other programs that use the same credential."
        }
        "PageInvalid" => {
            "The provider answers with something that is not a page. Look at the message; if it \
             stays, ask the provider."
        }
        "RequestRejected" => {
            "The provider rejects the request. Check filter, page_size, key_field, dataset and \
             confirm in the registry; `livelist probe` says which of them."
        }
        "AccessDenied" => {
            "The account may not see this feed, or (404) nothing is at this address. Check base_url, \
             the dataset and the subscription; no listing was removed."
        }
        "AuthorizationFailed" => {
            "The provider refuses the credential. Check the secret and whether it was rotated."
        }
        "LinkRefused" => {
            "The provider links to another host. If that host is the provider's, add it to \
             allow_hosts."
        }
        "PagingLoop" => {
            "The provider's paging runs in a circle or shows nothing new. Ask the provider; raise \
             max_requests if the feed really needs so many."
        }
        "LimitExceeded" => "An answer is larger than anything sensible. Ask the provider.",
        "SecretMissing" => {
            "Create the secret that the MLS's `credential` names. `livelist serve` looks for it every \
             five minutes and then runs; `livelist rerun FEED` runs at once."
        }
        "SecretInvalid" => "Mend the secret that the MLS's `credential` names; it must be JSON.",
        "RegistryInvalid" => "Mend the registry: run `livelist registry check`.",
        "InputInvalid" => "The step was called with an input of another form or version.",
        "NotInRegistry" => {
            "The registry was changed while the run was under way, or the run was not started by the \
             planner. Run the feed again: `livelist rerun FEED`."
        }
        "LeaseLost" => "Another run has the credential; this one begins again when it is free.",
        "StoreUnavailable" => "Storage does not work now. The next run tries again.",
        "StoreRefused" => "Storage refuses. Check the function's permissions, or the directory's.",
        "StoreCorrupt" => "Something in storage is not what was recorded; see the message.",
        "SealInvalid" => "The token could not be sealed or opened. Check the key's permissions.",
        "PlanIncomplete" => "Some pairs were not sent; the planner can be started again safely.",
        "UnknownProvider" => {
            "The registry names a provider that this version does not know; `livelist providers` \
             lists those that it knows."
        }
        _ => "This should not happen; see the logs of the step.",
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        StepError::Store(error)
    }
}

impl From<ClientError> for StepError {
    fn from(error: ClientError) -> Self {
        StepError::Provider(error)
    }
}

impl From<DocumentError> for StepError {
    fn from(error: DocumentError) -> Self {
        StepError::Registry(error)
    }
}

impl From<SealError> for StepError {
    fn from(error: SealError) -> Self {
        StepError::Seal(error)
    }
}

impl From<SecretError> for StepError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Missing(_) => StepError::SecretMissing(error),
            // A service that does not work now says nothing about the secret.
            SecretError::Unreadable { reference, source } => match source.downcast() {
                Ok(store) => StepError::Store(*store),
                Err(source) => {
                    StepError::SecretUnreadable(SecretError::Unreadable { reference, source })
                }
            },
            SecretError::Unsupported(..) => StepError::SecretUnreadable(error),
        }
    }
}

impl From<tokio::task::JoinError> for StepError {
    fn from(error: tokio::task::JoinError) -> Self {
        StepError::Internal(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_advice_of_its_own() {
        let fallback = advice("no such name");
        for name in StepError::NAMES.iter().filter(|n| **n != "Internal") {
            assert_ne!(advice(name), fallback, "{name}");
        }
    }

    #[test]
    fn what_passes_has_the_names_that_the_machine_tries_again() {
        let io = || CodecError::Io(std::io::Error::other("cut off"));
        let store = || StoreError::unavailable("the store", "down");
        let refused = || StoreError::refused("the store", "no");
        let list = |source| StepError::List {
            object: "x".into(),
            source,
        };
        let errors = [
            StepError::Provider(ClientError::Throttled(std::time::Duration::ZERO)),
            StepError::Provider(ClientError::Unauthorized),
            StepError::Provider(ClientError::Unavailable {
                what: "status 500".into(),
                source: None,
            }),
            StepError::TokenRefused,
            StepError::Store(store()),
            StepError::Store(refused()),
            StepError::Seal(SealError::Store(store())),
            StepError::Registry(DocumentError::Store(store())),
            StepError::Registry(DocumentError::Store(refused())),
            list(io()),
            StepError::Contradiction("x".into()),
        ];
        let passing = ["ProviderUnavailable", "PageInvalid", "StoreUnavailable"];
        for error in errors {
            let is_named = passing.contains(&error.name());
            assert_eq!(error.is_passing(), is_named, "{}", error.name());
        }
    }

    #[test]
    fn the_chain_tells_every_cause_once() {
        let error = StepError::Provider(ClientError::Rejected {
            status: 400,
            message: "bad".into(),
        });
        assert_eq!(
            error.chain(),
            "the provider gave no result: the provider rejects the request with status 400: bad"
        );
        assert_eq!(error.name(), "RequestRejected");
        let named = error.asked_for(|| "page 7".to_owned());
        assert_eq!(
            named.chain(),
            "the provider gave no result for page 7: the provider rejects the request with status \
             400: bad"
        );
        assert_eq!(named.name(), "RequestRejected");
    }
}
