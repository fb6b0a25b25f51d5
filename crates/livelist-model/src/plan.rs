//! The plan of a day: which pairs are due. It is a pure function of the registry and the date.
//! `livelist-steps` sends the result to the queue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, FeedId, MlsId, ResourceName, RunId};
use crate::registry::Registry;
use crate::run::{FeedSpec, RunSpec};

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
            let run = RunSpec::of(date, FeedSpec::resolve(mls, pair));
            plan.due.push(PairDue::of(client.client.clone(), run));
        }
    }
    plan
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
    fn a_selection_narrows() {
        let only = Selection {
            mls: Some("abor".parse().unwrap()),
            client: Some("zeta".parse().unwrap()),
        };
        let planned = plan(&registry(), jiff::civil::date(2026, 11, 23), &only);
        assert_eq!(planned.due.len(), 1);
    }
}
