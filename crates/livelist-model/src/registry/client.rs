//! `clients/{client}.json`: one client, the hashes of its site keys, where it is told of changes, and its pairs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialRef, ReplicatedResource};
use crate::ids::{ClientId, FeedId, MlsId, ResourceName};

/// One client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The client's name; the same as the file's.
    pub client: ClientId,
    /// The client's site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The site keys, as hashes. Several are valid at once during a rotation.
    #[serde(default)]
    pub api_keys: Vec<ApiKey>,
    /// Where the site is told that something changed; nowhere when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// What is reconciled for this client.
    #[serde(default)]
    pub pairs: Vec<Pair>,
}

/// A site key as it is kept: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// A name for people, unique within the client.
    pub id: String,
    /// SHA-256 of the key's text, 64 hex digits.
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created: Option<jiff::Timestamp>,
    /// From when on it is refused; never when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires: Option<jiff::Timestamp>,
    /// The feeds that it opens, of those that the client has; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feeds: Option<Vec<FeedId>>,
}

impl ApiKey {
    /// Whether it is refused at `now` for its age.
    pub fn is_expired(&self, now: jiff::Timestamp) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }

    /// Whether it opens `feed`, if the client has it.
    pub fn opens(&self, feed: &FeedId) -> bool {
        self.feeds.as_ref().is_none_or(|feeds| feeds.contains(feed))
    }
}

/// Where a site takes notices, and the secret that they are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// The site's URL for notices, e.g. `https://site.example/?rest_route=/livelist/v1/notify`.
    pub url: String,
    /// Reference to the secret, `whsec_` and Base64 (Standard Webhooks).
    pub credential: CredentialRef,
}

/// One client–MLS pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The MLS.
    pub mls: MlsId,
    /// The RESO resource.
    pub resource: ResourceName,
    /// An OData filter, e.g. `StandardStatus eq 'Active'`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether the pair is reconciled.
    #[serde(default = "super::mls::enabled")]
    pub enabled: bool,
}

impl Pair {
    /// The pair that would see what a replication copies of a resource.
    pub fn of(mls: &MlsId, resource: &ReplicatedResource) -> Pair {
        Pair {
            mls: mls.clone(),
            resource: resource.resource.clone(),
            filter: resource.filter.clone(),
            enabled: true,
        }
    }
}
