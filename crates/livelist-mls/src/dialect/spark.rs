//! Spark (FBS), the replication host, from its documentation and recorded responses.
//!
//! Not documented, so these are assumptions: 10 rows without `$top`, a `$top` above the limit (silently
//! cut), the status of an option that the initial pull does not allow (400), and the meaning of each code
//! under 503.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use super::ask::Rules;
use super::{Ask, Asked, Dialect, NextPage, Refusal, bad, errors};
use crate::answer::Answer;
use crate::book::keys::KeyStyle;
use crate::book::select::{By, Start};
use crate::filter::{Field, Filter, Op};
use crate::page::{Form, Stamp};
use crate::query::Escape;
use crate::spec::{Envelope, MlsSpec};

pub(super) struct Spark {
    envelope: Envelope,
    unavailable: u32,
    cache: Duration,
}

/// Documented: the largest `$top`; and that the initial pull allows these and nothing else but a
/// filter on `ModificationTimestamp`.
const RULES: Rules = Rules {
    rows: 10,
    order: By::Key.up(),
    ..Rules::new(
        &["$select", "$filter", "$top", "$skiptoken", "$count"],
        1_000,
    )
};

impl Spark {
    pub fn new(spec: &MlsSpec) -> Self {
        Self {
            envelope: spec.options.envelope,
            unavailable: spec.options.unavailable_code,
            cache: Duration::from_secs(spec.options.cache_seconds),
        }
    }

    fn error(&self, status: StatusCode, code: Option<u32>, message: &str) -> Answer {
        if self.envelope == Envelope::Reso {
            return errors::with_number(status, message);
        }
        // Recorded: an error may have no code.
        let body = match code {
            Some(code) => json!({"D": {"Success": false, "Message": message, "Code": code}}),
            None => json!({"D": {"Success": false, "Message": message}}),
        };
        Answer::json(status, &body)
    }
}

impl Dialect for Spark {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/Reso/OData".into()
    }

    fn key_style(&self, _spec: &MlsSpec) -> KeyStyle {
        KeyStyle::Instant
    }

    fn cache(&self) -> Duration {
        self.cache
    }

    /// Recorded.
    fn unauthorized(&self) -> Answer {
        let message = "Invalid API key and/or request signed improperly";
        self.error(StatusCode::UNAUTHORIZED, Some(1000), message)
    }

    /// Recorded.
    fn expired(&self) -> Answer {
        let message = "Session token has expired";
        self.error(StatusCode::UNAUTHORIZED, Some(1020), message)
    }

    /// Documented: the codes of these statuses.
    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        let code = match status {
            StatusCode::FORBIDDEN => Some(1021),
            StatusCode::TOO_MANY_REQUESTS => Some(1550),
            StatusCode::SERVICE_UNAVAILABLE => Some(self.unavailable),
            _ => None,
        };
        self.error(status, code, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        let mut ask = Ask::plain(asked, path, &RULES)?;
        let (conditions, _) = ask.filter.conditions();
        let allowed = |part: &&Filter| match part {
            Filter::Compare(Field::ModificationTimestamp, ..) => true,
            Filter::Compare(Field::ListingKey, Op::Eq, _) => asked.spec.options.key_filter,
            // One row by its own URL.
            Filter::In(Field::ListingKey, _) => ask.query.get("$filter").is_none(),
            _ => false,
        };
        if !conditions.iter().all(allowed) {
            return Err(bad("only ModificationTimestamp can be filtered by"));
        }
        if let Some(token) = ask.query.get("$skiptoken") {
            ask.start = Start::AfterKey(token.to_owned());
        }
        Ok(ask)
    }

    fn link(&self, next: NextPage<'_>) -> Option<String> {
        let options = next.ask.query.rewritten(&["$skiptoken"], Escape::Component);
        Some(next.by_last_key(&options))
    }

    /// Recorded.
    fn form(&self, _spec: &MlsSpec, _ask: &Ask) -> Form {
        Form {
            stamp: Stamp::Seconds,
            ..Form::PLAIN
        }
    }
}
