//! F7 and F14: many listings are gone at once. The result is held, looked at again, and then applied, or
//! applied because an operator approved it; it is never stuck.

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Spark, Trestle};
use livelist_mls::{Fault, FaultRule, On};
use livelist_model::decision::HeldReason;
use livelist_model::head::ConfirmedBy;
use livelist_model::record::RunState;
use livelist_model::run::RunSpec;
use livelist_steps::publish::{self, Outcome};
use rstest::rstest;

use crate::naive;
use crate::world::{World, always, held, published, result, unchanged};

/// What `livelist approve` does with a held run.
async fn approve(world: &World, run: &RunSpec) -> publish::Output {
    let record = world.record(&run.feed, run).await;
    assert_eq!(record.state, RunState::Held);
    let resume = record.resume.expect("what to publish");
    let input = publish::Input {
        run: run.clone(),
        owner: "operator".to_owned(),
        comparison: resume.comparison,
        confirmation: resume.confirmation,
        approved: true,
    };
    let output = publish::run(&world.env, input).await.unwrap();
    let release = livelist_steps::release::Input {
        run: run.clone(),
        owner: "operator".to_owned(),
        failure: None,
    };
    livelist_steps::release::run(&world.env, release)
        .await
        .unwrap();
    output
}

/// F7 where keys can be asked for: held on the first day, applied on the second.
#[rstest]
#[tokio::test]
async fn a_mass_removal_is_applied_when_it_is_seen_again(
    #[values(Reso, Trestle, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 1_000, 200).await;
    world.mls().sell(300);
    let read = naive::read(&world).await;
    assert_eq!(read.keys.len(), 700, "applied at once, and nobody looked");
    let before = world.head(&feed).await;
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    assert_eq!(world.head(&feed).await, before);
    world.mls().sell(5);
    let output = published(world.day(&feed).await);
    assert_eq!((output.removed, output.confirmed), (305, 305));
    world.assert_truth(&feed).await;
}

/// R14: the floor lets small lists pass on a normal day, and does not reach over the whole of one.
#[tokio::test]
async fn a_small_list_that_vanishes_is_a_mass_removal() {
    let (world, feed) = World::begun(Reso, 51, 20).await;
    let read = naive::read(&world).await;
    assert_eq!(read.keys.len(), 51);
    world.mls().sell(50);
    let before = world.head(&feed).await;
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    assert_eq!(world.head(&feed).await, before);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed, 50, "seen again on another day");
    world.assert_truth(&feed).await;
}

/// The second look has to be another day's.
#[tokio::test]
async fn the_same_day_is_no_second_look() {
    let (world, feed) = World::begun(Reso, 1_000, 200).await;
    world.mls().sell(300);
    for owner in ["one", "two", "three"] {
        let ended = world.run_by(&world.env, &feed, owner).await;
        assert_eq!(held(ended), HeldReason::MassRemoval);
    }
}

/// Others than those of the first day are held again.
#[tokio::test]
async fn other_removals_are_looked_at_anew() {
    let (world, feed) = World::begun(Reso, 1_000, 200).await;
    let sold = world.mls().sell(300);
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    world.mls().relist(&sold);
    world.mls().sell(300);
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed, 300);
    world.assert_truth(&feed).await;
}

/// F7 where keys cannot be asked for: held every day, until a person approves.
#[tokio::test]
async fn an_unconfirmed_mass_removal_waits_for_a_person() {
    let (world, feed) = World::begun(Spark, 1_000, 200).await;
    world.mls().sell(300);
    let before = world.head(&feed).await;
    let mut run = world.run_of(&feed);
    for _ in 0..3 {
        run = world.run_of(&feed);
        let reason = held(world.day(&feed).await);
        assert_eq!(reason, HeldReason::MassRemovalUnconfirmed);
        assert_eq!(world.head(&feed).await, before);
    }
    let output = approve(&world, &run).await;
    assert_eq!((output.outcome, output.removed), (Outcome::Published, 300));
    let head = world.head(&feed).await.unwrap();
    assert_eq!(head.deltas[0].confirmed, Some(ConfirmedBy::Operator));
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
    unchanged(world.day(&feed).await);
}

