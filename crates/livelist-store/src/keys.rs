//! The common part of site keys and operators' keys. They are random, shown once, and stored as SHA-256,
//! which is enough for 256 random bits, in a document that changes by conditional write.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use livelist_model::head::whole_seconds;
use secrecy::SecretString;

use crate::registry::DocumentError;
use crate::{Condition, Entropy, Objects, ObjectsExt, Retention, StoreError};

/// The document may be changed by others at the same time; this many attempts are made.
const ATTEMPTS: usize = 5;

/// Why the keys were not changed, in a sentence.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The key exists already.
    #[error("{0}")]
    Taken(String),
    /// There is no such key.
    #[error("{0}")]
    Unknown(String),
    /// The text is no id, or no name.
    #[error("{0}")]
    NotAnId(String),
    /// The time is out of all range.
    #[error("so many days are too many")]
    TooLong,
    /// The document could not be written back as it was.
    #[error("the document cannot be changed without changing more than its keys")]
    Unwritable,
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        KeyError::Document(error.into())
    }
}

/// A key that was made.
#[derive(Debug)]
pub struct Made<K> {
    /// As it is stored.
    pub kept: K,
    /// The key itself: shown only once.
    pub key: SecretString,
}

/// A new key: `beginning`, and 256 bits as hex.
pub(crate) fn draw(beginning: &str, entropy: &dyn Entropy) -> Result<SecretString, StoreError> {
    let mut key = beginning.to_owned();
    for _ in 0..4 {
        key.push_str(&format!("{:016x}", entropy.bits()?));
    }
    Ok(key.into())
}

/// The instant `time` after `now`, in whole seconds.
pub(crate) fn later(now: Timestamp, time: Duration) -> Result<Timestamp, KeyError> {
    let time = SignedDuration::try_from(time).map_err(|_| KeyError::TooLong)?;
    let at = now.checked_add(time).map_err(|_| KeyError::TooLong)?;
    Ok(whole_seconds(at))
}

/// The new expiry of a key that expires at `expires` and should end at `ends`: a key that expires earlier
/// is not extended.
pub(crate) fn sooner(expires: Option<Timestamp>, ends: Timestamp) -> Option<Timestamp> {
    Some(expires.map_or(ends, |expires| expires.min(ends)))
}

/// Removes the keys for which `is_meant` holds; returns `false` if there are none.
pub(crate) fn take_out<K>(keys: &mut Vec<K>, is_meant: impl Fn(&K) -> bool) -> bool {
    let before = keys.len();
    keys.retain(|key| !is_meant(key));
    keys.len() < before
}

/// Changes the document `object`: `read` parses its bytes, `change` changes it, `write` serialises it.
/// Repeated if another writer was faster.
pub(crate) async fn change<D, T>(
    objects: &dyn Objects,
    object: &str,
    read: impl Fn(Option<Vec<u8>>) -> Result<D, DocumentError>,
    change: impl Fn(&mut D) -> Result<T, KeyError>,
    write: impl Fn(D) -> Result<Vec<u8>, KeyError>,
) -> Result<T, KeyError> {
    let mut attempt = 1;
    loop {
        let (bytes, condition) = match objects.read(object).await? {
            Some((bytes, etag)) => (Some(bytes), Condition::Unchanged(etag)),
            None => (None, Condition::Absent),
        };
        let mut document = read(bytes)?;
        let done = change(&mut document)?;
        let (body, keep) = (write(document)?.into(), Retention::Keep);
        match objects.put(object, body, condition, keep).await {
            Ok(_) => return Ok(done),
            Err(StoreError::ConditionFailed { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}
