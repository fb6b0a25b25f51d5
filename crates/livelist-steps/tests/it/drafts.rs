//! The draft of a comparison equals what merging the lists again gives, and whatever happens to it, the
//! same is published.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Spark, Trestle};
use livelist_model::decision::HeldReason;
use livelist_model::run::FeedSpec;
use livelist_steps::progress::Compared;
use livelist_steps::publish::{self, Outcome, Output};
use livelist_steps::{Env, Limits, compare, confirm};
use livelist_store::hooked::{Call, Hooked};
use livelist_store::{Condition, Objects, ObjectsExt, Retention};
use rstest::rstest;
use serde_json::Value;

use crate::by_hand::{Decided, Hand};
use crate::naive;
use crate::world::{World, always, held, published, unchanged};

/// A day of this MLS that is decided and not yet published.
async fn decided(provider: Provider) -> (World, FeedSpec, Decided) {
    let (world, feed) = changed(provider).await;
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let decided = hand.decide().await.unwrap();
    (world, feed, decided)
}

/// An MLS that was published, and changed since.
async fn changed(provider: Provider) -> (World, FeedSpec) {
    let (world, feed) = World::begun(provider, 600, 150).await;
    world.mls().sell(40);
    world.mls().add(9);
    (world, feed)
}

/// What is published of a changed MLS by runs that write no drafts.
async fn merged(provider: Provider) -> BTreeMap<String, Vec<u8>> {
    let (world, feed) = changed(provider).await;
    let env = Env {
        limits: Limits {
            draft_rows: u64::MAX,
            ..Limits::default()
        },
        ..world.env()
    };
    let there = drafts(&world);
    published(world.run_by(&env, &feed, "test").await);
    assert_eq!(drafts(&world), there);
    lists(&world)
}

fn lists(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut dump = world.objects.dump();
    dump.retain(|key, _| key.contains("/snapshots/") || key.contains("/deltas/"));
    dump
}

/// The names of all drafts there are.
fn drafts(world: &World) -> Vec<String> {
    let dump = world.objects.dump();
    dump.into_keys().filter(|k| k.contains("/draft-")).collect()
}

async fn compared(world: &World, name: &str) -> Compared {
    world.objects.read_json(name).await.unwrap().unwrap().0
}

/// Publishes, and says what was read for it.
async fn publish(world: &World, feed: &FeedSpec, decided: &Decided) -> (Output, Vec<String>) {
    let read = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&read);
    let env = Env {
        objects: Arc::new(Hooked {
            objects: world.objects.clone(),
            hook: move |call: Call<'_>| {
                noted
                    .lock()
                    .unwrap()
                    .extend(call.reads().map(str::to_owned));
                Ok(())
            },
        }),
        ..world.env()
    };
    let input = publish::Input {
        run: world.run_of(feed),
        owner: "test".to_owned(),
        comparison: decided.comparison.clone(),
        confirmation: decided.confirmation.clone(),
        approved: false,
    };
    let output = publish::run(&env, input).await.unwrap();
    let read = read.lock().unwrap().clone();
    (output, read)
}

fn count(read: &[String], what: &str) -> usize {
    read.iter().filter(|key| key.contains(what)).count()
}

/// The parts and the former snapshot are not read, and what is published is the same to the byte.
#[rstest]
#[tokio::test]
async fn a_draft_is_published_without_the_lists(
    #[values(Reso, Trestle, Bridge, MlsGrid)] provider: Provider,
) {
    let (world, feed, decided) = decided(provider).await;
    assert_eq!(
        drafts(&world).len(),
        2,
        "that of the first list is still there"
    );
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!((output.added, output.removed), (9, 40));
    assert_eq!(count(&read, "/draft-"), 1);
    for list in ["/part-", "/snapshots/"] {
        assert_eq!(count(&read, list), 0, "{list}: {read:#?}");
    }
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
    assert!(lists(&world) == merged(provider).await, "the same bytes");
}

/// What becomes of a draft between the comparison and the publication.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Gone,
    Cut,
    Longer,
    Flipped,
    /// As long as it was, of other bytes.
    Another,
}

