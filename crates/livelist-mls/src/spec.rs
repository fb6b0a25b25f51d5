//! The specification of a simulated MLS: provider, size, seed, credential and the settings of its dialect.
//!
//! Plain data with its JSON form; depends on nothing else of this crate.

mod check;
mod contrary;
mod credential;
mod options;
mod records;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use check::SpecError;
pub use contrary::{Contrary, KeyType, Question, Refused, Shown, Ties};
pub use credential::Credential;
pub use options::{Auth, Envelope, NextIn, Options, Paging, RefreshReuse, TokenReuse};
pub(crate) use records::MOST_FIELDS;
pub use records::{Empty, Lookups, PhotosMove, Records, Stamps, Told};

/// One simulated MLS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MlsSpec {
    /// The MLS's name, the first segment of its URLs: letters, digits, `-`, `_`.
    pub mls: String,
    /// The provider whose API it has.
    pub provider: Provider,
    /// All random choices (keys, statuses, sold listings) follow from this.
    #[serde(default)]
    pub seed: u64,
    /// Live listings at the start.
    pub listings: u64,
    /// `OriginatingSystemName` of every row, and for MLS Grid the source of the key prefix.
    /// Default: `actris` for MLS Grid, the MLS's name elsewhere.
    #[serde(default)]
    pub originating_system: Option<String>,
    /// Bridge's and Paragon's dataset, the last segment of the base URL; Rapattoni's name of the
    /// MLS. Default: the MLS's name.
    #[serde(default)]
    pub dataset: Option<String>,
    /// The credential that clients need.
    pub credential: Credential,
    /// Life of an issued token in seconds. Default in JSON: 3,600.
    #[serde(default = "default_token_seconds")]
    pub token_seconds: u64,
    /// Lowers the largest page of the server. A page cut by it has a next link if the provider has such
    /// links; sizes that are documented as too large are still refused.
    #[serde(default)]
    pub page_limit: Option<u64>,
    /// Enforce the provider's documented rate limits in real time.
    #[serde(default)]
    pub rate_limited: bool,
    /// Settings that the provider leaves open.
    #[serde(default)]
    pub options: Options,
}

fn default_token_seconds() -> u64 {
    3600
}

impl MlsSpec {
    /// A spec with the provider's usual kind of credential and defaults everywhere else.
    pub fn new(mls: impl Into<String>, provider: Provider, listings: u64) -> Self {
        let mls = mls.into();
        let client_id = format!("{mls}-client");
        let client_secret = format!("{mls}-client-secret-5f1c9a7e");
        let credential = match provider {
            Provider::Trestle | Provider::Constellation1 | Provider::Crea => {
                Credential::ClientCredentials {
                    client_id,
                    client_secret,
                }
            }
            Provider::Realtyna => Credential::ClientCredentialsWithApiKey {
                client_id,
                client_secret,
                api_key: format!("{mls}-api-key-2b74f0d1"),
            },
            Provider::Rapattoni => Credential::Password {
                username: format!("{mls}-user"),
                password: format!("{mls}-password-91ce40ba"),
                client_id: None,
                client_secret: None,
            },
            Provider::Reso
            | Provider::MlsGrid
            | Provider::Bridge
            | Provider::Spark
            | Provider::Rmls
            | Provider::UtahRealEstate
            | Provider::Paragon
            | Provider::Ampre => Credential::Token(format!("{mls}-server-token-8d03b6e2")),
        };
        // Documented for Rapattoni: seven days less a second.
        let token_seconds = match provider {
            Provider::Rapattoni => 604_799,
            _ => default_token_seconds(),
        };
        Self {
            mls,
            provider,
            seed: 0,
            listings,
            originating_system: None,
            dataset: None,
            credential,
            token_seconds,
            page_limit: None,
            rate_limited: false,
            options: Options::default(),
        }
    }

    /// `OriginatingSystemName` of every row.
    pub fn system(&self) -> &str {
        match (&self.originating_system, self.provider) {
            (Some(name), _) => name,
            (None, Provider::MlsGrid) => "actris",
            (None, _) => &self.mls,
        }
    }

    /// Further settings for a registry document: those that the provider demands with every request.
    pub fn settings(&self) -> Map<String, Value> {
        let settings = match self.provider {
            Provider::MlsGrid | Provider::Constellation1 => {
                json!({"originating_system": self.system()})
            }
            Provider::Rapattoni => json!({"parameters": {"class": "Residential"}}),
            Provider::Crea => match self.options.destination {
                Some(id) => json!({"dataset": id.to_string()}),
                None => json!({}),
            },
            _ => json!({}),
        };
        match settings {
            Value::Object(settings) => settings,
            _ => Map::new(),
        }
    }

    /// The form of its records. Without that setting they have no fields of their own.
    pub(crate) fn records(&self) -> Records {
        self.options.records.clone().unwrap_or(Records {
            fields: 0,
            ..Records::default()
        })
    }

    /// Bridge's and Paragon's dataset, Rapattoni's name of the MLS.
    pub fn dataset(&self) -> &str {
        self.dataset.as_deref().unwrap_or(&self.mls)
    }
}

/// The provider whose API an MLS has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// A plain RESO Web API server.
    Reso,
    /// Trestle (Cotality).
    Trestle,
    /// MLS Grid v2.
    MlsGrid,
    /// Bridge Interactive.
    Bridge,
    /// Spark (FBS), the replication host.
    Spark,
    /// RMLS of Oregon.
    Rmls,
    /// UtahRealEstate.com (WFRMLS).
    UtahRealEstate,
    /// Rapattoni.
    Rapattoni,
    /// Paragon (ICE).
    Paragon,
    /// Constellation1 / CDL.
    Constellation1,
    /// Realtyna's MLS Router.
    Realtyna,
    /// CREA DDF.
    Crea,
    /// PropTx / AMPRE.
    Ampre,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Reso,
        Self::Trestle,
        Self::MlsGrid,
        Self::Bridge,
        Self::Spark,
        Self::Rmls,
        Self::UtahRealEstate,
        Self::Rapattoni,
        Self::Paragon,
        Self::Constellation1,
        Self::Realtyna,
        Self::Crea,
        Self::Ampre,
    ];
}
