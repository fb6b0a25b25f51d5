//! Presigned links to objects in S3.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use livelist_store::objects::check_name;
use livelist_store::{Clock, Link, Links, StoreError};

use crate::failure::store_error;

/// A presigned URL dies with the signing role's session; a longer promise could be broken.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Presigned URLs of objects in a bucket, made without asking S3. The signing role needs `s3:GetObject`,
/// because the link has the role's permissions.
#[derive(Clone)]
pub struct S3Links {
    client: Client,
    bucket: String,
    clock: Arc<dyn Clock>,
}

impl S3Links {
    /// Links into `bucket` that begin by `clock`.
    pub fn new(client: Client, bucket: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        S3Links {
            client,
            bucket: bucket.into(),
            clock,
        }
    }
}

#[async_trait]
impl Links for S3Links {
    async fn link(&self, key: &str, valid_for: Duration) -> Result<Link, StoreError> {
        check_name(key)?;
        // S3 counts whole seconds.
        let valid_for = Duration::from_secs(valid_for.min(LONGEST).as_secs());
        let what = || format!("a link to s3://{}/{key}", self.bucket);
        let now = self.clock.now();
        let terms = PresigningConfig::builder()
            .start_time(SystemTime::from(now))
            .expires_in(valid_for)
            .build()
            .map_err(|e| StoreError::refused(what(), e))?;
        let asked = self.client.get_object().bucket(&self.bucket).key(key);
        let signed = asked
            .presigned(terms)
            .await
            .map_err(|e| store_error(what(), e))?;
        Ok(Link {
            url: signed.uri().to_owned(),
            expires_at: now.saturating_add(valid_for).unwrap_or(now),
        })
    }
}
