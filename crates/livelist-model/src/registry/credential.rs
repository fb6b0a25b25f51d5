//! References to secrets. The reference is what registry documents, payloads and logs hold; the
//! secret itself is read by the `Secrets` port at the moment it is needed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// `ssm:/path`, `env:NAME` or `file:PATH`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialRef(String);

/// Why a text is not a reference to a secret. The text itself is not repeated: it might be a secret
/// that was pasted in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefError {
    /// None of the known forms.
    #[error(
        "a credential is a reference to a secret: `ssm:/path`, `env:NAME` or `file:PATH`; \
         put the secret there, never into the registry"
    )]
    Form,
    /// The part behind the colon is missing or malformed.
    #[error("the credential reference `{0}:` needs {1} behind the colon")]
    Target(&'static str, &'static str),
}

impl CredentialRef {
    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind before the colon (`ssm`, `env`, `file`) and the target behind it.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or(("", &self.0))
    }

    /// A name for the credential that is safe in an object key: readable and unique.
    pub fn slug(&self) -> String {
        let digest = hex::encode(&Sha256::digest(self.0.as_bytes())[..4]);
        let readable: String = self
            .0
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        let readable = readable.trim_matches('-');
        let tail = &readable[readable.len().saturating_sub(48)..];
        format!("{}-{digest}", tail.trim_matches('-'))
    }
}

impl FromStr for CredentialRef {
    type Err = CredentialRefError;

    fn from_str(text: &str) -> Result<Self, CredentialRefError> {
        let (kind, target) = text.split_once(':').ok_or(CredentialRefError::Form)?;
        match kind {
            "ssm" if target.starts_with('/') && target.len() > 1 => {}
            "ssm" => {
                return Err(CredentialRefError::Target(
                    "ssm",
                    "a parameter name that begins with `/`",
                ));
            }
            "env" if !target.is_empty() && !target.contains(['=', ' ']) => {}
            "env" => {
                return Err(CredentialRefError::Target(
                    "env",
                    "the name of an environment variable",
                ));
            }
            "file" if !target.is_empty() => {}
            "file" => return Err(CredentialRefError::Target("file", "a path")),
            _ => return Err(CredentialRefError::Form),
        }
        Ok(CredentialRef(text.to_owned()))
    }
}

impl TryFrom<String> for CredentialRef {
    type Error = CredentialRefError;

    fn try_from(text: String) -> Result<Self, CredentialRefError> {
        text.parse()
    }
}

impl From<CredentialRef> for String {
    fn from(reference: CredentialRef) -> String {
        reference.0
    }
}

impl fmt::Display for CredentialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for CredentialRef {
    fn schema_name() -> Cow<'static, str> {
        "CredentialRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(ssm:/.+|env:[^= ]+|file:.+)$",
            "description": "Reference to a secret: `ssm:/path`, `env:NAME` or `file:PATH`."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_secret_is_refused_and_not_repeated() {
        let error = "s3cr3t-token"
            .parse::<CredentialRef>()
            .unwrap_err()
            .to_string();
        assert!(!error.contains("s3cr3t"), "{error}");
        assert!("https://x".parse::<CredentialRef>().is_err());
        assert!("ssm:abor".parse::<CredentialRef>().is_err());
        assert!("env:".parse::<CredentialRef>().is_err());
    }

    #[test]
    fn slugs_are_safe_and_distinct() {
        let a: CredentialRef = "ssm:/livelist/mls/abor".parse().unwrap();
        let b: CredentialRef = "ssm:/livelist/mls-abor".parse().unwrap();
        assert!(
            a.slug().starts_with("ssm--livelist-mls-abor-"),
            "{}",
            a.slug()
        );
        assert_ne!(a.slug(), b.slug());
    }
}
