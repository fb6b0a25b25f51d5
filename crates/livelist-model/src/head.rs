//! The head: the pointer to a feed's published snapshot, and what the API says of it. It changes
//! only by conditional write, and only to a complete snapshot.

use serde::{Deserialize, Serialize};

use jiff::SignedDuration;

use crate::decision::HeldReason;
use crate::gone::GoneRef;
use crate::ids::{FeedId, RunId};
use crate::instant;

/// A site that is at most this many deltas behind can catch up; older ones get the full list.
pub const DELTA_HISTORY: usize = 30;

/// A head is stale this long after its next version was expected. A run takes 20 hours at most and begins
/// at the same hour each day, so a healthy feed can be some hours late. Together with the day before, this
/// gives the 36 hours after which operators are notified.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_hours(12);

/// `feeds/{feed}/head.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of this document's form.
    pub schema: u32,
    /// The feed.
    pub feed: FeedId,
    /// Names the snapshot: when it was published, and its sequence.
    pub version: String,
    /// Counts the snapshots of the feed, from 1.
    pub sequence: u64,
    /// Which numbering of snapshots this is: when the first one of it was published. Sites refuse another
    /// one until a person says so, for sequences of two numberings cannot be compared. Heads of earlier
    /// versions do not say it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// The snapshot holds every key that was live from this instant to the end of the last good look. A
    /// listing that was added later may be missing. A scan by links can miss a new row while others move.
    /// So there `as_of` is the beginning of the look before the last: a listing would have to be missed
    /// twice.
    pub as_of: jiff::Timestamp,
    /// When the last good look began: the last complete scan that raised no doubt. Whether a list is
    /// old is judged by this. Heads of earlier versions do not say it: there it is `as_of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<jiff::Timestamp>,
    /// Always true: nothing incomplete becomes a head.
    pub complete: bool,
    /// Keys in the snapshot.
    pub count: u64,
    /// Keys in the snapshot before it.
    pub previous_count: Option<u64>,
    /// The field that the keys are values of.
    pub key_field: String,
    /// Always `bytewise`.
    pub order: String,
    /// SHA-256 of the uncompressed text.
    pub sha256: String,
    /// The full list.
    pub full: ObjectRef,
    /// Deltas to this version, newest first; each one starts at the version where the next one in the list
    /// ends.
    #[serde(default)]
    pub deltas: Vec<DeltaRef>,
    /// The record of keys that were listed and are gone. `None` if there are none, and in heads of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<GoneRef>,
    /// The run that published it.
    pub run: RunId,
    /// When it was published.
    pub published_at: jiff::Timestamp,
    /// The last run that found it still right.
    pub checked_run: RunId,
    /// When the next run is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_expected_at: Option<jiff::Timestamp>,
}

/// A stored list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its name in the store.
    pub object: String,
    /// Its size as stored.
    pub bytes: u64,
}

/// A stored delta.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaRef {
    /// The version it begins at.
    pub from: String,
    /// The version it leads to.
    pub to: String,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
    /// SHA-256 of the uncompressed text.
    pub sha256: String,
    /// When that version was published; absent in heads of the first form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<jiff::Timestamp>,
    /// The run that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The proof of its removals; `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<ConfirmedBy>,
    /// Where it is stored.
    #[serde(flatten)]
    pub stored: ObjectRef,
}

/// The proof of removals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmedBy {
    /// The provider was asked for each key, and had none of them.
    Key,
    /// The provider cannot be asked by key; a further scan of the same run did not see them either.
    /// Removals of earlier versions alone rest on that.
    Scan,
    /// The provider cannot be asked by key; complete scans of two days did not see them.
    Scans,
    /// The result was held, and an operator let it through.
    Operator,
}

impl Head {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// The name of the snapshot with `sequence`, published at `at`: `2026-11-21T04:05:11Z-000123`.
    pub fn version_of(at: jiff::Timestamp, sequence: u64) -> String {
        format!("{}-{sequence:06}", whole_seconds(at))
    }

    /// The sequence in a version's name.
    pub fn sequence_of(version: &str) -> Option<u64> {
        version.rsplit_once('-')?.1.parse().ok()
    }

    /// The names of all objects that it needs.
    pub fn objects(&self) -> impl Iterator<Item = &String> {
        let deltas = self.deltas.iter().map(|delta| &delta.stored);
        let gone = self.gone.iter().map(|gone| &gone.stored);
        let all = deltas.chain(gone).chain([&self.full]);
        all.map(|stored| &stored.object)
    }

    /// When the last good look began.
    pub fn looked_at(&self) -> jiff::Timestamp {
        self.checked_at.unwrap_or(self.as_of)
    }

    /// What the sites have to hear of: the version, its numbering, and which keys are gone.
    pub fn tag(&self) -> String {
        let mut tag = self.version.clone();
        if !self.epoch.is_empty() {
            tag.push_str("-e");
            tag.push_str(&self.epoch);
        }
        if let Some(gone) = &self.gone {
            tag.push_str("-g");
            tag.push_str(gone.summary.sha256.get(..16).unwrap_or_default());
        }
        tag
    }