/// Approving twice, or what an operator approved while the run was repeated, publishes once.
#[tokio::test]
async fn an_approval_counts_once() {
    let (world, feed) = World::begun(Trestle, 1_000, 200).await;
    world.mls().sell(300);
    let run = world.run_of(&feed);
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    let record = world.record(&feed, &run).await;
    let first = approve(&world, &run).await;
    let resume = record.resume.unwrap();
    let input = publish::Input {
        run,
        owner: "operator".to_owned(),
        comparison: resume.comparison,
        confirmation: resume.confirmation,
        approved: true,
    };
    let second = publish::run(&world.env, input).await.unwrap();
    assert_eq!(first, second);
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
}

/// An approval of yesterday's result must not undo what was found alive since: the head was checked
/// by a later run.
#[rstest]
#[tokio::test]
async fn an_approval_that_was_overtaken_changes_nothing(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 1_000, 200).await;
    let rules = [FaultRule::new(Fault::DenyPartial { percent: 40 }).on(On::Any)];
    assert!(naive::harm(&world, &rules).await.lost.len() > 250);
    let run = world.run_of(&feed);
    held(world.day_under(&feed, &rules).await);
    unchanged(world.day(&feed).await);
    let output = approve(&world, &run).await;
    assert_eq!(output.outcome, Outcome::Stale);
    world.assert_truth(&feed).await;
}

/// The same when the later run is held as well: its look is the newer one.
#[rstest]
#[tokio::test]
async fn only_the_newest_held_run_can_be_approved(#[values(Trestle, MlsGrid)] provider: Provider) {
    let (world, feed) = World::begun(provider, 1_000, 200).await;
    let sold = world.mls().sell(300);
    let first = world.run_of(&feed);
    held(world.day(&feed).await);
    world.mls().relist(&sold);
    world.mls().sell(320);
    let second = world.run_of(&feed);
    held(world.day(&feed).await);
    assert_eq!(approve(&world, &first).await.outcome, Outcome::Stale);
    assert_eq!(approve(&world, &second).await.outcome, Outcome::Published);
    world.assert_truth(&feed).await;
}

/// Where the scan itself is not proved complete, nobody may approve.
#[tokio::test]
async fn an_unproved_scan_cannot_be_approved() {
    let (world, feed) = World::begun(Reso, 600, 100).await;
    let rules = always(Fault::NoNextLink);
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 500);
    let before = world.head(&feed).await;
    let run = world.run_of(&feed);
    let reason = held(world.day_under(&feed, &rules).await);
    assert_eq!(reason, HeldReason::CountMismatch);
    let output = approve(&world, &run).await;
    assert_eq!(output.outcome, Outcome::Held);
    assert_eq!(output.held_reason, Some(HeldReason::CountMismatch));
    assert_eq!(world.head(&feed).await, before);
}

/// A feed that is really empty can be approved; it is the operator's word.
#[rstest]
#[tokio::test]
async fn an_empty_feed_can_be_approved(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 60, 100).await;
    world.mls().sell(60);
    let run = world.run_of(&feed);
    assert_eq!(held(world.day(&feed).await), HeldReason::EmptyScan);
    let output = approve(&world, &run).await;
    assert_eq!((output.outcome, output.removed), (Outcome::Published, 60));
    unchanged(world.day(&feed).await);
    world.mls().add(9);
    assert_eq!(published(world.day(&feed).await).added, 9);
    world.assert_truth(&feed).await;
}

