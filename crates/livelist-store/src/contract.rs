//! The contract of every implementation of a port, as functions that tests call with an implementation: the
//! memory and directory twins here, the AWS adapters in their own crate. They panic if the contract is
//! broken; they are for tests only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are the bodies of tests; they live here so that other crates can call them"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use livelist_model::notice::{EventKind, FeedEvent};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;

use crate::{
    Body, Clock, Condition, Executions, LeaseState, Leases, Message, Objects, ObjectsExt, Outbox,
    Queue, Retention, SealError, Sealer, Start, StoreError,
};

fn is_condition<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::ConditionFailed { .. }))
}

async fn put(
    objects: &dyn Objects,
    key: &str,
    text: &str,
    condition: Condition,
) -> Result<String, StoreError> {
    objects
        .put(
            key,
            text.as_bytes().to_vec().into(),
            condition,
            Retention::Keep,
        )
        .await
}

async fn text(objects: &dyn Objects, key: &str) -> Option<String> {
    let found = objects.read(key).await.unwrap();
    found.map(|(bytes, _)| String::from_utf8(bytes).unwrap())
}

/// Objects: written objects can be read, conditions hold, listings are complete and in order.
pub async fn objects(objects: &dyn Objects) {
    assert!(objects.get("feeds/none").await.unwrap().is_none());

    let first = put(objects, "feeds/a/head.json", "1", Condition::Absent)
        .await
        .unwrap();
    assert!(is_condition(
        put(objects, "feeds/a/head.json", "2", Condition::Absent).await
    ));
    assert_eq!(
        text(objects, "feeds/a/head.json").await.as_deref(),
        Some("1")
    );

    let read = objects.read("feeds/a/head.json").await.unwrap().unwrap().1;
    assert_eq!(read, first, "a write gives the ETag that a read finds");
    let second = put(
        objects,
        "feeds/a/head.json",
        "2",
        Condition::Unchanged(first.clone()),
    )
    .await
    .unwrap();
    assert_ne!(first, second);
    assert!(is_condition(
        put(
            objects,
            "feeds/a/head.json",
            "3",
            Condition::Unchanged(first.clone())
        )
        .await
    ));
    assert!(is_condition(
        put(
            objects,
            "feeds/none",
            "3",
            Condition::Unchanged(first.clone())
        )
        .await
    ));
    assert!(is_condition(
        objects
            .delete("feeds/a/head.json", Condition::Unchanged(first))
            .await
    ));
    assert_eq!(
        text(objects, "feeds/a/head.json").await.as_deref(),
        Some("2")
    );

    // Documents may be read in another way than lists.
    for length in [0, 1, 64 * 1024, 64 * 1024 + 1, 300_000] {
        let content: String = (0..length)
            .map(|n| char::from(b'a' + (n % 23) as u8))
            .collect();
        let key = format!("feeds/a/runs/r/{length}");
        let written = put(objects, &key, &content, Condition::Absent)
            .await
            .unwrap();
        let mut object = objects.get(&key).await.unwrap().unwrap();
        assert_eq!((object.bytes, &object.etag), (length, &written));
        let mut read = String::new();
        object.body.read_to_string(&mut read).await.unwrap();
        assert!(
            read == content,
            "{length} bytes are read as they were written"
        );
        objects.delete(&key, Condition::Always).await.unwrap();
    }

    let chunks = Body::from(vec![
        Bytes::from_static(b"one "),
        Bytes::from_static(b"two"),
    ]);
    objects
        .put(
            "feeds/a/runs/r/part",
            chunks,
            Condition::Always,
            Retention::Scratch,
        )
        .await
        .unwrap();
    let object = objects.get("feeds/a/runs/r/part").await.unwrap().unwrap();
    assert_eq!(object.bytes, 7);
    assert_eq!(
        text(objects, "feeds/a/runs/r/part").await.as_deref(),
        Some("one two")
    );
    objects
        .put(
            "feeds/b/empty",
            Body::default(),
            Condition::Always,
            Retention::Keep,
        )
        .await
        .unwrap();
    objects.retire("feeds/b/empty").await.unwrap();
    assert_eq!(text(objects, "feeds/b/empty").await.as_deref(), Some(""));

    let listed = objects.list("feeds/").await.unwrap();
    for entry in &listed {
        let (bytes, etag) = objects.read(&entry.key).await.unwrap().unwrap();
        let read = (bytes.len() as u64, &etag);
        assert_eq!((entry.bytes, &entry.etag), read, "{}", entry.key);
    }
    let listed: Vec<String> = listed.into_iter().map(|l| l.key).collect();
    assert_eq!(
        listed,
        ["feeds/a/head.json", "feeds/a/runs/r/part", "feeds/b/empty"]
    );
    assert_eq!(objects.list("feeds/a/he").await.unwrap().len(), 1);
    assert_eq!(objects.list_names("feeds/").await.unwrap(), ["a", "b"]);
    assert_eq!(
        objects.list_names("feeds/a/").await.unwrap(),
        ["head.json", "runs"]
    );
    assert_eq!(
        objects.list_names("nowhere/").await.unwrap(),
        Vec::<String>::new()
    );

    objects
        .delete("feeds/a/head.json", Condition::Unchanged(second))
        .await
        .unwrap();
    objects
        .delete("feeds/a/head.json", Condition::Always)
        .await
        .unwrap();
    assert!(objects.get("feeds/a/head.json").await.unwrap().is_none());
    for bad in ["", "/etc/passwd", "a/../b", "a//b", "./a"] {
        assert!(
            put(objects, bad, "x", Condition::Always).await.is_err(),
            "{bad:?}"
        );
    }
}

