//! The parts of a scan: sorted lists of the keys that its tasks read. Tasks that end early leave
//! small parts. These are merged, so that no step has to open hundreds of lists at once.

use livelist_model::codec::{CodecError, Effort};
use livelist_model::keys::KeyBuffer;
use livelist_model::merge::Union;
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;

use crate::progress::{Part, Progress};
use crate::{Env, StepError, ids, lists, looks, stamps};

/// More small parts of a scan than this are merged.
const MOST_SMALL: usize = 16;
/// A part counts as small if it has less than one key for this many bytes of a part's maximum size.
const BYTES_A_KEY: usize = 64;

/// The scan number of lists that belong to no scan and are merged with a run's parts: their keys are live,
/// but count for no scan. Here: keys that were found in addition to the scans.
const BESIDE: u32 = 31;
/// Absent keys that stay listed.
pub(crate) const KEPT: u32 = 30;
/// Keys that were found for sites.
pub(crate) const FOUND: u32 = 29;

/// Writes the keys as a part of the current scan, and clears the buffer.
pub(crate) async fn write(
    env: &Env,
    run: &RunSpec,
    progress: &mut Progress,
    keys: &mut KeyBuffer,
) -> Result<(), StepError> {
    let scan = progress.finished.len() as u32;
    add(env, run, progress, keys, scan).await?;
    merge_small(env, run, progress).await
}

/// Writes keys that were seen beside the scans.
pub(crate) async fn write_beside(
    env: &Env,
    run: &RunSpec,
    progress: &mut Progress,
    keys: &mut KeyBuffer,
) -> Result<(), StepError> {
    add(env, run, progress, keys, BESIDE).await
}

async fn add(
    env: &Env,
    run: &RunSpec,
    progress: &mut Progress,
    keys: &mut KeyBuffer,
    scan: u32,
) -> Result<(), StepError> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut buffer = std::mem::take(keys);
    let (buffer, written) = livelist_blocking::run(move || {
        buffer.sort_unique();
        let written = (|| {
            let mut list = lists::writer(Effort::Stored);
            // The timestamps were only needed for paging; parts do not contain them.
            for (key, _) in buffer.iter() {
                list.push(key)?;
            }
            list.finish()
        })();
        (buffer, written)
    })
    .await?;
    // Before the part exists: its keys are live, whatever happens to the run.
    looks::sight(env, run, &buffer).await?;
    let number = progress.parts.len() + 1;
    progress
        .ids
        .extend(ids::part(env, run, number, &buffer).await?);
    progress
        .stamps
        .extend(stamps::part(env, run, number, &buffer).await?);
    keep(env, run, progress, written, scan).await?;
    *keys = buffer;
    keys.clear();
    Ok(())
}

type Written = Result<(lists::Chunks, livelist_model::codec::ListSummary), CodecError>;

async fn keep(
    env: &Env,
    run: &RunSpec,
    progress: &mut Progress,
    written: Written,
    scan: u32,
) -> Result<(), StepError> {
    let (chunks, summary) = written.map_err(lists::in_object("part"))?;
    let name = format!("part-{:05}", progress.parts.len() + 1);
    let feed = &run.feed.feed;
    let list: ListRef = lists::keep(&*env.objects, feed, &run.run, &name, chunks, summary).await?;
    progress.parts.push(Part { scan, list });
    Ok(())
}

/// Merges small parts of the current scan if there are too many of them. The parts that are merged at once
/// fit into the memory of a full part.
async fn merge_small(env: &Env, run: &RunSpec, progress: &mut Progress) -> Result<(), StepError> {
    let full = (env.limits.part_bytes / BYTES_A_KEY) as u64;
    let scan = progress.finished.len() as u32;
    let is_small = |part: &Part| part.scan == scan && part.list.summary.count < full;
    if progress.parts.iter().filter(|part| is_small(part)).count() <= MOST_SMALL {
        return Ok(());
    }
    let mut keys = 0;
    let (small, others): (Vec<Part>, Vec<Part>) =
        progress.parts.iter().cloned().partition(|part| {
            let fits = is_small(part) && keys + part.list.summary.count <= 2 * full;
            keys += if fits { part.list.summary.count } else { 0 };
            fits
        });
    let mut opened = Vec::with_capacity(small.len());
    for part in &small {
        let list = &part.list;
        let open = lists::open(&*env.objects, &list.object, list.summary.clone()).await?;
        opened.push((open, part.scan));
    }
    let written = livelist_blocking::run(move || {
        let mut union = Union::new(opened)?;
        let mut list = lists::writer(Effort::Stored);
        while union.advance()? {
            list.push(union.key())?;
        }
        list.finish()
    })
    .await?;
    let mut merged = Progress {
        parts: others,
        ..progress.clone()
    };
    keep(env, run, &mut merged, written, scan).await?;
    tracing::debug!(run = %run.run, parts = small.len(), "small parts were merged");
    progress.parts = merged.parts;
    Ok(())
}
