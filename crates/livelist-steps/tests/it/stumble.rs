//! A failed page loses nothing that was read before: the task hands on, within limits; and every request
//! is counted, also those of failed tasks.

use std::collections::BTreeMap;

use livelist_mls::Provider::{self, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, On, RequestKind};
use livelist_steps::scan;
use rstest::rstest;

use crate::by_hand::Hand;
use crate::world::{World, failed, published};

/// A page is asked for so often before it counts as not to be had.
const ATTEMPTS: u64 = 6;

/// A page fails once and for all attempts of a task, after so many others.
fn down_after(pages: u64) -> Vec<FaultRule> {
    let down = FaultRule::new(Fault::Status { code: 500 });
    vec![down.after(pages).times(ATTEMPTS)]
}

/// Pages that were given, each with how often.
fn given(world: &World) -> BTreeMap<String, u64> {
    let mut given = BTreeMap::new();
    for request in world.mls().log() {
        if request.kind == RequestKind::Page && request.status == 200 {
            *given.entry(request.target).or_default() += 1;
        }
    }
    given
}

/// Requests for rows and counts that the MLS saw.
fn asked(world: &World) -> u64 {
    let log = world.mls().log();
    log.iter().filter(|r| r.kind != RequestKind::Token).count() as u64
}

#[rstest]
#[tokio::test]
async fn what_was_read_before_a_page_that_fails_is_not_read_again(
    #[values(Reso, Trestle)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 20).await;
    let one_by_one = world.feed("abor", provider, r#","pages_at_once":1"#, None);
    world.mls().set_faults(down_after(25));
    let hand = Hand::begin(&world.env, world.run_of(&one_by_one), "test").await;
    let first = scan::run(&world.env, hand.scan(None)).await.unwrap();
    assert_eq!((first.outcome, first.pages), (scan::Outcome::More, 25));
    let rest = hand.scan_whole(Some(first.progress)).await.unwrap();
    assert!(given(&world).values().all(|n| *n == 1), "no page twice");
    let compared = livelist_steps::compare::run(&world.env, hand.compare(&rest)).await;
    assert_eq!(compared.unwrap().absent, 0);
    drop(feed);
}

#[tokio::test]
async fn a_page_that_stays_away_fails_the_task_that_could_not_move() {
    let (world, feed) = World::begun(Reso, 600, 20).await;
    let down = FaultRule::new(Fault::Status { code: 500 });
    world.mls().set_faults(vec![down.after(25)]);
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let first = scan::run(&world.env, hand.scan(None)).await.unwrap();
    let stuck = scan::run(&world.env, hand.scan(Some(first.progress))).await;
    assert_eq!(stuck.unwrap_err().name(), "ProviderUnavailable");
    // A few pages are read again sooner than handed on.
    world.mls().set_faults(down_after(7));
    let early = scan::run(&world.env, hand.scan(None)).await;
    assert_eq!(early.unwrap_err().name(), "ProviderUnavailable");
}

#[tokio::test]
async fn a_run_hands_on_at_pages_that_fail_twelve_times_and_no_more() {
    let (world, feed) = World::begun(Reso, 600, 4).await;
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let mut progress = None;
    for nth in 1..=12 {
        world.mls().set_faults(down_after(10));
        let out = scan::run(&world.env, hand.scan(progress)).await.unwrap();
        assert_eq!((out.outcome, out.pages), (scan::Outcome::More, nth * 10));
        progress = Some(out.progress);
    }
    world.mls().set_faults(down_after(10));
    let last = scan::run(&world.env, hand.scan(progress)).await;
    assert_eq!(last.unwrap_err().name(), "ProviderUnavailable");
}

/// What the record tells is what the MLS saw, whether the run came to its end or failed.
#[rstest]
#[tokio::test]
async fn requests_of_tasks_that_failed_are_counted(
    #[values(true, false)] ends_well: bool,
    #[values(3, 25)] after: u64,
) {
    let (world, feed) = World::begun(Reso, 600, 20).await;
    world.mls().sell(3);
    world.mls().clear_log();
    let run = world.run_of(&feed);
    let rule = FaultRule::new(Fault::Status { code: 500 }).after(after);
    world.mls().set_faults(match ends_well {
        true => vec![rule.times(ATTEMPTS)],
        false => vec![rule],
    });
    let ended = world.day(&feed).await;
    match ends_well {
        true => drop(published(ended)),
        false => assert_eq!(failed(ended).name, "ProviderUnavailable"),
    }
    let told = world.record(&feed, &run).await.traffic;
    assert_eq!(told.requests, asked(&world));
}

/// Keys that were found by asking, before the run scanned once more for them, are told as well.
#[tokio::test]
async fn what_was_restored_before_a_second_scan_is_recorded() {
    let (world, feed) = World::begun(Reso, 600, 20).await;
    world.mls().sell(3);
    let run = world.run_of(&feed);
    let hidden = Fault::DenyPartial { percent: 3 };
    let rules = [Fault::clone(&hidden), hidden].map(FaultRule::new);
    let [pages, counts] = rules;
    // One scan of thirty pages is hit; the second sees all.
    let rules = [pages.times(30), counts.on(On::Count).times(2)];
    published(world.day_under(&feed, &rules).await);
    let record = world.record(&feed, &run).await;
    assert!(record.restored_before > 3, "{}", record.restored_before);
    let asked = record.confirmed.unwrap();
    assert_eq!((asked.asked, asked.restored), (3, 0));
    world.assert_truth(&feed).await;
}
