//! The port for secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use livelist_model::registry::CredentialRef;
use secrecy::SecretString;

/// Why a secret is not to be had. Never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is nothing under the reference.
    #[error("there is no secret at {0}")]
    Missing(CredentialRef),
    /// This process cannot read references of this kind.
    #[error("{0} cannot be read here: {1}")]
    Unsupported(CredentialRef, &'static str),
    /// Reading failed.
    #[error("the secret at {reference} cannot be read")]
    Unreadable {
        /// Which.
        reference: CredentialRef,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Reads secrets by reference. The text is JSON; the caller parses it.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret of `reference`.
    async fn get(&self, reference: &CredentialRef) -> Result<SecretString, SecretError>;
}

/// `env:` and `file:` references, for one machine. The environment is handed in by the process's
/// main.
pub struct LocalSecrets {
    env: BTreeMap<String, SecretString>,
    base: PathBuf,
}

impl LocalSecrets {
    /// Secrets from `env`, and from files relative to `base`.
    pub fn new(env: impl IntoIterator<Item = (String, String)>, base: PathBuf) -> Self {
        LocalSecrets {
            env: env.into_iter().map(|(k, v)| (k, v.into())).collect(),
            base,
        }
    }
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn get(&self, reference: &CredentialRef) -> Result<SecretString, SecretError> {
        match reference.parts() {
            ("env", name) => self
                .env
                .get(name)
                .cloned()
                .ok_or_else(|| SecretError::Missing(reference.clone())),
            ("file", path) => match tokio::fs::read_to_string(self.base.join(path)).await {
                Ok(text) => Ok(text.into()),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    Err(SecretError::Missing(reference.clone()))
                }
                Err(e) => Err(SecretError::Unreadable {
                    reference: reference.clone(),
                    source: e.into(),
                }),
            },
            _ => Err(SecretError::Unsupported(
                reference.clone(),
                "`ssm:` references need AWS; use `env:` or `file:` on one machine",
            )),
        }
    }
}
