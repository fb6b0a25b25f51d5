//! Reads a head, and accepts it only if it describes a complete list. A damaged head must never be answered
//! with 200.

use livelist_model::head::{DeltaRef, Head, ObjectRef};
use livelist_model::{FeedId, layout};
use livelist_store::ObjectsExt;

use crate::error::ApiError;
use crate::state::ApiState;

/// The head of `feed`, which has to have one.
pub(crate) async fn ready(state: &ApiState, feed: &FeedId) -> Result<Head, ApiError> {
    read(state, feed).await?.ok_or(ApiError::NotReady)
}

/// The head of `feed`; nothing if it has none yet.
pub(crate) async fn read(state: &ApiState, feed: &FeedId) -> Result<Option<Head>, ApiError> {
    let key = layout::head(feed);
    let Some((head, _)) = state.objects.read_json::<Head>(&key).await? else {
        return Ok(None);
    };
    match defect(&head, feed) {
        None => Ok(Some(head)),
        Some(defect) => Err(ApiError::unsound(format!("{key} is not sound: {defect}"))),
    }
}

/// The delta from `since` to the head, or the newest one if `since` is not given. `None` if there is none:
/// the full list is always available.
pub(crate) fn delta<'a>(head: &'a Head, since: Option<&str>) -> Option<&'a DeltaRef> {
    let newest = head.deltas.first()?;
    since
        .is_none_or(|since| since == newest.from)
        .then_some(newest)
}

/// The deltas to the head from the version for which `is_start` holds, oldest first; `None` if the history
/// does not reach back to one.
pub(crate) fn chain(head: &Head, is_start: impl Fn(&str) -> bool) -> Option<Vec<&DeltaRef>> {
    let mut reached = is_start(&head.version);
    let mut chain = Vec::new();
    let mut older = sound(head);
    while !reached {
        let delta = older.next()?;
        reached = is_start(&delta.from);
        chain.push(delta);
    }
    chain.reverse();
    Some(chain)
}

/// All deltas that lead to the head, oldest first.
pub(crate) fn history(head: &Head) -> Vec<&DeltaRef> {
    let mut history: Vec<&DeltaRef> = sound(head).collect();
    history.reverse();
    history
}

/// The deltas to the head, newest first. The history ends at a delta that is invalid, or that does not end
/// at the version where the next one starts.
fn sound(head: &Head) -> impl Iterator<Item = &DeltaRef> {
    let mut version = head.version.as_str();
    head.deltas.iter().take_while(move |delta| {
        let leads_there = delta.to == version && flaw(delta, &head.feed).is_none();
        version = &delta.from;
        leads_there
    })
}

/// The error in a head.
fn defect(head: &Head, feed: &FeedId) -> Option<&'static str> {
    let newest = head.deltas.first();
    let checks = [
        (head.schema == Head::SCHEMA, "its schema is another one"),
        (head.feed == *feed, "it is another feed's"),
        (head.complete, "it is not complete"),
        (head.order == "bytewise", "its order is another one"),
        (head.sequence > 0, "it has no sequence"),
        (is_version(&head.version), "its version is no version"),
        (is_sha256(&head.sha256), "its digest is no SHA-256"),
        (!head.key_field.is_empty(), "it has no key field"),
        (
            is_stored(&head.full, feed, "snapshots"),
            "its list is not a snapshot of the feed",
        ),
        (
            head.gone.as_ref().is_none_or(|gone| {
                is_stored(&gone.stored, feed, "gone") && is_sha256(&gone.summary.sha256)
            }),
            "its record of what is gone is not one of the feed",
        ),
        (
            newest.is_none_or(|d| d.to == head.version),
            "its newest delta does not lead to it",
        ),
    ];
    checks
        .into_iter()
        .find_map(|(holds, defect)| (!holds).then_some(defect))
        .or_else(|| newest.and_then(|delta| flaw(delta, feed)))
}

/// The error in a delta of `feed`.
fn flaw(delta: &DeltaRef, feed: &FeedId) -> Option<&'static str> {
    if !is_version(&delta.from) || !is_version(&delta.to) || delta.from == delta.to {
        return Some("a delta of it does not lead from one version to another");
    }
    if !is_sha256(&delta.sha256) || !is_stored(&delta.stored, feed, "deltas") {
        return Some("a delta of it is not one of the feed");
    }
    None
}

/// Whether a version may be used in an ETag and in queries.
fn is_version(version: &str) -> bool {
    (1..=128).contains(&version.len())
        && version
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'))
}

fn is_sha256(digest: &str) -> bool {
    digest.len() == 64
        && digest
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_stored(stored: &ObjectRef, feed: &FeedId, folder: &str) -> bool {
    let prefix = format!("{}{feed}/{folder}/", layout::FEEDS_PREFIX);
    let name = stored.object.strip_prefix(&prefix);
    stored.bytes > 0 && name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}
