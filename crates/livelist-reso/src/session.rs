//! The authentication of requests: the token, and an API key if the provider needs one. It is passed
//! between steps as one encrypted text.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::dialect::Dialect;

/// The authentication of requests.
#[derive(Debug, Clone)]
pub struct Session {
    /// Sent as bearer.
    pub token: SecretString,
    /// Sent in the dialect's own header.
    pub api_key: Option<SecretString>,
}

/// Why a request cannot carry it. Never holds the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// A character that no header can hold.
    #[error("the token or the API key cannot be sent in a header")]
    Characters,
    /// The dialect's header has no value.
    #[error("the provider wants an API key besides the token, and there is none")]
    ApiKeyMissing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    token: SecretString,
    api_key: SecretString,
}

impl Session {
    /// A session of a token alone.
    pub fn of(token: SecretString) -> Session {
        Session {
            token,
            api_key: None,
        }
    }

    /// One text for encryption: the token itself, or JSON if there is an API key.
    pub fn to_text(&self) -> SecretString {
        match &self.api_key {
            None => self.token.clone(),
            Some(key) => serde_json::json!({
                "token": self.token.expose_secret(),
                "api_key": key.expose_secret(),
            })
            .to_string()
            .into(),
        }
    }

    /// From the text of [`Session::to_text`].
    pub fn from_text(text: &SecretString) -> Session {
        match serde_json::from_str::<Both>(text.expose_secret()) {
            Ok(both) => Session {
                token: both.token,
                api_key: Some(both.api_key),
            },
            Err(_) => Session::of(text.clone()),
        }
    }

    /// Puts the token, and the key in the dialect's header, into a request's headers.
    pub(crate) fn authorize(
        &self,
        dialect: &Dialect,
        headers: &mut HeaderMap,
    ) -> Result<(), SessionError> {
        let bearer = format!("Bearer {}", self.token.expose_secret());
        headers.insert(header::AUTHORIZATION, sensitive(&bearer)?);
        if let Some(name) = dialect.api_key_header {
            add_api_key(name, self.api_key.as_ref(), headers)?;
        }
        Ok(())
    }

    /// Secrets that must never be shown.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let key = self.api_key.iter().map(|key| key.expose_secret());
        key.chain([self.token.expose_secret()]).collect()
    }
}

/// Puts the API key into the dialect's header.
pub(crate) fn add_api_key(
    name: &'static str,
    key: Option<&SecretString>,
    headers: &mut HeaderMap,
) -> Result<(), SessionError> {
    let key = key.ok_or(SessionError::ApiKeyMissing)?;
    headers.insert(
        HeaderName::from_static(name),
        sensitive(key.expose_secret())?,
    );
    Ok(())
}

fn sensitive(text: &str) -> Result<HeaderValue, SessionError> {
    let mut value = HeaderValue::try_from(text).map_err(|_| SessionError::Characters)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_travels_as_one_text() {
        let plain = Session::of("abc".into());
        assert_eq!(plain.to_text().expose_secret(), "abc");
        let both = Session {
            token: "abc".into(),
            api_key: Some("k\"1".into()),
        };
        let again = Session::from_text(&both.to_text());
        assert_eq!(again.token.expose_secret(), "abc");
        assert_eq!(again.api_key.unwrap().expose_secret(), "k\"1");
        assert!(Session::from_text(&"{odd".into()).api_key.is_none());
    }
}
