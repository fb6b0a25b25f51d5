//! The outbox: every event is put into it, even if the publisher dies, and no false one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use livelist_mls::Provider::Trestle;
use livelist_model::layout;
use livelist_model::notice::{EventKind, FeedEvent, Notified};
use livelist_model::run::FeedSpec;
use livelist_steps::Env;
use livelist_steps::publish::{self, Outcome};
use livelist_store::hooked::{Call, Hooked};
use livelist_store::memory::{MemoryObjects, MemoryOutbox};
use livelist_store::{Objects, ObjectsExt, Outbox, StoreError};

use crate::by_hand::Hand;
use crate::world::{World, failed, held, published, unchanged};

/// An outbox that can be out of order.
#[derive(Default)]
struct Moody {
    inner: MemoryOutbox,
    is_down: AtomicBool,
}

#[async_trait]
impl Outbox for Moody {
    async fn put(&self, event: &FeedEvent) -> Result<(), StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("the outbox", "down"));
        }
        self.inner.put(event).await
    }
}

fn with_outbox(world: &World) -> (Env, Arc<Moody>) {
    let outbox = Arc::new(Moody::default());
    let env = Env {
        outbox: outbox.clone(),
        ..world.env()
    };
    (env, outbox)
}

/// An unbegun world, with an outbox that is watched.
async fn begin() -> (World, FeedSpec, Env, Arc<Moody>) {
    let (world, feed) = World::unbegun(Trestle, 400, 200, |_| {}).await;
    let (env, outbox) = with_outbox(&world);
    (world, feed, env, outbox)
}

#[tokio::test]
async fn what_is_published_or_held_is_told_once_and_quiet_days_are_quiet() {
    let (world, feed, env, outbox) = begin().await;
    let day = async || {
        let ended = world.run_by(&env, &feed, "test").await;
        world.next_day();
        ended
    };
    published(day().await);
    unchanged(day().await);
    world.mls().sell(20);
    world.mls().add(7);
    published(day().await);
    world.mls().sell(200);
    held(day().await);
    published(day().await);
    let events = outbox.inner.events();
    let told: Vec<_> = events
        .iter()
        .map(|e| (e.kind, e.sequence, e.count, e.added, e.removed))
        .collect();
    use EventKind::{Changed, Held};
    assert_eq!(
        told,
        [
            (Changed, 1, 400, 400, 0),
            (Changed, 2, 387, 7, 20),
            (Held, 2, 387, 0, 0),
            (Changed, 3, 187, 0, 200),
        ]
    );
    let head = world.head(&feed).await.unwrap();
    assert_eq!(events[3], FeedEvent::changed(&head));
    let client = "acme".parse().unwrap();
    let ids: std::collections::BTreeSet<_> = events.iter().map(|e| e.webhook_id(&client)).collect();
    assert_eq!(ids.len(), 4);
}

/// The publisher cannot reach the outbox: the run fails after the head was written. Repeated, it
/// hands over what it owes; and so does the next day's run that finds nothing new.
#[tokio::test]
async fn what_an_outbox_that_was_down_is_owed_is_handed_over_later() {
    for repeats_the_run in [true, false] {
        let (world, feed, env, outbox) = begin().await;
        outbox.is_down.store(true, Ordering::SeqCst);
        let failure = failed(world.run_by(&env, &feed, "test").await);
        assert_eq!(failure.name, "StoreUnavailable");
        let head = world
            .head(&feed)
            .await
            .expect("it was published all the same");
        assert!(outbox.inner.events().is_empty());
        outbox.is_down.store(false, Ordering::SeqCst);
        if repeats_the_run {
            published(world.run_by(&env, &feed, "test").await);
        } else {
            world.next_day();
            unchanged(world.run_by(&env, &feed, "test").await);
        }
        let [event] = &outbox.inner.events()[..] else {
            panic!("{:?}", outbox.inner.events());
        };
        assert_eq!(*event, FeedEvent::changed(&head), "{repeats_the_run}");
        world.next_day();
        unchanged(world.run_by(&env, &feed, "test").await);
        assert_eq!(outbox.inner.events().len(), 1);
    }
}

