//! The draft: the new snapshot and its delta, as they will be if every absent key is gone. `compare` writes
//! it during its pass over the lists, so that `publish` need not merge them again. It is one object of the
//! run: the snapshot, followed by the delta, both compressed as they are published. Its digests are stored
//! with the comparison, and `publish` checks every byte.

use bytes::Bytes;
use livelist_model::codec::{CodecError, Effort, ListSummary, ListWriter, digest, digest_of};
use livelist_model::decision::{Comparison, MAX_SCANS, Next};
use livelist_model::delta::{DeltaSummary, DeltaWriter, Sign};
use livelist_model::evidence::{Paging, ScanEvidence};
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::merge::Side;
use livelist_model::run::RunSpec;
use livelist_store::{Body, Retention, StoreError};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::lists::{self, Chunks};
use crate::progress::{Compared, own};
use crate::{Env, StepError};

/// A draft, as the comparison notes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its name in the store.
    pub object: String,
    /// The snapshot, at its beginning.
    pub snapshot: Piece<ListSummary>,
    /// The delta, which follows it; absent if there is no former snapshot.
    pub delta: Option<Piece<DeltaSummary>>,
}

/// One of the lists in a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece<S> {
    /// The compressed length in bytes.
    pub bytes: u64,
    /// Their SHA-256 as they are stored, lower-case hex.
    pub sha256: String,
    /// The summary of its keys.
    pub summary: S,
}

/// A snapshot and its delta, made but not stored.
#[derive(Debug)]
pub(crate) struct Made {
    /// The snapshot's bytes, and its summary.
    pub(crate) snapshot: (Body, ListSummary),
    /// The same of the delta; absent if there is no former snapshot.
    pub(crate) delta: Option<(Body, DeltaSummary)>,
    /// Keys that the former snapshot has not.
    pub(crate) added: u64,
    /// Keys that only the former snapshot has.
    pub(crate) removed: u64,
}

/// Writes a snapshot and its delta while two lists are walked.
pub(crate) struct Writer {
    snapshot: ListWriter<Chunks>,
    delta: Option<DeltaWriter<Chunks>>,
    added: u64,
    removed: u64,
}

impl Writer {
    /// A writer; of a delta as well, if there is a former snapshot.
    pub(crate) fn new(head: Option<&Head>) -> Writer {
        Writer {
            snapshot: lists::writer(Effort::Small),
            delta: head.map(|_| DeltaWriter::new(Chunks::default())),
            added: 0,
            removed: 0,
        }
    }

    /// Takes the next key of either list.
    pub(crate) fn push(&mut self, key: &[u8], side: Side) -> Result<(), CodecError> {
        let sign = match side {
            Side::Both => return self.snapshot.push(key),
            Side::Former => Sign::Removed,
            Side::Present => Sign::Added,
        };
        if let Some(delta) = &mut self.delta {
            delta.push(sign, key)?;
        }
        if sign == Sign::Removed {
            self.removed += 1;
            return Ok(());
        }
        self.added += 1;
        self.snapshot.push(key)
    }

    /// Ends both lists.
    pub(crate) fn finish(self) -> Result<Made, CodecError> {
        let (snapshot, summary) = self.snapshot.finish()?;
        let delta = self.delta.map(DeltaWriter::finish).transpose()?;
        Ok(Made {
            snapshot: (snapshot.into_body(), summary),
            delta: delta.map(|(delta, summary)| (delta.into_body(), summary)),
            added: self.added,
            removed: self.removed,
        })
    }
}

impl Made {
    /// The number of keys in the snapshot, of added keys, and of removed keys.
    pub(crate) fn numbers(&self) -> (u64, u64, u64) {
        (self.snapshot.1.count, self.added, self.removed)
    }
}

/// Whether the result is likely to be published, judged before the lists are compared. It is not if another
/// scan follows, if absent keys stay listed, or if the newest scan read fewer than `rows` rows. `scans` are
/// all scans of the run.
pub(crate) fn is_likely(
    scans: &[ScanEvidence],
    has_former: bool,
    confirms_by_key: bool,
    rows: u64,
) -> bool {
    let Some(scan) = scans.last() else {
        return false;
    };
    let is_told_now = match has_former {
        // If keys cannot be asked for, absent keys wait for a later day.
        true => confirms_by_key,
        false => scan.paging == Paging::Keyset || scans.len() >= MAX_SCANS,
    };
    scan.end.is_some() && scan.rows >= rows && is_told_now
}

/// Whether the draft is kept, given the facts and the next step.
pub(crate) fn is_wanted(facts: &Comparison, next: Next) -> bool {
    let differs = facts.former.is_none() || facts.added > 0 || facts.absent > 0;
    let may_be_published = match next {
        Next::ScanAgain => false,
        Next::Hold(reason) => reason.can_be_approved(),
        Next::Confirm | Next::Publish => true,
    };
    differs && may_be_published
}

