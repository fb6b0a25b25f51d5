//! `publish`: makes a proved result the head, by conditional write; or records why it waits. It
//! decides nothing: the comparison and the confirmation have.

use std::time::Duration;

use livelist_model::codec::{CodecError, Effort, KeyStream, ListSummary};
use livelist_model::decision::HeldReason;
use livelist_model::delta::{DeltaSummary, DeltaWriter, Sign};
use livelist_model::head::{DELTA_HISTORY, DeltaRef, Head, Held, ObjectRef, whole_seconds};
use livelist_model::layout;
use livelist_model::merge::{Side, Union, difference};
use livelist_model::record::{Resume, RunRecord, RunResult, RunState};
use livelist_model::run::RunSpec;
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};
use serde::{Deserialize, Serialize};

use crate::compare::{former, union};
use crate::lists::{self, Chunks};
use crate::progress::{Base, Compared, Confirmation, Progress, load};
use crate::{Env, StepError};

/// The step's name.
pub const NAME: &str = "publish";

/// What the step is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// What the comparison found.
    pub comparison: String,
    /// What confirmation told, if it was asked.
    pub confirmation: Option<String>,
    /// Whether an operator said that a held result may be published.
    #[serde(default)]
    pub approved: bool,
}

/// What the step says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What became of it.
    pub outcome: Outcome,
    /// The head's version.
    pub version: Option<String>,
    /// The head's sequence; 0 without a head.
    pub sequence: u64,
    /// The head's keys.
    pub count: u64,
    /// Keys that came.
    pub added: u64,
    /// Keys that went.
    pub removed: u64,
    /// Keys asked for one by one.
    pub confirmed: u64,
    /// Why the result waits.
    pub held_reason: Option<HeldReason>,
    /// What an operator should do about it.
    pub advice: Option<String>,
}

/// What became of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new head.
    Published,
    /// The head was right already.
    Unchanged,
    /// The result waits; the head stays.
    Held,
    /// Another run published or looked meanwhile: compare again.
    Stale,
}

/// Publishes, or holds.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    let Input {
        run,
        owner,
        comparison,
        confirmation,
        approved,
    } = input;
    env.renew(&run, &owner, Duration::ZERO).await?;
    let compared: Compared = load(&*env.objects, &run, &comparison).await?;
    let told: Option<Confirmation> = match &confirmation {
        Some(key) => Some(load(&*env.objects, &run, key).await?),
        None => None,
    };
    let head_key = layout::head(&run.feed.feed);
    let head = env.objects.read_json::<Head>(&head_key).await?;
    let (head, etag) = match head {
        Some((head, etag)) => (Some(head), Some(etag)),
        None => (None, None),
    };
    let work = Work {
        run: &run,
        compared: &compared,
        told: told.as_ref(),
    };
    // A publisher that died after the head was written is repeated: the head says that it is done.
    if let Some(done) = head.as_ref().filter(|h| h.run == run.run) {
        let output = work.output(Outcome::Published, Some(done), done_delta(done));
        finish(env, &work, &output, None).await?;
        return Ok(output);
    }
    // The same after it had found the head right.
    if let (Some(done), Some(base)) = (&head, &compared.base)
        && done.checked_run == run.run
        && base.checked_run != run.run
        && base.version == done.version
    {
        let output = work.output(Outcome::Unchanged, Some(done), (0, 0));
        finish(env, &work, &output, None).await?;
        return Ok(output);
    }
    let mut is_stale = head.as_ref().map(Base::of) != compared.base;
    if approved {
        // A later run that waits as well looked after this one: its look counts.
        let held = env
            .objects
            .read_json::<Held>(&layout::held(&run.feed.feed))
            .await?;
        is_stale |= held.is_none_or(|(held, _)| held.run != run.run);
    }
    if is_stale {
        return Ok(work.output(Outcome::Stale, head.as_ref(), (0, 0)));
    }
    let hold = compared.hold.or(told.as_ref().and_then(|t| t.hold));
    if let Some(reason) = hold
        && !(approved && reason.can_be_approved())
    {
        let resume = Resume {
            comparison,
            confirmation,
        };
        return hold_back(env, &work, head.as_ref(), reason, resume).await;
    }
    let made = make(env, &work, head.as_ref()).await?;
    let now = env.clock.now();
    let condition = etag.map_or(Condition::Absent, Condition::Unchanged);
    let (outcome, new) = match head.clone() {
        Some(head) if made.delta.added == 0 && made.delta.removed == 0 => {
            let checked = Head {
                as_of: work.as_of(),
                checked_run: run.run.clone(),
                next_expected_at: next_day(now),
                ..head
            };
            (Outcome::Unchanged, checked)
        }
        head => (
            Outcome::Published,
            publish(env, &work, head, made.into_stored(), now).await?,
        ),
    };
    let written = env
        .objects
        .write_json(&head_key, &new, condition, Retention::Keep)
        .await;
    match written {
        Ok(_) => {}
        Err(StoreError::ConditionFailed { .. }) => {
            return Ok(work.output(Outcome::Stale, head.as_ref(), (0, 0)));
        }
        Err(error) => return Err(error.into()),
    }
    let changes = if outcome == Outcome::Published {
        done_delta(&new)
    } else {
        (0, 0)
    };
    let output = work.output(outcome, Some(&new), changes);
    finish(env, &work, &output, None).await?;
    clean_up(env, head.as_ref(), &new).await;
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, outcome = ?output.outcome,
        version = output.version, count = output.count, added = output.added,
        removed = output.removed, "published"
    );
    Ok(output)
}

