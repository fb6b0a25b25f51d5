//! Pauses an MLS or a client, and resumes it. Published lists stay and are served.

use jiff::Timestamp;
use livelist_model::pause::Pause;
use livelist_reso::Dialects;
use livelist_steps::budget;
use livelist_store::Objects;
use livelist_store::pauses::{self, Paused};
use livelist_store::registry::{DocumentError, read_client, read_mls};

use crate::OpsError;

const HINT: &str = "The registry's documents are named after what they describe";

/// Pauses. Returns whether it was not paused before.
///
/// # Errors
/// The registry has no such MLS or client, or the store is unavailable.
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

/// The result of resuming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Whether it was paused.
    pub was_paused: bool,
    /// Whether the provider had said to wait, which is forgotten now.
    pub had_to_wait: bool,
}

/// Ends a pause. For an MLS, it also forgets how long its provider said to wait.
///
/// # Errors
/// The store is unavailable.
pub async fn resume(
    objects: &dyn Objects,
    what: &Paused,
    by: &str,
    now: Timestamp,
) -> Result<Resumed, OpsError> {
    let was_paused = pauses::resume(objects, what).await?;
    let mls = match what {
        // Without a valid document no run starts, and none waits.
        Paused::Mls(mls) => read_mls(objects, mls, &Dialects).await.ok(),
        Paused::Client(_) => None,
    };
    let had_to_wait = match mls {
        Some(mls) => budget::forget_wait(objects, &mls.credential, now).await?,
        None => false,
    };
    tracing::warn!(by, ?what, was_paused, had_to_wait, "resumed");
    Ok(Resumed {
        was_paused,
        had_to_wait,
    })
}

/// An invalid document can be paused as well: that may be the reason for the pause.
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
