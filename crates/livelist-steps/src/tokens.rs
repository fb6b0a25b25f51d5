//! Access tokens that runs of one process share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use livelist_model::registry::CredentialRef;
use livelist_reso::token::Token;
use secrecy::SecretString;

/// A token with a shorter remaining lifetime is not reused. A new one costs one request; one that expires
/// during a scan costs several.
const LEAST_LIFE: Duration = Duration::from_secs(15 * 60);

/// Tokens of this process, by credential. A run takes one from here at most once: if it asks again, the
/// token was refused.
#[derive(Debug, Default)]
pub struct TokenCache {
    tokens: Mutex<HashMap<CredentialRef, (Token, Vec<String>)>>,
}

impl TokenCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<CredentialRef, (Token, Vec<String>)>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that is still valid for `owner`, or else a refresh token.
    pub(crate) fn take_up(
        &self,
        of: &CredentialRef,
        owner: &str,
        now: jiff::Timestamp,
    ) -> Result<Token, Option<SecretString>> {
        let mut tokens = self.lock();
        let Some((token, served)) = tokens.get_mut(of) else {
            return Err(None);
        };
        let lives = token.expires_at.is_some_and(|at| {
            Duration::try_from(at.duration_since(now)).is_ok_and(|left| left >= LEAST_LIFE)
        });
        if !lives || served.iter().any(|o| o == owner) {
            return Err(tokens.remove(of).and_then(|(token, _)| token.refresh));
        }
        served.push(owner.to_owned());
        Ok(token.clone())
    }

    pub(crate) fn put(&self, of: &CredentialRef, owner: &str, token: &Token) {
        self.lock()
            .insert(of.clone(), (token.clone(), vec![owner.to_owned()]));
    }
}

#[cfg(test)]
mod tests {
    use livelist_reso::Session;

    use super::*;

    #[test]
    fn a_token_is_shared_between_runs_and_given_to_each_once() {
        let cache = TokenCache::default();
        let of: CredentialRef = "env:X".parse().unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let expires_at = now.checked_add(Duration::from_secs(3_600)).ok();
        let token = Token {
            session: Session::of("t".into()),
            expires_at,
            refresh: Some("r".into()),
        };
        cache.put(&of, "one", &token);
        assert!(cache.take_up(&of, "two", now).is_ok());
        assert!(
            cache.take_up(&of, "two", now).unwrap_err().is_some(),
            "asked again: it was refused, and what it can be renewed with is handed out"
        );
        assert!(cache.take_up(&of, "two", now).unwrap_err().is_none());
        cache.put(&of, "one", &token);
        let late = now.checked_add(Duration::from_secs(3_000)).unwrap();
        assert!(cache.take_up(&of, "two", late).is_err(), "too little life");
    }
}
