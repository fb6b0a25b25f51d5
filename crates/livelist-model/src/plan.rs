//! The plan of a day: which pairs are due, and when each may start. Both are pure functions, of the
//! registry and the date, and of the plan's size. `livelist-steps` sends the result to the queue.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, FeedId, MlsId, ResourceName, RunId};
use crate::registry::Registry;
use crate::run::{Copied, RunSpec};

/// A pair that is due: the body of a message on the pairs queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairDue {
    /// Version of this message's form.
    pub schema: u32,
    /// The day (UTC).
    #[schemars(with = "String")]
    pub date: jiff::civil::Date,
    /// The client.
    pub client: ClientId,
    /// The MLS.
    pub mls: MlsId,
    /// The resource.
    pub resource: ResourceName,
    /// The filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The feed that the pair sees; pairs of one feed share its run.
    pub feed: FeedId,
    /// The run: the day's, or another attempt that an operator asked for. A message that is delivered
    /// twice starts it once.
    pub run: RunId,
    /// Whether the feed's records are copied, so that its scan keeps when each listing was modified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stamps: bool,
}

impl PairDue {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// The message that asks for `run`, for a pair of `client`.
    pub fn of(client: ClientId, run: RunSpec) -> PairDue {
        PairDue {
            schema: Self::SCHEMA,
            date: run.date,
            client,
            mls: run.feed.mls,
            resource: run.feed.resource,
            filter: run.feed.filter,
            feed: run.feed.feed,
            run: run.run,
            stamps: run.feed.stamps,
        }
    }
}

/// Narrows a plan.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only this MLS.
    pub mls: Option<MlsId>,
    /// Only this client.
    pub client: Option<ClientId>,
}

/// What is due on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The pairs, by client and in the order of its document.
    pub due: Vec<PairDue>,
    /// Pairs left out because they, or their MLS, are disabled or not due on this day.
    pub not_due: u64,
}

/// The pairs of `registry` that are due on `date`.
pub fn plan(registry: &Registry, date: jiff::civil::Date, only: &Selection) -> Plan {
    let copied = Copied::of(registry);
    let mut plan = Plan::default();
    for client in registry.clients.values() {
        if only.client.as_ref().is_some_and(|c| *c != client.client) {
            continue;
        }
        for pair in &client.pairs {
            let Some(mls) = registry.mls.get(&pair.mls) else {
                continue;
            };
            if only.mls.as_ref().is_some_and(|m| *m != pair.mls) {
                continue;
            }
            if !pair.enabled || !mls.enabled || !mls.schedule.is_due(date) {
                plan.not_due += 1;
                continue;
            }
            let run = RunSpec::of(date, copied.feed(mls, pair));
            plan.due.push(PairDue::of(client.client.clone(), run));
        }
    }
    plan
}

/// A queue keeps a message back for so many seconds at most (SQS, `DelaySeconds`).
pub const LONGEST_DELAY: u64 = 900;

/// How long the `nth` of `all` pairs waits before it may start, so that `a_second` start in a second. A
/// plan that would take longer than [`LONGEST_DELAY`] is spread evenly over that time.
///
/// ```
/// use livelist_model::plan::delay;
///
/// let seconds = |nth, all| delay(nth, all, 20).as_secs();
/// assert_eq!([0, 19, 20, 9_999].map(|nth| seconds(nth, 10_000)), [0, 0, 1, 499]);
/// assert_eq!(seconds(99_999, 100_000), 900);
/// ```
pub fn delay(nth: usize, all: usize, a_second: u32) -> Duration {
    let fastest = (all as u64).div_ceil(LONGEST_DELAY + 1);
    let rate = u64::from(a_second).max(fastest).max(1);
    Duration::from_secs((nth as u64 / rate).min(LONGEST_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{AnyProvider, RegistryBuilder};

    fn registry() -> Registry {
        let mut builder = RegistryBuilder::new(&AnyProvider);
        for (name, extra) in [
            ("abor", ""),
            ("bolt", r#","schedule":"weekdays""#),
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
                    {{"mls":"bolt","resource":"Property","filter":" StandardStatus eq 'Active' "}},
                    {{"mls":"cold","resource":"Property"}},
                    {{"mls":"abor","resource":"Member","enabled":false}}]}}"#
            );
            builder.client(&format!("clients/{client}.json"), text.as_bytes());
        }
        let (registry, findings) = builder.finish();
        assert_eq!(findings, []);
        registry
    }

    #[test]
    fn disabled_and_undue_pairs_are_left_out() {
        let saturday = jiff::civil::date(2026, 11, 21);
        let planned = plan(&registry(), saturday, &Selection::default());
        assert_eq!((planned.due.len(), planned.not_due), (2, 6));
        let monday = jiff::civil::date(2026, 11, 23);
        let planned = plan(&registry(), monday, &Selection::default());
        assert_eq!((planned.due.len(), planned.not_due), (4, 4));
        assert_eq!(
            planned.due[1].filter.as_deref(),
            Some("StandardStatus eq 'Active'")
        );
    }

    #[test]
    fn pairs_of_one_feed_share_a_run() {
        let planned = plan(
            &registry(),
            jiff::civil::date(2026, 11, 23),
            &Selection::default(),
        );
        let runs: std::collections::BTreeSet<_> = planned.due.iter().map(|p| &p.run).collect();
        assert_eq!(runs.len(), 2);
    }

    #[test]
    fn a_plan_is_spread_evenly_and_never_beyond_the_longest_delay() {
        for (all, rate) in [
            (1, 20),
            (40, 20),
            (10_000, 20),
            (50_000, 20),
            (1_000_000, 1),
            (5, 0),
        ] {
            let delays: Vec<u64> = (0..all)
                .map(|nth| delay(nth, all, rate).as_secs())
                .collect();
            assert!(delays.is_sorted() && delays[0] == 0, "{all}");
            assert!(delays[all - 1] <= LONGEST_DELAY, "{all}");
            let most = delays.chunk_by(|a, b| a == b).map(<[u64]>::len).max();
            let allowed = (rate as usize).max(all.div_ceil(901)).max(1);
            assert_eq!(most, Some(allowed.min(all)), "{all} pairs, {rate} a second");
        }
    }

    #[test]
    fn a_selection_narrows() {
        let only = Selection {
            mls: Some("abor".parse().unwrap()),
            client: Some("zeta".parse().unwrap()),
        };
        let planned = plan(&registry(), jiff::civil::date(2026, 11, 23), &only);
        assert_eq!(planned.due.len(), 1);
    }
}
