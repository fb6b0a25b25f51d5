//! A server for tests that shares no code with the client: a table, a `$filter` of comparisons with
//! `and`, `or` and parentheses, `$orderby`, `$skip`, `$top`. What is odd about it, each test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, stream};
use livelist_model::budget::Ledger;
use livelist_model::keys::KeyBuffer;
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::FeedSpec;

use crate::admission::Admission;
use crate::catalog::Dialects;
use crate::client::Client;
use crate::dialect::Dialect;
use crate::error::ClientError;
use crate::scan::{Cursor, ScanState, Step};
use crate::session::Session;
use crate::time::Pace;
use crate::transport::{BodyStream, Transport, TransportError};

/// A listing: its key, and its timestamp in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) at: i64,
}

impl Row {
    /// The number after the last letter of the key.
    fn number(&self) -> u64 {
        let digits = self.key.rsplit(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// An id whose order is not that of the keys.
    pub(crate) fn id(&self) -> String {
        let digits = format!("{:04}", self.number());
        format!("L{}", digits.chars().rev().collect::<String>())
    }
}

/// Rows with these keys, each this many microseconds after the one before.
pub(crate) fn rows(keys: impl IntoIterator<Item = String>, apart: i64) -> Vec<Row> {
    let begun = 1_700_000_000_000_000;
    let keys = keys.into_iter().zip(0..);
    keys.map(|(key, n)| Row {
        key,
        at: begun + n * apart,
    })
    .collect()
}

/// This many keys, in another order than the rows.
pub(crate) fn keys(many: u64) -> Vec<String> {
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
    (0..many)
        .map(|n| format!("{:010}K{n}", scattered(n)))
        .collect()
}

/// A request, as the server reads it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// How many came before.
    pub(crate) nth: usize,
    pub(crate) path: String,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) token: String,
}

