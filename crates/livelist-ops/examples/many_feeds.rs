//! Writes an installation with many feeds that have a month behind them, for the tests of the page:
//! `many_feeds DIR FEEDS` makes `DIR/registry` and `DIR/data`. Everything is in the store's own form:
//! registry documents that pass their check, lists and deltas that are what their heads say, histories,
//! records of held and failed runs, what sites said. The same number gives the same feeds.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of tests"
)]

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use livelist_model::codec::{Effort, ListSummary, ListWriter};
use livelist_model::decision::{Comparison, Confirmed, HeldReason};
use livelist_model::delta::{DeltaWriter, Sign};
use livelist_model::evidence::{EndSign, Paging, ScanEvidence};
use livelist_model::head::{ConfirmedBy, DeltaRef, Head, Held, ObjectRef, whole_seconds};
use livelist_model::history::{History, Past, REMEMBERED};
use livelist_model::layout;
use livelist_model::record::{Failure, RunRecord, RunResult, RunState, Traffic};
use livelist_model::registry::{AnyProvider, Mls, Pair, parse_client, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_store::directory::DirectoryObjects;
use livelist_store::{Clock, Condition, Objects, ObjectsExt, Retention, SystemClock};
use serde_json::json;

const FEEDS_PER_MLS: usize = 10;
const PROVIDERS: [&str; 4] = ["trestle", "bridge", "paragon", "trestle"];
const KINDS: [&str; 5] = ["Residential", "Land", "Commercial", "Farm", "Lease"];
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What becomes of the feed with this number today.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Fine,
    Held,
    Failed,
    Delayed,
    Running,
}

fn fate(n: usize) -> Fate {
    match n % 97 {
        13 => Fate::Held,
        29 => Fate::Failed,
        41 => Fate::Delayed,
        67 => Fate::Running,
        _ => Fate::Fine,
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap();
    let feeds: usize = arguments.next().unwrap().parse().unwrap();
    let dir = Path::new(&dir);
    let (registry, data) = (dir.join("registry"), dir.join("data"));
    for folder in ["mls", "clients"] {
        std::fs::create_dir_all(registry.join(folder)).unwrap();
    }
    let objects = DirectoryObjects::open(&data).unwrap();
    let now = whole_seconds(SystemClock.now());
    let names = feeds.div_ceil(FEEDS_PER_MLS);
    for m in 0..names {
        let (mls, pairs) = documents(m, &registry, (feeds - m * FEEDS_PER_MLS).min(FEEDS_PER_MLS));
        for (k, pair) in pairs.iter().enumerate() {
            let spec = FeedSpec::resolve(&mls, pair);
            Month {
                objects: &objects,
                n: m * FEEDS_PER_MLS + k,
                now,
                spec,
            }
            .write()
            .await;
        }
    }
    println!("{feeds} feeds of {names} MLSs");
}

/// The documents of an MLS and of the client that has all its feeds.
fn documents(m: usize, registry: &Path, feeds: usize) -> (Mls, Vec<Pair>) {
    let name = format!("mls{m:03}");
    let provider = PROVIDERS[m % PROVIDERS.len()];
    let mut document = json!({
        "mls": name, "provider": provider, "credential": format!("env:MLS{m:03}"),
        "base_url": format!("https://{name}.example.com/odata"), "enabled": m % 61 != 60,
    });
    if provider == "bridge" {
        document["dataset"] = json!(name);
    }
    if provider == "paragon" {
        document["token_url"] = json!(format!("https://{name}.example.com/token"));
    }
    let file = format!("mls/{name}.json");
    let text = serde_json::to_vec_pretty(&document).unwrap();
    let mls = parse_mls(&file, &text, &AnyProvider).unwrap();
    std::fs::write(registry.join(&file), text).unwrap();
    let pairs: Vec<_> = (0..feeds)
        .map(|k| {
            let kind = KINDS[k % KINDS.len()];
            let resource = if k < KINDS.len() { "Property" } else { "Media" };
            json!({"mls": name, "resource": resource, "filter": format!("PropertyType eq '{kind}'")})
        })
        .collect();
    let client = format!("broker{m:03}");
    let document =
        json!({"client": client, "site": format!("https://{client}.example"), "pairs": pairs});
    let file = format!("clients/{client}.json");
    let text = serde_json::to_vec_pretty(&document).unwrap();
    let client = parse_client(&file, &text).unwrap();
    std::fs::write(registry.join(&file), text).unwrap();
    (mls, client.pairs)
}

/// One feed, and the month behind it.
struct Month<'a> {
    objects: &'a DirectoryObjects,
    n: usize,
    now: Timestamp,
    spec: FeedSpec,
}

