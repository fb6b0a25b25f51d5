//! PropTx / AMPRE (Ontario), as open-source clients use it.
//!
//! - A static token a feed, as bearer.
//! - `$top` up to 10,000 and no `$skip`: the scan goes by timestamp and key,
//!   `$orderby=ModificationTimestamp,ListingKey` and
//!   `(ModificationTimestamp gt T or (ModificationTimestamp eq T and ListingKey gt 'K'))`.
//! - Timestamps need seconds and `Z`; a blank is `%20`, never `+`.
//! - A change of photos moves `PhotosChangeTimestamp` alone.
//! - 60,000 requests a minute; above, 429 with `X-Rate-Limit-Retry-After-Seconds`.

use livelist_model::registry::{AuthKind, Limit};

use super::{Dialect, KeysetBy, RecordsForm, ScanForm};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "ampre",
        title: "PropTx / AMPRE",
        source: "open-source clients",
        auth: &[AuthKind::ServerToken],
        scan: ScanForm::Keyset(KeysetBy::Time("ModificationTimestamp")),
        page_max: 10_000,
        pages_at_once: 4,
        records: RecordsForm {
            expanded_clock: Some("PhotosChangeTimestamp"),
            ..RecordsForm::PLAIN
        },
        limits: const { &[Limit::requests(60_000, 60)] },
        wait_headers: &["x-rate-limit-retry-after-seconds"],
        note: "base_url https://query.ampre.ca/odata; one token, hence one MLS document, a feed",
        ..Dialect::plain()
    }
}
