//! Pausing an MLS or a client, and letting it go on. What is published stays published and served.

use jiff::Timestamp;
use livelist_model::pause::Pause;
use livelist_reso::Dialects;
use livelist_store::Objects;
use livelist_store::pauses::{self, Paused};
use livelist_store::registry::{DocumentError, read_client, read_mls};

use crate::OpsError;

const HINT: &str = "The registry's documents are named after what they describe";

/// Pauses. Says whether that is new.
///
/// # Errors
/// The registry has no such MLS or client, or the store cannot be used now.
pub async fn pause(
    objects: &dyn Objects,
    what: &Paused,
    reason: Option<String>,
    by: &str,
    now: Timestamp,
) -> Result<bool, OpsError> {
    check(objects, what).await?;
    let note = Pause {
        schema: Pause::SCHEMA,
        at: now,
        reason,
        by: by.to_owned(),
    };
    let new = pauses::pause(objects, what, &note).await?;
    tracing::warn!(by, ?what, new, "paused");
    Ok(new)
}

/// Lets it go on. Says whether it was paused.
///
/// # Errors
/// The store cannot be used now.
pub async fn resume(objects: &dyn Objects, what: &Paused, by: &str) -> Result<bool, OpsError> {
    let was = pauses::resume(objects, what).await?;
    tracing::warn!(by, ?what, was, "resumed");
    Ok(was)
}

/// A document that is there but wrong can be paused as well: that may be why.
async fn check(objects: &dyn Objects, what: &Paused) -> Result<(), OpsError> {
    let (missing, kind, name) = match what {
        Paused::Mls(mls) => {
            let found = read_mls(objects, mls, &Dialects).await.map(drop);
            (found, "MLS", mls.to_string())
        }
        Paused::Client(client) => {
            let found = read_client(objects, client).await.map(drop);
            (found, "client", client.to_string())
        }
    };
    match missing {
        Ok(()) | Err(DocumentError::Invalid(_)) => Ok(()),
        Err(DocumentError::Missing(_)) => Err(OpsError::Unknown {
            what: kind,
            name,
            hint: HINT,
        }),
        Err(error) => Err(error.into()),
    }
}
