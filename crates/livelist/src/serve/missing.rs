//! Feeds whose last run failed because the secret of the credential does not exist. Each secret is looked
//! for every five minutes, without asking a provider, and the run begins as soon as it exists. A secret
//! that exists and is wrong is not tried again automatically, because that may lock the account.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use livelist_model::FeedId;
use livelist_model::agenda::next_look;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::run::FeedSpec;
use livelist_store::{SecretError, Secrets};

/// The name of that error.
const NAME: &str = "SecretMissing";

/// The feeds that wait for a secret, with the time of the failure and of the next check.
#[derive(Default)]
pub struct Missing(Mutex<BTreeMap<FeedId, (Timestamp, Timestamp)>>);

impl Missing {
    fn feeds(&self) -> MutexGuard<'_, BTreeMap<FeedId, (Timestamp, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run of the feed has ended: with the error of this name, or without one.
    pub fn ended(&self, feed: &FeedId, error: Option<&str>, now: Timestamp) {
        let mut feeds = self.feeds();
        match error {
            Some(NAME) => feeds.insert(feed.clone(), (now, next_look(now, now))),
            _ => feeds.remove(feed),
        };
    }

    /// The newest run of the feed, as it was recorded before this process began.
    pub fn recorded(&self, record: &RunRecord) {
        let (feed, error) = (&record.spec.feed.feed, record.error.as_ref());
        if record.state == RunState::Failed
            && let Some(at) = record.finished_at
        {
            self.ended(feed, error.map(|error| error.name.as_str()), at);
        }
    }

    /// The time until the next check; `None` if no secret is missing.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let next = self.feeds().values().map(|(_, next)| *next).min()?;
        Some(Duration::try_from(next.duration_since(now)).unwrap_or_default())
    }

    /// Those of `feeds` whose missing secret exists now. Checks the feeds that are due for a check.
    pub async fn found<'a>(
        &self,
        feeds: &'a [FeedSpec],
        secrets: &dyn Secrets,
        now: Timestamp,
    ) -> Vec<&'a FeedSpec> {
        let mut found = Vec::new();
        for feed in feeds {
            let is_due = match self.feeds().get_mut(&feed.feed) {
                Some((failed, next)) if *next <= now => {
                    *next = next_look(*failed, now);
                    true
                }
                _ => false,
            };
            if !is_due {
                continue;
            }
            match secrets.get(&feed.credential).await {
                Ok(_) => {
                    self.feeds().remove(&feed.feed);
                    found.push(feed);
                }
                Err(SecretError::Missing(_)) => {}
                Err(error) => {
                    tracing::warn!(feed = %feed.feed, %error, "a secret that was missing cannot be read");
                }
            }
        }
        let names: Vec<&FeedId> = feeds.iter().map(|feed| &feed.feed).collect();
        // Feeds that are disabled or removed no longer wait.
        self.feeds().retain(|feed, _| names.contains(&feed));
        found
    }
}
