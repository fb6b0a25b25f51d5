//! Any RESO Web API server (RESO Web API Core 2.0/2.1).
//!
//! - Paging: nextLink in any form (absolute, relative, opaque, `Link` header); the page size by
//!   `Prefer: odata.maxpagesize` alone, because servers differ in whether `$top` is a page's size or
//!   the total owed, and the reference server reads it as the total.
//! - `$count=true` and filters with `or` belong to the core; a server that refuses to count is
//!   scanned without.
//! - A server token, or client credentials where `token_url` is given.
//! - `X-Rate-Limit-Retry-After-Seconds` is what some say instead of `Retry-After`.

use super::{Dialect, ScanForm, SizeForm};

pub(super) fn dialect() -> Dialect {
    Dialect {
        scan: ScanForm::Links {
            size: SizeForm::Prefer,
            skips: false,
        },
        wait_headers: &["x-rate-limit-retry-after-seconds"],
        note: "for servers that are not listed here; give `auth`, `confirm`, `count` and `limits` \
               as the server's documentation has them",
        ..Dialect::plain()
    }
}
