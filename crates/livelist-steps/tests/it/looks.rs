//! When a key is gone: it was listed, and its removal was confirmed by asking for it or by a later look.
//! Two scans at one moment are one look; a doubtful scan is none; a key that was seen is live.

use std::collections::BTreeMap;
use std::sync::Arc;

use livelist_mls::Provider::{self, Bridge, Crea, MlsGrid, Reso, Spark, Trestle};
use livelist_mls::{Fault, FaultRule, On};
use livelist_model::decision::HeldReason;
use livelist_model::gone::{GoneReader, Proof, Since};
use livelist_model::head::ConfirmedBy;
use livelist_model::layout;
use livelist_model::run::FeedSpec;
use livelist_model::waiting::Waiting;
use livelist_steps::publish::Outcome;
use livelist_store::ObjectsExt;
use rstest::rstest;

use crate::world::{World, failed, held, published, result, unchanged};

/// The record of what is gone that the head points at.
async fn gone(world: &World, feed: &FeedSpec) -> BTreeMap<String, Since> {
    let head = world.head(feed).await.expect("a head");
    let Some(record) = head.gone else {
        return BTreeMap::new();
    };
    let read = world.objects.read(&record.stored.object).await.unwrap();
    let bytes = read.unwrap().0;
    let mut reader = GoneReader::new(&bytes[..], Some(record.summary));
    let mut gone = BTreeMap::new();
    while reader.advance().unwrap() {
        let key = String::from_utf8(reader.key().to_vec()).unwrap();
        gone.insert(key, reader.since());
    }
    gone
}

/// How many keys wait for another look.
async fn waiting(world: &World, feed: &FeedSpec) -> usize {
    let key = layout::waiting(&feed.feed);
    let waiting = world.objects.read_json::<Waiting>(&key).await.unwrap();
    waiting.map_or(0, |(waiting, _)| {
        waiting.looks.iter().map(|look| look.keys.len()).sum()
    })
}

/// Where nobody can be asked, what is sold stays for a day, and what is new is listed at once.
#[tokio::test]
async fn a_later_look_makes_a_key_gone() {
    let (world, feed) = World::begun(Spark, 600, 100).await;
    let sold = world.mls().sell(20);
    world.mls().add(7);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (7, 0));
    assert_eq!(waiting(&world, &feed).await, 20);
    assert!(gone(&world, &feed).await.is_empty());

    let later = world.mls().sell(3);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (0, 20));
    let head = world.head(&feed).await.unwrap();
    assert_eq!(head.deltas[0].confirmed, Some(ConfirmedBy::Scans));
    let record = gone(&world, &feed).await;
    assert_eq!(record.len(), 20);
    for key in &sold {
        assert_eq!(record[key].proof, Proof::Scans);
        assert!(record[key].second <= head.published_at.as_second());
    }
    assert_eq!(waiting(&world, &feed).await, 3 + 20, "until the next look");

    published(world.day(&feed).await);
    world.assert_truth(&feed).await;
    assert!(later.iter().all(|key| !record.contains_key(key)));
    assert_eq!(gone(&world, &feed).await.len(), 23);
    // Listed again, it is not gone any more.
    world.mls().relist(&sold[..2]);
    published(world.day(&feed).await);
    assert_eq!(gone(&world, &feed).await.len(), 21);
    world.assert_truth(&feed).await;
}

/// Two runs of one day, or of one night around midnight, are one look.
#[tokio::test]
async fn two_looks_of_a_night_are_one() {
    let (world, feed) = World::begun(Spark, 600, 100).await;
    world.mls().sell(20);
    let hours = |n: u64| std::time::Duration::from_secs(n * 3_600);
    world.clock.advance(hours(16));
    for _ in 0..2 {
        let output = result(world.run_by(&world.env, &feed, "test").await);
        assert_eq!((output.outcome, output.removed), (Outcome::Unchanged, 0));
        world.clock.advance(hours(8));
    }
    // 20:00, 04:00 of the next day, and 04:00 of the one after it.
    world.clock.advance(hours(16));
    let output = published(world.run_by(&world.env, &feed, "test").await);
    assert_eq!(output.removed, 20);
}

/// R3: a list that is being rebuilt for a run, or a cached half: all of it is there on the day before
/// and on the day after.
#[rstest]
#[tokio::test]
async fn what_a_run_does_not_show_is_not_gone(#[values(Spark, Crea)] provider: Provider) {
    let (world, feed) = World::begun(provider, 1_000, 1_000).await;
    let rebuilding = FaultRule::new(Fault::Rebuilding {
        percent: 15,
        salt: 3,
    });
    let ended = result(world.day_under(&feed, &[rebuilding]).await);
    assert_eq!(ended.removed, 0, "{ended:?}");
    unchanged(world.day(&feed).await);
    unchanged(world.day(&feed).await);
    world.assert_truth(&feed).await;
    assert!(gone(&world, &feed).await.is_empty());
}