impl Asked {
    pub(crate) fn option(&self, name: &str) -> &str {
        self.options.get(name).map_or("", String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.option(name).parse().ok()
    }

    /// Whether it is a question for the count.
    pub(crate) fn counts(&self) -> bool {
        self.option("$count") == "true"
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply(pub(crate) u16, pub(crate) serde_json::Value);

impl Reply {
    pub(crate) fn error(status: u16, message: &str) -> Reply {
        Reply(status, serde_json::json!({"error": {"message": message}}))
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Reply {
        self.1[name] = value.into();
        self
    }
}

type Answering = dyn Fn(&Strange, &Asked) -> Reply + Send + Sync;

/// The server.
pub(crate) struct Strange {
    pub(crate) rows: Mutex<Vec<Row>>,
    /// Whether keys are compared without regard to case.
    pub(crate) blind: bool,
    /// Rows a page at most.
    pub(crate) cap: usize,
    /// How a timestamp is shown.
    pub(crate) show: fn(i64) -> String,
    answer: Box<Answering>,
    pub(crate) heard: Mutex<Vec<Asked>>,
}

/// A timestamp, unchanged.
pub(crate) fn exactly(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).unwrap().to_string()
}

impl Strange {
    pub(crate) fn new(
        rows: Vec<Row>,
        cap: usize,
        answer: impl Fn(&Strange, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Strange {
        Strange {
            rows: Mutex::new(rows),
            blind: false,
            cap,
            show: exactly,
            answer: Box::new(answer),
            heard: Mutex::default(),
        }
    }

    /// The rows that a question asks for, before they are cut to a page.
    pub(crate) fn matching(&self, asked: &Asked) -> Vec<Row> {
        let mut rows = self.rows.lock().unwrap().clone();
        let filter = asked.option("$filter");
        if !filter.is_empty() {
            rows.retain(|row| Words::of(filter).any(row, self.blind));
        }
        let by_key = |row: &Row| match self.blind {
            true => row.key.to_lowercase(),
            false => row.key.clone(),
        };
        match asked.option("$orderby") {
            "" => {}
            order if order.starts_with("ModificationTimestamp") => {
                rows.sort_by_key(|row| (row.at, by_key(row)));
            }
            "ListingKeyNumeric" => rows.sort_by_key(|row| (row.number(), by_key(row))),
            _ => rows.sort_by_key(by_key),
        }
        rows
    }

    /// A page of these rows from `skip` on.
    pub(crate) fn page(&self, rows: &[Row], skip: usize, top: Option<usize>) -> Reply {
        let size = top.unwrap_or(self.cap).min(self.cap);
        let value: Vec<serde_json::Value> = rows
            .iter()
            .skip(skip)
            .take(size)
            .map(|row| {
                serde_json::json!({
                    "ListingKey": row.key,
                    "ListingKeyNumeric": row.number(),
                    "ListingId": row.id(),
                    "ModificationTimestamp": (self.show)(row.at),
                })
            })
            .collect();
        Reply(200, serde_json::json!({ "value": value }))
    }

    /// The answer of a plain server: no links, no counts.
    pub(crate) fn plain(&self, asked: &Asked) -> Reply {
        let rows = self.matching(asked);
        let skip = asked.number("$skip").unwrap_or(0);
        self.page(&rows, skip, asked.number("$top"))
    }

    pub(crate) fn all(&self) -> BTreeSet<String> {
        let rows = self.rows.lock().unwrap();
        rows.iter().map(|row| row.key.clone()).collect()
    }

    pub(crate) fn requests(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Strange {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        let plain = |text: &str| {
            let text = percent_encoding::percent_decode_str(text);
            text.decode_utf8_lossy().into_owned()
        };
        let query = request.uri().query().unwrap_or("").split('&');
        let options = query.filter_map(|option| {
            let (name, value) = option.split_once('=')?;
            Some((plain(name), plain(value)))
        });
        let token = &request.headers()[http::header::AUTHORIZATION];
        let asked = Asked {
            nth: self.requests(),
            path: plain(request.uri().path()),
            options: options.collect(),
            token: token.to_str().unwrap().to_owned(),
        };
        self.heard.lock().unwrap().push(asked.clone());
        let Reply(status, body) = (self.answer)(self, &asked);
        let body: BodyStream = Box::pin(stream::iter([Ok(Bytes::from(body.to_string()))]));
        let response = http::Response::builder().status(status).body(body);
        Ok(response.unwrap())
    }
}

/// A filter, word by word.
struct Words {
    words: Vec<String>,
    at: usize,
}

impl Words {
    fn of(filter: &str) -> Words {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in filter.chars() {
            quoted ^= c == '\'';
            match c {
                ' ' if !quoted => words.push(String::new()),
                '(' | ')' if !quoted => words.extend([c.to_string(), String::new()]),
                c => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        Words { words, at: 0 }
    }

    fn next(&mut self) -> String {
        self.at += 1;
        self.words[self.at - 1].clone()
    }

    fn is(&mut self, word: &str) -> bool {
        let is = self.words.get(self.at).is_some_and(|next| next == word);
        self.at += usize::from(is);
        is
    }

    fn any(&mut self, row: &Row, blind: bool) -> bool {
        let mut holds = self.every(row, blind);
        while self.is("or") {
            holds |= self.every(row, blind);
        }
        holds
    }

    fn every(&mut self, row: &Row, blind: bool) -> bool {
        let mut holds = self.one(row, blind);
        while self.is("and") {
            holds &= self.one(row, blind);
        }
        holds
    }

    fn one(&mut self, row: &Row, blind: bool) -> bool {
        if self.is("(") {
            let holds = self.any(row, blind);
            assert!(self.is(")"), "{:?}", self.words);
            return holds;
        }
        let (field, op, value) = (self.next(), self.next(), self.next());
        let order = match field.as_str() {
            "ListingKey" => {
                let value = value.trim_matches('\'').replace("''", "'");
                match blind {
                    true => row.key.to_lowercase().cmp(&value.to_lowercase()),
                    false => row.key.cmp(&value),
                }
            }
            "ListingKeyNumeric" => row.number().cmp(&value.parse().unwrap()),
            "ListingId" => row.id().as_str().cmp(value.trim_matches('\'')),
            // Each row is of this system, and may be shown.
            "OriginatingSystemName" | "MlgCanView" => std::cmp::Ordering::Equal,
            "ModificationTimestamp" => {
                let value: jiff::Timestamp = value.parse().unwrap();
                let value = value.as_nanosecond();
                (i128::from(row.at) * 1_000).cmp(&value)
            }
            other => panic!("no field {other}"),
        };
        match op.as_str() {
            "eq" => order.is_eq(),
            "ne" => order.is_ne(),
            "gt" => order.is_gt(),
            "ge" => order.is_ge(),
            "lt" => order.is_lt(),
            "le" => order.is_le(),
            other => panic!("no operator {other}"),
        }
    }
}

/// A clock that only moves during waits.
pub(crate) struct Still(pub(crate) Mutex<jiff::Timestamp>);

impl Default for Still {
    fn default() -> Still {
        Still(Mutex::new("2026-11-21T04:00:00Z".parse().unwrap()))
    }
}

#[async_trait]
impl Pace for Still {
    fn now(&self) -> jiff::Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(duration).unwrap();
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

/// A feed of `provider`, with `more` members in the document.
pub(crate) fn feed(provider: &str, more: &str) -> FeedSpec {
    let text = format!(
        r#"{{"mls":"abor","provider":"{provider}","base_url":"https://x.example/odata",
            "token_url":"https://x.example/token","credential":"env:ABOR"{more}}}"#
    );
    let mls = parse_mls("mls/abor.json", text.as_bytes(), &Dialects).unwrap();
    let pair = Pair {
        mls: mls.mls.clone(),
        resource: "Property".parse().unwrap(),
        filter: None,
        enabled: true,
    };
    FeedSpec::resolve(&mls, &pair)
}

/// What a scan of `feed` came to: how it ended, and the keys it read. Refused tokens are replaced, as
/// often as they are refused.
pub(crate) fn read(
    server: &Strange,
    feed: &FeedSpec,
) -> (Result<ScanState, ClientError>, BTreeSet<String>) {
    read_by(server, feed, Vec::new())
}

/// Written down and taken up, as between two tasks.
fn taken_up(state: &ScanState) -> ScanState {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

/// The same, with the marks that a former scan left, in tasks of one page.
pub(crate) fn read_by(
    server: &Strange,
    feed: &FeedSpec,
    marks: Vec<Cursor>,
) -> (Result<ScanState, ClientError>, BTreeSet<String>) {
    livelist_blocking::in_place_on_this_thread();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let _inside = runtime.enter();
    let mut state = ScanState::begin(feed, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let mut keys = KeyBuffer::default();
    state.follow(Dialect::for_feed(feed).unwrap().scan, marks.clone());
    let mut tokens = 1;
    let mut admission = Admission::default();
    let ended = loop {
        let session = Session::of(format!("token-{tokens}").into());
        let pace = Still::default();
        let client = Client::new(server, &pace, feed, &session, Ledger::default()).unwrap();
        let mut client = client.admitted(admission.clone());
        let stepped = loop {
            // Nothing waits: a step is over at once, or it waits for what never comes.
            assert!(server.requests() < 20_000, "it does not end");
            let step = state.step(&mut client, &mut keys).now_or_never();
            match step.expect("a step that does not wait") {
                Ok(Step::More) if marks.is_empty() => {}
                // As one task after the other.
                Ok(Step::More) => {
                    state = taken_up(&state);
                    state.follow(client.dialect().scan, marks.clone());
                }
                other => break other,
            }
        };
        admission = client.admission();
        match stepped {
            Err(ClientError::Unauthorized) if !admission.is_over() => tokens += 1,
            Err(error) => break Err(error),
            Ok(_) => break Ok(taken_up(&state)),
        }
    };
    let keys = keys.iter();
    let keys = keys.map(|(key, _)| String::from_utf8(key.to_vec()).unwrap());
    (ended, keys.collect())
}
