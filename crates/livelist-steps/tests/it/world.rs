//! A small world: simulated MLSs, a store in memory, a clock that does not wait.

use std::sync::Arc;
use std::time::Duration;

use livelist_mls::{Control, Credential, MlsSpec, Provider, Simulator};
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_reso::HttpTransport;
use livelist_steps::authorize::TokenCache;
use livelist_steps::chain::{Ended, reconcile};
use livelist_steps::publish::{Outcome, Output};
use livelist_steps::{Env, Limits};
use livelist_store::leases::ObjectLeases;
use livelist_store::memory::{
    ManualClock, MemoryExecutions, MemoryObjects, MemoryQueue, MemorySecrets, SeededEntropy,
};
use livelist_store::sealer::ProcessSealer;
use livelist_store::{Objects, ObjectsExt};

pub struct World {
    pub simulator: Simulator,
    pub objects: Arc<MemoryObjects>,
    pub clock: Arc<ManualClock>,
    pub secrets: Arc<MemorySecrets>,
    pub env: Env,
}

/// What an MLS's registry document says besides the necessary.
pub type Extra = &'static str;

impl World {
    pub async fn of(specs: Vec<MlsSpec>) -> World {
        let objects = Arc::new(MemoryObjects::new());
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let secrets = Arc::new(MemorySecrets::default());
        for spec in &specs {
            let secret = match &spec.credential {
                Credential::ClientCredentials {
                    client_id,
                    client_secret,
                } => {
                    format!(r#"{{"client_id":"{client_id}","client_secret":"{client_secret}"}}"#)
                }
                Credential::Token(token) => format!(r#"{{"token":"{token}"}}"#),
            };
            secrets.set(format!("ssm:/{}", spec.mls).parse().unwrap(), secret);
        }
        let env = Env {
            objects: objects.clone(),
            leases: Arc::new(ObjectLeases::new(objects.clone(), clock.clone())),
            secrets: secrets.clone(),
            sealer: Arc::new(ProcessSealer::new().unwrap()),
            queue: Arc::new(MemoryQueue::default()),
            executions: Arc::new(MemoryExecutions::default()),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            transport: Arc::new(HttpTransport::new()),
            tokens: TokenCache::default(),
            limits: Limits::default(),
        };
        let simulator = Simulator::start(specs).await.unwrap();
        World {
            simulator,
            objects,
            clock,
            secrets,
            env,
        }
    }

    pub async fn one(provider: Provider, listings: u64) -> World {
        World::of(vec![MlsSpec::new("abor", provider, listings)]).await
    }

    pub fn mls(&self) -> Control {
        self.simulator.control("abor").unwrap()
    }

    /// The feed of the MLS `mls`, with `extra` members in its registry document.
    pub fn feed(
        &self,
        mls: &str,
        provider: Provider,
        extra: &str,
        filter: Option<&str>,
    ) -> FeedSpec {
        let token_url = self.simulator.token_url(mls);
        let token_url = if token_url.is_empty() {
            String::new()
        } else {
            format!(r#","token_url":"{token_url}""#)
        };
        let system = if provider == Provider::MlsGrid {
            format!(
                r#","originating_system":"{}""#,
                MlsSpec::new(mls, provider, 0).system()
            )
        } else {
            String::new()
        };
        let name = serde_json::to_value(provider).unwrap();
        let text = format!(
            r#"{{"mls":"{mls}","provider":{name},"base_url":"{}","credential":"ssm:/{mls}"{token_url}{system}{extra}}}"#,
            self.simulator.base_url(mls)
        );
        let mls = parse_mls(&format!("mls/{mls}.json"), text.as_bytes()).unwrap();
        let pair = Pair {
            mls: mls.mls.clone(),
            resource: "Property".parse().unwrap(),
            filter: filter.map(str::to_owned),
            enabled: true,
        };
        FeedSpec::resolve(&mls, &pair)
    }

    /// Reconciles `feed` on the clock's day, then lets a day pass.
    pub async fn day(&self, feed: &FeedSpec) -> Ended {
        let run = self.run_of(feed);
        let ended = reconcile(&self.env, run, "test", &|_| {}).await;
        self.clock.advance(Duration::from_secs(24 * 3_600));
        ended
    }

    pub fn run_of(&self, feed: &FeedSpec) -> RunSpec {
        use livelist_store::Clock;
        let date = self.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        RunSpec::of(date, feed.clone())
    }

    pub async fn head(&self, feed: &FeedSpec) -> Option<Head> {
        self.objects
            .read_json(&layout::head(&feed.feed))
            .await
            .unwrap()
            .map(|(head, _)| head)
    }

    /// The published keys.
    pub async fn published(&self, feed: &FeedSpec) -> Vec<String> {
        use std::io::Read;
        let head = self.head(feed).await.expect("a head");
        let bytes = self
            .objects
            .read(&head.full.object)
            .await
            .unwrap()
            .unwrap()
            .0;
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(livelist_model::codec::digest(text.as_bytes()), head.sha256);
        let keys: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(keys.len() as u64, head.count);
        assert!(keys.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()));
        keys
    }
}

pub fn result(ended: Ended) -> Output {
    match ended {
        Ended::Result(output) => output,
        other => panic!("{other:?}"),
    }
}

pub fn published(ended: Ended) -> Output {
    let output = result(ended);
    assert_eq!(output.outcome, Outcome::Published, "{output:?}");
    output
}
