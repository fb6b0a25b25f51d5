//! F2, F5, F6: scans that end too soon, answers that break, pages with holes.

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, MlsSpec, On, RequestKind};
use livelist_model::decision::HeldReason;
use livelist_steps::publish::Outcome;
use rstest::rstest;

use crate::naive;
use crate::world::{World, at_once, failed, held, published, result, unchanged};

fn without_count(spec: &mut MlsSpec) {
    spec.options.count = false;
}

/// F2: a page in the middle has no link to the next, although the count says more.
#[rstest]
#[tokio::test]
async fn a_missing_link_is_not_the_end(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 3)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::NoNextLink).after(pages)];
    let lost = naive::harm(&world, &rules).await.lost.len() as u64;
    assert_eq!(lost, 500 - 100 * pages);

    world.mls().sell(4);
    let before = world.head(&feed).await;
    let ended = world.day_under(&feed, &rules).await;
    match provider {
        // Keys are asked for behind the last one, and rows behind the last row: links do not matter.
        Trestle | MlsGrid => {
            assert_eq!(published(ended).removed, 4);
            world.assert_truth(&feed).await;
        }
        Reso | Bridge => {
            assert_eq!(held(ended), HeldReason::CountMismatch);
            assert_eq!(world.head(&feed).await, before);
        }
        other => panic!("{other:?} is not among the values"),
    }
    world.heals(&feed).await;
}

/// F2 once: the second scan finds the rest.
#[rstest]
#[tokio::test]
async fn one_missing_link_is_looked_at_again(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(true, false)] count: bool,
) {
    let (world, feed) = World::begun_with(provider, 600, 100, |s| s.options.count = count).await;
    let rules = [FaultRule::new(Fault::NoNextLink).after(2).times(1)];
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 300);
    world.mls().sell(4);
    world.mls().add(3);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!((output.added, output.removed), (3, 4));
    world.assert_truth(&feed).await;
}

/// F2 and F6 where nobody counts: each absent key is asked for, and the live ones stay.
#[rstest]
#[case::no_link(Fault::NoNextLink)]
#[case::half(Fault::HalfPage)]
#[tokio::test]
async fn without_a_count_every_absent_key_is_asked_for(
    #[case] fault: Fault,
    #[values(1, 4)] pages: u64,
) {
    let (world, feed) = World::begun_with(Reso, 600, 100, without_count).await;
    let rules = [FaultRule::new(fault).after(pages)];
    assert!(naive::harm(&world, &rules).await.lost.len() >= 100);
    let sold = world.mls().sell(6);
    let output = result(world.day_under(&feed, &rules).await);
    if output.outcome == Outcome::Published {
        assert_eq!(output.removed, 6);
        assert!(!world.published(&feed).await.contains(&sold[0]));
    }
    world.heals(&feed).await;
}

/// F6: every page is silently half full.
#[rstest]
#[tokio::test]
async fn half_full_pages_are_seen(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 4)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::HalfPage).after(pages)];
    let lost = naive::harm(&world, &rules).await.lost.len() as u64;
    assert_eq!(lost, 300 - 50 * pages);
    let before = world.head(&feed).await;
    let ended = world.day_under(&feed, &rules).await;
    if provider != MlsGrid {
        assert_eq!(held(ended), HeldReason::CountMismatch);
    } else if pages == 0 {
        // So many live ones are missing that the scan is none.
        assert_eq!(held(ended), HeldReason::RowsSkipped);
    } else {
        // Nobody counts, and each that is missing is found by its id.
        assert_eq!(unchanged(ended).confirmed, 110);
        world.assert_truth(&feed).await;
        return;
    }
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// F6 once, with a count that agrees (a replica that lags): asking by key brings the live ones back.
#[rstest]
#[tokio::test]
async fn hidden_rows_with_a_count_that_agrees_are_restored(
    #[values(Reso, Trestle, Bridge)] provider: Provider,
    #[values(3, 12, 40)] percent: u8,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [
        FaultRule::new(Fault::DenyPartial { percent }),
        FaultRule::new(Fault::DenyPartial { percent }).on(On::Count),
    ];
    assert!(naive::harm(&world, &rules).await.lost.len() > 5);
    world.mls().sell(7);
    let ended = world.day_under(&feed, &rules).await;
    if percent == 40 {
        // A scan that misses as much of what is there is no scan.
        assert_eq!(held(ended), HeldReason::RowsSkipped);
    } else {
        assert_eq!(published(ended).removed, 7);
        world.assert_truth(&feed).await;
    }
    world.heals(&feed).await;
}

