//! Rapattoni. Source: the vendor's RESO Web API guide and open-source clients.
//!
//! - OAuth 2.0 with a user's name and password at
//!   `https://retsidentityapi.raprets.com/{mls}/oauth/token`, 604,799 s, with a refresh token. A
//!   refusal can come as status 200 with `{"error":"invalid_grant"}`.
//! - `https://retsapi.raprets.com/2/{mls}/RESO/OData/{Resource}`, `$top=1000`, nextLink. The class
//!   of property stands beside OData's options: `"parameters": {"class": "Residential"}`; one MLS
//!   document a class.
//! - Whether it counts is not documented: the first answer tells.

use livelist_model::registry::AuthKind;

use super::Dialect;

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "rapattoni",
        title: "Rapattoni",
        source: "Rapattoni RESO Web API guide",
        auth: &[AuthKind::Password],
        note: "base_url https://retsapi.raprets.com/2/{mls}/RESO/OData, token_url \
               https://retsidentityapi.raprets.com/{mls}/oauth/token, `\"parameters\": {\"class\": \
               \"Residential\"}`",
        ..Dialect::plain()
    }
}
