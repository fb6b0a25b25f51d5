//! The port that encrypts secrets which travel through payloads. The ciphertext is bound to one run,
//! and cannot be decrypted for another.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

/// Why sealing or opening failed. Never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The text was sealed for another context or by another key, or is damaged.
    #[error("the sealed text cannot be opened for this run")]
    NotOurs,
    /// The secret does not fit.
    #[error("the secret has {0} bytes; at most 4096 can be sealed")]
    TooLong(usize),
    /// The service does not work.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

/// The longest secret that can be sealed: KMS encrypts at most 4,096 bytes.
pub const MAX_SECRET: usize = 4_096;

/// Seals secrets; KMS in production, with the context as encryption context.
#[async_trait]
pub trait Sealer: Send + Sync {
    /// Seals `secret` for `context` (a run id).
    async fn seal(&self, context: &str, secret: &SecretString) -> Result<String, SealError>;
    /// Decrypts what was encrypted for `context`.
    async fn open(&self, context: &str, sealed: &str) -> Result<SecretString, SealError>;
}

/// Encrypts with a key that exists only in this process: enough if payloads do not leave it.
pub struct ProcessSealer {
    key: LessSafeKey,
    random: SystemRandom,
}

impl ProcessSealer {
    /// A sealer with a new key.
    pub fn new() -> Result<Self, crate::StoreError> {
        let broken = |_| crate::StoreError::unavailable("the system's randomness", "it failed");
        let random = SystemRandom::new();
        let mut key = [0u8; 32];
        random.fill(&mut key).map_err(broken)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).map_err(broken)?;
        Ok(ProcessSealer {
            key: LessSafeKey::new(key),
            random,
        })
    }
}

#[async_trait]
impl Sealer for ProcessSealer {
    async fn seal(&self, context: &str, secret: &SecretString) -> Result<String, SealError> {
        let plain = secret.expose_secret().as_bytes();
        if plain.len() > MAX_SECRET {
            return Err(SealError::TooLong(plain.len()));
        }
        let broken = |_| crate::StoreError::unavailable("sealing", "the cipher failed");
        let mut nonce = [0u8; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(broken)?;
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut sealed,
            )
            .map_err(broken)?;
        sealed.extend_from_slice(&nonce);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    async fn open(&self, context: &str, sealed: &str) -> Result<SecretString, SealError> {
        let mut bytes = URL_SAFE_NO_PAD
            .decode(sealed)
            .map_err(|_| SealError::NotOurs)?;
        let cut = bytes
            .len()
            .checked_sub(NONCE_LEN)
            .ok_or(SealError::NotOurs)?;
        let nonce: [u8; NONCE_LEN] = bytes
            .split_off(cut)
            .try_into()
            .map_err(|_| SealError::NotOurs)?;
        let plain = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut bytes,
            )
            .map_err(|_| SealError::NotOurs)?;
        let text = std::str::from_utf8(plain).map_err(|_| SealError::NotOurs)?;
        Ok(SecretString::from(text))
    }
}
