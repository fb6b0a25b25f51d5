//! The events that sites are notified of: a feed changed, or a run is held.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::head::{Head, Held};
use crate::ids::{ClientId, FeedId, RunId};

/// The kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// There is a new version.
    #[serde(rename = "feed.changed")]
    Changed,
    /// A result waits for a second look or an operator; the published version stays.
    #[serde(rename = "feed.held")]
    Held,
}

impl EventKind {
    /// The webhook's `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Changed => "feed.changed",
            EventKind::Held => "feed.held",
        }
    }
}

/// Something that happened to a feed. Counts only: no listing's key is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedEvent {
    /// The kind of event.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When.
    pub at: jiff::Timestamp,
    /// To which feed.
    pub feed: FeedId,
    /// The run that published, or that is held.
    pub run: RunId,
    /// The published version; none if nothing was ever published.
    pub version: Option<String>,
    /// Its sequence; 0 without a version.
    pub sequence: u64,
    /// Its keys.
    pub count: u64,
    /// Keys that it added; 0 for a held run.
    pub added: u64,
    /// Keys that it removed; 0 for a held run.
    pub removed: u64,
}

impl FeedEvent {
    /// That `head` was published.
    pub fn changed(head: &Head) -> FeedEvent {
        let (added, removed) = head.newest_change();
        FeedEvent {
            kind: EventKind::Changed,
            at: head.published_at,
            feed: head.feed.clone(),
            run: head.run.clone(),
            version: Some(head.version.clone()),
            sequence: head.sequence,
            count: head.count,
            added,
            removed,
        }
    }

    /// That a run of `feed` is held, and `head` stays.
    pub fn held(feed: &FeedId, held: &Held, head: Option<&Head>) -> FeedEvent {
        FeedEvent {
            kind: EventKind::Held,
            at: held.at,
            feed: feed.clone(),
            run: held.run.clone(),
            version: head.map(|h| h.version.clone()),
            sequence: head.map_or(0, |h| h.sequence),
            count: head.map_or(0, |h| h.count),
            added: 0,
            removed: 0,
        }
    }

    /// The `webhook-id` for one client. It is the same in each attempt, and different for every other
    /// event. It contains the version if a list was published, or the run if it is held.
    pub fn webhook_id(&self, client: &ClientId) -> String {
        let subject = match (self.kind, &self.version) {
            (EventKind::Changed, Some(version)) => version.as_str(),
            _ => self.run.as_str(),
        };
        let mut hash = Sha256::new();
        for part in [
            self.kind.as_str(),
            self.feed.as_str(),
            subject,
            client.as_str(),
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        format!("msg_{}", hex::encode(&hash.finalize()[..16]))
    }

    /// The webhook's body: the same bytes however often it is sent.
    pub fn body(&self) -> String {
        json!({
            "type": self.kind,
            "timestamp": self.at,
            "data": {
                "feed": self.feed,
                "version": self.version,
                "sequence": self.sequence,
                "count": self.count,
                "added": self.added,
                "removed": self.removed,
            },
        })
        .to_string()
    }
}

/// The body of a message on the queue of events: without a client it is to be multiplied, one
/// message a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeMessage {
    /// Version of this message's form.
    pub schema: u32,
    /// The event.
    pub event: FeedEvent,
    /// The client to notify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
}

impl NoticeMessage {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// A message of `event`, to one client or to be multiplied.
    pub fn new(event: FeedEvent, client: Option<ClientId>) -> NoticeMessage {
        NoticeMessage {
            schema: Self::SCHEMA,
            event,
            client,
        }
    }
}

/// `feeds/{feed}/notified.json`: what was last put into the outbox. If the head, or the note of a held run,
/// is newer, the next run of the feed puts that event into the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The held run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<RunId>,
}

impl Notified {
    /// Whether `event` is still to be handed over.
    pub fn lacks(&self, event: &FeedEvent) -> bool {
        match event.kind {
            EventKind::Changed => self.version != event.version,
            EventKind::Held => self.held.as_ref() != Some(&event.run),
        }
    }

    /// The same with `event` handed over.
    pub fn with(self, event: &FeedEvent) -> Notified {
        match event.kind {
            EventKind::Changed => Notified {
                version: event.version.clone(),
                ..self
            },
            EventKind::Held => Notified {
                held: Some(event.run.clone()),
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, version: &str, run: &str) -> FeedEvent {
        FeedEvent {
            kind,
            at: "2026-11-22T04:05:11Z".parse().unwrap(),
            feed: "abor-property-1f0c9a2b".parse().unwrap(),
            run: run.parse().unwrap(),
            version: Some(version.to_owned()),
            sequence: 2,
            count: 2093,
            added: 7,
            removed: 20,
        }
    }

    #[test]
    fn the_body_has_counts_and_nothing_else() {
        let body: serde_json::Value =
            serde_json::from_str(&event(EventKind::Changed, "v2", "r2").body()).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "feed.changed", "timestamp": "2026-11-22T04:05:11Z",
                "data": {"feed": "abor-property-1f0c9a2b", "version": "v2", "sequence": 2,
                    "count": 2093, "added": 7, "removed": 20},
            })
        );
    }

    #[test]
    fn an_id_is_stable_and_distinct_for_every_event_and_client() {
        let (acme, zeta) = ("acme".parse().unwrap(), "zeta".parse().unwrap());
        let changed = event(EventKind::Changed, "v2", "r2");
        let same = FeedEvent {
            count: 1,
            ..changed.clone()
        };
        assert_eq!(changed.webhook_id(&acme), same.webhook_id(&acme));
        let ids = [
            changed.webhook_id(&acme),
            changed.webhook_id(&zeta),
            event(EventKind::Changed, "v3", "r2").webhook_id(&acme),
            event(EventKind::Held, "v2", "r2").webhook_id(&acme),
            event(EventKind::Held, "v2", "r3").webhook_id(&acme),
        ];
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 36 && !id.contains('.')));
        let again = event(EventKind::Held, "v9", "r3").webhook_id(&acme);
        assert_eq!(again, ids[4], "a held run is one event, whatever the head");
    }

    #[test]
    fn what_was_handed_over_is_not_handed_over_again() {
        let (changed, held) = (
            event(EventKind::Changed, "v2", "r2"),
            event(EventKind::Held, "v2", "r3"),
        );
        let none = Notified::default();
        assert!(none.lacks(&changed) && none.lacks(&held));
        let both = none.with(&changed).with(&held);
        assert!(!both.lacks(&changed) && !both.lacks(&held));
        assert!(both.lacks(&event(EventKind::Changed, "v3", "r4")));
        assert!(both.lacks(&event(EventKind::Held, "v2", "r4")));
    }
}
