//! The newest acknowledgement of a client's site for a feed: which list it applied, and what it did.
//! The API stores it for operators. No decision depends on it.

use serde::{Deserialize, Serialize};

/// `acks/{feed}/{client}.json`, as far as operators are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteAck {
    /// When it said so.
    pub at: jiff::Timestamp,
    /// The version of the list that it worked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Listings that the site has of this feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_total: Option<u64>,
    /// Those that are not in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u64>,
    /// Those that it took down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
    /// Those that wait for a person there: a number, or whether any do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<serde_json::Value>,
    /// The error on the site's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
