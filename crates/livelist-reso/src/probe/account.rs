//! The checks before the first page: the document, the secret, the token. Pure: from facts to a check.

use std::time::Duration;

use livelist_model::registry::{AuthKind, Finding, Mls};
use livelist_model::run::FeedSpec;

use super::check::{Check, Name};
use super::trouble::trouble;
use crate::dialect::{Dialect, ScanForm};
use crate::error::ClientError;
use crate::secret::{Account, AccountError};

/// A token with a shorter lifetime has to be requested again in most tasks.
const LITTLE_LIFE: Duration = Duration::from_secs(15 * 60);

/// The check of the MLS's document.
pub fn registry(file: &str, document: &Result<Mls, Vec<Finding>>) -> Check {
    let check = Check::ok(Name::Registry);
    let mls = match document {
        Ok(mls) => mls,
        Err(findings) => {
            return findings.iter().fold(check, |check, finding| {
                let check = match finding.field.as_str() {
                    "" => check.fail(format!("{file}: {}", finding.problem)),
                    field => check.fail(format!("{file}: {field}: {}", finding.problem)),
                };
                match finding.field.as_str() {
                    "" => check.advise(&finding.remedy),
                    field => check.change(field, &finding.remedy),
                }
            });
        }
    };
    let check = check.saw(format!("{file} is sound"));
    let check = match mls.enabled {
        true => check,
        false => check.saw("it is disabled: runs leave it out"),
    };
    let Some(dialect) = Dialect::of(mls.provider.as_str()) else {
        return check;
    };
    let largest = dialect.page_max;
    match mls.page_size {
        Some(size) if dialect.scan == ScanForm::List => check
            .warn(format!(
                "page_size {size} says nothing: the list comes whole"
            ))
            .change("page_size", "leave it out"),
        Some(size) if size > largest => check
            .warn(format!(
                "page_size {size} is above the dialect's largest, {largest}, which is used"
            ))
            .change(
                "page_size",
                format!("give {largest} or less, or leave it out"),
            ),
        _ => check,
    }
}

/// Whether the feed can be read with its filter.
pub fn filter(check: Check, feed: &FeedSpec, dialect: &Dialect) -> Check {
    if dialect.scan == ScanForm::List && feed.filter.is_some() {
        return check
            .fail(format!(
                "{} gives its list whole and takes no filter",
                dialect.title
            ))
            .advise("leave the pair's `filter` out");
    }
    check
}

/// The check of the secret. `read` is the account in it, or why there is none; `unreadable` means that it
/// could not be read.
pub fn secret(feed: &FeedSpec, read: &Result<Account, SecretTrouble>) -> Check {
    let check = Check::ok(Name::Secret);
    let reference = &feed.credential;
    match read {
        Ok(account) => {
            let key = account.api_key.as_ref().map_or("", |_| " and `api_key`");
            check.saw(format!("{reference} holds {}{key}", words(feed.auth)))
        }
        Err(SecretTrouble::Unreadable(why)) => check.fail(why).change(
            "credential",
            match reference.parts().0 {
                "ssm" => {
                    "probe with a copy of the registry whose `credential` is `env:NAME` or \
                     `file:PATH`"
                }
                "env" => "set the variable, or mend its name in the reference",
                _ => "put the file there, or mend the path, which begins at the registry",
            },
        ),
        Err(SecretTrouble::Account(error)) => {
            let check = check.fail(format!("{reference}: {error}"));
            match error {
                AccountError::Kind { .. } => check
                    .change(
                        "credential",
                        "put the account there that the provider issued",
                    )
                    .change(
                        "auth",
                        "or say how to authenticate, if the provider offers both",
                    ),
                AccountError::ApiKeyMissing => {
                    check.change("credential", "add `api_key` to the secret")
                }
                AccountError::Bearer => {
                    check.change("credential", "leave `Bearer` out of the secret's `token`")
                }
                AccountError::Form | AccountError::Characters { .. } => check.change(
                    "credential",
                    format!("put JSON with {} there", words(feed.auth)),
                ),
            }
        }
    }
}

/// Why there is no account.
#[derive(Debug)]
pub enum SecretTrouble {
    /// There is nothing to be read, and why.
    Unreadable(String),
    /// The secret is no account of the feed's kind.
    Account(AccountError),
}

fn words(kind: AuthKind) -> &'static str {
    match kind {
        AuthKind::ClientCredentials => "`client_id` and `client_secret`",
        AuthKind::ServerToken => "`token`",
        AuthKind::Password => "`username` and `password`",
    }
}

/// How the token was got.
#[derive(Debug)]
pub enum TokenSeen {
    /// It is the secret.
    Given,
    /// The provider issued it.
    Issued {
        /// How long it lives, if anybody said so.
        lives: Option<Duration>,
        /// Whether a refresh token was issued.
        refresh: bool,
    },
}

/// Whether requests are let in with the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// The first one was.
    Open,
    /// The first request was refused, with the provider's text.
    Shut(String),
    /// The first one ended in another way.
    Unknown,
}

/// The check of the token.
pub fn token(feed: &FeedSpec, got: &Result<TokenSeen, ClientError>, door: Door) -> Check {
    let check = Check::ok(Name::Token);
    let (check, issued) = match got {
        Err(error) => return trouble(check, feed, error),
        Ok(TokenSeen::Given) => (check, false),
        Ok(TokenSeen::Issued { lives, refresh }) => {
            let refresh = match refresh {
                true => "a refresh token came with it",
                false => "no refresh token",
            };
            let check = match lives {
                Some(lives) if *lives < LITTLE_LIFE => check
                    .warn(format!(
                        "a token came and lives {} s, {refresh}",
                        lives.as_secs()
                    ))
                    .advise(
                        "nothing has to be changed: tokens are renewed; ask the provider for a \
                         longer life if it limits how many are issued",
                    ),
                Some(lives) => check.saw(format!(
                    "a token came and lives {} min, {refresh}",
                    (lives.as_secs_f64() / 60.0).round()
                )),
                None => check.saw(format!(
                    "a token came and nobody says how long it lives, {refresh}"
                )),
            };
            (check, true)
        }
    };
    match (door, issued) {
        (Door::Open, false) => check.saw("the first request was let in with the server token"),
        (Door::Open, true) => check.saw("the first request was let in with it"),
        (Door::Unknown, _) => check.saw("the first request says nothing about it"),
        (Door::Shut(words), false) => check
            .fail(format!(
                "the first request was refused (status 401): {words}"
            ))
            .change(
                "credential",
                "renew the token behind the reference; ask the provider whether it is for this API",
            ),
        (Door::Shut(words), true) => check
            .fail(format!(
                "the first request was refused with it (status 401): {words}"
            ))
            .change("token_url", "see that it issues tokens for this API")
            .change("base_url", "see that it is the API of this account")
            .change(
                "dataset",
                "see that it is the account's own (CREA: the DestinationId)",
            ),
    }
}