/// F42: another random part is hidden each day. Chance alone hides some keys twice.
#[tokio::test]
async fn looks_have_to_agree_as_a_whole() {
    let (world, feed) = World::begun(Spark, 1_000, 1_000).await;
    let mut sold = world.mls().sell(5);
    for salt in 1..=6 {
        let rebuilding = FaultRule::new(Fault::Rebuilding { percent: 15, salt }).on(On::Any);
        let ended = result(world.day_under(&feed, &[rebuilding]).await);
        assert_eq!(ended.removed, 0, "day {salt}: {ended:?}");
    }
    sold.extend(world.mls().sell(2));
    for _ in 0..3 {
        world.day(&feed).await;
    }
    world.assert_truth(&feed).await;
    assert_eq!(gone(&world, &feed).await.len(), sold.len());
}

/// A key that any page shows lives, whatever becomes of the run.
#[tokio::test]
async fn a_key_that_a_failed_run_sees_is_looked_at_anew() {
    let (world, feed) = World::begun(Spark, 600, 100).await;
    let sold = world.mls().sell(20);
    unchanged(world.day(&feed).await);
    assert_eq!(waiting(&world, &feed).await, 20);
    world.mls().relist(&sold[..5]);
    let dead = FaultRule::new(Fault::Status { code: 500 })
        .on(On::Page)
        .after(5);
    failed(world.day_under(&feed, &[dead]).await);
    let seen = 20 - waiting(&world, &feed).await;
    assert!(seen > 0, "pages of a failed run were seen");
    world.mls().sell_keys(&sold[..5]);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed as usize, 20 - seen);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed as usize, seen);
    world.assert_truth(&feed).await;
}

/// What a held run saw is listed; what it did not see waits. An approval takes the same removals.
#[rstest]
#[tokio::test]
async fn a_held_run_lists_what_it_saw(#[values(Reso, Trestle, Bridge)] provider: Provider) {
    let (world, feed) = World::begun(provider, 1_000, 200).await;
    let before = world.head(&feed).await.unwrap();
    world.mls().sell(300);
    let new = world.mls().add(9);
    let output = result(world.day(&feed).await);
    assert_eq!(output.held_reason, Some(HeldReason::MassRemoval));
    assert_eq!((output.added, output.removed, output.count), (9, 0, 1_009));
    let listed = world.published(&feed).await;
    assert!(new.iter().all(|key| listed.contains(key)));
    let head = world.head(&feed).await.unwrap();
    assert_eq!(head.sequence, before.sequence + 1);
    assert_eq!(head.checked_run, before.checked_run);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (0, 300));
    world.assert_truth(&feed).await;
    assert_eq!(gone(&world, &feed).await.len(), 300);
}

/// A scan in doubt moves no `as_of`, and lists what it saw.
#[tokio::test]
async fn a_doubtful_scan_lists_what_it_saw() {
    let (world, feed) = World::begun(Trestle, 1_000, 200).await;
    let before = world.head(&feed).await.unwrap();
    let new = world.mls().add(4);
    let wrong = FaultRule::new(Fault::WrongCount { delta: 40 }).on(On::Any);
    let output = result(world.day_under(&feed, &[wrong]).await);
    assert_eq!(output.held_reason, Some(HeldReason::CountMismatch));
    assert_eq!(output.added, 4);
    let listed = world.published(&feed).await;
    assert!(new.iter().all(|key| listed.contains(key)));
    let head = world.head(&feed).await.unwrap();
    assert_eq!(
        (head.as_of, head.checked_at),
        (before.as_of, before.checked_at)
    );
    unchanged(world.day(&feed).await);
    world.assert_truth(&feed).await;
}

/// What looks like another feed adds nothing.
#[tokio::test]
async fn another_feed_under_the_same_name_adds_nothing() {
    let (world, feed) = World::begun(Trestle, 1_000, 200).await;
    let before = world.head(&feed).await;
    world.mls().rekey_all();
    assert_eq!(held(world.day(&feed).await), HeldReason::KeysReplaced);
    assert_eq!(world.head(&feed).await, before);
}

/// R14: a few keys, each asked for on two days, go without a person, down to an empty list.
#[tokio::test]
async fn a_small_list_may_become_empty() {
    let (world, feed) = World::begun(Trestle, 4, 10).await;
    world.mls().sell(4);
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    let output = published(world.day(&feed).await);
    assert_eq!((output.removed, output.count), (4, 0));
    assert_eq!(gone(&world, &feed).await.len(), 4);

    let (world, feed) = World::begun(Trestle, 11, 20).await;
    world.mls().sell(11);
    for _ in 0..3 {
        assert_eq!(held(world.day(&feed).await), HeldReason::EmptyScan);
    }
}

