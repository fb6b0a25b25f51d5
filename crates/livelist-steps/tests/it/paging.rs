//! F8, F9, and the ways in which providers page: rows that come, go and move while a scan reads,
//! links in every form, and scans that are taken up again by another task.

use std::collections::BTreeMap;

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, MlsSpec, NextIn, On, Paging, RequestKind, Ties};
use livelist_model::decision::HeldReason;
use livelist_steps::publish::Outcome;
use livelist_steps::{Env, Limits};
use rstest::rstest;

use crate::naive;
use crate::world::{World, always, failed, published, result, unchanged};

/// F8: rows that were read are sold while the scan goes on; an offset then jumps over live ones.
#[rstest]
#[tokio::test]
async fn sales_during_a_scan_lose_no_live_listing(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(1, 7, 20)] n: u64,
    #[values(true, false)] count: bool,
) {
    let (world, feed) = World::begun_with(provider, 600, 100, |s| s.options.count = count).await;
    let rules = [FaultRule::new(Fault::SellDuringScan { n })
        .after(1)
        .times(3)];
    let harm = naive::harm(&world, &rules).await;
    // MLS Grid keeps what is gone as rows that cannot be seen, and Bridge goes on behind a row.
    if provider != Bridge {
        assert!(!harm.lost.is_empty(), "an offset jumps over live rows");
        assert_eq!(harm.stopped, None, "and nothing tells");
    }
    // Whatever is held or published: `run_by` looks that no live key is lost.
    let first = result(world.day_under(&feed, &rules).await);
    assert!(first.outcome != Outcome::Stale);
    world.heals(&feed).await;
}

/// F8 once, with counts that are even: as many come as go.
#[rstest]
#[tokio::test]
async fn even_counts_prove_nothing(#[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [
        FaultRule::new(Fault::SellDuringScan { n: 9 })
            .after(2)
            .times(1),
        FaultRule::new(Fault::AddDuringScan { n: 9 })
            .after(2)
            .times(1),
    ];
    let harm = naive::harm(&world, &rules).await;
    assert!(provider == Bridge || !harm.lost.is_empty());
    let output = result(world.day_under(&feed, &rules).await);
    assert_ne!(output.outcome, Outcome::Held);
    world.heals(&feed).await;
}

/// F8: a listing that is new today and was jumped over is found by the second scan.
#[tokio::test]
async fn new_listings_are_not_lost_where_old_ones_were() {
    let (world, feed) = World::begun(Reso, 600, 100).await;
    let new = world.mls().add(100);
    let rules = [FaultRule::new(Fault::SellDuringScan { n: 12 })
        .after(4)
        .times(1)];
    assert!(!naive::harm(&world, &rules).await.lost.is_empty());
    let output = published(world.day_under(&feed, &rules).await);
    assert!(output.added > 0);
    let published = world.published(&feed).await;
    let live = world.mls().live_keys();
    let missing = new
        .iter()
        .filter(|k| live.contains(k) && !published.contains(k));
    assert_eq!(missing.count(), 0);
    world.heals(&feed).await;
}

/// F8 on the first day, where no former key tells that live ones were jumped over.
#[rstest]
#[tokio::test]
async fn a_first_scan_loses_nothing_to_sales(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(true, false)] count: bool,
) {
    let (world, feed) = World::unbegun(provider, 600, 100, |s| s.options.count = count).await;
    let rules = [FaultRule::new(Fault::SellDuringScan { n: 9 })
        .after(2)
        .times(1)];
    let harm = naive::harm(&world, &rules).await;
    assert!(provider == Bridge || !harm.lost.is_empty());
    published(world.day_under(&feed, &rules).await);
    let published = world.published(&feed).await;
    let live = world.mls().live_keys();
    let missing = live.iter().filter(|k| !published.contains(k)).count();
    assert_eq!(missing, 0, "of {}", live.len());
}

/// F9: rows that come during the scan are not called gone by a list that cannot know them.
#[rstest]
#[tokio::test]
async fn rows_that_come_during_a_scan_are_not_purged(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(1, 3)] after: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    // A site hears of new listings by other ways, and purges what a list from before does not hold.
    let read = naive::read(&world).await;
    let new = world.mls().add(5);
    assert!(new.iter().all(|key| !read.keys.contains(key)));

    let rules = [FaultRule::new(Fault::AddDuringScan { n: 6 })
        .after(after)
        .times(2)];
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!(output.removed, 0);
    assert!(output.added >= 5);
    world.heals(&feed).await;
}

/// Rows that change while they are read move to the end of an order by time.
#[rstest]
#[tokio::test]
async fn rows_that_move_during_a_scan_are_not_lost(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(3, 40)] n: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::TouchDuringScan { n })
        .after(1)
        .times(3)];
    let harm = naive::harm(&world, &rules).await;
    assert_eq!(!harm.lost.is_empty(), provider == MlsGrid);
    let output = result(world.day_under(&feed, &rules).await);
    assert_eq!(output.removed, 0);
    world.mls().touch_all_same_timestamp();
    world.heals(&feed).await;
}

