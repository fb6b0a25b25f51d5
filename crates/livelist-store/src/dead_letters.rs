//! The port to the dead-letter queues: messages that could not be processed.

use async_trait::async_trait;

use crate::StoreError;

/// A message that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The text.
    pub body: String,
    /// Why, where somebody wrote it down; a message that was only tried too often has no reason.
    pub reason: Option<String>,
    /// What it is deleted with.
    pub receipt: String,
}

/// A dead-letter queue, read by operators.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Takes all messages that are there now. Others do not see them for some minutes; what is not
    /// deleted by then is there again.
    async fn receive(&self) -> Result<Vec<DeadLetter>, StoreError>;

    /// Deletes a message that was received.
    async fn delete(&self, receipt: &str) -> Result<(), StoreError>;

    /// Lets others see a message that was received at once.
    async fn put_back(&self, receipt: &str) -> Result<(), StoreError>;
}
