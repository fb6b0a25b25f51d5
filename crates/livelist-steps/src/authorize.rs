//! `authorize`: gets an access token, encrypts it and passes it on. The state machine calls this step
//! RequestToken, RequestUserToken or LoadServerToken, by the provider's kind of authentication.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use livelist_model::registry::CredentialRef;
use livelist_model::run::RunSpec;
use livelist_model::wait::LONGEST_WAIT;
use livelist_reso::ClientError;
use livelist_reso::dialect::Dialect;
use livelist_reso::secret::Account;
use livelist_reso::token::{self, Token};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{Env, StepError, budget, endpoint};

/// The step's name.
pub const NAME: &str = "authorize";

/// What the step is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
}

/// What the step says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Output {
    /// What became of it.
    pub outcome: Outcome,
    /// Seconds to wait before asking again, when throttled.
    pub wait_seconds: u64,
    /// The token, sealed for this run.
    pub token: Option<String>,
    /// When it stops working, if anybody said so.
    pub expires_at: Option<jiff::Timestamp>,
}

/// What became of asking for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is one.
    Authorized,
    /// The provider asks to wait.
    Throttled,
}

/// A token with less life than this is not used again: a new one costs one request, a token that
/// dies in mid-scan several.
const LEAST_LIFE: Duration = Duration::from_secs(15 * 60);

/// Tokens that this process got, by credential. A run gets one from here at most once: when it asks
/// again, the token was refused.
#[derive(Debug, Default)]
pub struct TokenCache {
    tokens: Mutex<HashMap<CredentialRef, (Token, Vec<String>)>>,
}

impl TokenCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<CredentialRef, (Token, Vec<String>)>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that is still good for `owner`; else what another can be got with.
    fn take_up(
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

    fn put(&self, of: &CredentialRef, owner: &str, token: &Token) {
        self.lock()
            .insert(of.clone(), (token.clone(), vec![owner.to_owned()]));
    }
}

/// Gets a token for the run.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    env.renew(&input.run, &input.owner, Duration::ZERO).await?;
    let feed = &input.run.feed;
    let dialect = Dialect::for_feed(feed)?;
    endpoint::verify(env, &input.run).await?;
    let now = env.clock.now();
    let token = match env.tokens.take_up(&feed.credential, &input.owner, now) {
        Ok(token) => token,
        Err(refresh) => {
            let secret = env.secrets.get(&feed.credential).await?;
            let needs_api_key = dialect.api_key_header.is_some();
            let parsed = Account::parse_as(feed.auth, needs_api_key, &secret);
            let account = parsed.map_err(|source| StepError::SecretInvalid {
                reference: feed.credential.clone(),
                source,
            })?;
            let pace = env.pace();
            let refresh = refresh.as_ref();
            match token::request(&*env.transport, &pace, feed, &account, refresh).await {
                Ok(token) => {
                    env.tokens.put(&feed.credential, &input.owner, &token);
                    token
                }
                Err(ClientError::Throttled(wait)) => {
                    budget::note_wait(env, &input.run, wait).await?;
                    let wait = wait.min(LONGEST_WAIT);
                    env.renew(&input.run, &input.owner, wait).await?;
                    return Ok(Output {
                        outcome: Outcome::Throttled,
                        wait_seconds: whole_seconds(wait),
                        token: None,
                        expires_at: None,
                    });
                }
                Err(error) => {
                    let error = StepError::from(error);
                    return Err(error.asked_for(|| "a token".to_owned()));
                }
            }
        }
    };
    let sealed = endpoint::seal(env, &input.run, &token.session).await?;
    tracing::info!(run = %input.run.run, expires_at = ?token.expires_at, "authorized");
    Ok(Output {
        outcome: Outcome::Authorized,
        wait_seconds: 0,
        token: Some(sealed),
        expires_at: token.expires_at,
    })
}

/// The seconds that a task tells the machine to wait: none, or whole ones.
pub(crate) fn wait_seconds(wait: Duration) -> u64 {
    if wait.is_zero() {
        0
    } else {
        whole_seconds(wait)
    }
}

/// A wait in whole seconds, rounded up and at least one.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
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
