//! Bridge Data Output. Source: bridgedataoutput.com/docs (RESO Web API, replication).
//!
//! - A static server token as bearer (never in the URL, where it would reach logs).
//! - `…/{Resource}/replication`, `$top` up to 2,000, no `$skip` or `$orderby`; the next page by
//!   nextLink or by the header `Link: <…>; rel="next"`.
//! - Confirmation on the plain endpoint, whose pages have at most 200 rows.
//! - 5,000 requests an hour and a burst of 334 a minute; `Application-RateLimit-*` and
//!   `Burst-RateLimit-*` headers, whose Reset is ISO 8601.

use std::time::Duration;

use http::HeaderMap;
use livelist_model::registry::{AuthKind, Limit};
use livelist_model::run::FeedSpec;

use super::{ConfirmForm, Dialect, RecordsForm, number};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "bridge",
        title: "Bridge Data Output",
        source: "bridgedataoutput.com/docs",
        auth: &[AuthKind::ServerToken],
        page_max: 2_000,
        records: RecordsForm {
            page_max: 2_000,
            clock: "BridgeModificationTimestamp",
            ..RecordsForm::PLAIN
        },
        confirm: ConfirmForm::Or(50),
        limits: const { &[Limit::requests(334, 60), Limit::requests(5_000, 3_600)] },
        quota_wait,
        scan_path: replication,
        note: "base_url https://api.bridgedataoutput.com/api/v2/OData and the MLS's `dataset`",
        ..Dialect::plain()
    }
}

/// `{Resource}/replication`: the endpoint without windows.
pub(super) fn replication(feed: &FeedSpec) -> String {
    format!("{}/replication", feed.resource)
}

pub(super) fn quota_wait(headers: &HeaderMap, now: jiff::Timestamp) -> Option<Duration> {
    ["application-ratelimit", "burst-ratelimit"]
        .iter()
        .filter(|name| number(headers, &format!("{name}-remaining")).is_some_and(|n| n < 1.0))
        .map(|name| {
            headers
                .get(format!("{name}-reset"))
                .and_then(|value| value.to_str().ok()?.parse::<jiff::Timestamp>().ok())
                .and_then(|at| Duration::try_from(at - now).ok())
                .unwrap_or(Duration::from_secs(60))
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_resets_counts() {
        let now: jiff::Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("burst-ratelimit-remaining", "0".parse().unwrap());
        headers.insert(
            "burst-ratelimit-reset",
            "2026-11-21T04:00:30.000Z".parse().unwrap(),
        );
        assert_eq!(quota_wait(&headers, now), Some(Duration::from_secs(30)));
        headers.insert("application-ratelimit-remaining", "0".parse().unwrap());
        headers.insert(
            "application-ratelimit-reset",
            "2026-11-21T04:40:00.000Z".parse().unwrap(),
        );
        assert_eq!(quota_wait(&headers, now), Some(Duration::from_secs(2_400)));
        headers.insert("application-ratelimit-remaining", "17".parse().unwrap());
        assert_eq!(quota_wait(&headers, now), Some(Duration::from_secs(30)));
    }
}
