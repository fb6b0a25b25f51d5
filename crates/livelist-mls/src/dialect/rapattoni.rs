//! Rapattoni, from its documentation, a recorded page and clients' code.
//!
//! Not documented, so these are assumptions: that a request without `class` is refused (400), a `$top`
//! above 1,000 (silently cut), the form of keys (digits), of errors and of next links (`$skip`), rate
//! limits (none).

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::ask::{COMMON, Rules};
use super::{Ask, Asked, Dialect, NextPage, Refusal, bad, errors};
use crate::answer::Answer;
use crate::clock;
use crate::page::{Form, Stamp};
use crate::query::Escape;
use crate::spec::{Credential, MlsSpec};

pub(super) struct Rapattoni {
    user: String,
}

/// Documented: the `$top` to ask for.
const RULES: Rules = Rules::new(&COMMON, 1_000);

impl Rapattoni {
    pub fn new(spec: &MlsSpec) -> Self {
        let user = match &spec.credential {
            Credential::Password { username, .. } => username.clone(),
            _ => String::new(),
        };
        Self { user }
    }
}

impl Dialect for Rapattoni {
    fn base(&self, spec: &MlsSpec) -> String {
        format!("/2/{}/RESO/OData", spec.dataset())
    }

    fn token_path(&self, spec: &MlsSpec) -> Option<String> {
        Some(format!("/{}/oauth/token", spec.dataset()))
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_text(status, message)
    }

    /// Seen in clients' code: an error under status 200.
    fn no_token(&self) -> Answer {
        Answer::json(StatusCode::OK, &json!({"error": "invalid_grant"}))
    }

    /// Published: `bearer` in small letters, the user, and the start and end of the token's validity.
    fn granted(&self, members: &mut Map<String, Value>, at: jiff::Timestamp, seconds: u64) {
        let ends = at + std::time::Duration::from_secs(seconds);
        members.insert("token_type".into(), "bearer".into());
        members.insert("userName".into(), self.user.clone().into());
        members.insert(".issued".into(), clock::http_date(at).into());
        members.insert(".expires".into(), clock::http_date(ends).into());
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        if asked.incoming.query.get("class") != Some("Residential") {
            return Err(bad("the query option class must name a class: Residential"));
        }
        Ask::plain(asked, path, &RULES)
    }

    fn link(&self, next: NextPage<'_>) -> Option<String> {
        Some(next.by_skip(Escape::Component))
    }

    /// Recorded: local time.
    fn form(&self, _spec: &MlsSpec, _ask: &Ask) -> Form {
        Form {
            stamp: Stamp::Local(-5),
            ..Form::PLAIN
        }
    }
}
