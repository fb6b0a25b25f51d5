//! Settings that a provider leaves open, or behaviours that were observed.

use serde::{Deserialize, Serialize};

use super::{Contrary, Records};

/// Settings that a provider leaves open. Those named for one provider do nothing elsewhere.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// RESO: how the next page is named.
    pub paging: Paging,
    /// RESO, Paragon: the kind of authentication. Default: that of the credential.
    pub auth: Option<Auth>,
    /// RESO: `$top` is the total owed over all pages, as RESO's reference server reads it.
    pub top_is_total: bool,
    /// RESO: `$count` is supported.
    pub count: bool,
    /// RESO: `@odata.count` is a string (`"42"`), as recorded by RESO's commander fixtures.
    pub count_as_string: bool,
    /// RESO: without `$orderby`, the order of rows changes between requests, so paging by offset repeats
    /// some rows and skips others.
    pub unordered: bool,
    /// Issued tokens: what happens to them when another is requested.
    pub tokens: TokenReuse,
    /// Rapattoni: how often a refresh token serves.
    pub refresh: RefreshReuse,
    /// Spark: the envelope of errors.
    pub envelope: Envelope,
    /// Spark: the code under 503; one of 1510, 1515, 1516, 1023, 1024. Their meanings are not known.
    pub unavailable_code: u32,
    /// Spark: filters by `ListingKey eq`, joined by `or`, are allowed.
    pub key_filter: bool,
    /// Spark: pages and counts show the book as it was up to this many seconds ago; 20 minutes are
    /// documented.
    pub cache_seconds: u64,
    /// CREA: the only `DestinationId` of this credential. Without it every one is wrong.
    pub destination: Option<u64>,
    /// Bridge: where replication gives the next page.
    pub next_in: NextIn,
    /// Lowers the provider's `$skip` window (Trestle and Constellation1 1,000,000; Bridge, Paragon
    /// and CREA 10,000).
    pub skip_window: Option<u64>,
    /// Lowers the shortest rate limit, if there is one.
    pub rate_limit: Option<u64>,
    /// Every answer waits this long.
    pub latency_ms: u64,
    /// Ways that contradict a client.
    pub contrary: Contrary,
    /// Whole records and their form; without it rows have a handful of fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Records>,
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
            refresh: RefreshReuse::default(),
            envelope: Envelope::default(),
            unavailable_code: 1510,
            key_filter: false,
            cache_seconds: 0,
            destination: None,
            next_in: NextIn::default(),
            skip_window: None,
            rate_limit: None,
            latency_ms: 0,
            contrary: Contrary::default(),
            records: None,
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
    /// No link at all; `$skip` is taken.
    None,
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

/// What happens to tokens when another is requested; each form was seen at some provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenReuse {
    /// As the provider does it: cached at Constellation1, fresh elsewhere.
    #[default]
    Usual,
    /// A new token each time; the older ones live on.
    Fresh,
    /// The same token while it lives, with less life left (Constellation1).
    Cached,
    /// A new token invalidates the older one.
    Single,
}

/// Where Bridge's replication gives the next page; both are documented.
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

/// How often a refresh token serves (RFC 6749, 6, leaves it open).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshReuse {
    /// Once; the answer brings the next one.
    #[default]
    Once,
    /// Until the next one, which each answer brings, was used.
    UntilNextIsUsed,
    /// For good; the answer repeats it.
    Lasting,
}

/// The envelope of Spark's errors; both were recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// `{"error":{"code":401,"message":"…"}}`, with the status as the code.
    #[default]
    Reso,
    /// `{"D":{"Success":false,"Code":1000,"Message":"…"}}`, with Spark's own code.
    Spark,
}
