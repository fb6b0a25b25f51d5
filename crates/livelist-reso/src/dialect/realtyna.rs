//! Realtyna's MLS Router, as open-source clients use it.
//!
//! - OAuth 2.0 client credentials, 3,600 s, and besides the bearer a header `x-api-key`: the secret
//!   has `api_key` beside `client_id` and `client_secret`. Where tokens come from is not documented
//!   in public: give `token_url`.
//! - 10 rows a page unless `$top` says more, at most 200; paging by `$skip`, in pages that
//!   overlap. Rows that slip past all the same are found by key.
//! - Fields without a value are left out of rows.

use livelist_model::registry::AuthKind;

use super::{Dialect, RecordsForm, ScanForm, SizeForm};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "realtyna",
        title: "Realtyna MLS Router",
        source: "open-source clients",
        auth: &[AuthKind::ClientCredentials],
        api_key_header: Some("x-api-key"),
        scan: ScanForm::Links {
            size: SizeForm::Top,
            skips: true,
        },
        page_max: 200,
        records: RecordsForm {
            clock: "RFModificationTimestamp",
            ..RecordsForm::PLAIN
        },
        pages_at_once: 4,
        note: "base_url https://api.realtyfeed.com/reso/odata and the `token_url` that Realtyna \
               gave; the secret has `api_key` besides",
        ..Dialect::plain()
    }
}
