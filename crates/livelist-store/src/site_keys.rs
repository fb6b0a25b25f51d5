//! Making, rotating and revoking site keys: a change of the client's document by conditional write,
//! wherever that is kept. A key's text leaves here once and is stored nowhere; what is kept is its
//! SHA-256, which is enough for 256 bits of chance.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use livelist_model::codec::digest;
use livelist_model::registry::{ApiKey, Client, parse_client, with_keys};
use livelist_model::{ClientId, FeedId};
use secrecy::{ExposeSecret, SecretString};

use crate::registry::DocumentError;
use crate::{Condition, Entropy, Objects, ObjectsExt, Retention, StoreError};

/// Somebody else may change the document at the same time; so often it is tried.
const ATTEMPTS: usize = 5;
/// Characters of a key's id.
const MAX_ID: usize = 64;

/// Why the keys were not changed.
#[derive(Debug, thiserror::Error)]
pub enum SiteKeyError {
    /// The client's document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The id is taken.
    #[error("the client has a key `{0}` already")]
    Taken(String),
    /// There is no key with this id.
    #[error("the client has no key `{0}`")]
    Unknown(String),
    /// The text is not an id.
    #[error("`{0}` is not an id of a key: use 1 to 64 letters, digits, `-`, `_` and `.`")]
    NotAnId(String),
    /// The time is out of all range.
    #[error("so many days are too many")]
    TooLong,
    /// The document could not be written back as it was.
    #[error("the document cannot be changed without changing more than its keys")]
    Unwritable,
}

impl From<StoreError> for SiteKeyError {
    fn from(error: StoreError) -> Self {
        SiteKeyError::Document(error.into())
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// Its id; the day when left out.
    pub id: Option<String>,
    /// The feeds that it opens; all of the client's when left out.
    pub feeds: Option<Vec<FeedId>>,
    /// How long it is valid; for ever when left out.
    pub valid_for: Option<Duration>,
}

/// A key that was made.
#[derive(Debug)]
pub struct MadeKey {
    /// As it is kept.
    pub kept: ApiKey,
    /// The key itself: shown once, and never again.
    pub key: SecretString,
}

/// The keys of one client's document.
pub struct SiteKeys<'a> {
    /// Where the document is.
    pub objects: &'a dyn Objects,
    /// Its name there.
    pub object: String,
    /// Whose it is.
    pub client: ClientId,
}

