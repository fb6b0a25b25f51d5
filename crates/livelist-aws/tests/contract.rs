//! The adapters keep the ports' contracts, asked of a local stack.
//!
//! Needs `LIVELIST_TEST_ENDPOINT`, the URL of a running stack. Every test makes its own bucket,
//! queue, machine, topic or key, so that they run beside each other and beside anything else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod stack;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use livelist_aws::S3Objects;
use livelist_model::notice::NoticeMessage;
use livelist_store::leases::ObjectLeases;
use livelist_store::memory::ManualClock;
use livelist_store::{
    Body, Clock, Condition, Links, Notices, Objects, ObjectsExt, Queue, Retention, SealError,
    Sealer, SecretError, Secrets, SystemClock, SystemEntropy, contract,
};
use secrecy::{ExposeSecret, SecretString};
use stack::Stack;
use tokio::io::AsyncReadExt;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the local stack: make test starts it"]
async fn objects() {
    let stack = Stack::new().await;
    contract::objects(&stack.objects().await).await;
    contract::objects_race(Arc::new(stack.objects().await)).await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn object_leases() {
    let stack = Stack::new().await;
    let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
    let leases = ObjectLeases::new(Arc::new(stack.objects().await), clock.clone());
    contract::leases(&leases, &*clock).await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn sealer() {
    let stack = Stack::new().await;
    let sealer = stack.clients.sealer(stack.key().await);
    contract::sealer(&sealer).await;
    let sealed = sealer.seal("run-1", &SecretString::from("x")).await;
    assert!(matches!(
        sealer.open("run-2", &sealed.unwrap()).await,
        Err(SealError::NotOurs)
    ));
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn executions() {
    let stack = Stack::new().await;
    let executions = stack.clients.executions(stack.machine().await);
    contract::executions(&executions, "2026-11-21-abor-property-1f0c9a2b").await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn queue() {
    let stack = Stack::new().await;
    let (url, dead) = (stack.queue("pairs").await, stack.queue("dead").await);
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let queue = stack.clients.queue(&url, &dead, clock, entropy);
    contract::queue(&queue, || async {
        let got = stack.receive(&url).await;
        assert!(got.iter().all(|m| m.group.starts_with("mls-")));
        got.into_iter().map(|m| m.body).collect()
    })
    .await;
    let dead = stack.receive(&dead).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].body, "{\"n\":1}");
    assert_eq!(dead[0].reason, "no such MLS");
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_postponed_message_comes_again() {
    let stack = Stack::new().await;
    let url = stack.queue("postponed").await;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let queue = stack.clients.queue(&url, &url, clock, entropy);
    contract::postponing(&queue, || stack.look(&url)).await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn outbox() {
    let stack = Stack::new().await;
    let url = stack.queue("outbox").await;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let outbox = stack.clients.outbox(&url, clock, entropy);
    contract::outbox(&outbox, || async {
        let got = stack.receive(&url).await;
        assert!(got.iter().all(|m| m.group == "abor-property-1f0c9a2b"));
        let messages = got.into_iter().map(|m| m.body);
        let messages = messages.map(|body| serde_json::from_str::<NoticeMessage>(&body).unwrap());
        messages.map(|message| message.event).collect()
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_queue_that_is_not_there_is_an_error_and_not_a_list_of_failures() {
    let stack = Stack::new().await;
    let url = stack.queue("pairs").await + "-not-there";
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let queue = stack.clients.queue(&url, &url, clock, entropy);
    let message = livelist_store::Message::new("{}", "abor");
    assert!(queue.send(&vec![message; 25]).await.is_err());
    assert!(queue.dead_letter("{}", "").await.is_err());
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn secrets() {
    let stack = Stack::new().await;
    let name = stack.parameter("{\"token\":\"x\"}").await;
    let secrets = stack.clients.secrets();
    let there = format!("ssm:{name}").parse().unwrap();
    let secret = secrets.get(&there).await.unwrap();
    assert_eq!(secret.expose_secret(), "{\"token\":\"x\"}");
    let missing = format!("ssm:{name}-not").parse().unwrap();
    let error = secrets.get(&missing).await.unwrap_err();
    assert!(matches!(error, SecretError::Missing(_)), "{error:?}");
    for local in ["env:X", "file:x"] {
        let error = secrets.get(&local.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, SecretError::Unsupported(..)), "{error:?}");
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn notices() {
    let stack = Stack::new().await;
    let (topic, inbox) = stack.topic().await;
    let notices = stack.clients.notices(topic);
    notices
        .publish("held: abor\n", "730 of 1,000 keys are gone")
        .await
        .unwrap();
    let got = stack.receive(&inbox).await;
    assert_eq!(got.len(), 1);
    assert!(got[0].body.contains("held: abor\""), "{}", got[0].body);
    assert!(got[0].body.contains("730 of 1,000 keys are gone"));
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_link_needs_no_credentials_and_ends() {
    let stack = Stack::new().await;
    let bucket = stack.bucket().await;
    let objects = stack.clients.objects(&bucket, Arc::new(SystemEntropy));
    let key = "feeds/a/snapshots/1.txt.gz";
    put(&objects, key, b"not really gzip".to_vec().into()).await;
    let links = stack.clients.links(&bucket, Arc::new(SystemClock));
    let link = links.link(key, Duration::from_secs(86_400)).await.unwrap();
    let (status, body) = stack.fetch(&link.url).await;
    assert_eq!((status, &body[..]), (200, &b"not really gzip"[..]));
    assert!(link.url.contains("X-Amz-Expires=3600"), "{}", link.url);
    assert!(
        link.url.contains("X-Amz-SignedHeaders=host&"),
        "{}",
        link.url
    );

    let yesterday = SystemClock.now() - Duration::from_secs(86_400);
    let links = stack
        .clients
        .links(&bucket, Arc::new(ManualClock::at(yesterday)));
    let link = links.link(key, Duration::from_secs(60)).await.unwrap();
    assert_eq!(stack.fetch(&link.url).await.0, 403, "it has ended");
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn retention_is_a_tag() {
    let stack = Stack::new().await;
    let bucket = stack.bucket().await;
    let objects = stack.clients.objects(&bucket, Arc::new(SystemEntropy));
    let write = |key: &'static str, retention| {
        let body = Body::from(b"x".to_vec());
        objects.put(key, body, Condition::Always, retention)
    };
    write("a/part", Retention::Scratch).await.unwrap();
    assert_eq!(stack.tags(&bucket, "a/part").await, ["livelist=scratch"]);
    write("a/kept", Retention::Keep).await.unwrap();
    assert!(stack.tags(&bucket, "a/kept").await.is_empty());
    objects.retire("a/kept").await.unwrap();
    assert_eq!(stack.tags(&bucket, "a/kept").await, ["livelist=retired"]);
    objects.retire("a/c").await.unwrap();
    assert!(objects.get("a/c").await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_large_object_goes_in_chunks() {
    let stack = Stack::new().await;
    let objects = stack.objects().await;
    let chunks: Vec<Bytes> = (0..100u8)
        .map(|i| Bytes::from(vec![i; 100_000 + usize::from(i)]))
        .collect();
    let whole = chunks.concat();
    put(&objects, "large", chunks.into()).await;
    let mut object = objects.get("large").await.unwrap().unwrap();
    assert_eq!(object.bytes, whole.len() as u64);
    let mut read = Vec::new();
    object.body.read_to_end(&mut read).await.unwrap();
    assert!(read == whole, "other bytes came back");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the local stack: make test starts it"]
async fn listings_are_paged_to_the_end() {
    const MANY: usize = 1_003;
    let stack = Stack::new().await;
    let objects = &stack.objects().await;
    // So many at once as the emulator answers in time on a busy machine.
    stream::iter(0..MANY)
        .for_each_concurrent(32, |i| async move {
            let key = format!("registry/clients/c{i:05}/x.json");
            put(objects, &key, Body::from(b"{}".to_vec())).await;
        })
        .await;
    let listed = objects.list("registry/").await.unwrap();
    assert_eq!(listed.len(), MANY);
    assert!(listed.is_sorted_by(|a, b| a.key < b.key));
    let names = objects.list_names("registry/clients/").await.unwrap();
    assert_eq!(names.len(), MANY);
    assert_eq!(names[1], "c00001");
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_bucket_that_is_not_there_is_an_error_and_not_an_empty_store() {
    let stack = Stack::new().await;
    let bucket = "livelist-no-such-bucket";
    let objects = stack.clients.objects(bucket, Arc::new(SystemEntropy));
    assert!(objects.get("x").await.is_err());
    assert!(objects.read("x").await.is_err());
    assert!(objects.list("x/").await.is_err());
    assert!(objects.list_names("x/").await.is_err());
    assert!(objects.delete("x", Condition::Always).await.is_err());
    assert!(objects.retire("x").await.is_err());
    for condition in [
        Condition::Always,
        Condition::Absent,
        Condition::Unchanged("\"x\"".to_owned()),
    ] {
        let written = objects.put("x", Body::default(), condition, Retention::Keep);
        assert!(matches!(
            written.await,
            Err(livelist_store::StoreError::Refused { .. })
        ));
    }
}

async fn put(objects: &S3Objects, key: &str, body: Body) {
    objects
        .put(key, body, Condition::Always, Retention::Keep)
        .await
        .unwrap();
}
