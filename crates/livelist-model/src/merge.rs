//! Streaming union of any number of sorted lists, and the difference of two. One pass, with memory for one
//! key per list.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::codec::{CodecError, KeyStream};
use crate::keys::order;

/// A list positioned at a key. It compares as greater the smaller its key is, so a [`BinaryHeap`] returns
/// the smallest key first.
struct Head<S> {
    list: S,
    /// The scan that it belongs to, as a bit.
    scan: u32,
}

impl<S: KeyStream> Ord for Head<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        order(other.list.key(), self.list.key())
    }
}

impl<S: KeyStream> PartialOrd for Head<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S: KeyStream> PartialEq for Head<S> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<S: KeyStream> Eq for Head<S> {}

/// The union of sorted lists. Each list belongs to a scan (numbered from 0). For each key the merge says
/// which scans saw it, so that each scan's completeness can be judged.
pub struct Union<S> {
    /// The list that the present key is read from: mostly the next key is its as well.
    first: Option<Box<Head<S>>>,
    /// The other lists at the same key.
    same: Vec<Box<Head<S>>>,
    /// All other lists that have not ended.
    heap: BinaryHeap<Box<Head<S>>>,
    seen_in: u32,
    repeats: u64,
}

impl<S: KeyStream> Union<S> {
    /// The union of `streams`, each with the number of its scan (at most 31).
    pub fn new(streams: Vec<(S, u32)>) -> Result<Self, CodecError> {
        let mut heap = BinaryHeap::with_capacity(streams.len());
        for (mut list, scan) in streams {
            if list.advance()? {
                let scan = 1 << scan.min(31);
                heap.push(Box::new(Head { list, scan }));
            }
        }
        Ok(Union {
            first: None,
            same: Vec::new(),
            heap,
            seen_in: 0,
            repeats: 0,
        })
    }

    /// Moves to the next key. Returns false when all lists have ended without an error. After an error the
    /// position stays: another call does not report the end.
    pub fn advance(&mut self) -> Result<bool, CodecError> {
        while let Some(head) = self.same.last_mut() {
            let is_there = head.list.advance()?;
            let head = self.same.pop();
            self.heap.extend(head.filter(|_| is_there));
        }
        let goes_on = match &mut self.first {
            Some(first) => first.list.advance()?,
            None => false,
        };
        let mut may_be_same = true;
        if !goes_on {
            self.first = self.heap.pop();
        } else if let (Some(first), Some(mut least)) = (&mut self.first, self.heap.peek_mut()) {
            match order(first.list.key(), least.list.key()) {
                Ordering::Less => may_be_same = false,
                Ordering::Equal => {}
                Ordering::Greater => std::mem::swap(first, &mut *least),
            }
        }
        let Some(first) = &self.first else {
            return Ok(false);
        };
        self.seen_in = first.scan;
        while may_be_same
            && let Some(next) = self.heap.peek()
            && next == first
            && let Some(next) = self.heap.pop()
        {
            self.repeats += u64::from(self.seen_in & next.scan != 0);
            self.seen_in |= next.scan;
            self.same.push(next);
        }
        Ok(true)
    }

    /// The present key.
    pub fn key(&self) -> &[u8] {
        self.first.as_ref().map_or(&[], |first| first.list.key())
    }

    /// A list at the current key.
    pub fn list(&self) -> Option<&S> {
        self.first.as_ref().map(|first| &first.list)
    }

    /// Which scans saw the present key, as bits.
    pub fn seen_in(&self) -> u32 {
        self.seen_in
    }

    /// How often one scan had the same key in two of its parts, so far.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }
}

impl<S: KeyStream> KeyStream for Union<S> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        Union::advance(self)
    }

    fn key(&self) -> &[u8] {
        Union::key(self)
    }
}

/// The keys of one sorted list that another has not.
pub struct Without<A, B> {
    list: A,
    other: B,
    /// Whether `other` is at a key; `None` before its first key is read.
    has_other: Option<bool>,
}

impl<A: KeyStream, B: KeyStream> Without<A, B> {
    /// The keys of `list` without those of `other`.
    pub fn new(list: A, other: B) -> Self {
        Without {
            list,
            other,
            has_other: None,
        }
    }
}

impl<A, B> Without<A, B> {
    /// The list, positioned at the current key.
    pub fn list(&self) -> &A {
        &self.list
    }
}

impl<A: KeyStream, B: KeyStream> KeyStream for Without<A, B> {
    fn advance(&mut self) -> Result<bool, CodecError> {
        let mut has_other = match self.has_other {
            Some(has_other) => has_other,
            None => self.other.advance()?,
        };
        let found = loop {
            if !self.list.advance()? {
                // Read the other list to its end, where its count and digest are checked.
                while has_other {
                    has_other = self.other.advance()?;
                }
                break false;
            }
            while has_other && order(self.other.key(), self.list.key()) == Ordering::Less {
                has_other = self.other.advance()?;
            }
            if !has_other || order(self.other.key(), self.list.key()) == Ordering::Greater {
                break true;
            }
        };
        self.has_other = Some(has_other);
        Ok(found)
    }

    fn key(&self) -> &[u8] {
        self.list.key()
    }
}

/// Which of the two lists has a key.
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
///
/// ```
/// use livelist_model::codec::{CodecError, Effort, ListReader, ListWriter};
/// use livelist_model::merge::{Side, difference};
///
/// fn list(keys: &[&str]) -> Result<Vec<u8>, CodecError> {
///     let mut list = ListWriter::new(Vec::new(), Effort::Stored);
///     for key in keys {
///         list.push(key.as_bytes())?;
///     }
///     Ok(list.finish()?.0)
/// }
///
/// let (yesterday, today) = (list(&["a", "b", "c"])?, list(&["b", "c", "d"])?);
/// let mut former = ListReader::new(&yesterday[..], None);
/// let mut present = ListReader::new(&today[..], None);
/// let mut delta = String::new();
/// difference(&mut former, &mut present, |key, side| {
///     match side {
///         Side::Former => delta.push('-'),
///         Side::Present => delta.push('+'),
///         Side::Both => return Ok::<(), CodecError>(()),
///     }
///     delta.push_str(&String::from_utf8_lossy(key));
///     Ok(())
/// })?;
/// assert_eq!(delta, "-a+d");
/// # Ok::<(), CodecError>(())
/// ```
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
            (true, true) => order(former.key(), present.key()),
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
        fn a_list_without_another_is_a_set_difference(list_of in keys(), other in keys()) {
            let (a, b) = (list(&list_of), list(&other));
            let mut without = Without::new(ListReader::new(&a[..], None), ListReader::new(&b[..], None));
            let mut got = Vec::new();
            while without.advance().unwrap() {
                got.push(String::from_utf8(without.key().to_vec()).unwrap());
            }
            let expected: Vec<String> = list_of.difference(&other).cloned().collect();
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
        assert!(union.advance().is_err(), "asked again, it does not end");
    }
}
