//! The port that creates links to stored objects, so that sites can fetch them without credentials.

use std::time::Duration;

use async_trait::async_trait;

use crate::StoreError;

/// A link that works for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The URL.
    pub url: String,
    /// Until when.
    pub expires_at: jiff::Timestamp,
}

/// Makes expiring links: presigned URLs on S3, signed paths of the API itself on one machine.
#[async_trait]
pub trait Links: Send + Sync {
    /// A link to `key` that works for `valid_for` (at most an hour: a presigned URL dies with the
    /// signing role's session).
    async fn link(&self, key: &str, valid_for: Duration) -> Result<Link, StoreError>;
}
