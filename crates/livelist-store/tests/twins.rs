//! The twins in memory and in a directory keep the ports' contracts.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use livelist_store::directory::{DirectoryLeases, DirectoryObjects};
use livelist_store::leases::ObjectLeases;
use livelist_store::memory::{
    ManualClock, MemoryExecutions, MemoryObjects, MemoryOutbox, MemoryQueue,
};
use livelist_store::outbox::ObjectOutbox;
use livelist_store::sealer::ProcessSealer;
use livelist_store::{Condition, LeaseState, Leases, Objects, Retention, contract};

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()))
}

#[tokio::test]
async fn memory_objects() {
    contract::objects(&MemoryObjects::new()).await;
    contract::objects_race(Arc::new(MemoryObjects::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directory_objects() {
    let dir = tempfile::tempdir().unwrap();
    contract::objects(&DirectoryObjects::open(dir.path()).unwrap()).await;
    contract::objects_race(Arc::new(DirectoryObjects::open(dir.path()).unwrap())).await;
}

#[tokio::test]
async fn object_leases() {
    let clock = clock();
    let leases = ObjectLeases::new(Arc::new(MemoryObjects::new()), clock.clone());
    contract::leases(&leases, &*clock).await;
}

#[tokio::test]
async fn directory_leases() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let leases = DirectoryLeases::open(dir.path(), clock.clone()).unwrap();
    contract::leases(&leases, &*clock).await;
}

#[tokio::test]
async fn a_lease_of_another_holder_of_the_directory_is_busy_until_it_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let clock = clock();
    let credential = "env:X".parse().unwrap();
    let ttl = Duration::from_secs(3_600);
    let one = DirectoryLeases::open(dir.path(), clock.clone()).unwrap();
    let two = DirectoryLeases::open(dir.path(), clock.clone()).unwrap();
    assert_eq!(
        one.acquire(&credential, "one", ttl).await.unwrap(),
        LeaseState::Held
    );
    assert!(matches!(
        two.acquire(&credential, "two", ttl).await.unwrap(),
        LeaseState::Busy(_)
    ));
    drop(one);
    assert_eq!(
        two.acquire(&credential, "two", ttl).await.unwrap(),
        LeaseState::Held
    );
}

#[tokio::test]
async fn process_sealer() {
    contract::sealer(&ProcessSealer::new().unwrap()).await;
}

#[tokio::test]
async fn memory_executions() {
    contract::executions(&MemoryExecutions::default(), "run").await;
}

#[tokio::test]
async fn memory_queue() {
    let queue = MemoryQueue::default();
    contract::queue(&queue, || async {
        queue.take().into_iter().map(|m| m.body).collect()
    })
    .await;
    assert_eq!(queue.dead().len(), 1);
}

#[tokio::test]
async fn a_postponed_message_comes_again() {
    let queue = MemoryQueue::default();
    contract::postponing(&queue, || async {
        let received = queue.receive().into_iter();
        received
            .map(|r| (r.receipt, r.message.body, r.count))
            .collect()
    })
    .await;
    assert_eq!(queue.postponed().len(), 1);
    queue.pass();
    assert_eq!(queue.receive().unwrap().count, 4);
}

#[tokio::test]
async fn memory_outbox() {
    let outbox = MemoryOutbox::default();
    contract::outbox(&outbox, || async { outbox.events() }).await;
}

#[tokio::test]
async fn object_outbox() {
    let dir = tempfile::tempdir().unwrap();
    let objects = Arc::new(DirectoryObjects::open(dir.path()).unwrap());
    let outbox = ObjectOutbox::new(objects.clone());
    let events = || async {
        let waiting = outbox.waiting().await.unwrap();
        waiting.into_iter().map(|w| w.event).collect()
    };
    contract::outbox(&outbox, events).await;
    assert_eq!(events().await.len(), 3, "the same event is one");
    let put = objects.put(
        "outbox/broken.json",
        b"{".to_vec().into(),
        Condition::Always,
        Retention::Keep,
    );
    put.await.unwrap();
    for waiting in outbox.waiting().await.unwrap() {
        outbox.forget(&waiting).await.unwrap();
        outbox.forget(&waiting).await.unwrap();
    }
    assert!(events().await.is_empty());
    assert_eq!(objects.list("outbox/").await.unwrap().len(), 1);
}

#[tokio::test]
async fn sweeping_removes_scratch_and_retired_objects_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let objects = DirectoryObjects::open(dir.path()).unwrap();
    let put = |key: &'static str, retention| {
        objects.put(key, b"x".to_vec().into(), Condition::Always, retention)
    };
    put("feeds/a/head.json", Retention::Keep).await.unwrap();
    put("feeds/a/runs/r/part", Retention::Scratch)
        .await
        .unwrap();
    put("feeds/a/snapshots/1", Retention::Keep).await.unwrap();
    objects.retire("feeds/a/snapshots/1").await.unwrap();
    assert_eq!(
        objects.sweep(Duration::from_secs(3_600)).await.unwrap(),
        0,
        "too young"
    );
    assert_eq!(objects.sweep(Duration::ZERO).await.unwrap(), 2);
    let left: Vec<_> = objects
        .list("feeds/")
        .await
        .unwrap()
        .into_iter()
        .map(|l| l.key)
        .collect();
    assert_eq!(left, ["feeds/a/head.json"]);
}
