//! The errors of ports. They are classified here and in the adapters; no other code looks at a vendor's
//! error.

use std::error::Error as StdError;

/// A failure of a store, a queue or another service behind a port.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A conditional write met another state than it asked for.
    #[error("{key} was changed by somebody else")]
    ConditionFailed {
        /// The object.
        key: String,
    },
    /// The service is unavailable; a retry may help.
    #[error("{what} is not available")]
    Unavailable {
        /// Which service, for which object or name.
        what: String,
        /// The vendor's error.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The service refuses; a retry will not help.
    #[error("{what} was refused")]
    Refused {
        /// The call and the service.
        what: String,
        /// The vendor's error.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Something that was expected to be there is not.
    #[error("{key} is missing")]
    Missing {
        /// The object or name.
        key: String,
    },
    /// A stored object cannot be parsed.
    #[error("{key} cannot be read: {reason}")]
    Corrupt {
        /// The object.
        key: String,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// A service that does not work now.
    pub fn unavailable(
        what: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> StoreError {
        StoreError::Unavailable {
            what: what.into(),
            source: source.into(),
        }
    }

    /// A service that refuses.
    pub fn refused(
        what: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> StoreError {
        StoreError::Refused {
            what: what.into(),
            source: source.into(),
        }
    }
}
