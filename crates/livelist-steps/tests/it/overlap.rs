//! F10 and F15: concurrent runs. Two of one feed never damage the list, whichever is first; a credential
//! is used by one run at a time; and a broken MLS affects only itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, MlsSpec, On, RequestKind};
use livelist_model::RunId;
use livelist_model::registry::CredentialRef;
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_steps::chain::reconcile;
use livelist_steps::publish::Outcome;
use livelist_steps::{Env, acquire, compare, publish, scan};
use livelist_store::leases::ObjectLeases;
use livelist_store::{Clock, LeaseState, Leases, StoreError, SystemClock};
use rstest::rstest;

use crate::by_hand::Hand;
use crate::naive;
use crate::world::{World, failed, published, result, unchanged};

/// Leases that hold nobody off: clocks that disagree, at their worst.
struct NoLeases;

#[async_trait]
impl Leases for NoLeases {
    async fn acquire(
        &self,
        _: &CredentialRef,
        _: &str,
        _: Duration,
    ) -> Result<LeaseState, StoreError> {
        Ok(LeaseState::Held)
    }

    async fn release(&self, _: &CredentialRef, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

fn unleased(world: &World) -> Env {
    Env {
        leases: Arc::new(NoLeases),
        ..world.env()
    }
}

/// With the machine's clock: on one that does not wait, no lease lasts.
fn patient(world: &World) -> Env {
    let clock = Arc::new(SystemClock);
    let mut env = world.env();
    env.leases = Arc::new(ObjectLeases::new(world.objects.clone(), clock.clone()));
    env.clock = clock;
    env.limits.busy_wait = Duration::from_secs(1);
    env
}

fn on(world: &World, date: &str, feed: &FeedSpec) -> RunSpec {
    RunSpec {
        run: RunId::of(date.parse().unwrap(), &feed.feed),
        date: date.parse().unwrap(),
        ..world.run_of(feed)
    }
}

/// Goes on after another run came between decision and publication, as the chain does.
async fn publish_late(hand: &Hand<'_>, decided: crate::by_hand::Decided) -> publish::Output {
    let first = publish::run(hand.env, hand.publish(&decided))
        .await
        .unwrap();
    if first.outcome != Outcome::Stale {
        return first;
    }
    let progress = decided.progress;
    let compared = compare::run(hand.env, hand.compare(&progress))
        .await
        .unwrap();
    assert_eq!(
        compared.outcome,
        compare::Outcome::Scan,
        "what it saw is of no use"
    );
    let decided = hand.decide_from(Some(compared.progress)).await.unwrap();
    publish::run(hand.env, hand.publish(&decided))
        .await
        .unwrap()
}

/// A run that decided before another one published: the newer listings stay.
#[rstest]
#[tokio::test]
async fn a_late_publisher_does_not_remove_what_came_meanwhile(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 150).await;
    world.mls().sell(6);
    let read = naive::read(&world).await;
    let (slow, fast) = (unleased(&world), unleased(&world));
    let hand = Hand::begin(&slow, on(&world, "2026-11-22", &feed), "slow").await;
    let decided = hand.decide().await.unwrap();

    let new = world.mls().add(20);
    assert!(
        !new.iter().any(|key| read.keys.contains(key)),
        "an old list purges them"
    );
    let run = on(&world, "2026-11-23", &feed);
    let ended = reconcile(&fast, run, "fast", &|_| {}).await;
    assert_eq!(published(ended).added, 20);

    publish_late(&hand, decided).await;
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
}

/// A run that found listings gone, and a later one that found them again.
#[rstest]
#[tokio::test]
async fn a_late_publisher_does_not_remove_what_came_back(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 150).await;
    let sold = world.mls().sell(6);
    let read = naive::read(&world).await;
    let (slow, fast) = (unleased(&world), unleased(&world));
    let hand = Hand::begin(&slow, on(&world, "2026-11-22", &feed), "slow").await;
    let decided = hand.decide().await.unwrap();

    world.mls().relist(&sold);
    assert!(
        !sold.iter().any(|key| read.keys.contains(key)),
        "an old list purges them"
    );
    let run = on(&world, "2026-11-23", &feed);
    unchanged(reconcile(&fast, run, "fast", &|_| {}).await);

    let output = publish_late(&hand, decided).await;
    assert_eq!(output.removed, 0);
    world.assert_truth(&feed).await;
}

