//! Errors between Livelist and a provider, classified in one place. The steps map them to stable names; no
//! other code looks at a status code.

use std::time::Duration;

use crate::allow::LinkError;
use crate::page::PageError;
use crate::transport::TransportError;

/// Why an exchange with a provider gave no result. Never holds a token.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The provider asks to wait.
    #[error("the provider asks to wait {} seconds", .0.as_secs())]
    Throttled(Duration),
    /// The token is not accepted (any more).
    #[error("the provider does not accept the token")]
    Unauthorized,
    /// The credential itself is refused.
    #[error("the provider refuses the credential: {0}")]
    CredentialRefused(String),
    /// The account may not see this: never a sign that listings are gone.
    #[error("the provider refuses access with status {status}: {message}")]
    Denied {
        /// 403, 404 or 410.
        status: u16,
        /// The provider's text.
        message: String,
    },
    /// The request is not one that this provider answers.
    #[error("the provider rejects the request with status {status}: {message}")]
    Rejected {
        /// A 4xx or 3xx.
        status: u16,
        /// The provider's text.
        message: String,
    },
    /// Errors of the provider or the network that did not pass.
    #[error("the provider does not answer properly{}", after_colon(.what))]
    Unavailable {
        /// The last status, or what was requested; empty if the source says everything.
        what: String,
        /// The network's error, if it was one.
        #[source]
        source: Option<TransportError>,
    },
    /// Answers with status 200 that are not pages, repeatedly.
    #[error("the provider's answer is not a page")]
    Page(#[source] PageError),
    /// A link that must not be followed.
    #[error("the provider's link is refused")]
    Link(#[source] LinkError),
    /// Paging that returned to an earlier position.
    #[error("the provider's paging runs in a circle after {pages} pages")]
    Loop {
        /// Pages read.
        pages: u64,
    },
    /// Paging that gets nowhere.
    #[error("the provider's paging does not end: {0}")]
    Endless(String),
    /// The caller's time is over, or too short to begin. The next task continues.
    #[error("the time for this task is over")]
    OutOfTime,
    /// Something is larger than anything sensible.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// The limit.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The feed's settings do not make a request.
    #[error("the settings make no valid request: {0}")]
    Settings(String),
    /// No dialect has this name.
    #[error("this version knows no provider `{0}`")]
    UnknownProvider(String),
    /// Something here broke, not the provider.
    #[error("an internal task failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ClientError {
    /// Whether the provider understood that it was asked, and refuses to answer.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            ClientError::Denied { .. } | ClientError::Rejected { .. }
        )
    }
}

fn after_colon(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!(": {text}"),
    }
}
