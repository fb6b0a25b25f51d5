//! What is behind a credential reference: `{"client_id","client_secret"}`, `{"token"}` or
//! `{"username","password"}`.

use livelist_model::registry::AuthKind;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// An account at a provider.
#[derive(Debug)]
pub enum Account {
    /// For OAuth 2.0 client credentials.
    ClientCredentials {
        /// The client's id.
        client_id: SecretString,
        /// The client's secret.
        client_secret: SecretString,
    },
    /// A token issued by hand.
    ServerToken(SecretString),
    /// A user; no dialect asks for one yet.
    User {
        /// The name.
        username: SecretString,
        /// The password.
        password: SecretString,
    },
}

/// Why a secret is not an account. Never repeats the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Not JSON, or none of the forms.
    #[error(
        "it must be JSON with `client_id` and `client_secret`, with `token`, or with `username` \
         and `password`"
    )]
    Form,
    /// Another form than the provider's.
    #[error("it holds {found}, and the provider wants {wanted}")]
    Kind {
        /// What is there.
        found: &'static str,
        /// What should be.
        wanted: &'static str,
    },
    /// It could not be sent in a header.
    #[error("it holds characters that cannot be sent, such as a line feed")]
    Characters,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    ClientCredentials {
        client_id: SecretString,
        client_secret: SecretString,
    },
    ServerToken {
        token: SecretString,
    },
    User {
        username: SecretString,
        password: SecretString,
    },
}

impl Account {
    /// Reads the secret's text as what the feed's kind of authentication wants.
    pub fn parse_as(kind: AuthKind, secret: &SecretString) -> Result<Account, AccountError> {
        let wanted = match kind {
            AuthKind::ClientCredentials => "`client_id` and `client_secret`",
            AuthKind::ServerToken => "`token`",
        };
        let account = Account::parse(secret)?;
        let found = match (&account, kind) {
            (Account::ClientCredentials { .. }, AuthKind::ClientCredentials)
            | (Account::ServerToken(_), AuthKind::ServerToken) => return Ok(account),
            (Account::ClientCredentials { .. }, _) => "`client_id` and `client_secret`",
            (Account::ServerToken(_), _) => "`token`",
            (Account::User { .. }, _) => "`username` and `password`",
        };
        Err(AccountError::Kind { found, wanted })
    }

    /// Reads the secret's text.
    pub fn parse(secret: &SecretString) -> Result<Account, AccountError> {
        let form = serde_json::from_str(secret.expose_secret()).map_err(|_| AccountError::Form)?;
        let account = match form {
            Form::ClientCredentials {
                client_id,
                client_secret,
            } => Account::ClientCredentials {
                client_id,
                client_secret,
            },
            Form::ServerToken { token } => Account::ServerToken(token),
            Form::User { username, password } => Account::User { username, password },
        };
        if let Account::ServerToken(token) = &account {
            let token = token.expose_secret();
            if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(AccountError::Characters);
            }
        }
        Ok(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_form_than_the_providers_is_told() {
        let secret = SecretString::from(r#"{"token":"abc"}"#);
        assert!(Account::parse_as(AuthKind::ServerToken, &secret).is_ok());
        let error = Account::parse_as(AuthKind::ClientCredentials, &secret).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it holds `token`, and the provider wants `client_id` and `client_secret`"
        );
    }

    #[test]
    fn the_forms_are_told_apart_and_errors_show_nothing() {
        let parse = |text: &str| Account::parse(&SecretString::from(text));
        assert!(matches!(
            parse(r#"{"token":"abc"}"#),
            Ok(Account::ServerToken(_))
        ));
        assert!(matches!(
            parse(r#"{"client_id":"a","client_secret":"b"}"#),
            Ok(Account::ClientCredentials { .. })
        ));
        assert!(matches!(
            parse(r#"{"username":"a","password":"b"}"#),
            Ok(Account::User { .. })
        ));
        for bad in [
            "s3cret",
            r#"{"token":""}"#,
            r#"{"token":"s3cret\n"}"#,
            r#"{"tokn":"s3cret"}"#,
        ] {
            let error = parse(bad).unwrap_err();
            assert!(!error.to_string().contains("s3cret"));
        }
        let shown = format!("{:?}", parse(r#"{"token":"s3cret"}"#));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