/// What the run knows.
struct Work<'a> {
    run: &'a RunSpec,
    compared: &'a Compared,
    told: Option<&'a Confirmation>,
}

impl Work<'_> {
    /// The snapshot holds all that was live through the last scan: earlier ones only add to it.
    fn as_of(&self) -> jiff::Timestamp {
        let scans = &self.compared.facts.scans;
        whole_seconds(
            scans
                .last()
                .map_or(jiff::Timestamp::UNIX_EPOCH, |s| s.started_at),
        )
    }

    fn output(&self, outcome: Outcome, head: Option<&Head>, changes: (u64, u64)) -> Output {
        Output {
            outcome,
            version: head.map(|h| h.version.clone()),
            sequence: head.map_or(0, |h| h.sequence),
            count: head.map_or(0, |h| h.count),
            added: changes.0,
            removed: changes.1,
            confirmed: self.told.map_or(0, |t| t.asked),
            held_reason: None,
            advice: None,
        }
    }
}

/// What the newest delta of a head changed; a first snapshot only adds.
fn done_delta(head: &Head) -> (u64, u64) {
    match head.deltas.first() {
        Some(delta) if delta.to == head.version => (delta.added, delta.removed),
        _ => (head.count, 0),
    }
}

/// The result, made but not stored.
struct Made {
    snapshot: (Chunks, ListSummary),
    delta: DeltaSummary,
    delta_chunks: Chunks,
}

struct Stored {
    snapshot: livelist_store::Body,
    summary: ListSummary,
    delta: DeltaSummary,
    delta_body: livelist_store::Body,
}

impl Made {
    fn into_stored(self) -> Stored {
        Stored {
            snapshot: self.snapshot.0.into_body(),
            summary: self.snapshot.1,
            delta: self.delta,
            delta_body: self.delta_chunks.into_body(),
        }
    }
}

/// Merges parts and restored keys to the snapshot, and its difference from the former one to the
/// delta; checks the numbers against those that were decided on.
async fn make(env: &Env, work: &Work<'_>, head: Option<&Head>) -> Result<Made, StepError> {
    let progress: Progress = load(&*env.objects, work.run, &work.compared.progress).await?;
    let parts = union(env, &progress).await?;
    let mut former = former(env, head).await?;
    let mut restored: Vec<Vec<u8>> = work
        .told
        .iter()
        .flat_map(|t| &t.restored)
        .map(|k| k.clone().into_bytes())
        .collect();
    restored.sort();
    let restored_count = restored.len() as u64;
    let made = tokio::task::spawn_blocking(move || {
        let mut streams: Vec<(Box<dyn KeyStream + Send>, u32)> = Vec::new();
        for (part, scan) in parts {
            streams.push((Box::new(part), scan));
        }
        streams.push((
            Box::new(InMemory {
                keys: restored,
                next: 0,
            }),
            31,
        ));
        let mut live = Union::new(streams)?;
        let mut snapshot = lists::writer(Effort::Small);
        let mut delta = DeltaWriter::new(Chunks::default());
        difference::<CodecError>(&mut former, &mut live, |key, side| {
            match side {
                Side::Former => return delta.push(Sign::Removed, key),
                Side::Present => delta.push(Sign::Added, key)?,
                Side::Both => {}
            }
            snapshot.push(key, b"")
        })?;
        let (delta_chunks, delta) = delta.finish()?;
        Ok::<_, CodecError>(Made {
            snapshot: snapshot.finish()?,
            delta,
            delta_chunks,
        })
    })
    .await?
    .map_err(lists::in_object("of a part or of the former snapshot"))?;
    let facts = &work.compared.facts;
    let expected = (
        facts.live + restored_count,
        facts.added,
        facts.absent - restored_count,
    );
    let got = (made.snapshot.1.count, made.delta.added, made.delta.removed);
    if expected != got {
        return Err(StepError::Contradiction(format!(
            "decided on {expected:?} keys, added, removed; made {got:?}"
        )));
    }
    Ok(made)
}

/// Keys that are known already, as a stream.
struct InMemory {
    keys: Vec<Vec<u8>>,
    next: usize,
}

