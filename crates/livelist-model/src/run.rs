//! The specification of one run: what to scan and by which rules. It is the input of the state
//! machine's execution, and travels through every step. It is frozen when the run starts: a change of
//! the registry during the run has no effect, except on where secrets may be sent. It never holds a
//! secret.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::guards::Guards;
use crate::ids::{FeedId, MlsId, ResourceName, RunId};
use crate::registry::{
    AuthKind, Confirmation, Counting, CredentialRef, Limit, Mls, Pair, Provider, Registry, Schedule,
};

/// What one credential sees of one MLS through one filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedSpec {
    /// The feed's id.
    pub feed: FeedId,
    /// The MLS.
    pub mls: MlsId,
    /// Who serves the MLS.
    pub provider: Provider,
    /// How to authenticate; the state machine branches on it.
    pub auth: AuthKind,
    /// Where the API begins, without the resource.
    pub base_url: String,
    /// Where tokens come from; the dialect's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Reference to the secret.
    pub credential: CredentialRef,
    /// The RESO resource.
    pub resource: ResourceName,
    /// An OData filter that narrows the feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// `OriginatingSystemName`, where the provider asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub originating_system: Option<String>,
    /// The provider's dataset, where its URLs hold one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Rows a page; the dialect's largest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Pages that may be asked for at the same time; the dialect's number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages_at_once: Option<u8>,
    /// Requests that a scan may take although its count does not explain so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
    /// The field that identifies a row.
    pub key_field: String,
    /// Options that go with every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// How absent keys are confirmed; as the dialect has it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirmation>,
    /// Keys in one question about keys; the dialect's number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_keys: Option<u16>,
    /// Whether the server counts; as the dialect has it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Counting>,
    /// Request budgets besides the dialect's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// Hosts besides the base URL's that may receive the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_hosts: Vec<String>,
    /// When a result is not published without a person.
    pub guards: Guards,
    /// When the next run is to be expected.
    #[serde(default, skip_serializing_if = "Schedule::is_daily")]
    pub schedule: Schedule,
    /// Whether scans also keep when each listing was modified: its records are copied, and records that
    /// missed a change are found by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stamps: bool,
}

impl FeedSpec {
    /// The feed that `pair` sees of `mls`.
    pub fn resolve(mls: &Mls, pair: &Pair) -> FeedSpec {
        FeedSpec {
            feed: FeedId::of(
                &mls.mls,
                &pair.resource,
                mls.credential.as_str(),
                pair.filter.as_deref(),
            ),
            mls: mls.mls.clone(),
            provider: mls.provider.clone(),
            auth: mls.auth_kind(),
            base_url: mls.base_url.clone(),
            token_url: mls.token_url.clone(),
            credential: mls.credential.clone(),
            resource: pair.resource.clone(),
            filter: pair
                .filter
                .as_deref()
                .map(str::trim)
                .filter(|f| !f.is_empty())
                .map(str::to_owned),
            originating_system: mls.originating_system.clone(),
            dataset: mls.dataset.clone(),
            page_size: mls.page_size,
            pages_at_once: mls.pages_at_once,
            max_requests: mls.max_requests,
            key_field: mls.key_field.clone(),
            parameters: mls.parameters.clone(),
            confirm: mls.confirm,
            confirm_keys: mls.confirm_keys,
            count: mls.count,
            limits: mls.limits.clone(),
            allow_hosts: mls.allow_hosts.clone(),
            guards: mls.guards,
            schedule: mls.schedule.clone(),
            stamps: false,
        }
    }

    /// The document of an MLS that [`resolve`](FeedSpec::resolve) makes this feed of.
    pub fn document(&self) -> Mls {
        Mls {
            mls: self.mls.clone(),
            provider: self.provider.clone(),
            base_url: self.base_url.clone(),
            token_url: self.token_url.clone(),
            auth: Some(self.auth),
            credential: self.credential.clone(),
            originating_system: self.originating_system.clone(),
            dataset: self.dataset.clone(),
            page_size: self.page_size,
            pages_at_once: self.pages_at_once,
            max_requests: self.max_requests,
            key_field: self.key_field.clone(),
            parameters: self.parameters.clone(),
            confirm: self.confirm,
            confirm_keys: self.confirm_keys,
            count: self.count,
            limits: self.limits.clone(),
            allow_hosts: self.allow_hosts.clone(),
            guards: self.guards,
            schedule: self.schedule.clone(),
            enabled: true,
        }
    }

