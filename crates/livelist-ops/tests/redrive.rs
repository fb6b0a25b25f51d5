//! Dead letters are processed again, and none is lost.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use livelist_model::layout;
use livelist_model::notice::{Deliveries, Delivery, DeliveryState, FeedEvent, NoticeMessage};
use livelist_model::plan::{Selection, plan};
use livelist_ops::redrive::{GivenUp, Kind, Outcome, days, notices, pairs};
use livelist_reso::Dialects;
use livelist_store::memory::{ManualClock, MemoryObjects, MemoryQueue};
use livelist_store::registry::read_registry;
use livelist_store::{Condition, DeadLetters, Objects, ObjectsExt, Queue, Retention};
use serde_json::{Value, json};
use std::sync::Arc;

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
    let key = layout::head(&feed.parse().unwrap());
    write(&objects, &key, &head(&feed, "2026-11-20")).await;
    let looked = pairs(&objects, &queue, &queue, true).await.unwrap();
    assert_eq!(looked[0].outcome, Outcome::Sent, "that was the day before");
    write(&objects, &key, &head(&feed, "2026-11-21")).await;
    assert_eq!(outcome(&objects, &queue).await, Outcome::Done);
    assert!(queue.take().is_none() && queue.dead().is_empty());
}

/// A head of `feed` that a run of `day` looked at.
fn head(feed: &str, day: &str) -> Value {
    json!({"schema": 1, "feed": feed, "version": format!("{day}T04:00:00Z-000001"),
        "sequence": 1, "as_of": format!("{day}T04:00:00Z"), "complete": true, "count": 0,
        "previous_count": null, "key_field": "ListingKey", "order": "bytewise", "sha256": "",
        "full": {"object": "x", "bytes": 1}, "run": format!("{day}-{feed}"),
        "published_at": format!("{day}T04:00:00Z"), "checked_run": format!("{day}-{feed}")})
}

async fn put(queue: &MemoryQueue, body: &Value) {
    let body = body.to_string();
    queue.dead_letter(&body, "it was Tuesday").await.unwrap();
}

#[tokio::test]
async fn a_day_that_was_not_planned_is_planned_for_what_is_left_of_it() {
    let (objects, dead, queue) = (
        MemoryObjects::new(),
        MemoryQueue::default(),
        MemoryQueue::default(),
    );
    registry(&objects, true).await;
    let client = json!({"client": "acme", "pairs": [{"mls": "abor", "resource": "Property"},
        {"mls": "abor", "resource": "Office"}]});
    write(&objects, "registry/clients/acme.json", &client).await;
    let (known, _) = read_registry(&objects, &Dialects).await.unwrap();
    let due = plan(&known, "2026-11-21".parse().unwrap(), &Selection::default()).due;
    // One of the two feeds was looked at by hand on that day.
    let feed = due[0].feed.to_string();
    write(
        &objects,
        &layout::head(&due[0].feed),
        &head(&feed, "2026-11-21"),
    )
    .await;

    put(&dead, &json!({"time": "2026-11-20T04:00:00Z"})).await;
    let failed = json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"},
        "requestPayload": {"time": "2026-11-21T04:00:00Z"},
        "responsePayload": {"errorType": "StoreUnavailable", "errorMessage": "x"}});
    put(&dead, &failed).await;
    put(&dead, &json!({"mls": "abor"})).await;
    let looked = days(&objects, &dead, &queue, true).await.unwrap();
    assert!(queue.take().is_none(), "only looked at");
    let redriven = days(&objects, &dead, &queue, false).await.unwrap();
    assert_eq!(looked, redriven);
    let became: Vec<_> = redriven
        .iter()
        .map(|line| (line.about(), line.outcome))
        .collect();
    let day = |day: &str| Some(day.to_owned());
    let expected = [
        (day("2026-11-21"), Outcome::Sent),
        (day("2026-11-20"), Outcome::Done),
        (None, Outcome::Kept),
    ];
    assert_eq!(became, expected);
    assert!(redriven.iter().all(|line| line.queue == Kind::Days));
    let sent = queue.take().unwrap();
    assert_eq!(sent.body, serde_json::to_string(&due[1]).unwrap());
    assert!(queue.take().is_none(), "one feed, for one day");
    assert_eq!(dead.dead().len(), 1, "the one without a day stays");
}

/// An installation whose site wants to be told, and an event.
async fn told(objects: &MemoryObjects) -> FeedEvent {
    registry(objects, true).await;
    let notify = json!({"url": "https://site.example/notify", "credential": "env:N"});
    let client = json!({"client": "acme", "notify": notify,
        "pairs": [{"mls": "abor", "resource": "Property"}]});
    write(objects, "registry/clients/acme.json", &client).await;
    let (known, _) = read_registry(objects, &Dialects).await.unwrap();
    let due = plan(&known, "2026-11-21".parse().unwrap(), &Selection::default()).due;
    let head = head(due[0].feed.as_str(), "2026-11-21");
    FeedEvent::changed(&serde_json::from_value(head).unwrap())
}

