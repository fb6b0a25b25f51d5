//! CREA DDF, from its documentation and the responses in it.
//!
//! Not documented, so these are assumptions: all rows without `$top`, a `$top` above the limit (silently
//! cut), next links of the plain endpoint (`$skip`), which options the master list takes (`$select`,
//! `$filter`, `$count`), the answer to a wrong secret (RFC 6749), rate limits (none).

use hyper::StatusCode;
use serde_json::json;

use super::ask::{COMMON, Rules, only_options};
use super::{Ask, Asked, Dialect, NextPage, Refusal, Shape};
use crate::answer::Answer;
use crate::book::dice::mix;
use crate::page::Column;
use crate::query::Escape;
use crate::spec::MlsSpec;

pub(super) struct Crea;

/// Documented: the largest page.
const RULES: Rules = Rules::new(&COMMON, 100);
/// Documented: the rows that `$skip` can reach.
const WINDOW: u64 = 10_000;

impl Dialect for Crea {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/odata/v1".into()
    }

    fn token_path(&self, _spec: &MlsSpec) -> Option<String> {
        Some("/connect/token".into())
    }

    /// Documented.
    fn scope(&self) -> Option<&'static str> {
        Some("DDFApi_Read")
    }

    /// Published.
    fn unauthorized(&self) -> Answer {
        let message = "You are not authorized to perform this request. The format of the bearer token used is not valid.";
        self.refusal(StatusCode::UNAUTHORIZED, message)
    }

    /// Published for 401: the code is a string, after the message.
    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        let error = json!({"error": {"message": message, "code": status.as_str()}});
        Answer::json(status, &error)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        if let ["Property", function] = path
            && let Some(parameters) = function.strip_prefix("PropertyReplication(")
        {
            return master_list(asked, parameters);
        }
        let mut ask = Ask::plain(asked, path, &RULES)?;
        // Documented: without `$orderby` rows may repeat or be missed between pages.
        let paged = ask.skip() > 0 && ask.filter.keys().is_none();
        if paged && ask.query.get("$orderby").is_none() {
            ask.drift = mix(asked.spec.seed ^ asked.serial) % 3;
        }
        ask.within(asked.spec.options.skip_window.unwrap_or(WINDOW))
    }

    fn link(&self, next: NextPage<'_>) -> Option<String> {
        let whole = next.ask.shape == Shape::Replication;
        (!whole).then(|| next.by_skip(Escape::Component))
    }
}

/// Documented: every listing of a destination in one answer, and 401 for another's destination.
fn master_list(asked: &Asked<'_>, parameters: &str) -> Result<Ask, Refusal> {
    let refused = |message: &str| Err((StatusCode::UNAUTHORIZED, message.to_owned()));
    match parameters.strip_suffix(')') {
        Some("") => {}
        Some(named) => {
            let shown = named.strip_prefix("DestinationId=");
            let shown = shown.and_then(|id| id.parse::<u64>().ok());
            if shown.is_none() || shown != asked.spec.options.destination {
                return refused("You are not authorized to perform this request.");
            }
        }
        None => return Err(super::not_found()),
    }
    let query = asked.incoming.query.clone();
    only_options(&query, &["$select", "$filter", "$count"])?;
    let mut ask = Ask::new(asked, query)?;
    ask.shape = Shape::Replication;
    ask.columns
        .get_or_insert(vec![Column::ListingKey, Column::ModificationTimestamp]);
    ask.size = usize::MAX;
    Ok(ask)
}