/// R1: where pages follow links a new listing may slip past a scan. The list promises only what was
/// there when the look before began.
#[tokio::test]
async fn lists_by_links_are_as_of_the_look_before() {
    let (world, feed) = World::begun(Reso, 600, 100).await;
    let first = world.head(&feed).await.unwrap();
    unchanged(world.day(&feed).await);
    let second = world.head(&feed).await.unwrap();
    unchanged(world.day(&feed).await);
    let third = world.head(&feed).await.unwrap();
    assert!(second.checked_at > first.checked_at);
    assert_eq!(Some(second.as_of), first.checked_at);
    assert_eq!(Some(third.as_of), second.checked_at);
    // A scan by key cannot be slipped past.
    let (world, feed) = World::begun(Trestle, 600, 100).await;
    unchanged(world.day(&feed).await);
    let head = world.head(&feed).await.unwrap();
    assert_eq!(Some(head.as_of), head.checked_at);
}

/// Keys whose ids are not known, for they were hidden while many changed: a scan that lost other rows, which
/// asking finds, is no look at them.
#[tokio::test]
async fn a_scan_that_lost_rows_is_no_look_at_keys_without_an_id() {
    let (world, feed) = World::begun(MlsGrid, 600, 100).await;
    let hides = |percent| FaultRule::new(Fault::Rebuilding { percent, salt: 3 });
    world.mls().renumber(300);
    let hidden = world.mls().hidden_keys(5, 3);
    assert!(hidden.len() > 10);
    let ended = result(world.day_under(&feed, &[hides(5)]).await);
    assert_eq!(ended.removed, 0);
    // They are hidden again, and more with them.
    let ended = result(world.day_under(&feed, &[hides(10)]).await);
    assert_eq!(ended.removed, 0, "{ended:?}");
    unchanged(world.day(&feed).await);
    world.assert_truth(&feed).await;
    assert!(gone(&world, &feed).await.is_empty());
}

/// MLS Grid: keys whose ids are not known wait for a second look, while every day other keys that can be
/// asked for wait for a second question.
#[tokio::test]
async fn keys_without_an_id_wait_beside_keys_that_are_asked_for_twice() {
    let (world, feed) = World::begun(MlsGrid, 600, 100).await;
    let hidden = world.mls().hidden_keys(2, 3);
    assert!(hidden.len() > 5);
    world.mls().renumber(300);
    let hides = FaultRule::new(Fault::Rebuilding {
        percent: 2,
        salt: 3,
    });
    // The ids of what was hidden are forgotten. It is seen again by a run that fails.
    assert_eq!(result(world.day_under(&feed, &[hides]).await).removed, 0);
    let missed = waiting(&world, &feed).await;
    let dead = FaultRule::new(Fault::Status { code: 500 })
        .on(On::Page)
        .after(5);
    failed(world.day_under(&feed, &[dead]).await);
    let seen = missed - waiting(&world, &feed).await;
    assert!(seen > 0 && missed == hidden.len(), "{seen} of {missed}");
    world.mls().sell_keys(&hidden);
    let mut removed = Vec::new();
    for _ in 0..3 {
        world.mls().sell(2);
        removed.push(result(world.day(&feed).await).removed as usize);
    }
    // So many at once that they are a first look.
    assert_eq!(removed, [0, missed + 2, 2]);
    // What went stays until the next look.
    assert_eq!(waiting(&world, &feed).await, 2 + 2);
    result(world.day(&feed).await);
    world.assert_truth(&feed).await;
}

/// MLS Grid: a key that a scan missed and that was found by its id waits for nothing, also if its id is not
/// known the next day.
#[tokio::test]
async fn a_key_that_was_found_by_its_id_is_no_longer_missed() {
    let (world, feed) = World::begun(MlsGrid, 600, 100).await;
    let hides = || {
        FaultRule::new(Fault::Rebuilding {
            percent: 2,
            salt: 3,
        })
    };
    let hidden = world.mls().hidden_keys(2, 3);
    assert_eq!(result(world.day_under(&feed, &[hides()]).await).removed, 0);
    assert_eq!(waiting(&world, &feed).await, 0, "{hidden:?} were found");
}

