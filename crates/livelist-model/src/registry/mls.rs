//! `mls/{mls}.json`: one MLS, who serves it, and how its runs are guarded and scheduled.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialRef, Limit, Provider, Schedule};
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
    /// OAuth 2.0 with a user's name and password (RFC 6749, section 4.3).
    Password,
}

impl AuthKind {
    /// Every kind there is.
    pub const ALL: [AuthKind; 3] = [
        AuthKind::ClientCredentials,
        AuthKind::ServerToken,
        AuthKind::Password,
    ];

    /// The name in registry documents and in the state machine's Choice.
    pub fn as_str(self) -> &'static str {
        match self {
            AuthKind::ClientCredentials => "client_credentials",
            AuthKind::ServerToken => "server_token",
            AuthKind::Password => "password",
        }
    }
}

/// How absent keys are confirmed, where the provider's documentation does not say or a server
/// differs from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// `key in ('a','b')`.
    In,
    /// `key eq 'a' or key eq 'b'`.
    Or,
    /// A second full scan: for servers that do not answer questions about keys.
    SecondScan,
}

/// Whether a server counts, where the provider's documentation does not say or a server differs
/// from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// It does; an answer without `@odata.count` is an error.
    Always,
    /// The first answer tells.
    IfOffered,
    /// It is not asked.
    Never,
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
    /// Where tokens come from; the provider's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// How to authenticate, where the provider offers several ways: its usual one when absent, and
    /// client credentials where `token_url` is given and the provider offers them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthKind>,
    /// Reference to the secret: `{"client_id","client_secret"}`, `{"token"}` or
    /// `{"username","password"}`; with `"api_key"` where the provider wants one besides.
    pub credential: CredentialRef,
    /// `OriginatingSystemName`; MLS Grid demands exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub originating_system: Option<String>,
    /// The dataset in the provider's URLs (Bridge, Paragon), when the base URL does not hold it; the
    /// DestinationId of CREA's master list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Rows a page, 1 to 300,000; the dialect's largest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300_000))]
    pub page_size: Option<u32>,
    /// Pages that may be asked for at the same time, 1 to 8, where the dialect can read ahead; the
    /// dialect's number when absent. The limits hold whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 8))]
    pub pages_at_once: Option<u8>,
    /// Requests that a scan may take although rows, page size and count do not explain so many, 100 to
    /// 1,000,000; three times as many as they explain, and 100, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 1_000_000))]
    pub max_requests: Option<u32>,
    /// The field that identifies a row.
    #[serde(default = "default_key_field")]
    pub key_field: String,
    /// Options that go with every request, e.g. `{"class": "Residential"}` (Rapattoni). Never a
    /// secret: they stand in URLs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// How absent keys are confirmed; as the provider documents it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirmation>,
    /// Keys in one question about keys, 9 to 500; the dialect's number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 9, max = 500))]
    pub confirm_keys: Option<u16>,
    /// Whether the server counts; as the provider documents it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Counting>,
    /// Request budgets of the credential besides the provider's documented ones: they can only
    /// tighten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// Hosts besides that of `base_url` that may receive the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_hosts: Vec<String>,
    /// When a result is held.
    #[serde(default)]
    pub guards: Guards,
    /// When it is due: on which days, or by a cron expression.
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
    /// How this MLS authenticates: what the document says, or what somebody who knows the provider
    /// completed in it ([`Providers`](super::Providers)); for those who know none, client
    /// credentials where tokens are requested, and a server token elsewhere.
    pub fn auth_kind(&self) -> AuthKind {
        self.auth.unwrap_or(match self.token_url {
            Some(_) => AuthKind::ClientCredentials,
            None => AuthKind::ServerToken,
        })
    }
}