/// Whatever became of the draft, the lists are merged to the same bytes.
#[rstest]
#[tokio::test]
async fn a_draft_that_is_not_what_was_noted_is_none(
    #[values(Trestle, MlsGrid)] provider: Provider,
    #[values(Harm::Gone, Harm::Cut, Harm::Longer, Harm::Flipped, Harm::Another)] harm: Harm,
) {
    let (world, feed, decided) = decided(provider).await;
    let noted = compared(&world, &decided.comparison).await.absent.draft;
    let draft = noted.unwrap().object;
    let (mut bytes, _) = world.objects.read(&draft).await.unwrap().unwrap();
    let middle = bytes.len() / 2;
    match harm {
        Harm::Gone => {}
        Harm::Cut => bytes.truncate(bytes.len() - 1),
        Harm::Longer => bytes.push(0),
        Harm::Flipped => bytes[middle] ^= 1,
        Harm::Another => bytes.reverse(),
    }
    let always = Condition::Always;
    world.objects.delete(&draft, always.clone()).await.unwrap();
    if !matches!(harm, Harm::Gone) {
        let scratch = Retention::Scratch;
        let put = world.objects.put(&draft, bytes.into(), always, scratch);
        put.await.unwrap();
    }
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!(output.outcome, Outcome::Published);
    assert!(count(&read, "/part-") > 0 && count(&read, "/snapshots/") == 1);
    world.assert_truth(&feed).await;
    assert!(lists(&world) == merged(provider).await, "the same bytes");
}

/// Writes the comparison with another note of its draft, and decides on that.
async fn renoted(world: &World, decided: &mut Decided, change: impl FnOnce(&mut Value)) {
    let read = world.objects.read_json::<Value>(&decided.comparison);
    let (mut document, _) = read.await.unwrap().unwrap();
    change(&mut document["absent"]);
    decided.comparison = decided.comparison.replace("/comparison-", "/comparison-0");
    let (key, scratch) = (&decided.comparison, Retention::Scratch);
    let written = world
        .objects
        .write_json(key, &document, Condition::Absent, scratch);
    written.await.unwrap();
}

/// A note that does not fit what was decided on is not believed, however sound the draft is.
#[rstest]
#[case::of_a_version_before(|absent: &mut Value| { absent.as_object_mut().unwrap().remove("draft"); })]
#[case::fewer_keys(|absent: &mut Value| absent["draft"]["snapshot"]["summary"]["count"] = 568.into())]
#[case::fewer_came(|absent: &mut Value| absent["draft"]["delta"]["summary"]["added"] = 8.into())]
#[case::fewer_went(|absent: &mut Value| absent["draft"]["delta"]["summary"]["removed"] = 39.into())]
#[case::without_a_delta(|absent: &mut Value| absent["draft"]["delta"] = Value::Null)]
#[case::cut_elsewhere(|absent: &mut Value| {
    for (piece, by) in [("snapshot", 1), ("delta", -1)] {
        let bytes = &mut absent["draft"][piece]["bytes"];
        *bytes = (bytes.as_i64().unwrap() + by).into();
    }
})]
#[case::of_another_run(|absent: &mut Value| absent["draft"]["object"] = "feeds/x/runs/y/draft-1.gz".into())]
#[tokio::test]
async fn a_draft_that_was_noted_as_another_is_none(#[case] change: impl FnOnce(&mut Value)) {
    let (world, feed, mut decided) = decided(Trestle).await;
    renoted(&world, &mut decided, change).await;
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!(output.outcome, Outcome::Published);
    assert!(count(&read, "/part-") > 0 && count(&read, "/snapshots/") == 1);
    assert!(lists(&world) == merged(Trestle).await, "the same bytes");
}

/// Keys that confirmation found alive are not in the draft.
#[tokio::test]
async fn a_draft_without_restored_keys_is_none() {
    let (world, feed) = World::begun(Trestle, 600, 150).await;
    let sold = world.mls().sell(40);
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let scanned = hand.scan_whole(None).await.unwrap();
    let out = compare::run(&world.env, hand.compare(&scanned)).await;
    let comparison = out.unwrap().comparison;
    assert!(compared(&world, &comparison).await.absent.draft.is_some());
    world.mls().relist(&sold[..7]);
    let told = confirm::run(&world.env, hand.confirm(&comparison, None)).await;
    let told = told.unwrap();
    assert_eq!(
        (told.outcome, told.restored),
        (confirm::Outcome::Publish, 7)
    );
    let decided = Decided {
        progress: scanned,
        comparison,
        confirmation: Some(told.confirmation),
    };
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!(output.removed, 33);
    assert_eq!(count(&read, "/draft-"), 0);
    assert!(count(&read, "/part-") > 0);
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
}