/// Puts a delivery of `event` into the records.
async fn delivered(objects: &MemoryObjects, event: &FeedEvent, state: DeliveryState) {
    let client = "acme".parse().unwrap();
    let key = layout::notices(&client, &event.feed);
    let known = objects.read_json::<Deliveries>(&key).await.unwrap();
    let mut known = known.map_or_else(|| Deliveries::of(&client), |(known, _)| known);
    let mut delivery = Delivery::new(event.clone(), &client, event.at);
    delivery.state = state;
    delivery.error = Some("timed_out".to_owned());
    delivery.attempts = 9;
    known.put(delivery);
    write(objects, &key, &serde_json::to_value(&known).unwrap()).await;
}

#[tokio::test]
async fn a_notice_that_was_given_up_is_sent_unless_its_site_knows_by_now() {
    let (objects, dead, queue) = (
        MemoryObjects::new(),
        MemoryQueue::default(),
        MemoryQueue::default(),
    );
    let event = told(&objects).await;
    delivered(&objects, &event, DeliveryState::GivenUp).await;
    let message = NoticeMessage::new(event.clone(), Some("acme".parse().unwrap()));
    let message = serde_json::to_value(&message).unwrap();
    put(&dead, &message).await;
    put(&dead, &json!({"some": "thing"})).await;
    let redriven = notices(&objects, &dead, &queue, false).await.unwrap();
    let outcomes: Vec<_> = redriven.iter().map(|line| line.outcome).collect();
    assert_eq!(outcomes, [Outcome::Sent, Outcome::Kept]);
    assert_eq!(
        redriven[0].about().unwrap(),
        format!("{}, for acme", event.run)
    );
    assert_eq!(queue.take().unwrap().body, message.to_string());
    assert_eq!(dead.dead().len(), 1);

    // Nobody wants it any more, or not at this URL.
    put(&dead, &message).await;
    let gone = livelist_model::notice::Disabled::new("https://site.example/notify", event.at);
    let key = layout::notices_disabled(&"acme".parse().unwrap());
    write(&objects, &key, &serde_json::to_value(&gone).unwrap()).await;
    let redriven = notices(&objects, &dead, &queue, false).await.unwrap();
    assert!(redriven.iter().all(|line| line.outcome == Outcome::Kept));
    assert!(queue.take().is_none());
    objects.delete(&key, Condition::Always).await.unwrap();

    // A later version was told of.
    let later = FeedEvent {
        at: event.at + jiff::SignedDuration::from_hours(24),
        ..event
    };
    delivered(&objects, &later, DeliveryState::Delivered).await;
    let redriven = notices(&objects, &dead, &queue, false).await.unwrap();
    assert!(redriven.iter().any(|line| line.outcome == Outcome::Done));
    assert!(queue.take().is_none());
    assert_eq!(dead.dead().len(), 1);
}

#[tokio::test]
async fn one_machine_s_notices_are_recorded_as_new() {
    let objects = Arc::new(MemoryObjects::new());
    let event = told(&objects).await;
    delivered(&objects, &event, DeliveryState::GivenUp).await;
    let given_up = GivenUp {
        objects: objects.clone(),
        clock: Arc::new(ManualClock::at("2026-11-22T09:00:00Z".parse().unwrap())),
    };
    let key = layout::notices(&"acme".parse().unwrap(), &event.feed);
    let record = async || {
        let known = objects.read_json::<Deliveries>(&key).await.unwrap();
        known.unwrap().0.deliveries.remove(0)
    };
    let looked = notices(&*objects, &given_up, &given_up, true)
        .await
        .unwrap();
    assert_eq!(looked[0].was.as_deref(), Some("timed_out"));
    assert_eq!(
        record().await.state,
        DeliveryState::GivenUp,
        "only looked at"
    );
    let redriven = notices(&*objects, &given_up, &given_up, false)
        .await
        .unwrap();
    assert_eq!(looked, redriven);
    let now = record().await;
    assert_eq!((now.state, now.attempts), (DeliveryState::Waiting, 0));
    assert_eq!(now.next_at.unwrap().to_string(), "2026-11-22T09:00:00Z");
    // Once: it waits, and is put aside no more.
    let again = notices(&*objects, &given_up, &given_up, false)
        .await
        .unwrap();
    assert!(again.is_empty());
    // A site that was told of a later version needs no earlier one.
    delivered(&objects, &event, DeliveryState::GivenUp).await;
    let later = FeedEvent {
        at: event.at + jiff::SignedDuration::from_hours(24),
        ..event.clone()
    };
    delivered(&objects, &later, DeliveryState::Delivered).await;
    let again = notices(&*objects, &given_up, &given_up, false)
        .await
        .unwrap();
    assert!(again.is_empty());
}
