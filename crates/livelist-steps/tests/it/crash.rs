//! F10: the run dies at any write, is repeated, or is taken up by another. The head is absent or
//! complete at every moment, and the next run finishes with the truth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use livelist_mls::Fault;
use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_model::layout;
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_steps::chain::{Ended, reconcile};
use livelist_steps::publish::Outcome;
use livelist_steps::{Env, acquire, authorize, compare, confirm, publish, release, scan};
use livelist_store::leases::ObjectLeases;
use livelist_store::{
    Body, Clock, Condition, Listed, Object, Objects, ObjectsExt, Retention, StoreError,
};
use rstest::rstest;

use crate::by_hand::{Decided, Hand};
use crate::naive;
use crate::world::{World, always, failed, published};

/// How a write goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// The process dies before the write took effect.
    DiesBefore,
    /// It dies after the write took effect, without hearing of it.
    DiesAfter,
    /// The write fails once; the process lives on.
    FailsOnce,
    /// The write takes effect, and the answer is lost; the process lives on.
    LosesAnswer,
}

const WAYS: [Way; 4] = [
    Way::DiesBefore,
    Way::DiesAfter,
    Way::FailsOnce,
    Way::LosesAnswer,
];

/// Objects of which the n-th write goes wrong.
struct FailingObjects {
    inner: Arc<dyn Objects>,
    writes_left: AtomicI64,
    way: Way,
    dead: AtomicBool,
}

impl FailingObjects {
    fn new(inner: Arc<dyn Objects>, nth: i64, way: Way) -> Self {
        FailingObjects {
            inner,
            writes_left: AtomicI64::new(nth),
            way,
            dead: AtomicBool::new(false),
        }
    }

    fn has_struck(&self) -> bool {
        self.writes_left.load(Ordering::SeqCst) <= 0
    }

    fn lives(&self) -> Result<(), StoreError> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(broken());
        }
        Ok(())
    }

    async fn write<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.lives()?;
        if self.writes_left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return write.await;
        }
        if matches!(self.way, Way::DiesBefore | Way::DiesAfter) {
            self.dead.store(true, Ordering::SeqCst);
        }
        if matches!(self.way, Way::DiesAfter | Way::LosesAnswer) {
            let _ = write.await;
        }
        Err(broken())
    }
}

fn broken() -> StoreError {
    StoreError::unavailable("the store", "it was cut off")
}

#[async_trait]
impl Objects for FailingObjects {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.lives()?;
        self.inner.get(key).await
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        self.write(self.inner.put(key, body, condition, retention))
            .await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        self.write(self.inner.delete(key, condition)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.lives()?;
        self.inner.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.lives()?;
        self.inner.list_names(prefix).await
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        self.write(self.inner.retire(key)).await
    }
}

/// A run whose n-th write goes wrong; nothing if it came through without getting so far.
async fn crash(world: &World, feed: &FeedSpec, nth: i64, way: Way) -> Option<Ended> {
    let objects = Arc::new(FailingObjects::new(world.objects.clone(), nth, way));
    let env = Env {
        leases: Arc::new(ObjectLeases::new(objects.clone(), world.clock.clone())),
        objects: objects.clone(),
        ..world.env()
    };
    let ended = world.run_by(&env, feed, &format!("dying-{nth}")).await;
    objects.has_struck().then_some(ended)
}

/// A plain reconciler keeps its list as it reads: cut off, it has half of one.
async fn a_plain_one_loses(world: &World) {
    let rules = [livelist_mls::FaultRule::new(Fault::Reset).after(1)];
    assert!(!naive::harm(world, &rules).await.lost.is_empty());
    world.mls().clear_faults();
}

/// The first day: the head is absent or complete after every crash.
#[rstest]
#[tokio::test]
async fn a_first_run_may_die_at_any_write(#[values(0, 1, 2, 3)] way: usize) {
    let way = WAYS[way];
    for nth in 1..100 {
        let (world, feed) = World::unbegun(Reso, 120, 50, |_| {}).await;
        if nth == 1 {
            a_plain_one_loses(&world).await;
        }
        let crashed = crash(&world, &feed, nth, way).await;
        if world.head(&feed).await.is_some() {
            world.assert_truth(&feed).await;
        }
        let Some(_) = crashed else {
            assert!(nth > 8, "a run writes more than {nth} times");
            return;
        };
        // Another execution of the same run, and then the next day's.
        world.run_by(&world.env, &feed, "second").await;
        world.assert_truth(&feed).await;
        world.next_day();
        world.mls().sell(3);
        world.heals(&feed).await;
    }
    panic!("a run never came through");
}

