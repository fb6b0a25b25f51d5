//! Access tokens: requesting one (OAuth 2.0: client credentials, RFC 6749, 4.4; a user's password, 4.3; a
//! refresh token, 6), and parsing the answer, which differs between providers.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::header;
use livelist_model::run::FeedSpec;
use livelist_model::without_bom;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::allow;
use crate::dialect::Dialect;
use crate::error::ClientError;
use crate::policy::{self, Verdict};
use crate::secret::{Account, ClientLogin, Login};
use crate::session::{self, Session};
use crate::time::Pace;
use crate::transport::{Transport, TransportError};

/// A session, and how long it lasts.
#[derive(Debug, Clone)]
pub struct Token {
    /// The authentication for requests.
    pub session: Session,
    /// When it stops working, if anybody said so.
    pub expires_at: Option<jiff::Timestamp>,
    /// A refresh token, which gets another token without the account's password.
    pub refresh: Option<SecretString>,
}

/// A token answer is a few kilobytes.
const MAX_ANSWER: usize = 64 * 1024;

#[derive(Deserialize)]
struct Answer {
    access_token: Option<SecretString>,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<SecretString>,
    error: Option<serde_json::Value>,
}

/// Requests a token for `account`, by the feed's dialect. A refresh token from an earlier answer is tried
/// first.
///
/// # Errors
/// The provider refused, or could not be asked. Never holds a secret.
pub async fn request(
    transport: &dyn Transport,
    pace: &dyn Pace,
    feed: &FeedSpec,
    account: &Account,
    refresh: Option<&SecretString>,
) -> Result<Token, ClientError> {
    request_often(transport, pace, feed, account, refresh, policy::ATTEMPTS).await
}

/// The same with a single attempt, for a probe.
///
/// # Errors
/// As [`request`].
pub async fn request_once(
    transport: &dyn Transport,
    pace: &dyn Pace,
    feed: &FeedSpec,
    account: &Account,
) -> Result<Token, ClientError> {
    request_often(transport, pace, feed, account, None, 1).await
}

async fn request_often(
    transport: &dyn Transport,
    pace: &dyn Pace,
    feed: &FeedSpec,
    account: &Account,
    refresh: Option<&SecretString>,
    attempts: u32,
) -> Result<Token, ClientError> {
    let (grant, client) = match &account.login {
        Login::ServerToken(token) => {
            return Ok(Token {
                session: Session {
                    token: token.clone(),
                    api_key: account.api_key.clone(),
                },
                expires_at: None,
                refresh: None,
            });
        }
        Login::Client(client) => (vec![("grant_type", "client_credentials")], Some(client)),
        Login::User {
            username,
            password,
            client,
        } => {
            let grant = vec![
                ("grant_type", "password"),
                ("username", username.expose_secret()),
                ("password", password.expose_secret()),
            ];
            (grant, client.as_ref())
        }
    };
    let dialect = Dialect::for_feed(feed)?;
    let url = feed.token_url.as_deref().or(dialect.token_url);
    let url = url.ok_or_else(|| {
        ClientError::Settings("tokens are requested, and there is no `token_url`".to_owned())
    })?;
    let asking = Asking {
        transport,
        pace,
        dialect: &dialect,
        uri: allow::parse(url).map_err(ClientError::Link)?,
        client,
        api_key: account.api_key.as_ref(),
        attempts,
    };
    if let Some(refresh) = refresh {
        let again = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_secret()),
        ];
        match asking.exchange(again).await {
            // It was used, or has ended: the account itself decides.
            Err(ClientError::CredentialRefused(_)) => {}
            other => return other,
        }
    }
    asking.exchange(grant).await
}

/// Whom to ask for a token, and how.
struct Asking<'a> {
    transport: &'a dyn Transport,
    pace: &'a dyn Pace,
    dialect: &'a Dialect,
    uri: http::Uri,
    client: Option<&'a ClientLogin>,
    api_key: Option<&'a SecretString>,
    /// Attempts before it gives up.
    attempts: u32,
}

