//! Whether a set of specs can be served together.

use thiserror::Error;

use super::credential::Kind;
use super::{Auth, MOST_FIELDS, MlsSpec, Provider};

/// Above this the keys of a book would no longer be sure to differ.
const MOST_LISTINGS: u64 = 50_000_000;

/// Spark's documented codes under 503.
const UNAVAILABLE: [u32; 5] = [1510, 1515, 1516, 1023, 1024];

/// Why a set of specs cannot be served.
#[derive(Debug, Error)]
pub enum SpecError {
    /// The name cannot be a path segment, or is taken by the controls.
    #[error("mls name {0:?} must be letters, digits, `-` or `_`, and not begin with `_`")]
    Name(String),
    /// Two specs have the same name.
    #[error("mls {0:?} is listed twice")]
    Twice(String),
    /// More listings than the simulator can key.
    #[error("mls {0:?} has more than {MOST_LISTINGS} listings")]
    TooMany(String),
    /// A page limit of zero never ends.
    #[error("mls {0:?} has page_limit 0")]
    EmptyPages(String),
    /// The provider does not take this kind of credential.
    #[error(
        "mls {mls:?}: credential is {given:?}, {provider:?} takes {taken}; change the one or the other"
    )]
    Credential {
        /// The MLS.
        mls: String,
        /// Its provider.
        provider: Provider,
        /// The kind of its credential.
        given: &'static str,
        /// The kinds that would do.
        taken: String,
    },
    /// `options.auth` contradicts the credential, or the provider does not support it.
    #[error("mls {0:?}: options.auth does not fit its credential; leave it out")]
    Auth(String),
    /// More fields than there are.
    #[error("mls {0:?}: options.records.fields is above {MOST_FIELDS}")]
    Fields(String),
    /// Not one of Spark's codes.
    #[error("mls {mls:?}: options.unavailable_code {code} is none of {UNAVAILABLE:?}")]
    Code {
        /// The MLS.
        mls: String,
        /// The given code.
        code: u32,
    },
}

impl MlsSpec {
    /// Whether the whole set can be served together.
    ///
    /// # Errors
    /// The first thing that is wrong, named with its MLS.
    pub fn check(specs: &[Self]) -> Result<(), SpecError> {
        for (index, spec) in specs.iter().enumerate() {
            let mls = || spec.mls.clone();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if spec.mls.is_empty() || spec.mls.starts_with('_') || !spec.mls.chars().all(plain) {
                return Err(SpecError::Name(mls()));
            }
            if specs[..index].iter().any(|other| other.mls == spec.mls) {
                return Err(SpecError::Twice(mls()));
            }
            if spec.listings > MOST_LISTINGS {
                return Err(SpecError::TooMany(mls()));
            }
            if spec.page_limit == Some(0) {
                return Err(SpecError::EmptyPages(mls()));
            }
            if spec.records().fields > MOST_FIELDS {
                return Err(SpecError::Fields(mls()));
            }
            let code = spec.options.unavailable_code;
            if !UNAVAILABLE.contains(&code) {
                return Err(SpecError::Code { mls: mls(), code });
            }
            spec.check_credential()?;
        }
        Ok(())
    }

    fn check_credential(&self) -> Result<(), SpecError> {
        let kind = self.credential.kind();
        let taken = self.provider.credentials();
        if !taken.contains(&kind) {
            let names: Vec<_> = taken.iter().map(|kind| kind.name()).collect();
            return Err(SpecError::Credential {
                mls: self.mls.clone(),
                provider: self.provider,
                given: kind.name(),
                taken: names.join(" or "),
            });
        }
        let said = match self.options.auth {
            None => kind,
            Some(Auth::Bearer) => Kind::Token,
            Some(Auth::ClientCredentials) => Kind::Client,
        };
        if said == kind {
            Ok(())
        } else {
            Err(SpecError::Auth(self.mls.clone()))
        }
    }
}

impl Provider {
    fn credentials(self) -> &'static [Kind] {
        match self {
            Self::Reso | Self::Paragon => &[Kind::Token, Kind::Client],
            Self::Trestle | Self::Constellation1 | Self::Crea => &[Kind::Client],
            Self::Realtyna => &[Kind::ClientWithApiKey],
            Self::Rapattoni => &[Kind::Password],
            Self::MlsGrid
            | Self::Bridge
            | Self::Spark
            | Self::Rmls
            | Self::UtahRealEstate
            | Self::Ampre => &[Kind::Token],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Credential;

    #[test]
    fn every_provider_takes_the_credential_it_is_given() {
        for provider in Provider::ALL {
            let spec = MlsSpec::new("abor", provider, 1);
            MlsSpec::check(std::slice::from_ref(&spec)).unwrap();
            let text = serde_json::to_string(&spec).unwrap();
            let read: MlsSpec = serde_json::from_str(&text).unwrap();
            assert_eq!(read.credential.kind(), spec.credential.kind());
            assert!(read.credential.members().is_object());
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        let mut spec = MlsSpec::new("bari", Provider::Rapattoni, 1);
        spec.credential = Credential::Token("t".into());
        let error = MlsSpec::check(&[spec]).unwrap_err().to_string();
        assert!(
            error.contains("\"bari\"") && error.contains("takes password"),
            "{error}"
        );
        let mut spec = MlsSpec::new("par", Provider::Paragon, 1);
        spec.options.auth = Some(Auth::ClientCredentials);
        let error = MlsSpec::check(&[spec.clone()]).unwrap_err();
        assert!(matches!(error, SpecError::Auth(_)));
        spec.credential = Credential::ClientCredentials {
            client_id: "i".into(),
            client_secret: "s".into(),
        };
        MlsSpec::check(&[spec]).unwrap();
        let mut spec = MlsSpec::new("fbs", Provider::Spark, 1);
        spec.options.unavailable_code = 1550;
        let error = MlsSpec::check(&[spec]).unwrap_err();
        assert!(matches!(error, SpecError::Code { code: 1550, .. }));
    }
}
