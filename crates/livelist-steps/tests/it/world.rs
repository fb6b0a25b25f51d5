//! A small world: simulated MLSs, a store in memory, a clock that does not wait. Each day of it is
//! checked against rule zero: no listing that is live is ever reported as gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use livelist_mls::{Control, FaultRule, MlsSpec, Provider, Simulator};
use livelist_model::decision::HeldReason;
use livelist_model::delta::{Sign, read_delta};
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::record::{Failure, RunRecord};
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_reso::Dialects;
use livelist_reso::HttpTransport;
use livelist_reso::dialect::Dialect;
use livelist_steps::Env;
use livelist_steps::chain::{Ended, reconcile};
use livelist_steps::publish::{Outcome, Output};
use livelist_store::memory::{ManualClock, MemoryObjects, MemorySecrets};
use livelist_store::{Clock, Condition, ObjectsExt, Retention};

pub struct World {
    pub specs: Vec<MlsSpec>,
    pub simulator: Simulator,
    pub objects: Arc<MemoryObjects>,
    pub clock: Arc<ManualClock>,
    pub secrets: Arc<MemorySecrets>,
    pub env: Env,
}

fn env_of(
    objects: &Arc<MemoryObjects>,
    clock: &Arc<ManualClock>,
    secrets: &Arc<MemorySecrets>,
) -> Env {
    let transport = Arc::new(HttpTransport::new());
    Env {
        secrets: secrets.clone(),
        ..Env::in_memory(objects.clone(), clock.clone(), transport).unwrap()
    }
}

