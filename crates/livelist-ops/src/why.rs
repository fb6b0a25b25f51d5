//! Where a listing went: which versions have it, when it was added and removed, the proof of its removal,
//! and which sites have applied it.

use jiff::Timestamp;
use livelist_model::ack::SiteAck;
use livelist_model::codec::ListSummary;
use livelist_model::delta::Sign;
use livelist_model::head::{ConfirmedBy, Head, Held};
use livelist_model::{ClientId, FeedId, RunId, layout};
use livelist_store::{Objects, ObjectsExt, StoreError};
use serde::Serialize;

use crate::OpsError;
use crate::versions::{self, Version};

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The feed.
    pub feed: FeedId,
    /// The key.
    pub key: String,
    /// Whether the published list has it.
    pub live: bool,
    /// The versions that can still be read, oldest first.
    pub snapshots: Vec<Snapshot>,
    /// When it was last added; `None` if that was before the oldest version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came: Option<Change>,
    /// When it was last removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went: Option<Change>,
    /// The run that did not find it and whose result waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// The state of the sites.
    pub sites: Vec<Site>,
    /// All of it in a sentence or two.
    pub summary: String,
}

/// A version, and whether the key is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The version.
    pub version: String,
    /// Its sequence.
    pub sequence: u64,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// Whether the key is in it.
    pub has: bool,
}

/// How a key was added or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The version.
    pub version: String,
    /// When that was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The run that published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The proof of the removal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<ConfirmedBy>,
}

/// A removal that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The run.
    pub run: RunId,
    /// Why its result waits.
    pub reason: &'static str,
}

/// The acknowledgement of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    /// The client.
    pub client: ClientId,
    /// When it last worked with a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The version of that list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether the key has the same state in that list as in the published one.
    pub knows: bool,
}

/// Looks a key up.
///
/// # Errors
/// The feed has no published list, a list is damaged, or the store cannot be used now.
pub async fn why(objects: &dyn Objects, feed: &FeedId, key: &str) -> Result<Why, OpsError> {
    let head = versions::head(objects, feed).await?;
    let (versions, deltas) = versions::chain(&head);
    let published = ListSummary {
        count: head.count,
        sha256: head.sha256.clone(),
    };
    let live = versions::holds(objects, &head.full.object, published, key).await?;
    let mut signs = Vec::with_capacity(deltas.len());
    for delta in &deltas {
        let wanted = key.as_bytes().to_owned();
        let sign = versions::read(objects, delta, None, move |found, sign, key| {
            if key == wanted {
                *found = Some(sign);
            }
        })
        .await?;
        signs.push(sign);
    }
    let has = presence(live, &signs);
    let waiting = waiting(objects, feed, &head, key).await?;
    let sites = sites(objects, feed, &versions, &has).await?;
    let change = |sign| newest(&versions, &signs, sign);
    let (came, went) = (change(Sign::Added), change(Sign::Removed));
    let snapshots = versions
        .iter()
        .zip(&has)
        .map(|(version, has)| Snapshot {
            version: version.version.clone(),
            sequence: version.sequence,
            published_at: version.published_at,
            has: *has,
        })
        .collect();
    Ok(Why {
        summary: summary(
            key,
            live,
            &has,
            came.as_ref(),
            went.as_ref(),
            waiting.as_ref(),
        ),
        feed: feed.clone(),
        key: key.to_owned(),
        live,
        snapshots,
        came,
        went,
        waiting,
        sites,
    })
}

/// In which versions a key is that the last one has or has not, by the deltas between them.
fn presence(live: bool, signs: &[Option<Sign>]) -> Vec<bool> {
    let mut has = vec![live];
    let mut now = live;
    for sign in signs.iter().rev() {
        now = match sign {
            Some(Sign::Added) => false,
            Some(Sign::Removed) => true,
            None => now,
        };
        has.push(now);
    }
    has.reverse();
    has
}

