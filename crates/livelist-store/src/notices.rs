//! The port to the operators' notices.

use async_trait::async_trait;

use crate::StoreError;

/// Tells operators something; SNS in production. In the state machine the notices are sent by the
/// machine itself; this port serves the same in one process.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Publishes a notice. The subject is one line of at most 100 ASCII characters.
    async fn publish(&self, subject: &str, message: &str) -> Result<(), StoreError>;
}
