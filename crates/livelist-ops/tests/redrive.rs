//! What was put aside is looked at again, and nothing of it is lost.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use livelist_model::layout;
use livelist_model::plan::{Selection, plan};
use livelist_ops::redrive::{Outcome, pairs};
use livelist_reso::Dialects;
use livelist_store::memory::{MemoryObjects, MemoryQueue};
use livelist_store::registry::read_registry;
use livelist_store::{Condition, DeadLetters, Objects, Queue, Retention};
use serde_json::{Value, json};

async fn write(objects: &MemoryObjects, key: &str, document: &Value) {
    let bytes = serde_json::to_vec(document).unwrap();
    objects
        .put(key, bytes.into(), Condition::Always, Retention::Keep)
        .await
        .unwrap();
}

async fn registry(objects: &MemoryObjects, enabled: bool) {
    let mls = json!({"mls": "abor", "provider": "trestle", "credential": "env:A",
        "base_url": "https://api.cotality.com/trestle/odata", "enabled": enabled});
    write(objects, "registry/mls/abor.json", &mls).await;
    let client = json!({"client": "acme", "pairs": [{"mls": "abor", "resource": "Property"}]});
    write(objects, "registry/clients/acme.json", &client).await;
}

/// A pair of 2026-11-21 that was put aside.
async fn put_aside(objects: &MemoryObjects, queue: &MemoryQueue) -> (String, String) {
    registry(objects, true).await;
    let (known, _) = read_registry(objects, &Dialects).await.unwrap();
    let due = plan(&known, "2026-11-21".parse().unwrap(), &Selection::default()).due;
    let body = serde_json::to_string(&due[0]).unwrap();
    queue.dead_letter(&body, "it was Tuesday").await.unwrap();
    (body, due[0].feed.to_string())
}

async fn outcome(objects: &MemoryObjects, queue: &MemoryQueue) -> Outcome {
    let redriven = pairs(objects, queue, queue, false).await.unwrap();
    assert_eq!(redriven.len(), 1);
    assert_eq!(redriven[0].was.as_deref(), Some("it was Tuesday"));
    redriven[0].outcome
}

#[tokio::test]
async fn what_can_be_started_by_now_is_sent_once() {
    let (objects, queue) = (MemoryObjects::new(), MemoryQueue::default());
    let (body, _) = put_aside(&objects, &queue).await;
    let looked = pairs(&objects, &queue, &queue, true).await.unwrap();
    assert_eq!(looked[0].outcome, Outcome::Sent);
    assert!(queue.take().is_none(), "only looked at");
    assert_eq!(outcome(&objects, &queue).await, Outcome::Sent);
    assert_eq!(queue.take().unwrap().body, body);
    assert!(DeadLetters::receive(&queue).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_would_fail_again_stays() {
    let (objects, queue) = (MemoryObjects::new(), MemoryQueue::default());
    put_aside(&objects, &queue).await;
    registry(&objects, false).await;
    assert_eq!(outcome(&objects, &queue).await, Outcome::Kept);
    assert!(queue.take().is_none());
    assert_eq!(queue.dead().len(), 1);
    queue
        .dead_letter("no pair", "it was Tuesday")
        .await
        .unwrap();
    let redriven = pairs(&objects, &queue, &queue, false).await.unwrap();
    assert!(redriven.iter().all(|line| line.outcome == Outcome::Kept));
    assert_eq!(queue.dead().len(), 2);
}

#[tokio::test]
async fn what_was_done_since_is_forgotten() {
    let (objects, queue) = (MemoryObjects::new(), MemoryQueue::default());
    let (_, feed) = put_aside(&objects, &queue).await;
    let head = |day: &str| {
        json!({"schema": 1, "feed": feed, "version": format!("{day}T04:00:00Z-000001"),
            "sequence": 1, "as_of": format!("{day}T04:00:00Z"), "complete": true, "count": 0,
            "previous_count": null, "key_field": "ListingKey", "order": "bytewise", "sha256": "",
            "full": {"object": "x", "bytes": 1}, "run": format!("{day}-{feed}"),
            "published_at": format!("{day}T04:00:00Z"), "checked_run": format!("{day}-{feed}")})
    };
    let key = layout::head(&feed.parse().unwrap());
    write(&objects, &key, &head("2026-11-20")).await;
    let looked = pairs(&objects, &queue, &queue, true).await.unwrap();
    assert_eq!(looked[0].outcome, Outcome::Sent, "that was the day before");
    write(&objects, &key, &head("2026-11-21")).await;
    assert_eq!(outcome(&objects, &queue).await, Outcome::Done);
    assert!(queue.take().is_none() && queue.dead().is_empty());
}
