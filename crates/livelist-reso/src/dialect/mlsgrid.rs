//! MLS Grid v2. Source: docs.mlsgrid.com (API version 2.0).
//!
//! - A long-lived bearer token. gzip is mandatory (the client always accepts it).
//! - Exactly one `OriginatingSystemName` a request; `MlgCanView eq true` for what may be shown;
//!   `$top` up to 5,000; no `$orderby`: rows come by ModificationTimestamp, those of one instant in no
//!   order. A nextLink with `$top` and `$skip`, which loses rows where they have no order; so the scan
//!   asks for `ModificationTimestamp ge` the last row's, and links only tell that there is more.
//! - `ListingKey` is not searchable, `ListingId` is (of Property; `MemberMlsId` of Member, `OfficeMlsId` of
//!   Office, `OpenHouseKey` of OpenHouse), and `in` is preferred: listings are asked for by the ListingId
//!   that is read beside the key. Broker-Only feeds refuse ListingId: there a later run has to agree. It
//!   does not count.
//! - With `$expand` a page has 1,000 rows at most. A `MediaURL` may be used once, within an hour, and may not
//!   be kept.
//! - 2 requests a second, 7,200 an hour, 40,000 a day, 4 GB an hour; above, 429 and the token is
//!   suspended for a while, without a word on how long: so the budgets are kept here.

use std::time::Duration;

use livelist_model::registry::{AuthKind, Limit};
use livelist_model::run::FeedSpec;

use super::{
    Asked, ConfirmForm, CountForm, Dialect, KeysetBy, RecordsForm, ScanForm, originating_system,
};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "mlsgrid",
        title: "MLS Grid v2",
        source: "docs.mlsgrid.com, API version 2.0",
        auth: &[AuthKind::ServerToken],
        scan: ScanForm::Keyset(KeysetBy::TimeAlone("ModificationTimestamp")),
        page_max: 5_000,
        pages_at_once: 2,
        records: RecordsForm {
            never: &["MediaURL"],
            ..RecordsForm::PLAIN
        },
        count: CountForm::Never,
        confirm: ConfirmForm::In(50),
        asked_by,
        limits: const { &[
            Limit::requests(2, 1),
            Limit::requests(7_200, 3_600),
            Limit::requests(40_000, 86_400),
            Limit::bytes(4_000_000_000, 3_600),
        ] },
        throttle_wait: Duration::from_secs(300),
        conditions,
        needs_system: true,
        note: "base_url https://api.mlsgrid.com/v2; one token serves several MLSs and keeps one \
               budget",
        ..Dialect::plain()
    }
}

/// The searchable fields (docs.mlsgrid.com, "searchable fields").
fn asked_by(feed: &FeedSpec) -> Option<Asked> {
    let field = match feed.resource.as_str() {
        "Property" => "ListingId",
        "Member" => "MemberMlsId",
        "Office" => "OfficeMlsId",
        "OpenHouse" => "OpenHouseKey",
        _ => return None,
    };
    Some(match feed.key_field == field {
        true => Asked::ByKey,
        false => Asked::ById(field),
    })
}

fn conditions(feed: &FeedSpec) -> Vec<String> {
    let mut conditions = originating_system(feed);
    conditions.push("MlgCanView eq true".to_owned());
    conditions
}
