//! Creates, rotates and revokes the keys of operators in `admins.json`.

use std::time::Duration;

use jiff::Timestamp;
use livelist_model::codec::digest;
use livelist_model::head::whole_seconds;
use livelist_model::registry::{ADMINS_FILE, AdminKey, Admins, is_admin_id, parse_admins};
use secrecy::ExposeSecret;

use crate::keys::{KeyError, Made, change, draw, later, sooner, take_out};
use crate::registry::DocumentError;
use crate::{Entropy, Objects, ObjectsExt, StoreError};

/// How every admin key begins: `lla.{id}.{secret}`.
pub const ADMIN_PREFIX: &str = "lla.";

/// The keys in one document of operators.
pub struct AdminKeys<'a> {
    /// The store of the document.
    pub objects: &'a dyn Objects,
    /// Its name there.
    pub object: String,
}

/// The error that there is no operator `id`.
pub fn unknown(id: &str) -> KeyError {
    KeyError::Unknown(format!("there is no operator `{id}`"))
}

impl AdminKeys<'_> {
    /// The stored keys; empty if there is no document.
    ///
    /// # Errors
    /// The document is invalid, or cannot be read now.
    pub async fn list(&self) -> Result<Vec<AdminKey>, KeyError> {
        let read = self.objects.read(&self.object).await?;
        Ok(parse(read.map(|(bytes, _)| bytes))?.admins)
    }

    /// Adds a key for the operator `id` that expires after `valid_for`, or never.
    ///
    /// # Errors
    /// The name is invalid or taken, or the document cannot be changed.
    pub async fn add(
        &self,
        id: &str,
        valid_for: Option<Duration>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Made<AdminKey>, KeyError> {
        if !is_admin_id(id) {
            return Err(KeyError::NotAnId(format!(
                "`{id}` is not an operator's name: use 1 to 64 letters, digits, `-` and `_`"
            )));
        }
        let end = valid_for.map(|time| later(now, time)).transpose()?;
        let made = made(id, end, now, entropy)?;
        self.change(|keys| {
            if keys.iter().any(|key| key.id == id && !key.is_expired(now)) {
                return Err(KeyError::Taken(format!(
                    "the operator `{id}` has a key already; rotate it, or revoke it first"
                )));
            }
            keys.retain(|key| key.id != id);
            keys.push(made.kept.clone());
            Ok(())
        })
        .await?;
        Ok(made)
    }

    /// Adds a new key for the operator `id`, and lets the former one expire after `keep`.
    ///
    /// # Errors
    /// There is no such operator, or the document cannot be changed.
    pub async fn rotate(
        &self,
        id: &str,
        keep: Duration,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Made<AdminKey>, KeyError> {
        let ends = later(now, keep)?;
        let made = made(id, None, now, entropy)?;
        self.change(|keys| {
            if keys.iter().all(|key| key.id != id) {
                return Err(unknown(id));
            }
            keys.retain(|key| key.id != id || !key.is_expired(now));
            for old in keys.iter_mut().filter(|key| key.id == id) {
                old.expires = sooner(old.expires, ends);
            }
            keys.push(made.kept.clone());
            Ok(())
        })
        .await?;
        Ok(made)
    }

    /// Removes all keys of the operator `id`: they are refused from the next request on.
    ///
    /// # Errors
    /// There is no such operator, or the document cannot be changed.
    pub async fn revoke(&self, id: &str) -> Result<(), KeyError> {
        self.change(|keys| match take_out(keys, |key| key.id == id) {
            true => Ok(()),
            false => Err(unknown(id)),
        })
        .await
    }

    async fn change(
        &self,
        by: impl Fn(&mut Vec<AdminKey>) -> Result<(), KeyError>,
    ) -> Result<(), KeyError> {
        let by = |document: &mut Admins| by(&mut document.admins);
        change(self.objects, &self.object, parse, by, write).await
    }
}

fn parse(bytes: Option<Vec<u8>>) -> Result<Admins, DocumentError> {
    match bytes {
        Some(bytes) => parse_admins(&bytes).map_err(crate::registry::first),
        None => Ok(Admins::default()),
    }
}

fn write(document: Admins) -> Result<Vec<u8>, KeyError> {
    let refused =
        |e: serde_json::Error| StoreError::refused(format!("writing {ADMINS_FILE}"), e.to_string());
    let mut text = serde_json::to_vec_pretty(&document).map_err(refused)?;
    text.push(b'\n');
    Ok(text)
}

fn made(
    id: &str,
    expires: Option<Timestamp>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Made<AdminKey>, StoreError> {
    let key = draw(&format!("{ADMIN_PREFIX}{id}."), entropy)?;
    let kept = AdminKey {
        id: id.to_owned(),
        sha256: digest(key.expose_secret().as_bytes()),
        created: Some(whole_seconds(now)),
        expires,
    };
    Ok(Made { kept, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryObjects, SeededEntropy};
    use crate::{Condition, Retention};

    const DAY: Duration = Duration::from_secs(24 * 3_600);

    fn now() -> Timestamp {
        "2026-11-21T09:00:00.5Z".parse().unwrap()
    }

    fn of(objects: &MemoryObjects) -> AdminKeys<'_> {
        AdminKeys {
            objects,
            object: ADMINS_FILE.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_key_is_shown_once_and_kept_as_its_hash() {
        let objects = MemoryObjects::new();
        let keys = of(&objects);
        assert_eq!(keys.list().await.unwrap(), []);
        let entropy = SeededEntropy::new(1);
        let made = keys.add("ada", Some(DAY), now(), &entropy).await.unwrap();
        let text = made.key.expose_secret();
        let secret = text.strip_prefix("lla.ada.").unwrap();
        assert_eq!(secret.len(), 64);
        let (document, _) = objects.read(ADMINS_FILE).await.unwrap().unwrap();
        assert!(!String::from_utf8(document).unwrap().contains(secret));
        let kept = keys.list().await.unwrap();
        assert_eq!(kept[0].sha256, digest(text.as_bytes()));
        let end = kept[0].expires.unwrap();
        assert_eq!(end.to_string(), "2026-11-22T09:00:00Z");
        assert!(kept[0].is_expired(end) && !kept[0].is_expired(now()));
    }

    #[tokio::test]
    async fn a_rotation_keeps_the_former_key_for_a_while_and_the_name() {
        let objects = MemoryObjects::new();
        let (keys, entropy) = (of(&objects), SeededEntropy::new(1));
        keys.add("ada", None, now(), &entropy).await.unwrap();
        keys.add("bob", None, now(), &entropy).await.unwrap();
        keys.rotate("ada", DAY, now(), &entropy).await.unwrap();
        let kept = keys.list().await.unwrap();
        let ends: Vec<_> = kept.iter().map(|k| (&*k.id, k.expires.is_some())).collect();
        assert_eq!(ends, [("ada", true), ("bob", false), ("ada", false)]);
        let refused = keys.add("ada", None, now(), &entropy).await;
        assert!(matches!(refused, Err(KeyError::Taken(_))));
        keys.revoke("ada").await.unwrap();
        let kept = keys.list().await.unwrap();
        assert_eq!(kept.iter().map(|k| &*k.id).collect::<Vec<_>>(), ["bob"]);
    }

    #[tokio::test]
    async fn what_cannot_be_done_changes_nothing() {
        let objects = MemoryObjects::new();
        let (keys, entropy) = (of(&objects), SeededEntropy::new(1));
        for id in ["", "a.b", "a b", "ä", &"a".repeat(65)] {
            let refused = keys.add(id, None, now(), &entropy).await;
            assert!(matches!(refused, Err(KeyError::NotAnId(_))), "{id}");
        }
        let refused = keys.revoke("ada").await;
        assert!(matches!(refused, Err(KeyError::Unknown(_))));
        let refused = keys.rotate("ada", DAY, now(), &entropy).await;
        assert!(matches!(refused, Err(KeyError::Unknown(_))));
        let refused = keys.add("ada", Some(Duration::MAX), now(), &entropy).await;
        assert!(matches!(refused, Err(KeyError::TooLong)));
        assert!(objects.read(ADMINS_FILE).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_document_that_is_not_sound_is_left_alone() {
        let objects = MemoryObjects::new();
        let (keys, entropy) = (of(&objects), SeededEntropy::new(1));
        for damaged in ["{", "{\"schema\":2}", "{\"schema\":1,\"keys\":[]}"] {
            let (always, keep) = (Condition::Always, Retention::Keep);
            let body = damaged.as_bytes().to_vec().into();
            objects.put(ADMINS_FILE, body, always, keep).await.unwrap();
            let refused = keys.add("ada", None, now(), &entropy).await;
            assert!(matches!(refused, Err(KeyError::Document(_))), "{damaged}");
            let (bytes, _) = objects.read(ADMINS_FILE).await.unwrap().unwrap();
            assert_eq!(bytes, damaged.as_bytes());
        }
    }
}
