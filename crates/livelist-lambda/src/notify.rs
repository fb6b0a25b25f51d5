//! The handler of the queue of events: delivers webhooks to the sites.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use livelist_aws::{AwsClients, Place};
use livelist_notify::{Handled, Notifier, Rules, Sender, SystemResolver};
use livelist_steps::StepError;
use livelist_store::{Clock, Entropy, Queue, SystemClock, SystemEntropy};
use serde_json::Value;

use crate::batch;
use crate::config::Config;
use crate::step::guarded;

const NAME: &str = "notify";

/// The attribute with the number of deliveries.
const COUNT: &str = "ApproximateReceiveCount";

/// Serves the queue.
pub(crate) async fn serve(config: &Config) -> Result<(), lambda_runtime::Error> {
    let clients = AwsClients::new(Place::Environment).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let (url, dead) = (
        config.queue_url.as_deref(),
        config.dead_letter_url.as_deref(),
    );
    let queue = clients.queue(
        url.unwrap_or_default(),
        dead.unwrap_or_default(),
        clock.clone(),
        entropy.clone(),
    );
    let rules = Rules {
        loopback: config.notify_loopback,
    };
    let notifier = Notifier::new(
        Arc::new(clients.objects(&config.bucket, entropy.clone())),
        Arc::new(clients.secrets()),
        clock,
        entropy,
        Sender::new(rules, Arc::new(SystemResolver))?,
    );
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        handle(&notifier, &queue, event.payload).await
    }))
    .await
}

/// Handles a batch.
async fn handle(
    notifier: &Notifier,
    queue: &dyn Queue,
    payload: Value,
) -> Result<SqsBatchResponse, Diagnostic> {
    batch::handle(NAME, payload, async |message| {
        item(notifier, queue, message).await
    })
    .await
}

/// Handles one message. Returns its id if it has to be delivered again.
async fn item(notifier: &Notifier, queue: &dyn Queue, message: SqsMessage) -> Option<String> {
    let body = message.body.unwrap_or_default();
    let receipt = message.receipt_handle.unwrap_or_default();
    let count = message.attributes.get(COUNT).and_then(|n| n.parse().ok());
    let handling = async {
        let handled = notifier.handle(queue, &body, &receipt, count.unwrap_or(1));
        Ok::<_, StepError>(handled.await?)
    };
    match guarded(handling).await {
        Ok(Handled::Done) => return None,
        Ok(Handled::Again) => {}
        Err(error) => tracing::error!(
            step = NAME,
            message_id = message.message_id,
            error = error.name(),
            advice = error.advice(),
            "a message failed and will be received again: {}",
            error.chain()
        ),
    }
    Some(message.message_id.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use livelist_model::notice::{ATTEMPTS, Deliveries, DeliveryState};
    use livelist_store::memory::{
        ManualClock, MemoryObjects, MemoryQueue, MemorySecrets, SeededEntropy,
    };
    use livelist_store::{Condition, Message, Objects, ObjectsExt, Retention};
    use serde_json::json;

    use super::*;

    const MLS: &str = r#"{"mls":"abor","provider":"reso","credential":"env:X",
        "base_url":"https://x.example/odata"}"#;

    /// An address without a listener, which may not be called either.
    fn client(name: &str) -> String {
        format!(
            r#"{{"client":"{name}","pairs":[{{"mls":"abor","resource":"Property"}}],
                "notify":{{"url":"https://127.0.0.1:1/hook","credential":"env:SECRET"}}}}"#
        )
    }

    async fn notifier() -> (Notifier, Arc<MemoryObjects>, MemoryQueue) {
        let objects = Arc::new(MemoryObjects::new());
        let secrets = MemorySecrets::default();
        secrets.set(
            "env:SECRET".parse().unwrap(),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        );
        for (key, document) in [
            ("registry/mls/abor.json", MLS.to_owned()),
            ("registry/clients/acme.json", client("acme")),
            ("registry/clients/zeta.json", client("zeta")),
        ] {
            let body = document.into_bytes().into();
            let put = objects.put(key, body, Condition::Always, Retention::Keep);
            put.await.unwrap();
        }
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let sender = Sender::new(Rules::default(), Arc::new(SystemResolver)).unwrap();
        let entropy = Arc::new(SeededEntropy::new(1));
        let notifier = Notifier::new(objects.clone(), Arc::new(secrets), clock, entropy, sender);
        (notifier, objects, MemoryQueue::default())
    }

    fn event() -> Value {
        let feed = livelist_model::FeedId::of(
            &"abor".parse().unwrap(),
            &"Property".parse().unwrap(),
            "env:X",
            None,
        );
        json!({"schema": 1, "event": {"type": "feed.changed", "at": "2026-11-21T04:00:00Z",
            "feed": feed, "run": "2026-11-21-x", "version": "v1", "sequence": 1, "count": 10,
            "added": 10, "removed": 0}})
    }

    /// The next batch of the queue, as Lambda gives it.
    fn batch(queue: &MemoryQueue) -> Vec<Value> {
        let received = std::iter::from_fn(|| queue.receive());
        received
            .map(|r| {
                json!({"messageId": r.receipt, "receiptHandle": r.receipt, "body": r.message.body,
                    "attributes": {"ApproximateReceiveCount": r.count.to_string()}})
            })
            .collect()
    }

    async fn run(notifier: &Notifier, queue: &MemoryQueue) -> (usize, usize) {
        let records = batch(queue);
        let all = records.len();
        let answer = handle(notifier, queue, json!({"Records": records})).await;
        (all, answer.unwrap().batch_item_failures.len())
    }

    #[tokio::test]
    async fn an_event_becomes_a_message_for_each_client_that_is_tried_until_it_is_given_up() {
        let (notifier, objects, queue) = notifier().await;
        let message = |body: Value| Message::new(body.to_string(), "");
        let broken = [message(event()), message(json!({"schema": 1}))];
        queue.send(&broken).await.unwrap();
        assert_eq!(run(&notifier, &queue).await, (2, 0));
        assert_eq!(queue.dead().len(), 1, "what is no event is put aside");
        let mut last = Duration::ZERO;
        for attempt in 1..ATTEMPTS {
            assert_eq!(run(&notifier, &queue).await, (2, 2), "{attempt}");
            let waits: Vec<Duration> = queue.postponed().iter().map(|(wait, _)| *wait).collect();
            assert_eq!(waits.len(), 2, "{attempt}");
            assert!(waits.iter().all(|wait| *wait >= last), "{waits:?}");
            last = waits[0].min(waits[1]);
            queue.pass();
        }
        assert_eq!(run(&notifier, &queue).await, (2, 2));
        assert!(
            queue.postponed().is_empty(),
            "it goes to the dead letters at once"
        );
        let feed = event()["event"]["feed"].as_str().unwrap().to_owned();
        let key = format!("notices/acme/{feed}.json");
        let (known, _) = objects
            .read_json::<Deliveries>(&key)
            .await
            .unwrap()
            .unwrap();
        let [delivery] = &known.deliveries[..] else {
            panic!("{known:?}");
        };
        assert_eq!(delivery.state, DeliveryState::GivenUp);
        assert_eq!(delivery.attempts, ATTEMPTS);
        assert_eq!(delivery.error.as_deref(), Some("address_refused"));
    }

    #[tokio::test]
    async fn an_event_of_something_else_is_an_invalid_input() {
        let (notifier, _, queue) = notifier().await;
        let error = handle(&notifier, &queue, json!({"detail": {}})).await;
        assert_eq!(error.unwrap_err().error_type, "InputInvalid");
    }
}
