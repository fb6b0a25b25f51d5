//! Creates, rotates and revokes site keys in a client's document.

use std::time::Duration;

use jiff::Timestamp;
use livelist_model::codec::digest;
use livelist_model::head::whole_seconds;
use livelist_model::registry::{ApiKey, Client, parse_client, with_keys};
use livelist_model::{ClientId, FeedId};
use secrecy::{ExposeSecret, SecretString};

use crate::keys::{KeyError, Made, change, draw, later, sooner, take_out};
use crate::registry::DocumentError;
use crate::{Entropy, Objects, ObjectsExt, StoreError};

/// Characters of a key's id.
const MAX_ID: usize = 64;

/// The settings of a new key.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// Its id; the day when left out.
    pub id: Option<String>,
    /// The feeds that it opens; all of the client's when left out.
    pub feeds: Option<Vec<FeedId>>,
    /// How long it is valid; for ever when left out.
    pub valid_for: Option<Duration>,
}

/// The keys of one client's document.
pub struct SiteKeys<'a> {
    /// The store of the document.
    pub objects: &'a dyn Objects,
    /// Its name there.
    pub object: String,
    /// Whose it is.
    pub client: ClientId,
}

impl SiteKeys<'_> {
    /// The stored keys.
    ///
    /// # Errors
    /// The document is missing or invalid, or cannot be read now.
    pub async fn list(&self) -> Result<Vec<ApiKey>, KeyError> {
        let read = self.objects.read(&self.object).await?;
        let (client, _) = self.parse(read.map(|(bytes, _)| bytes))?;
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
    ) -> Result<Made<ApiKey>, KeyError> {
        if let Some(id) = &new.id {
            check_id(id)?;
        }
        let key = self.draw(entropy)?;
        let by = |keys: &mut Vec<ApiKey>| {
            let id = match &new.id {
                Some(id) => id.clone(),
                None => free_id(keys, now),
            };
            if keys.iter().any(|key| key.id == id) {
                return Err(KeyError::Taken(format!(
                    "the client has a key `{id}` already"
                )));
            }
            let expires = new.valid_for.map(|time| later(now, time)).transpose()?;
            let kept = kept(id, &key, now, expires, new.feeds.clone());
            keys.push(kept.clone());
            Ok(kept)
        };
        let kept = self.change(by).await?;
        Ok(Made { kept, key })
    }

    /// Adds a new key with the same feeds as the key `id`, and lets that one expire after `keep`.
    ///
    /// # Errors
    /// There is no such key, or the document cannot be changed.
    pub async fn rotate(
        &self,
        id: &str,
        keep: Duration,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Made<ApiKey>, KeyError> {
        let key = self.draw(entropy)?;
        let ends = later(now, keep)?;
        let by = |keys: &mut Vec<ApiKey>| {
            let new_id = free_id(keys, now);
            let old = keys.iter_mut().find(|key| key.id == id);
            let old = old.ok_or_else(|| unknown(id))?;
            old.expires = sooner(old.expires, ends);
            let kept = kept(new_id, &key, now, None, old.feeds.clone());
            keys.push(kept.clone());
            Ok(kept)
        };
        let kept = self.change(by).await?;
        Ok(Made { kept, key })
    }

    /// Removes the key `id`: it is refused from the next request on.
    ///
    /// # Errors
    /// There is no such key, or the document cannot be changed.
    pub async fn revoke(&self, id: &str) -> Result<(), KeyError> {
        self.change(|keys| match take_out(keys, |key| key.id == id) {
            true => Ok(()),
            false => Err(unknown(id)),
        })
        .await
    }

    fn file(&self) -> String {
        format!("clients/{}.json", self.client)
    }

    fn draw(&self, entropy: &dyn Entropy) -> Result<SecretString, StoreError> {
        draw(&format!("ll1.{}.", self.client), entropy)
    }

    /// The document, parsed and as text.
    fn parse(&self, bytes: Option<Vec<u8>>) -> Result<(Client, String), DocumentError> {
        let file = self.file();
        let Some(bytes) = bytes else {
            return Err(DocumentError::Missing(file));
        };
        let client = parse_client(&file, &bytes).map_err(crate::registry::first)?;
        let text = String::from_utf8(bytes).map_err(|e| StoreError::Corrupt {
            key: self.object.clone(),
            reason: e.to_string(),
        })?;
        Ok((client, text))
    }

    async fn change<T>(
        &self,
        by: impl Fn(&mut Vec<ApiKey>) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let read = |bytes| self.parse(bytes);
        let by = |(client, _): &mut (Client, String)| by(&mut client.api_keys);
        let write = |(client, text): (Client, String)| {
            let text = with_keys(&text, &client.api_keys).map_err(|_| KeyError::Unwritable)?;
            // Checks that the new text has exactly the intended change.
            match parse_client(&self.file(), text.as_bytes()) {
                Ok(written) if written == client => Ok(text.into_bytes()),
                _ => Err(KeyError::Unwritable),
            }
        };
        change(self.objects, &self.object, read, by, write).await
    }
}

fn unknown(id: &str) -> KeyError {
    KeyError::Unknown(format!("the client has no key `{id}`"))
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
        created: Some(whole_seconds(now)),
        expires,
        feeds,
    }
}

fn check_id(id: &str) -> Result<(), KeyError> {
    let fits = (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    fits.then_some(()).ok_or_else(|| {
        KeyError::NotAnId(format!(
            "`{id}` is not an id of a key: use 1 to 64 letters, digits, `-`, `_` and `.`"
        ))
    })
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
