//! The port to the operators' notices.

use async_trait::async_trait;

use crate::StoreError;

/// Notifies operators; SNS in production. In the state machine, the machine itself sends the notices; this
/// port does the same in one process.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Publishes a notice. The subject is one line of at most 100 ASCII characters.
    async fn publish(&self, subject: &str, message: &str) -> Result<(), StoreError>;
}
