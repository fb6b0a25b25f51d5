//! The gone record of a new version: the former record, plus removed keys, minus added ones. The first
//! record is made from the deltas that the head still has.

use std::io::Read;

use livelist_model::codec::{CodecError, ListSummary};
use livelist_model::delta::{DeltaSummary, DeltaWriter, Sign, read_delta};
use livelist_model::gone::{GoneReader, GoneRef, Proof, Renewal, Since};
use livelist_model::head::Head;
use livelist_model::instant::TOLERANCE;
use livelist_model::layout;
use livelist_store::Body;

use super::Work;
use crate::compare::read_whole;
use crate::lists::{self, Chunks};
use crate::{Env, StepError};

/// A record that is read or was just made.
type Source = Box<dyn Read + Send>;

/// Changes in the order of keys, and the proof of the removals.
struct Change {
    delta: Source,
    expected: DeltaSummary,
    since: Option<Since>,
}

/// The record of the version `sequence`, which `delta` leads to.
pub(super) async fn renew(
    env: &Env,
    work: &Work<'_>,
    head: &Head,
    sequence: u64,
    delta: &(Body, DeltaSummary),
    now: jiff::Timestamp,
) -> Result<Option<GoneRef>, StepError> {
    let since = Proof::of(work.confirmed_by()).map(|proof| Since {
        second: work.began().as_second(),
        proof,
    });
    let (body, summary) = delta;
    let change = Change {
        delta: Box::new(body.reader()),
        expected: summary.clone(),
        since,
    };
    let mut changes = former_changes(env, head).await?;
    let asked = asked(env, work).await?;
    let has_old = !changes.is_empty();
    let goes = summary.removed > 0 && since.is_some();
    if head.gone.is_none() && !has_old && !goes && asked.is_none() {
        return Ok(None);
    }
    changes.push(change);
    changes.extend(asked);
    let former = match &head.gone {
        Some(gone) => Some(open(env, gone).await?),
        None => None,
    };
    let (body, summary, is_much) = make(former, changes, now).await?;
    if let Some(same) = head.gone.as_ref().filter(|gone| gone.summary == summary) {
        return Ok(Some(same.clone()));
    }
    let before = head.gone.as_ref().and_then(|gone| gone.came_back);
    let came_back = is_much.then_some(now).or(before);
    keep(env, work, sequence, body, summary, came_back)
        .await
        .map(Some)
}

/// The record if the list does not change: the former one, plus keys that sites asked about and that are
/// gone. For a head of an earlier version, a record is made from its deltas.
pub(super) async fn of_unchanged(
    env: &Env,
    work: &Work<'_>,
    head: &Head,
    now: jiff::Timestamp,
) -> Result<Option<GoneRef>, StepError> {
    let mut changes = former_changes(env, head).await?;
    changes.extend(asked(env, work).await?);
    if changes.is_empty() {
        return Ok(head.gone.clone());
    }
    let former = match &head.gone {
        Some(gone) => Some(open(env, gone).await?),
        None => None,
    };
    let (body, summary, _) = make(former, changes, now).await?;
    let came_back = head.gone.as_ref().and_then(|gone| gone.came_back);
    keep(env, work, head.sequence, body, summary, came_back)
        .await
        .map(Some)
}

/// The changes in the deltas of a head without a record, oldest first; `None` if none of their removals was
/// proved.
async fn former_changes(env: &Env, head: &Head) -> Result<Vec<Change>, StepError> {
    if head.gone.is_some() {
        return Ok(Vec::new());
    }
    let is_proof = |by| Proof::of(by).is_some();
    if !head
        .deltas
        .iter()
        .any(|d| d.confirmed.is_some_and(is_proof))
    {
        return Ok(Vec::new());
    }
    let mut changes = Vec::with_capacity(head.deltas.len());
    for delta in head.deltas.iter().rev() {
        let proof = delta.confirmed.and_then(Proof::of);
        // The scan had begun after the version before was published.
        let before = head.deltas.iter().find(|other| other.to == delta.from);
        let at = before.and_then(|before| before.published_at);
        let since = proof.zip(at).map(|(proof, at)| Since {
            second: at.as_second(),
            proof,
        });
        changes.push(Change {
            delta: Box::new(lists::source(&*env.objects, &delta.stored.object).await?),
            expected: DeltaSummary {
                added: delta.added,
                removed: delta.removed,
                text: ListSummary {
                    count: delta.added + delta.removed,
                    sha256: delta.sha256.clone(),
                },
            },
            since,
        });
    }
    Ok(changes)
}

