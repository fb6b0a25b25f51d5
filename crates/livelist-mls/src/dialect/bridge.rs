//! Bridge Interactive, from its documentation, observed headers and clients' code.

use hyper::StatusCode;

use super::ask::{number, only_options, order, page_size, resource};
use super::{Ask, Asked, Dialect, NextPage, Refusal, Shape, errors, not_found};
use crate::answer::Answer;
use crate::book::keys::KeyStyle;
use crate::book::select::{By, Start};
use crate::clock;
use crate::incoming::Incoming;
use crate::limits::{Limits, Window};
use crate::page::Form;
use crate::query::Escape;
use crate::spec::{MlsSpec, NextIn};

pub(super) struct Bridge;

/// Documented: the largest page of the replication endpoint.
const MOST_REPLICATED: u64 = 2_000;
/// Documented: the largest page of the plain endpoint; larger ones are silently cut.
const MOST_ROWS: u64 = 200;
/// The plain page when no `$top` is given; assumed, no document says.
const DEFAULT_ROWS: u64 = 10;
/// Documented: rows of the plain endpoint that can be reached by `$skip`.
const WINDOW: u64 = 10_000;

impl Dialect for Bridge {
    fn base(&self, spec: &MlsSpec) -> String {
        format!("/api/v2/OData/{}", spec.dataset())
    }

    fn key_style(&self, _spec: &MlsSpec) -> KeyStyle {
        KeyStyle::Hex
    }

    fn peculiar(&self) -> &'static [&'static str] {
        &["BridgeModificationTimestamp"]
    }

    /// Documented: 334 a minute, 5,000 an hour.
    fn windows(&self) -> &'static [(u64, u64)] {
        &[(60, 334), (3_600, 5_000)]
    }

    fn token_shown<'a>(&self, incoming: &'a Incoming) -> Option<&'a str> {
        token_shown(incoming)
    }

    fn unauthorized(&self) -> Answer {
        self.refusal(StatusCode::UNAUTHORIZED, "Invalid access token")
    }

    /// Assumed from clients' code: an integer code.
    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_number(status, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        ask(asked, path)
    }

    fn link(&self, next: NextPage<'_>) -> Option<String> {
        Some(link(next))
    }

    fn form(&self, spec: &MlsSpec, ask: &Ask) -> Form {
        form(spec, ask)
    }

    /// Observed: limits are integers, resets ISO 8601 with milliseconds.
    fn headers(&self, answer: &mut Answer, limits: &Limits) {
        let names = [
            [
                "burst-ratelimit-limit",
                "burst-ratelimit-remaining",
                "burst-ratelimit-reset",
            ],
            [
                "application-ratelimit-limit",
                "application-ratelimit-remaining",
                "application-ratelimit-reset",
            ],
        ];
        for (at, [limit, remaining, reset]) in names.into_iter().enumerate() {
            let window = limits.window(at);
            let left = window.map_or_else(Default::default, |w| w.left_of_it(limits.instant()));
            let ends = limits.now().as_millisecond() + left.as_millis() as i64;
            let headers = &mut answer.headers;
            headers.push((limit, window.map_or(0, |w| w.most).to_string()));
            headers.push((remaining, window.map_or(0, Window::free).to_string()));
            headers.push((reset, clock::iso(ends, "Z")));
        }
        // RESO Web API Core wants it of every server.
        answer.headers.push(("odata-version", "4.0".into()));
    }
}

/// Documented: bearer or `?access_token=`.
pub(super) fn token_shown(incoming: &Incoming) -> Option<&str> {
    let in_query = || incoming.query.get("access_token");
    incoming.bearer().or_else(in_query)
}

/// Replication and the plain endpoint.
pub(super) fn ask(asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
    let query = asked.incoming.query.clone();
    let common = [
        "$select",
        "$unselect",
        "$filter",
        "$top",
        "$count",
        "$expand",
    ];
    match path {
        ["Property", "replication"] => {
            // Documented: neither `$skip` nor `$orderby`.
            only_options(&query, &common)?;
            if let Some(id) = query.get("next") {
                return asked.cursors.find(id);
            }
            let mut ask = Ask::new(asked, query)?;
            ask.shape = Shape::Replication;
            let top = number(&ask.query, "$top")?.unwrap_or(MOST_REPLICATED);
            ask.size = page_size(asked.spec, top, MOST_REPLICATED);
            Ok(ask)
        }
        [segment] => {
            let paging = ["$skip", "$orderby"];
            only_options(&query, &[&common[..], &paging].concat())?;
            if let Some(key) = resource(segment)? {
                return Ask::one(asked, query, &key);
            }
            let mut ask = Ask::new(asked, query)?;
            let top = number(&ask.query, "$top")?.unwrap_or(DEFAULT_ROWS);
            ask.order = order(asked, &ask.query)?.unwrap_or(By::Listed.up());
            ask.size = page_size(asked.spec, top, MOST_ROWS);
            let window = asked.spec.options.skip_window.unwrap_or(WINDOW);
            ask.within(window)
        }
        _ => Err(not_found()),
    }
}

/// An opaque id on the replication endpoint, `$skip` on the plain one. A token in the query is repeated in
/// the link (seen in clients' code).
pub(super) fn link(mut next: NextPage<'_>) -> String {
    if next.ask.shape == Shape::Replication || matches!(next.ask.start, Start::AfterRow(_)) {
        let mut token = String::new();
        if let Some(shown) = next.incoming.query.get("access_token") {
            token.push_str("access_token=");
            Escape::Strict.write(shown, &mut token);
            token.push('&');
        }
        let id = next.cursor();
        return format!("{}/Property/replication?{token}next={id}", next.base);
    }
    next.by_skip(Escape::Component)
}

pub(super) fn form(spec: &MlsSpec, ask: &Ask) -> Form {
    let next_in = match ask.shape {
        Shape::Replication => spec.options.next_in,
        _ => NextIn::Body,
    };
    Form {
        link_in_body: next_in != NextIn::Header,
        link_in_header: next_in != NextIn::Body,
        ..Form::PLAIN
    }
}
