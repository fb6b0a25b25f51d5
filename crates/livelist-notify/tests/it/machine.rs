//! Notices on one machine: recorded first, sent whenever a command runs.

use std::sync::Arc;

use livelist_model::notice::DeliveryState::{Delivered, Waiting};
use livelist_model::notice::{EventKind, FeedEvent};
use livelist_notify::Round;
use livelist_store::Objects;
use livelist_store::Outbox;
use livelist_store::outbox::ObjectOutbox;

use crate::receiver::{Manner, Receiver};
use crate::world::{World, event};

async fn outbox(world: &World, events: &[FeedEvent]) -> ObjectOutbox {
    let outbox = ObjectOutbox::new(world.objects.clone() as Arc<dyn Objects>);
    for event in events {
        outbox.put(event).await.unwrap();
    }
    outbox
}

#[tokio::test]
async fn an_event_reaches_every_client_and_is_forgotten_when_it_is_recorded() {
    let world = World::local().await;
    let (quick, slow) = (
        Receiver::start(&[Manner::Status(200)]).await,
        Receiver::start(&[Manner::Status(503), Manner::Status(200)]).await,
    );
    let acme = world.client("acme", &quick.url()).await;
    let zeta = world.client("zeta", &slow.url()).await;
    let held = FeedEvent {
        kind: EventKind::Held,
        ..event(2)
    };
    let outbox = outbox(&world, &[event(1), held]).await;
    let registry = world.registry().await;
    world.notifier.take_up(&outbox, &registry).await.unwrap();
    assert!(outbox.waiting().await.unwrap().is_empty());
    let round = world.notifier.send_due(false).await.unwrap();
    // The one that was refused came due within the patience of a command.
    let all = Round {
        delivered: 4,
        ..Round::default()
    };
    assert_eq!(round, all);
    assert_eq!((quick.got().len(), slow.got().len()), (2, 3));
    for client in [acme, zeta] {
        let recorded = world.recorded(&client).await;
        assert_eq!(recorded.len(), 2);
        assert!(recorded.iter().all(|d| d.state == Delivered));
    }
    let again = world.notifier.send_due(true).await.unwrap();
    assert_eq!(again, Round::default(), "nothing is left");
}

#[tokio::test]
async fn what_is_not_delivered_waits_for_the_next_command() {
    let world = World::local().await;
    let site = Receiver::start(&[
        Manner::Status(500),
        Manner::Status(500),
        Manner::Status(200),
    ])
    .await;
    let client = world.client("acme", &site.url()).await;
    let outbox = outbox(&world, &[event(1)]).await;
    let registry = world.registry().await;
    world.notifier.take_up(&outbox, &registry).await.unwrap();
    let waiting = Round {
        waiting: 1,
        ..Round::default()
    };
    assert_eq!(world.notifier.send_due(false).await.unwrap(), waiting);
    let [delivery] = &world.recorded(&client).await[..] else {
        panic!("one delivery");
    };
    assert_eq!((delivery.state, delivery.attempts), (Waiting, 2));
    assert!(delivery.next_at.unwrap() > world.now());
    let early = world.notifier.send_due(false).await.unwrap();
    assert_eq!((early, site.got().len()), (Round::default(), 2), "not yet");
    // Somebody asks for it.
    let all = world.notifier.send_due(true).await.unwrap();
    assert_eq!((all.delivered, site.got().len()), (1, 3));
}

/// The command died after recording and before forgetting, and the next one takes it up again.
#[tokio::test]
async fn an_event_that_is_taken_up_twice_is_told_once() {
    let world = World::local().await;
    let site = Receiver::start(&[Manner::Status(200)]).await;
    world.client("acme", &site.url()).await;
    let registry = world.registry().await;
    for _ in 0..2 {
        let outbox = outbox(&world, &[event(1)]).await;
        world.notifier.take_up(&outbox, &registry).await.unwrap();
        world.notifier.send_due(false).await.unwrap();
    }
    assert_eq!(site.got().len(), 1);
}
