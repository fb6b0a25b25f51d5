//! Notices that could not be delivered. On AWS they are in a dead-letter queue, on one machine in the
//! delivery records. Both have the same form here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::notice::{Delivery, DeliveryState, NoticeMessage, told};
use livelist_model::registry::{AnyProvider, Registry};
use livelist_store::deliveries::{deliveries, is_disabled, record, recorded};
use livelist_store::registry::read_registry;
use livelist_store::{
    Clock, DeadLetter, DeadLetters, Message, Objects, Queue, SendFailure, StoreError,
};

use super::{Kind, Outcome, Redriven, send, settle};
use crate::OpsError;

/// Processes all messages in `dead`, which belongs to the queue of events `queue`. With `dry` nothing is
/// sent or deleted.
///
/// # Errors
/// A queue or the store is unavailable; messages that were not sent are still in `dead`.
pub async fn notices(
    objects: &dyn Objects,
    dead: &dyn DeadLetters,
    queue: &dyn Queue,
    dry: bool,
) -> Result<Vec<Redriven>, OpsError> {
    let letters = dead.receive().await?;
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    // The clients that are notified do not depend on the dialects.
    let (registry, _) = read_registry(objects, &AnyProvider).await?;
    let mut redriven = Vec::with_capacity(letters.len());
    for letter in letters {
        let message = serde_json::from_str::<NoticeMessage>(&letter.body).ok();
        let message = message.filter(|message| message.schema == NoticeMessage::SCHEMA);
        let (outcome, now) = match &message {
            None => (Outcome::Kept, "the message is not an event".to_owned()),
            Some(message) => judge(objects, &registry, message).await?,
        };
        if outcome == Outcome::Sent && !dry {
            let client = message.as_ref().and_then(|m| m.client.as_ref());
            let group = client.map_or_else(String::new, ToString::to_string);
            let body = letter.body.clone();
            send(queue, &[Message::new(body, group)]).await?;
        }
        settle(dead, &letter, outcome, dry).await?;
        redriven.push(Redriven {
            queue: Kind::Notices,
            run: message.as_ref().map(|m| m.event.run.to_string()),
            client: message.and_then(|m| m.client),
            date: None,
            was: letter.reason,
            outcome,
            now,
        });
    }
    Ok(redriven)
}

async fn judge(
    objects: &dyn Objects,
    registry: &Registry,
    NoticeMessage { event, client, .. }: &NoticeMessage,
) -> Result<(Outcome, String), OpsError> {
    let clients = told(registry, &event.feed);
    let Some(client) = client else {
        return Ok(match clients.len() {
            0 => (Outcome::Done, "no client is told of the feed".to_owned()),
            1 => (Outcome::Sent, "1 client is told".to_owned()),
            all => (Outcome::Sent, format!("{all} clients are told")),
        });
    };
    let (known, _) = deliveries(objects, client, &event.feed).await?;
    if let Some(later) = known.told_since(event) {
        let at = later.tried_at.unwrap_or(later.event.at);
        let now = format!("the site was told at {at:.0}, and asks for the newest list by itself");
        return Ok((Outcome::Done, now));
    }
    if !clients.contains(client) {
        let now = "the client has no `notify`, or this feed no more".to_owned();
        return Ok((Outcome::Kept, now));
    }
    let notify = registry.clients.get(client).and_then(|c| c.notify.as_ref());
    if let Some(notify) = notify
        && is_disabled(objects, client, &notify.url).await?
    {
        let now = "the site said 410: it wants no notices at this URL".to_owned();
        return Ok((Outcome::Kept, now));
    }
    Ok((Outcome::Sent, "it is tried again, for a day".to_owned()))
}

/// The undelivered notices of one machine, as dead letters and as the queue that they go back to. A notice
/// that is sent again is recorded as new, and is sent by the next process that sends notices.
pub struct GivenUp {
    /// The store of delivery records.
    pub objects: Arc<dyn Objects>,
    /// The time from which they may be tried.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl DeadLetters for GivenUp {
    async fn receive(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let mut letters = Vec::new();
        for known in recorded(&*self.objects, None).await? {
            for one in &known.deliveries {
                // A notice stays in the record, and is no dead letter, if the site was notified of
                // something later.
                if one.state != DeliveryState::GivenUp || known.told_since(&one.event).is_some() {
                    continue;
                }
                let message = NoticeMessage::new(one.event.clone(), Some(known.client.clone()));
                let body = serde_json::to_string(&message)
                    .map_err(|e| StoreError::refused("writing a message", e))?;
                let status = one.status.map(|status| status.to_string());
                letters.push(DeadLetter {
                    body,
                    reason: one.error.clone().or(status),
                    receipt: one.id.clone(),
                });
            }
        }
        Ok(letters)
    }

    /// The record has the result.
    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn put_back(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Queue for GivenUp {
    async fn send(&self, messages: &[Message]) -> Result<Vec<SendFailure>, StoreError> {
        for message in messages {
            let what = || StoreError::refused("sending a notice again", "it is to no client");
            let message: NoticeMessage = serde_json::from_str(&message.body)
                .map_err(|e| StoreError::refused("reading a message", e))?;
            let client = message.client.ok_or_else(what)?;
            let again = Delivery::new(message.event, &client, self.clock.now());
            record(&*self.objects, &client, &again).await?;
        }
        Ok(Vec::new())
    }

    async fn dead_letter(&self, _: &str, _: &str) -> Result<(), StoreError> {
        Err(StoreError::refused(
            "putting a notice aside",
            "nothing is received here",
        ))
    }

    async fn postpone(&self, _: &str, _: Duration) -> Result<(), StoreError> {
        Err(StoreError::refused(
            "postponing a notice",
            "nothing is received here",
        ))
    }
}
