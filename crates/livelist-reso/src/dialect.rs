//! Dialects: how each provider's API differs from plain RESO Web API. One file per provider, mostly data.
//! The build script finds the files of `dialect/`, so a new provider only needs its file: the registry, the
//! command and the state machine read the dialects from here.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use livelist_model::registry::{AuthKind, Confirmation, Counting, Limit};
use livelist_model::run::FeedSpec;

use crate::error::ClientError;
use crate::policy::{self, Verdict};

pub use crate::forms::{ConfirmForm, CountForm, KeysetBy, RecordsForm, ScanForm, SizeForm};

include!(concat!(env!("OUT_DIR"), "/dialects.rs"));

/// The field by which a provider is asked for single records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// By their key.
    ByKey,
    /// By an id in this other field.
    ById(&'static str),
}

/// How a provider differs.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// The name in registry documents: the file's.
    pub name: &'static str,
    /// The provider's name for people.
    pub title: &'static str,
    /// The source of the facts.
    pub source: &'static str,
    /// How it authenticates; the first way unless the registry says another.
    pub auth: &'static [AuthKind],
    /// The token URL, if the registry does not give one.
    pub token_url: Option<&'static str>,
    /// The OAuth 2.0 scope to ask for.
    pub scope: Option<&'static str>,
    /// The header for an API key in addition to the token, if the provider needs one.
    pub api_key_header: Option<&'static str>,
    /// How live keys are read.
    pub scan: ScanForm,
    /// The most rows a page may have.
    pub page_max: u32,
    /// Pages that are requested at the same time if their positions can be guessed. No provider documents a
    /// limit for this; the budgets apply as well.
    pub pages_at_once: u8,
    /// The field that changes when a row does, if the scan uses it to see whether a row is the same as on
    /// the page before.
    pub stamp_field: Option<&'static str>,
    /// Whether pages of `page_max` rows are given of keys alone, and far fewer rows where another field is
    /// selected.
    pub keys_alone: bool,
    /// How whole records are read.
    pub records: RecordsForm,
    /// Whether it counts.
    pub count: CountForm,
    /// How it is asked for certain keys.
    pub confirm: ConfirmForm,
    /// The field by which single records of a feed are requested; `None` if that is impossible.
    pub asked_by: fn(&FeedSpec) -> Option<Asked>,
    /// Whether an answer by key may show records that the scan does not list.
    pub shows_more: bool,
    /// The budgets of a credential.
    pub limits: &'static [Limit],
    /// How long to wait after a throttle that does not say how long.
    pub throttle_wait: Duration,
    /// Headers, besides `Retry-After`, that say how many seconds to wait.
    pub wait_headers: &'static [&'static str],
    /// How long to pause because the provider's headers say that a quota is used up, if they do.
    pub quota_wait: fn(&HeaderMap, jiff::Timestamp) -> Option<Duration>,
    /// The meaning of the provider's own error codes, if they say more than the status.
    pub verdict: fn(StatusCode, &[u8]) -> Option<Verdict>,
    /// Conditions that every request carries, from the feed's settings.
    pub conditions: fn(&FeedSpec) -> Vec<String>,
    /// Whether the registry's `dataset` is the last part of the base URL.
    pub dataset_in_base: bool,
    /// The path of a scan, after the base URL.
    pub scan_path: fn(&FeedSpec) -> String,
    /// Whether it answers only requests that name one OriginatingSystemName.
    pub needs_system: bool,
    /// Answers may be this old, because of the provider's cache. So a list's `as_of` is this long before
    /// its scan.
    pub lag: Duration,
    /// A note for operators who set up an MLS of this provider.
    pub note: &'static str,
}

impl Dialect {
    /// The meaning of an answer: by the provider's own code if there is one, else by the status.
    pub fn judge(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: jiff::Timestamp,
    ) -> Verdict {
        let usual = policy::judge(status, headers, body, self.wait_headers, now);
        match (self.verdict)(status, body) {
            // The wait is given in a header, not with the code.
            Some(Verdict::Throttled(None)) => match usual {
                Verdict::Throttled(wait) => Verdict::Throttled(wait),
                _ => Verdict::Throttled(None),
            },
            Some(verdict) => verdict,
            None => usual,
        }
    }

    /// Plain RESO Web API Core 2.0/2.1, from which the others differ.
    pub fn plain() -> Dialect {
        Dialect {
            name: "reso",
            title: "any RESO Web API server",
            source: "RESO Web API Core 2.0.0 and 2.1.0 (RCP-28)",
            auth: &[AuthKind::ServerToken, AuthKind::ClientCredentials],
            token_url: None,
            scope: None,
            api_key_header: None,
            scan: ScanForm::Links {
                size: SizeForm::Top,
                skips: false,
            },
            page_max: 1_000,
            pages_at_once: 1,
            stamp_field: None,
            keys_alone: false,
            records: RecordsForm::PLAIN,
            count: CountForm::IfOffered,
            confirm: ConfirmForm::Or(25),
            asked_by: |_| Some(Asked::ByKey),
            shows_more: false,
            limits: &[],
            throttle_wait: Duration::from_secs(60),
            wait_headers: &[],
            quota_wait: |_, _| None,
            verdict: |_, _| None,
            conditions: originating_system,
            dataset_in_base: true,
            scan_path: |feed| feed.resource.to_string(),
            needs_system: false,
            lag: Duration::ZERO,
            note: "",
        }
    }

