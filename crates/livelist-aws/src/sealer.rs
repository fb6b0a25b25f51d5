//! Encryption with KMS. The run is the encryption context, so an encrypted token can be decrypted only for
//! its own run. KMS logs the context, never the secret.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use livelist_store::sealer::MAX_SECRET;
use livelist_store::{SealError, Sealer, StoreError};
use secrecy::{ExposeSecret, SecretString};

use crate::failure::{Failure, store_error};

/// The name of the run in the encryption context; key policies can ask for it.
const CONTEXT: &str = "livelist:run";

/// Seals with one symmetric key. Needs `kms:Encrypt` to seal and `kms:Decrypt` to open.
#[derive(Clone)]
pub struct KmsSealer {
    client: Client,
    key_id: String,
}

impl KmsSealer {
    /// Seals with the key of this id, ARN or alias.
    pub fn new(client: Client, key_id: impl Into<String>) -> Self {
        KmsSealer {
            client,
            key_id: key_id.into(),
        }
    }

    fn incomplete(&self, part: &'static str) -> SealError {
        StoreError::unavailable(
            format!("the key {}", self.key_id),
            Failure::Incomplete(part),
        )
        .into()
    }
}

#[async_trait]
impl Sealer for KmsSealer {
    async fn seal(&self, context: &str, secret: &SecretString) -> Result<String, SealError> {
        let plain = secret.expose_secret().as_bytes();
        if plain.len() > MAX_SECRET {
            return Err(SealError::TooLong(plain.len()));
        }
        let asked = self.client.encrypt().key_id(&self.key_id);
        let answer = asked
            .encryption_context(CONTEXT, context)
            .plaintext(Blob::new(plain))
            .send()
            .await
            .map_err(|e| store_error(format!("sealing with the key {}", self.key_id), e))?;
        let sealed = answer.ciphertext_blob;
        let sealed = sealed.ok_or_else(|| self.incomplete("ciphertext"))?;
        Ok(STANDARD.encode(sealed.as_ref()))
    }

    async fn open(&self, context: &str, sealed: &str) -> Result<SecretString, SealError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::NotOurs)?;
        let asked = self.client.decrypt().key_id(&self.key_id);
        let answer = asked
            .encryption_context(CONTEXT, context)
            .ciphertext_blob(Blob::new(bytes))
            .send()
            .await;
        let plain = match answer {
            Ok(answer) => answer.plaintext,
            Err(e) => match e.as_service_error() {
                Some(e)
                    if e.is_invalid_ciphertext_exception() || e.is_incorrect_key_exception() =>
                {
                    return Err(SealError::NotOurs);
                }
                _ => {
                    let what = format!("opening with the key {}", self.key_id);
                    return Err(store_error(what, e).into());
                }
            },
        };
        let plain = plain.ok_or_else(|| self.incomplete("plaintext"))?;
        let text = std::str::from_utf8(plain.as_ref()).map_err(|_| SealError::NotOurs)?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::{Answer, serve};

    async fn open(status: u16, error: &'static str) -> SealError {
        let body = format!(r#"{{"__type":"{error}","message":"says why"}}"#);
        let (clients, _) = serve(move |_, _| Answer::of(status, &body)).await;
        let sealer = clients.sealer("alias/livelist");
        sealer.open("run-1", "bm90IG91cnM=").await.unwrap_err()
    }

    #[tokio::test]
    async fn what_another_key_sealed_is_not_ours() {
        for error in ["IncorrectKeyException", "InvalidCiphertextException"] {
            assert!(matches!(open(400, error).await, SealError::NotOurs));
        }
        let denied = open(400, "AccessDeniedException").await;
        assert!(matches!(
            denied,
            SealError::Store(StoreError::Refused { .. })
        ));
    }

    #[tokio::test]
    async fn no_error_shows_what_was_sealed_or_opened() {
        // An answer that the SDK cannot read, with a token in it.
        let (clients, _) = serve(|_, _| Answer::of(200, r#"{"Plaintext":"czNjcjN0","#)).await;
        let sealer = clients.sealer("alias/livelist");
        let error = sealer.open("run-1", "bm90IG91cnM=").await.unwrap_err();
        let shown = format!("{error:?}");
        assert!(!shown.contains("czNjcjN0"), "{shown}");
        let secret = SecretString::from("s3cr3t");
        let error = sealer.seal("run-1", &secret).await.unwrap_err();
        let shown = format!("{error:?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        assert!(!shown.contains("czNjcjN0"), "{shown}");
    }
}
