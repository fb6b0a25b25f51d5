//! Paragon (ICE), from clients' code: the shape of Bridge's API on another host.
//!
//! Nothing else is documented. Assumptions: Bridge's page sizes and window, digits as keys, an invented
//! token endpoint for the newer hosts' OAuth2, no rate limits and no headers about them.

use hyper::StatusCode;

use super::{Ask, Asked, Dialect, NextPage, Refusal, bridge, errors};
use crate::answer::Answer;
use crate::incoming::Incoming;
use crate::page::Form;
use crate::spec::{Credential, MlsSpec};

pub(super) struct Paragon;

impl Dialect for Paragon {
    fn base(&self, spec: &MlsSpec) -> String {
        format!("/api/v2/OData/{}", spec.dataset())
    }

    fn token_path(&self, spec: &MlsSpec) -> Option<String> {
        let issues = matches!(spec.credential, Credential::ClientCredentials { .. });
        issues.then(|| "/oauth2/token".into())
    }

    fn token_shown<'a>(&self, incoming: &'a Incoming) -> Option<&'a str> {
        bridge::token_shown(incoming)
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_number(status, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        bridge::ask(asked, path)
    }

    fn link(&self, next: NextPage<'_>) -> Option<String> {
        Some(bridge::link(next))
    }

    fn form(&self, spec: &MlsSpec, ask: &Ask) -> Form {
        bridge::form(spec, ask)
    }
}
