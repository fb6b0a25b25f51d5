//! R16: this machine's clock is wrong. It is compared with other sources before anything is published, and
//! wrong times that were stored have no effect once it is right again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header;
use livelist_mls::{MlsSpec, Provider::Reso};
use livelist_model::decision::HeldReason;
use livelist_model::run::FeedSpec;
use livelist_reso::{BodyStream, HttpTransport, Transport, TransportError};
use livelist_steps::Env;
use livelist_store::Clock;
use livelist_store::memory::ManualClock;

use crate::world::{World, held, published, result, unchanged};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Servers whose clock is `truth`, plus what they are off.
struct Dated {
    inner: HttpTransport,
    truth: Arc<ManualClock>,
    off: Duration,
    /// Whether a cache stands between.
    aged: AtomicBool,
}

#[async_trait]
impl Transport for Dated {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        let mut answer = self.inner.send(request).await?;
        let date = (self.truth.now() + self.off).strftime("%a, %d %b %Y %H:%M:%S GMT");
        let headers = answer.headers_mut();
        headers.insert(header::DATE, date.to_string().parse().unwrap());
        if self.aged.load(Ordering::SeqCst) {
            headers.insert(header::AGE, "30".parse().unwrap());
        }
        Ok(answer)
    }
}

/// A world whose machine knows how much time has passed, and the true time.
struct Timed {
    world: World,
    feed: FeedSpec,
    truth: Arc<ManualClock>,
}

impl Timed {
    async fn begin() -> Timed {
        let (world, feed) = World::unbegun(Reso, 60, 20, |_| {}).await;
        let truth = Arc::new(ManualClock::at(world.clock.now()));
        world.clock.count_time();
        let mut timed = Timed { world, feed, truth };
        timed.restart();
        published(timed.day().await);
        timed
    }

    fn dated(&self, off: Duration) -> Dated {
        Dated {
            inner: HttpTransport::new(),
            truth: self.truth.clone(),
            off,
            aged: AtomicBool::new(false),
        }
    }

    /// Another process, which has heard nothing of the time yet.
    fn restart(&mut self) {
        self.world.env = Env {
            transport: Arc::new(self.dated(Duration::ZERO)),
            ..self.world.env()
        };
    }

    async fn day(&self) -> livelist_steps::chain::Ended {
        let ended = self.world.day(&self.feed).await;
        self.truth.advance(DAY);
        ended
    }

    /// The machine's clock is so much ahead.
    fn set_ahead(&self, by: Duration) {
        self.world.clock.set(self.truth.now() + by);
    }
}

#[tokio::test]
async fn a_clock_that_jumps_within_a_process_holds_until_it_is_right() {
    let timed = Timed::begin().await;
    let before = timed.world.head(&timed.feed).await;
    timed.set_ahead(2 * DAY);
    timed.world.mls().add(3);
    assert_eq!(held(timed.day().await), HeldReason::ClockWrong);
    assert_eq!(timed.world.head(&timed.feed).await, before);
    timed.set_ahead(Duration::ZERO);
    assert_eq!(published(timed.day().await).added, 3);
    timed.world.assert_truth(&timed.feed).await;
}

/// It was wrong before the process began: the feed's own history speaks beside the MLS, as often as
/// it takes.
#[tokio::test]
async fn a_clock_that_is_days_or_years_ahead_holds_where_the_history_does_not_explain_it() {
    for ahead in [2 * DAY, 3_650 * DAY] {
        let mut timed = Timed::begin().await;
        let before = timed.world.head(&timed.feed).await;
        for _ in 0..3 {
            timed.set_ahead(ahead);
            timed.restart();
            assert_eq!(held(timed.day().await), HeldReason::ClockWrong, "{ahead:?}");
        }
        assert_eq!(timed.world.head(&timed.feed).await, before);
        timed.set_ahead(Duration::ZERO);
        timed.restart();
        unchanged(timed.day().await);
    }
}

/// Behind the times of its own last run.
#[tokio::test]
async fn a_clock_that_is_days_behind_holds() {
    let mut timed = Timed::begin().await;
    let now = timed.truth.now();
    timed.world.clock.set(now - 5 * DAY);
    timed.restart();
    assert_eq!(held(timed.day().await), HeldReason::ClockWrong);
}

