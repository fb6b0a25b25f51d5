//! MLS Grid v2, from its documentation and recorded responses.

use hyper::StatusCode;

use super::ask::{number, only_options, page_size, resource};
use super::{Ask, Asked, Dialect, NextPage, Refusal, bad, errors, not_found};
use crate::answer::Answer;
use crate::book::keys::KeyStyle;
use crate::book::select::By;
use crate::filter::Field;
use crate::incoming::Incoming;
use crate::limits::Limits;
use crate::page::{Form, RowIds};
use crate::query::Escape;
use crate::record::tables::Resource;
use crate::spec::MlsSpec;

pub(super) struct MlsGrid;

/// Documented: the largest `$top`.
const MOST_ROWS: u64 = 5_000;
/// Documented: the largest `$top` beside `$expand`.
const MOST_EXPANDED: u64 = 1_000;
/// Documented: `$top` when none is given.
const DEFAULT_ROWS: u64 = 500;
/// Documented: the most `or` in one filter.
const MOST_ORS: usize = 5;

/// Documented: the fields of Property that can be searched.
const SEARCHABLE: [Field; 7] = [
    Field::OriginatingSystemName,
    Field::ModificationTimestamp,
    Field::MlgCanView,
    Field::ListOfficeMlsId,
    // From here on not in Broker-Only feeds.
    Field::ListingId,
    Field::StandardStatus,
    Field::PropertyType,
];
const OF_BROKER_ONLY: usize = 4;

fn searchable(broker_only: bool) -> &'static [Field] {
    if broker_only {
        &SEARCHABLE[..OF_BROKER_ONLY]
    } else {
        &SEARCHABLE
    }
}

impl Dialect for MlsGrid {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/v2".into()
    }

    /// Documented: a source's prefix, e.g. `ACT` of `actris`, `MFR` of `mfrmls`.
    fn key_style(&self, spec: &MlsSpec) -> KeyStyle {
        let letters = spec.system().chars().filter(char::is_ascii_alphanumeric);
        KeyStyle::Prefixed(letters.take(3).collect::<String>().to_ascii_uppercase())
    }

    /// Documented: deleted rows stay for seven days as `MlgCanView=false`, longer than any
    /// simulator lives.
    fn keeps_deleted(&self) -> bool {
        true
    }

    fn peculiar(&self) -> &'static [&'static str] {
        &["MlgCanView"]
    }

    /// Documented: 2 a second, 7,200 an hour, 40,000 a day. The 4 GB an hour are not counted.
    fn windows(&self) -> &'static [(u64, u64)] {
        &[(1, 2), (3_600, 7_200), (86_400, 40_000)]
    }

    /// Recorded: a request without gzip is refused before the credential is checked.
    fn precondition(&self, incoming: &Incoming) -> Result<(), Answer> {
        if incoming.takes_gzip() {
            return Ok(());
        }
        let status = StatusCode::BAD_REQUEST;
        Err(Answer::text(status, "text/plain", "COMPRESSION REQUIRED"))
    }

    fn unauthorized(&self) -> Answer {
        self.refusal(
            StatusCode::UNAUTHORIZED,
            "Unauthorized request: no authentication given",
        )
    }

    /// Recorded for 401: the code is an integer.
    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_number(status, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        let &[segment] = path else {
            return Err(not_found());
        };
        if resource(segment)?.is_some() {
            return Err(bad("records cannot be requested by key"));
        }
        let query = asked.incoming.query.clone();
        only_options(&query, &["$select", "$filter", "$top", "$skip", "$expand"])?;
        let mut ask = Ask::new(asked, query)?;
        let (conditions, ors) = ask.filter.conditions();
        let searchable = searchable(asked.spec.options.contrary.broker_only);
        let is_table = asked.resource != Resource::Property;
        // Not documented, and so our reading: other resources are found by their keys.
        let mut fields = conditions
            .iter()
            .filter_map(|part| part.field())
            .filter(|field| !is_table || *field != Field::ListingKey);
        if let Some(field) = fields.find(|field| !searchable.contains(field)) {
            return Err(bad(format!("{} is not a searchable field", field.name())));
        }
        if ors > MOST_ORS {
            return Err(bad(format!("more than {MOST_ORS} or operators")));
        }
        ask = ask.of_one_system()?;
        let most = match ask.query.get("$expand") {
            Some(_) => MOST_EXPANDED,
            None => MOST_ROWS,
        };
        let top = number(&ask.query, "$top")?.unwrap_or(DEFAULT_ROWS);
        if top > most {
            return Err(bad(format!("$top may not exceed {most}")));
        }
        // Documented: rows are ordered by ModificationTimestamp; `$orderby` is refused above.
        ask.order = By::Changed.up();
        ask.size = page_size(asked.spec, top, most);
        Ok(ask)
    }

    /// Published: `$filter`, `$expand`, `$top`, `$skip` in JavaScript's escaping. The position of `$select`
    /// was not published.
    fn link(&self, next: NextPage<'_>) -> Option<String> {
        let top = next
            .ask
            .query
            .get("$top")
            .map_or(DEFAULT_ROWS.to_string(), str::to_owned);
        let mut options = String::new();
        for name in ["$filter", "$select", "$expand"] {
            if let Some(value) = next.ask.query.get(name) {
                options.push_str(name);
                options.push('=');
                Escape::Component.write(value, &mut options);
                options.push('&');
            }
        }
        let skip = next.skip();
        let base = next.base;
        Some(format!("{base}/Property?{options}$top={top}&$skip={skip}"))
    }

    fn form(&self, _spec: &MlsSpec, _ask: &Ask) -> Form {
        Form {
            row_ids: RowIds::Absolute,
            ..Form::PLAIN
        }
    }

    /// No document shows any.
    fn headers(&self, _answer: &mut Answer, _limits: &Limits) {}
}
