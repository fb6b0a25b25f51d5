//! PropTx / AMPRE, from clients' code.
//!
//! Not documented, so these are assumptions: all rows without `$top`, a `$top` above the limit (silently
//! cut), the forms of keys (digits) and of errors, and that pages have no next link.

use std::time::Duration;

use hyper::StatusCode;

use super::ask::Rules;
use super::{Ask, Asked, Dialect, NextPage, Refusal, bad, errors};
use crate::answer::Answer;
use crate::filter::instants;
use crate::query::Query;
use crate::spec::MlsSpec;

pub(super) struct Ampre;

/// Seen in clients' code: the largest `$top`, no `$skip`, and that a blank has to be sent as `%20`.
const RULES: Rules = Rules {
    read: |incoming| Query::parse_strictly(incoming.target.split_once('?').map_or("", |(_, q)| q)),
    ..Rules::new(
        &[
            "$select", "$filter", "$orderby", "$top", "$count", "$expand",
        ],
        10_000,
    )
};

impl Dialect for Ampre {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/odata".into()
    }

    /// Seen in clients' code: 60,000 a minute.
    fn windows(&self) -> &'static [(u64, u64)] {
        &[(60, 60_000)]
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_text(status, message)
    }

    /// Seen in clients' code: the header.
    fn throttled(&self, wait: Duration) -> Answer {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
            .with("x-rate-limit-retry-after-seconds", seconds.to_string())
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        let ask = Ask::plain(asked, path, &RULES)?;
        let written = instants(ask.query.get("$filter").unwrap_or_default());
        match written.into_iter().find(|instant| !is_full(instant)) {
            Some(instant) => Err(bad(format!("{instant} needs seconds and Z"))),
            None => Ok(ask),
        }
    }

    fn link(&self, _next: NextPage<'_>) -> Option<String> {
        None
    }
}

/// Whether an instant has seconds and ends with `Z`.
fn is_full(instant: &str) -> bool {
    let time = instant.split_once('T').map_or("", |(_, time)| time);
    time.ends_with('Z') && time.matches(':').count() == 2
}