impl World {
    pub async fn of(specs: Vec<MlsSpec>) -> World {
        let objects = Arc::new(MemoryObjects::new());
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let secrets = Arc::new(MemorySecrets::default());
        for spec in &specs {
            let secret = spec.credential.members().to_string();
            secrets.set(format!("ssm:/{}", spec.mls).parse().unwrap(), secret);
        }
        let env = env_of(&objects, &clock, &secrets);
        let simulator = Simulator::start(specs.clone()).await.unwrap();
        World {
            specs,
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

    /// An MLS of `listings` in pages of `page`, published as it is.
    pub async fn begun(provider: Provider, listings: u64, page: u64) -> (World, FeedSpec) {
        World::begun_with(provider, listings, page, |_| {}).await
    }

    /// The same, with a spec that `change` changed.
    pub async fn begun_with(
        provider: Provider,
        listings: u64,
        page: u64,
        change: impl FnOnce(&mut MlsSpec),
    ) -> (World, FeedSpec) {
        let (world, feed) = World::unbegun(provider, listings, page, change).await;
        published(world.day(&feed).await);
        world.assert_truth(&feed).await;
        world.mls().clear_log();
        (world, feed)
    }

    /// An MLS that was never reconciled.
    pub async fn unbegun(
        provider: Provider,
        listings: u64,
        page: u64,
        change: impl FnOnce(&mut MlsSpec),
    ) -> (World, FeedSpec) {
        let mut spec = MlsSpec::new("abor", provider, listings);
        spec.page_limit = Some(page);
        change(&mut spec);
        let world = World::of(vec![spec]).await;
        let feed = world.feed("abor", provider, "", None);
        (world, feed)
    }

    /// Another process over the same store.
    pub fn env(&self) -> Env {
        env_of(&self.objects, &self.clock, &self.secrets)
    }

    pub fn mls(&self) -> Control {
        self.simulator.control(&self.specs[0].mls).unwrap()
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
        let spec = self.specs.iter().find(|spec| spec.mls == mls);
        let settings = spec.map_or_else(Default::default, MlsSpec::settings);
        let settings: String = settings
            .iter()
            .map(|(name, value)| format!(r#","{name}":{value}"#))
            .collect();
        let name = serde_json::to_value(provider).unwrap();
        let text = format!(
            r#"{{"mls":"{mls}","provider":{name},"base_url":"{}","credential":"ssm:/{mls}"{token_url}{settings}{extra}}}"#,
            self.simulator.base_url(mls)
        );
        let mls = parse_mls(&format!("mls/{mls}.json"), text.as_bytes(), &Dialects).unwrap();
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
        let ended = self.run_by(&self.env, feed, "test").await;
        self.next_day();
        ended
    }

    /// A day under `rules`, which end with it.
    pub async fn day_under(&self, feed: &FeedSpec, rules: &[FaultRule]) -> Ended {
        self.mls().set_faults(rules.to_vec());
        let ended = self.day(feed).await;
        self.mls().clear_faults();
        ended
    }

    pub fn next_day(&self) {
        self.clock.advance(Duration::from_secs(24 * 3_600));
    }

    /// Reconciles `feed` in `env` and checks what is published against rule zero.
    pub async fn run_by(&self, env: &Env, feed: &FeedSpec, owner: &str) -> Ended {
        let control = self.simulator.control(feed.mls.as_str()).unwrap();
        let before = (self.published_if_any(feed).await, control.live_keys());
        let ended = reconcile(env, self.run_of(feed), owner, &|_| {}).await;
        let after: BTreeSet<String> = self.published_if_any(feed).await.into_iter().collect();
        let live: BTreeSet<String> = control.live_keys().into_iter().collect();
        let through: BTreeSet<&String> = before.1.iter().filter(|k| live.contains(*k)).collect();
        let lost: Vec<&String> = before.0.iter().filter(|k| !after.contains(*k)).collect();
        let lost: Vec<_> = lost.into_iter().filter(|k| through.contains(k)).collect();
        assert!(
            lost.is_empty(),
            "live and reported as gone: {lost:?}; {ended:?}"
        );
        self.check_chain(feed).await;
        ended
    }

    async fn published_if_any(&self, feed: &FeedSpec) -> Vec<String> {
        match self.head(feed).await {
            Some(_) => self.published(feed).await,
            None => Vec::new(),
        }
    }

    /// The deltas lead from one version to the next, back to snapshots of the recorded size.
    pub async fn check_chain(&self, feed: &FeedSpec) {
        let Some(head) = self.head(feed).await else {
            return;
        };
        let mut keys: BTreeSet<String> = self.published(feed).await.into_iter().collect();
        let mut version = head.version;
        for (age, delta) in head.deltas.iter().enumerate() {
            assert_eq!(delta.to, version, "the chain has a hole");
            let (bytes, _) = self
                .objects
                .read(&delta.stored.object)
                .await
                .unwrap()
                .unwrap();
            let mut counts = (0, 0);
            read_delta(&bytes[..], |sign, key| {
                let key = String::from_utf8(key.to_vec()).unwrap();
                match sign {
                    Sign::Added => {
                        counts.0 += 1;
                        assert!(keys.remove(&key), "{key} was added and is not there");
                    }
                    Sign::Removed => {
                        counts.1 += 1;
                        assert!(keys.insert(key), "a removed key is there");
                    }
                }
            })
            .unwrap();
            assert_eq!(counts, (delta.added, delta.removed));
            if age == 0 {
                assert_eq!(Some(keys.len() as u64), head.previous_count);
            }
            version = delta.from.clone();
        }
    }

    /// What is published is what is live.
    pub async fn assert_truth(&self, feed: &FeedSpec) {
        let control = self.simulator.control(feed.mls.as_str()).unwrap();
        assert_eq!(self.published(feed).await, control.live_keys());
    }

    /// A day without faults after which the truth is published.
    pub async fn heals(&self, feed: &FeedSpec) {
        let ended = self.day(feed).await;
        let output = result(ended);
        let fine = [Outcome::Published, Outcome::Unchanged];
        assert!(fine.contains(&output.outcome), "{output:?}");
        self.assert_truth(feed).await;
    }

    pub async fn record(&self, feed: &FeedSpec, run: &RunSpec) -> RunRecord {
        let key = layout::run_record(&feed.feed, &run.run);
        self.objects.read_json(&key).await.unwrap().unwrap().0
    }

    /// A run of the feed, whose MLS the registry knows from here on as the feed has it.
    pub fn run_of(&self, feed: &FeedSpec) -> RunSpec {
        let (key, document) = (layout::mls(&feed.mls), feed.document());
        let keep = Retention::Keep;
        let written = self
            .objects
            .write_json(&key, &document, Condition::Always, keep);
        written
            .now_or_never()
            .expect("memory does not wait")
            .unwrap();
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

pub fn unchanged(ended: Ended) -> Output {
    let output = result(ended);
    assert_eq!(output.outcome, Outcome::Unchanged, "{output:?}");
    output
}

/// Why the result waits.
pub fn held(ended: Ended) -> HeldReason {
    let output = result(ended);
    assert_eq!(output.outcome, Outcome::Held, "{output:?}");
    output.held_reason.unwrap()
}

pub fn failed(ended: Ended) -> Failure {
    match ended {
        Ended::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// The rules of one fault, always.
pub fn always(fault: livelist_mls::Fault) -> Vec<FaultRule> {
    vec![FaultRule::new(fault)]
}

/// How many pages of `feed` are asked for at the same time.
pub fn at_once(feed: &FeedSpec) -> usize {
    Dialect::for_feed(feed).unwrap().pages_at_once(feed)
}