impl SiteKeys<'_> {
    /// The keys as they are kept.
    ///
    /// # Errors
    /// The document is missing, not sound, or cannot be read now.
    pub async fn list(&self) -> Result<Vec<ApiKey>, SiteKeyError> {
        let (client, _, _) = self.read().await?;
        Ok(client.api_keys)
    }

    /// Adds a new key.
    ///
    /// # Errors
    /// The id is taken or none, or the document cannot be changed.
    pub async fn add(
        &self,
        new: &NewKey,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<MadeKey, SiteKeyError> {
        if let Some(id) = &new.id {
            check_id(id)?;
        }
        let key = draw(&format!("ll1.{}.", self.client), entropy)?;
        let kept = self
            .change(|keys| {
                let id = match &new.id {
                    Some(id) => id.clone(),
                    None => free_id(keys, now),
                };
                if keys.iter().any(|key| key.id == id) {
                    return Err(SiteKeyError::Taken(id));
                }
                let expires = new.valid_for.map(|time| later(now, time)).transpose()?;
                let kept = kept(id, &key, now, expires, new.feeds.clone());
                keys.push(kept.clone());
                Ok(kept)
            })
            .await?;
        Ok(MadeKey { kept, key })
    }

    /// Adds a new key that opens what the key `id` does, and lets that one end after `keep`.
    ///
    /// # Errors
    /// There is no such key, or the document cannot be changed.
    pub async fn rotate(
        &self,
        id: &str,
        keep: Duration,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<MadeKey, SiteKeyError> {
        let key = draw(&format!("ll1.{}.", self.client), entropy)?;
        let ends = later(now, keep)?;
        let kept = self
            .change(|keys| {
                let new_id = free_id(keys, now);
                let old = keys.iter_mut().find(|key| key.id == id);
                let old = old.ok_or_else(|| SiteKeyError::Unknown(id.to_owned()))?;
                // A key that ends sooner by itself is not given more time.
                old.expires = Some(old.expires.map_or(ends, |expires| expires.min(ends)));
                let kept = kept(new_id, &key, now, None, old.feeds.clone());
                keys.push(kept.clone());
                Ok(kept)
            })
            .await?;
        Ok(MadeKey { kept, key })
    }

    /// Takes the key `id` out: it is refused from the next request on.
    ///
    /// # Errors
    /// There is no such key, or the document cannot be changed.
    pub async fn revoke(&self, id: &str) -> Result<(), SiteKeyError> {
        self.change(|keys| {
            let before = keys.len();
            keys.retain(|key| key.id != id);
            if keys.len() == before {
                return Err(SiteKeyError::Unknown(id.to_owned()));
            }
            Ok(())
        })
        .await
    }

    async fn read(&self) -> Result<(Client, String, String), DocumentError> {
        let file = format!("clients/{}.json", self.client);
        let Some((bytes, etag)) = self.objects.read(&self.object).await? else {
            return Err(DocumentError::Missing(file));
        };
        let client = parse_client(&file, &bytes).map_err(crate::registry::first)?;
        let text = String::from_utf8(bytes).map_err(|e| StoreError::Corrupt {
            key: self.object.clone(),
            reason: e.to_string(),
        })?;
        Ok((client, text, etag))
    }

    async fn change<T>(
        &self,
        change: impl Fn(&mut Vec<ApiKey>) -> Result<T, SiteKeyError>,
    ) -> Result<T, SiteKeyError> {
        for attempt in 1.. {
            let (mut client, text, etag) = self.read().await?;
            let done = change(&mut client.api_keys)?;
            let text = with_keys(&text, &client.api_keys).map_err(|_| SiteKeyError::Unwritable)?;
            // What is written is what was meant, and nothing else changed.
            let file = format!("clients/{}.json", self.client);
            if parse_client(&file, text.as_bytes()).ok() != Some(client) {
                return Err(SiteKeyError::Unwritable);
            }
            let (condition, retention) = (Condition::Unchanged(etag), Retention::Keep);
            let body = text.into_bytes().into();
            match self
                .objects
                .put(&self.object, body, condition, retention)
                .await
            {
                Ok(_) => return Ok(done),
                Err(StoreError::ConditionFailed { .. }) if attempt < ATTEMPTS => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SiteKeyError::Unwritable)
    }
}

/// A new key: `beginning`, and 256 bits as hex.
pub(crate) fn draw(beginning: &str, entropy: &dyn Entropy) -> Result<SecretString, StoreError> {
    let mut key = beginning.to_owned();
    for _ in 0..4 {
        key.push_str(&format!("{:016x}", entropy.bits()?));
    }
    Ok(key.into())
}

fn kept(
    id: String,
    key: &SecretString,
    now: Timestamp,
    expires: Option<Timestamp>,
    feeds: Option<Vec<FeedId>>,
) -> ApiKey {
    ApiKey {
        id,
        sha256: digest(key.expose_secret().as_bytes()),
        created: Some(livelist_model::head::whole_seconds(now)),
        expires,
        feeds,
    }
}

fn later(now: Timestamp, time: Duration) -> Result<Timestamp, SiteKeyError> {
    end_of(now, time).ok_or(SiteKeyError::TooLong)
}

/// The instant `time` after `now`, in whole seconds; nothing where it is out of all range.
pub(crate) fn end_of(now: Timestamp, time: Duration) -> Option<Timestamp> {
    let time = SignedDuration::try_from(time).ok()?;
    let at = now.checked_add(time).ok()?;
    Some(livelist_model::head::whole_seconds(at))
}

fn check_id(id: &str) -> Result<(), SiteKeyError> {
    let fits = (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    fits.then_some(())
        .ok_or_else(|| SiteKeyError::NotAnId(id.to_owned()))
}

/// The day, with a number if there was a key on that day before.
fn free_id(keys: &[ApiKey], now: Timestamp) -> String {
    let text = now.to_string();
    let day = text.get(..10).unwrap_or(&text).to_owned();
    let numbered = (2u64..).map(|nth| format!("{day}-{nth}"));
    let mut ids = std::iter::once(day.clone()).chain(numbered);
    ids.find(|id| keys.iter().all(|key| key.id != *id))
        .unwrap_or(day)
}

#[cfg(test)]
#[path = "site_keys/tests.rs"]
mod tests;