/// F6 everywhere, also in the answers about single keys: half of what is there is never shown.
#[rstest]
#[tokio::test]
async fn half_full_answers_about_keys_confirm_nothing(
    #[values(true, false)] count: bool,
    #[values(Reso, Trestle, Bridge)] provider: Provider,
    #[values(1, 3)] percent: u8,
    #[values(1, 2, 4, 7)] seed: u64,
) {
    let (world, feed) = World::begun_with(provider, 204, 100, |spec| {
        spec.options.count = count;
        spec.seed = seed;
    })
    .await;
    // The last page alone: few keys are absent, so that the answers about them are short.
    let rules = [
        FaultRule::new(Fault::DenyPartial { percent }),
        FaultRule::new(Fault::DenyPartial { percent }).on(On::Count),
        FaultRule::new(Fault::HalfPage).on(On::Confirm),
    ];
    if naive::harm(&world, &rules).await.lost.is_empty() {
        return;
    }
    // Whatever becomes of it: `run_by` looks that no live key is lost.
    world.day_under(&feed, &rules).await;
    world.heals(&feed).await;
}

/// A count above what the pages show says that rows are missing; one below says nothing of the sort.
#[rstest]
#[case::fewer(-40)]
#[case::more(1)]
#[tokio::test]
async fn a_count_that_says_more_than_the_pages_holds(
    #[case] delta: i64,
    #[values(Reso, Trestle, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 300, 100).await;
    let rules = [FaultRule::new(Fault::WrongCount { delta }).on(On::Count)];
    let before = world.published(&feed).await;
    let output = result(world.day_under(&feed, &rules).await);
    let reason = (delta > 0).then_some(HeldReason::CountMismatch);
    assert_eq!(output.held_reason, reason);
    assert_eq!(world.published(&feed).await, before);
    world.heals(&feed).await;
}

/// F5: errors of the server and of the line that pass.
#[rstest]
#[case::s500(Fault::Status { code: 500 })]
#[case::s502(Fault::Status { code: 502 })]
#[case::s503(Fault::Status { code: 503 })]
#[case::s504(Fault::Status { code: 504 })]
#[case::reset(Fault::Reset)]
#[case::short(Fault::ShortContentLength)]
#[case::cut_json(Fault::TruncateJson)]
#[case::cut_gzip(Fault::GzipTruncated)]
#[tokio::test]
async fn errors_that_pass_cost_nothing(
    #[case] fault: Fault,
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 3)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(fault).after(pages).times(3)];
    let harm = naive::harm(&world, &rules).await;
    assert!(harm.stopped.is_some(), "who gives up loses the run");
    assert_eq!(
        harm.lost.len() as u64,
        600 - 100 * pages,
        "who does not, more"
    );

    world.mls().sell(4);
    world.mls().add(2);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!((output.added, output.removed), (2, 4));
    world.assert_truth(&feed).await;
}

/// F5 for good: the run fails with its name, and the list stays.
#[rstest]
#[case::s500(Fault::Status { code: 500 }, "ProviderUnavailable")]
#[case::s504(Fault::Status { code: 504 }, "ProviderUnavailable")]
#[case::cut_json(Fault::TruncateJson, "PageInvalid")]
#[case::cut_gzip(Fault::GzipTruncated, "PageInvalid")]
#[tokio::test]
async fn errors_that_stay_fail_the_run(
    #[case] fault: Fault,
    #[case] name: &str,
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(On::Page, On::Any)] on: On,
) {
    let (world, feed) = World::begun(provider, 300, 100).await;
    let rules = [FaultRule::new(fault).on(on).after(1)];
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    let before = world.head(&feed).await;
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(failure.name, name, "{failure:?}");
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// F5: 504 says that the question was too large; a smaller one is asked.
#[rstest]
#[tokio::test]
async fn a_gateway_timeout_asks_for_less(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 600).await;
    let rules = [FaultRule::new(Fault::Status { code: 504 }).times(3)];
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    world.mls().clear_log();
    world.mls().add(1);
    published(world.day_under(&feed, &rules).await);
    world.assert_truth(&feed).await;
    let mut sizes: Vec<u64> = world
        .mls()
        .log()
        .iter()
        .filter(|r| r.kind == RequestKind::Page)
        .take(3 + at_once(&feed))
        .map(|r| {
            let prefer = r
                .prefer
                .as_deref()
                .and_then(|p| p.split_once("maxpagesize="));
            let top = r.target.split_once("$top=");
            let size = prefer.or(top).unwrap().1;
            let digits = size.split(|c: char| !c.is_ascii_digit()).next().unwrap();
            digits.parse().unwrap()
        })
        .collect();
    // Pages that were asked for at the same time are as large.
    sizes.dedup();
    sizes.truncate(4);
    let halved = |w: &[u64]| w[1] == w[0] / 2;
    assert!(sizes.windows(2).all(halved), "{sizes:?}");
}
