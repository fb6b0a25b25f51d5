//! The port to the dead-letter queues: messages that could not be processed.

use async_trait::async_trait;

use crate::StoreError;

/// A message that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The text.
    pub body: String,
    /// The reason, if one was recorded; a message that only failed too often has none.
    pub reason: Option<String>,
    /// The receipt for deleting it.
    pub receipt: String,
}

/// A dead-letter queue, read by operators.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Receives all current messages. They are invisible to others for some minutes; a message that is not
    /// deleted by then becomes visible again.
    async fn receive(&self) -> Result<Vec<DeadLetter>, StoreError>;

    /// Deletes a message that was received.
    async fn delete(&self, receipt: &str) -> Result<(), StoreError>;

    /// Lets others see a message that was received at once.
    async fn put_back(&self, receipt: &str) -> Result<(), StoreError>;
}