/// A small feed may lose as many as the floor says on one day, and is not held for it.
#[rstest]
#[case::at_the_floor(50, true)]
#[case::above(51, false)]
#[tokio::test]
async fn a_small_feed_has_a_floor(
    #[case] sold: u64,
    #[case] passes: bool,
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 110, 40).await;
    world.mls().sell(sold);
    let output = result(world.day(&feed).await);
    assert_eq!(output.outcome == Outcome::Published, passes, "{output:?}");
    if passes {
        world.assert_truth(&feed).await;
    }
}

/// F14: every key changes. Held, every day, until approved; then it is the new truth.
#[rstest]
#[tokio::test]
async fn new_keys_for_everything_are_held(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let former = world.mls().live_keys();
    world.mls().rekey_all();
    let read = naive::read(&world).await;
    let gone = former.iter().filter(|k| !read.keys.contains(*k)).count();
    assert_eq!(gone, 600, "delete all, add all");

    let before = world.head(&feed).await;
    let mut run = world.run_of(&feed);
    for _ in 0..2 {
        run = world.run_of(&feed);
        assert_eq!(held(world.day(&feed).await), HeldReason::KeysReplaced);
        assert_eq!(world.head(&feed).await, before);
    }
    let output = approve(&world, &run).await;
    assert_eq!((output.added, output.removed), (600, 600));
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
}

/// A feed that loses a little too little each day is held once it is much in seven days.
#[tokio::test]
async fn much_that_goes_little_by_little_is_a_mass_removal() {
    let (world, feed) = World::begun(Reso, 1_000, 200).await;
    for _ in 0..3 {
        world.mls().sell(100);
        assert_eq!(published(world.day(&feed).await).removed, 100);
    }
    world.mls().sell(100);
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    assert_eq!(published(world.day(&feed).await).removed, 100);
    world.assert_truth(&feed).await;
    // The days of the first ones are over.
    for _ in 0..7 {
        unchanged(world.day(&feed).await);
    }
    world.mls().sell(100);
    assert_eq!(published(world.day(&feed).await).removed, 100);
}

/// All keys that begin with the same letters go, and no other: a board that left, or a filter that lost
/// one. It waits for another day.
#[tokio::test]
async fn a_group_that_vanishes_is_a_mass_removal() {
    let (world, feed) = World::begun(Bridge, 1_000, 200).await;
    let keys = world.mls().live_keys();
    let group: Vec<String> = keys
        .into_iter()
        .filter(|key| key.starts_with('a') && key.as_bytes()[1].is_ascii_digit())
        .collect();
    assert!((10..100).contains(&group.len()), "{}", group.len());
    world.mls().sell_keys(&group[1..]);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed as usize, group.len() - 1, "not all of it");
    world.mls().relist(&group[1..]);
    // They came back, so a removal takes a day more; that is over in a week.
    for _ in 0..8 {
        world.day(&feed).await;
    }
    world.mls().sell_keys(&group);
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed as usize, group.len());
    world.assert_truth(&feed).await;
}

/// Removals that were confirmed and came back were none: for a week the feed's removals need a day more
/// than others.
#[rstest]
#[tokio::test]
async fn a_feed_whose_removals_come_back_has_to_prove_more(
    #[values((Reso, 1), (Spark, 2))] (provider, usual): (Provider, usize),
) {
    let (world, feed) = World::begun(provider, 1_000, 200).await;
    let removed_after = async |n: usize| {
        for days in 1..=n {
            let removed = result(world.day(&feed).await).removed;
            assert!(days == n || removed == 0, "{removed} after {days} days");
        }
        world.assert_truth(&feed).await;
    };
    let sold = world.mls().sell(40);
    removed_after(usual).await;
    world.mls().relist(&sold[..20]);
    assert_eq!(published(world.day(&feed).await).added, 20);
    world.mls().sell(5);
    removed_after(usual + 1).await;
    for _ in 0..8 {
        unchanged(world.day(&feed).await);
    }
    world.mls().sell(5);
    removed_after(usual).await;
}
