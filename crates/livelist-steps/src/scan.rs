//! `scan`: reads pages of live keys until the provider's end or until the task's time is over, and
//! stores a checkpoint for the next task. Each task leaves its keys as sorted parts. Memory is
//! bounded by the size of one part.

use std::time::Duration;

use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::Head;
use livelist_model::instant::believed;
use livelist_model::keys::KeyBuffer;
use livelist_model::layout;
use livelist_model::run::RunSpec;
use livelist_reso::dialect::Dialect;
use livelist_reso::scan::Stage;
use livelist_reso::{Client, ClientError, ScanState, Step};
use livelist_store::{ObjectsExt, StoreError};
use serde::{Deserialize, Serialize};

use crate::authorize::wait_seconds;
use crate::env::patience;
use crate::progress::{Progress, load, note_lost, save};
use crate::{Env, StepError, budget, endpoint, late, looks, marks, parts, watch};

/// The step's name.
pub const NAME: &str = "scan";

/// The step's input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// The token, sealed for this run.
    pub token: String,
    /// The progress document; `None` at the beginning.
    pub progress: Option<String>,
}

/// The step's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The result.
    pub outcome: Outcome,
    /// Seconds to wait before going on, when throttled.
    pub wait_seconds: u64,
    /// The progress document.
    pub progress: String,
    /// Which scan of the run this is, from 1.
    pub scan: usize,
    /// Pages read in it so far.
    pub pages: u64,
    /// Rows read in it so far.
    pub rows: u64,
    /// How many rows the provider counted before it, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// The result of a scan task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is more to read.
    More,
    /// The scan has ended.
    Done,
    /// The provider asks to wait.
    Throttled,
    /// The token is not accepted any more.
    Unauthorized,
}

/// The checkpoint of an earlier task; `None` if another version wrote it, whose format may be unknown.
async fn former(env: &Env, run: &RunSpec, key: &str) -> Result<Option<Progress>, StepError> {
    let written = load::<serde_json::Value>(&*env.objects, run, key).await?;
    if written["scan"]["version"] != ScanState::VERSION {
        tracing::warn!(run = %run.run, "the scan's checkpoint is of another version; the scan begins anew");
        return Ok(None);
    }
    let progress = serde_json::from_value(written).map_err(|e| StoreError::Corrupt {
        key: key.to_owned(),
        reason: e.to_string(),
    })?;
    Ok(Some(progress))
}

/// Reads on.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    let Input {
        run,
        owner,
        token,
        progress,
    } = input;
    env.renew(&run, &owner, Duration::ZERO).await?;
    let session = endpoint::open(env, &run, &token).await?;
    let former = match progress {
        Some(key) => former(env, &run, &key).await?,
        None => None,
    };
    let mut progress = match former {
        Some(former) => former,
        None => {
            let head = layout::head(&run.feed.feed);
            let head = env.objects.read_json::<Head>(&head).await?;
            let head = head.as_ref().map(|(head, _)| head);
            Progress::begin(&run, head, env.clock.now())?
        }
    };
    let pace = env.pace();
    let limits = Dialect::for_feed(&run.feed)?.limits_of(&run.feed);
    let ledger = budget::ledger(env, &run, &limits).await?;
    let client = Client::new(&*env.transport, &pace, &run.feed, &session, ledger)?;
    let client = client.admitted(progress.admission.clone());
    let mut client = client.until(env.limits.deadline(env.clock.now()));
    if !progress.scan.alone {
        client = client.reading_ahead();
    }
    let is_guided = client.at_once() > 1 && client.dialect().scan.is_by_order();
    let former_marks = match is_guided {
        true => marks::read(&*env.objects, &run.feed.feed).await,
        false => Vec::new(),
    };
    let form = client.dialect().scan;
    progress.scan.follow(form, former_marks.clone());
    let mut keys = KeyBuffer::default();
    let before = place(&progress);
    let began = progress.pages();
    let first = progress.finished.last().map(|first| first.started_at);
    let first = first.filter(|_| progress.scan.stage == Stage::CountBefore);
    let lag = client.dialect().lag;
    let read = match first.and_then(|first| too_early(first, lag, env.clock.now())) {
        Some(wait) => Ok((Outcome::Throttled, wait)),
        None => read_on(env, &run, &mut client, &mut progress, &mut keys).await,
    };
    let accounted = budget::keep(env, &run, &mut client).await;
    let (outcome, wait) = match read.and_then(|read| accounted.map(|()| read)) {
        Ok(read) => read,
        Err(error) => {
            let pages = progress.pages();
            if !progress.stumbles.hand_on(&error, began, pages) {
                // Keys that were seen are live, whatever happens to the run.
                keys.sort_unique();
                if let Err(error) = looks::sight(env, &run, &keys).await {
                    tracing::warn!(run = %run.run, error = error.chain(), "the keys that were seen could not be recorded");
                }
                note_lost(env, &run, progress.traffic, client.traffic()).await;
                return Err(error.asked_for(|| request(&progress)));
            }
            tracing::warn!(
                run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
                error = error.chain(), "a request failed; what was read is kept"
            );
            (Outcome::More, Duration::ZERO)
        }
    };
    progress.admission = client.admission();
    parts::write(env, &run, &mut progress, &mut keys).await?;
    if is_guided && outcome == Outcome::Done && progress.scan.marks.places != former_marks {
        marks::note(&*env.objects, &run.feed.feed, &progress.scan.marks.places).await;
    }
    let is_stalled = outcome == Outcome::Throttled && place(&progress) == before;
    progress.stalled = if is_stalled { progress.stalled + 1 } else { 0 };
    let wait = wait.max(patience(progress.stalled));
    progress.traffic.add(client.traffic());
    env.renew(&run, &owner, wait).await?;
    let output = Output {
        outcome,
        wait_seconds: wait_seconds(wait),
        progress: save(&*env.objects, &run, "scan", &progress).await?,
        scan: progress.finished.len() + 1,
        pages: progress.scan.evidence.pages,
        rows: progress.scan.evidence.rows,
        count: progress.scan.evidence.count_before,
    };
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, outcome = ?output.outcome,
        pages = output.pages, rows = output.rows, "scanned"
    );
    Ok(output)
}

