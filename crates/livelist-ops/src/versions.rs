//! The versions of a feed that can still be read: the published snapshot, and the deltas back from
//! it. A list or delta that differs from what the head says is an error, never an answer.

use jiff::Timestamp;
use livelist_model::codec::{KeyStream, ListReader, ListSummary};
use livelist_model::delta::{Sign, read_delta};
use livelist_model::head::{ConfirmedBy, DeltaRef, Head};
use livelist_model::{FeedId, RunId, layout};
use livelist_store::{Objects, ObjectsExt, StoreError};
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use crate::OpsError;

/// The head of a feed.
pub(crate) async fn head(objects: &dyn Objects, feed: &FeedId) -> Result<Head, OpsError> {
    let found = objects.read_json::<Head>(&layout::head(feed)).await?;
    found.map(|(head, _)| head).ok_or(OpsError::Unknown {
        what: "published list of",
        name: feed.to_string(),
        hint: "`livelist status` lists the feeds that have one",
    })
}

/// A version that a feed had or has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) version: String,
    pub(crate) sequence: u64,
    pub(crate) published_at: Option<Timestamp>,
    pub(crate) run: Option<RunId>,
    pub(crate) confirmed: Option<ConfirmedBy>,
}

/// The versions that the head's deltas connect, oldest first, and the deltas between them.
pub(crate) fn chain(head: &Head) -> (Vec<Version>, Vec<&DeltaRef>) {
    let mut deltas = Vec::new();
    let mut version = head.version.as_str();
    for delta in &head.deltas {
        if delta.to != version {
            break;
        }
        version = &delta.from;
        deltas.push(delta);
    }
    deltas.reverse();
    let mut versions = Vec::with_capacity(deltas.len() + 1);
    versions.push(Version {
        version: version.to_owned(),
        sequence: Head::sequence_of(version).unwrap_or(0),
        published_at: None,
        run: None,
        confirmed: None,
    });
    for delta in &deltas {
        versions.push(Version {
            version: delta.to.clone(),
            sequence: Head::sequence_of(&delta.to).unwrap_or(0),
            published_at: delta.published_at,
            run: delta.run.clone(),
            confirmed: delta.confirmed,
        });
    }
    if let Some(last) = versions.last_mut() {
        last.published_at = Some(head.published_at);
        last.run = Some(head.run.clone());
    }
    (versions, deltas)
}

pub(crate) type Source = SyncIoBridge<Box<dyn AsyncRead + Send + Unpin>>;

pub(crate) async fn open(objects: &dyn Objects, object: &str) -> Result<Source, OpsError> {
    let found = objects.get(object).await?;
    let found = found.ok_or_else(|| StoreError::Missing {
        key: object.to_owned(),
    })?;
    Ok(SyncIoBridge::new(found.body))
}

/// Whether the list `object` has `key`. The list is read to its end, where its count and digest are
/// checked.
pub(crate) async fn holds(
    objects: &dyn Objects,
    object: &str,
    expected: ListSummary,
    key: &str,
) -> Result<bool, OpsError> {
    let source = open(objects, object).await?;
    let (object, key) = (object.to_owned(), key.as_bytes().to_owned());
    blocking(move || {
        let mut list = ListReader::new(source, Some(expected));
        let mut found = false;
        while list.advance().map_err(|e| damaged(&object, e))? {
            found |= list.key() == key;
        }
        Ok(found)
    })
    .await
}

/// Reads the changes of a delta. `visit` sees them before the delta is checked, so its result counts only
/// if this returns `Ok`.
pub(crate) async fn read<T: Send + 'static>(
    objects: &dyn Objects,
    delta: &DeltaRef,
    mut gathered: T,
    mut visit: impl FnMut(&mut T, Sign, &[u8]) + Send + 'static,
) -> Result<T, OpsError> {
    let source = open(objects, &delta.stored.object).await?;
    let object = delta.stored.object.clone();
    let expected = delta.sha256.clone();
    blocking(move || {
        let read = read_delta(source, |sign, key| visit(&mut gathered, sign, key));
        let read = read.map_err(|e| damaged(&object, e))?;
        if read.text.sha256 != expected {
            return Err(damaged(&object, "its SHA-256 is another one"));
        }
        Ok(gathered)
    })
    .await
}

pub(crate) fn damaged(object: &str, reason: impl ToString) -> OpsError {
    OpsError::Damaged {
        object: object.to_owned(),
        reason: reason.to_string(),
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpsError> + Send + 'static,
) -> Result<T, OpsError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| OpsError::Internal)?
}