impl Asking<'_> {
    async fn exchange(&self, mut form: Vec<(&str, &str)>) -> Result<Token, ClientError> {
        if let Some(client) = self.client {
            form.push(("client_id", client.id.expose_secret()));
            form.push(("client_secret", client.secret.expose_secret()));
        }
        form.extend(self.dialect.scope.map(|scope| ("scope", scope)));
        // Names and the grant type are no secrets; everything else may be one.
        let secrets: Vec<&str> = form
            .iter()
            .filter(|(name, _)| !matches!(*name, "grant_type" | "scope" | "client_id"))
            .map(|(_, value)| *value)
            .chain(self.api_key.map(|key| key.expose_secret()))
            .collect();
        let encoded: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        let body = Bytes::from(encoded.join("&"));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (what, source) = match whole(self.transport, self.request(body.clone())?).await {
                Err(e) => (None, Some(e)),
                Ok((status, headers, body)) => {
                    let now = self.pace.now();
                    match self.dialect.judge(status, &headers, &body, now) {
                        Verdict::Accept => match self.read(&body, now) {
                            Ok(token) => return Ok(token),
                            Err(Problem::Refused(error)) => {
                                let text = policy::readable(error.as_bytes(), &secrets);
                                return Err(ClientError::CredentialRefused(text));
                            }
                            Err(Problem::NoAnswer) => {
                                (Some("200 without a token".to_owned()), None)
                            }
                        },
                        Verdict::Throttled(wait) => {
                            return Err(ClientError::Throttled(
                                wait.unwrap_or(self.dialect.throttle_wait),
                            ));
                        }
                        // A wrong secret gets 400 (RFC 6749, 5.2; Trestle in HTML).
                        Verdict::Rejected | Verdict::Unauthorized | Verdict::Denied => {
                            let text = policy::readable(&body, &secrets);
                            return Err(ClientError::CredentialRefused(format!(
                                "{status}: {text}"
                            )));
                        }
                        Verdict::Retry | Verdict::RetrySmaller => {
                            (Some(format!("status {status}")), None)
                        }
                    }
                }
            };
            if attempt >= self.attempts {
                return Err(ClientError::Unavailable {
                    what: match what {
                        Some(what) => format!("token request: {what}"),
                        None => "token request".to_owned(),
                    },
                    source,
                });
            }
            self.pace
                .sleep(policy::pause(attempt, self.pace.fraction()))
                .await;
        }
    }

    fn request(&self, body: Bytes) -> Result<http::Request<Bytes>, ClientError> {
        let mut request = http::Request::post(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, crate::client::USER_AGENT)
            .body(body)
            .map_err(|e| ClientError::Settings(e.to_string()))?;
        if let Some(name) = self.dialect.api_key_header {
            session::add_api_key(name, self.api_key, request.headers_mut())
                .map_err(|e| ClientError::Settings(e.to_string()))?;
        }
        Ok(request)
    }

    fn read(&self, body: &[u8], now: jiff::Timestamp) -> Result<Token, Problem> {
        let mut token = read_answer(body, now)?;
        token.session.api_key = self.api_key.cloned();
        Ok(token)
    }
}

type Whole = (http::StatusCode, http::HeaderMap, Vec<u8>);

async fn whole(
    transport: &dyn Transport,
    request: http::Request<Bytes>,
) -> Result<Whole, TransportError> {
    let (parts, mut body) = transport.send(request).await?.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece?;
        let room = MAX_ANSWER.saturating_sub(bytes.len());
        bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }
    Ok((parts.status, parts.headers, bytes))
}

/// Why a token answer holds no token.
#[derive(Debug)]
pub enum Problem {
    /// The provider says why, in its own words: fit for a log only through [`policy::readable`].
    Refused(String),
    /// It is no token answer, or its token could not be sent in a header.
    NoAnswer,
}

/// Parses a token answer. `expires_in` may be missing or a string; a token without it is used until it is
/// refused. `{"error":…}` may have status 200 (Rapattoni).
pub fn read_answer(body: &[u8], now: jiff::Timestamp) -> Result<Token, Problem> {
    let answer: Answer =
        serde_json::from_slice(without_bom(body)).map_err(|_| Problem::NoAnswer)?;
    if let Some(error) = answer.error.filter(|e| !e.is_null()) {
        let text = error
            .as_str()
            .map_or_else(|| "an error object".to_owned(), str::to_owned);
        return Err(Problem::Refused(text));
    }
    let value = answer.access_token.ok_or(Problem::NoAnswer)?;
    let sendable = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_graphic());
    if !sendable(value.expose_secret()) {
        return Err(Problem::NoAnswer);
    }
    let seconds = match answer.expires_in {
        Some(serde_json::Value::String(text)) => text.trim().parse().ok(),
        Some(number) => number.as_f64(),
        None => None,
    };
    let expires_at = seconds
        .filter(|s: &f64| s.is_finite() && *s > 0.0)
        .and_then(|s| now.checked_add(Duration::from_secs_f64(s.min(1e9))).ok());
    Ok(Token {
        session: Session::of(value),
        expires_at,
        refresh: answer.refresh_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiry(body: &str) -> Option<i64> {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let token = read_answer(body.as_bytes(), now).ok().unwrap();
        token.expires_at.map(|at| at.as_second())
    }

    #[test]
    fn lifetimes_come_as_numbers_strings_or_not_at_all() {
        assert_eq!(
            expiry(r#"{"access_token":"t","expires_in":28800,"token_type":"Bearer"}"#),
            Some(28_800)
        );
        assert_eq!(
            expiry(r#"{"access_token":"t","expires_in":"3600"}"#),
            Some(3_600)
        );
        assert_eq!(
            expiry("\u{feff}{\"access_token\":\"t\",\"expires_in\":60}"),
            Some(60)
        );
        assert_eq!(expiry(r#"{"access_token":"t"}"#), None);
        assert_eq!(expiry(r#"{"access_token":"t","expires_in":null}"#), None);
    }

    #[test]
    fn what_is_not_a_token_is_told_apart() {
        let read = |body: &str| read_answer(body.as_bytes(), jiff::Timestamp::UNIX_EPOCH);
        assert!(matches!(
            read(r#"{"error":"invalid_grant"}"#),
            Err(Problem::Refused(_))
        ));
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a\nb"}"#,
        ] {
            assert!(matches!(read(body), Err(Problem::NoAnswer)), "{body}");
        }
    }
}