/// Objects: of many conditional writers at once one wins.
pub async fn objects_race(objects: Arc<dyn Objects>) {
    let etag = put(&*objects, "race", "start", Condition::Absent)
        .await
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..16 {
        let (objects, etag) = (objects.clone(), etag.clone());
        tasks.spawn(async move {
            (
                i,
                put(
                    &*objects,
                    "race",
                    &i.to_string(),
                    Condition::Unchanged(etag),
                )
                .await,
            )
        });
    }
    let results = tasks.join_all().await;
    let winners: Vec<_> = results.iter().filter(|(_, r)| r.is_ok()).collect();
    assert_eq!(winners.len(), 1, "one winner");
    assert_eq!(
        text(&*objects, "race").await,
        Some(winners[0].0.to_string())
    );
    assert!(
        results
            .into_iter()
            .filter(|(_, r)| r.is_err())
            .all(|(_, r)| is_condition(r))
    );
}

/// Leases: one owner at a time, renewal, release, and (given a way to let time pass) expiry.
pub async fn leases(leases: &dyn Leases, clock: &dyn Clock) {
    let credential = "ssm:/livelist/mls/abor".parse().unwrap();
    let other = "ssm:/livelist/mls/bolt".parse().unwrap();
    let ttl = Duration::from_secs(60);
    assert_eq!(
        leases.acquire(&credential, "one", ttl).await.unwrap(),
        LeaseState::Held
    );
    assert_eq!(
        leases.acquire(&credential, "one", ttl).await.unwrap(),
        LeaseState::Held,
        "renews"
    );
    let LeaseState::Busy(lease) = leases.acquire(&credential, "two", ttl).await.unwrap() else {
        panic!("two owners at once");
    };
    assert_eq!(lease.owner, "one");
    assert!(lease.expires_at > clock.now());
    assert_eq!(
        leases.acquire(&other, "two", ttl).await.unwrap(),
        LeaseState::Held,
        "another credential"
    );
    leases.release(&credential, "two").await.unwrap();
    assert!(matches!(
        leases.acquire(&credential, "two", ttl).await.unwrap(),
        LeaseState::Busy(_)
    ));
    leases.release(&credential, "one").await.unwrap();
    assert_eq!(
        leases.acquire(&credential, "two", ttl).await.unwrap(),
        LeaseState::Held
    );
    clock.sleep(Duration::from_secs(61)).await;
    assert_eq!(
        leases.acquire(&credential, "three", ttl).await.unwrap(),
        LeaseState::Held,
        "expired"
    );
    assert!(matches!(
        leases.acquire(&credential, "two", ttl).await.unwrap(),
        LeaseState::Busy(_)
    ));
    leases.release(&credential, "three").await.unwrap();
    leases.release(&other, "two").await.unwrap();
}

