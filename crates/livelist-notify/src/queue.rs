//! Processes the queue of events. An event without a client is fanned out into one message for each
//! client. A message with a client is delivered, or becomes visible again when its next attempt is
//! due. The queue does the waiting.

use std::time::Duration;

use livelist_model::notice::{
    Delivery, DeliveryState, FeedEvent, NoticeMessage, next_attempt, told,
};
use livelist_store::{Message, Queue, StoreError};

use crate::Notifier;

/// The result of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// It is done with.
    Done,
    /// It has to be delivered again, or was given up and belongs in the dead-letter queue.
    Again,
}

impl Notifier {
    /// Handles a message that was received for the `count`th time. After a failure it is delivered again by
    /// the schedule; after the last attempt the queue moves it to the dead-letter queue.
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

    /// How long a message has to wait; `None` if it is done. A notice that was given up waits no time, so
    /// that it goes to the dead-letter queue.
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

    /// Sends one message for each client that is notified of the event.
    async fn multiply(&self, queue: &dyn Queue, event: &FeedEvent) -> Result<(), StoreError> {
        let mut known = self.registry.lock().await;
        let registry = known.since(event.at, &*self.objects, &*self.clock).await?;
        drop(known);
        let clients = told(&registry, &event.feed);
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