/// Keys that sites asked about, that were never listed, and that were not found on two days, as removals
/// confirmed by key. Copies that were made within a possible difference of clocks are excluded.
async fn asked(env: &Env, work: &Work<'_>) -> Result<Option<Change>, StepError> {
    let Some(answers) = work.answers().filter(|of| of.gone.summary.count > 0) else {
        return Ok(None);
    };
    let mut delta = DeltaWriter::new(Chunks::default());
    for key in read_whole(env, &answers.gone).await? {
        delta
            .push(Sign::Removed, &key)
            .map_err(lists::in_object("of what sites asked about"))?;
    }
    let (chunks, expected) = delta
        .finish()
        .map_err(lists::in_object("of what sites asked about"))?;
    let began = work.began().saturating_sub(TOLERANCE);
    Ok(Some(Change {
        delta: Box::new(chunks.into_body().reader()),
        expected,
        since: Some(Since {
            second: began.unwrap_or(jiff::Timestamp::MIN).as_second(),
            proof: Proof::Key,
        }),
    }))
}

async fn open(env: &Env, gone: &GoneRef) -> Result<(Source, ListSummary), StepError> {
    let source = lists::source(&*env.objects, &gone.stored.object).await?;
    Ok((Box::new(source), gone.summary.clone()))
}

/// Applies the changes one after the other. Returns whether many of the recently removed keys are listed
/// again after the last.
async fn make(
    former: Option<(Source, ListSummary)>,
    changes: Vec<Change>,
    now: jiff::Timestamp,
) -> Result<(Body, ListSummary, bool), StepError> {
    let made = livelist_blocking::run(move || {
        let mut former = former;
        let mut made = None;
        for change in changes {
            let reader = former
                .take()
                .map(|(source, summary)| GoneReader::new(source, Some(summary)));
            let (chunks, summary, is_much) = apply(reader, change, now)?;
            let body = chunks.into_body();
            former = Some((Box::new(body.reader()) as Source, summary.clone()));
            made = Some((body, summary, is_much));
        }
        Ok::<_, CodecError>(made)
    })
    .await?
    .map_err(lists::in_object("the record of what is gone"))?;
    made.ok_or_else(|| StepError::Contradiction("a record was made of no changes".to_owned()))
}

fn apply(
    former: Option<GoneReader<Source>>,
    change: Change,
    now: jiff::Timestamp,
) -> Result<(Chunks, ListSummary, bool), CodecError> {
    let mut renewal = Renewal::new(former, Chunks::default(), now);
    let mut outcome = Ok(());
    let read = read_delta(change.delta, |sign, key| {
        if outcome.is_ok() {
            let since = change.since.filter(|_| sign == Sign::Removed);
            outcome = renewal.change(sign, key, since);
        }
    })?;
    outcome?;
    if read != change.expected {
        return Err(CodecError::Mismatch {
            what: "the changes of a version",
        });
    }
    renewal.finish()
}

async fn keep(
    env: &Env,
    work: &Work<'_>,
    sequence: u64,
    body: Body,
    summary: ListSummary,
    came_back: Option<jiff::Timestamp>,
) -> Result<GoneRef, StepError> {
    let object = layout::gone(&work.run.feed.feed, sequence, &summary.sha256);
    let stored = lists::store(&*env.objects, object, body).await?;
    Ok(GoneRef {
        stored,
        summary,
        came_back,
    })
}