/// How long a second scan has to wait if answers come from a cache as old as `lag`: a key that was live
/// when the first scan began has to be visible in the second, which is its confirmation. If the clock was
/// ahead when the first scan began, that does not prolong the wait.
fn too_early(first: jiff::Timestamp, lag: Duration, now: jiff::Timestamp) -> Option<Duration> {
    let earliest = believed(first, now).saturating_add(lag).ok()?;
    let wait = Duration::try_from(earliest.duration_since(now)).ok()?;
    let wait = wait.min(lag);
    (!wait.is_zero()).then_some(wait)
}

async fn read_on(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
    progress: &mut Progress,
    keys: &mut KeyBuffer,
) -> Result<(Outcome, Duration), StepError> {
    let begun = env.clock.now();
    let host = watch::host(run);
    let mut asked = 0;
    loop {
        let stepped = progress.scan.step(client, keys).await;
        if let Some(heard) = client.heard() {
            env.watch
                .hear(&*env.clock, &host, heard, &mut progress.clock);
        }
        match stepped {
            Ok(Step::Done) => {
                let outcome = match late::look(env, run, client, progress).await? {
                    // This question is worth a new token if a new one is possible, because others follow.
                    Some(ClientError::Unauthorized) if !client.admission().is_over() => {
                        Outcome::Unauthorized
                    }
                    _ => Outcome::Done,
                };
                return Ok((outcome, Duration::ZERO));
            }
            Ok(Step::More) => {}
            Err(ClientError::Throttled(wait)) => return Ok((Outcome::Throttled, wait)),
            // The next task has time for it.
            Err(ClientError::OutOfTime) if asked > 0 => {
                return Ok((Outcome::More, Duration::ZERO));
            }
            Err(ClientError::Unauthorized) if !is_off(Guard::TokenRefresh) => {
                return match client.admission().is_over() {
                    true => Err(StepError::TokenRefused),
                    false => Ok((Outcome::Unauthorized, Duration::ZERO)),
                };
            }
            Err(error) => return Err(error.into()),
        }
        if budget::is_due(client) {
            budget::keep(env, run, client).await?;
        }
        if keys.bytes() >= env.limits.part_bytes {
            parts::write(env, run, progress, keys).await?;
        }
        asked += 1;
        if env.limits.is_spent(begun, env.clock.now(), asked) {
            return Ok((Outcome::More, Duration::ZERO));
        }
    }
}

/// Identifies the next request, to see whether a token was refused at it before.
fn place(progress: &Progress) -> String {
    let scan = &progress.scan;
    format!(
        "{}/{:?}/{}",
        progress.finished.len(),
        scan.stage,
        scan.evidence.pages
    )
}

/// Names the request that is next, for people.
fn request(progress: &Progress) -> String {
    let scan = &progress.scan;
    let nth = match progress.finished.len() {
        0 => String::new(),
        _ => " of the second scan".to_owned(),
    };
    match scan.stage {
        Stage::CountBefore => format!("the count before the pages{nth}"),
        Stage::CountAfter => format!("the count behind the pages{nth}"),
        Stage::Proof | Stage::Done => format!("the question behind the last row{nth}"),
        Stage::Pages => format!("page {}{nth}", scan.evidence.pages.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_scan_waits_for_the_cache_and_for_no_clock() {
        let now: jiff::Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let wait = |first: i64, lag| {
            let first = now + jiff::SignedDuration::from_mins(first);
            too_early(first, lag, now)
        };
        assert_eq!(wait(-5, minutes(20)), Some(minutes(15)));
        assert_eq!(wait(-20, minutes(20)), None);
        assert_eq!(wait(3, minutes(20)), Some(minutes(20)));
        assert_eq!(wait(3, Duration::ZERO), None);
        for years in [1, 10] {
            let ahead = years * 365 * 24 * 60;
            assert_eq!(wait(ahead, minutes(20)), Some(minutes(20)));
            assert_eq!(wait(ahead, Duration::ZERO), None);
        }
    }
}
