//! RMLS (Oregon). Source: the vendor's RESO Web API notes and its recorded service document.
//!
//! - A static token as bearer; `$top` up to 250.
//! - The vendor advises to slice by `ListingKeyNumeric`: the scan goes by it, so rows that come and
//!   go cannot move others out of sight.
//! - No `in`; `OR` in upper case is rejected; a URL has at most 5,246 characters (questions about
//!   keys are cut to 4,000).
//! - Limits and the fields of its `Deleted` resource are not documented: nothing rests on them;
//!   `limits` can be given in the registry.

use livelist_model::registry::AuthKind;

use super::{ConfirmForm, Dialect, KeysetBy, ScanForm};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "rmls",
        title: "RMLS (Oregon)",
        source: "resoapi.rmlsweb.com, the vendor's notes",
        auth: &[AuthKind::ServerToken],
        scan: ScanForm::Keyset(KeysetBy::Number("ListingKeyNumeric")),
        page_max: 250,
        pages_at_once: 4,
        confirm: ConfirmForm::Or(25),
        note: "base_url https://resoapi.rmlsweb.com/reso/odata",
        ..Dialect::plain()
    }
}
