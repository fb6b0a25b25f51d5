//! Signatures of Standard Webhooks (standardwebhooks.com, symmetric `v1`): HMAC-SHA256 of
//! `id.timestamp.body`. Own code on ring, because the published crate reads the wall clock, brings
//! two further crypto and time libraries, and has had one release.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// The prefix of a secret.
const PREFIX: &str = "whsec_";
/// The specification: 192 to 512 bits.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Several while a secret is rotated; more are a mistake.
const MOST: usize = 4;
/// People paste secrets with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a secret is none. Never holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret is not `whsec_` and the Base64 of 24 to 64 bytes; up to four may stand behind each \
     other, with spaces between"
)]
pub struct SecretForm;

/// The keys of one client: one, or several while they are rotated.
#[derive(Debug)]
pub struct SigningKeys(Vec<hmac::Key>);

/// The headers of a signed notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: i64,
    /// `webhook-signature`: `v1,…`, once for each key.
    pub signature: String,
}

impl SigningKeys {
    /// Parses the secret of a client's `notify.credential`.
    pub fn read(secret: &SecretString) -> Result<SigningKeys, SecretForm> {
        let keys: Vec<hmac::Key> = secret
            .expose_secret()
            .split_whitespace()
            .map(|one| {
                let encoded = one.strip_prefix(PREFIX).ok_or(SecretForm)?;
                let bytes = LENIENT.decode(encoded).map_err(|_| SecretForm)?;
                if !BYTES.contains(&bytes.len()) {
                    return Err(SecretForm);
                }
                Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
            })
            .collect::<Result<_, _>>()?;
        if keys.is_empty() || keys.len() > MOST {
            return Err(SecretForm);
        }
        Ok(SigningKeys(keys))
    }

    /// Signs `body` under `id` for a transmission at `now`.
    pub fn sign(&self, id: &str, now: jiff::Timestamp, body: &str) -> Signed {
        let timestamp = now.as_second();
        let message = format!("{id}.{timestamp}.{body}");
        let signatures = self.0.iter().map(|key| {
            let tag = hmac::sign(key, message.as_bytes());
            format!("v1,{}", STANDARD.encode(tag))
        });
        Signed {
            id: id.to_owned(),
            timestamp,
            signature: signatures.collect::<Vec<_>>().join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> Result<SigningKeys, SecretForm> {
        SigningKeys::read(&SecretString::from(secret))
    }

    /// The example from the tests of the Standard Webhooks libraries.
    #[test]
    fn the_published_example_comes_out() {
        let now = jiff::Timestamp::from_second(1_614_265_330).unwrap();
        for secret in [
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        ] {
            let signed = keys(secret).unwrap().sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                now,
                r#"{"test": 2432232314}"#,
            );
            assert_eq!(
                signed.signature,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
            );
            assert_eq!(signed.timestamp, 1_614_265_330);
        }
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let (old, new) = (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LTAxMjM=",
        );
        let now = jiff::Timestamp::from_second(1_614_265_330).unwrap();
        let of = |secret: &str| keys(secret).unwrap().sign("msg_1", now, "{}").signature;
        assert_eq!(
            of(&format!("{old} {new}")),
            format!("{} {}", of(old), of(new))
        );
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        let many = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ".repeat(5);
        for wrong in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!",
            r#"{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"#,
            &long,
            &many,
        ] {
            let error = keys(wrong).unwrap_err();
            assert!(!error.to_string().contains("MfKQ"), "{error}");
        }
        let shown = format!(
            "{:?}",
            keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
        );
        assert!(!shown.contains("MfKQ"), "{shown}");
    }
}