/// Where nothing came and nothing went, there is nothing to draft and nothing to read.
#[rstest]
#[tokio::test]
async fn a_list_that_is_right_is_not_read(
    #[values(Reso, Trestle, Bridge, MlsGrid)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 150).await;
    let before = world.head(&feed).await.unwrap();
    let there = drafts(&world);
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let decided = hand.decide().await.unwrap();
    assert_eq!(drafts(&world), there);
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!(output.outcome, Outcome::Unchanged);
    for list in ["/part-", "/snapshots/", "/draft-"] {
        assert_eq!(count(&read, list), 0, "{list}: {read:#?}");
    }
    let head = world.head(&feed).await.unwrap();
    assert_eq!((&head.version, &head.full), (&before.version, &before.full));
    assert!(head.checked_at > before.checked_at && head.checked_run != before.checked_run);
}

/// Where the MLS cannot be asked, what is absent stays listed: there is no draft, and the lists are
/// merged as ever.
#[tokio::test]
async fn where_absent_keys_stay_there_is_no_draft() {
    let (world, feed) = World::begun(Spark, 600, 150).await;
    let there = drafts(&world);
    world.mls().sell(40);
    world.mls().add(9);
    for (added, removed) in [(9, 0), (0, 40)] {
        let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
        let decided = hand.decide().await.unwrap();
        assert_eq!(drafts(&world), there);
        let (output, read) = publish(&world, &feed, &decided).await;
        assert_eq!((output.added, output.removed), (added, removed));
        assert!(count(&read, "/part-") > 0);
        world.next_day();
    }
    world.assert_truth(&feed).await;
}

/// A first list has no delta, and its draft neither.
#[tokio::test]
async fn a_first_list_is_drafted_without_a_delta() {
    let (world, feed) = World::unbegun(Trestle, 300, 100, |_| {}).await;
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let decided = hand.decide().await.unwrap();
    let draft = compared(&world, &decided.comparison).await.absent.draft;
    assert_eq!(draft.unwrap().delta, None);
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!((output.outcome, output.count), (Outcome::Published, 300));
    assert_eq!((count(&read, "/part-"), count(&read, "/draft-")), (0, 1));
    assert_eq!(world.head(&feed).await.unwrap().deltas, []);
    world.assert_truth(&feed).await;
}

/// A held result waits longer than its draft.
#[rstest]
#[tokio::test]
async fn what_an_operator_approves_needs_no_draft(
    #[values(Trestle, MlsGrid)] provider: Provider,
    #[values(true, false)] is_there: bool,
) {
    let (world, feed) = World::begun(provider, 1_000, 200).await;
    let there = drafts(&world);
    world.mls().sell(300);
    let run = world.run_of(&feed);
    held(world.run_by(&world.env, &feed, "test").await);
    let mut left = drafts(&world);
    left.retain(|draft| !there.contains(draft));
    assert_eq!(left.len(), 1);
    if !is_there {
        world
            .objects
            .delete(&left[0], Condition::Always)
            .await
            .unwrap();
    }
    let resume = world.record(&feed, &run).await.resume.unwrap();
    let input = publish::Input {
        run,
        owner: "operator".to_owned(),
        comparison: resume.comparison,
        confirmation: resume.confirmation,
        approved: true,
    };
    let output = publish::run(&world.env, input).await.unwrap();
    assert_eq!((output.outcome, output.removed), (Outcome::Published, 300));
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
    world.next_day();
    unchanged(world.day(&feed).await);
}

/// A result that nobody may publish leaves no draft.
#[tokio::test]
async fn what_cannot_be_approved_leaves_no_draft() {
    let (world, feed) = World::begun(Reso, 600, 100).await;
    let there = drafts(&world);
    let rules = always(livelist_mls::Fault::NoNextLink);
    assert_eq!(naive::harm(&world, &rules).await.lost.len(), 500);
    let reason = held(world.day_under(&feed, &rules).await);
    assert_eq!(reason, HeldReason::CountMismatch);
    assert_eq!(drafts(&world), there);
}

/// Of a small feed the lists are merged once more: that takes less time than storing them.
#[tokio::test]
async fn a_small_feed_is_not_drafted() {
    let (world, feed) = changed(Trestle).await;
    let there = drafts(&world);
    let env = Env {
        limits: Limits::default(),
        ..world.env()
    };
    let output = published(world.run_by(&env, &feed, "test").await);
    assert_eq!((output.added, output.removed), (9, 40));
    assert_eq!(drafts(&world), there);
    world.assert_truth(&feed).await;
}
