//! CREA DDF. Source: ddfapi-docs.realtor.ca (Web API).
//!
//! - OAuth 2.0 client credentials at `https://identity.crea.ca/connect/token`,
//!   `scope=DDFApi_Read`, 3,600 s, not sliding.
//! - The master list: `/Property/PropertyReplication()`, or `(DestinationId=N)` for one destination,
//!   gives ListingKey and ModificationTimestamp of everything at once. What is absent from it is
//!   deleted. `Property` is asked for what is absent: not found, it is gone. Found, it may have left this
//!   destination alone: then it is gone from this list when two master lists of two days lack it.
//! - A wrong DestinationId is answered with 401.
//! - It takes no filter: a pair that has one is refused.

use livelist_model::registry::AuthKind;
use livelist_model::run::FeedSpec;

use super::{ConfirmForm, CountForm, Dialect, ScanForm};

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "crea",
        title: "CREA DDF",
        source: "ddfapi-docs.realtor.ca",
        auth: &[AuthKind::ClientCredentials],
        token_url: Some("https://identity.crea.ca/connect/token"),
        scope: Some("DDFApi_Read"),
        scan: ScanForm::List,
        page_max: 100,
        count: CountForm::Never,
        confirm: ConfirmForm::Or(25),
        shows_more: true,
        dataset_in_base: false,
        scan_path: master_list,
        note: "base_url https://ddfapi.realtor.ca/odata/v1; `dataset` is the DestinationId",
        ..Dialect::plain()
    }
}

fn master_list(feed: &FeedSpec) -> String {
    let destination = feed.dataset.iter();
    let argument: String = destination.map(|id| format!("DestinationId={id}")).collect();
    format!("{0}/{0}Replication({argument})", feed.resource)
}
