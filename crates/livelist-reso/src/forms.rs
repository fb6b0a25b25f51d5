//! The forms that a dialect chooses from.

use std::time::Duration;

use livelist_model::asking::{KeyLiteral, Manner, Words};
use livelist_model::evidence::Paging;

/// How live keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanForm {
    /// In an order: each page begins after the last row of the one before, until a page is empty.
    Keyset(KeysetBy),
    /// The first page, then the provider's links, or `$skip`.
    Links {
        /// How the page size is asked for.
        size: SizeForm,
        /// Whether `$skip` is allowed. Then the scan uses it: each page begins among the last rows of the
        /// one before, and links only mean that there are more.
        skips: bool,
    },
    /// One answer with all keys; it takes no options.
    List,
}

/// The order of a keyset scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysetBy {
    /// By the key: `$orderby=key&$filter=key gt 'last'`.
    Key,
    /// By a numeric field that is as unique as the key: `$orderby=n&$filter=n gt 42`.
    Number(&'static str),
    /// By a timestamp, and among equal ones by the key, so that more of them than fit on a page
    /// neither stall the scan nor are jumped over (F12):
    /// `$orderby=t,key&$filter=(t gt T or (t eq T and key gt 'last'))`.
    Time(&'static str),
    /// By a timestamp only, if the provider keeps that order by itself and accepts no other: `$filter=t ge
    /// T`. Rows with one timestamp have no order. If there are more than fit on a page, they are
    /// distinguished by the id by which the provider is asked for a record.
    TimeAlone(&'static str),
}

impl ScanForm {
    /// How changes of the source can affect such a scan.
    pub fn paging(self) -> Paging {
        match self {
            ScanForm::Keyset(_) => Paging::Keyset,
            ScanForm::Links { .. } | ScanForm::List => Paging::Links,
        }
    }

    /// Whether pages begin at a position in an order.
    pub fn is_by_order(self) -> bool {
        matches!(self, ScanForm::Keyset(_))
    }

    /// The form in a word or two, for people.
    pub fn describe(self) -> &'static str {
        match self {
            ScanForm::Keyset(KeysetBy::Key) => "by key",
            ScanForm::Keyset(KeysetBy::Number(_)) => "by numeric key",
            ScanForm::Keyset(KeysetBy::Time(_)) => "by timestamp and key",
            ScanForm::Keyset(KeysetBy::TimeAlone(_)) => "by timestamp",
            ScanForm::Links { skips: false, .. } => "links",
            ScanForm::Links { skips: true, .. } => "`$skip`, overlapping",
            ScanForm::List => "master list",
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

/// How whole records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordsForm {
    /// The most rows of a page of whole records.
    pub page_max: u32,
    /// The timestamp by which what changed is asked for.
    pub clock: &'static str,
    /// The timestamp besides that moves when an expansion of the record does, and the clock does not.
    pub expanded_clock: Option<&'static str>,
    /// What changed is asked for from so long before the moment up to which all is known: stamps are set
    /// before their rows can be seen, and some answers come from a cache.
    pub overlap: Duration,
    /// Fields that must not be kept: URLs that may be used once.
    pub never: &'static [&'static str],
}

impl RecordsForm {
    /// As the Data Dictionary has it.
    pub const PLAIN: RecordsForm = RecordsForm {
        page_max: 1_000,
        clock: "ModificationTimestamp",
        expanded_clock: None,
        overlap: Duration::from_secs(5 * 60),
        never: &[],
    };
}

/// Whether a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountForm {
    /// `$count=true` is documented; an answer without it is an error.
    Always,
    /// It may or may not; the first answer shows it.
    IfOffered,
    /// It does not.
    Never,
}

impl CountForm {
    /// The form in a word or two, for people.
    pub fn describe(self) -> &'static str {
        match self {
            CountForm::Always => "yes",
            CountForm::IfOffered => "if offered",
            CountForm::Never => "no",
        }
    }
}

/// How a provider is asked for certain keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmForm {
    /// `key in ('a','b')`, at most this many at once.
    In(usize),
    /// `key eq 'a' or key eq 'b'`, at most this many at once.
    Or(usize),
    /// Not at all: a full scan of a later day is the confirmation.
    SecondScan,
}

impl ConfirmForm {
    /// Whether single keys can be asked for.
    pub fn is_by_key(self) -> bool {
        self != ConfirmForm::SecondScan
    }

    /// How many keys one request can ask for, including the controls; `None` if the provider cannot be
    /// asked.
    pub fn keys(self) -> Option<usize> {
        match self {
            ConfirmForm::In(n) | ConfirmForm::Or(n) => Some(n),
            ConfirmForm::SecondScan => None,
        }
    }

    /// The form of a question; `None` if the provider cannot be asked.
    pub fn manner(self) -> Option<Manner> {
        let words = match self {
            ConfirmForm::In(_) => Words::In,
            ConfirmForm::Or(_) => Words::Or,
            ConfirmForm::SecondScan => return None,
        };
        Some(Manner {
            words,
            literal: KeyLiteral::Quoted,
            keys: u32::try_from(self.keys()?).unwrap_or(u32::MAX),
        })
    }

    /// The same with this many keys per request.
    #[must_use]
    pub fn with_keys(self, keys: usize) -> ConfirmForm {
        match self {
            ConfirmForm::In(_) => ConfirmForm::In(keys),
            ConfirmForm::Or(_) => ConfirmForm::Or(keys),
            ConfirmForm::SecondScan => ConfirmForm::SecondScan,
        }
    }

    /// The form in a word or two, for people.
    pub fn describe(self) -> String {
        match self {
            ConfirmForm::In(n) => format!("`in`, {n} keys"),
            ConfirmForm::Or(n) => format!("`or`, {n} keys"),
            ConfirmForm::SecondScan => "a later run".to_owned(),
        }
    }
}
