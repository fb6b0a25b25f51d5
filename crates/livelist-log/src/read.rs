//! Reads a log: for each record that changed in a range of numbers, the newest change, in the order of
//! places. A destination applies them in this order, and can stop after any of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use livelist_records::{Change, Place};
use livelist_store::Objects;

use crate::error::LogError;
use crate::head::{Piece, Segment};
use crate::piece::Lines;

/// Which changes are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Those with a higher number than this.
    pub above: u64,
    /// Those up to this number.
    pub to: u64,
    /// Only changes after this place.
    pub behind: Option<Place>,
}

/// Changes of a log in the order of their places, at most one for each.
pub struct Changes<'a> {
    objects: &'a dyn Objects,
    span: Span,
    is_index: bool,
    sources: Vec<Source>,
    heap: BinaryHeap<Next>,
    last: Option<Place>,
}

/// One segment that is read.
struct Source {
    pieces: std::vec::IntoIter<Piece>,
    lines: Option<Lines>,
}

/// The next change of a source. The least place is the greatest, because a heap gives its greatest.
struct Next {
    change: Change,
    source: usize,
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Next {}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        other.change.order(&self.change)
    }
}

impl<'a> Changes<'a> {
    /// Opens these segments; an index has no records.
    pub(crate) async fn open(
        objects: &'a dyn Objects,
        segments: &[Segment],
        span: Span,
        is_index: bool,
    ) -> Result<Changes<'a>, LogError> {
        let mut changes = Changes {
            objects,
            is_index,
            sources: Vec::new(),
            heap: BinaryHeap::new(),
            last: None,
            span,
        };
        let span = &changes.span;
        let among = |segment: &&Segment| segment.to > span.above && segment.from <= span.to;
        for segment in segments.iter().filter(among) {
            let behind = |piece: &&Piece| {
                let behind = changes.span.behind.as_ref();
                behind.is_none_or(|behind| piece.last > *behind)
            };
            let pieces: Vec<Piece> = segment.pieces.iter().filter(behind).cloned().collect();
            changes.sources.push(Source {
                pieces: pieces.into_iter(),
                lines: None,
            });
        }
        for source in 0..changes.sources.len() {
            changes.refill(source).await?;
        }
        Ok(changes)
    }

    /// Takes the next change of a source that belongs to the span.
    async fn refill(&mut self, at: usize) -> Result<(), LogError> {
        let Some(source) = self.sources.get_mut(at) else {
            return Ok(());
        };
        loop {
            let Some(lines) = &mut source.lines else {
                let Some(piece) = source.pieces.next() else {
                    return Ok(());
                };
                source.lines = Some(Lines::open(self.objects, &piece, self.is_index).await?);
                continue;
            };
            let Some(change) = lines.next()? else {
                source.lines = None;
                continue;
            };
            let behind = self.span.behind.as_ref();
            let is_meant = change.number > self.span.above
                && change.number <= self.span.to
                && behind.is_none_or(|behind| change.place > *behind);
            if is_meant {
                self.heap.push(Next { change, source: at });
                return Ok(());
            }
        }
    }

    /// The next change; `None` at the end.
    ///
    /// # Errors
    /// A piece cannot be read, or was deleted because its segments were merged long ago: open the log
    /// again.
    pub async fn next(&mut self) -> Result<Option<Change>, LogError> {
        while let Some(Next { change, source }) = self.heap.pop() {
            self.refill(source).await?;
            // The newest change of a place comes first.
            if self.last.as_ref() == Some(&change.place) {
                continue;
            }
            self.last = Some(change.place.clone());
            return Ok(Some(change));
        }
        Ok(None)
    }
}