/// Stores a draft among the run's objects.
pub(crate) async fn keep(env: &Env, run: &RunSpec, made: Made) -> Result<Draft, StepError> {
    let ((snapshot, count), delta) = (made.snapshot, made.delta);
    let (body, piece) = noted(snapshot, count).await?;
    let mut draft = Draft {
        object: String::new(),
        snapshot: piece,
        delta: None,
    };
    let mut names = draft.snapshot.sha256.clone();
    let mut chunks = body.into_chunks();
    if let Some((delta, changes)) = delta {
        let (body, piece) = noted(delta, changes).await?;
        names.push_str(&piece.sha256);
        chunks.extend(body.into_chunks());
        draft.delta = Some(piece);
    }
    // Named by its bytes: twins that compress differently write two objects, and each note fits its own.
    let digest = digest(names.as_bytes());
    draft.object = layout::run_object(&run.feed.feed, &run.run, "draft", &digest, ".gz");
    let objects = &*env.objects;
    lists::put_content(objects, &draft.object, chunks.into(), Retention::Scratch).await?;
    Ok(draft)
}

/// The description of a list with `summary`.
async fn noted<S>(body: Body, summary: S) -> Result<(Body, Piece<S>), StepError> {
    let (body, sha256) = hashed(body).await?;
    let bytes = body.len();
    let piece = Piece {
        bytes,
        sha256,
        summary,
    };
    Ok((body, piece))
}

async fn hashed(body: Body) -> Result<(Body, String), StepError> {
    let hashed = livelist_blocking::run(move || {
        let sha256 = digest_of(body.chunks().iter().map(|chunk| &chunk[..]));
        (body, sha256)
    });
    Ok(hashed.await?)
}

/// Where the publisher takes the lists from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// From nowhere: nothing was added or removed, so the head stays.
    Head,
    /// The draft.
    Draft(&'a Draft),
    /// The parts and the former snapshot, merged.
    Lists,
}

/// Where the lists of the decision come from. `kept` is the number of absent keys that stay listed,
/// `former` that of the keys of the head, which is the one that was compared with.
pub(crate) fn source(compared: &Compared, kept: u64, former: Option<u64>) -> Source<'_> {
    let facts = &compared.facts;
    let listed = facts.live.saturating_add(kept);
    if facts.added == 0 && facts.absent == kept && former == Some(listed) {
        return Source::Head;
    }
    match &compared.absent.draft {
        Some(draft) if kept == 0 => Source::Draft(draft),
        _ => Source::Lists,
    }
}

/// Why a draft cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// It does not belong here, or holds other numbers than were decided on.
    #[error("it is noted as another one: {0}")]
    Noted(&'static str),
    /// Lifecycle rules may have removed it.
    #[error("it is not there")]
    Missing,
    /// Its bytes are not those that were noted.
    #[error("it is not what was noted: {0}")]
    Damaged(&'static str),
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] std::io::Error),
    /// Storage does not give it.
    #[error("storage does not give it")]
    Store(#[from] StoreError),
    /// Something here broke.
    #[error("an internal task failed")]
    Internal(#[source] StepError),
}

/// Reads a draft. Its bytes are those that were noted, or it is none.
pub(crate) async fn take(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
    draft: &Draft,
    head: Option<&Head>,
) -> Result<Made, Unfit> {
    let facts = &compared.facts;
    let (snapshot, delta) = (&draft.snapshot, draft.delta.as_ref());
    if !draft.object.starts_with(&own(run)) {
        return Err(Unfit::Noted("an object of another run"));
    }
    if delta.is_some() != head.is_some() {
        return Err(Unfit::Noted("the delta"));
    }
    let counted = delta.map(|d| (d.summary.added, d.summary.removed));
    if snapshot.summary.count != facts.live
        || counted.is_some_and(|counted| counted != (facts.added, facts.absent))
    {
        return Err(Unfit::Noted("its numbers"));
    }
    let object = env.objects.get(&draft.object).await?;
    let object = object.ok_or(Unfit::Missing)?;
    let noted = snapshot
        .bytes
        .saturating_add(delta.map_or(0, |delta| delta.bytes));
    if object.bytes != noted {
        return Err(Unfit::Damaged("its length"));
    }
    let mut source = object.body;
    let of_snapshot = read(&mut source, snapshot).await?;
    let of_delta = match delta {
        Some(delta) => Some((read(&mut source, delta).await?, delta.summary.clone())),
        None => None,
    };
    if source.read(&mut [0]).await? > 0 {
        return Err(Unfit::Damaged("its length"));
    }
    Ok(Made {
        snapshot: (of_snapshot, snapshot.summary.clone()),
        delta: of_delta,
        added: facts.added,
        removed: facts.absent,
    })
}

/// Reads one of the lists in its compressed form.
async fn read<S>(
    source: &mut (dyn AsyncRead + Send + Unpin),
    piece: &Piece<S>,
) -> Result<Body, Unfit> {
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut left = piece.bytes;
    while left > 0 {
        let mut chunk = vec![0; left.min(lists::CHUNK as u64) as usize];
        source.read_exact(&mut chunk).await?;
        left -= chunk.len() as u64;
        chunks.push(chunk.into());
    }
    let (body, sha256) = hashed(chunks.into()).await.map_err(Unfit::Internal)?;
    if sha256 != piece.sha256 {
        return Err(Unfit::Damaged("its SHA-256"));
    }
    Ok(body)
}

#[cfg(test)]
#[path = "draft/tests.rs"]
mod tests;
