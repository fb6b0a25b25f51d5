//! Storage: which objects may be written and deleted, and that no secret is in them.

use bytes::Bytes;
use livelist_store::{Condition, Retention, StoreError};

use super::World;
use crate::ports::Place;
use crate::sim::Ms;

impl World {
    pub(crate) fn put(
        &mut self,
        now: Ms,
        place: &Place,
        key: &str,
        bytes: Bytes,
        condition: &Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        self.now = now;
        if !self.store.allows(key, condition) {
            return Err(StoreError::ConditionFailed {
                key: key.to_owned(),
            });
        }
        if key.ends_with(".json")
            && let Ok(text) = std::str::from_utf8(&bytes)
        {
            self.look_for_secrets(key, text);
        }
        let is_published = key.contains("/snapshots/") || key.contains("/deltas/");
        if is_published && self.store.get(key).is_some_and(|old| old.bytes != bytes) {
            self.wrong(format!("{key} was published and is written anew"));
        }
        let etag = self.store.put(key, bytes, retention, now);
        let is_of_feed = key.starts_with("feeds/");
        if key.ends_with("/head.json") && is_of_feed {
            self.check_head(now, place, key);
        } else if key.ends_with("/held.json") {
            self.note_held(key);
        }
        Ok(etag.to_string())
    }

    pub(crate) fn delete(&mut self, key: &str, condition: &Condition) -> Result<(), StoreError> {
        if self.store.get(key).is_none() {
            return Ok(());
        }
        if !self.store.allows(key, condition) {
            return Err(StoreError::ConditionFailed {
                key: key.to_owned(),
            });
        }
        if key.ends_with("/head.json") || key.contains("/snapshots/") || key.contains("/deltas/") {
            self.wrong(format!("{key} was deleted"));
        }
        self.store.delete(key);
        Ok(())
    }

    pub(crate) fn look_for_secrets(&mut self, place: &str, text: &str) {
        let found = self
            .mlss
            .iter()
            .flat_map(|mls| {
                // The secret itself, and the newest tokens: those that are in use.
                let tail = mls.secrets.len().saturating_sub(3).max(1);
                mls.secrets
                    .iter()
                    .take(1)
                    .chain(&mls.secrets[tail.min(mls.secrets.len())..])
            })
            .any(|secret| text.contains(secret.as_str()));
        if found {
            self.wrong(format!("a secret stands in {place}"));
        }
    }
}
