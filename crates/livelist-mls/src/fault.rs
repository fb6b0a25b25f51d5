//! The faults of a simulated MLS, and the rules that say when they strike.
//!
//! Plain data with its JSON form; `fault::board` counts which rule strikes which request.

pub(crate) mod board;

use serde::{Deserialize, Serialize};

use crate::incoming::RequestKind;
pub use crate::odd::Odd;

/// A fault and the requests it strikes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The fault.
    pub fault: Fault,
    /// Which requests are struck. Default: tokens for the token faults, confirmations for
    /// `confirm_finds_…`, pages and counts for `rebuilding` and `odd_count`, pages for all others.
    #[serde(default)]
    pub on: Option<On>,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u64,
    /// How often it strikes at most. Default: once for `expire_token`, else unlimited.
    #[serde(default)]
    pub times: Option<u64>,
}

impl FaultRule {
    /// A rule with the fault's defaults.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            on: None,
            skip: 0,
            times: None,
        }
    }

    /// The same rule for other requests.
    #[must_use]
    pub fn on(mut self, on: On) -> Self {
        self.on = Some(on);
        self
    }

    /// The same rule, letting `skip` matching requests pass first.
    #[must_use]
    pub fn after(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// The same rule, striking at most `times` times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }
}

impl From<Fault> for FaultRule {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

/// Which requests a rule strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Every request of the MLS.
    Any,
    /// Pages of a scan, and counts.
    Listing,
    /// Pages of a scan.
    Page,
    /// Requests for a token.
    Token,
    /// Requests for a count.
    Count,
    /// Requests for rows by key.
    Confirm,
}

impl On {
    pub(crate) fn covers(self, kind: RequestKind) -> bool {
        match self {
            Self::Any => true,
            Self::Listing => matches!(kind, RequestKind::Page | RequestKind::Count),
            Self::Page => kind == RequestKind::Page,
            Self::Token => kind == RequestKind::Token,
            Self::Count => kind == RequestKind::Count,
            Self::Confirm => kind == RequestKind::Confirm,
        }
    }
}

/// A fault. The JSON form is the name in snake case, or an object of the name and its settings:
/// `"empty_list"`, `{"throttle":{"status":429,"retry_after":"seconds","seconds":2}}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// 200 with no rows, no next link, and 0 if a count was asked.
    EmptyList,
    /// 200 with no rows and no next link, beside the true count.
    EmptyListCountKept,
    /// The next link is missing.
    NoNextLink,
    /// 200 with an error object instead of a page.
    #[serde(rename = "error_object_200")]
    ErrorObject200,
    /// 200 with an HTML page.
    #[serde(rename = "html_200")]
    Html200,
    /// 200 with a line of text.
    #[serde(rename = "plain_text_200")]
    PlainText200,
    /// 200 with `{}`.
    #[serde(rename = "empty_object_200")]
    EmptyObject200,
    /// 200 with a `value` that is an object.
    ValueNotArray,
    /// Too many requests.
    Throttle {
        /// 429 or 503.
        status: u16,
        /// The form in which the wait is given.
        #[serde(default)]
        retry_after: RetryAfter,
        /// The wait.
        #[serde(default)]
        seconds: u64,
    },
    /// 429 with a `Retry-After` of many years.
    RetryAfterHuge,
    /// This status with the dialect's error body.
    Status {
        /// The status.
        code: u16,
    },
    /// Valid HTTP, and JSON that ends in the middle.
    TruncateJson,
    /// The connection is reset in the middle of the body.
    Reset,
    /// The connection closes before `Content-Length` bytes were sent.
    ShortContentLength,
    /// Valid HTTP, and a gzip stream that ends in the middle.
    GzipTruncated,
    /// Every second row is left out; the next link and the count are as if nothing were amiss.
    HalfPage,
    /// The next link is the request's own URL.
    NextLinkLoop,
    /// The next link leads to another host.
    NextLinkOtherHost {
        /// Scheme and authority of the other host, e.g. `http://127.0.0.1:9`.
        host: String,
    },
    /// The next link leads to the http port 80 of the same host.
    NextLinkHttp,
    /// `"@odata.nextLink": null`, in place of a link or on the last page.
    NextLinkNull,
    /// The last page carries a link that leads to an empty page.
    FullLastPageThenEmpty,
    /// Every third row, from the first on, is without its key.
    RowsWithoutKey,
    /// Every tenth row, from the first on, is sent twice.
    DuplicateRows,
    /// Keys that are numbers are sent as JSON numbers.
    NumericKeys,
    /// The count is a JSON string.
    CountAsString,
    /// The count is off.
    WrongCount {
        /// By how much.
        delta: i64,
    },
    /// The answer waits.
    Slow {
        /// How long.
        ms: u64,
    },
    /// Rows served since the scan began are deleted just before the page is read, which shifts
    /// later ones out of an offset's sight.
    SellDuringScan {
        /// How many.
        n: u64,
    },
    /// New rows are added just before the page is read.
    AddDuringScan {
        /// How many.
        n: u64,
    },
    /// Rows are modified just before the page is read.
    TouchDuringScan {
        /// How many.
        n: u64,
    },
    /// The token shown is answered 401; an issued one is ended.
    ExpireToken,
    /// From here on the credential is answered 401, until it is restored by the controls.
    Revoke,
    /// Permission for a part of the rows is gone: pages, counts and confirmations agree that they
    /// do not exist (use with `on: any`).
    DenyPartial {
        /// How many of a hundred rows are hidden.
        #[serde(default = "half")]
        percent: u8,
    },
    /// The token endpoint answers 200 with `{"error":"invalid_grant"}` (seen at Rapattoni).
    #[serde(rename = "token_error_200")]
    TokenError200,
    /// The token endpoint answers 200 with HTML.
    TokenHtml,
    /// The token answer has no `expires_in`.
    TokenNoExpiresIn,
    /// `expires_in` is a JSON string.
    TokenExpiresInString,
    /// Rows asked by key are not found though they live.
    ConfirmFindsNothing,
    /// Rows asked by key are found though they have left the list.
    ConfirmFindsGone,
    /// A list that is being rebuilt: pages and counts agree that some rows do not exist, but answers by key
    /// show them.
    Rebuilding {
        /// How many of a hundred rows are hidden.
        percent: u8,
        /// Another part for another salt.
        #[serde(default)]
        salt: u64,
    },
    /// The page is cut silently: it has neither link nor count.
    Cap,
    /// The last page has a link to an empty page, which has a link to another one, without end.
    EmptyPagesForEver,
    /// The last page has an always new link that leads to the last page again.
    LastPageForEver,
    /// The token of the next page has expired: the request is answered with this status, and so is each
    /// repetition, until a scan starts over.
    PageTokenDies {
        /// The status.
        code: u16,
    },
    /// The count is none, or of something else.
    OddCount {
        /// In which way.
        what: OddCount,
    },
    /// The page contains invalid JSON bytes in an unused field.
    Unreadable {
        /// Which.
        what: Odd,
    },
}

