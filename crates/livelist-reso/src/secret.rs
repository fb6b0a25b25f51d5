//! The secret of a credential reference: JSON with `client_id` and `client_secret`, with `token`, or with
//! `username` and `password` (and a client's id and secret if the provider needs them), and `api_key` if
//! the provider needs one.

use livelist_model::registry::AuthKind;
use livelist_model::without_bom;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// An account at a provider.
#[derive(Debug)]
pub struct Account {
    /// How to get tokens.
    pub login: Login,
    /// An API key that is sent with every request.
    pub api_key: Option<SecretString>,
}

/// How to get tokens.
#[derive(Debug)]
pub enum Login {
    /// OAuth 2.0 client credentials.
    Client(ClientLogin),
    /// A token issued by hand.
    ServerToken(SecretString),
    /// A user, and the client that acts for the user, if the provider needs one.
    User {
        /// The name.
        username: SecretString,
        /// The password.
        password: SecretString,
        /// The client.
        client: Option<ClientLogin>,
    },
}

/// A client's id and secret.
#[derive(Debug)]
pub struct ClientLogin {
    /// The id.
    pub id: SecretString,
    /// The secret.
    pub secret: SecretString,
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
        /// The form of the secret.
        found: &'static str,
        /// The form that is needed.
        wanted: &'static str,
    },
    /// The provider wants an API key.
    #[error("it has no `api_key`, and the provider wants one with every request")]
    ApiKeyMissing,
    /// It could not be sent in a header.
    #[error("its `{member}` holds {what}, which cannot be sent")]
    Characters {
        /// The member.
        member: &'static str,
        /// The invalid character.
        what: &'static str,
    },
    /// It was copied together with the scheme that precedes it in a header.
    #[error(
        "its `token` begins with `Bearer`, which is added to every request: give what stands behind"
    )]
    Bearer,
}

#[derive(Deserialize)]
struct Form {
    client_id: Option<SecretString>,
    client_secret: Option<SecretString>,
    token: Option<SecretString>,
    username: Option<SecretString>,
    password: Option<SecretString>,
    api_key: Option<SecretString>,
}

fn kind_words(kind: AuthKind) -> &'static str {
    match kind {
        AuthKind::ClientCredentials => "`client_id` and `client_secret`",
        AuthKind::ServerToken => "`token`",
        AuthKind::Password => "`username` and `password`",
    }
}

/// The character in `text` that no header can contain.
fn unsendable(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("nothing");
    }
    let odd = text.chars().find(|c| !c.is_ascii_graphic())?;
    Some(match odd {
        '\n' | '\r' => "a line end",
        ' ' => "a blank",
        c if c.is_ascii() => "a control character",
        _ => "a character outside ASCII",
    })
}

impl Login {
    /// The kind of authentication that it is for.
    pub fn kind(&self) -> AuthKind {
        match self {
            Login::Client(_) => AuthKind::ClientCredentials,
            Login::ServerToken(_) => AuthKind::ServerToken,
            Login::User { .. } => AuthKind::Password,
        }
    }
}

impl Account {
    /// Reads the secret's text as the form that the feed's kind of authentication needs.
    ///
    /// # Errors
    /// It has another form, or none.
    pub fn parse_as(
        kind: AuthKind,
        needs_api_key: bool,
        secret: &SecretString,
    ) -> Result<Account, AccountError> {
        let account = Account::parse(secret)?;
        let found = account.login.kind();
        if found != kind {
            return Err(AccountError::Kind {
                found: kind_words(found),
                wanted: kind_words(kind),
            });
        }
        if needs_api_key && account.api_key.is_none() {
            return Err(AccountError::ApiKeyMissing);
        }
        Ok(account)
    }

    /// Reads the secret's text.
    ///
    /// # Errors
    /// It is none of the forms, or could not be sent.
    pub fn parse(secret: &SecretString) -> Result<Account, AccountError> {
        let form: Form = serde_json::from_slice(without_bom(secret.expose_secret().as_bytes()))
            .map_err(|_| AccountError::Form)?;
        let client = match (form.client_id, form.client_secret) {
            (Some(id), Some(secret)) => Some(ClientLogin { id, secret }),
            (None, None) => None,
            _ => return Err(AccountError::Form),
        };
        let login = match (form.token, form.username, form.password, client) {
            (Some(token), None, None, None) => Login::ServerToken(token),
            (None, Some(username), Some(password), client) => Login::User {
                username,
                password,
                client,
            },
            (None, None, None, Some(client)) => Login::Client(client),
            _ => return Err(AccountError::Form),
        };
        let sent_as_it_is = match &login {
            Login::ServerToken(token) => Some(token),
            _ => None,
        };
        for (member, text) in [("token", sent_as_it_is), ("api_key", form.api_key.as_ref())] {
            let text = text.map(ExposeSecret::expose_secret);
            let word = text.and_then(|text| text.split_ascii_whitespace().next());
            if member == "token" && word.is_some_and(|word| word.eq_ignore_ascii_case("bearer")) {
                return Err(AccountError::Bearer);
            }
            if let Some(what) = text.and_then(unsendable) {
                return Err(AccountError::Characters { member, what });
            }
        }
        Ok(Account {
            login,
            api_key: form.api_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_form_than_the_providers_is_told() {
        let secret = SecretString::from(r#"{"token":"abc"}"#);
        assert!(Account::parse_as(AuthKind::ServerToken, false, &secret).is_ok());
        let error = Account::parse_as(AuthKind::ClientCredentials, false, &secret).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it holds `token`, and the provider wants `client_id` and `client_secret`"
        );
        let error = Account::parse_as(AuthKind::ServerToken, true, &secret).unwrap_err();
        assert_eq!(error, AccountError::ApiKeyMissing);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_secret() {
        let secret = SecretString::from("\u{feff}{\"token\":\"abc\"}");
        assert!(Account::parse(&secret).is_ok());
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        for (token, told) in [
            ("Bearer abc", "`Bearer`"),
            ("bearer  abc", "`Bearer`"),
            ("ab c", "a blank"),
            ("abc\\n", "a line end"),
            ("ab\\u0001c", "a control character"),
            ("abcé", "outside ASCII"),
            ("", "nothing"),
        ] {
            let secret = SecretString::from(format!("{{\"token\":\"{token}\"}}"));
            let error = Account::parse(&secret).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn the_forms_are_told_apart_and_errors_show_nothing() {
        let parse = |text: &str| Account::parse(&SecretString::from(text));
        for (text, kind) in [
            (r#"{"token":"abc"}"#, AuthKind::ServerToken),
            (
                r#"{"client_id":"a","client_secret":"b","api_key":"k"}"#,
                AuthKind::ClientCredentials,
            ),
            (r#"{"username":"a","password":"b"}"#, AuthKind::Password),
            (
                r#"{"username":"a","password":"b","client_id":"c","client_secret":"d"}"#,
                AuthKind::Password,
            ),
        ] {
            assert_eq!(parse(text).unwrap().login.kind(), kind, "{text}");
        }
        for bad in [
            "s3cret",
            r#"{"token":""}"#,
            r#"{"token":"s3cret\n"}"#,
            r#"{"tokn":"s3cret"}"#,
            r#"{"token":"s3cret","username":"a","password":"b"}"#,
            r#"{"username":"s3cret"}"#,
            r#"{"client_id":"s3cret"}"#,
            r#"{"client_id":"a","client_secret":"b","api_key":"s3cret\r"}"#,
        ] {
            let error = parse(bad).unwrap_err();
            assert!(!error.to_string().contains("s3cret"));
        }
        let shown = format!("{:?}", parse(r#"{"token":"s3cret"}"#));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
