//! The port for queues: of pairs, and of events for the sites.

use std::time::Duration;

use async_trait::async_trait;

use crate::StoreError;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub body: String,
    /// Messages of one group share their place in the line, so that one big MLS cannot starve the
    /// others (SQS fair queues, `MessageGroupId`).
    pub group: String,
    /// The message is not delivered before this time has passed, in whole seconds.
    pub delay: Duration,
}

impl Message {
    /// A message without a delay.
    pub fn new(body: impl Into<String>, group: impl Into<String>) -> Message {
        Message {
            body: body.into(),
            group: group.into(),
            delay: Duration::ZERO,
        }
    }
}

/// A message of a batch that was not sent.
#[derive(Debug)]
pub struct SendFailure {
    /// Its place in the batch.
    pub index: usize,
    /// Why, without secrets.
    pub reason: String,
}

/// A queue and its dead-letter queue. Delivery is at least once and unordered.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends messages in as few calls as the service allows, and retries those that it refuses for now.
    /// Returns the messages that could not be sent; after an error, none was sent.
    async fn send(&self, messages: &[Message]) -> Result<Vec<SendFailure>, StoreError>;

    /// Puts a message that cannot be processed into the dead-letter queue, with the reason.
    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), StoreError>;

    /// Makes the message with `receipt`, unless it is deleted, available again after `wait`, and not
    /// earlier. SQS allows at most twelve hours.
    async fn postpone(&self, receipt: &str, wait: Duration) -> Result<(), StoreError>;
}