/// Sealer: decrypts its own ciphertext, for the same run only, and shows nothing.
pub async fn sealer(sealer: &dyn Sealer) {
    let secret = SecretString::from("token-0123456789");
    let sealed = sealer.seal("run-1", &secret).await.unwrap();
    assert!(!sealed.contains("token"));
    let opened = sealer.open("run-1", &sealed).await.unwrap();
    assert_eq!(opened.expose_secret(), secret.expose_secret());
    assert!(sealer.open("run-2", &sealed).await.is_err(), "another run");
    assert!(
        sealer.open("run-1", "bm90IG91cnM").await.is_err(),
        "not sealed at all"
    );
    let long = SecretString::from("x".repeat(5_000));
    assert!(matches!(
        sealer.seal("run-1", &long).await,
        Err(SealError::TooLong(5_000))
    ));
}

/// Executions: the same name starts once.
pub async fn executions(executions: &dyn Executions, name: &str) {
    let input = "{}".to_owned();
    assert_eq!(
        executions.start(name, input.clone()).await.unwrap(),
        Start::Started
    );
    assert_eq!(
        executions.start(name, input).await.unwrap(),
        Start::AlreadyExists
    );
}

/// Queue: everything sent arrives, however many; `receive` drains the bodies.
pub async fn queue<F>(queue: &dyn Queue, receive: impl Fn() -> F)
where
    F: Future<Output = Vec<String>>,
{
    let messages: Vec<Message> = (0..25)
        .map(|i| Message::new(format!("{{\"n\":{i}}}"), format!("mls-{}", i % 3)))
        .collect();
    assert!(queue.send(&messages).await.unwrap().is_empty());
    let mut got = BTreeSet::new();
    for _ in 0..100 {
        got.extend(receive().await);
        if got.len() == 25 {
            break;
        }
    }
    let sent: BTreeSet<String> = messages.into_iter().map(|m| m.body).collect();
    assert_eq!(got, sent);
    queue.dead_letter("{\"n\":1}", "no such MLS").await.unwrap();
}

/// Queue: a message that was not deleted is delivered again after the given time, with a count of
/// deliveries. `receive` returns the receipt, the body and the count of the next message, and deletes
/// nothing.
pub async fn postponing<F>(queue: &dyn Queue, receive: impl Fn() -> F)
where
    F: Future<Output = Vec<(String, String, u32)>>,
{
    let message = Message::new("{\"n\":1}", "acme");
    assert!(queue.send(&[message]).await.unwrap().is_empty());
    for nth in 1..=3 {
        let got = receive().await;
        let [(receipt, body, count)] = &got[..] else {
            panic!("it did not come for the {nth}th time: {got:?}");
        };
        assert_eq!((body.as_str(), *count), ("{\"n\":1}", nth));
        let wait = if nth < 3 { 0 } else { 11 * 3_600 };
        queue
            .postpone(receipt, Duration::from_secs(wait))
            .await
            .unwrap();
    }
    assert!(receive().await.is_empty(), "it came before its time");
    assert!(
        queue
            .postpone("not-a-receipt", Duration::ZERO)
            .await
            .is_err()
    );
}

/// Outbox: every event arrives, possibly several times; `arrived` returns the events so far.
pub async fn outbox<F>(outbox: &dyn Outbox, arrived: impl Fn() -> F)
where
    F: Future<Output = Vec<FeedEvent>>,
{
    let event = |kind, version: &str, run: &str| FeedEvent {
        kind,
        at: "2026-11-22T04:05:11Z".parse().unwrap(),
        feed: "abor-property-1f0c9a2b".parse().unwrap(),
        run: run.parse().unwrap(),
        version: Some(version.to_owned()),
        sequence: 2,
        count: 2093,
        added: 0,
        removed: 0,
    };
    let events = [
        event(EventKind::Changed, "v2", "r2"),
        event(EventKind::Held, "v2", "r3"),
        event(EventKind::Held, "v2", "r4"),
    ];
    for event in events.iter().chain(&events[..1]) {
        outbox.put(event).await.unwrap();
    }
    let mut got: Vec<FeedEvent> = Vec::new();
    for _ in 0..100 {
        got.extend(arrived().await);
        if events.iter().all(|event| got.contains(event)) {
            break;
        }
    }
    assert!(events.iter().all(|event| got.contains(event)), "{got:?}");
    assert!(got.iter().all(|event| events.contains(event)), "{got:?}");
}