    /// Every dialect, by name.
    pub fn all() -> impl Iterator<Item = Dialect> {
        MAKERS.iter().map(|make| make())
    }

    /// The dialect of the provider called `name`.
    pub fn of(name: &str) -> Option<Dialect> {
        Dialect::all().find(|dialect| dialect.name == name)
    }

    /// The dialect for reading `feed`: the provider's, with the registry's changes.
    pub fn for_feed(feed: &FeedSpec) -> Result<Dialect, ClientError> {
        let name = feed.provider.as_str();
        let dialect =
            Dialect::of(name).ok_or_else(|| ClientError::UnknownProvider(name.to_owned()))?;
        let keys = feed
            .confirm_keys
            .map(usize::from)
            .or(dialect.confirm.keys());
        // An answer about these keys has to fit on one page, because some servers cut without a link.
        let keys = keys.unwrap_or(25).min(dialect.page_max as usize);
        let confirm = match feed.confirm {
            None if dialect.confirm.is_by_key() => dialect.confirm.with_keys(keys),
            None => dialect.confirm,
            Some(Confirmation::In) => ConfirmForm::In(keys),
            Some(Confirmation::Or) => ConfirmForm::Or(keys),
            Some(Confirmation::SecondScan) => ConfirmForm::SecondScan,
        };
        let confirm = match (dialect.asked_by)(feed) {
            Some(_) => confirm,
            None => ConfirmForm::SecondScan,
        };
        let count = match feed.count {
            None => dialect.count,
            Some(Counting::Always) => CountForm::Always,
            Some(Counting::IfOffered) => CountForm::IfOffered,
            Some(Counting::Never) => CountForm::Never,
        };
        Ok(Dialect {
            confirm,
            count,
            ..dialect
        })
    }

    /// The base of the feed's URLs.
    pub fn base(&self, feed: &FeedSpec) -> String {
        let base = feed.base_url.trim_end_matches('/');
        match feed.dataset.as_deref().filter(|_| self.dataset_in_base) {
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

    /// How many pages are requested at the same time, if their positions can be guessed.
    pub fn pages_at_once(&self, feed: &FeedSpec) -> usize {
        usize::from(feed.pages_at_once.unwrap_or(self.pages_at_once)).clamp(1, 8)
    }

    /// The limits that the feed's credential keeps: the provider's and the registry's.
    pub fn limits_of(&self, feed: &FeedSpec) -> Vec<Limit> {
        let mut limits = self.limits.to_vec();
        limits.extend_from_slice(&feed.limits);
        limits
    }

    /// The field with the id by which records of `feed` are requested, if that is not the key. It is read
    /// and stored with the key.
    pub fn id_field(&self, feed: &FeedSpec) -> Option<&'static str> {
        match (self.asked_by)(feed) {
            Some(Asked::ById(field)) if self.confirm.is_by_key() => Some(field),
            _ => None,
        }
    }

    /// The field that distinguishes rows with one timestamp: the one by which records of `feed` are
    /// requested.
    pub fn told_apart_by<'f>(&self, feed: &'f FeedSpec) -> Option<&'f str> {
        match (self.asked_by)(feed) {
            Some(Asked::ByKey) => Some(&feed.key_field),
            _ => self.id_field(feed),
        }
    }

    /// The field that a scan reads and keeps beside the key, besides the second field: the id, or else when
    /// the listing was modified.
    pub fn beside_field(&self, feed: &FeedSpec) -> Option<&'static str> {
        let stamp = || self.stamp_kept(feed);
        let beside = self.id_field(feed).or_else(stamp);
        beside.filter(|field| self.second_field() != Some(field))
    }

    /// The field that says when a listing was modified, if the scans of `feed` keep it.
    pub fn stamp_kept(&self, feed: &FeedSpec) -> Option<&'static str> {
        let clock = self.records.clock;
        let is_read = feed.stamps && !self.keys_alone && self.scan != ScanForm::List;
        let has_room = self.id_field(feed).is_none() || self.second_field() == Some(clock);
        (is_read && has_room).then_some(clock)
    }

    /// The second field that a scan reads from a row, if any: the one that it pages by, or the timestamp by
    /// which it recognises a row.
    pub fn second_field(&self) -> Option<&'static str> {
        match self.scan {
            ScanForm::Keyset(
                KeysetBy::Number(field) | KeysetBy::Time(field) | KeysetBy::TimeAlone(field),
            ) => Some(field),
            _ => self.stamp_field,
        }
    }
}

/// A server of several MLSs distinguishes them by this field.
fn originating_system(feed: &FeedSpec) -> Vec<String> {
    let name = feed.originating_system.iter();
    name.map(|name| format!("OriginatingSystemName eq {}", crate::query::literal(name)))
        .collect()
}

/// A header's number; providers write floats.
fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_dialect_under_its_own_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dialect");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        let names: Vec<String> = Dialect::all().map(|d| d.name.to_owned()).collect();
        assert_eq!(names, files);
    }

    #[test]
    fn every_dialect_is_sound() {
        for dialect in Dialect::all() {
            assert!(dialect.page_max > 0 && !dialect.auth.is_empty());
            assert!(dialect.throttle_wait > Duration::ZERO);
            assert!(!dialect.title.is_empty() && !dialect.source.is_empty());
            assert!(dialect.limits.iter().all(|l| l.most > 0 && l.seconds > 0));
            // Eight of the keys of a question are controls.
            assert!(
                dialect.confirm.keys().is_none_or(|n| n > 8),
                "{}",
                dialect.name
            );
        }
    }
}
