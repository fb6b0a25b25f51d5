//! Any RESO Web API server (RESO Web API Core 2.0/2.1).
//!
//! - Paging: nextLink in any form (absolute, relative, opaque, `Link` header); the page size by
//!   `Prefer: odata.maxpagesize` alone, because servers differ in whether `$top` is a page's size or
//!   the total owed, and the reference server reads it as the total.
//! - `$count=true` and filters with `or` belong to the core; a server that refuses to count is
//!   scanned without.
//! - `X-Rate-Limit-Retry-After-Seconds` is what PropTx / AMPRE say instead of `Retry-After`.
//! - `ModificationTimestamp` is a required field and comes at no cost.

use std::time::Duration;

use livelist_model::registry::Provider;
use livelist_model::run::FeedSpec;

use super::{ConfirmForm, CountForm, Dialect, ScanForm, SizeForm, no_quota};
use crate::query::literal;

pub(super) fn dialect() -> Dialect {
    Dialect {
        provider: Provider::Reso,
        token_url: None,
        scope: None,
        scan: ScanForm::Links {
            suffix: "",
            size: SizeForm::Prefer,
            skips: false,
        },
        page_max: 1_000,
        stamp_field: Some("ModificationTimestamp"),
        count: CountForm::IfOffered,
        confirm: ConfirmForm::Or(25),
        min_interval: Duration::ZERO,
        throttle_wait: Duration::from_secs(60),
        wait_headers: &["x-rate-limit-retry-after-seconds"],
        quota_wait: no_quota,
        conditions: originating_system,
    }
}

/// A server of several MLSs tells them apart by this field.
pub(super) fn originating_system(feed: &FeedSpec) -> Vec<String> {
    let name = feed.originating_system.iter();
    name.map(|name| format!("OriginatingSystemName eq {}", literal(name)))
        .collect()
}
