//! Merges segments, so that a head names few of them and a look-up reads few indexes. An older segment is
//! merged with the newer ones if it is not larger than all of them together, as in a log-structured merge
//! tree. So a rewritten change is in a segment at least twice as large, and the number of rewrites of a
//! change grows with the logarithm of the log.

use livelist_model::ReplicationId;
use livelist_store::Objects;

use crate::error::LogError;
use crate::head::Segment;
use crate::piece::Pieces;
use crate::read::{Changes, Span};

/// A merge takes at least this many segments: fewer are not worth the write.
const LEAST: usize = 6;
/// With at least this many segments, a merge takes whatever it can.
const MANY: usize = 64;
/// Below this many bytes size plays no part: writing the object costs more than its bytes.
const SMALL: u64 = 16 * 1024;

/// From which segment on the log's segments, whose sizes these are (oldest first), are to be merged.
pub(crate) fn due(sizes: &[u64]) -> Option<usize> {
    let mut first = sizes.len().checked_sub(1)?;
    let mut newer = sizes[first].max(SMALL);
    while let Some(before) = first.checked_sub(1) {
        let must = sizes.len() > MANY && sizes.len() - first < LEAST;
        if sizes[before] > newer && !must {
            break;
        }
        newer = newer.saturating_add(sizes[before]);
        first = before;
    }
    (sizes.len() - first >= LEAST).then_some(first)
}

/// Merges these segments, which follow each other, into one.
pub(crate) async fn merge(
    objects: &dyn Objects,
    replication: &ReplicationId,
    segments: &[Segment],
    room: usize,
) -> Result<Segment, LogError> {
    let from = segments.first().map_or(1, |segment| segment.from);
    let to = segments.last().map_or(0, |segment| segment.to);
    let span = Span {
        above: 0,
        to,
        behind: None,
    };
    let mut changes = Changes::open(objects, segments, span, false).await?;
    let mut pieces = Pieces::new(objects, replication, from, to, room);
    while let Some(change) = changes.next().await? {
        pieces.push(&change).await?;
    }
    Ok(Segment {
        from,
        to,
        pieces: pieces.finish().await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends segments of these sizes, and merges when due. Returns the most segments there were at once,
    /// and the bytes written per appended byte.
    fn play(sizes: impl Iterator<Item = u64>) -> (usize, f64) {
        let mut segments: Vec<u64> = Vec::new();
        let (mut most, mut appended, mut written) = (0, 0, 0);
        for size in sizes {
            segments.push(size);
            appended += size;
            written += size;
            most = most.max(segments.len());
            if let Some(first) = due(&segments) {
                let merged: u64 = segments.split_off(first).iter().sum();
                written += merged;
                segments.push(merged);
            }
        }
        (most, written as f64 / appended as f64)
    }

    #[test]
    fn segments_stay_few_and_are_rewritten_rarely() {
        let small = play((0..20_000).map(|n| 2_000 + n % 7));
        let even = play((0..5_000).map(|_| 2_000_000));
        let odd = play((0..5_000_u64).map(|n| 1_000 << (n.wrapping_mul(2_654_435_761) % 14)));
        let falling = play((0..40).map(|n| 1_u64 << (50 - n)));
        for (most, amplification) in [small, even, odd, falling] {
            assert!(most <= 100, "{most} segments");
            assert!(amplification < 12.0, "{amplification} bytes a byte");
        }
    }
}
