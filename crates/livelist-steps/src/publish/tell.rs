//! Records the result of a run: `run.json`, and the note of a held result.

use livelist_model::decision::HeldReason;
use livelist_model::head::{Head, Held};
use livelist_model::layout;
use livelist_model::record::{Resume, RunRecord, RunResult, RunState, Traffic};
use livelist_store::{Condition, ObjectsExt, Retention};

use super::{Outcome, Output, Work, notify};
use crate::{Env, StepError};

/// Records that the result waits.
pub(super) async fn hold_back(
    env: &Env,
    work: &Work<'_>,
    head: Option<&Head>,
    reason: HeldReason,
    resume: Resume,
) -> Result<Output, StepError> {
    let held = Held {
        run: work.run.run.clone(),
        reason,
        at: env.clock.now(),
        head_version: head.map(|h| h.version.clone()),
        began: work.compared.facts.scans.last().map(|s| s.started_at),
        removals: work.told.and_then(|t| t.gone.clone()),
    };
    let key = layout::held(&work.run.feed.feed);
    env.objects
        .write_json(&key, &held, Condition::Always, Retention::Keep)
        .await?;
    if let Some(head) = head {
        notify::changed(env, head).await?;
    }
    notify::held(env, &work.run.feed.feed, &held, head).await?;
    let output = Output {
        held_reason: Some(reason),
        advice: Some(reason.advice().to_owned()),
        ..work.output(Outcome::Held, head, changes(work, head))
    };
    finish(env, work, &output, Some(resume)).await?;
    tracing::warn!(
        run = %work.run.run, feed = %work.run.feed.feed, mls = %work.run.feed.mls,
        reason = reason.as_str(), "held"
    );
    Ok(output)
}

/// What a held run changed: the new keys that it saw are listed.
fn changes(work: &Work<'_>, head: Option<&Head>) -> (u64, u64) {
    match head {
        Some(head) if head.run == work.run.run => head.newest_change(),
        _ => (0, 0),
    }
}

/// Closes the run's record.
pub(super) async fn finish(
    env: &Env,
    work: &Work<'_>,
    output: &Output,
    resume: Option<Resume>,
) -> Result<(), StepError> {
    let key = layout::run_record(&work.run.feed.feed, &work.run.run);
    let now = env.clock.now();
    let started = env.objects.read_json::<RunRecord>(&key).await?;
    let started = started.map(|(record, _)| record);
    let started_at = started.as_ref().map_or(now, |record| record.started_at);
    let lost = started
        .as_ref()
        .map_or_else(Traffic::default, |record| record.lost);
    let restored_before = started.map_or(0, |record| record.restored_before);
    let mut traffic = work.compared.traffic;
    if let Some(told) = work.told {
        traffic.add(told.traffic);
    }
    traffic.add(lost);
    let record = RunRecord {
        state: match output.outcome {
            Outcome::Published => RunState::Published,
            Outcome::Unchanged => RunState::Unchanged,
            Outcome::Held => RunState::Held,
            Outcome::Stale => RunState::Running,
        },
        finished_at: Some(now),
        comparison: Some(work.compared.facts.clone()),
        confirmed: work.told.and_then(|t| t.told),
        result: Some(RunResult {
            version: output.version.clone(),
            sequence: output.sequence,
            count: output.count,
            added: output.added,
            removed: output.removed,
        }),
        held_reason: output.held_reason,
        traffic,
        lost,
        restored_before,
        resume,
        ..RunRecord::started(work.run.clone(), started_at)
    };
    env.objects
        .write_json(&key, &record, Condition::Always, Retention::Scratch)
        .await?;
    Ok(())
}
