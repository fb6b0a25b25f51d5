//! The name of a provider in a registry document. Which names are valid, and how each API behaves, is
//! defined by the dialects in `livelist-reso`. This crate treats a provider as a plain name, so that
//! a new provider needs no change here.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Finding, Mls};

/// Who serves an MLS: lower-case letters and digits, at most 32.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Provider(String);

/// Why a text is not a provider's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a provider's name has lower-case letters and digits, at most 32, as `livelist providers` lists them"
)]
pub struct ProviderError;

impl Provider {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Provider {
    type Err = ProviderError;

    fn from_str(text: &str) -> Result<Self, ProviderError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if text.is_empty() || text.len() > 32 || !text.bytes().all(plain) {
            return Err(ProviderError);
        }
        Ok(Provider(text.to_owned()))
    }
}

impl TryFrom<String> for Provider {
    type Error = ProviderError;

    fn try_from(text: String) -> Result<Self, ProviderError> {
        text.parse()
    }
}

impl From<Provider> for String {
    fn from(provider: Provider) -> String {
        provider.0
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Provider {
    fn schema_name() -> Cow<'static, str> {
        "Provider".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[a-z0-9]{1,32}$",
            "description": "Who serves the MLS; `livelist providers` lists them."
        })
    }
}

/// What somebody who knows the providers says of a document.
pub trait Providers: Sync {
    /// Completes what the document leaves to its provider, and tells what the provider's ways make
    /// wrong in it. `file` is the document's name for the findings.
    fn complete(&self, file: &str, mls: &mut Mls) -> Vec<Finding>;
}

/// Knows no provider and finds nothing: for those who read documents and never ask a provider.
#[derive(Debug, Clone, Copy)]
pub struct AnyProvider;

impl Providers for AnyProvider {
    fn complete(&self, _: &str, _: &mut Mls) -> Vec<Finding> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!("mlsgrid".parse::<Provider>().unwrap().as_str(), "mlsgrid");
        for bad in ["", "MlsGrid", "mls grid", "../x", &"x".repeat(33)] {
            assert!(bad.parse::<Provider>().is_err(), "{bad}");
        }
    }
}