    /// Whether its times are from the future. Then a wrong clock wrote them, and they mean nothing. Its
    /// list and its sequence are still valid.
    pub fn is_from_future(&self, now: jiff::Timestamp) -> bool {
        let times = [self.as_of, self.looked_at(), self.published_at];
        times.iter().any(|at| instant::is_future(*at, now))
    }

    /// Whether the next look is long overdue, or the head's times cannot be trusted.
    pub fn is_stale(&self, now: jiff::Timestamp) -> bool {
        let expected = self.next_expected_at;
        self.is_from_future(now)
            || expected.is_some_and(|expected| now.duration_since(expected) > GRACE)
    }

    /// The objects that this head names and the next version may not: the full list, the deltas beyond the
    /// history, and the gone record.
    pub fn drops(&self) -> Vec<String> {
        let deltas = self.deltas.iter().skip(DELTA_HISTORY - 1);
        let deltas = deltas.map(|delta| &delta.stored);
        let gone = self.gone.iter().map(|gone| &gone.stored);
        let stored = std::iter::once(&self.full).chain(deltas).chain(gone);
        stored.map(|stored| stored.object.clone()).collect()
    }

    /// Keys that this version added and removed; a first snapshot only adds.
    pub fn newest_change(&self) -> (u64, u64) {
        match self.deltas.first() {
            Some(delta) if delta.to == self.version => (delta.added, delta.removed),
            _ => (self.count, 0),
        }
    }
}

/// `at` without its fraction of a second.
pub fn whole_seconds(at: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// `feeds/{feed}/held.json`: the newest run whose result waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The run.
    pub run: RunId,
    /// Why it waits.
    pub reason: HeldReason,
    /// Since when.
    pub at: jiff::Timestamp,
    /// The head's version at its end; a later head makes this document obsolete.
    pub head_version: Option<String>,
    /// When its last scan began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<jiff::Timestamp>,
    /// The removals that were confirmed, if any were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<crate::record::ListRef>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_by_time_and_show_the_sequence() {
        let at: jiff::Timestamp = "2026-11-21T04:05:11.987Z".parse().unwrap();
        assert_eq!(Head::version_of(at, 123), "2026-11-21T04:05:11Z-000123");
        assert_eq!(Head::sequence_of(&Head::version_of(at, 123)), Some(123));
        assert_eq!(Head::sequence_of("2026-11-21T04:05:11Z-"), None);
        assert_eq!(Head::sequence_of(""), None);
    }

    #[test]
    fn a_head_is_stale_half_a_day_after_the_next_was_expected() {
        let head = |expected: &str| -> Head {
            let object = serde_json::json!({"object": "x", "bytes": 1});
            serde_json::from_value(
                serde_json::json!({"schema": 1, "feed": "abor-property-1a2b3c4d",
                "version": "2026-11-20T04:05:00Z-000001", "sequence": 1,
                "as_of": "2026-11-20T04:05:00Z", "complete": true, "count": 1,
                "previous_count": null, "key_field": "ListingKey", "order": "bytewise",
                "sha256": "", "full": object, "run": "2026-11-20-abor-property-1a2b3c4d",
                "published_at": "2026-11-20T04:05:00Z",
                "checked_run": "2026-11-20-abor-property-1a2b3c4d",
                "next_expected_at": expected}),
            )
            .unwrap()
        };
        let head = head("2026-11-21T04:05:00Z");
        // A head of an earlier version says no epoch; a site hears of another one at once.
        assert_eq!(
            (head.epoch.as_str(), head.tag()),
            ("", head.version.clone())
        );
        let again = Head {
            epoch: "2026-11-20T04:05:00Z".to_owned(),
            ..head.clone()
        };
        assert_ne!(again.tag(), head.tag());
        assert!(!head.is_stale("2026-11-21T16:05:00Z".parse().unwrap()));
        assert!(head.is_stale("2026-11-21T16:05:01Z".parse().unwrap()));
        // R16: the age of a head from the future is not known.
        let before = |text: &str| text.parse().unwrap();
        assert!(!head.is_stale(before("2026-11-20T04:00:00Z")));
        assert!(head.is_stale(before("2026-11-20T03:59:59Z")));
        let unpublished = Head {
            published_at: before("2036-11-20T04:05:00Z"),
            ..head
        };
        assert!(unpublished.is_stale(before("2026-11-20T05:00:00Z")));
    }

    #[test]
    fn deltas_of_older_heads_say_neither_when_nor_why() {
        let older = serde_json::json!({"from": "a-000001", "to": "b-000002", "added": 1,
            "removed": 2, "sha256": "", "object": "x", "bytes": 3});
        let delta: DeltaRef = serde_json::from_value(older.clone()).unwrap();
        assert_eq!((delta.published_at, delta.confirmed), (None, None));
        assert_eq!(serde_json::to_value(&delta).unwrap(), older);
    }
}
