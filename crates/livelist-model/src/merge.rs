//! Streaming union of any number of sorted lists, and the difference of two. One pass, memory for
//! one key a list.

use std::cmp::Ordering;

use crate::codec::{CodecError, KeyStream};

/// The union of sorted lists. Each list belongs to a scan (numbered from 0); for each key the merge
/// tells which scans saw it, so that one scan's completeness can be judged by itself.
pub struct Union<S> {
    streams: Vec<(S, u32)>,
    /// Indices into `streams` of those not at their end: a binary min-heap by present key.
    heap: Vec<usize>,
    key: Vec<u8>,
    seen_in: u32,
    repeats: u64,
}

impl<S: KeyStream> Union<S> {
    /// The union of `streams`, each with the number of its scan (at most 31).
    pub fn new(streams: Vec<(S, u32)>) -> Result<Self, CodecError> {
        let mut union = Union {
            heap: Vec::with_capacity(streams.len()),
            streams,
            key: Vec::new(),
            seen_in: 0,
            repeats: 0,
        };
        for index in 0..union.streams.len() {
            if union.streams[index].0.advance()? {
                union.heap.push(index);
                union.sift_up(union.heap.len() - 1);
            }
        }
        Ok(union)
    }

    /// Goes to the next key; false when all lists have ended soundly.
    pub fn advance(&mut self) -> Result<bool, CodecError> {
        let Some(&first) = self.heap.first() else {
            return Ok(false);
        };
        self.key.clear();
        self.key.extend_from_slice(self.streams[first].0.key());
        self.seen_in = 0;
        while let Some(&top) = self.heap.first() {
            let (stream, scan) = &mut self.streams[top];
            if stream.key() != self.key {
                break;
            }
            let bit = 1u32 << (*scan).min(31);
            if self.seen_in & bit != 0 {
                self.repeats += 1;
            }
            self.seen_in |= bit;
            if !stream.advance()? {
                self.heap.swap_remove(0);
            } else if self.heap.len() == 1 {
                // A list ascends strictly: alone, it has no second key like this one.
                break;
            }
            self.sift_down(0);
        }
        Ok(true)
    }

    /// The present key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Which scans saw the present key, as bits.
    pub fn seen_in(&self) -> u32 {
        self.seen_in
    }

    /// How often one scan had the same key in two of its parts, so far.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    fn less(&self, a: usize, b: usize) -> bool {
        self.streams[self.heap[a]].0.key() < self.streams[self.heap[b]].0.key()
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.less(at, parent) {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.less(child, least) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }
}

impl<S: KeyStream> KeyStream for Union<S> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        Union::advance(self)
    }

    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// What a key of either list is to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Only in the former list.
    Former,
    /// Only in the present list.
    Present,
    /// In both.
    Both,
}

/// Walks two sorted lists at once and hands every key of either to `visit`, in order.
pub fn difference<E: From<CodecError>>(
    former: &mut impl KeyStream,
    present: &mut impl KeyStream,
    mut visit: impl FnMut(&[u8], Side) -> Result<(), E>,
) -> Result<(), E> {
    let mut has_former = former.advance()?;
    let mut has_present = present.advance()?;
    loop {
        let order = match (has_former, has_present) {
            (false, false) => return Ok(()),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (true, true) => former.key().cmp(present.key()),
        };
        match order {
            Ordering::Less => visit(former.key(), Side::Former)?,
            Ordering::Greater => visit(present.key(), Side::Present)?,
            Ordering::Equal => visit(present.key(), Side::Both)?,
        }
        if order != Ordering::Greater {
            has_former = former.advance()?;
        }
        if order != Ordering::Less {
            has_present = present.advance()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::codec::{Effort, ListReader, ListWriter};

    fn list(keys: &BTreeSet<String>) -> Vec<u8> {
        let mut list = ListWriter::new(Vec::new(), Effort::Stored);
        for key in keys {
            list.push(key.as_bytes()).unwrap();
        }
        list.finish().unwrap().0
    }

    fn keys() -> impl Strategy<Value = BTreeSet<String>> {
        proptest::collection::btree_set("[a-dA-D]{1,3}", 0..40)
    }

    proptest! {
        #[test]
        fn a_union_is_a_union(parts in proptest::collection::vec((keys(), 0u32..3), 0..9)) {
            let bytes: Vec<_> = parts.iter().map(|(keys, scan)| (list(keys), *scan)).collect();
            let streams = bytes.iter().map(|(b, scan)| (ListReader::new(&b[..], None), *scan)).collect();
            let mut union = Union::new(streams).unwrap();
            let mut got = BTreeMap::new();
            while union.advance().unwrap() {
                got.insert(String::from_utf8(union.key().to_vec()).unwrap(), union.seen_in());
            }
            let mut expected = BTreeMap::<String, u32>::new();
            for (keys, scan) in &parts {
                for key in keys {
                    *expected.entry(key.clone()).or_default() |= 1 << scan;
                }
            }
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn a_difference_is_a_difference(former in keys(), present in keys()) {
            let (a, b) = (list(&former), list(&present));
            let mut gone = BTreeSet::new();
            let mut new = BTreeSet::new();
            let mut kept = 0;
            difference::<CodecError>(
                &mut ListReader::new(&a[..], None),
                &mut ListReader::new(&b[..], None),
                |key, side| {
                    let key = String::from_utf8(key.to_vec()).unwrap();
                    match side {
                        Side::Former => { gone.insert(key); }
                        Side::Present => { new.insert(key); }
                        Side::Both => kept += 1,
                    }
                    Ok(())
                },
            ).unwrap();
            prop_assert_eq!(gone, former.difference(&present).cloned().collect());
            prop_assert_eq!(new, present.difference(&former).cloned().collect());
            prop_assert_eq!(kept, former.intersection(&present).count());
        }
    }

    #[test]
    fn a_cut_part_spoils_the_union() {
        let keys: BTreeSet<String> = (0..200).map(|i| format!("{i:04}")).collect();
        let bytes = list(&keys);
        let cut = &bytes[..bytes.len() - 9];
        let mut union = Union::new(vec![(ListReader::new(cut, None), 0)]).unwrap();
        let end = loop {
            match union.advance() {
                Ok(true) => {}
                other => break other,
            }
        };
        assert!(end.is_err());
    }
}
