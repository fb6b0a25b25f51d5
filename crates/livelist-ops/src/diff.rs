//! The changes between two versions of a feed's list.

use std::collections::BTreeMap;

use livelist_model::FeedId;
use livelist_model::delta::Sign;
use livelist_store::Objects;
use serde::Serialize;

use crate::OpsError;
use crate::versions::{self, Version};

/// The changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The older version.
    pub from: String,
    /// The newer one.
    pub to: String,
    /// Keys that the newer one has and the older one has not, in the order of their bytes.
    pub added: Vec<String>,
    /// Keys that the older one has and the newer one has not.
    pub removed: Vec<String>,
    /// The number of added keys; `added` may be cut.
    pub added_count: u64,
    /// The number of removed keys; `removed` may be cut.
    pub removed_count: u64,
}

impl Diff {
    /// Keeps at most this many keys of each.
    pub fn cut(&mut self, most: usize) {
        self.added.truncate(most);
        self.removed.truncate(most);
    }
}

/// The changes in `feed` from version `from` to version `to`: versions, sequences, or days (the last
/// version published up to the end of that day, UTC). Default for `from` is the version before `to`, for
/// `to` the published one.
///
/// # Errors
/// There is no such version within the last 30, a delta is damaged, or the store is unavailable.
/// There is no such version within the last 30, a delta is damaged, or the store cannot be used now.
pub async fn diff(
    objects: &dyn Objects,
    feed: &FeedId,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<Diff, OpsError> {
    let head = versions::head(objects, feed).await?;
    let (versions, deltas) = versions::chain(&head);
    let to = match to {
        Some(name) => find(&versions, name)?,
        None => versions.len() - 1,
    };
    let from = match from {
        Some(name) => find(&versions, name)?,
        None => to.saturating_sub(1),
    };
    let (from, to, backwards) = if from <= to {
        (from, to, false)
    } else {
        (to, from, true)
    };
    // A key that was added and removed again has not changed.
    let mut changes: BTreeMap<String, i32> = BTreeMap::new();
    for delta in &deltas[from..to] {
        changes = versions::read(objects, delta, changes, |changes, sign, key| {
            let step = if sign == Sign::Added { 1 } else { -1 };
            let key = String::from_utf8_lossy(key).into_owned();
            *changes.entry(key).or_default() += step;
        })
        .await?;
    }
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for (key, change) in changes {
        match change {
            0 => {}
            n if (n > 0) != backwards => added.push(key),
            _ => removed.push(key),
        }
    }
    let (from, to) = if backwards { (to, from) } else { (from, to) };
    Ok(Diff {
        from: versions[from].version.clone(),
        to: versions[to].version.clone(),
        added_count: added.len() as u64,
        removed_count: removed.len() as u64,
        added,
        removed,
    })
}

/// The place of the version that `name` means.
fn find(versions: &[Version], name: &str) -> Result<usize, OpsError> {
    let exact = versions
        .iter()
        .position(|v| v.version == name || name.parse() == Ok(v.sequence));
    let found = exact.or_else(|| {
        let day: jiff::civil::Date = name.parse().ok()?;
        let end = day
            .tomorrow()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?;
        let end = end.timestamp();
        versions
            .iter()
            .rposition(|v| v.published_at.is_some_and(|at| at < end))
    });
    found.ok_or_else(|| OpsError::Unknown {
        what: "version",
        name: name.to_owned(),
        hint: "Give a version, its sequence, or a day, of the last 30 versions",
    })
}
