//! RMLS of Oregon, from its documentation and a recorded service document.
//!
//! Not documented, so these are assumptions: the form of keys (digits), of errors and of next links
//! (`$skip`), a `$top` above the limit (silently cut), the status of a URL that is too long (414), rate
//! limits (none), and the fields of `Deleted` (the key alone).

use hyper::StatusCode;
use serde_json::{Value, json};

use super::ask::{COMMON, Rules};
use super::{Ask, Asked, Dialect, NextPage, Refusal, bad, errors};
use crate::answer::Answer;
use crate::filter::Filter;
use crate::incoming::Incoming;
use crate::query::Escape;
use crate::spec::MlsSpec;

pub(super) struct Rmls;

/// Documented: the largest `$top`.
const RULES: Rules = Rules::new(&COMMON, 250);
/// Documented: the longest URL in characters.
const LONGEST_URL: usize = 5_246;

impl Dialect for Rmls {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/reso/odata".into()
    }

    fn peculiar(&self) -> &'static [&'static str] {
        &["ListingKeyNumeric"]
    }

    fn deleted(&self, key: &str, _at_ms: i64) -> Value {
        json!({"ListingKey": key})
    }

    fn precondition(&self, incoming: &Incoming) -> Result<(), Answer> {
        let length = incoming.origin().len() + incoming.target.len();
        if length <= LONGEST_URL {
            return Ok(());
        }
        Err(self.refusal(StatusCode::URI_TOO_LONG, "The URL is too long"))
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_text(status, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        if path == ["Deleted"] {
            return Ask::deleted(asked, &RULES);
        }
        let ask = Ask::plain(asked, path, &RULES)?;
        // Documented; `OR` in capitals is no operator to the reader of filters either.
        let (conditions, _) = ask.filter.conditions();
        let lists = conditions.iter().any(|part| matches!(part, Filter::In(..)));
        if lists && ask.query.get("$filter").is_some() {
            return Err(bad("the operator 'in' is not supported"));
        }
        Ok(ask)
    }

    fn link(&self, next: NextPage<'_>) -> Option<String> {
        Some(next.by_skip(Escape::Component))
    }
}