impl Month<'_> {
    /// Keys of the list on a day, the last one being `REMEMBERED - 1`.
    fn live(&self, day: usize) -> u64 {
        let base = 80 + (self.n * 7919 % 400) as u64;
        base + ((self.n + day * 13) % 23) as u64 + (day * (self.n % 3)) as u64
    }

    /// When the run of a day began: the last one a few hours ago.
    fn began(&self, day: usize) -> Timestamp {
        let back = i32::try_from(REMEMBERED - 1 - day).unwrap();
        let lag = if fate(self.n) == Fate::Delayed { 2 } else { 0 };
        let minutes = i64::try_from(60 + self.n * 37 % 1_200).unwrap();
        self.now - DAY * (back + lag) - SignedDuration::from_mins(minutes)
    }

    fn run(&self, day: usize) -> RunSpec {
        let date = self.began(day).to_zoned(jiff::tz::TimeZone::UTC).date();
        RunSpec::of(date, self.spec.clone())
    }

    async fn put(&self, key: &str, bytes: Vec<u8>) -> ObjectRef {
        let (always, keep) = (Condition::Always, Retention::Keep);
        let stored = ObjectRef {
            object: key.to_owned(),
            bytes: bytes.len() as u64,
        };
        self.objects
            .put(key, bytes.into(), always, keep)
            .await
            .unwrap();
        stored
    }

    async fn json<T: serde::Serialize + Sync>(&self, key: &str, document: &T) {
        let (always, keep) = (Condition::Always, Retention::Keep);
        self.objects
            .write_json(key, document, always, keep)
            .await
            .unwrap();
    }

    async fn write(&self) {
        let last = REMEMBERED - 1;
        let fate = fate(self.n);
        // A result that waits, and a run that failed or goes on, leave the list of the day before.
        let published = match fate {
            Fate::Fine | Fate::Delayed => last,
            Fate::Held | Fate::Failed | Fate::Running => last - 1,
        };
        let head = self.head(published).await;
        self.json(&layout::head(&self.spec.feed), &head).await;
        let mut history = History::new(self.spec.feed.clone());
        for day in 0..REMEMBERED {
            let mut past = Past {
                run: self.run(day).run,
                state: RunState::Published,
                started_at: self.began(day),
                finished_at: self.began(day) + self.took(),
                live: Some(self.live(day)),
                added: self
                    .live(day)
                    .saturating_sub(self.live(day.saturating_sub(1))),
                removed: self
                    .live(day.saturating_sub(1))
                    .saturating_sub(self.live(day)),
                confirmed: 0,
                counted: None,
                absent: None,
                why: None,
                traffic: traffic(),
            };
            if day > published {
                let Some(record) = self.today(fate, &head).await else {
                    break;
                };
                past = Past::of(&record).unwrap();
            }
            history.note(past);
        }
        self.json(&layout::history(&self.spec.feed), &history).await;
        if self.n % 5 != 4 {
            let client = format!("broker{:03}", self.n / FEEDS_PER_MLS)
                .parse()
                .unwrap();
            let ack = json!({"at": self.began(published) + SignedDuration::from_mins(20),
                "version": head.version, "local_total": head.count, "missing": 0, "removed": 0});
            self.json(&layout::ack(&self.spec.feed, &client), &ack)
                .await;
        }
    }

    fn took(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(20 + self.n * 31 % 1_700).unwrap())
    }

    async fn head(&self, day: usize) -> Head {
        let (feed, run) = (&self.spec.feed, self.run(day).run);
        let (before, live) = (self.live(day - 1), self.live(day));
        let sequence = day as u64 + 1;
        let at = self.began(day) + self.took();
        let (bytes, list) = list(live);
        let full = layout::snapshot(feed, sequence, &list.sha256);
        let full = self.put(&full, bytes).await;
        let mut delta = DeltaWriter::new(Vec::new());
        for n in before.min(live)..before.max(live) {
            let sign = if live > before {
                Sign::Added
            } else {
                Sign::Removed
            };
            delta.push(sign, key(n).as_bytes()).unwrap();
        }
        let (bytes, summary) = delta.finish().unwrap();
        let name = layout::delta(feed, sequence - 1, sequence, &summary.text.sha256);
        let stored = self.put(&name, bytes).await;
        let version = Head::version_of(at, sequence);
        let former = self.began(day - 1) + self.took();
        Head {
            schema: Head::SCHEMA,
            feed: feed.clone(),
            sequence,
            epoch: String::new(),
            as_of: self.began(day),
            complete: true,
            count: live,
            previous_count: Some(before),
            key_field: self.spec.key_field.clone(),
            order: "bytewise".to_owned(),
            sha256: list.sha256,
            full,
            deltas: vec![DeltaRef {
                from: Head::version_of(former, sequence - 1),
                to: version.clone(),
                added: summary.added,
                removed: summary.removed,
                sha256: summary.text.sha256,
                published_at: Some(whole_seconds(at)),
                run: Some(run.clone()),
                confirmed: (summary.removed > 0).then_some(ConfirmedBy::Key),
                stored,
            }],
            version,
            run: run.clone(),
            published_at: at,
            checked_run: run,
            gone: None,
            checked_at: None,
            next_expected_at: Some(self.began(day) + DAY),
        }
    }

    /// Today's run where it is not published; nothing for one that goes on.
    async fn today(&self, fate: Fate, head: &Head) -> Option<RunRecord> {
        let day = REMEMBERED - 1;
        let run = self.run(day);
        let mut record = RunRecord::started(run.clone(), self.began(day));
        record.traffic = traffic();
        match fate {
            Fate::Running => {}
            Fate::Failed => {
                record.state = RunState::Failed;
                record.error = Some(Failure {
                    name: "AccessDenied".to_owned(),
                    message: "the provider refused the request: 403".to_owned(),
                    advice: "Ask the MLS whether the account is still allowed to read this."
                        .to_owned(),
                    step: Some("scan".to_owned()),
                });
            }
            Fate::Fine | Fate::Delayed | Fate::Held => {
                let gone = head.count / 3;
                record.state = RunState::Held;
                record.held_reason = Some(HeldReason::MassRemoval);
                record.result = Some(RunResult {
                    version: Some(head.version.clone()),
                    sequence: head.sequence,
                    count: head.count,
                    added: 0,
                    removed: 0,
                });
                record.comparison = Some(self.comparison(head.count, gone));
                record.confirmed = Some(Confirmed {
                    asked: gone,
                    restored: 0,
                    controls_found: true,
                    fresh: gone,
                    ..Confirmed::default()
                });
                let held = Held {
                    run: run.run.clone(),
                    reason: HeldReason::MassRemoval,
                    at: self.began(day) + self.took(),
                    head_version: Some(head.version.clone()),
                    removals: None,
                    began: None,
                };
                self.json(&layout::held(&self.spec.feed), &held).await;
            }
        }
        if record.state != RunState::Running {
            record.finished_at = Some(self.began(day) + self.took());
        }
        let key = layout::run_record(&self.spec.feed, &run.run);
        self.json(&key, &record).await;
        (record.state != RunState::Running).then_some(record)
    }

    fn comparison(&self, former: u64, gone: u64) -> Comparison {
        let day = REMEMBERED - 1;
        let live = former - gone;
        let scan = ScanEvidence {
            end: Some(EndSign::EmptyPage),
            ended_at: Some(self.began(day) + SignedDuration::from_secs(9)),
            pages: 2,
            rows: live,
            count_before: Some(live),
            count_after: Some(live),
            ..ScanEvidence::begin(Paging::Keyset, self.began(day))
        };
        Comparison {
            former: Some(former),
            live,
            added: 0,
            absent: gone,
            distinct: vec![live, live],
            scans: vec![scan.clone(), scan],
            looked: None,
            lately: Default::default(),
        }
    }
}

fn traffic() -> Traffic {
    Traffic {
        requests: 6,
        retries: 0,
        throttled: 0,
        bytes: 82_064,
    }
}

fn key(n: u64) -> String {
    format!("{}", 100_000_000 + n * 7)
}

fn list(count: u64) -> (Vec<u8>, ListSummary) {
    let mut list = ListWriter::new(Vec::new(), Effort::Stored);
    for n in 0..count {
        list.push(key(n).as_bytes()).unwrap();
    }
    list.finish().unwrap()
}