#[tokio::test]
async fn one_server_with_another_clock_blocks_nothing() {
    for off in [HOUR, 30 * DAY] {
        let mut timed = Timed::begin().await;
        timed.world.env.transport = Arc::new(timed.dated(off));
        timed.world.mls().sell(2);
        assert_eq!(published(timed.day().await).removed, 2, "{off:?}");
        // The machine was off for a week, which alone says nothing either.
        timed.truth.advance(7 * DAY);
        timed.world.clock.advance(7 * DAY);
        timed.restart();
        timed.world.env.transport = Arc::new(timed.dated(off));
        unchanged(timed.day().await);
    }
}

#[tokio::test]
async fn what_a_cache_says_of_the_time_does_not_count() {
    let timed = Timed::begin().await;
    let aged = timed.dated(Duration::ZERO);
    aged.aged.store(true, Ordering::SeqCst);
    let mut world = timed.world;
    world.env = Env {
        transport: Arc::new(aged),
        ..world.env()
    };
    world.clock.set(timed.truth.now() + HOUR);
    unchanged(world.day(&timed.feed).await);
}

/// Two MLSs of the day agree: what one of them could not hold alone is held by the second.
#[tokio::test]
async fn two_servers_that_agree_hold() {
    let specs = ["abor", "bolt"].map(|mls| MlsSpec::new(mls, Reso, 40));
    let mut world = World::of(specs.to_vec()).await;
    let truth = Arc::new(ManualClock::at(world.clock.now()));
    world.clock.count_time();
    world.clock.advance(HOUR / 2);
    world.env.transport = Arc::new(Dated {
        inner: HttpTransport::new(),
        truth: truth.clone(),
        off: Duration::ZERO,
        aged: AtomicBool::new(false),
    });
    let feeds = ["abor", "bolt"].map(|mls| world.feed(mls, Reso, "", None));
    published(world.run_by(&world.env, &feeds[0], "test").await);
    // What the same server says twice, it says once.
    published(world.run_by(&world.env, &feeds[1], "test").await);
    world.next_day();
    truth.advance(DAY);
    let mut feeds = feeds;
    feeds[1].base_url = feeds[1].base_url.replace("127.0.0.1", "localhost");
    unchanged(world.run_by(&world.env, &feeds[0], "test").await);
    let second = world.run_by(&world.env, &feeds[1], "test").await;
    assert_eq!(held(second), HeldReason::ClockWrong);
}

/// Published by a clock that nobody could hold against another, two days ahead. Then it is right
/// again: the list stays, its times become true at once.
#[tokio::test]
async fn a_head_from_the_future_gets_true_times_and_keeps_its_list() {
    let (world, feed) = World::unbegun(Reso, 60, 20, |_| {}).await;
    let now = world.clock.now();
    world.clock.set(now + 2 * DAY);
    published(world.run_by(&world.env, &feed, "test").await);
    world.mls().add(3);
    world.clock.set(now);
    let wrong = world.head(&feed).await.unwrap();
    assert!(wrong.is_stale(now), "nobody knows how old it is");
    let output = published(world.run_by(&world.env, &feed, "test").await);
    assert_eq!((output.added, output.removed, output.sequence), (3, 0, 2));
    world.next_day();

    // The same where nothing else changed.
    let now = world.clock.now();
    world.clock.set(now + 2 * DAY);
    unchanged(world.run_by(&world.env, &feed, "test").await);
    world.clock.set(now);
    let wrong = world.head(&feed).await.unwrap();
    assert!(wrong.is_stale(now));
    let output = result(world.run_by(&world.env, &feed, "test").await);
    let head = world.head(&feed).await.unwrap();
    assert_eq!((output.sequence, &head.sha256), (3, &wrong.sha256));
    assert!(head.as_of <= now && head.published_at <= world.clock.now());
    assert_ne!(head.version, wrong.version);
    assert!(!head.is_stale(now));
    world.clock.advance(5 * DAY);
    unchanged(world.run_by(&world.env, &feed, "test").await);
}
