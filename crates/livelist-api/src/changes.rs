//! `GET /v1/feeds/{feed}/changes`: the added and removed keys, version by version, from the stored deltas,
//! in pages. A page is returned only after its deltas were read to their ends and match the head. A cursor
//! names a delta and a line of it. Neither ever changes, so a cursor stays valid while new versions are
//! published, until the history no longer reaches back to it.

use std::collections::HashMap;
use std::fmt;

use axum::Json;
use axum::extract::{Query, State};
use livelist_model::codec::CodecError;
use livelist_model::delta::{DeltaSummary, Sign, read_delta};
use livelist_model::head::{ConfirmedBy, DeltaRef, Head};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Asked;
use crate::error::ApiError;
use crate::openapi::{QueryRefusals, Refusals};
use crate::state::ApiState;
use crate::{head, lists};

/// Changes on a page: with the longest keys that is still far below Lambda's 6 MB.
const PAGE: usize = 1_000;
/// Digits of a delta's digest in a cursor.
const DIGEST_SHOWN: usize = 16;

/// A page of changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page {
    /// The changes, oldest version first, within a version in the order of the keys' bytes.
    changes: Vec<Change>,
    /// Where the next page begins; nothing on the last one.
    cursor: Option<String>,
    /// The version that the history leads to at this moment.
    version: String,
    /// Its sequence: the next `since`, once `cursor` is nothing.
    sequence: u64,
}

/// A key that came or went.
#[derive(Debug, Serialize, ToSchema)]
struct Change {
    key: String,
    change: Kind,
    /// The sequence of the version that it came or went with.
    sequence: u64,
    /// When that version was published; nothing where that was not noted.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<jiff::Timestamp>,
    /// What the removal rests on; nothing for a key that came, and where it was not noted.
    why: Option<Why>,
    /// Whether the key is in the present list, whatever became of it since: a key that went may have
    /// come back on a later page. Only a key that is not live is gone.
    live: bool,
}

/// Whether it came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Added,
    Removed,
}

/// What a removal rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Why {
    /// The MLS was asked for the key, and did not have it.
    ConfirmedByKey,
    /// The MLS cannot be asked by key; a further scan of the same run did not see it either. No list
    /// that is published now rests on that.
    ConfirmedByScan,
    /// The MLS cannot be asked by key; complete scans of two days did not see it.
    ConfirmedByScans,
    /// The result was held, and an operator let it through.
    ApprovedByOperator,
}

impl From<ConfirmedBy> for Why {
    fn from(by: ConfirmedBy) -> Why {
        match by {
            ConfirmedBy::Key => Why::ConfirmedByKey,
            ConfirmedBy::Scan => Why::ConfirmedByScan,
            ConfirmedBy::Scans => Why::ConfirmedByScans,
            ConfirmedBy::Operator => Why::ApprovedByOperator,
        }
    }
}

/// A line of a delta: the next one to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    /// The sequence that the delta leads to.
    sequence: u64,
    /// Lines of it that were told already.
    line: u64,
    /// The beginning of its digest: a cursor of another history leads nowhere.
    digest: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c1-{}-{}-{}", self.sequence, self.line, self.digest)
    }
}

impl Cursor {
    fn parse(text: &str) -> Option<Cursor> {
        let mut parts = text.strip_prefix("c1-")?.splitn(3, '-');
        let mut number = || {
            let digits = parts.next()?;
            let plain = digits.len() <= 18 && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let (sequence, line) = (number()?, number()?);
        let digest = parts.next()?;
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (digest.len() == DIGEST_SHOWN && digest.bytes().all(is_hex)).then(|| Cursor {
            sequence,
            line,
            digest: digest.to_owned(),
        })
    }

    fn at(delta: &DeltaRef, line: u64) -> Option<Cursor> {
        Some(Cursor {
            sequence: Head::sequence_of(&delta.to)?,
            line,
            digest: delta.sha256.get(..DIGEST_SHOWN)?.to_owned(),
        })
    }
}

/// Where the caller wants to begin.
enum Start {
    /// As far back as it goes.
    History,
    Sequence(u64),
    Cursor(Cursor),
}

/// What came and what went
///
/// From `since`, the sequence of the list that the caller has, or from where the page before ended, by
/// its `cursor`. A page may be followed by one that takes back what it says: `live` tells.
#[utoipa::path(
    get,
    path = "/v1/feeds/{feed}/changes",
    operation_id = "changes",
    tag = "feeds",
    params(
        ("feed" = String, Path, description = "The feed's id"),
        ("since" = Option<i64>, Query, minimum = 0, description = "The sequence of the list that the caller has; without it the history is told from where it begins"),
        ("cursor" = Option<String>, Query, pattern = "^c1-[0-9]{1,18}-[0-9]{1,18}-[0-9a-f]{16}$", description = "The `cursor` of the page before; it goes before `since`")
    ),
    responses(
        (status = 200, description = "A page of changes", body = Page),
        (status = 410, description = "`history_gone`: the history does not reach back to there. Fetch the full list", body = crate::error::Problem),
        Refusals, QueryRefusals
    ),
    security(("site_key" = []))
)]
pub(crate) async fn changes(
    State(state): State<ApiState>,
    asked: Asked,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Json<Page>, ApiError> {
    let from = begin(&parameters)?;
    let head = head::ready(&state, &asked.feed).await?;
    let (chain, skipped) = history(&head, &from).ok_or(ApiError::HistoryGone)?;
    let mut page = Filling::default();
    for (nth, delta) in chain.into_iter().enumerate() {
        let skipped = if nth == 0 { skipped } else { 0 };
        page = fill(&state, page, delta.clone(), skipped).await?;
    }
    let cursor = page.next.as_ref().map(Cursor::to_string);
    Ok(Json(Page {
        changes: page.finish()?,
        cursor,
        version: head.version,
        sequence: head.sequence,
    }))
}

fn begin(parameters: &[(String, String)]) -> Result<Start, ApiError> {
    let only = |name: &str| {
        let mut values = parameters.iter().filter(|(n, _)| n == name);
        let first = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            None => Ok(first),
            Some(_) => Err(ApiError::Invalid(format!("`{name}` is there twice"))),
        }
    };
    let cursor = only("cursor")?.map(|text| {
        let cursor = Cursor::parse(text);
        cursor.ok_or_else(|| ApiError::Invalid("`cursor` is none that was given here".to_owned()))
    });
    let since = only("since")?.map(|text| {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let since = plain.then(|| text.parse::<i64>().ok()).flatten();
        since
            .and_then(|since| u64::try_from(since).ok())
            .ok_or_else(|| ApiError::Invalid("`since` is not a sequence".to_owned()))
    });
    Ok(match (cursor.transpose()?, since.transpose()?) {
        (Some(cursor), _) => Start::Cursor(cursor),
        (None, Some(since)) => Start::Sequence(since),
        (None, None) => Start::History,
    })
}

