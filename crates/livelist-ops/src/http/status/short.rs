//! The status in a short form. Of a month of runs, the page needs all numbers, but names and times of
//! the newest run only. With thousands of feeds the rest would be most of the answer.

use jiff::{SignedDuration, Timestamp};
use livelist_model::record::RunState;
use livelist_model::registry::{CredentialRef, Provider};
use livelist_model::{FeedId, MlsId, ResourceName, RunId};
use serde::{Serialize, Serializer};

use crate::copies::CopyStatus;
use crate::progress::RunProgress;
use crate::status::{ClientStatus, Day, FeedState, FeedStatus, LastRun, Status};

/// Runs that began in this time have their names and times.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

/// The state of all feeds. The members after `at` change only with the facts; the reader can compute how
/// old a list is now.
#[derive(Serialize)]
pub(super) struct Short<'a> {
    at: Timestamp,
    #[serde(serialize_with = "feeds")]
    feeds: (&'a [FeedStatus], Timestamp),
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copies: Vec<CopyStatus>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    findings: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    troubles: &'a [String],
}

impl<'a> Short<'a> {
    pub(super) fn of(status: &'a Status) -> Short<'a> {
        // By the newest run and not by the clock: the same runs make the same text.
        let runs = status.feeds.iter().flat_map(|feed| feed.history.last());
        let newest = runs.map(|day| day.started_at).max();
        Short {
            at: status.at,
            feeds: (&status.feeds, newest.unwrap_or(status.at)),
            copies: status.copies.iter().map(without_age).collect(),
            findings: &status.findings,
            troubles: &status.troubles,
        }
    }
}

/// How old a copy is, a reader can reckon.
fn without_age(copy: &CopyStatus) -> CopyStatus {
    CopyStatus {
        lag_seconds: None,
        ..copy.clone()
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<u64>,
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
    next_run_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: &'a Option<RunProgress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_ack_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: &'a Option<LastRun>,
    clients: &'a [ClientStatus],
    days: Days,
    recent: Vec<Recent<'a>>,
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
            paused,
            pause,
            live,
            counted,
            absent: _,
            change,
            added,
            removed,
            version,
            as_of,
            published_at,
            age_seconds: _,
            is_old: _,
            next_run_at,
            next_run_computed: _,
            waits_until,
            progress,
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
            paused: *paused,
            pause,
            live: *live,
            counted: *counted,
            change: *change,
            added: *added,
            removed: *removed,
            version,
            as_of: *as_of,
            published_at: *published_at,
            next_run_at: *next_run_at,
            waits_until: *waits_until,
            progress,
            last_ack_at: *last_ack_at,
            last_run,
            clients,
            days: Days::of(history),
            recent: recent(history, newest),
        }
    }
}

/// The last runs, oldest first: a number and a letter each.
#[derive(Serialize)]
struct Days {
    /// Keys of the list after it; `None` if not known.
    live: Vec<Option<u64>>,
    /// How it ended: the first letter of its state.
    states: String,
}

impl Days {
    fn of(history: &[Day]) -> Days {
        let letter = |day: &Day| day.state.as_str().chars().next();
        Days {
            live: history.iter().map(|day| day.live).collect(),
            states: history.iter().filter_map(letter).collect(),
        }
    }
}

/// A run of the last two days.
#[derive(Serialize)]
struct Recent<'a> {
    run: &'a RunId,
    state: RunState,
    started_at: Timestamp,
    seconds: f64,
}

fn recent(history: &[Day], newest: Timestamp) -> Vec<Recent<'_>> {
    let days = history.iter();
    days.filter(|day| newest.duration_since(day.started_at) < RECENT)
        .map(|day| Recent {
            run: &day.run,
            state: day.state,
            started_at: day.started_at,
            seconds: day.seconds,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_states_of_runs_begin_alike() {
        let states = [
            RunState::Published,
            RunState::Unchanged,
            RunState::Held,
            RunState::Failed,
            RunState::Rejected,
            RunState::Cancelled,
        ];
        let letters: std::collections::BTreeSet<_> =
            states.iter().map(|state| &state.as_str()[..1]).collect();
        assert_eq!(letters.len(), states.len());
    }
}
