use livelist_store::memory::{ManualClock, SeededEntropy};

use super::*;
use crate::stub::{Answer, Requests, serve};

#[test]
fn a_reason_is_what_sqs_takes() {
    assert_eq!(reason("no such\nMLS\u{0}"), "no such MLS ");
    assert_eq!(reason(" "), "no reason given");
    assert_eq!(reason(&"ß".repeat(2_000)).chars().count(), REASON);
}

fn messages(n: usize) -> Vec<Message> {
    let message = |i| Message::new(format!("{{\"n\":{i}}}"), "abor");
    (0..n).map(message).collect()
}

async fn queue(
    answer: impl Fn(usize) -> Answer + Send + 'static,
) -> (SqsQueue, Arc<ManualClock>, Requests) {
    let (clients, requests) = serve(move |n, _| answer(n)).await;
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    let entropy = Arc::new(SeededEntropy::new(1));
    let queue = clients.queue("http://q", "http://dead", clock.clone(), entropy);
    (queue, clock, requests)
}

fn refused(id: usize, ours: bool) -> Answer {
    let failed = format!(
        r#"{{"Successful":[],"Failed":[{{"Id":"{id}","SenderFault":{ours},"Code":"Odd"}}]}}"#
    );
    Answer::of(200, &failed)
}

const SENT: &str = r#"{"Successful":[],"Failed":[]}"#;
const DENIED: &str = r#"{"__type":"AccessDenied","message":"says why"}"#;

#[tokio::test]
async fn what_sqs_refuses_for_now_is_sent_again_alone() {
    let (queue, clock, requests) = queue(|n| match n {
        0 => refused(1, false),
        _ => Answer::of(200, SENT),
    })
    .await;
    assert!(queue.send(&messages(3)).await.unwrap().is_empty());
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].body.contains(r#"\"n\":1"#));
    assert!(!requests[1].body.contains(r#"\"n\":0"#));
    assert!(requests[0].body.contains(r#""MessageGroupId":"abor""#));
    assert_eq!(clock.slept().len(), 1);
}

#[tokio::test]
async fn a_message_that_is_refused_for_good_is_told_and_the_rest_is_sent() {
    let (queue, clock, requests) = queue(|_| refused(1, true)).await;
    let failures = queue.send(&messages(3)).await.unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].index, 1);
    assert_eq!(failures[0].reason, "Odd: no reason given");
    assert_eq!(requests.lock().unwrap().len(), 1);
    assert!(clock.slept().is_empty());
}

#[tokio::test]
async fn a_delay_is_sent_within_what_sqs_allows() {
    let (queue, _, requests) = queue(|_| Answer::of(200, SENT)).await;
    let mut messages = messages(3);
    messages[1].delay = Duration::from_millis(45_900);
    messages[2].delay = Duration::from_secs(1_000_000);
    assert!(queue.send(&messages).await.unwrap().is_empty());
    let requests = requests.lock().unwrap();
    let sent: serde_json::Value = serde_json::from_str(&requests[0].body).unwrap();
    let delay = |nth: usize| sent["Entries"][nth].get("DelaySeconds").cloned();
    assert_eq!(delay(0), None);
    assert_eq!([delay(1), delay(2)], [45, 900].map(|s| Some(s.into())));
}

#[tokio::test]
async fn attempts_end() {
    let (queue, clock, requests) = queue(|_| refused(0, false)).await;
    let failures = queue.send(&messages(2)).await.unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(requests.lock().unwrap().len(), ATTEMPTS as usize);
    assert!(clock.slept().is_sorted(), "{:?}", clock.slept());
}

#[tokio::test]
async fn a_call_that_fails_fails_its_batch_only() {
    let (queue, _, _) = queue(|n| match n {
        0 => Answer::of(400, DENIED),
        _ => Answer::of(200, SENT),
    })
    .await;
    let failures = queue.send(&messages(25)).await.unwrap();
    assert!(matches!(failures.len(), 5 | 10), "{}", failures.len());
    assert!(
        failures[0].reason.contains("AccessDenied: says why"),
        "{}",
        failures[0].reason
    );
}

#[tokio::test]
async fn when_nothing_was_sent_it_is_an_error_and_soon_nothing_more_is_tried() {
    let (queue, _, requests) = queue(|_| Answer::of(400, DENIED)).await;
    let error = queue.send(&messages(1_000)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }));
    let tried = requests.lock().unwrap().len();
    assert!(tried < FAILED_CALLS + AT_ONCE, "{tried}");
}

#[tokio::test]
async fn a_message_is_postponed_within_what_sqs_allows() {
    let (queue, _, requests) = queue(|_| Answer::of(200, "{}")).await;
    for hours in [0, 1, 12, 1_000_000] {
        let wait = Duration::from_secs(hours * 3_600);
        queue.postpone("receipt-1", wait).await.unwrap();
    }
    let requests = requests.lock().unwrap();
    let timeouts: Vec<&str> = requests
        .iter()
        .map(|request| {
            assert!(request.body.contains(r#""ReceiptHandle":"receipt-1""#));
            let (_, rest) = request.body.split_once(r#""VisibilityTimeout":"#).unwrap();
            rest.split([',', '}']).next().unwrap()
        })
        .collect();
    assert_eq!(timeouts, ["0", "3600", "43140", "43140"]);
}

#[tokio::test]
async fn an_event_that_is_refused_was_not_put() {
    let event: FeedEvent = serde_json::from_value(serde_json::json!({
        "type": "feed.changed", "at": "2026-11-22T04:05:11Z", "feed": "abor-property-1f0c9a2b",
        "run": "2026-11-22-abor", "version": "v2", "sequence": 2, "count": 1, "added": 1,
        "removed": 0,
    }))
    .unwrap();
    let (outbox, _, _) = queue(|_| refused(0, true)).await;
    assert!(outbox.put(&event).await.is_err());
    let (outbox, _, requests) = queue(|_| Answer::of(200, SENT)).await;
    outbox.put(&event).await.unwrap();
    assert!(requests.lock().unwrap()[0].body.contains("feed.changed"));
}
