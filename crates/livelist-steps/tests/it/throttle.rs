//! F4: the provider asks to wait, in every form that providers use.

use std::collections::BTreeMap;
use std::time::Duration;

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, On, RequestKind, RetryAfter};
use rstest::rstest;

use crate::naive;
use crate::world::{World, at_once, published};

fn throttle(status: u16, retry_after: RetryAfter, seconds: u64) -> FaultRule {
    FaultRule::new(Fault::Throttle {
        status,
        retry_after,
        seconds,
    })
}

/// The pages that were given, and how often.
fn given(world: &World) -> BTreeMap<String, u64> {
    let mut given = BTreeMap::new();
    for request in world.mls().log() {
        if request.kind == RequestKind::Page && request.status == 200 {
            *given.entry(request.target).or_default() += 1;
        }
    }
    given
}

#[rstest]
#[case::silent(429, RetryAfter::None)]
#[case::seconds(429, RetryAfter::Seconds)]
#[case::body(429, RetryAfter::BodyKey)]
#[case::busy_seconds(503, RetryAfter::Seconds)]
#[case::busy_body(503, RetryAfter::BodyKey)]
#[tokio::test]
async fn a_throttle_is_waited_out_and_the_same_page_asked_for(
    #[case] status: u16,
    #[case] told: RetryAfter,
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(1, 700)] seconds: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [throttle(status, told, seconds).after(3).times(4)];
    let harm = naive::harm(&world, &rules).await;
    assert!(harm.stopped.is_some() && harm.lost.len() == 300);

    world.mls().add(1);
    world.mls().clear_log();
    let slept = world.clock.slept().len();
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!(output.added, 1);
    world.assert_truth(&feed).await;
    let waits = world.clock.slept()[slept..].to_vec();
    let wanted = match told {
        RetryAfter::None => match provider {
            MlsGrid => 300,
            _ => 60,
        },
        _ => seconds,
    };
    let waited = waits.iter().filter(|w| **w == Duration::from_secs(wanted));
    // What was asked for at the same time meets the same throttle, and is not waited for.
    let beside = at_once(&feed) - 1;
    assert!((4 - beside..=4).contains(&waited.count()), "{waits:?}");
    let most = if beside > 0 { 2 } else { 1 };
    assert!(given(&world).values().all(|n| *n <= most), "no page twice");
    let run = world.mls().struck()["throttle"];
    assert!(run >= 4);
}

/// An HTTP date is measured by our clock.
#[rstest]
#[tokio::test]
async fn a_date_is_waited_for(#[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider) {
    let (world, feed) = World::unbegun(provider, 300, 100, |_| {}).await;
    #[expect(clippy::disallowed_methods, reason = "the simulator tells real dates")]
    world.clock.set(jiff::Timestamp::now());
    let rules = [throttle(429, RetryAfter::HttpDate, 900).times(1)];
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    let slept = world.clock.slept().len();
    published(world.day_under(&feed, &rules).await);
    world.assert_truth(&feed).await;
    let longest = *world.clock.slept()[slept..].iter().max().unwrap();
    let told = Duration::from_secs(890)..=Duration::from_secs(901);
    assert!(told.contains(&longest), "{longest:?}");
}

/// AMPRE's header, for servers that the plain dialect speaks with.
#[tokio::test]
async fn a_vendors_header_is_read() {
    let (world, feed) = World::begun(Reso, 300, 100).await;
    let rules = [throttle(429, RetryAfter::VendorHeader, 123).times(1)];
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    world.mls().add(1);
    published(world.day_under(&feed, &rules).await);
    let waits = world.clock.slept();
    assert!(waits.contains(&Duration::from_secs(123)), "{waits:?}");
}

/// A wait of years is a mistake; the provider is asked again within the hour.
#[rstest]
#[tokio::test]
async fn a_wait_of_years_is_not_believed(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 300, 100).await;
    let rules = [FaultRule::new(Fault::RetryAfterHuge).times(3)];
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    world.mls().add(1);
    published(world.day_under(&feed, &rules).await);
    world.assert_truth(&feed).await;
    let waits = world.clock.slept();
    let hour = Duration::from_secs(3_600);
    let hours = waits.iter().filter(|w| **w == hour).count();
    assert!((4 - at_once(&feed)..=3).contains(&hours), "{waits:?}");
    assert!(waits.iter().all(|w| *w <= hour));
}

/// Throttles at counts, keys and tokens are waited out as well.
#[rstest]
#[tokio::test]
async fn every_kind_of_request_may_be_throttled(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(On::Token, On::Count, On::Confirm, On::Any)] on: On,
    #[values(2, 90)] seconds: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [throttle(429, RetryAfter::Seconds, seconds).on(on).times(5)];
    if on == On::Any {
        assert!(naive::harm(&world, &rules).await.stopped.is_some());
    }
    world.mls().sell(40);
    world.mls().add(1);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!((output.added, output.removed), (1, 40));
    world.assert_truth(&feed).await;
}

/// Throttled at every second request: each wait still brings the run on.
#[rstest]
#[tokio::test]
async fn a_run_moves_on_between_throttles(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules: Vec<FaultRule> = (0..200)
        .map(|n| {
            let rule = throttle(429, RetryAfter::Seconds, 600);
            rule.on(On::Any).after(2 * n + 1).times(1)
        })
        .collect();
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    world.mls().clear_log();
    world.mls().sell(40);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!(output.removed, 40);
    world.assert_truth(&feed).await;
    let requests = world.mls().log().len();
    assert!(requests < 80, "{requests} requests: it went in circles");
}
