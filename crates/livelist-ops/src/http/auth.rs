//! Authenticates operators. `Authorization: Bearer lla.{id}.{secret}`; `admins.json` holds the
//! SHA-256 of each key's whole text. It is read with every request, so a revoked key is refused from
//! the next request on. All refusals are the same 401.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use livelist_api::{ApiError, Bearer, KeyHash};
use livelist_model::registry::{AdminKey, Admins, is_admin_id};
use livelist_store::admin_keys::ADMIN_PREFIX;
use livelist_store::registry::read_admins;
use subtle::{Choice, ConstantTimeEq};

use super::AdminState;

/// An operator, within the budget of requests.
pub(super) struct Admin {
    /// The name; it is recorded with each decision.
    pub(super) id: String,
}

impl FromRequestParts<AdminState> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, ApiError> {
        let key = Bearer::of(&parts.headers).ok_or(ApiError::NotAnAdmin)?;
        let id = claimed(key.text()).ok_or(ApiError::NotAnAdmin)?;
        let admins = read_admins(&*state.env.objects).await?;
        let now = state.env.clock.now();
        if !holds(&admins, id, &key.hash(), now) {
            return Err(ApiError::NotAnAdmin);
        }
        tracing::Span::current().record("admin", id);
        state.budgets.spend(id.to_owned(), now)?;
        Ok(Admin { id: id.to_owned() })
    }
}

/// Whose key it claims to be.
fn claimed(key: &str) -> Option<&str> {
    let (id, secret) = key.strip_prefix(ADMIN_PREFIX)?.split_once('.')?;
    (is_admin_id(id) && !secret.is_empty()).then_some(id)
}

/// Whether `id` has a key with this hash that is good now. Compares with every key, whichever fits.
fn holds(admins: &Admins, id: &str, hash: &KeyHash, now: Timestamp) -> bool {
    let fits = |key: &AdminKey| {
        let mut known = KeyHash::default();
        let is_hash = hex::decode_to_slice(&key.sha256, &mut known).is_ok();
        let good = is_hash && key.id == id && !key.is_expired(now);
        known.ct_eq(hash) & Choice::from(u8::from(good))
    };
    let none = Choice::from(0);
    admins
        .admins
        .iter()
        .fold(none, |found, key| found | fits(key))
        .into()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_key_names_its_owner() {
        assert_eq!(claimed("lla.ada.s3cr3t"), Some("ada"));
        assert_eq!(claimed("lla.ada.with.dots"), Some("ada"));
        for nobody in [
            "",
            "lla.",
            "lla.ada",
            "lla.ada.",
            "lla..x",
            "lla.a b.c",
            "ll1.ada.x",
        ] {
            assert_eq!(claimed(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn hash_name_and_time_have_to_fit() {
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        let hash = |text: &str| KeyHash::from(Sha256::digest(text.as_bytes()));
        let key = |id: &str, text: &str, expires| AdminKey {
            id: id.to_owned(),
            sha256: hex::encode(hash(text)),
            created: None,
            expires,
        };
        let admins = Admins {
            schema: 1,
            admins: vec![
                key("ada", "old", Some(now)),
                key("ada", "new", None),
                key("bob", "bobs", None),
            ],
        };
        let holds = |id: &str, text: &str| holds(&admins, id, &hash(text), now);
        assert!(holds("ada", "new") && holds("bob", "bobs"));
        assert!(!holds("ada", "old"), "expired");
        assert!(!holds("ada", "bobs") && !holds("bob", "new"), "of another");
        assert!(!holds("ada", "") && !holds("eve", "new"));
    }
}
