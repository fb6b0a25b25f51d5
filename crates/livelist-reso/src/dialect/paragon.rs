//! Paragon (ICE Mortgage Technology), as open-source clients use it: shaped like Bridge.
//!
//! - `https://api.paragonapi.com/api/v2/OData/{dataset}/{Resource}` with a server token; newer hosts
//!   issue OAuth 2.0 tokens: give `token_url` then.
//! - Replication, page sizes and rate headers as Bridge has them; limits are not documented: give
//!   `limits` in the registry.

use livelist_model::registry::AuthKind;

use super::{Dialect, RecordsForm, bridge};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "paragon",
        title: "Paragon (ICE)",
        source: "open-source clients; the vendor's documentation is not public",
        auth: &[AuthKind::ServerToken, AuthKind::ClientCredentials],
        limits: &[],
        records: RecordsForm::PLAIN,
        note: "base_url https://api.paragonapi.com/api/v2/OData and the MLS's `dataset`; newer \
               hosts: their `token_url`",
        ..bridge::dialect()
    }
}
