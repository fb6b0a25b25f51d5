//! Constellation1 (formerly CDL). Source: the vendor's API documentation.
//!
//! - OAuth 2.0 client credentials; 3,600 s or 86,400 s. Asked again, the server returns the same
//!   token with less life left: a token that ends in mid-scan is asked for once more.
//! - 10 rows a page unless `$top` says more, at most 1,000. `$skip` ends at a million for Property;
//!   nextLinks go on beyond, so the scan follows them.
//! - Every request names one OriginatingSystemName.
//! - Throttle signs are not documented: `limits` can be given in the registry.

use livelist_model::registry::AuthKind;

use super::Dialect;

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "constellation1",
        title: "Constellation1 (CDL)",
        source: "Constellation1 listings API documentation",
        auth: &[AuthKind::ClientCredentials],
        token_url: Some("https://authenticate.constellation1apis.com/oauth2/token"),
        needs_system: true,
        note: "base_url https://listings.constellation1apis.com/odata and `originating_system`",
        ..Dialect::plain()
    }
}
