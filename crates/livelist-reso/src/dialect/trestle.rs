//! Trestle (Cotality). Source: Trestle WebAPI documentation and its published Postman collection.
//!
//! - OAuth 2.0 client credentials, `POST /trestle/oidc/connect/token`, `scope=api`, 28,800 s; a
//!   wrong secret is answered with 400 `text/html`.
//! - With `$select=ListingKey` alone a page may have 300,000 rows (else 1,000); `gt` on the key, `in`
//!   and `$count` work. `$skip` ends at 1,000,000, so the scan goes by key.
//! - Base quota 180 requests a minute, 7,200 an hour; `Minute-Quota-Available`,
//!   `Hour-Quota-Available` and `Hour-Quota-ResetTime` (epoch ms) as floats. 504 means a query that
//!   is too slow.

use std::time::Duration;

use http::HeaderMap;
use livelist_model::registry::{AuthKind, Limit};

use super::{ConfirmForm, CountForm, Dialect, KeysetBy, RecordsForm, ScanForm, number};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "trestle",
        title: "Trestle (Cotality)",
        source: "Trestle WebAPI documentation",
        auth: &[AuthKind::ClientCredentials],
        token_url: Some("https://api.cotality.com/trestle/oidc/connect/token"),
        scope: Some("api"),
        scan: ScanForm::Keyset(KeysetBy::Key),
        page_max: 300_000,
        keys_alone: true,
        pages_at_once: 3,
        records: RecordsForm {
            expanded_clock: Some("PhotosChangeTimestamp"),
            ..RecordsForm::PLAIN
        },
        count: CountForm::Always,
        confirm: ConfirmForm::In(100),
        limits: const { &[Limit::requests(180, 60), Limit::requests(7_200, 3_600)] },
        quota_wait,
        note: "base_url https://api.cotality.com/trestle/odata",
        ..Dialect::plain()
    }
}

fn quota_wait(headers: &HeaderMap, now: jiff::Timestamp) -> Option<Duration> {
    let is_used_up = |name| number(headers, name).is_some_and(|left| left < 1.0);
    if is_used_up("hour-quota-available") {
        let reset = number(headers, "hour-quota-resettime")
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms as i64).ok())
            .and_then(|at| Duration::try_from(at - now).ok());
        return Some(reset.unwrap_or(Duration::from_secs(600)));
    }
    is_used_up("minute-quota-available").then_some(Duration::from_secs(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_is_used_up_is_waited_for() {
        let now = jiff::Timestamp::from_second(1_614_701_986).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("minute-quota-available", "8479.0".parse().unwrap());
        assert_eq!(quota_wait(&headers, now), None);
        headers.insert("minute-quota-available", "0.0".parse().unwrap());
        assert_eq!(quota_wait(&headers, now), Some(Duration::from_secs(60)));
        headers.insert("hour-quota-available", "0.0".parse().unwrap());
        headers.insert("hour-quota-resettime", "1614702086755".parse().unwrap());
        assert_eq!(quota_wait(&headers, now).unwrap().as_secs(), 100);
    }
}