/// MLS Grid: the ListingId of a listing changes where the scan of the day does not show it, and shows all
/// others. At an MLS whose ids have changed before, a question by the former id alone proves nothing.
#[tokio::test]
async fn where_ids_have_changed_a_question_of_one_day_is_not_enough() {
    let (world, feed) = World::begun(MlsGrid, 60, 100).await;
    world.mls().renumber(1);
    unchanged(world.day(&feed).await);
    unchanged(world.day(&feed).await);
    let changed = world.mls().renumber(1);
    let alone = |salt: &u64| world.mls().hidden_keys(1, *salt) == changed;
    let salt = (1..).find(alone).unwrap();
    let hides = FaultRule::new(Fault::Rebuilding { percent: 1, salt });
    let ended = result(world.day_under(&feed, &[hides]).await);
    assert_eq!(ended.removed, 0);
    assert_eq!(waiting(&world, &feed).await, 1);
    unchanged(world.day(&feed).await);
    world.assert_truth(&feed).await;
    // What is gone goes a day later.
    world.mls().sell(3);
    assert_eq!(result(world.day(&feed).await).removed, 0);
    assert_eq!(published(world.day(&feed).await).removed, 3);
}

/// MLS Grid: a listing that has another key now under its ListingId. Where no scan shows the new key, the id
/// is evidence of life, and the old key stays; where a scan shows it, the old one is gone.
#[tokio::test]
async fn the_id_of_a_listing_under_another_key_is_doubt() {
    let (world, feed) = World::begun(MlsGrid, 600, 100).await;
    let moved = world.mls().rekey(30);
    let split = |salt| -> (Vec<_>, Vec<_>) {
        let hidden = world.mls().hidden_keys(20, salt);
        moved.iter().partition(|(_, new)| hidden.contains(new))
    };
    let salt = (1..).find(|salt| split(*salt).0.len() > 3).unwrap();
    let (lost, shown) = split(salt);
    let rebuilding = FaultRule::new(Fault::Rebuilding { percent: 20, salt });
    let hidden_day = || world.day_under(&feed, std::slice::from_ref(&rebuilding));
    let run = world.run_of(&feed);
    assert_eq!(result(hidden_day().await).removed, 0);
    let confirmed = world.record(&feed, &run).await.confirmed.unwrap();
    assert_eq!(confirmed.variants, lost.len() as u64);
    for _ in 0..2 {
        hidden_day().await;
        let listed = world.published(&feed).await;
        let gone = gone(&world, &feed).await;
        for (former, new) in &lost {
            let is_kept = listed.contains(former) && !gone.contains_key(former);
            assert!(is_kept, "{former}: no list has it as {new} either");
        }
        assert!(shown.iter().all(|(_, new)| listed.contains(new)));
    }
    let record = gone(&world, &feed).await;
    assert!(shown.iter().all(|(former, _)| record.contains_key(former)));
    // All is shown again.
    for _ in 0..2 {
        result(world.day(&feed).await);
    }
    world.assert_truth(&feed).await;
    assert_eq!(gone(&world, &feed).await.len(), moved.len());
}

/// Heads of earlier versions have no record: it is made of their deltas, as far as those prove anything.
#[tokio::test]
async fn the_first_record_is_made_of_the_deltas() {
    let (world, feed) = World::begun(Trestle, 600, 100).await;
    let mut sold = world.mls().sell(12);
    published(world.day(&feed).await);
    sold.extend(world.mls().sell(3));
    published(world.day(&feed).await);
    let back = &sold[..2];
    world.mls().relist(back);
    published(world.day(&feed).await);
    assert_eq!(gone(&world, &feed).await.len(), 13);
    let mut old = world.head(&feed).await.unwrap();
    old.gone = None;
    old.checked_at = None;
    let key = layout::head(&feed.feed);
    let (always, keep) = (
        livelist_store::Condition::Always,
        livelist_store::Retention::Keep,
    );
    let objects = Arc::clone(&world.objects);
    objects.write_json(&key, &old, always, keep).await.unwrap();
    unchanged(world.day(&feed).await);
    let record = gone(&world, &feed).await;
    // Of the first version nobody knows when it was published.
    assert_eq!(record.len(), 3);
    assert!(back.iter().all(|key| !record.contains_key(key)));
}

/// A Broker-Only feed shows ListingIds and refuses to be searched by them: a later look decides, however
/// many questions a task has time for.
#[rstest]
#[tokio::test]
async fn an_account_that_may_not_ask_by_id_waits_for_a_later_look(
    #[values(None, Some(1))] pages: Option<u32>,
) {
    let broker = |spec: &mut livelist_mls::MlsSpec| spec.options.contrary.broker_only = true;
    let (mut world, feed) = World::begun_with(MlsGrid, 600, 100, broker).await;
    world.env.limits.task_pages = pages;
    world.mls().sell(20);
    world.mls().add(7);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (7, 0));
    assert_eq!(waiting(&world, &feed).await, 20);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (0, 20));
    world.assert_truth(&feed).await;
}
