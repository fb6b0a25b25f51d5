//! What is due at an instant: a pure function of the registry, of when each feed was last scanned,
//! and of the time. `livelist serve` uses it, because it waits for the exact instant. What runs once
//! a day uses [`plan`](crate::plan) instead.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ids::{FeedId, ReplicationId};
use crate::instant;
use crate::registry::{Pair, Registry};
use crate::run::{Copied, FeedSpec};

/// What is due, and what comes next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agenda {
    /// The due feeds, the longest overdue first. A feed that was due several times is due once.
    pub due: Vec<FeedSpec>,
    /// When the next of the others is due.
    pub next: Option<Timestamp>,
}

/// The feeds of pairs that are enabled, each once.
pub fn feeds(registry: &Registry) -> Vec<FeedSpec> {
    let copied = Copied::of(registry);
    let mut seen = BTreeSet::new();
    let mut feeds = Vec::new();
    for client in registry.clients.values() {
        for pair in client.pairs.iter().filter(|pair| pair.enabled) {
            let Some(mls) = registry.mls.get(&pair.mls).filter(|mls| mls.enabled) else {
                continue;
            };
            let feed = copied.feed(mls, pair);
            if seen.insert(feed.feed.clone()) {
                feeds.push(feed);
            }
        }
    }
    feeds
}

/// The feeds of replications that are to be scanned, each once, with the replication: those of the resources
/// that no client's pair has.
///
/// Where the resource is not `Property`, the registry does not say which field is its key: the log does.
pub fn copied(registry: &Registry) -> Vec<(ReplicationId, FeedSpec)> {
    let mut seen: BTreeSet<FeedId> = feeds(registry).into_iter().map(|feed| feed.feed).collect();
    let all = Copied::of(registry);
    let mut copied = Vec::new();
    let enabled = registry.replications.values().filter(|r| r.enabled);
    for replication in enabled.filter(|r| r.reconcile) {
        let Some(mls) = registry.mls.get(&replication.mls).filter(|m| m.enabled) else {
            continue;
        };
        for resource in &replication.resources {
            let feed = all.feed(mls, &Pair::of(&mls.mls, resource));
            if seen.insert(feed.feed.clone()) {
                copied.push((replication.replication.clone(), feed));
            }
        }
    }
    copied
}

/// What is due `now` of `feeds`, whose last runs began at `last`. A feed without a run is due: its
/// site waits for a first list.
pub fn agenda(feeds: &[FeedSpec], last: &BTreeMap<FeedId, Timestamp>, now: Timestamp) -> Agenda {
    let mut due = Vec::new();
    let mut next: Option<Timestamp> = None;
    for feed in feeds {
        let at = match last.get(&feed.feed) {
            None => Timestamp::UNIX_EPOCH,
            // A run in the future was recorded with a wrong clock. Its true time is unknown.
            Some(last) if instant::is_future(*last, now) => Timestamp::UNIX_EPOCH,
            Some(last) => match feed.schedule.next_after(&feed.mls, *last) {
                Some(at) => at,
                None => continue,
            },
        };
        if at <= now {
            due.push((at, feed));
        } else {
            next = Some(next.map_or(at, |next| next.min(at)));
        }
    }
    due.sort_by(|a, b| (a.0, &a.1.feed).cmp(&(b.0, &b.1.feed)));
    Agenda {
        due: due.into_iter().map(|(_, feed)| feed.clone()).collect(),
        next,
    }
}

/// A missing secret is looked for at this interval, in seconds.
const LOOK: i64 = 300;

