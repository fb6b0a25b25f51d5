//! The status as it is sent: of a month of runs, a reader needs the numbers of each and the names and
//! times of the newest only. With thousands of feeds the rest is most of the answer.

use jiff::{SignedDuration, Timestamp};
use livelist_model::record::RunState;
use livelist_model::registry::{CredentialRef, Provider};
use livelist_model::{FeedId, MlsId, ResourceName, RunId};
use serde::{Serialize, Serializer};

use crate::status::{ClientStatus, Day, FeedState, FeedStatus, LastRun, Status};

/// Runs that began in this time have their names and times.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

/// How all feeds stand.
#[derive(Serialize)]
pub(super) struct Short<'a> {
    at: Timestamp,
    #[serde(serialize_with = "feeds")]
    feeds: (&'a [FeedStatus], Timestamp),
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    findings: &'a [String],
}

impl<'a> Short<'a> {
    pub(super) fn of(status: &'a Status) -> Short<'a> {
        // By the newest run and not by the clock: the same runs make the same text.
        let runs = status.feeds.iter().flat_map(|feed| feed.history.last());
        let newest = runs.map(|day| day.started_at).max();
        Short {
            at: status.at,
            feeds: (&status.feeds, newest.unwrap_or(status.at)),
            findings: &status.findings,
        }
    }
}

fn feeds<S: Serializer>(
    (feeds, newest): &(&[FeedStatus], Timestamp),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(feeds.iter().map(|feed| ShortFeed::of(feed, *newest)))
}

#[derive(Serialize)]
struct ShortFeed<'a> {
    feed: &'a FeedId,
    mls: &'a MlsId,
    provider: &'a Provider,
    resource: &'a ResourceName,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: &'a Option<String>,
    credential: &'a CredentialRef,
    state: FeedState,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_ack_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: &'a Option<LastRun>,
    clients: &'a [ClientStatus],
    history: Vec<ShortDay<'a>>,
}

impl<'a> ShortFeed<'a> {
    /// Names every field, so that a new one is not forgotten here.
    fn of(feed: &'a FeedStatus, newest: Timestamp) -> ShortFeed<'a> {
        let FeedStatus {
            feed,
            mls,
            provider,
            resource,
            filter,
            credential,
            state,
            why,
            advice,
            live,
            change,
            added,
            removed,
            version,
            as_of,
            published_at,
            age_seconds,
            next_run_at,
            last_ack_at,
            last_run,
            clients,
            history,
        } = feed;
        ShortFeed {
            feed,
            mls,
            provider,
            resource,
            filter,
            credential,
            state: *state,
            why,
            advice,
            live: *live,
            change: *change,
            added: *added,
            removed: *removed,
            version,
            as_of: *as_of,
            published_at: *published_at,
            age_seconds: *age_seconds,
            next_run_at: *next_run_at,
            last_ack_at: *last_ack_at,
            last_run,
            clients,
            history: history.iter().map(|day| short(day, newest)).collect(),
        }
    }
}

#[derive(Serialize)]
struct ShortDay<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<jiff::civil::Date>,
    state: RunState,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<u64>,
    added: u64,
    removed: u64,
    #[serde(flatten)]
    recent: Option<Recent<'a>>,
}

#[derive(Serialize)]
struct Recent<'a> {
    run: &'a RunId,
    started_at: Timestamp,
    seconds: f64,
}

fn short(day: &Day, newest: Timestamp) -> ShortDay<'_> {
    let is_recent = newest.duration_since(day.started_at) < RECENT;
    ShortDay {
        day: day.day,
        state: day.state,
        live: day.live,
        added: day.added,
        removed: day.removed,
        recent: is_recent.then_some(Recent {
            run: &day.run,
            started_at: day.started_at,
            seconds: day.seconds,
        }),
    }
}
