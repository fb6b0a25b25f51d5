//! Links of one machine: paths of the API itself, signed and expiring, so that a site fetches a list
//! without credentials, as from S3.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use livelist_model::head::whole_seconds;
use livelist_model::{FeedId, layout};
use livelist_store::{Clock, Entropy, Link, Links, StoreError};
use ring::hmac;
use secrecy::{ExposeSecret, SecretBox};

use crate::error::ApiError;

/// The path of objects below the base URL.
pub(crate) const OBJECTS: &str = "/v1/objects/";
/// No link works longer: the port's promise.
const MAX_VALID: Duration = Duration::from_secs(3_600);

/// Makes links `{base}/v1/objects/{path}?expires={unix seconds}&signature={HMAC-SHA256}` and
/// checks them. Leads to snapshots and deltas only.
pub struct SignedLinks {
    base: String,
    key: hmac::Key,
    clock: Arc<dyn Clock>,
}

impl SignedLinks {
    /// Links below `base_url`, where this API is reached from outside, e.g.
    /// `https://lists.example.com`. The key is new: links die with the process.
    pub fn new(
        base_url: &str,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        let mut key = [0; 32];
        for part in key.chunks_exact_mut(8) {
            part.copy_from_slice(&entropy.bits()?.to_be_bytes());
        }
        Ok(Self::with_key(base_url, clock, &SecretBox::new(key.into())))
    }

    /// The same with a key that several processes share.
    pub fn with_key(base_url: &str, clock: Arc<dyn Clock>, key: &SecretBox<[u8; 32]>) -> Self {
        SignedLinks {
            base: base_url.trim_end_matches('/').to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()),
            clock,
        }
    }

    /// Whether a link to `path` with these parameters is one of ours and still works.
    pub(crate) fn check(&self, path: &str, expires: &str, signature: &str) -> Result<(), ApiError> {
        let seconds: i64 = expires.parse().map_err(|_| ApiError::LinkInvalid)?;
        let signature = hex::decode(signature).map_err(|_| ApiError::LinkInvalid)?;
        hmac::verify(&self.key, message(path, seconds).as_bytes(), &signature)
            .map_err(|_| ApiError::LinkInvalid)?;
        if self.clock.now().as_second() >= seconds {
            return Err(ApiError::LinkExpired);
        }
        Ok(())
    }
}

/// The number comes first and ends with a line end, so different pairs of path and time never give the same
/// message.
fn message(path: &str, expires: i64) -> String {
    format!("livelist-object-1\n{expires}\n{path}")
}

/// Whether `path` is the name of a list: `feeds/{feed}/snapshots|deltas/{name}.txt.gz`. There is no
/// way to write another object's name, because nothing that could be is let through: no escapes, no
/// dots but those of an ending, no further parts.
pub(crate) fn is_list(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(layout::FEEDS_PREFIX) else {
        return false;
    };
    let mut parts = rest.split('/');
    let (Some(feed), Some(folder), Some(name), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    feed.parse::<FeedId>().is_ok()
        && matches!(folder, "snapshots" | "deltas")
        && name.strip_suffix(".txt.gz").is_some_and(|stem| {
            !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

#[async_trait]
impl Links for SignedLinks {
    async fn link(&self, key: &str, valid_for: Duration) -> Result<Link, StoreError> {
        if !is_list(key) {
            return Err(StoreError::refused(
                format!("a link to {key:?}"),
                "links lead to snapshots and deltas only",
            ));
        }
        let now = self.clock.now();
        let expires_at: Timestamp = now
            .checked_add(valid_for.min(MAX_VALID))
            .map(whole_seconds)
            .map_err(|e| StoreError::unavailable("the clock", e))?;
        let expires = expires_at.as_second();
        let signature = hmac::sign(&self.key, message(key, expires).as_bytes());
        Ok(Link {
            url: format!(
                "{}{OBJECTS}{key}?expires={expires}&signature={}",
                self.base,
                hex::encode(signature)
            ),
            expires_at,
        })
    }
}
