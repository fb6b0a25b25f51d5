//! Access tokens: asking for one (OAuth 2.0 client credentials, RFC 6749, 4.4) and reading the
//! answer, which providers write in many ways.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::header;
use livelist_model::run::FeedSpec;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::allow;
use crate::dialect::Dialect;
use crate::error::ClientError;
use crate::policy::{self, Verdict};
use crate::secret::Account;
use crate::time::Pace;
use crate::transport::{Transport, TransportError};

/// A token to send as bearer.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub value: SecretString,
    /// When it stops working, if anybody said so.
    pub expires_at: Option<jiff::Timestamp>,
}

/// A token answer is a few kilobytes.
const MAX_ANSWER: usize = 64 * 1024;

#[derive(Deserialize)]
struct Answer {
    access_token: Option<SecretString>,
    expires_in: Option<serde_json::Value>,
    error: Option<serde_json::Value>,
}

/// A token for `account`, by the feed's dialect.
pub async fn request(
    transport: &dyn Transport,
    pace: &dyn Pace,
    feed: &FeedSpec,
    account: &Account,
) -> Result<Token, ClientError> {
    match account {
        Account::ServerToken(token) => Ok(Token {
            value: token.clone(),
            expires_at: None,
        }),
        Account::ClientCredentials {
            client_id,
            client_secret,
        } => {
            let dialect = Dialect::of(feed.provider);
            let url = feed
                .token_url
                .as_deref()
                .or(dialect.token_url)
                .ok_or_else(|| {
                    ClientError::Settings("client credentials need a `token_url`".to_owned())
                })?;
            let mut form = format!(
                "grant_type=client_credentials&client_id={}&client_secret={}",
                utf8_percent_encode(client_id.expose_secret(), NON_ALPHANUMERIC),
                utf8_percent_encode(client_secret.expose_secret(), NON_ALPHANUMERIC),
            );
            if let Some(scope) = dialect.scope {
                form.push_str("&scope=");
                form.push_str(scope);
            }
            let secrets = [client_secret.expose_secret()];
            exchange(transport, pace, &dialect, url, &form, &secrets).await
        }
        Account::User { .. } => Err(ClientError::Settings(format!(
            "{} does not authenticate with a user name and a password",
            feed.provider
        ))),
    }
}

async fn exchange(
    transport: &dyn Transport,
    pace: &dyn Pace,
    dialect: &Dialect,
    url: &str,
    form: &str,
    secrets: &[&str],
) -> Result<Token, ClientError> {
    let uri = allow::parse(url).map_err(ClientError::Link)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let request = http::Request::post(uri.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, crate::client::USER_AGENT)
            .body(Bytes::copy_from_slice(form.as_bytes()))
            .map_err(|e| ClientError::Settings(e.to_string()))?;
        let (what, source) = match whole(transport, request).await {
            Err(e) => (e.to_string(), Some(e)),
            Ok((status, headers, body)) => {
                let now = pace.now();
                match policy::judge(status, &headers, &body, dialect.wait_headers, now) {
                    Verdict::Accept => match read_answer(&body, now) {
                        Ok(token) => return Ok(token),
                        Err(Problem::Refused(error)) => {
                            let text = policy::readable(error.as_bytes(), secrets);
                            return Err(ClientError::CredentialRefused(text));
                        }
                        Err(Problem::NoAnswer) => ("200 without a token".to_owned(), None),
                    },
                    Verdict::Throttled(wait) => {
                        return Err(ClientError::Throttled(
                            wait.unwrap_or(dialect.throttle_wait),
                        ));
                    }
                    // 400 is what a wrong secret gets (RFC 6749, 5.2; Trestle in HTML).
                    Verdict::Rejected | Verdict::Unauthorized | Verdict::Denied => {
                        let text = policy::readable(&body, secrets);
                        return Err(ClientError::CredentialRefused(format!("{status}: {text}")));
                    }
                    Verdict::Retry | Verdict::RetrySmaller => (format!("status {status}"), None),
                }
            }
        };
        if attempt >= policy::ATTEMPTS {
            return Err(ClientError::Unavailable {
                what: format!("token request: {what}"),
                source,
            });
        }
        pace.sleep(policy::pause(attempt, pace.fraction())).await;
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

/// Reads a token answer. `expires_in` may be missing or a string; a token that says nothing is used
/// until it is refused. `{"error":…}` may come with status 200 (Rapattoni).
pub fn read_answer(body: &[u8], now: jiff::Timestamp) -> Result<Token, Problem> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Problem::NoAnswer)?;
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
    Ok(Token { value, expires_at })
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
