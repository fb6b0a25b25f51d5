//! F1 and F3: answers that look like the end, or like nothing at all, and accounts that lost their
//! access. None of them is a sign that a listing is gone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use livelist_mls::Provider::{self, Bridge, MlsGrid, Realtyna, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, On};
use livelist_model::decision::HeldReason;
use livelist_model::registry::Counting;
use livelist_model::run::FeedSpec;
use livelist_steps::Env;
use rstest::rstest;

use crate::meddler::Meddler;
use crate::naive;
use crate::world::{World, always, failed, held, published, result};

/// F1: 200 and an empty list while everything is live.
#[rstest]
#[tokio::test]
async fn an_empty_list_is_held(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(true, false)] count_too: bool,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = if count_too {
        vec![FaultRule::new(Fault::EmptyList).on(On::Any)]
    } else {
        always(Fault::EmptyListCountKept)
    };
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 600);

    let before = world.head(&feed).await;
    let reason = held(world.day_under(&feed, &rules).await);
    let counts = !count_too && provider != MlsGrid;
    let expected = if counts {
        HeldReason::CountMismatch
    } else {
        HeldReason::EmptyScan
    };
    assert_eq!(reason, expected);
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// F1 in mid-scan: from some page on everything is empty.
#[rstest]
#[tokio::test]
async fn a_list_that_becomes_empty_on_the_way_is_not_believed(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(1, 3, 5)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::EmptyList).after(pages)];
    let lost = naive::harm(&world, &rules).await.lost.len() as u64;
    assert_eq!(lost, 600 - 100 * pages);

    let before = world.head(&feed).await;
    let reason = held(world.day_under(&feed, &rules).await);
    if provider != MlsGrid {
        assert_eq!(reason, HeldReason::CountMismatch);
    }
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// F1 once: the second look finds everything.
#[rstest]
#[tokio::test]
async fn one_empty_page_is_looked_at_again(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 2, 5)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::EmptyList).after(pages).times(1)];
    assert!(!naive::harm(&world, &rules).await.lost.is_empty());
    world.mls().sell(3);
    world.mls().add(2);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!((output.added, output.removed), (2, 3));
    world.assert_truth(&feed).await;
}

/// F1 at the same place in both scans of a run, where nobody counts: few enough to pass the guards.
#[tokio::test]
async fn the_same_empty_page_twice_is_not_believed() {
    let (world, feed) = World::begun(MlsGrid, 600, 100).await;
    let empty = |at| FaultRule::new(Fault::EmptyList).after(at).times(1);
    for rules in [
        vec![empty(5), empty(11)],
        vec![empty(5), empty(6), empty(7), empty(13)],
    ] {
        assert!(naive::harm(&world, &rules).await.lost.len() > 90);
        world.mls().sell(3);
        world.day_under(&feed, &rules).await;
        world.heals(&feed).await;
    }
}

/// Held behind `meddler`, and right again a day later.
async fn held_behind(world: &World, feed: &FeedSpec, meddler: Meddler, reason: HeldReason) {
    let env = Env {
        transport: Arc::new(meddler),
        ..world.env()
    };
    let ended = world.run_by(&env, feed, "test").await;
    assert_eq!(held(ended), reason);
    world.next_day();
    world.heals(feed).await;
}

