//! Trestle (Cotality), from its documentation and recorded responses.

use hyper::StatusCode;

use super::ask::{COMMON, number, only_options, order, page_size, resource};
use super::{Ask, Asked, Dialect, NextPage, Refusal, bad, not_found};
use crate::answer::Answer;
use crate::book::select::By;
use crate::limits::{Limits, Window};
use crate::page::{Column, Form, Stamp};
use crate::query::Escape;
use crate::spec::MlsSpec;

pub(super) struct Trestle;

/// Documented: the largest `$top` when nothing but the key is selected.
const MOST_KEYS: u64 = 300_000;
/// Documented: the largest `$top` otherwise.
const MOST_ROWS: u64 = 1_000;
/// Documented: `$top` when none is given.
const DEFAULT_ROWS: u64 = 10;
/// Documented: the largest `$skip`.
const WINDOW: u64 = 1_000_000;

impl Dialect for Trestle {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/trestle/odata".into()
    }

    fn token_path(&self, _spec: &MlsSpec) -> Option<String> {
        Some("/trestle/oidc/connect/token".into())
    }

    /// Documented.
    fn scope(&self) -> Option<&'static str> {
        Some("api")
    }

    /// Documented base limits: 180 a minute, 7,200 an hour.
    fn windows(&self) -> &'static [(u64, u64)] {
        &[(60, 180), (3_600, 7_200)]
    }

    /// The header was observed; the body was not, and is empty here.
    fn unauthorized(&self) -> Answer {
        Answer::text(StatusCode::UNAUTHORIZED, "text/plain", "").with("www-authenticate", "Bearer")
    }

    /// The bodies of Trestle's other errors were not found; this is OData's form.
    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        let error = serde_json::json!({"error": {"code": "", "message": message}});
        Answer::json(status, &error).with("odata-version", "4.0")
    }

    /// Recorded: a wrong secret is answered 400 with this HTML body.
    fn no_token(&self) -> Answer {
        Answer::text(StatusCode::BAD_REQUEST, "text/html", "Bad Request")
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        let &[segment] = path else {
            return Err(not_found());
        };
        let query = asked.incoming.query.clone();
        only_options(&query, &COMMON)?;
        if let Some(key) = resource(segment)? {
            return Ask::one(asked, query, &key);
        }
        let mut ask = Ask::new(asked, query)?;
        let most = match ask.columns.as_deref() {
            Some([Column::ListingKey]) => MOST_KEYS,
            _ => MOST_ROWS,
        };
        let top = number(&ask.query, "$top")?.unwrap_or(DEFAULT_ROWS);
        if top > most {
            return Err(bad(format!(
                "The limit of '{most}' for Top query has been exceeded."
            )));
        }
        let window = asked.spec.options.skip_window.unwrap_or(WINDOW);
        if ask.skip() > window {
            return Err(bad(format!(
                "The limit of '{window}' for Skip query has been exceeded."
            )));
        }
        // Recorded: without `$orderby` the latest rows are first, and move between requests.
        ask.order = order(asked, &ask.query)?.unwrap_or(By::Changed.down());
        ask.size = page_size(asked.spec, top, most);
        Ok(ask)
    }

    /// Recorded: the options in their order in .NET's escaping, `$skip` last.
    fn link(&self, next: NextPage<'_>) -> Option<String> {
        Some(next.by_skip(Escape::DotNet))
    }

    fn form(&self, _spec: &MlsSpec, _ask: &Ask) -> Form {
        Form {
            stamp: Stamp::Millis("-00:00"),
            link_first: true,
            ..Form::PLAIN
        }
    }

    fn context(&self, base: &str, _ask: &Ask) -> String {
        format!("{base}/$metadata#Property/CoreLogic.DataStandard.RESO.DD.Property")
    }

    /// Recorded: quotas are floats, the reset is in milliseconds since 1970.
    fn headers(&self, answer: &mut Answer, limits: &Limits) {
        let headers = &mut answer.headers;
        headers.push(("odata-version", "4.0".into()));
        headers.push(("quotatype", "Api".into()));
        let float = |number: u64| format!("{number}.0");
        let (minute, hour) = (limits.window(0), limits.window(1));
        headers.push(("minute-quota-limit", float(minute.map_or(0, |w| w.most))));
        headers.push((
            "minute-quota-available",
            float(minute.map_or(0, Window::free)),
        ));
        headers.push(("hour-quota-limit", float(hour.map_or(0, |w| w.most))));
        headers.push(("hour-quota-available", float(hour.map_or(0, Window::free))));
        let left = hour.map_or_else(Default::default, |w| w.left_of_it(limits.instant()));
        let reset = limits.now().as_millisecond() + left.as_millis() as i64;
        headers.push(("hour-quota-resettime", reset.to_string()));
    }
}
