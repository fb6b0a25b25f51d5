//! Authenticates callers by `Authorization: Bearer <site key>`. The registry holds only the SHA-256 of each
//! key's text.
//!
//! There are two forms of keys. `ll1.{client}.{secret}` names its client, so only one document has to be
//! read. Any other text is looked up in an index of all clients. In both cases the client's current
//! document decides, so a key that is removed from it is refused from the next request on. All refusals are
//! the same 401 and take the same work: the response time does not reveal whether the named client exists.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use livelist_model::ClientId;
use livelist_model::registry::{ApiKey, Client};
use livelist_store::ObjectsExt;
use livelist_store::admin_keys::ADMIN_PREFIX;
use livelist_store::registry::{DocumentError, read_client};
use subtle::{Choice, ConstantTimeEq};

use crate::bearer::{Bearer, KeyHash, hash_of};
use crate::error::ApiError;
use crate::state::ApiState;

/// Begins the keys that name their client.
const NAMING: &str = "ll1.";

/// The caller, within the key's rate limit.
pub(crate) struct Caller {
    pub(crate) client: Client,
    /// The key that was shown, as the client's document has it.
    pub(crate) key: ApiKey,
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let key = Bearer::of(&parts.headers).ok_or(ApiError::Unauthorized)?;
        let caller = find(state, &key).await?;
        let now = state.clock.now();
        tracing::Span::current().record("client", caller.client.client.as_str());
        let key = (caller.client.client.clone(), caller.key.id.clone());
        state.budgets.spend(key, now)?;
        Ok(caller)
    }
}

async fn find(state: &ApiState, key: &Bearer) -> Result<Caller, ApiError> {
    let hash = key.hash();
    match owner(key) {
        Owner::Named(Some(client)) => match verified(state, &client, &hash).await? {
            Looked::Holds(caller) => Ok(*caller),
            looked => {
                decoy(state, &client, &hash, matches!(looked, Looked::Unknown)).await;
                Err(ApiError::Unauthorized)
            }
        },
        Owner::Named(None) => Err(ApiError::Unauthorized),
        Owner::Unnamed => find_unnamed(state, &hash).await,
    }
}

/// The index only says which document to read. If it is too old to have the key, or the key has moved, it
/// is read again, unless that was done a moment ago.
async fn find_unnamed(state: &ApiState, hash: &KeyHash) -> Result<Caller, ApiError> {
    let mut index = state.keys.latest(&*state.objects, &*state.clock).await?;
    for _ in 0..2 {
        if let Some(client) = index.find(hash)
            && let Looked::Holds(caller) = verified(state, client, hash).await?
        {
            return Ok(*caller);
        }
        match state
            .keys
            .newer(&*state.objects, &*state.clock, &index)
            .await?
        {
            Some(newer) => index = newer,
            None => break,
        }
    }
    if index.is_partial() {
        // A 401 would tell a site that its key was revoked, when its document is only damaged.
        return Err(ApiError::unsound(
            "a key is unknown, but not all client documents can be understood",
        ));
    }
    Err(ApiError::Unauthorized)
}

/// How a client's document answers for a key.
enum Looked {
    /// It holds it, and it has not expired.
    Holds(Box<Caller>),
    /// It does not.
    Lacks,
    /// There is no such client.
    Unknown,
}

/// Whether the document of `client` holds the hash.
async fn verified(state: &ApiState, client: &ClientId, hash: &KeyHash) -> Result<Looked, ApiError> {
    match read_client(&*state.objects, client).await {
        Ok(client) => {
            let key = held(&client, hash).cloned();
            let key = key.filter(|key| !key.is_expired(state.clock.now()));
            Ok(match key {
                Some(key) => Looked::Holds(Box::new(Caller { client, key })),
                None => Looked::Lacks,
            })
        }
        Err(DocumentError::Missing(_)) => Ok(Looked::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// A document that no client has: its name is none.
const NOBODY: &str = "registry/clients/.nobody";

/// Does the part of the work that was not done for a refused key: looks up an absent document, or reads,
/// parses and compares an existing one. The name in the key decides which one, so the same name always
/// gives the same one, and reading it takes as long as reading a real client's. Its result is ignored.
async fn decoy(state: &ApiState, client: &ClientId, hash: &KeyHash, is_unknown: bool) {
    let Ok(index) = state.keys.latest(&*state.objects, &*state.clock).await else {
        return;
    };
    match index.decoy(client) {
        Some(other) if is_unknown => drop(verified(state, other, hash).await),
        None if is_unknown => {}
        _ => drop(state.objects.read(NOBODY).await),
    }
}

/// The client's key with this hash. Compares with every key, whichever fits; of a key that is there
/// twice the first counts.
fn held<'a>(client: &'a Client, hash: &KeyHash) -> Option<&'a ApiKey> {
    let known = client.api_keys.iter();
    known.rev().fold(None, |found, key| {
        let same = hash_of(key).map_or(Choice::from(0), |known| known.ct_eq(hash));
        if bool::from(same) { Some(key) } else { found }
    })
}

/// Whose key it claims to be.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// The client that the key names; `None` if the name is invalid.
    Named(Option<ClientId>),
    /// The key does not say.
    Unnamed,
}

/// The owner that `key` claims. An operator's key has no owner here, whatever a client's document says.
fn owner(key: &Bearer) -> Owner {
    if key.text().starts_with(ADMIN_PREFIX) {
        return Owner::Named(None);
    }
    let Some(named) = key.text().strip_prefix(NAMING) else {
        return Owner::Unnamed;
    };
    Owner::Named(named.split_once('.').and_then(|(client, secret)| {
        let client = client.parse().ok()?;
        (!secret.is_empty()).then_some(client)
    }))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, header};

    use super::*;

    #[test]
    fn a_key_may_name_its_client() {
        let owner = |text: &str| {
            let mut headers = HeaderMap::new();
            let value = format!("Bearer {text}").parse().unwrap();
            headers.insert(header::AUTHORIZATION, value);
            owner(&Bearer::of(&headers).unwrap())
        };
        let acme = Owner::Named(Some("acme".parse().unwrap()));
        assert_eq!(owner("ll1.acme.s3cr3t"), acme);
        assert_eq!(owner("ll1.acme.with.dots"), acme);
        for nobody in ["ll1.", "ll1.acme", "ll1.acme.", "ll1.../x.y", "ll1.A.b"] {
            assert_eq!(owner(nobody), Owner::Named(None), "{nobody}");
        }
        assert_eq!(owner("ll2.acme.s3cr3t"), Owner::Unnamed);
        assert_eq!(owner("lla.ada.s3cr3t"), Owner::Named(None));
    }
}
