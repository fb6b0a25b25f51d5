//! Request budgets: they hold within a task, over the tasks of a run, over the runs of a day and
//! over processes; and the waiting is the machine's, not the task's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_reso::{BodyStream, Transport, TransportError};
use livelist_steps::scan;
use livelist_store::{Clock, ObjectsExt};
use rstest::rstest;

use crate::by_hand::Hand;
use crate::world::{World, published, result};

/// Notes when each request for rows was sent, by the world's clock.
struct Watched {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    sent: Mutex<Vec<jiff::Timestamp>>,
}

#[async_trait]
impl Transport for Watched {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        if request.method() == http::Method::GET {
            self.sent.lock().unwrap().push(self.clock.now());
        }
        self.inner.send(request).await
    }
}

impl Watched {
    fn over(world: &mut World) -> Arc<Watched> {
        let watched = Arc::new(Watched {
            inner: world.env.transport.clone(),
            clock: world.clock.clone(),
            sent: Mutex::default(),
        });
        world.env.transport = watched.clone();
        watched
    }

    /// The most requests in any window of so many seconds.
    fn most_in(&self, seconds: u64) -> usize {
        let sent = self.sent.lock().unwrap();
        let window = Duration::from_secs(seconds);
        let within = |from: usize| {
            let begin = sent[from];
            let inside = |at: &&jiff::Timestamp| {
                Duration::try_from(at.duration_since(begin)).unwrap() < window
            };
            sent[from..].iter().take_while(inside).count()
        };
        (0..sent.len()).map(within).max().unwrap_or(0)
    }
}

#[rstest]
#[tokio::test]
async fn a_budget_holds_over_the_tasks_of_a_run_and_the_runs_of_a_day(
    #[values(Reso, Trestle, Bridge)] provider: Provider,
) {
    let (mut world, _) = World::begun(provider, 600, 20).await;
    world.env.limits.task_pages = Some(7);
    let watched = Watched::over(&mut world);
    let extra = r#","limits":[{"most":12,"seconds":60},{"most":50,"seconds":3600}]"#;
    let feed = world.feed("abor", provider, extra, None);
    world.mls().sell(5);
    published(world.day(&feed).await);
    world.assert_truth(&feed).await;
    // The same feed once more within the hour, by another process.
    world.clock.set("2026-11-23T04:00:00Z".parse().unwrap());
    world.mls().sell(5);
    let mut other = world.env();
    other.transport = watched.clone();
    result(world.run_by(&other, &feed, "other").await);
    world.assert_truth(&feed).await;
    assert!(
        watched.sent.lock().unwrap().len() > 60,
        "there was something to limit"
    );
    assert!(watched.most_in(60) <= 12, "{}", watched.most_in(60));
    assert!(watched.most_in(3_600) <= 50, "{}", watched.most_in(3_600));
}

#[tokio::test]
async fn two_requests_a_second_are_spread_over_the_tasks_as_well() {
    let (mut world, feed) = World::begun(MlsGrid, 600, 20).await;
    world.env.limits.task_pages = Some(3);
    let watched = Watched::over(&mut world);
    world.mls().sell(5);
    published(world.day(&feed).await);
    assert!(watched.sent.lock().unwrap().len() > 30);
    assert!(watched.most_in(1) <= 2, "{}", watched.most_in(1));
}

#[tokio::test]
async fn bytes_are_counted() {
    let (mut world, _) = World::begun(Reso, 600, 20).await;
    let watched = Watched::over(&mut world);
    let page = 20 * 40;
    let extra = format!(
        r#","limits":[{{"most":{},"of":"bytes","seconds":600}}]"#,
        page * 5
    );
    let feed = world.feed("abor", Reso, &extra, None);
    world.mls().sell(5);
    published(world.day(&feed).await);
    assert!(watched.most_in(600) <= 10, "{}", watched.most_in(600));
}

/// A task that has spent the budget hands on, says how long to wait, and sleeps nothing itself.
#[tokio::test]
async fn the_machine_waits_for_the_budget_and_not_the_task() {
    let (world, _) = World::begun(Reso, 600, 20).await;
    let extra = r#","limits":[{"most":10,"seconds":600}]"#;
    let feed = world.feed("abor", Reso, extra, None);
    let hand = Hand::begin(&world.env, world.run_of(&feed), "one").await;
    let slept = world.clock.slept().len();
    let first = scan::run(&world.env, hand.scan(None)).await.unwrap();
    assert_eq!(first.outcome, scan::Outcome::Throttled);
    assert!((590..=601).contains(&first.wait_seconds), "{first:?}");
    assert_eq!(world.clock.slept().len(), slept);
    // Asked too early, it says how long is left.
    world.clock.advance(Duration::from_secs(100));
    let again = scan::run(&world.env, hand.scan(Some(first.progress.clone())))
        .await
        .unwrap();
    assert_eq!(
        (again.outcome, again.pages),
        (scan::Outcome::Throttled, first.pages)
    );
    assert!(again.wait_seconds < first.wait_seconds - 90, "{again:?}");
    world.clock.advance(Duration::from_secs(again.wait_seconds));
    let on = scan::run(&world.env, hand.scan(Some(again.progress)))
        .await
        .unwrap();
    assert!(on.pages > first.pages);
}

/// An account that is damaged is begun anew: no proof rests on it, and no run fails by it.
#[tokio::test]
async fn a_damaged_account_stops_nothing() {
    let (world, _) = World::begun(Trestle, 300, 50).await;
    let feed = world.feed("abor", Trestle, "", None);
    let key = livelist_model::layout::budget(&feed.credential);
    let always = livelist_store::Condition::Always;
    let keep = livelist_store::Retention::Keep;
    let put = livelist_store::Objects::put(
        &*world.objects,
        &key,
        b"{nonsense".to_vec().into(),
        always,
        keep,
    );
    put.await.unwrap();
    world.mls().sell(3);
    published(world.day(&feed).await);
    world.assert_truth(&feed).await;
    let (account, _) = world.objects.read(&key).await.unwrap().unwrap();
    let account: serde_json::Value = serde_json::from_slice(&account).unwrap();
    assert!(account["entries"].as_array().is_some_and(|e| !e.is_empty()));
}