fn newest(versions: &[Version], signs: &[Option<Sign>], wanted: Sign) -> Option<Change> {
    let at = signs.iter().rposition(|sign| *sign == Some(wanted))?;
    let version = versions.get(at + 1)?;
    Some(Change {
        version: version.version.clone(),
        at: version.published_at,
        run: version.run.clone(),
        confirmed_by: match wanted {
            Sign::Removed => version.confirmed,
            Sign::Added => None,
        },
    })
}

/// The held run that has the key among its removals.
async fn waiting(
    objects: &dyn Objects,
    feed: &FeedId,
    head: &Head,
    key: &str,
) -> Result<Option<Waiting>, OpsError> {
    let Some((held, _)) = objects.read_json::<Held>(&layout::held(feed)).await? else {
        return Ok(None);
    };
    let Some(list) = &held.removals else {
        return Ok(None);
    };
    if held.head_version.as_ref() != Some(&head.version) {
        return Ok(None);
    }
    let found = versions::holds(objects, &list.object, list.summary.clone(), key).await;
    let found = match found {
        // The list belongs to the run and may have expired with it.
        Err(OpsError::Store(StoreError::Missing { .. })) => false,
        other => other?,
    };
    Ok(found.then(|| Waiting {
        run: held.run,
        reason: held.reason.as_str(),
    }))
}

async fn sites(
    objects: &dyn Objects,
    feed: &FeedId,
    versions: &[Version],
    has: &[bool],
) -> Result<Vec<Site>, OpsError> {
    let mut sites = Vec::new();
    for name in objects.list_names(&layout::acks(feed)).await? {
        let Some(client) = name
            .strip_suffix(".json")
            .and_then(|client| client.parse::<ClientId>().ok())
        else {
            continue;
        };
        let ack = objects
            .read_json::<SiteAck>(&layout::ack(feed, &client))
            .await?;
        let ack = ack.map(|(ack, _)| ack);
        let version = ack.as_ref().and_then(|ack| ack.version.clone());
        let place = versions
            .iter()
            .position(|v| Some(&v.version) == version.as_ref());
        sites.push(Site {
            client,
            at: ack.map(|ack| ack.at),
            version,
            knows: place.is_some_and(|at| has.get(at) == has.last()),
        });
    }
    Ok(sites)
}

fn summary(
    key: &str,
    live: bool,
    has: &[bool],
    came: Option<&Change>,
    went: Option<&Change>,
    waiting: Option<&Waiting>,
) -> String {
    let at = |change: &Change| match change.at {
        Some(at) => format!("at {at:.0}"),
        None => format!("with version {}", change.version),
    };
    let mut text = if live {
        match came {
            Some(came) => format!("{key} is live; it was added {}.", at(came)),
            None => format!("{key} is live, and is in all versions that are still known."),
        }
    } else {
        match went {
            Some(went) => {
                let rests = match went.confirmed_by {
                    Some(ConfirmedBy::Key) => "the MLS was asked for it and did not have it",
                    Some(ConfirmedBy::Scan) => "a further scan did not see it either",
                    Some(ConfirmedBy::Scans) => "complete scans of two days did not see it",
                    Some(ConfirmedBy::Operator) => "an operator approved its removal",
                    None => "the evidence was not recorded",
                };
                format!("{key} was removed {}: {rests}.", at(went))
            }
            None if has.iter().any(|has| *has) => format!("{key} is not live."),
            None => format!(
                "{key} is in none of the {} versions that are still known: it was removed earlier, or \
                 this feed never had it.",
                has.len()
            ),
        }
    };
    if let Some(waiting) = waiting {
        text.push_str(&format!(
            " The run {} did not find it; its result is held ({}).",
            waiting.run, waiting.reason
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_told_back_from_the_last_version() {
        let signs = [None, Some(Sign::Removed), None, Some(Sign::Added), None];
        assert_eq!(
            presence(true, &signs),
            [true, true, false, false, true, true]
        );
        assert_eq!(presence(false, &[None, None]), [false, false, false]);
    }
}