/// When a secret is looked for next that was missing when a run failed: every five minutes from then on.
pub fn next_look(failed_at: Timestamp, now: Timestamp) -> Timestamp {
    let since = now.duration_since(instant::believed(failed_at, now));
    let left = LOOK - since.as_secs().rem_euclid(LOOK);
    now.saturating_add(SignedDuration::from_secs(left))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{AnyProvider, RegistryBuilder};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn registry() -> Registry {
        let mut builder = RegistryBuilder::new(&AnyProvider);
        for (name, extra) in [
            ("abor", r#","schedule":{"cron":"0 4 * * *"}"#),
            ("bolt", r#","schedule":{"cron":"0 3 * * 1-5"}"#),
            ("cold", r#","enabled":false"#),
        ] {
            let text = format!(
                r#"{{"mls":"{name}","provider":"reso","base_url":"https://x.example/odata","credential":"env:X"{extra}}}"#
            );
            builder.mls(&format!("mls/{name}.json"), text.as_bytes());
        }
        for client in ["acme", "zeta"] {
            let text = format!(
                r#"{{"client":"{client}","pairs":[
                    {{"mls":"abor","resource":"Property"}},
                    {{"mls":"bolt","resource":"Property"}},
                    {{"mls":"bolt","resource":"Member","enabled":false}},
                    {{"mls":"cold","resource":"Property"}}]}}"#
            );
            builder.client(&format!("clients/{client}.json"), text.as_bytes());
        }
        let (registry, findings) = builder.finish();
        assert_eq!(findings, []);
        registry
    }

    fn mlss(agenda: &Agenda) -> Vec<&str> {
        agenda.due.iter().map(|feed| feed.mls.as_str()).collect()
    }

    /// R16: two days ahead for a moment, and right again: the next two days are not skipped.
    #[test]
    fn a_run_from_the_future_is_none() {
        let feeds = feeds(&registry());
        let now = at("2026-11-21T12:00:00Z");
        for (last, is_due) in [
            ("2026-11-21T11:00:00Z", false),
            ("2026-11-21T12:05:00Z", false),
            ("2026-11-23T12:00:00Z", true),
            ("2036-11-21T12:00:00Z", true),
        ] {
            let last = feeds.iter().map(|f| (f.feed.clone(), at(last))).collect();
            let due = agenda(&feeds, &last, now).due;
            assert_eq!(due.len(), if is_due { feeds.len() } else { 0 }, "{last:?}");
        }
    }

    #[test]
    fn a_missing_secret_is_looked_for_every_five_minutes() {
        let failed = at("2026-11-21T04:00:10Z");
        for (now, next) in [
            ("2026-11-21T04:00:10Z", "2026-11-21T04:05:10Z"),
            ("2026-11-21T04:05:09Z", "2026-11-21T04:05:10Z"),
            ("2026-11-21T04:05:10Z", "2026-11-21T04:10:10Z"),
            ("2026-11-23T04:00:11Z", "2026-11-23T04:05:10Z"),
            // Noted by a clock far ahead.
            ("2025-11-21T04:00:00Z", "2025-11-21T04:05:00Z"),
        ] {
            assert_eq!(next_look(failed, at(now)), at(next), "{now}");
        }
    }

    #[test]
    fn a_replication_is_scanned_where_no_client_has_the_feed() {
        let mut registry = registry();
        for (name, extra) in [
            ("abor", r#","destinations":[]"#),
            ("bolt", r#","reconcile":false"#),
            ("cold", ""),
            ("off", r#","enabled":false"#),
        ] {
            let mls = if name == "off" { "abor" } else { name };
            let filter = if name == "off" {
                r#","filter":"City eq 'Austin'""#
            } else {
                ""
            };
            let text = format!(
                r#"{{"replication":"{name}","mls":"{mls}","resources":[
                    {{"resource":"Property"{filter}}},{{"resource":"Member"}}]{extra}}}"#
            );
            let file = format!("replications/{name}.json");
            let read = crate::registry::parse_replication(&file, text.as_bytes()).unwrap();
            registry.replications.insert(read.replication.clone(), read);
        }
        let copied: Vec<String> = copied(&registry)
            .iter()
            .map(|(replication, feed)| format!("{replication} {} {}", feed.mls, feed.resource))
            .collect();
        // A client has abor's Property; bolt's is not wanted, cold is disabled.
        assert_eq!(copied, ["abor abor Member"]);
    }

    #[test]
    fn a_feed_without_a_run_is_due_once() {
        let feeds = feeds(&registry());
        let agenda = agenda(&feeds, &BTreeMap::new(), at("2026-11-21T12:00:00Z"));
        assert_eq!(mlss(&agenda), ["abor", "bolt"]);
        assert_eq!(agenda.next, None);
    }

    #[test]
    fn what_was_missed_is_due_once_and_the_oldest_first() {
        let feeds = feeds(&registry());
        // 2026-11-20 is a Friday.
        let friday = at("2026-11-20T04:10:00Z");
        let last: BTreeMap<_, _> = feeds.iter().map(|f| (f.feed.clone(), friday)).collect();
        let soon = agenda(&feeds, &last, at("2026-11-20T05:00:00Z"));
        assert_eq!(
            (soon.due.len(), soon.next),
            (0, Some(at("2026-11-21T04:00:00Z")))
        );
        let saturday = agenda(&feeds, &last, at("2026-11-21T04:00:00Z"));
        assert_eq!(mlss(&saturday), ["abor"]);
        assert_eq!(saturday.next, Some(at("2026-11-23T03:00:00Z")));
        let a_week_later = agenda(&feeds, &last, at("2026-11-27T12:00:00Z"));
        assert_eq!(mlss(&a_week_later), ["abor", "bolt"]);
    }
}
