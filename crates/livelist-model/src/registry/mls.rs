//! `mls/{mls}.json`: one MLS, who serves it, and how its runs are guarded and scheduled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialRef, Provider};
use crate::guards::Guards;
use crate::ids::MlsId;

/// How a provider authenticates; the state machine has a branch for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// OAuth 2.0 client credentials (RFC 6749, section 4.4).
    ClientCredentials,
    /// A long-lived token that the provider issued by hand.
    ServerToken,
}

/// On which days an MLS is due. A run is named by its date, so a day is the finest grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Every day.
    #[default]
    Daily,
    /// Monday to Friday.
    Weekdays,
    /// Sundays.
    Weekly,
}

impl Schedule {
    /// Whether an MLS with this schedule is due on `date`.
    pub fn is_due(self, date: jiff::civil::Date) -> bool {
        use jiff::civil::Weekday::{Saturday, Sunday};
        match self {
            Schedule::Daily => true,
            Schedule::Weekdays => !matches!(date.weekday(), Saturday | Sunday),
            Schedule::Weekly => date.weekday() == Sunday,
        }
    }
}

/// One MLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mls {
    /// The MLS's name; the same as the file's.
    pub mls: MlsId,
    /// Who serves it.
    pub provider: Provider,
    /// Where the provider's API begins, without the resource, e.g.
    /// `https://api.cotality.com/trestle/odata`. https, except on loopback addresses.
    pub base_url: String,
    /// Where tokens come from; the provider's own when absent. For `reso`, giving it chooses
    /// client credentials, leaving it out a server token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Reference to the secret: `{"client_id","client_secret"}` or `{"token"}`.
    pub credential: CredentialRef,
    /// `OriginatingSystemName`; MLS Grid demands exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub originating_system: Option<String>,
    /// The dataset in the provider's URLs (Bridge), when the base URL does not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Rows a page, 1 to 300,000; the dialect's largest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300_000))]
    pub page_size: Option<u32>,
    /// The field that identifies a row.
    #[serde(default = "default_key_field")]
    pub key_field: String,
    /// Hosts besides that of `base_url` that may receive the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_hosts: Vec<String>,
    /// When a result is held.
    #[serde(default)]
    pub guards: Guards,
    /// On which days it is due.
    #[serde(default)]
    pub schedule: Schedule,
    /// Whether it is reconciled at all.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

fn default_key_field() -> String {
    "ListingKey".to_owned()
}

pub(super) const fn enabled() -> bool {
    true
}

impl Mls {
    /// How this MLS authenticates.
    pub fn auth_kind(&self) -> AuthKind {
        match self.provider {
            Provider::Trestle => AuthKind::ClientCredentials,
            Provider::MlsGrid | Provider::Bridge => AuthKind::ServerToken,
            Provider::Reso if self.token_url.is_some() => AuthKind::ClientCredentials,
            Provider::Reso => AuthKind::ServerToken,
        }
    }
}
