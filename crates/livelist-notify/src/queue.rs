//! Processes the queue of events. An event without a client is fanned out into one message for each
//! client. A message with a client is delivered, or becomes visible again when its next attempt is
//! due. The queue does the waiting.

use std::sync::Arc;
use std::time::Duration;

use livelist_model::notice::{
    Delivery, DeliveryState, FeedEvent, NoticeMessage, next_attempt, told,
};
use livelist_model::registry::{AnyProvider, Registry};
use livelist_store::registry::Documents;
use livelist_store::{Message, Queue, StoreError};

use crate::Notifier;

/// A registry that was looked at after an event is good for it, for so long: the events of a night
/// come close together. One that was looked at before the event may lack a client that was registered
/// in between, who would never be told.
const FRESH: Duration = Duration::from_secs(60);

/// A registry, and when it was compared with what is stored. What did not change is not read again:
/// reading thousands of documents for the events of each minute would cost more than their scans.
#[derive(Default)]
pub(crate) struct KnownRegistry {
    at: Option<jiff::Timestamp>,
    documents: Documents,
    registry: Arc<Registry>,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// It is done with.
    Done,
    /// It has to come again, or was given up and belongs to the dead letters.
    Again,
}

impl Notifier {
    /// Handles a message that was received for the `count`th time. What fails comes again as the
    /// schedule has it; after the last time the queue puts it aside.
    pub async fn handle(
        &self,
        queue: &dyn Queue,
        body: &str,
        receipt: &str,
        count: u32,
    ) -> Result<Handled, StoreError> {
        let message = match understood(body) {
            Ok(message) => message,
            Err(reason) => {
                tracing::error!(reason, "a message goes to the dead-letter queue");
                queue.dead_letter(body, &reason).await?;
                return Ok(Handled::Done);
            }
        };
        let done = match &message.client {
            None => self.multiply(queue, &message.event).await.map(|()| None),
            Some(client) => {
                let delivered = self.deliver(client, &message.event, count).await;
                delivered.map(|delivery| self.wait_of(&delivery))
            }
        };
        let wait = match done {
            Ok(None) => return Ok(Handled::Done),
            Ok(Some(wait)) => wait,
            Err(error) => {
                let feed = &message.event.feed;
                let error = livelist_model::with_causes(&error);
                tracing::error!(%feed, client = ?message.client, error, "a notice will be sent again");
                next_attempt(count, self.entropy.fraction()).unwrap_or_default()
            }
        };
        queue.postpone(receipt, wait).await?;
        Ok(Handled::Again)
    }

    /// How long the message of a delivery has to wait; nothing if it is done with. One that was
    /// given up comes at once, and so to the dead letters.
    fn wait_of(&self, delivery: &Delivery) -> Option<Duration> {
        match delivery.state {
            DeliveryState::Delivered | DeliveryState::Disabled => None,
            DeliveryState::GivenUp => Some(Duration::ZERO),
            DeliveryState::Waiting => {
                let now = self.clock.now();
                let wait = delivery.next_at.map(|at| at.duration_since(now));
                Some(wait.and_then(|w| w.try_into().ok()).unwrap_or_default())
            }
        }
    }

    /// Sends a message for each client that is told of the event.
    async fn multiply(&self, queue: &dyn Queue, event: &FeedEvent) -> Result<(), StoreError> {
        let clients = told(&*self.registry(event.at).await?, &event.feed);
        let mut messages = Vec::with_capacity(clients.len());
        for client in clients {
            let group = client.to_string();
            let message = NoticeMessage::new(event.clone(), Some(client));
            let body = serde_json::to_string(&message)
                .map_err(|e| StoreError::refused("writing a message", e))?;
            messages.push(Message::new(body, group));
        }
        let (feed, clients) = (&event.feed, messages.len());
        tracing::info!(%feed, event = event.kind.as_str(), clients, "telling");
        if messages.is_empty() {
            return Ok(());
        }
        let failures = queue.send(&messages).await?;
        match failures.into_iter().next() {
            None => Ok(()),
            Some(first) => Err(StoreError::unavailable("the queue of events", first.reason)),
        }
    }

    async fn registry(&self, since: jiff::Timestamp) -> Result<Arc<Registry>, StoreError> {
        let mut known = self.registry.lock().await;
        let now = self.clock.now();
        let is_good = known.at.is_some_and(|at| {
            let age = Duration::try_from(now.duration_since(at));
            at >= since && age.is_ok_and(|age| age < FRESH)
        });
        if is_good {
            return Ok(known.registry.clone());
        }
        if known.documents.refresh(&*self.objects).await? {
            // Which feed a pair sees does not depend on the dialect, and the planner tells of
            // documents that are wrong.
            known.registry = Arc::new(known.documents.registry(&AnyProvider).0);
        }
        known.at = Some(now);
        Ok(known.registry.clone())
    }
}

fn understood(body: &str) -> Result<NoticeMessage, String> {
    let message: NoticeMessage = serde_json::from_str(body)
        .map_err(|error| format!("the message is not an event: {error}"))?;
    if message.schema != NoticeMessage::SCHEMA {
        let schema = message.schema;
        return Err(format!("the message has the unknown form {schema}"));
    }
    Ok(message)
}