/// The deltas to read, oldest first, and how many lines of the first were told already.
fn history<'a>(head: &'a Head, from: &Start) -> Option<(Vec<&'a DeltaRef>, u64)> {
    let since = match from {
        Start::History => return Some((head::history(head), 0)),
        Start::Sequence(since) => *since,
        Start::Cursor(cursor) => cursor.sequence.checked_sub(1)?,
    };
    let chain = head::chain(head, |version| Head::sequence_of(version) == Some(since))?;
    let Start::Cursor(cursor) = from else {
        return Some((chain, 0));
    };
    let first = chain.first()?;
    let is_it = Cursor::at(first, cursor.line).as_ref() == Some(cursor);
    (is_it && cursor.line <= first.added + first.removed).then_some((chain, cursor.line))
}

/// A page that is being filled.
#[derive(Default)]
struct Filling {
    changes: Vec<(Vec<u8>, Change)>,
    /// What became last of each key on the page.
    last: HashMap<Vec<u8>, Sign>,
    next: Option<Cursor>,
}

impl Filling {
    /// Takes note of a change behind those that were told before; tells it if there is room.
    fn see(&mut self, delta: &DeltaRef, sequence: u64, line: u64, sign: Sign, key: &[u8]) {
        if let Some(last) = self.last.get_mut(key) {
            *last = sign;
        }
        if self.next.is_some() {
            return;
        }
        if self.changes.len() == PAGE {
            self.next = Cursor::at(delta, line);
            return;
        }
        self.last.insert(key.to_vec(), sign);
        let (change, why) = match sign {
            Sign::Added => (Kind::Added, None),
            Sign::Removed => (Kind::Removed, delta.confirmed.map(Why::from)),
        };
        let change = Change {
            key: String::new(),
            change,
            sequence,
            at: delta.published_at,
            why,
            live: false,
        };
        self.changes.push((key.to_vec(), change));
    }

    /// The changes, once everything behind them was seen.
    fn finish(self) -> Result<Vec<Change>, ApiError> {
        let told = self.changes.into_iter().map(|(key, change)| {
            let live = self.last.get(&key) == Some(&Sign::Added);
            let key = String::from_utf8(key)
                .map_err(|_| ApiError::unsound("a key is not a text that JSON can hold"))?;
            Ok(Change {
                key,
                live,
                ..change
            })
        });
        told.collect()
    }
}

/// Reads one delta to its end, and gives the page back only if it is the one that the head means.
async fn fill(
    state: &ApiState,
    mut page: Filling,
    delta: DeltaRef,
    skipped: u64,
) -> Result<Filling, ApiError> {
    let source = lists::open(state, &delta.stored).await?;
    let object = delta.stored.object.clone();
    lists::read(state, &object, move |_| {
        let sequence = Head::sequence_of(&delta.to).unwrap_or_default();
        let mut line = 0;
        let read = read_delta(source, |sign, key| {
            if line >= skipped {
                page.see(&delta, sequence, line, sign, key);
            }
            line += 1;
        })?;
        is_meant(&read, &delta).map(|()| page)
    })
    .await
}

fn is_meant(read: &DeltaSummary, delta: &DeltaRef) -> Result<(), CodecError> {
    if read.text.sha256 != delta.sha256 {
        return Err(CodecError::Mismatch {
            what: "its SHA-256",
        });
    }
    if (read.added, read.removed) != (delta.added, delta.removed) {
        return Err(CodecError::Mismatch {
            what: "its counts of changes",
        });
    }
    Ok(())
}
