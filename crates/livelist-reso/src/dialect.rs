//! Dialects: how each provider's API differs from plain RESO Web API. One file a provider, data
//! first; adding a provider is adding a file and its line here.

mod bridge;
mod mlsgrid;
mod reso;
mod trestle;

use std::time::Duration;

use http::HeaderMap;
use livelist_model::evidence::Paging;
use livelist_model::registry::Provider;
use livelist_model::run::FeedSpec;

/// How a provider differs.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// Whose dialect it is.
    pub provider: Provider,
    /// Where tokens come from, when the registry does not say.
    pub token_url: Option<&'static str>,
    /// The OAuth 2.0 scope to ask for.
    pub scope: Option<&'static str>,
    /// How live keys are read.
    pub scan: ScanForm,
    /// The most rows a page may have.
    pub page_max: u32,
    /// The field with the timestamp, where it comes at no cost.
    pub stamp_field: Option<&'static str>,
    /// Whether it counts.
    pub count: CountForm,
    /// How it is asked for certain keys.
    pub confirm: ConfirmForm,
    /// Between two requests of one credential passes at least this.
    pub min_interval: Duration,
    /// How long to wait after a throttle that does not say how long.
    pub throttle_wait: Duration,
    /// Headers besides `Retry-After` that say, in seconds, how long to wait.
    pub wait_headers: &'static [&'static str],
    /// How long to pause because the provider's headers say that a quota is used up, if they do.
    pub quota_wait: fn(&HeaderMap, jiff::Timestamp) -> Option<Duration>,
    /// Conditions that every request carries, from the feed's settings.
    pub conditions: fn(&FeedSpec) -> Vec<String>,
}

/// How live keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanForm {
    /// `$orderby=key&$filter=key gt 'last'&$top=N` until a page is empty.
    Keyset,
    /// The first page, then the provider's links.
    Links {
        /// Behind the resource in the first URL, e.g. `/replication`.
        suffix: &'static str,
        /// How the page size is asked for.
        size: SizeForm,
        /// Whether `$skip` may be asked for: then the scan looks past the last row before it
        /// believes that it was the last.
        skips: bool,
    },
}

impl ScanForm {
    /// What a changing source can do to such a scan.
    pub fn paging(self) -> Paging {
        match self {
            ScanForm::Keyset => Paging::Keyset,
            ScanForm::Links { .. } => Paging::Links,
        }
    }
}

/// How the page size is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeForm {
    /// `$top=N`.
    Top,
    /// `Prefer: odata.maxpagesize=N` alone: RESO's own reference server reads `$top` as the total
    /// owed over all pages and would end the scan early.
    Prefer,
}

/// Whether a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountForm {
    /// `$count=true` is documented; an answer without it is an error.
    Always,
    /// It may or may not; the first answer tells.
    IfOffered,
    /// It does not.
    Never,
}

/// How a provider is asked for certain keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmForm {
    /// `key in ('a','b')`, at most so many at once.
    In(usize),
    /// `key eq 'a' or key eq 'b'`, at most so many at once.
    Or(usize),
    /// Not at all: a second full scan is the confirmation.
    SecondScan,
}

impl ConfirmForm {
    /// Whether single keys can be asked for.
    pub fn is_by_key(self) -> bool {
        self != ConfirmForm::SecondScan
    }
}

impl Dialect {
    /// The dialect of `provider`.
    pub fn of(provider: Provider) -> Dialect {
        match provider {
            Provider::Reso => reso::dialect(),
            Provider::Trestle => trestle::dialect(),
            Provider::MlsGrid => mlsgrid::dialect(),
            Provider::Bridge => bridge::dialect(),
        }
    }

    /// The base of the feed's URLs.
    pub fn base(&self, feed: &FeedSpec) -> String {
        let base = feed.base_url.trim_end_matches('/');
        match feed.dataset.as_deref() {
            Some(dataset) if !base.ends_with(&format!("/{dataset}")) => format!("{base}/{dataset}"),
            _ => base.to_owned(),
        }
    }

    /// The page size to ask for.
    pub fn page_size(&self, feed: &FeedSpec) -> u32 {
        feed.page_size
            .unwrap_or(self.page_max)
            .clamp(1, self.page_max)
    }
}

fn no_quota(_: &HeaderMap, _: jiff::Timestamp) -> Option<Duration> {
    None
}

fn no_conditions(_: &FeedSpec) -> Vec<String> {
    Vec::new()
}

/// A header's number; providers write floats.
fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_has_a_dialect_of_its_own() {
        for provider in Provider::ALL {
            let dialect = Dialect::of(provider);
            assert_eq!(dialect.provider, provider);
            assert!(dialect.page_max > 0 && dialect.throttle_wait > Duration::ZERO);
        }
    }
}
