//! Realtyna's MLS Router, from clients' code.
//!
//! Not documented, so these are assumptions: the token endpoint's path, that a wrong `x-api-key` is
//! answered 403 before anything else, a `$top` above the limit (silently cut), the forms of keys (digits)
//! and of errors, rate limits (none).

use hyper::StatusCode;

use super::ask::{COMMON, Rules};
use super::{Ask, Asked, Dialect, NextPage, Refusal, errors};
use crate::answer::Answer;
use crate::incoming::Incoming;
use crate::page::Form;
use crate::spec::{Credential, MlsSpec};

pub(super) struct Realtyna {
    api_key: Option<String>,
}

/// Seen in clients' code: rows when no `$top` is given, and the largest `$top`.
const RULES: Rules = Rules {
    rows: 10,
    ..Rules::new(&COMMON, 200)
};

impl Realtyna {
    pub fn new(spec: &MlsSpec) -> Self {
        let api_key = match &spec.credential {
            Credential::ClientCredentialsWithApiKey { api_key, .. } => Some(api_key.clone()),
            _ => None,
        };
        Self { api_key }
    }
}

impl Dialect for Realtyna {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/reso/odata".into()
    }

    fn token_path(&self, _spec: &MlsSpec) -> Option<String> {
        Some("/v1/auth/token".into())
    }

    fn peculiar(&self) -> &'static [&'static str] {
        &["RFModificationTimestamp"]
    }

    fn precondition(&self, incoming: &Incoming) -> Result<(), Answer> {
        let shown = incoming.header("x-api-key");
        if shown.is_some() && shown == self.api_key.as_deref() {
            return Ok(());
        }
        Err(self.refusal(StatusCode::FORBIDDEN, "Forbidden"))
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_text(status, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        Ask::plain(asked, path, &RULES)
    }

    /// Seen in clients' code: they count `$skip` up by themselves.
    fn link(&self, _next: NextPage<'_>) -> Option<String> {
        None
    }

    fn form(&self, _spec: &MlsSpec, _ask: &Ask) -> Form {
        Form {
            omit_nulls: true,
            ..Form::PLAIN
        }
    }
}
