//! Secrets in the Parameter Store of SSM.

use async_trait::async_trait;
use aws_sdk_ssm::Client;
use livelist_model::registry::CredentialRef;
use livelist_store::{SecretError, Secrets};
use secrecy::SecretString;

use crate::failure::{Failure, store_error};

/// Reads `ssm:` references. SecureStrings are decrypted, for which the role needs `kms:Decrypt` of their
/// key besides `ssm:GetParameter`.
///
/// The source of an unreadable secret is a [`livelist_store::StoreError`], which says whether a retry may
/// help.
#[derive(Clone)]
pub struct SsmSecrets {
    client: Client,
}

impl SsmSecrets {
    /// Secrets of the client's account and region.
    pub fn new(client: Client) -> Self {
        SsmSecrets { client }
    }
}

#[async_trait]
impl Secrets for SsmSecrets {
    async fn get(&self, reference: &CredentialRef) -> Result<SecretString, SecretError> {
        let ("ssm", name) = reference.parts() else {
            return Err(SecretError::Unsupported(
                reference.clone(),
                "only `ssm:` references work on AWS",
            ));
        };
        let unreadable = |source: livelist_store::StoreError| SecretError::Unreadable {
            reference: reference.clone(),
            source: source.into(),
        };
        let what = || format!("the parameter {name}");
        let asked = self.client.get_parameter().name(name).with_decryption(true);
        match asked.send().await {
            Ok(answer) => answer
                .parameter
                .and_then(|found| found.value)
                .map(SecretString::from)
                .ok_or_else(|| {
                    unreadable(livelist_store::StoreError::unavailable(
                        what(),
                        Failure::Incomplete("value"),
                    ))
                }),
            Err(e) => match e.as_service_error() {
                Some(e) if e.is_parameter_not_found() || e.is_parameter_version_not_found() => {
                    Err(SecretError::Missing(reference.clone()))
                }
                _ => Err(unreadable(store_error(what(), e))),
            },
        }
    }
}