impl KeyStream for InMemory {
    fn advance(&mut self) -> Result<bool, CodecError> {
        self.next += 1;
        Ok(self.next <= self.keys.len())
    }

    fn key(&self) -> &[u8] {
        &self.keys[self.next - 1]
    }

    fn stamp(&self) -> &[u8] {
        &[]
    }
}

/// Stores snapshot and delta, and gives the head that points at them.
async fn publish(
    env: &Env,
    work: &Work<'_>,
    head: Option<Head>,
    made: Stored,
    now: jiff::Timestamp,
) -> Result<Head, StepError> {
    let feed = &work.run.feed.feed;
    let sequence = head.as_ref().map_or(0, |h| h.sequence) + 1;
    let version = Head::version_of(now, sequence);
    let full = ObjectRef {
        object: layout::snapshot(feed, sequence, &made.summary.sha256),
        bytes: made.snapshot.len(),
    };
    let objects = &*env.objects;
    lists::put_content(objects, &full.object, made.snapshot, Retention::Keep).await?;
    let mut deltas = Vec::new();
    if let Some(head) = &head {
        let object = layout::delta(feed, head.sequence, sequence, &made.delta.text.sha256);
        let bytes = made.delta_body.len();
        lists::put_content(objects, &object, made.delta_body, Retention::Keep).await?;
        deltas.push(DeltaRef {
            from: head.version.clone(),
            to: version.clone(),
            added: made.delta.added,
            removed: made.delta.removed,
            sha256: made.delta.text.sha256,
            stored: ObjectRef { object, bytes },
        });
        deltas.extend(head.deltas.iter().take(DELTA_HISTORY - 1).cloned());
    }
    Ok(Head {
        schema: Head::SCHEMA,
        feed: feed.clone(),
        version,
        sequence,
        as_of: work.as_of(),
        complete: true,
        count: made.summary.count,
        previous_count: head.map(|h| h.count),
        key_field: work.run.feed.key_field.clone(),
        order: "bytewise".to_owned(),
        sha256: made.summary.sha256,
        full,
        deltas,
        run: work.run.run.clone(),
        published_at: now,
        checked_run: work.run.run.clone(),
        next_expected_at: next_day(now),
    })
}

fn next_day(now: jiff::Timestamp) -> Option<jiff::Timestamp> {
    now.checked_add(Duration::from_secs(24 * 3_600))
        .ok()
        .map(whole_seconds)
}

/// Marks what the new head does not need as such, and forgets the run that waited. The head is
/// written; a failure here costs space, not truth.
async fn clean_up(env: &Env, former: Option<&Head>, new: &Head) {
    let still_needed = |object: &str| {
        new.full.object == object || new.deltas.iter().any(|d| d.stored.object == object)
    };
    let former_objects = former.iter().flat_map(|h| {
        h.deltas
            .iter()
            .map(|d| &d.stored.object)
            .chain(std::iter::once(&h.full.object))
    });
    for object in former_objects.filter(|o| !still_needed(o)) {
        if let Err(error) = env.objects.retire(object).await {
            tracing::warn!(object, %error, "an object that is no longer needed stays");
        }
    }
    if let Err(error) = env
        .objects
        .delete(&layout::held(&new.feed), Condition::Always)
        .await
    {
        tracing::warn!(feed = %new.feed, %error, "the note of a held run stays");
    }
}

/// Records that the result waits.
async fn hold_back(
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
        removals: work.told.and_then(|t| t.gone.clone()),
    };
    let key = layout::held(&work.run.feed.feed);
    env.objects
        .write_json(&key, &held, Condition::Always, Retention::Keep)
        .await?;
    let output = Output {
        held_reason: Some(reason),
        advice: Some(reason.advice().to_owned()),
        ..work.output(Outcome::Held, head, (0, 0))
    };
    finish(env, work, &output, Some(resume)).await?;
    tracing::warn!(
        run = %work.run.run, feed = %work.run.feed.feed, mls = %work.run.feed.mls,
        reason = reason.as_str(), "held"
    );
    Ok(output)
}

/// Closes the run's record.
async fn finish(
    env: &Env,
    work: &Work<'_>,
    output: &Output,
    resume: Option<Resume>,
) -> Result<(), StepError> {
    let key = layout::run_record(&work.run.feed.feed, &work.run.run);
    let now = env.clock.now();
    let started = env.objects.read_json::<RunRecord>(&key).await?;
    let started_at = started.map_or(now, |(record, _)| record.started_at);
    let mut traffic = work.compared.traffic;
    if let Some(told) = work.told {
        traffic.add(told.traffic);
    }
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
        resume,
        ..RunRecord::started(work.run.clone(), started_at)
    };
    env.objects
        .write_json(&key, &record, Condition::Always, Retention::Keep)
        .await?;
    Ok(())
}
