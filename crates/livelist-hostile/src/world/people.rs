//! People: the results that wait for them, and their actions.

use std::collections::BTreeSet;

use jiff::Timestamp;
use livelist_model::layout;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::run::RunSpec;
use livelist_store::Retention;
use serde_json::Value;

use super::{FeedState, World};
use crate::sim::Ms;
use crate::tally::count;

impl World {
    /// The runs of a day.
    pub(crate) fn runs_of(&self, at: Ms) -> Vec<RunSpec> {
        let Ok(at) = Timestamp::from_millisecond(at) else {
            return Vec::new();
        };
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let feeds = self.feeds.iter();
        feeds
            .map(|feed| RunSpec::of(date, feed.spec.clone()))
            .collect()
    }

    /// The held results, and whether all that each would remove is really gone.
    pub(crate) fn waiting(&self) -> Vec<(String, RunRecord, bool)> {
        let of = |feed: &FeedState| {
            let id = &feed.spec.feed;
            let held = self.store.get(&layout::held(id))?;
            let held: livelist_model::head::Held = serde_json::from_slice(&held.bytes).ok()?;
            let record = self.store.get(&layout::run_record(id, &held.run))?;
            let record: RunRecord = serde_json::from_slice(&record.bytes).ok()?;
            let reason = record.held_reason?;
            if record.state != RunState::Held || !reason.can_be_approved() {
                return None;
            }
            let removed = self.removals(&record)?;
            let sees_none = record.comparison.as_ref().is_some_and(|c| c.live == 0);
            let is_true = removed.iter().all(|key| !feed.live.contains_key(key))
                && (!sees_none || feed.live.is_empty());
            Some((id.to_string(), record, is_true))
        };
        self.feeds.iter().filter_map(of).collect()
    }

    /// The keys that a held run would remove.
    fn removals(&self, record: &RunRecord) -> Option<Vec<String>> {
        let read = |key: &str| {
            let stored = self.store.get(key)?;
            serde_json::from_slice::<Value>(&stored.bytes).ok()
        };
        let resume = record.resume.as_ref()?;
        let compared = read(&resume.comparison)?;
        let absent =
            crate::oracle::lines(&self.store, compared["absent"]["object"].as_str()?).ok()?;
        let told = resume.confirmation.as_deref().and_then(read);
        let restored: BTreeSet<&str> = told
            .as_ref()
            .and_then(|told| told["restored"].as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let gone = absent.into_iter();
        Some(
            gone.filter(|key| !restored.contains(key.as_str()))
                .collect(),
        )
    }

    /// A person rejects a held run, as `livelist reject` does.
    pub(crate) fn reject(&mut self, record: &RunRecord) {
        count(&mut self.tally.people, "rejected a held run");
        let run = &record.spec.run;
        self.tell(1, || format!("a person rejects {run}"));
        let feed = &record.spec.feed.feed;
        let rejected = RunRecord {
            state: RunState::Rejected,
            resume: None,
            ..record.clone()
        };
        let text = serde_json::to_vec(&rejected).unwrap_or_default();
        let key = layout::run_record(feed, run);
        self.store
            .put(&key, text.into(), Retention::Scratch, self.now);
        self.store.delete(&layout::held(feed));
    }
}