    /// The first member that says where secrets and questions go, and of whom the list is, in which this
    /// feed is not what `mls` says; nothing where it is. What else a document says may be edited while a run
    /// is under way.
    pub fn differs_from(&self, mls: &Mls) -> Option<&'static str> {
        let pair = Pair {
            mls: self.mls.clone(),
            resource: self.resource.clone(),
            filter: self.filter.clone(),
            enabled: true,
        };
        let known = FeedSpec::resolve(mls, &pair);
        let members = [
            ("mls", self.mls == known.mls),
            ("provider", self.provider == known.provider),
            ("auth", self.auth == known.auth),
            ("base_url", self.base_url == known.base_url),
            ("token_url", self.token_url == known.token_url),
            ("allow_hosts", self.allow_hosts == known.allow_hosts),
            ("credential", self.credential == known.credential),
            ("dataset", self.dataset == known.dataset),
            ("parameters", self.parameters == known.parameters),
            ("feed", self.feed == known.feed),
        ];
        let differs = members.into_iter().find(|(_, is_same)| !is_same);
        differs.map(|(name, _)| name)
    }
}

/// The feeds whose records are copied.
#[derive(Debug, Clone, Default)]
pub struct Copied(BTreeSet<FeedId>);

impl Copied {
    /// Those of the enabled replications.
    pub fn of(registry: &Registry) -> Copied {
        let enabled = registry.replications.values().filter(|r| r.enabled);
        let feeds = enabled.filter_map(|replication| {
            let mls = registry.mls.get(&replication.mls)?;
            let pairs = replication
                .resources
                .iter()
                .map(|of| Pair::of(&mls.mls, of));
            Some(pairs.map(|pair| FeedSpec::resolve(mls, &pair).feed))
        });
        Copied(feeds.flatten().collect())
    }

    /// The feed that `pair` sees of `mls`. Its scans keep stamps if its records are copied.
    pub fn feed(&self, mls: &Mls, pair: &Pair) -> FeedSpec {
        let feed = FeedSpec::resolve(mls, pair);
        let stamps = self.0.contains(&feed.feed);
        FeedSpec { stamps, ..feed }
    }
}

/// One run: the input of a state machine execution and of every step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Version of this document's form.
    pub schema: u32,
    /// The run's id.
    pub run: RunId,
    /// The day that is reconciled (UTC).
    #[schemars(with = "String")]
    pub date: jiff::civil::Date,
    /// What is scanned.
    pub feed: FeedSpec,
}

impl RunSpec {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// The run of `feed` on `date`.
    pub fn of(date: jiff::civil::Date, feed: FeedSpec) -> RunSpec {
        RunSpec {
            schema: Self::SCHEMA,
            run: RunId::of(date, &feed.feed),
            date,
            feed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run is compared with the registry by what this document resolves to: a member that it loses would
    /// refuse each run, or let a change pass.
    #[test]
    fn the_document_of_a_feed_resolves_to_the_feed() {
        let mls: Mls = serde_json::from_value(serde_json::json!({
            "mls": "north",
            "provider": "bridge",
            "base_url": "https://api.example.org/odata",
            "token_url": "https://id.example.org/token",
            "auth": "client_credentials",
            "credential": "env:NORTH",
            "originating_system": "north",
            "dataset": "north_data",
            "page_size": 100,
            "pages_at_once": 2,
            "max_requests": 5_000,
            "key_field": "ListingKeyNumeric",
            "parameters": {"view": "public"},
            "confirm": "second_scan",
            "confirm_keys": 20,
            "count": "never",
            "limits": [{"most": 100, "seconds": 60}],
            "allow_hosts": ["files.example.org"],
            "schedule": {"cron": "0 4 * * *"}
        }))
        .unwrap();
        let pair = Pair {
            mls: mls.mls.clone(),
            resource: "Property".parse().unwrap(),
            filter: Some("City eq 'Salem'".to_owned()),
            enabled: true,
        };
        let feed = FeedSpec::resolve(&mls, &pair);
        assert_eq!(feed.document(), mls);
        assert_eq!(FeedSpec::resolve(&feed.document(), &pair), feed);
        assert_eq!(feed.differs_from(&mls), None);
    }
}
