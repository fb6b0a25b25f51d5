//! UtahRealEstate.com (WFRMLS). Source: the vendor's RESO Web API documentation and open-source
//! clients.
//!
//! - A static token as bearer.
//! - The documented full pull: `$orderby=ListingKeyNumeric&$filter=ListingKeyNumeric gt N`, at most
//!   200 rows a page; `$count` works; a query that is too heavy gets 504.
//! - Its `Deleted` resource omits listings that were lost by status or permission and keeps those
//!   that came back: it is a hint, and nothing is called gone because it stands there. The scan and
//!   the question by key decide; it would save neither, so it is not read.

use livelist_model::registry::AuthKind;

use super::{ConfirmForm, CountForm, Dialect, KeysetBy, ScanForm};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "utahrealestate",
        title: "UtahRealEstate (WFRMLS)",
        source: "UtahRealEstate.com RESO Web API documentation",
        auth: &[AuthKind::ServerToken],
        scan: ScanForm::Keyset(KeysetBy::Number("ListingKeyNumeric")),
        page_max: 200,
        pages_at_once: 4,
        count: CountForm::Always,
        confirm: ConfirmForm::Or(25),
        note: "base_url https://resoapi.utahrealestate.com/reso/odata",
        ..Dialect::plain()
    }
}
