//! Whether a head may follow the one before it.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{member, text};
use crate::store::Store;
use crate::world::FeedState;

/// Whether a head may follow the former one; true if there is a new list.
pub(super) fn succeeds(
    store: &Store,
    feed: &FeedState,
    head: &Value,
    list: &[String],
) -> Result<bool, String> {
    let deltas = head["deltas"].as_array().ok_or("the head has no deltas")?;
    let (Some(former), Some(before)) = (&feed.head, &feed.list) else {
        if head["sequence"] != 1 || !deltas.is_empty() {
            return Err("the first head is not the first".to_owned());
        }
        return Ok(true);
    };
    if head["version"] == former["version"] {
        let same = [
            "sequence",
            "count",
            "sha256",
            "full",
            "deltas",
            "run",
            "published_at",
        ];
        if let Some(name) = same.iter().find(|name| head[**name] != former[**name]) {
            return Err(format!("{name} changed without a new version"));
        }
        return Ok(false);
    }
    let sequence = former["sequence"].as_u64().unwrap_or(0);
    if head["sequence"].as_u64() != Some(sequence + 1) {
        return Err(format!(
            "the sequence goes from {sequence} to {}",
            head["sequence"]
        ));
    }
    if head["previous_count"] != former["count"] {
        return Err("previous_count is not the former count".to_owned());
    }
    let newest = deltas.first().ok_or("the head has no delta to it")?;
    if newest["from"] != former["version"] || newest["to"] != head["version"] {
        return Err("the newest delta does not lead from the former list to this one".to_owned());
    }
    let older = former["deltas"].as_array().ok_or("no deltas")?;
    if !deltas[1..].iter().eq(older.iter().take(deltas.len() - 1)) || deltas.len() > older.len() + 1
    {
        return Err("the older deltas are not those of the former head".to_owned());
    }
    let text = text(store, member(newest, "object")?)?;
    if hex::encode(Sha256::digest(&text)) != member(newest, "sha256")? {
        return Err("the delta has another SHA-256 than the head says".to_owned());
    }
    let mut keys: BTreeSet<&str> = before.iter().map(String::as_str).collect();
    for line in text.lines() {
        let fits = match line.split_at_checked(1) {
            Some(("+", key)) => keys.insert(key),
            Some(("-", key)) => keys.remove(key),
            _ => false,
        };
        if !fits {
            return Err(format!(
                "the delta's line {line:?} does not fit the former list"
            ));
        }
    }
    if !keys.iter().eq(list.iter()) {
        return Err("the delta does not lead from the former list to this one".to_owned());
    }
    Ok(true)
}