/// A publisher that died behind the head is repeated: what it would have cleaned up is cleaned up,
/// whether it had published or found the head right.
#[tokio::test]
async fn a_repeated_publisher_cleans_up() {
    for changes in [true, false] {
        let (world, feed, env, outbox) = begin().await;
        published(world.run_by(&env, &feed, "test").await);
        let former = world.head(&feed).await.unwrap();
        world.next_day();
        let sold = world.mls().sell(200);
        held(world.run_by(&env, &feed, "test").await);
        world.next_day();
        world.mls().relist(&sold);
        if changes {
            world.mls().add(3);
        }
        let dying = Env {
            objects: refusing(&world.objects, "/run.json"),
            outbox: outbox.clone(),
            ..world.env()
        };
        let hand = Hand::begin(&env, world.run_of(&feed), "test").await;
        let decided = hand.decide().await.unwrap();
        let dead = publish::run(&dying, hand.publish(&decided)).await;
        assert_eq!(dead.unwrap_err().name(), "StoreUnavailable");
        let again = publish::run(&env, hand.publish(&decided)).await.unwrap();
        let done = [Outcome::Unchanged, Outcome::Published][usize::from(changes)];
        assert_eq!(again.outcome, done);
        let held = layout::held(&feed.feed);
        assert!(world.objects.read(&held).await.unwrap().is_none());
        let is_retired = world.objects.retired().contains(&former.full.object);
        assert_eq!(is_retired, changes);
    }
}

/// A day that is held hands over what an earlier publisher owes.
#[tokio::test]
async fn a_held_day_tells_what_is_owed_as_well() {
    let (world, feed, env, outbox) = begin().await;
    outbox.is_down.store(true, Ordering::SeqCst);
    failed(world.run_by(&env, &feed, "test").await);
    outbox.is_down.store(false, Ordering::SeqCst);
    world.next_day();
    world.mls().sell(300);
    held(world.run_by(&env, &feed, "test").await);
    let kinds: Vec<_> = outbox.inner.events().iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::Changed, EventKind::Held]);
}

/// Objects that refuse to write what ends in `name`.
fn refusing(objects: &Arc<MemoryObjects>, name: &'static str) -> Arc<dyn Objects> {
    Arc::new(Hooked {
        objects: objects.clone(),
        hook: move |call: Call<'_>| match call {
            Call::Put(key) if key.ends_with(name) => {
                Err(StoreError::unavailable("the store", "it died here"))
            }
            _ => Ok(()),
        },
    })
}

#[tokio::test]
async fn nothing_is_told_of_a_head_or_a_note_that_was_not_written() {
    let (world, feed, env, outbox) = begin().await;
    let dying = |name| Env {
        objects: refusing(&world.objects, name),
        outbox: outbox.clone(),
        ..world.env()
    };
    failed(world.run_by(&dying("/head.json"), &feed, "test").await);
    assert!(outbox.inner.events().is_empty());
    published(world.run_by(&env, &feed, "test").await);
    world.next_day();
    world.mls().sell(300);
    failed(world.run_by(&dying("/held.json"), &feed, "test").await);
    assert_eq!(outbox.inner.events().len(), 1);
    held(world.run_by(&env, &feed, "test").await);
    assert_eq!(outbox.inner.events().len(), 2);
}

/// The publisher dies between the outbox and its note: the event is put twice, and is one.
#[tokio::test]
async fn what_is_put_twice_has_one_id() {
    let (world, feed, env, outbox) = begin().await;
    let dying = Env {
        objects: refusing(&world.objects, "/notified.json"),
        outbox: outbox.clone(),
        ..world.env()
    };
    failed(world.run_by(&dying, &feed, "test").await);
    published(world.run_by(&env, &feed, "test").await);
    let events = outbox.inner.events();
    assert!(events.len() >= 2, "{events:?}");
    let client = "acme".parse().unwrap();
    let first = events[0].webhook_id(&client);
    assert!(events.iter().all(|e| e.webhook_id(&client) == first));
    assert!(events.iter().all(|e| e.body() == events[0].body()));
    let key = layout::notified(&feed.feed);
    let (notified, _) = world
        .objects
        .read_json::<Notified>(&key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(notified.version, events[0].version);
}