/// Two runs of one feed at once, really beside each other, while the MLS lives on.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_at_once_leave_one_sound_list(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 400, 60).await;
    for day in 1..=12 {
        world.mls().sell(6);
        world.mls().add(4);
        let churn = [
            FaultRule::new(Fault::AddDuringScan { n: 2 })
                .after(3)
                .times(2),
            FaultRule::new(Fault::SellDuringScan { n: 2 })
                .after(5)
                .times(2),
        ];
        world.mls().set_faults(churn.to_vec());
        let before = world.published(&feed).await;
        let (one, two) = (unleased(&world), unleased(&world));
        let dates = (format!("2026-12-{day:02}"), format!("2027-01-{day:02}"));
        let runs = (on(&world, &dates.0, &feed), on(&world, &dates.1, &feed));
        let (a, b) = tokio::join!(
            reconcile(&one, runs.0, "one", &|_| {}),
            reconcile(&two, runs.1, "two", &|_| {}),
        );
        let outcomes = (result(a).outcome, result(b).outcome);
        world.mls().clear_faults();
        let live = world.mls().live_keys();
        let now = world.published(&feed).await;
        let lost = before
            .iter()
            .filter(|k| live.contains(k) && !now.contains(k));
        assert_eq!(lost.count(), 0, "{outcomes:?}");
        world.check_chain(&feed).await;
    }
    world.heals(&feed).await;
}

/// The same run started twice: one publishes, the other finds it done.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_run_started_twice_is_published_once(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(true, false)] leased: bool,
) {
    let (world, feed) = World::begun(provider, 400, 60).await;
    for _ in 0..5 {
        world.mls().sell(6);
        let (one, two) = if leased {
            (world.env(), world.env())
        } else {
            (unleased(&world), unleased(&world))
        };
        let sequence = world.head(&feed).await.unwrap().sequence;
        let run = world.run_of(&feed);
        tokio::join!(
            reconcile(&one, run.clone(), "one", &|_| {}),
            reconcile(&two, run, "two", &|_| {}),
        );
        world.assert_truth(&feed).await;
        world.check_chain(&feed).await;
        assert_eq!(world.head(&feed).await.unwrap().sequence, sequence + 1);
        world.next_day();
    }
}

/// A run whose credential went to another stops at its next step, and the other finishes.
#[rstest]
#[tokio::test]
async fn a_lost_lease_stops_the_run(#[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    world.mls().sell(3);
    let mut slow = world.env();
    slow.limits.task_pages = Some(2);
    let hand = Hand::begin(&slow, world.run_of(&feed), "slow").await;
    let first = scan::run(&slow, hand.scan(None)).await.unwrap();
    assert_eq!(first.outcome, scan::Outcome::More);

    // It sleeps longer than its lease lasts.
    world.clock.advance(Duration::from_secs(30 * 60));
    let thief = Hand::begin(&world.env, world.run_of(&feed), "thief").await;
    let before = world.head(&feed).await;
    let error = scan::run(&slow, hand.scan(Some(first.progress.clone())))
        .await
        .unwrap_err();
    assert_eq!(error.name(), "LeaseLost");
    let error = compare::run(&slow, hand.compare(&first.progress))
        .await
        .unwrap_err();
    assert_eq!(error.name(), "LeaseLost");
    assert_eq!(world.head(&feed).await, before);

    let decided = thief.decide().await.unwrap();
    let error = publish::run(&slow, hand.publish(&decided))
        .await
        .unwrap_err();
    assert_eq!(error.name(), "LeaseLost");
    let output = publish::run(&world.env, thief.publish(&decided))
        .await
        .unwrap();
    assert_eq!((output.outcome, output.removed), (Outcome::Published, 3));
    world.assert_truth(&feed).await;
}

/// A credential in use is waited for, and taken when its holder has died.
#[rstest]
#[tokio::test]
async fn a_busy_credential_is_waited_for(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 300, 100).await;
    world.mls().sell(3);
    let holder = "somebody-else";
    let ttl = world.env.limits.lease_ttl;
    world
        .env
        .leases
        .acquire(&feed.credential, holder, ttl)
        .await
        .unwrap();
    let begun = world.clock.now();
    let mut waits = BTreeSet::new();
    for _ in 0..20 {
        let input = acquire::Input {
            run: world.run_of(&feed),
            owner: "test".to_owned(),
        };
        let asked = acquire::run(&world.env, input).await.unwrap();
        assert_eq!(asked.outcome, acquire::Outcome::Busy);
        waits.insert(asked.wait_seconds);
    }
    let usual = world.env.limits.busy_wait.as_secs();
    let around = usual / 2..=usual * 3 / 2;
    assert!(waits.iter().all(|w| around.contains(w)), "{waits:?}");
    assert!(waits.len() > 5, "they would all ask in step: {waits:?}");
    world.mls().clear_log();
    assert_eq!(
        published(world.run_by(&world.env, &feed, "test").await).removed,
        3
    );
    assert!(world.clock.now().duration_since(begun).as_secs() >= ttl.as_secs() as i64);
}