/// Any other day: the head is the old one or the new one.
#[rstest]
#[tokio::test]
async fn a_run_may_die_at_any_write(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 1, 2, 3)] way: usize,
) {
    let way = WAYS[way];
    let (world, feed) = World::begun(provider, 600, 150).await;
    a_plain_one_loses(&world).await;
    for nth in 1..100 {
        let old = world.published(&feed).await;
        world.mls().sell(4);
        world.mls().add(3);
        let new = world.mls().live_keys();
        let crashed = crash(&world, &feed, nth, way).await;
        let now = world.published(&feed).await;
        assert!(now == old || now == new, "write {nth}: neither old nor new");
        let Some(ended) = crashed else {
            assert_eq!(now, new);
            assert!(nth > 8, "a run writes more than {nth} times");
            return;
        };
        if matches!(ended, Ended::Result(_) | Ended::Finished) {
            assert_eq!(now, new, "write {nth}: {ended:?}");
        }
        // The same run again: what died is finished, what was published stays so.
        world.run_by(&world.env, &feed, "second").await;
        assert_eq!(world.published(&feed).await, new);
        world.next_day();
    }
    panic!("a run never came through");
}

/// What was asked before would make a step wait, and hence be later.
async fn forget_requests(env: &Env, run: &RunSpec) {
    let account = layout::budget(&run.feed.credential);
    let always = Condition::Always;
    env.objects.delete(&account, always).await.unwrap();
}

/// Each step taken twice with one input says the same and leaves the same behind.
#[rstest]
#[tokio::test]
async fn every_step_may_be_repeated(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(true, false)] changes: bool,
) {
    let (world, feed) = World::begun(provider, 600, 150).await;
    if changes {
        world.mls().sell(40);
        world.mls().add(9);
    }
    let env = &world.env;
    let run = world.run_of(&feed);
    let hand = Hand::begin(env, run.clone(), "one").await;
    let again = acquire::run(env, hand.acquire()).await.unwrap();
    assert_eq!(again.outcome, acquire::Outcome::Acquired);
    let again = authorize::run(env, hand.authorize()).await.unwrap();
    assert_eq!(again.outcome, authorize::Outcome::Authorized);

    let mut progress = None;
    let compared = loop {
        let begun = world.clock.now();
        forget_requests(env, &run).await;
        let out = scan::run(env, hand.scan(progress.clone())).await.unwrap();
        let stored = world.objects.dump();
        world.clock.set(begun);
        forget_requests(env, &run).await;
        let twice = scan::run(env, hand.scan(progress.clone())).await.unwrap();
        assert_eq!((out.outcome, out.rows), (twice.outcome, twice.rows));
        if provider == Reso {
            // Bridge's links are made anew for each answer, and the progress names the last one. Who
            // asks for several pages at once may have asked for more than it used, and the second time
            // by the marks of the first.
            assert_eq!(out, twice);
        }
        let lists = |dump: BTreeMap<String, Vec<u8>>| {
            let same = dump.into_iter().filter(|(key, _)| key.ends_with(".gz"));
            same.collect::<BTreeMap<_, _>>()
        };
        assert!(
            lists(stored) == lists(world.objects.dump()),
            "the same lists"
        );

        let out = compare::run(env, hand.compare(&out.progress))
            .await
            .unwrap();
        if out.outcome == compare::Outcome::Scan {
            progress = Some(out.progress);
            continue;
        }
        let twice = compare::run(env, hand.compare(&out.progress))
            .await
            .unwrap();
        assert_eq!(out, twice);
        break out;
    };
    let mut decided = Decided {
        progress: compared.progress.clone(),
        comparison: compared.comparison.clone(),
        confirmation: None,
    };
    if compared.outcome == compare::Outcome::Confirm {
        let begun = world.clock.now();
        let input = hand.confirm(&compared.comparison, None);
        let out = confirm::run(env, input.clone()).await.unwrap();
        world.clock.set(begun);
        assert_eq!(confirm::run(env, input).await.unwrap(), out);
        assert_eq!(out.outcome, confirm::Outcome::Publish);
        decided.confirmation = Some(out.confirmation);
    }
    let out = publish::run(env, hand.publish(&decided)).await.unwrap();
    let head = world.head(&feed).await;
    let twice = publish::run(env, hand.publish(&decided)).await.unwrap();
    assert_eq!(out, twice);
    assert_eq!(world.head(&feed).await, head);
    let expected = if changes {
        Outcome::Published
    } else {
        Outcome::Unchanged
    };
    assert_eq!(out.outcome, expected);
    world.assert_truth(&feed).await;
    for _ in 0..2 {
        let input = release::Input {
            run: run.clone(),
            owner: "one".to_owned(),
            failure: None,
        };
        release::run(env, input).await.unwrap();
    }
    // Started once more, the run says that it is finished.
    let ended = reconcile(env, run, "two", &|_| {}).await;
    assert!(matches!(ended, Ended::Finished), "{ended:?}");
}