/// Rows that move, and rows that go, between any two requests of any scan: where keys cannot be asked
/// for, nothing but the way of reading keeps a live one from being called gone.
#[rstest]
#[tokio::test]
async fn rows_that_move_during_every_scan_are_not_lost(
    #[values(MlsGrid, Provider::Realtyna)] provider: Provider,
    #[values(1, 4)] touched: u64,
    #[values(0, 3)] sold: u64,
) {
    let (world, feed) = World::begun(provider, 600, 60).await;
    for _ in 0..4 {
        let mut rules = always(Fault::TouchDuringScan { n: touched });
        rules.push(FaultRule::new(Fault::SellDuringScan { n: sold }).times(3));
        let harm = naive::harm(&world, &rules).await;
        assert!(!harm.lost.is_empty());
        // `run_by` looks that no live key is lost.
        world.day_under(&feed, &rules).await;
    }
    world.heals(&feed).await;
}

/// Rows of one instant, in another order in each answer, and more of them than a page holds: they are on
/// the first list, and none is missed by the next.
#[rstest]
#[tokio::test]
async fn rows_of_one_instant_in_no_order_are_all_read(
    #[values(Ties::Changing, Ties::OfThePlace)] ties: Ties,
    #[values(150, 250, 600)] at_once: u64,
) {
    let (world, feed) = World::unbegun(MlsGrid, 600, 100, |spec| {
        spec.options.contrary.ties = ties;
    })
    .await;
    world.mls().touch_at_once(at_once);
    assert!(naive::harm(&world, &[]).await.lost.len() > 3);
    assert_eq!(published(world.day(&feed).await).added, 600);
    world.assert_truth(&feed).await;
    world.mls().touch_at_once(at_once);
    unchanged(world.day(&feed).await);
    world.mls().sell(9);
    world.mls().add(4);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (4, 9));
    world.assert_truth(&feed).await;
}

/// Where an MLS is asked by an id, a scan past which rows slipped is in doubt: what it did not show is asked
/// for on two days. So is what MLS Grid shows by `$skip`, where an instant could not be divided.
#[tokio::test]
async fn a_scan_that_was_none_confirms_nothing() {
    let (world, mut feed) = World::begun(MlsGrid, 600, 60).await;
    feed.pages_at_once = Some(1);
    world.mls().touch_at_once(300);
    let rules = [
        FaultRule::new(Fault::EmptyList).times(1),
        // The first part of the instant, in the second scan.
        FaultRule::new(Fault::EmptyList).after(8).times(1),
        FaultRule::new(Fault::TouchDuringScan { n: 9 })
            .after(13)
            .times(1),
    ];
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 600);
    world.mls().sell(3);
    unchanged(world.day_under(&feed, &rules).await);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed, 3);
    world.assert_truth(&feed).await;
}

/// A server that keeps no order repeats some rows and skips others, in every scan.
#[rstest]
#[tokio::test]
async fn a_server_without_an_order_loses_no_live_listing(#[values(true, false)] count: bool) {
    let (world, feed) = World::begun_with(Reso, 600, 40, |s| s.options.count = count).await;
    drop(feed);
    let mut spec = world.specs[0].clone();
    spec.options.unordered = true;
    let world = World::of(vec![spec]).await;
    let feed = world.feed("abor", Reso, "", None);
    let harm = naive::harm(&world, &[]).await;
    assert!(!harm.lost.is_empty() && harm.stopped.is_none());
    for _ in 0..5 {
        world.mls().sell(2);
        world.mls().add(1);
        world.day(&feed).await;
    }
}

fn options(paging: Paging) -> impl Fn(&mut MlsSpec) {
    move |spec| spec.options.paging = paging
}

/// Plain RESO servers page in many ways; each is followed to its end.
#[rstest]
#[case::skip(Box::new(options(Paging::NextSkip)) as Change)]
#[case::opaque(Box::new(options(Paging::NextOpaqueId)) as Change)]
#[case::skiptoken(Box::new(options(Paging::NextSkiptoken)) as Change)]
#[case::header(Box::new(options(Paging::LinkHeader)) as Change)]
#[case::relative(Box::new(options(Paging::RelativeLink)) as Change)]
#[case::top_is_total(Box::new(|s: &mut MlsSpec| s.options.top_is_total = true) as Change)]
#[case::no_count(Box::new(|s: &mut MlsSpec| s.options.count = false) as Change)]
#[case::text_count(Box::new(|s: &mut MlsSpec| s.options.count_as_string = true) as Change)]
#[tokio::test]
async fn plain_servers_page_in_many_ways(#[case] change: Change, #[values(3, 41, 300)] page: u64) {
    let (world, feed) = World::begun_with(Reso, 300, page, |spec| change(spec)).await;
    world.mls().sell(30);
    world.mls().add(11);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (11, 30));
    world.assert_truth(&feed).await;
    unchanged(world.day(&feed).await);
    let pages = world.mls().log();
    let pages = pages.iter().filter(|r| r.kind == RequestKind::Page);
    assert!(
        pages.clone().all(|r| !r.target.contains("%2524")),
        "sent byte for byte"
    );
    assert!(pages.count() as u64 >= 2 * 281 / page);
}

