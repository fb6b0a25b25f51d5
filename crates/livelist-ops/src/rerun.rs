//! Running a feed again, with the registry as it is now: a new attempt of the day, started where runs
//! are started.

use jiff::Timestamp;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::run::RunSpec;
use livelist_model::{FeedId, RunId, layout};
use livelist_steps::start::ExecutionInput;
use livelist_store::{Executions, Objects, ObjectsExt, Start, StoreError};
use serde::Serialize;

use crate::{OpsError, feeds};

/// A run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rerun {
    /// The run.
    pub run: RunId,
    /// Whether it was started by this; else somebody was faster.
    pub started: bool,
}

/// The next attempt of today's run of `feed`.
///
/// # Errors
/// The registry has no such feed, it is disabled, a run of it is under way, or the store cannot be
/// used now.
pub async fn prepare(
    objects: &dyn Objects,
    feed: &FeedId,
    now: Timestamp,
) -> Result<RunSpec, OpsError> {
    let mut wanted = feeds::read(objects).await?;
    let known = wanted.feeds.remove(feed);
    let known = known.ok_or_else(|| OpsError::unknown_feed(feed.as_str()))?;
    if let Some(why) = known.disabled {
        return Err(OpsError::Invalid(format!(
            "{feed} is not reconciled: {why}"
        )));
    }
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let run = RunSpec::of(today, known.spec);
    match next_attempt(objects, run).await? {
        (run, true) => Err(OpsError::UnderWay(run.run.to_string())),
        (run, false) => Ok(run),
    }
}

/// The first attempt of `run` that has not ended, and whether it has begun.
///
/// # Errors
/// The store cannot be used now.
pub async fn next_attempt(
    objects: &dyn Objects,
    run: RunSpec,
) -> Result<(RunSpec, bool), StoreError> {
    for nth in 0.. {
        let id = run.run.attempt(nth);
        let key = layout::run_record(&run.feed.feed, &id);
        match objects.read_json::<RunRecord>(&key).await? {
            Some((record, _)) if record.state != RunState::Running => {}
            begun => return Ok((RunSpec { run: id, ..run }, begun.is_some())),
        }
    }
    Ok((run, false))
}

/// Starts the next attempt of today's run of `feed`.
///
/// # Errors
/// As [`prepare`], and when runs cannot be started now.
pub async fn rerun(
    objects: &dyn Objects,
    executions: &dyn Executions,
    feed: &FeedId,
    now: Timestamp,
    by: &str,
) -> Result<Rerun, OpsError> {
    let run = prepare(objects, feed, now).await?;
    let id = run.run.clone();
    let mls = run.feed.mls.clone();
    let input =
        serde_json::to_string(&ExecutionInput { run, nth: 0 }).map_err(|_| OpsError::Internal)?;
    let start = executions.start(&id.execution(0), input).await?;
    tracing::warn!(by, run = %id, feed = %feed, mls = %mls, ?start, "run again");
    Ok(Rerun {
        run: id,
        started: start == Start::Started,
    })
}