/// Two feeds of one credential at once: one after the other, so that no token ends another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_feeds_of_one_credential_take_turns() {
    let mut spec = MlsSpec::new("abor", Trestle, 300);
    spec.page_limit = Some(50);
    spec.options.tokens = livelist_mls::TokenReuse::Single;
    let world = World::of(vec![spec]).await;
    let active = "StandardStatus eq 'Active'";
    let all = world.feed("abor", Trestle, "", None);
    let some = world.feed("abor", Trestle, "", Some(active));
    let (first, second) = tokio::join!(naive::read(&world), naive::read(&world));
    let stopped = first.stopped.or(second.stopped);
    assert_eq!(
        stopped.as_deref(),
        Some("status 401"),
        "the second token ended the first"
    );
    world.mls().clear_log();
    let (one, two) = (patient(&world), patient(&world));
    let (a, b) = tokio::join!(
        reconcile(&one, world.run_of(&all), "one", &|_| {}),
        reconcile(&two, world.run_of(&some), "two", &|_| {}),
    );
    published(a);
    published(b);
    world.assert_truth(&all).await;
    let expected = world.mls().live_keys_matching(active).unwrap();
    assert_eq!(world.published(&some).await, expected);
    let refused = world.mls().log().iter().filter(|r| r.status == 401).count();
    assert_eq!(refused, 0, "nobody's token was ended in use");
    let tokens = world.mls().log();
    let tokens = tokens.iter().filter(|r| r.kind == RequestKind::Token);
    assert_eq!(tokens.count(), 2);
}

/// F15: of several MLSs one is broken; the others are published, and before it.
#[rstest]
#[case::dead(Fault::Status { code: 500 })]
#[case::not_pages(Fault::Html200)]
#[case::empty(Fault::EmptyList)]
#[case::revoked(Fault::Revoke)]
#[case::slow_and_dead(Fault::Slow { ms: 250 })]
#[tokio::test]
async fn one_bad_mls_is_its_own_trouble(
    #[case] fault: Fault,
    #[values(Reso, Trestle, MlsGrid, Bridge)] bad: Provider,
) {
    let all = [
        ("bad", bad),
        ("abor", Reso),
        ("mfr", MlsGrid),
        ("crmls", Trestle),
        ("stellar", Bridge),
    ];
    let specs = all.iter().map(|(name, provider)| {
        let mut spec = MlsSpec::new(*name, *provider, 300);
        spec.page_limit = Some(100);
        spec
    });
    let world = World::of(specs.collect()).await;
    let feeds: Vec<FeedSpec> = all
        .iter()
        .map(|(name, provider)| world.feed(name, *provider, "", None))
        .collect();
    for feed in &feeds {
        published(world.run_by(&world.env, feed, "test").await);
    }
    world.next_day();
    let slow = matches!(fault, Fault::Slow { .. });
    let rule = FaultRule::new(fault.clone());
    let rules = [if slow { rule.on(On::Any) } else { rule }];
    let harm = naive::harm(&world, &rules).await;
    assert!(slow || !harm.lost.is_empty());
    world.mls().revoke(false);
    for (name, _) in &all {
        world.simulator.control(name).unwrap().sell(5);
    }
    let order = Mutex::new(Vec::new());
    let runs = feeds.iter().map(|feed| {
        let order = &order;
        let world = &world;
        async move {
            let env = world.env();
            let ended = world.run_by(&env, feed, "test").await;
            order.lock().unwrap().push(feed.mls.as_str().to_owned());
            ended
        }
    });
    let mut ended = futures::future::join_all(runs).await;
    let of_bad = ended.remove(0);
    for (ended, feed) in ended.into_iter().zip(&feeds[1..]) {
        assert_eq!(published(ended).removed, 5);
        world.assert_truth(feed).await;
    }
    match fault {
        Fault::Slow { .. } => {
            assert_eq!(published(of_bad).removed, 5);
            let order = order.into_inner().unwrap();
            assert_eq!(order.last().map(String::as_str), Some("bad"), "{order:?}");
        }
        Fault::EmptyList => assert_eq!(result(of_bad).outcome, Outcome::Held),
        _ => assert!(!failed(of_bad).name.is_empty()),
    }
    world.mls().clear_faults();
    world.mls().revoke(false);
    world.next_day();
    world.heals(&feeds[0]).await;
}