/// A run that failed is begun again on the same day, and publishes.
#[rstest]
#[tokio::test]
async fn a_failed_run_may_be_started_again(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 300, 100).await;
    world.mls().sell(5);
    let rules = always(Fault::Status { code: 500 });
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    assert_eq!(
        failed(world.run_by(&world.env, &feed, "one").await).name,
        "ProviderUnavailable"
    );
    world.mls().clear_faults();
    let output = published(world.run_by(&world.env, &feed, "two").await);
    assert_eq!(output.removed, 5);
    let ended = world.run_by(&world.env, &feed, "three").await;
    assert!(matches!(ended, Ended::Finished), "{ended:?}");
}

/// After an update: what another version had scanned is scanned again, whatever form it noted it in.
#[tokio::test]
async fn a_scan_that_another_version_began_is_begun_anew() {
    let (world, feed) = World::begun(Reso, 600, 100).await;
    let mut env = world.env();
    env.limits.task_pages = Some(2);
    let hand = Hand::begin(&env, world.run_of(&feed), "one").await;
    let out = scan::run(&env, hand.scan(None)).await.unwrap();
    assert_eq!(out.outcome, scan::Outcome::More);
    let read = env.objects.read_json::<serde_json::Value>(&out.progress);
    let (mut written, _) = read.await.unwrap().unwrap();
    written["scan"]["version"] = 1.into();
    written["scan"]["of_old"] = true.into();
    // Names of progress are made of its content, so an older one has another.
    let older = out.progress.replace("/scan-", "/scan-0");
    env.objects
        .write_json(&older, &written, Condition::Absent, Retention::Scratch)
        .await
        .unwrap();
    let again = scan::run(&env, hand.scan(Some(older))).await.unwrap();
    assert_eq!(again.pages, out.pages, "from the first page on");
    let decided = hand.decide_from(Some(again.progress)).await.unwrap();
    publish::run(&env, hand.publish(&decided)).await.unwrap();
    world.assert_truth(&feed).await;
}

/// A publisher that died once the head was written is repeated: what keys are asked for by is kept as well.
#[rstest]
#[tokio::test]
async fn a_repeated_publisher_keeps_the_ids(#[values(0, 7)] new: u64) {
    let (world, feed) = World::begun(MlsGrid, 600, 100).await;
    world.next_day();
    world.mls().add(new);
    let hand = Hand::begin(&world.env, world.run_of(&feed), "one").await;
    let decided = hand.decide().await.unwrap();
    publish::run(&world.env, hand.publish(&decided))
        .await
        .unwrap();
    let ids = layout::ids(&feed.feed);
    let (kept, _) = world.objects.read(&ids).await.unwrap().unwrap();
    world.objects.delete(&ids, Condition::Always).await.unwrap();
    publish::run(&world.env, hand.publish(&decided))
        .await
        .unwrap();
    let (again, _) = world.objects.read(&ids).await.unwrap().unwrap();
    assert_eq!(again, kept);
}
