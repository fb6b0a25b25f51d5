//! The credentials of clients, in the forms that providers use.

use serde::{Deserialize, Serialize};

/// The credential of a client.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// OAuth2 client credentials, exchanged for tokens.
    ClientCredentials {
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: String,
    },
    /// OAuth2 client credentials, and a key in the header `x-api-key` of every request.
    ClientCredentialsWithApiKey {
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: String,
        /// The content of the header.
        api_key: String,
    },
    /// OAuth2 resource owner password (RFC 6749, 4.3), exchanged for tokens.
    Password {
        /// The user's name.
        username: String,
        /// The user's password.
        password: String,
        /// The client's id, if the provider gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// The client's secret, if the provider gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_secret: Option<String>,
    },
    /// A static server token.
    Token(String),
}

/// The forms of [`Credential`], without their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Client,
    ClientWithApiKey,
    Password,
    Token,
}

impl Credential {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::ClientCredentials { .. } => Kind::Client,
            Self::ClientCredentialsWithApiKey { .. } => Kind::ClientWithApiKey,
            Self::Password { .. } => Kind::Password,
            Self::Token(_) => Kind::Token,
        }
    }

    /// Its members without the name of its form, as a flat JSON object: `{"token":"…"}`,
    /// `{"client_id":"…","client_secret":"…"}`.
    pub fn members(&self) -> serde_json::Value {
        let named = serde_json::to_value(self).unwrap_or_default();
        let inner = named.as_object().and_then(|form| form.values().next());
        match inner {
            Some(inner) if inner.is_object() => inner.clone(),
            _ => named,
        }
    }

    /// Secrets that must not appear in logs, errors or stored objects.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::ClientCredentials { client_secret, .. } => vec![client_secret],
            Self::ClientCredentialsWithApiKey {
                client_secret,
                api_key,
                ..
            } => vec![client_secret, api_key],
            Self::Password {
                password,
                client_secret,
                ..
            } => std::iter::once(password)
                .chain(client_secret)
                .map(String::as_str)
                .collect(),
            Self::Token(token) => vec![token],
        }
    }
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client_credentials",
            Self::ClientWithApiKey => "client_credentials_with_api_key",
            Self::Password => "password",
            Self::Token => "token",
        }
    }
}
