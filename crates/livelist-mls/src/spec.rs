//! What a simulated MLS is to be: provider, size, seed, credential and the settings of its dialect.
//!
//! Plain data with its JSON form; depends on nothing else of this crate.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One simulated MLS.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MlsSpec {
    /// The MLS's name, the first segment of its URLs: letters, digits, `-`, `_`.
    pub mls: String,
    /// Whose API it speaks.
    pub provider: Provider,
    /// Everything drawn (keys, statuses, who is sold) follows from this.
    #[serde(default)]
    pub seed: u64,
    /// Live listings at the start.
    pub listings: u64,
    /// `OriginatingSystemName` of every row, and for MLS Grid the source of the key prefix.
    /// Default: `actris` for MLS Grid, the MLS's name elsewhere.
    #[serde(default)]
    pub originating_system: Option<String>,
    /// Bridge's dataset, the last segment of the base URL. Default: the MLS's name.
    #[serde(default)]
    pub dataset: Option<String>,
    /// What a client must show.
    pub credential: Credential,
    /// Life of an issued token in seconds.
    #[serde(default = "default_token_seconds")]
    pub token_seconds: u64,
    /// Lowers the largest page the server hands out. A page cut by it carries a next link; what
    /// the provider documents as too large is still refused as documented.
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
        let credential = match provider {
            Provider::Trestle => Credential::ClientCredentials {
                client_id: format!("{mls}-client"),
                client_secret: format!("{mls}-client-secret-5f1c9a7e"),
            },
            Provider::Reso | Provider::MlsGrid | Provider::Bridge => {
                Credential::Token(format!("{mls}-server-token-8d03b6e2"))
            }
        };
        Self {
            mls,
            provider,
            seed: 0,
            listings,
            originating_system: None,
            dataset: None,
            credential,
            token_seconds: default_token_seconds(),
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

    /// Bridge's dataset.
    pub fn dataset(&self) -> &str {
        self.dataset.as_deref().unwrap_or(&self.mls)
    }

    /// Whether the whole set can be served together.
    ///
    /// # Errors
    /// The first thing that is wrong, named with its MLS.
    pub fn check(specs: &[Self]) -> Result<(), SpecError> {
        for (index, spec) in specs.iter().enumerate() {
            let mls = || spec.mls.clone();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if spec.mls.is_empty() || spec.mls.starts_with('_') || !spec.mls.chars().all(plain) {
                return Err(SpecError::Name(mls()));
            }
            if specs[..index].iter().any(|other| other.mls == spec.mls) {
                return Err(SpecError::Twice(mls()));
            }
            if spec.listings > MOST_LISTINGS {
                return Err(SpecError::TooMany(mls()));
            }
            if spec.page_limit == Some(0) {
                return Err(SpecError::EmptyPages(mls()));
            }
            let by_token = matches!(spec.credential, Credential::Token(_));
            let fits = match (spec.provider, spec.options.auth) {
                (Provider::Trestle, None | Some(Auth::ClientCredentials)) => !by_token,
                (Provider::MlsGrid | Provider::Bridge, None | Some(Auth::Bearer)) => by_token,
                (Provider::Reso, None) => true,
                (Provider::Reso, Some(auth)) => by_token == (auth == Auth::Bearer),
                _ => false,
            };
            if !fits {
                return Err(SpecError::Credential(mls()));
            }
        }
        Ok(())
    }
}

/// Above this the keys of a book would no longer be sure to differ.
const MOST_LISTINGS: u64 = 50_000_000;

/// Why a set of specs cannot be served.
#[derive(Debug, Error)]
pub enum SpecError {
    /// The name cannot be a path segment, or is taken by the controls.
    #[error("mls name {0:?} must be letters, digits, `-` or `_`, and not begin with `_`")]
    Name(String),
    /// Two specs have the same name.
    #[error("mls {0:?} is listed twice")]
    Twice(String),
    /// More listings than the simulator can key.
    #[error("mls {0:?} has more than {MOST_LISTINGS} listings")]
    TooMany(String),
    /// A page limit of zero never ends.
    #[error("mls {0:?} has page_limit 0")]
    EmptyPages(String),
    /// The provider does not take this kind of credential.
    #[error("mls {0:?}: its provider (or options.auth) does not take this kind of credential")]
    Credential(String),
}

/// Whose API an MLS speaks.
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
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Reso, Self::Trestle, Self::MlsGrid, Self::Bridge];
}

/// What a client must show.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// OAuth2 client credentials, exchanged for tokens.
    ClientCredentials {
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: String,
    },
    /// A static server token.
    Token(String),
}

/// Settings that a provider leaves open. Those named for one provider do nothing elsewhere.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// RESO: how the next page is named.
    pub paging: Paging,
    /// RESO: the kind of authentication. Default: what the credential says.
    pub auth: Option<Auth>,
    /// RESO: `$top` is the total owed over all pages, as RESO's reference server reads it.
    pub top_is_total: bool,
    /// RESO: `$count` is supported.
    pub count: bool,
    /// RESO: `@odata.count` is a string (`"42"`), as recorded by RESO's commander fixtures.
    pub count_as_string: bool,
    /// RESO: rows asked without `$orderby` come in an order that moves between requests, so that
    /// paging by offset repeats some and skips others.
    pub unordered: bool,
    /// Client credentials: what becomes of tokens when another is asked for.
    pub tokens: TokenReuse,
    /// Bridge: where replication names the next page.
    pub next_in: NextIn,
    /// Lowers the provider's `$skip` window (Trestle 1,000,000, Bridge 10,000).
    pub skip_window: Option<u64>,
    /// Every answer waits this long.
    pub latency_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            paging: Paging::default(),
            auth: None,
            top_is_total: false,
            count: true,
            count_as_string: false,
            unordered: false,
            tokens: TokenReuse::default(),
            next_in: NextIn::default(),
            skip_window: None,
            latency_ms: 0,
        }
    }
}

/// How a plain RESO server names the next page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// An absolute nextLink with `$skip`.
    #[default]
    NextSkip,
    /// An absolute nextLink with nothing but an opaque id.
    NextOpaqueId,
    /// An absolute nextLink with `$skiptoken`, the last key (Spark's form).
    NextSkiptoken,
    /// `Link: <…>; rel="next"` with `$skip`, and no nextLink in the body.
    LinkHeader,
    /// A nextLink relative to the service root, with `$skip`.
    RelativeLink,
}

/// How a plain RESO server authenticates (RESO Web API Core, RCP-26).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// A static bearer token.
    Bearer,
    /// OAuth2 client credentials.
    ClientCredentials,
}

/// What becomes of tokens when another is asked for; each form was seen at some provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenReuse {
    /// A new token each time; the older ones live on.
    #[default]
    Fresh,
    /// The same token while it lives, with less life left (Constellation1).
    Cached,
    /// A new token ends the older one.
    Single,
}

/// Where Bridge's replication names the next page; it documents both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NextIn {
    /// `@odata.nextLink` and the `Link` header.
    #[default]
    Both,
    /// Only `@odata.nextLink`.
    Body,
    /// Only the `Link` header.
    Header,
}
