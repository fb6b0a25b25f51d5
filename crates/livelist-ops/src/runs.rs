//! Lists runs, those under way and those that ended lately, and reads the record of one.

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use livelist_model::history::{History, Past};
use livelist_model::record::{RunRecord, RunState};
use livelist_model::{FeedId, RunId, layout};
use livelist_steps::history;
use livelist_store::{Objects, ObjectsExt, StoreError};
use serde::Serialize;

use crate::OpsError;
use crate::explain::{RunTold, explain};

/// Feeds that are read at once.
pub(crate) const AT_ONCE: usize = 64;

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunLine {
    /// The run.
    pub run: RunId,
    /// Its feed.
    pub feed: FeedId,
    /// Its state.
    pub state: RunState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Keys of the head after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
    /// Keys that were added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// Keys that were removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
    /// Absent keys that were asked for one by one.
    pub confirmed: u64,
    /// Requests sent to the provider.
    pub requests: u64,
    /// Times the provider asked to wait.
    pub throttled: u64,
    /// The reason why it is held, or the name of its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// For a held run: the newest later run with a look, whose result counts instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<RunId>,
}

impl RunLine {
    fn ended(feed: &FeedId, past: Past) -> RunLine {
        RunLine {
            run: past.run,
            feed: feed.clone(),
            state: past.state,
            started_at: past.started_at,
            finished_at: Some(past.finished_at),
            live: past.live,
            added: past.live.map(|_| past.added),
            removed: past.live.map(|_| past.removed),
            confirmed: past.confirmed,
            requests: past.traffic.requests,
            throttled: past.traffic.throttled,
            why: past.why,
            superseded_by: None,
        }
    }

    fn under_way(record: RunRecord) -> RunLine {
        RunLine {
            run: record.spec.run,
            feed: record.spec.feed.feed,
            state: record.state,
            started_at: record.started_at,
            finished_at: None,
            live: None,
            added: None,
            removed: None,
            confirmed: 0,
            requests: record.traffic.requests,
            throttled: record.traffic.throttled,
            why: None,
            superseded_by: None,
        }
    }
}

/// The runs of one feed, or of all, newest first, at most `most`.
///
/// # Errors
/// The store cannot be used now.
pub async fn list(
    objects: &dyn Objects,
    only: Option<&FeedId>,
    most: usize,
    now: Timestamp,
) -> Result<Vec<RunLine>, OpsError> {
    let feeds: Vec<FeedId> = match only {
        Some(feed) => vec![feed.clone()],
        None => {
            let names = objects.list_names(layout::FEEDS_PREFIX).await?;
            names.iter().filter_map(|name| name.parse().ok()).collect()
        }
    };
    let mut lines: Vec<RunLine> = stream::iter(feeds)
        .map(|feed| async move {
            let history = history::read(objects, &feed).await?;
            let running = under_way(objects, &feed, &history, now).await?;
            let later: Vec<_> = history
                .runs
                .iter()
                .map(|past| superseded(&history, &past.run))
                .collect();
            let later: Vec<_> = later
                .into_iter()
                .map(|by| by.map(|past| past.run.clone()))
                .collect();
            let ended = history.runs.into_iter().zip(later);
            let mut lines: Vec<RunLine> = ended
                .map(|(past, superseded_by)| RunLine {
                    superseded_by,
                    ..RunLine::ended(&feed, past)
                })
                .collect();
            lines.extend(running.map(RunLine::under_way));
            Ok::<_, OpsError>(lines)
        })
        .buffer_unordered(AT_ONCE)
        .try_concat()
        .await?;
    lines.sort_by(|a, b| b.started_at.cmp(&a.started_at).then(b.run.cmp(&a.run)));
    lines.truncate(most);
    Ok(lines)
}

/// The newest run with a look after the held run `run`, if there is one: the newest look counts. A failed
/// or cancelled run has no look.
pub(crate) fn superseded<'a>(history: &'a History, run: &RunId) -> Option<&'a Past> {
    let at = history.runs.iter().position(|past| past.run == *run)?;
    let (held, later) = history.runs.get(at..)?.split_first()?;
    let mut looked = later.iter().rev().filter(|past| !past.state.has_no_look());
    looked.next().filter(|_| held.state == RunState::Held)
}

/// The run, explained; for a held one also whether a later one counts instead.
///
/// # Errors
/// The store is unavailable.
pub async fn told(objects: &dyn Objects, record: &RunRecord) -> Result<RunTold, OpsError> {
    let mut told = explain(record);
    if let Some(held) = &mut told.held
        && record.state == RunState::Held
    {
        let history = history::read(objects, &record.spec.feed.feed).await?;
        let by = superseded(&history, &record.spec.run).map(|past| past.run.clone());
        held.can_be_approved &= by.is_none();
        held.superseded_by = by;
    }
    Ok(told)
}

/// The run of `feed` that began today or yesterday and has not ended. Names of runs are predictable, so
/// nothing has to be listed.
pub(crate) async fn under_way(
    objects: &dyn Objects,
    feed: &FeedId,
    history: &History,
    now: Timestamp,
) -> Result<Option<RunRecord>, OpsError> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for date in [Ok(today), today.yesterday()].into_iter().flatten() {
        let first = RunId::of(date, feed);
        let ended = history.runs.iter();
        let ended = ended.filter(|past| past.run.date() == Some(date)).count();
        let next = first.attempt(u32::try_from(ended).unwrap_or(u32::MAX));
        let key = layout::run_record(feed, &next);
        let record = match objects.read_json::<RunRecord>(&key).await {
            // One that cannot be read says nothing.
            Err(StoreError::Corrupt { .. }) => None,
            read => read?,
        };
        if let Some((record, _)) = record
            && record.state == RunState::Running
        {
            return Ok(Some(record));
        }
        // A run of today that ended well had the credential, so no run of yesterday still has it.
        let had_it = |past: &&Past| past.run.date() == Some(date) && !past.state.has_no_look();
        if history.runs.iter().any(|past| had_it(&past)) {
            break;
        }
    }
    Ok(None)
}

/// The other attempts of the run's day that have ended, in order, so that the whole day can be shown.
///
/// # Errors
/// The store is unavailable.
/// The store cannot be used now.
pub async fn attempts(objects: &dyn Objects, record: &RunRecord) -> Result<Vec<Past>, OpsError> {
    let run = &record.spec.run;
    let history = history::read(objects, &record.spec.feed.feed).await?;
    let of_the_day = |past: &Past| past.run.date() == run.date() && past.run != *run;
    Ok(history.runs.into_iter().filter(of_the_day).collect())
}

/// The record of a run.
///
/// # Errors
/// There is none, or the store cannot be used now.
pub async fn record(objects: &dyn Objects, run: &RunId) -> Result<RunRecord, OpsError> {
    // The feed follows the date; the number of a later attempt may follow it.
    let name = run.as_str().get(11..).unwrap_or_default();
    let first = name
        .rsplit_once("-r")
        .filter(|(_, nth)| !nth.is_empty() && nth.bytes().all(|digit| digit.is_ascii_digit()));
    let names = [first.map(|(feed, _)| feed), Some(name)];
    for name in names.into_iter().flatten() {
        let Ok(feed) = name.parse::<FeedId>() else {
            continue;
        };
        let found = objects.read_json(&layout::run_record(&feed, run)).await?;
        if let Some((record, _)) = found {
            return Ok(record);
        }
    }
    Err(OpsError::unknown_run(run.as_str()))
}