/// The error in a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OddCount {
    /// It is that of all rows, whatever the filter says.
    OfAll,
    /// It is never more than this.
    Capped(u64),
    /// It is -1.
    Negative,
    /// It is a word.
    Text,
    /// It is that of the rows on the page.
    OfThePage,
}

fn half() -> u8 {
    50
}

/// The form in which a throttled client is told how long to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Not at all.
    #[default]
    None,
    /// `Retry-After: 2`.
    Seconds,
    /// `Retry-After: Tue, 02 Mar 2021 15:51:38 GMT`.
    HttpDate,
    /// `X-Rate-Limit-Retry-After-Seconds: 2` (PropTx / AMPRE).
    VendorHeader,
    /// A `retry-after` member of the JSON body.
    BodyKey,
}

impl Fault {
    /// The name in the JSON form and in the tally of strikes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::EmptyList => "empty_list",
            Self::EmptyListCountKept => "empty_list_count_kept",
            Self::NoNextLink => "no_next_link",
            Self::ErrorObject200 => "error_object_200",
            Self::Html200 => "html_200",
            Self::PlainText200 => "plain_text_200",
            Self::EmptyObject200 => "empty_object_200",
            Self::ValueNotArray => "value_not_array",
            Self::Throttle { .. } => "throttle",
            Self::RetryAfterHuge => "retry_after_huge",
            Self::Status { .. } => "status",
            Self::TruncateJson => "truncate_json",
            Self::Reset => "reset",
            Self::ShortContentLength => "short_content_length",
            Self::GzipTruncated => "gzip_truncated",
            Self::HalfPage => "half_page",
            Self::NextLinkLoop => "next_link_loop",
            Self::NextLinkOtherHost { .. } => "next_link_other_host",
            Self::NextLinkHttp => "next_link_http",
            Self::NextLinkNull => "next_link_null",
            Self::FullLastPageThenEmpty => "full_last_page_then_empty",
            Self::RowsWithoutKey => "rows_without_key",
            Self::DuplicateRows => "duplicate_rows",
            Self::NumericKeys => "numeric_keys",
            Self::CountAsString => "count_as_string",
            Self::WrongCount { .. } => "wrong_count",
            Self::Slow { .. } => "slow",
            Self::SellDuringScan { .. } => "sell_during_scan",
            Self::AddDuringScan { .. } => "add_during_scan",
            Self::TouchDuringScan { .. } => "touch_during_scan",
            Self::ExpireToken => "expire_token",
            Self::Revoke => "revoke",
            Self::DenyPartial { .. } => "deny_partial",
            Self::TokenError200 => "token_error_200",
            Self::TokenHtml => "token_html",
            Self::TokenNoExpiresIn => "token_no_expires_in",
            Self::TokenExpiresInString => "token_expires_in_string",
            Self::ConfirmFindsNothing => "confirm_finds_nothing",
            Self::ConfirmFindsGone => "confirm_finds_gone",
            Self::Rebuilding { .. } => "rebuilding",
            Self::Cap => "cap",
            Self::EmptyPagesForEver => "empty_pages_for_ever",
            Self::LastPageForEver => "last_page_for_ever",
            Self::PageTokenDies { .. } => "page_token_dies",
            Self::OddCount { .. } => "odd_count",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    fn default_on(&self) -> On {
        match self {
            Self::TokenError200
            | Self::TokenHtml
            | Self::TokenNoExpiresIn
            | Self::TokenExpiresInString => On::Token,
            Self::ConfirmFindsNothing | Self::ConfirmFindsGone => On::Confirm,
            Self::Rebuilding { .. } | Self::OddCount { .. } => On::Listing,
            _ => On::Page,
        }
    }

    fn default_times(&self) -> Option<u64> {
        match self {
            Self::ExpireToken => Some(1),
            _ => None,
        }
    }
}
