//! `Authorization: Bearer …`: the caller's key and its hash. Its owner is determined elsewhere.

use axum::http::{HeaderMap, header};
use livelist_model::registry::{ApiKey, Client};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// SHA-256 of a key's text.
pub type KeyHash = [u8; 32];

const MAX_KEY: usize = 512;

/// A key as received.
pub struct Bearer(SecretString);

impl Bearer {
    /// The one bearer token in `headers`: 1 to 512 visible ASCII characters.
    pub fn of(headers: &HeaderMap) -> Option<Bearer> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let (scheme, key) = value.split_once(' ')?;
        let key = key.trim_start_matches(' ');
        let fits = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        (scheme.eq_ignore_ascii_case("bearer") && fits).then(|| Bearer(key.into()))
    }

    /// The hash of a key, as registries store it.
    pub fn hash(&self) -> KeyHash {
        Sha256::digest(self.0.expose_secret().as_bytes()).into()
    }

    /// The key itself: for its form, not for comparing.
    pub fn text(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The stored hash of this key; `None` if it is no valid hash.
pub(crate) fn hash_of(key: &ApiKey) -> Option<KeyHash> {
    let mut hash = KeyHash::default();
    hex::decode_to_slice(&key.sha256, &mut hash).ok()?;
    Some(hash)
}

/// The hashes of a client's keys.
pub(crate) fn hashes(client: &Client) -> impl Iterator<Item = KeyHash> {
    client.api_keys.iter().filter_map(hash_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Option<Bearer> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        Bearer::of(&headers)
    }

    #[test]
    fn one_bearer_token_is_a_key() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc"] {
            assert_eq!(key(value).unwrap().text(), "abc", "{value}");
        }
        let long = format!("Bearer {}", "a".repeat(MAX_KEY + 1));
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "abc",
            "Bearer a b",
            &long,
        ] {
            assert!(key(value).is_none(), "{value}");
        }
        let mut two = HeaderMap::new();
        two.append(header::AUTHORIZATION, "Bearer abc".parse().unwrap());
        two.append(header::AUTHORIZATION, "Bearer abc".parse().unwrap());
        assert!(Bearer::of(&two).is_none());
    }
}
