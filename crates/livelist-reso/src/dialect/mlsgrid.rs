//! MLS Grid v2. Source: docs.mlsgrid.com (API version 2.0).
//!
//! - A long-lived bearer token. gzip is mandatory (the client always accepts it).
//! - Exactly one `OriginatingSystemName` a request; `MlgCanView eq true` for what may be shown;
//!   `$top` up to 5,000; no `$orderby`; nextLink with `$top` and `$skip`.
//! - `ListingKey` is not searchable, so absent keys cannot be asked for: a second full scan is the
//!   confirmation. It does not count.
//! - 2 requests a second, 7,200 an hour, 40,000 a day; above, 429 and the token is suspended for a
//!   while, without a word on how long.

use std::time::Duration;

use livelist_model::registry::Provider;
use livelist_model::run::FeedSpec;

use super::{ConfirmForm, CountForm, Dialect, ScanForm, SizeForm, no_quota, reso};

pub(super) fn dialect() -> Dialect {
    Dialect {
        provider: Provider::MlsGrid,
        token_url: None,
        scope: None,
        scan: ScanForm::Links {
            suffix: "",
            size: SizeForm::Top,
            skips: true,
        },
        page_max: 5_000,
        stamp_field: None,
        count: CountForm::Never,
        confirm: ConfirmForm::SecondScan,
        // 2 a second is the limit; a little less, as clocks differ.
        min_interval: Duration::from_millis(550),
        throttle_wait: Duration::from_secs(300),
        wait_headers: &[],
        quota_wait: no_quota,
        conditions,
    }
}

fn conditions(feed: &FeedSpec) -> Vec<String> {
    let mut conditions = reso::originating_system(feed);
    conditions.push("MlgCanView eq true".to_owned());
    conditions
}
