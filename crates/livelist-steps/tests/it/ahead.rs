//! Prefetched pages: they overlap as far as settings and budgets allow, and the proofs do not depend on
//! which one is answered first.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::read::GzDecoder;
use livelist_mls::Control;
use livelist_mls::Provider::{self, Ampre, MlsGrid, Realtyna, Rmls, Trestle, UtahRealEstate};
use livelist_model::layout;
use livelist_model::run::FeedSpec;
use livelist_reso::{BodyStream, Transport, TransportError};
use livelist_steps::progress::Progress;
use livelist_store::{Condition, ObjectsExt, Retention};
use rstest::rstest;
use tokio::sync::watch;

use crate::by_hand::Hand;
use crate::world::{World, at_once, published};

/// Lets every second page out only after the one that was asked for after it has been answered, and
/// modifies listings in between.
struct Backwards {
    inner: Arc<dyn Transport>,
    mls: Control,
    touched: u64,
    asked: AtomicU64,
    answered: watch::Sender<u64>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Backwards {
    fn over(world: &mut World, touched: u64) -> Arc<Backwards> {
        let backwards = Arc::new(Backwards {
            inner: world.env.transport.clone(),
            mls: world.mls(),
            touched,
            asked: AtomicU64::new(0),
            answered: watch::Sender::new(0),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        world.env.transport = backwards.clone();
        backwards
    }
}

/// A request that nobody has answered or given up yet.
struct UnderWay<'a>(&'a AtomicUsize);

impl UnderWay<'_> {
    fn one(count: &AtomicUsize) -> UnderWay<'_> {
        count.fetch_add(1, Ordering::SeqCst);
        UnderWay(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Transport for Backwards {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        let query = request.uri().query().unwrap_or("");
        if !query.contains("$top=") || query.contains("$count=true") {
            return self.inner.send(request).await;
        }
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let under_way = UnderWay::one(&self.under_way);
        self.most
            .fetch_max(self.under_way.load(Ordering::SeqCst), Ordering::SeqCst);
        if number % 2 == 1 {
            let mut answered = self.answered.subscribe();
            let later = answered.wait_for(|last| *last > number);
            // The last one has none behind it.
            let _ = tokio::time::timeout(Duration::from_millis(100), later).await;
            if number < 20 {
                self.mls.touch(self.touched);
            }
        }
        let answer = self.inner.send(request).await;
        drop(under_way);
        self.answered.send_if_modified(|last| {
            let is_later = number > *last;
            *last = number.max(*last);
            is_later
        });
        answer
    }
}

/// As many pages as the settings say are under way at once, from the second day on where the first
/// had to find out where pages begin; and little is asked for that is not used.
#[rstest]
#[tokio::test]
async fn pages_overlap(
    #[values(Trestle, Rmls, UtahRealEstate, Ampre, Realtyna, MlsGrid)] provider: Provider,
    #[values(None, Some(1), Some(3))] pages_at_once: Option<u8>,
) {
    let (mut world, mut feed) = World::begun(provider, 2_000, 100).await;
    feed.pages_at_once = pages_at_once;
    let wanted = at_once(&feed);
    assert!(wanted > 1 || pages_at_once == Some(1));
    let backwards = Backwards::over(&mut world, 0);
    world.mls().sell(5);
    world.mls().add(5);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (5, 5));
    world.assert_truth(&feed).await;
    assert_eq!(backwards.most.load(Ordering::SeqCst), wanted);
    // 20 pages and the end; a twentieth is shown twice, by `$skip` a tenth, and there it is asked what has
    // changed.
    let asked = backwards.asked.load(Ordering::SeqCst) as usize;
    assert!(asked <= 26 + 2 * wanted, "{asked}");
}

/// No list without its pages in order: what one of them has passed, another one shows, whichever was
/// asked for first.
#[rstest]
#[tokio::test]
async fn a_listing_that_is_modified_meanwhile_is_on_one_of_the_pages(
    #[values(Trestle, Rmls, UtahRealEstate, Ampre, Realtyna, MlsGrid)] provider: Provider,
    #[values(1, 4, 40, 400)] touched: u64,
) {
    let (mut world, mut feed) = World::begun(provider, 600, 100).await;
    feed.pages_at_once = Some(8);
    let backwards = Backwards::over(&mut world, touched);
    let (progress, keys) = scanned(&world, &feed).await;
    assert!(backwards.most.load(Ordering::SeqCst) > 1);
    let live = BTreeSet::from_iter(world.mls().live_keys());
    let missed: Vec<_> = live.difference(&keys).collect();
    let doubt = progress.scan.evidence.doubt(keys.len() as u64);
    assert!(missed.is_empty() || doubt.is_some(), "missed {missed:?}");
    assert!(
        missed.is_empty() || provider == Realtyna,
        "an order has a place for each"
    );
}

/// A page that is empty because it was asked for too early is no end.
#[rstest]
#[tokio::test]
async fn an_end_that_was_asked_for_ahead_is_asked_for_again(
    #[values(Trestle, Rmls, UtahRealEstate, Ampre, MlsGrid)] provider: Provider,
) {
    let (mut world, mut feed) = World::begun(provider, 390, 100).await;
    let (progress, _) = scanned(&world, &feed).await;
    let mut marks = progress.scan.marks.places;
    assert_eq!(marks.len(), 4);
    // What stood behind the last row yesterday is gone: the page from there is empty.
    marks.push(progress.scan.cursor);
    let document = serde_json::json!({"schema": 1, "marks": marks});
    let key = layout::marks(&feed.feed);
    let written = world
        .objects
        .write_json(&key, &document, Condition::Always, Retention::Keep);
    written.await.unwrap();
    feed.pages_at_once = Some(8);
    let backwards = Backwards::over(&mut world, 20);
    let (progress, keys) = scanned(&world, &feed).await;
    assert!(backwards.most.load(Ordering::SeqCst) > 1);
    let live = BTreeSet::from_iter(world.mls().live_keys());
    let missed: Vec<_> = live.difference(&keys).collect();
    assert!(missed.is_empty(), "{missed:?}");
    assert_eq!(progress.scan.evidence.doubt(keys.len() as u64), None);
}

/// What one scan of the feed tells, and the keys that it read.
async fn scanned(world: &World, feed: &FeedSpec) -> (Progress, BTreeSet<String>) {
    let run = world.run_of(feed);
    let hand = Hand::begin(&world.env, run, "one").await;
    let progress = hand.scan_whole(None).await.unwrap();
    let read = world
        .objects
        .read_json::<Progress>(&progress)
        .await
        .unwrap();
    let progress = read.unwrap().0;
    let mut keys = BTreeSet::new();
    for part in &progress.parts {
        let (bytes, _) = world
            .objects
            .read(&part.list.object)
            .await
            .unwrap()
            .unwrap();
        let mut text = String::new();
        GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        keys.extend(text.lines().map(str::to_owned));
    }
    (progress, keys)
}