/// A provider that shows nothing behind a certain row, always, although its links lead there.
#[tokio::test]
async fn rows_that_cannot_be_skipped_to_are_found() {
    let (world, mut feed) = World::begun(Realtyna, 600, 100).await;
    feed.count = Some(Counting::Never);
    let skip = |uri: &http::Uri| {
        let skip = uri.query()?.split_once("$skip=")?.1;
        skip.parse::<u64>().ok()
    };
    let blind = Meddler::new(move |uri| {
        let is_deep = skip(uri).is_some_and(|skip| skip >= 500);
        is_deep.then(|| r#"{"value":[]}"#.to_owned())
    });
    held_behind(&world, &feed, blind, HeldReason::RowsSkipped).await;
}

/// The same by timestamp: nothing is shown from a certain instant on.
#[tokio::test]
async fn an_instant_behind_which_nothing_shows_is_no_end() {
    let (world, feed) = World::begun(MlsGrid, 600, 100).await;
    let asked = Mutex::new(BTreeSet::new());
    let blind = Meddler::new(move |uri| {
        let from = uri.query()?.split_once("ModificationTimestamp%20ge%20")?.1;
        let from: jiff::Timestamp = from.split(['%', '&']).next()?.parse().ok()?;
        let mut asked = asked.lock().unwrap();
        asked.insert(from);
        let is_late = asked.range(..from).count() >= 4;
        is_late.then(|| r#"{"value":[]}"#.to_owned())
    });
    held_behind(&world, &feed, blind, HeldReason::EndUnproved).await;
}

/// F1 on the first day: an empty list would empty a site that has copies.
#[rstest]
#[tokio::test]
async fn a_first_scan_that_is_empty_is_held(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::unbegun(provider, 300, 100, |_| {}).await;
    let rules = [FaultRule::new(Fault::EmptyList).on(On::Any)];
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 300);
    let reason = held(world.day_under(&feed, &rules).await);
    assert_eq!(reason, HeldReason::EmptyFirstScan);
    assert_eq!(world.head(&feed).await, None);
    world.heals(&feed).await;
}

/// F3: 200 with what is no page, always: the run fails, and the list stays.
#[rstest]
#[tokio::test]
async fn what_is_no_page_fails_the_run(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(
        Fault::ErrorObject200,
        Fault::Html200,
        Fault::PlainText200,
        Fault::EmptyObject200,
        Fault::ValueNotArray
    )]
    fault: Fault,
    #[values(0, 3)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(fault).after(pages)];
    let lost = naive::harm(&world, &rules).await.lost.len() as u64;
    assert_eq!(lost, 600 - 100 * pages);

    let before = world.head(&feed).await;
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(failure.name, "PageInvalid");
    assert_eq!(failure.step.as_deref(), Some("scan"));
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// F3 a few times: the page is asked for again, and nothing is lost.
#[rstest]
#[tokio::test]
async fn what_is_no_page_is_asked_for_again(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(On::Page, On::Count, On::Confirm)] on: On,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let kinds = [
        Fault::ErrorObject200,
        Fault::Html200,
        Fault::EmptyObject200,
        Fault::ValueNotArray,
    ];
    let rules: Vec<FaultRule> = kinds
        .into_iter()
        .enumerate()
        .map(|(at, fault)| FaultRule::new(fault).on(on).after(at as u64).times(1))
        .collect();
    if on == On::Page {
        assert_eq!(naive::harm(&world, &rules).await.lost.len(), 600);
    }
    world.mls().sell(5);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!(output.removed, 5);
    world.assert_truth(&feed).await;
}

/// F3 where keys are asked for: not finding is no proof if the answer is no page.
#[rstest]
#[tokio::test]
async fn an_answer_about_keys_that_is_no_page_confirms_nothing(
    #[values(Reso, Trestle, Bridge)] provider: Provider,
    #[values(Fault::ErrorObject200, Fault::EmptyObject200, Fault::Html200)] fault: Fault,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    // A page that is lost in both scans and counted out makes live keys absent.
    let rules = [
        FaultRule::new(Fault::DenyPartial { percent: 10 }),
        FaultRule::new(Fault::DenyPartial { percent: 10 }).on(On::Count),
        FaultRule::new(fault).on(On::Confirm),
    ];
    assert!(!naive::harm(&world, &rules).await.lost.is_empty());
    let before = world.head(&feed).await;
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(
        (failure.name.as_str(), failure.step.as_deref()),
        ("PageInvalid", Some("confirm"))
    );
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// Losing access is not deletion.
#[rstest]
#[case::forbidden(Fault::Status { code: 403 }, "AccessDenied")]
#[case::not_found(Fault::Status { code: 404 }, "AccessDenied")]
#[case::gone(Fault::Status { code: 410 }, "AccessDenied")]
#[case::bad_request(Fault::Status { code: 400 }, "RequestRejected")]
#[case::unauthorized(Fault::Status { code: 401 }, "AuthorizationFailed")]
#[case::revoked(Fault::Revoke, "AuthorizationFailed")]
#[tokio::test]
async fn lost_access_is_not_deletion(
    #[case] fault: Fault,
    #[case] name: &str,
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 3)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(fault).after(pages)];
    let lost = naive::harm(&world, &rules).await.lost.len() as u64;
    assert_eq!(lost, 600 - 100 * pages);
    world.mls().revoke(false);

    let before = world.head(&feed).await;
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(failure.name, name);
    assert!(!failure.advice.is_empty());
    assert_eq!(world.head(&feed).await, before);
    world.mls().revoke(false);
    world.heals(&feed).await;
}

/// A part of the permissions goes: pages, counts and answers about keys agree that half of the
/// listings do not exist. Nobody but a person can tell.
#[rstest]
#[tokio::test]
async fn half_of_the_permissions_gone_is_held(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::DenyPartial { percent: 50 }).on(On::Any)];
    assert!(naive::harm(&world, &rules).await.lost.len() > 200);
    let before = world.head(&feed).await;
    let output = result(world.day_under(&feed, &rules).await);
    assert_eq!(output.held_reason, Some(HeldReason::MassRemoval));
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}