type Change = Box<dyn Fn(&mut MlsSpec)>;

/// Bridge names the next page in the body, in the header, or in both.
#[rstest]
#[tokio::test]
async fn bridge_names_the_next_page_twice_or_once(
    #[values(NextIn::Both, NextIn::Body, NextIn::Header)] next_in: NextIn,
) {
    let (world, feed) = World::begun_with(Bridge, 300, 40, |s| s.options.next_in = next_in).await;
    world.mls().sell(10);
    assert_eq!(published(world.day(&feed).await).removed, 10);
    world.assert_truth(&feed).await;
}

/// Ends, counts and rows in the odd forms that were seen.
#[rstest]
#[case::link_to_nothing(Fault::FullLastPageThenEmpty)]
#[case::rows_twice(Fault::DuplicateRows)]
#[case::count_as_text(Fault::CountAsString)]
#[tokio::test]
async fn odd_forms_are_understood(
    #[case] fault: Fault,
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(600, 555)] listings: u64,
    #[values(On::Page, On::Any)] on: On,
) {
    let (world, feed) = World::begun(provider, listings, 100).await;
    let rules = [FaultRule::new(fault).on(on)];
    world.mls().sell(12);
    world.mls().add(4);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!((output.added, output.removed), (4, 12));
    world.assert_truth(&feed).await;
}

/// `"@odata.nextLink": null` is the end where it stands on the last page.
#[rstest]
#[tokio::test]
async fn a_null_link_is_the_end_of_the_last_page(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 300, 100).await;
    let last = FaultRule::new(Fault::NextLinkNull).after(2);
    world.mls().add(4);
    if provider == Bridge || provider == Reso {
        // A fourth page for the new ones.
        world.day_under(&feed, &[last.clone().after(3)]).await;
    } else {
        world.day_under(&feed, &[last]).await;
    }
    world.assert_truth(&feed).await;
}

/// Rows without a key cannot be told from others: no page.
#[rstest]
#[tokio::test]
async fn rows_without_a_key_fail_the_run(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 300, 100).await;
    let rules = always(Fault::RowsWithoutKey);
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 102);
    let before = world.head(&feed).await;
    assert_eq!(
        failed(world.day_under(&feed, &rules).await).name,
        "PageInvalid"
    );
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// What a run published, whatever its tasks were cut to.
async fn bytes_with(provider: Provider, limits: Limits) -> (BTreeMap<String, Vec<u8>>, usize) {
    let (world, feed) = World::begun(provider, 600, 50).await;
    world.mls().sell(70);
    world.mls().add(30);
    let env = Env {
        limits,
        ..world.env()
    };
    let before = world.objects.dump();
    let ended = world.run_by(&env, &feed, "test").await;
    published(ended);
    world.assert_truth(&feed).await;
    let mut new = world.objects.dump();
    new.retain(|key, _| !before.contains_key(key));
    let parts = new.keys().filter(|key| key.contains("/part-")).count();
    new.retain(|key, _| key.contains("/snapshots/") || key.contains("/deltas/"));
    (new, parts)
}

/// A scan that is handed from task to task gives the same bytes, and so do many small parts.
#[rstest]
#[tokio::test]
async fn a_run_in_pieces_gives_the_same_bytes(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (whole, parts) = bytes_with(provider, Limits::default()).await;
    assert_eq!(whole.len(), 2, "a snapshot and a delta");
    assert!(parts <= 2);
    for pages in 1..=3 {
        let limits = Limits {
            task_pages: Some(pages),
            ..Limits::default()
        };
        let (pieces, parts) = bytes_with(provider, limits).await;
        assert_eq!(pieces, whole);
        assert!(parts >= 4);
    }
    let limits = Limits {
        part_bytes: 100,
        ..Limits::default()
    };
    let (pieces, parts) = bytes_with(provider, limits).await;
    assert_eq!(pieces, whole);
    assert!(parts >= 12, "{parts}");
}

/// Where nobody counts and links end too soon every day, the list stays sound, and it is told.
#[tokio::test]
async fn a_scan_that_ends_too_soon_every_day_is_told() {
    let (world, feed) = World::begun_with(Reso, 600, 100, |s| s.options.count = false).await;
    let rules = always(Fault::NoNextLink);
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 500);
    world.mls().add(10);
    let output = result(world.day_under(&feed, &rules).await);
    assert_eq!(output.held_reason, Some(HeldReason::EndUnproved));
    world.heals(&feed).await;
}
