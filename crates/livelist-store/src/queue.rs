//! The port to the queue of pairs.

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
}

/// A message of a batch that was not sent.
#[derive(Debug)]
pub struct SendFailure {
    /// Its place in the batch.
    pub index: usize,
    /// Why, without secrets.
    pub reason: String,
}

/// The queue of pairs and its dead-letter queue. Delivery is at least once and unordered.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends messages in as few calls as the service allows and retries those it refuses for now.
    /// Tells which could not be sent; an error means that none was.
    async fn send(&self, messages: &[Message]) -> Result<Vec<SendFailure>, StoreError>;

    /// Puts a message that nobody can work on aside, with the reason.
    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), StoreError>;
}
