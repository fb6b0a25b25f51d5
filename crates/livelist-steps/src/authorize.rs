//! `authorize`: gets an access token, encrypts it and passes it on. The state machine calls this step
//! RequestToken, RequestUserToken or LoadServerToken, by the provider's kind of authentication.

use std::time::Duration;

use livelist_model::run::RunSpec;
use livelist_model::wait::LONGEST_WAIT;
use livelist_reso::ClientError;
use livelist_reso::dialect::Dialect;
use livelist_reso::secret::Account;
use livelist_reso::token;
use serde::{Deserialize, Serialize};

use crate::{Env, StepError, budget, endpoint};

/// The step's name.
pub const NAME: &str = "authorize";

/// The step's input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
}

/// The step's output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Output {
    /// The result.
    pub outcome: Outcome,
    /// Seconds to wait before asking again, if throttled.
    pub wait_seconds: u64,
    /// The token, sealed for this run.
    pub token: Option<String>,
    /// When it stops working, if anybody said so.
    pub expires_at: Option<jiff::Timestamp>,
}

/// The result of asking for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is one.
    Authorized,
    /// The provider asks to wait.
    Throttled,
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

/// The seconds that the machine should wait: none, or whole seconds.
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
