//! Answers to token requests, and the secrets of the requests.

use jiff::Timestamp;
use livelist_reso::secret::Account;
use livelist_reso::token::{Problem, read_answer};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The content of an answer: a token and its seconds, a refusal, or nothing.
#[derive(Debug, PartialEq)]
enum Told {
    Token(String, Option<f64>),
    Refused,
    Nothing,
}

/// An answer means what its document says; a token can be sent unchanged, and is never shown.
pub fn token(bytes: &[u8]) {
    let told = read(bytes);
    if let Ok(value @ Value::Object(_)) = serde_json::from_slice(bytes) {
        // Without members that are there twice: those are no answer.
        let plain = read(value.to_string().as_bytes());
        assert_eq!(plain, reference(&value));
        assert!(told == plain || told == Told::Nothing);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        account(text);
    }
}

fn read(bytes: &[u8]) -> Told {
    let now = Timestamp::UNIX_EPOCH;
    let answer = read_answer(bytes, now);
    match answer {
        Ok(token) => {
            let value = token.session.token.expose_secret();
            let header = http::HeaderValue::try_from(format!("Bearer {value}"));
            assert!(
                header.is_ok_and(|h| h.to_str().is_ok()),
                "it cannot be sent"
            );
            assert!(value.len() < 12 || !format!("{token:?}").contains(value));
            let seconds = token.expires_at.map(|at| {
                assert!(at >= now, "it expired before it was issued");
                at.duration_since(now).as_secs_f64()
            });
            Told::Token(value.to_owned(), seconds)
        }
        Err(Problem::Refused(_)) => Told::Refused,
        Err(Problem::NoAnswer) => Told::Nothing,
    }
}

fn reference(answer: &Value) -> Told {
    match (&answer["error"], &answer["access_token"]) {
        (_, token) if !token.is_string() && !token.is_null() => Told::Nothing,
        (error, _) if !error.is_null() => Told::Refused,
        (_, Value::String(token))
            if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            let seconds = match &answer["expires_in"] {
                Value::String(text) => text.trim().parse().ok(),
                number => number.as_f64(),
            };
            let seconds = seconds.filter(|s: &f64| s.is_finite() && *s > 0.0);
            // A timestamp has nanoseconds.
            let seconds =
                seconds.map(|s| std::time::Duration::from_secs_f64(s.min(1e9)).as_secs_f64());
            Told::Token(token.clone(), seconds)
        }
        _ => Told::Nothing,
    }
}

/// A secret's text is an account or an error that does not repeat it.
fn account(text: &str) {
    let shown = match Account::parse(&SecretString::from(text)) {
        Ok(account) => format!("{account:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    if let Ok(Value::Object(members)) = serde_json::from_str(text) {
        let values = members.values().filter_map(Value::as_str);
        for value in values.filter(|v| v.len() >= 16) {
            let is_of_the_form = "it must be JSON with `client_id` and `client_secret`, with `token`, or with `username` and `password` ClientCredentials its `token` holds what, which cannot be sent `api_key` a control character a character outside ASCII begins with `Bearer`, which is added to every request: give what stands behind Characters { member: \"token\", what: \"a control character\" } SecretBox<str>([REDACTED])".contains(value);
            assert!(
                is_of_the_form || !shown.contains(value),
                "a secret is shown"
            );
        }
    }
}
