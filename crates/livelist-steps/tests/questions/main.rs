//! Questions about keys, to a vendor that answers some and not others: too long, of a form that it does
//! not know, with literals of another type, compared in ways of its own.

//!
//! The vendor lives in this process and shares no code with the simulated MLSs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::record::RunRecord;
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_reso::Dialects;
use livelist_reso::transport::{BodyStream, Transport, TransportError};
use livelist_steps::chain::{Ended, reconcile};
use livelist_steps::publish::{Outcome, Output};
use livelist_steps::{Env, compare, confirm};
use livelist_store::memory::{ManualClock, MemoryObjects, MemorySecrets};
use livelist_store::{Clock, Condition, ObjectsExt, Retention};
use rstest::rstest;

use by_hand::Hand;

#[allow(
    dead_code,
    reason = "it is made for the other tests, which need all of it"
)]
#[path = "../it/by_hand.rs"]
mod by_hand;

/// A question as the vendor reads it.
struct Asked {
    url: usize,
    by_in: bool,
    keys: usize,
    quoted: bool,
}

type Refusal = dyn Fn(&Asked) -> Option<(u16, &'static str)> + Send + Sync;

/// Pages by link, filters by key, and whatever else it does.
struct Vendor {
    /// Keys as they stand in JSON.
    rows: Mutex<Vec<String>>,
    /// Rows that its pages lose.
    hidden: Mutex<BTreeSet<String>>,
    /// Rows that changed lately; nothing where it does not know when rows changed.
    changed: Mutex<Option<Vec<String>>>,
    /// Rows that it shows by key and lists nowhere.
    closed: Mutex<BTreeSet<String>>,
    refuses: Mutex<Box<Refusal>>,
    /// Compares without case.
    is_blind: bool,
    /// Of an answer about keys it shows the first half of the rows.
    halves: bool,
    asked: Mutex<Vec<String>>,
}

const CUT: &str = r#"{"value":[{"ListingKey":"#;
const EMPTY: &str = r#"{"value":[]}"#;

/// The field that tells when a row changed.
const CHANGED: &str = "ModificationTimestamp";

/// Whether a request is a question by key.
fn is_by_key(url: &str) -> bool {
    url.contains("$filter") && !url.contains(CHANGED)
}

impl Vendor {
    fn of(rows: impl IntoIterator<Item = String>) -> Vendor {
        Vendor {
            rows: Mutex::new(rows.into_iter().collect()),
            hidden: Mutex::default(),
            closed: Mutex::default(),
            changed: Mutex::default(),
            refuses: Mutex::new(Box::new(|_| None)),
            is_blind: false,
            halves: false,
            asked: Mutex::default(),
        }
    }

    fn refuses(
        self,
        refuses: impl Fn(&Asked) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) -> Vendor {
        *self.refuses.lock().unwrap() = Box::new(refuses);
        self
    }

    fn remove(&self, n: usize) -> Vec<String> {
        self.rows.lock().unwrap().drain(..n).collect()
    }

    fn questions(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|url| is_by_key(url)).count()
    }

    fn answer(&self, url: &str) -> (u16, String) {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let options: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decoded(value)))
            .collect();
        let option = |name: &str| {
            options
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.clone())
        };
        let rows = self.rows.lock().unwrap();
        let page = |rows: &[String], more: Option<usize>| {
            let rows: Vec<String> = rows
                .iter()
                .map(|key| format!(r#"{{"ListingKey":{key}}}"#))
                .collect();
            let next = more.map(|at| format!(r#","@odata.nextLink":"Property?$skiptoken={at}""#));
            (
                200,
                format!(
                    r#"{{"value":[{}]{}}}"#,
                    rows.join(","),
                    next.unwrap_or_default()
                ),
            )
        };
        let Some(filter) = option("$filter") else {
            if option("$count").is_some() {
                return (400, "no".to_owned());
            }
            let hidden = self.hidden.lock().unwrap();
            let listed: Vec<String> = rows
                .iter()
                .filter(|key| !hidden.contains(*key))
                .cloned()
                .collect();
            let number = |name: &str| option(name).map(|text| text.parse::<usize>().unwrap());
            let at = number("$skiptoken").or(number("$skip")).unwrap_or(0);
            let at = at.min(listed.len());
            let end = (at + number("$top").unwrap_or(100).min(100)).min(listed.len());
            return page(&listed[at..end], (end < listed.len()).then_some(end));
        };
        if filter.contains(CHANGED) {
            return match &*self.changed.lock().unwrap() {
                Some(changed) => page(changed, None),
                None => (400, "no such field".to_owned()),
            };
        }
        if let Some(from) = filter
            .strip_prefix("ListingKey gt ")
            .or(filter.strip_prefix("ListingKey ge "))
        {
            let asked = Asked {
                url: url.len(),
                by_in: false,
                keys: 1,
                quoted: from.starts_with('\''),
            };
            if let Some((status, body)) = (self.refuses.lock().unwrap())(&asked) {
                return (status, body.to_owned());
            }
            let is_behind = |key: &String| match filter.contains(" gt ") {
                true => key.trim_matches('"') > from.trim_matches('\''),
                false => key.trim_matches('"') >= from.trim_matches('\''),
            };
            let behind: Vec<String> = rows
                .iter()
                .filter(|key| is_behind(key))
                .take(100)
                .cloned()
                .collect();
            return page(&behind, None);
        }
        let by_in = filter.contains(" in (");
        let literals: Vec<String> = match filter.split_once(" in (") {
            Some((_, list)) => list
                .trim_end_matches(')')
                .split(',')
                .map(str::to_owned)
                .collect(),
            None => filter
                .split(" or ")
                .map(|term| term.trim_start_matches("ListingKey eq ").to_owned())
                .collect(),
        };
        let asked = Asked {
            url: url.len(),
            by_in,
            keys: literals.len(),
            quoted: literals.iter().any(|literal| literal.starts_with('\'')),
        };
        if let Some((status, body)) = (self.refuses.lock().unwrap())(&asked) {
            return (status, body.to_owned());
        }
        let plain = |text: &str| {
            let text = text.trim_matches(['\'', '"']);
            if self.is_blind {
                text.to_lowercase()
            } else {
                text.to_owned()
            }
        };
        let wanted: BTreeSet<String> = literals.iter().map(|literal| plain(literal)).collect();
        let closed = self.closed.lock().unwrap();
        let all = rows.iter().chain(closed.iter());
        let shown: Vec<String> = all
            .filter(|key| wanted.contains(&plain(key)))
            .cloned()
            .collect();
        let most = if self.halves {
            shown.len().div_ceil(2)
        } else {
            shown.len()
        };
        page(&shown[..most], None)
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match first {
            b'%' => {
                let (hex, tail) = rest.split_at(2);
                rest = tail;
                u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap()
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

#[async_trait]
impl Transport for Vendor {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        let url = request.uri().to_string();
        let (status, body) = match url.ends_with("/token") {
            true => (
                200,
                r#"{"access_token":"a-token-of-some-length"}"#.to_owned(),
            ),
            false => self.answer(&url),
        };
        self.asked.lock().unwrap().push(url);
        let body: BodyStream = Box::pin(futures::stream::iter([Ok(Bytes::from(body))]));
        Ok(http::Response::builder().status(status).body(body).unwrap())
    }
}

struct Town {
    env: Env,
    objects: Arc<MemoryObjects>,
    clock: Arc<ManualClock>,
    vendor: Arc<Vendor>,
    feed: FeedSpec,
}

impl Town {
    /// The vendor's list is published.
    async fn begun(vendor: Vendor, settings: &str) -> Town {
        Town::of(vendor, "reso", settings).await
    }

    async fn of(vendor: Vendor, provider: &str, settings: &str) -> Town {
        let vendor = Arc::new(vendor);
        let objects = Arc::new(MemoryObjects::new());
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let secrets = Arc::new(MemorySecrets::default());
        let secret = match provider {
            "trestle" => r#"{"client_id":"a","client_secret":"b"}"#.to_owned(),
            _ => r#"{"token":"a-token-of-some-length"}"#.to_owned(),
        };
        secrets.set("ssm:/x".parse().unwrap(), secret);
        let env = Env {
            secrets,
            ..Env::in_memory(objects.clone(), clock.clone(), vendor.clone()).unwrap()
        };
        let text = format!(
            r#"{{"mls":"x","provider":"{provider}","base_url":"https://x.example/odata","credential":"ssm:/x"{settings}}}"#
        );
        let mls = parse_mls("mls/x.json", text.as_bytes(), &Dialects).unwrap();
        let pair = Pair {
            mls: mls.mls.clone(),
            resource: "Property".parse().unwrap(),
            filter: None,
            enabled: true,
        };
        let feed = FeedSpec::resolve(&mls, &pair);
        let town = Town {
            env,
            objects,
            clock,
            vendor,
            feed,
        };
        published(town.day().await);
        town.vendor.asked.lock().unwrap().clear();
        town
    }

    fn run(&self) -> RunSpec {
        let date = self.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        RunSpec::of(date, self.feed.clone())
    }

    fn next_day(&self) {
        self.clock.advance(Duration::from_secs(24 * 3_600));
    }

    async fn day(&self) -> Ended {
        let (key, document) = (layout::mls(&self.feed.mls), self.feed.document());
        let written = self
            .objects
            .write_json(&key, &document, Condition::Always, Retention::Keep);
        written.await.unwrap();
        let ended = reconcile(&self.env, self.run(), "test", &|_| {}).await;
        self.next_day();
        ended
    }

    async fn listed(&self) -> Vec<String> {
        let key = layout::head(&self.feed.feed);
        let (head, _) = self.objects.read_json::<Head>(&key).await.unwrap().unwrap();
        let (bytes, _) = self.objects.read(&head.full.object).await.unwrap().unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        text.lines().map(str::to_owned).collect()
    }

    async fn record(&self, run: &RunSpec) -> RunRecord {
        let key = layout::run_record(&run.feed.feed, &run.run);
        self.objects.read_json(&key).await.unwrap().unwrap().0
    }

    async fn removes(&self, n: usize) -> usize {
        self.vendor.remove(n);
        self.vendor.asked.lock().unwrap().clear();
        let output = published(self.day().await);
        assert_eq!(output.removed, n as u64, "{output:?}");
        self.vendor.questions()
    }

    async fn learned(&self) -> Option<serde_json::Value> {
        let key = layout::forms(&self.feed.credential);
        let read = self.objects.read_json(&key).await.unwrap();
        read.map(|(document, _)| document)
    }
}

fn result(ended: Ended) -> Output {
    match ended {
        Ended::Result(output) => output,
        other => panic!("{other:?}"),
    }
}

fn published(ended: Ended) -> Output {
    let output = result(ended);
    assert_eq!(output.outcome, Outcome::Published, "{output:?}");
    output
}

fn failed(ended: Ended) -> String {
    match ended {
        Ended::Failed(failure) => failure.name,
        other => panic!("{other:?}"),
    }
}

fn held(ended: Ended) -> &'static str {
    let output = result(ended);
    assert_eq!(output.outcome, Outcome::Held, "{output:?}");
    output.held_reason.unwrap().as_str()
}

fn texts(n: usize) -> Vec<String> {
    (0..n)
        .map(|i| format!("\"K{:07}\"", i * 37 + 1_000_000))
        .collect()
}

fn numbers(n: usize) -> Vec<String> {
    (0..n).map(|i| (i * 37 + 1_000_000).to_string()).collect()
}

fn uuids(n: usize) -> Vec<String> {
    (0..n)
        .map(|i| format!("\"6f9619ff-8b86-d011-b42d-{:012x}\"", i * 37 + 1_000_000))
        .collect()
}

/// R7: a question above some number of keys, or some length, answered in each of the ways that were
/// seen. It is halved until it works; the next run begins with what worked.
#[rstest]
#[tokio::test]
async fn a_question_that_is_too_long_is_halved(
    #[values((404, "no"), (403, "no"), (500, "no"), (400, "no"), (414, "no"), (200, CUT), (200, EMPTY))]
    refusal: (u16, &'static str),
    #[values(true, false)] by_length: bool,
    #[values("in", "or")] words: &str,
) {
    let vendor = Vendor::of(texts(600)).refuses(move |asked| match by_length {
        true => (asked.url > 400).then_some(refusal),
        false => (asked.keys > 12).then_some(refusal),
    });
    let settings = format!(r#","confirm":"{words}","confirm_keys":100"#);
    let town = Town::begun(vendor, &settings).await;
    let first = town.removes(30).await;
    assert!(first < 60, "{first} questions");
    assert!(town.learned().await.is_some());
    let second = town.removes(30).await;
    assert!(second <= 20 && second <= first, "{second} after {first}");
    // After a week more is tried again.
    *town.vendor.refuses.lock().unwrap() = Box::new(|_| None);
    for _ in 0..7 {
        town.next_day();
    }
    assert!(town.removes(30).await <= 4);
}

/// R7: a form that is not known, with each status.
#[rstest]
#[tokio::test]
async fn a_form_that_is_not_known_is_left_for_the_other(
    #[values((500, "no"), (400, "no"), (404, "no"), (200, EMPTY))] refusal: (u16, &'static str),
    #[values(true, false)] is_in: bool,
) {
    let vendor =
        Vendor::of(texts(600)).refuses(move |asked| (asked.by_in == is_in).then_some(refusal));
    let words = if is_in { "in" } else { "or" };
    let town = Town::begun(vendor, &format!(r#","confirm":"{words}""#)).await;
    assert!(town.removes(30).await < 30);
    assert!(town.removes(30).await <= 8);
}

/// R7: one key a question, by `eq`: nothing else is answered.
#[tokio::test]
async fn keys_are_asked_for_one_at_a_time_where_nothing_else_works() {
    let vendor = Vendor::of(texts(600))
        .refuses(|asked| (asked.by_in || asked.keys > 1).then_some((400, "no")));
    let town = Town::begun(vendor, r#","confirm":"in","confirm_keys":100"#).await;
    let questions = town.removes(10).await;
    assert!(questions < 100, "{questions} questions");
    let questions = town.removes(10).await;
    assert!(questions <= 36, "{questions} questions");
}

/// Access that is lost and a provider that is down are not taken for a question that is too long.
#[rstest]
#[tokio::test]
async fn where_no_key_is_answered_all_is_as_before(
    #[values((403, "no", "AccessDenied"), (404, "no", "AccessDenied"), (500, "no", "ProviderUnavailable"),
             (400, "no", "RequestRejected"), (200, CUT, "PageInvalid"))]
    refusal: (u16, &'static str, &'static str),
) {
    let (status, body, name) = refusal;
    let vendor = Vendor::of(texts(600)).refuses(move |_| Some((status, body)));
    let town = Town::begun(vendor, r#","confirm":"or""#).await;
    town.vendor.remove(3);
    assert_eq!(failed(town.day().await), name);
    assert!(town.vendor.questions() <= 20, "{}", town.vendor.questions());
    assert!(town.learned().await.is_none());
    let vendor = Vendor::of(texts(600)).refuses(|_| Some((200, EMPTY)));
    let town = Town::begun(vendor, r#","confirm":"or""#).await;
    town.vendor.remove(3);
    assert_eq!(held(town.day().await), "confirmation_broken");
}

/// R8: strict servers want numbers and UUIDs without quotes.
#[rstest]
#[tokio::test]
async fn keys_of_a_type_are_asked_for_as_their_type(
    #[values(numbers(600), uuids(600))] rows: Vec<String>,
    #[values((400, "no"), (500, "no"), (200, EMPTY))] refusal: (u16, &'static str),
    #[values("in", "or")] words: &str,
) {
    let vendor = Vendor::of(rows).refuses(move |asked| asked.quoted.then_some(refusal));
    let town = Town::begun(vendor, &format!(r#","confirm":"{words}""#)).await;
    assert!(town.removes(30).await < 30);
    assert!(town.removes(30).await <= 8);
}

/// R15: a row in another case that the scan did not see is the listing; one that is listed itself is not.
#[tokio::test]
async fn a_key_in_another_case_is_evidence_of_life_unless_it_is_listed_itself() {
    let mut vendor = Vendor::of(
        texts(600)
            .into_iter()
            .chain(["\"twin1\"", "\"TWIN1\"", "\"alone1\""].map(str::to_owned)),
    );
    vendor.is_blind = true;
    let town = Town::begun(vendor, r#","confirm":"or""#).await;
    {
        let mut rows = town.vendor.rows.lock().unwrap();
        rows.retain(|key| key != "\"twin1\"" && key != "\"alone1\"");
        rows.push("\"ALONE1\"".to_owned());
    }
    // The page does not show it under its new name.
    town.vendor
        .hidden
        .lock()
        .unwrap()
        .insert("\"ALONE1\"".to_owned());
    let run = town.run();
    let output = published(town.day().await);
    assert_eq!(output.removed, 1);
    let keys = town.listed().await;
    assert!(keys.contains(&"alone1".to_owned()) && !keys.contains(&"twin1".to_owned()));
    let confirmed = town.record(&run).await.confirmed.unwrap();
    assert_eq!((confirmed.restored, confirmed.variants), (1, 1));
}

/// An answer that shows as many rows as there was room for was cut, or shows what was not asked for.
#[tokio::test]
async fn a_full_answer_is_none() {
    let town = Town::begun(Vendor::of(texts(600)), r#","confirm":"or""#).await;
    town.vendor.remove(3);
    town.vendor.asked.lock().unwrap().clear();
    town.day().await;
    let asked = town.vendor.asked.lock().unwrap();
    let question = asked.iter().find(|url| is_by_key(url)).unwrap();
    let keys = decoded(question).matches(" eq ").count();
    assert!(
        question.contains(&format!("$top={}", 2 * keys)),
        "{question}"
    );
}

/// R8: a scan by key goes on where the server wants the key's own type, whether the rows told it or not.
#[rstest]
#[tokio::test]
async fn a_scan_by_key_writes_keys_as_their_type(
    #[values(numbers(600), uuids(600))] rows: Vec<String>,
    #[values(true, false)] is_strict: bool,
) {
    let vendor =
        Vendor::of(rows).refuses(move |asked| (is_strict && asked.quoted).then_some((400, "no")));
    let town = Town::of(
        vendor,
        "trestle",
        r#","token_url":"https://x.example/token","page_size":100,"confirm":"or","count":"never""#,
    )
    .await;
    assert_eq!(town.listed().await.len(), 600);
    town.removes(30).await;
    assert_eq!(town.listed().await.len(), 570);
}

/// What is learned is kept from request to request: a provider that asks to wait at every second one is
/// not asked the same for ever.
#[rstest]
#[tokio::test]
async fn a_provider_that_throttles_all_along_is_asked_to_the_end(#[values(1, 5, 12)] most: usize) {
    let asked_so_far = AtomicUsize::new(0);
    let vendor = Vendor::of(texts(600)).refuses(move |asked| {
        match asked_so_far.fetch_add(1, Ordering::SeqCst) % 2 {
            1 => Some((429, "{\"retry-after\":60}")),
            _ => (asked.keys > most).then_some((400, "no")),
        }
    });
    let town = Town::begun(vendor, r#","confirm":"in","confirm_keys":100"#).await;
    let questions = town.removes(30).await;
    assert!(questions < 400, "{questions}");
}

/// A provider that shows what is gone when it is asked for by key is told.
#[rstest]
#[tokio::test]
async fn keys_that_are_gone_and_still_shown_by_key_are_told(#[values(true, false)] shows: bool) {
    let town = Town::begun(Vendor::of(texts(600)), r#","confirm":"or""#).await;
    let gone: Vec<String> = town.vendor.remove(3);
    town.day().await;
    assert_eq!(town.listed().await.len(), 597);
    if shows {
        town.vendor
            .closed
            .lock()
            .unwrap()
            .extend(gone.iter().cloned());
    }
    town.vendor.remove(2);
    let hand = Hand::begin(&town.env, town.run(), "test").await;
    let scanned = hand.scan_whole(None).await.unwrap();
    let compared = compare::run(&town.env, hand.compare(&scanned))
        .await
        .unwrap();
    assert_eq!(compared.outcome, compare::Outcome::Confirm);
    let told = confirm::run(&town.env, hand.confirm(&compared.comparison, None))
        .await
        .unwrap();
    let (told, _) = town
        .objects
        .read_json::<serde_json::Value>(&told.confirmation)
        .await
        .unwrap()
        .unwrap();
    let expected = if shows { 3 } else { 0 };
    assert_eq!(told["negatives_shown"].as_array().unwrap().len(), expected);
    assert_eq!(told["told"]["shows_gone"].as_bool().unwrap_or(false), shows);
    assert_eq!(told["told"]["restored"], 0);
}

/// A scan that lost its last rows, and answers about keys that lose the second half of theirs, just where
/// those rows stand, behind all controls.
#[rstest]
#[tokio::test]
async fn half_answers_are_seen_whatever_their_order(
    #[values(1, 4, 8, 9, 16, 17, 30, 60)] lost: usize,
    #[values(9, 25, 100)] most: usize,
    #[values("in", "or")] words: &str,
) {
    let mut vendor = Vendor::of(texts(600));
    vendor.halves = true;
    let settings = format!(r#","confirm":"{words}","confirm_keys":{most}"#);
    let town = Town::begun(vendor, &settings).await;
    let last = texts(600).split_off(600 - lost);
    town.vendor.hidden.lock().unwrap().extend(last);
    town.day().await;
    assert_eq!(town.listed().await.len(), 600);
}

/// A provider that breaks behind many answers: they are kept, and the next task goes on behind them.
#[tokio::test]
async fn answers_before_an_error_are_kept() {
    let asked_so_far = AtomicUsize::new(0);
    let vendor = Vendor::of(texts(600)).refuses(move |asked| {
        match asked_so_far.fetch_add(1, Ordering::SeqCst) {
            60..75 => Some((500, "no")),
            _ => (asked.keys > 1).then_some((400, "no")),
        }
    });
    let town = Town::begun(vendor, r#","confirm":"or","confirm_keys":9"#).await;
    let questions = town.removes(40).await;
    assert!(questions < 220, "{questions}");
}

/// R1: rows that are new slipped past a scan by links. They have changed since the list was proved, so they
/// are asked for and listed the same day; where the vendor does not know when rows changed, nothing fails.
#[rstest]
#[tokio::test]
async fn what_slipped_past_a_scan_is_asked_for(#[values(true, false)] knows: bool) {
    let town = Town::begun(Vendor::of(texts(600)), r#","confirm":"or""#).await;
    let new = [r#""new1""#, r#""new2""#].map(str::to_owned);
    town.vendor.rows.lock().unwrap().extend(new.clone());
    town.vendor.hidden.lock().unwrap().extend(new.clone());
    let changed = knows.then(|| new.iter().cloned().chain(texts(9)).collect());
    *town.vendor.changed.lock().unwrap() = changed;
    town.vendor.asked.lock().unwrap().clear();
    town.day().await;
    let expected = if knows { 602 } else { 600 };
    assert_eq!(town.listed().await.len(), expected);
    let asked = town.vendor.asked.lock().unwrap().clone();
    let asked: Vec<&String> = asked.iter().filter(|url| url.contains(CHANGED)).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    // Since the first list was proved, less an hour.
    assert!(decoded(asked[0]).contains("ModificationTimestamp ge 2026-11-21T03:00:00Z"));
}
