//! Keys as opaque bytes, and a buffer of many of them in one arena. A key is never parsed, folded
//! or compared as a number: two keys are the same if and only if their bytes are (F18).

use std::cmp::Ordering;

/// The longest key: RCP-27 gives `ResourceRecordKey` 255 characters, at most four bytes each.
pub const MAX_KEY_BYTES: usize = 1_020;
/// The longest timestamp kept beside a key.
pub const MAX_STAMP_BYTES: usize = 64;
/// The longest id kept beside a key: the Data Dictionary gives `ListingId` 255 characters.
pub const MAX_ID_BYTES: usize = 255;

/// Why bytes are not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing at all.
    #[error("a row has an empty key")]
    Empty,
    /// Longer than [`MAX_KEY_BYTES`].
    #[error("a key is longer than 1020 bytes")]
    TooLong,
    /// A line feed, a tab or another control character, which would look like the end of a line or field.
    #[error("a key holds a control character")]
    Control,
    /// More than a buffer holds.
    #[error("there are more than 4 GiB of keys at once")]
    Full,
}

/// Whether `key` can be written as a line of a list.
pub fn check_key(key: &[u8]) -> Result<(), KeyError> {
    if key.is_empty() {
        return Err(KeyError::Empty);
    }
    if key.len() > MAX_KEY_BYTES {
        return Err(KeyError::TooLong);
    }
    if has_control(key) {
        return Err(KeyError::Control);
    }
    Ok(())
}

/// Whether `bytes` has an ASCII control character. Checks eight bytes at a time, because every key and
/// timestamp is checked; byte by byte, that took a third of a scan.
#[inline]
pub(crate) fn has_control(bytes: &[u8]) -> bool {
    // The last eight bytes once more, instead of a rest that would have to be copied.
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().any(u8::is_ascii_control);
    };
    let words = bytes.as_chunks::<8>().0;
    let marks = words.iter().chain([last]).map(|word| controls(*word));
    marks.fold(0, |all, marks| all | marks) != 0
}

/// The position of the first ASCII control character in `bytes`: the end of a line, or an invalid
/// character.
#[inline]
pub(crate) fn first_control(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (nth, word) in words.iter().enumerate() {
        let marks = controls(*word);
        if marks != 0 {
            // Only the lowest mark is certain: the subtraction in `controls` borrows from the next
            // byte above, which may then be marked without being a control character.
            return Some(nth * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let within = rest.iter().position(u8::is_ascii_control);
    within.map(|at| words.len() * 8 + at)
}

/// The order of two keys by their bytes, as `cmp` has it. Keys are short: a call that compares them
/// takes longer than comparing them here.
#[inline]
pub(crate) fn order(a: &[u8], b: &[u8]) -> Ordering {
    let length = a.len().min(b.len());
    let (a_shared, b_shared) = (&a[..length], &b[..length]);
    let (Some(a_last), Some(b_last)) = (a_shared.last_chunk(), b_shared.last_chunk()) else {
        return a.iter().cmp(b);
    };
    let words = a_shared.as_chunks::<8>().0.iter().chain([a_last]);
    let others = b_shared.as_chunks::<8>().0.iter().chain([b_last]);
    for (word, other) in words.zip(others) {
        if word != other {
            return u64::from_be_bytes(*word).cmp(&u64::from_be_bytes(*other));
        }
    }
    a.len().cmp(&b.len())
}

/// Not zero if and only if one of eight bytes is below a blank or is DEL.
fn controls(word: [u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(word);
    let below = |word: u64, bound: u8| word.wrapping_sub(EACH * u64::from(bound)) & !word;
    (below(word, b' ') | below(word ^ (EACH * 0x7f), 1)) & (EACH * 0x80)
}

/// Whether `stamp` can be stored with a key, as an empty one can.
pub(crate) fn is_stamp(stamp: &[u8]) -> bool {
    stamp.len() <= MAX_STAMP_BYTES && !has_control(stamp)
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    key: u16,
    id: u8,
    stamp: u8,
}

impl Entry {
    /// Its key and its timestamp.
    fn of<'b>(&self, bytes: &'b [u8]) -> (&'b [u8], &'b [u8]) {
        let row = &bytes[self.start as usize..];
        let (key, rest) = row.split_at(usize::from(self.key));
        let stamp = usize::from(self.id);
        (key, &rest[stamp..stamp + usize::from(self.stamp)])
    }

    /// Its id.
    fn id<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let start = self.start as usize + usize::from(self.key);
        &bytes[start..start + usize::from(self.id)]
    }
}

/// The first eight bytes of a key as a number with the same order. Shorter keys are padded with zeros,
/// which no key contains.
fn first_bytes(key: &[u8]) -> u64 {
    let mut first = [0; 8];
    let n = key.len().min(8);
    first[..n].copy_from_slice(&key[..n]);
    u64::from_be_bytes(first)
}

/// Keys, each with an optional timestamp beside it, in one allocation.
///
/// ```
/// use livelist_model::keys::KeyBuffer;
///
/// let mut keys = KeyBuffer::default();
/// for key in ["1000", "1e3", "ABC", "abc", "1000"] {
///     keys.push(key.as_bytes(), b"")?;
/// }
/// keys.sort_unique();
/// let sorted: Vec<&[u8]> = keys.iter().map(|(key, _)| key).collect();
/// // By bytes: `1000` and `1e3` are two keys, and so are `ABC` and `abc`.
/// assert_eq!(sorted, [&b"1000"[..], b"1e3", b"ABC", b"abc"]);
/// # Ok::<(), livelist_model::keys::KeyError>(())
/// ```
#[derive(Debug, Default)]
pub struct KeyBuffer {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A position in a [`KeyBuffer`] to return to, so that a page that turns out to be broken leaves nothing in
/// it.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    bytes: usize,
    entries: usize,
}

impl KeyBuffer {
    /// Adds a key and its timestamp (may be empty). A timestamp that cannot be stored on a line is dropped,
    /// because it is only a hint; the key is kept.
    pub fn push(&mut self, key: &[u8], stamp: &[u8]) -> Result<(), KeyError> {
        self.push_row(key, stamp, &[])
    }

    /// Adds a key, its timestamp, and the id by which its record can be requested (may be empty). An id
    /// that cannot be stored on a line is dropped, and the record is not requested.
    pub fn push_row(&mut self, key: &[u8], stamp: &[u8], id: &[u8]) -> Result<(), KeyError> {
        check_key(key)?;
        let stamp = if is_stamp(stamp) { stamp } else { &[] };
        let is_id = id.len() <= MAX_ID_BYTES && !has_control(id);
        let id = if is_id { id } else { &[] };
        let start = u32::try_from(self.bytes.len()).map_err(|_| KeyError::Full)?;
        self.entries.push(Entry {
            start,
            key: key.len() as u16,
            id: id.len() as u8,
            stamp: stamp.len() as u8,
        });
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(id);
        self.bytes.extend_from_slice(stamp);
        Ok(())
    }

    /// Moves all keys of `other` into this buffer, and leaves `other` empty.
    ///
    /// # Errors
    /// Both together exceed the size of one buffer; then nothing was added.
    pub fn append(&mut self, other: &mut KeyBuffer) -> Result<(), KeyError> {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else {
            let end = self.bytes.len() + other.bytes.len();
            u32::try_from(end).map_err(|_| KeyError::Full)?;
            let base = self.bytes.len() as u32;
            self.bytes.extend_from_slice(&other.bytes);
            self.entries.extend(other.entries.iter().map(|entry| Entry {
                start: base + entry.start,
                ..*entry
            }));
        }
        other.clear();
        Ok(())
    }

    /// How many keys there are, repeated ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes in use, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// The current end.
    pub fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            entries: self.entries.len(),
        }
    }

    /// The position before the key at `index`, or the current end if there are fewer keys. Only for rows in
    /// their original order.
    pub fn mark_at(&self, index: usize) -> Mark {
        match self.entries.get(index) {
            Some(entry) => Mark {
                bytes: entry.start as usize,
                entries: index,
            },
            None => self.mark(),
        }
    }

    /// Forgets everything after `mark`.
    pub fn truncate(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.entries.truncate(mark.entries);
    }

    /// Forgets everything, and keeps the memory for the next keys.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Drops the timestamps of the keys after `mark`, and frees their memory for further keys.
    pub fn forget_stamps(&mut self, mark: Mark) {
        let mut end = mark.bytes;
        for entry in self.entries.iter_mut().skip(mark.entries) {
            let start = entry.start as usize;
            let length = usize::from(entry.key) + usize::from(entry.id);
            self.bytes.copy_within(start..start + length, end);
            // Nothing moves up, so it fits as it did.
            entry.start = end as u32;
            entry.stamp = 0;
            end += length;
        }
        self.bytes.truncate(end);
    }

    /// The key at `index` in the present order.
    pub fn key(&self, index: usize) -> Option<&[u8]> {
        self.entries.get(index).map(|e| e.of(&self.bytes).0)
    }

    /// The last key added.
    pub fn last(&self) -> Option<&[u8]> {
        self.entries.last().map(|e| e.of(&self.bytes).0)
    }

    /// Sorts by bytes and drops repeated keys. Returns how many were dropped.
    pub fn sort_unique(&mut self) -> usize {
        let before = self.entries.len();
        let bytes = &self.bytes;
        let of = |e: &Entry| e.of(bytes).0;
        if !self.entries.is_sorted_by(|a, b| of(a) < of(b)) {
            // Most keys differ in their first bytes. Comparing those as adjacent numbers avoids a lookup in
            // the arena.
            let mut order: Vec<(u64, Entry)> = self
                .entries
                .iter()
                .map(|e| (first_bytes(of(e)), *e))
                .collect();
            order.sort_unstable_by(|(a_first, a), (b_first, b)| {
                a_first.cmp(b_first).then_with(|| of(a).cmp(of(b)))
            });
            order.dedup_by(|(a_first, a), (b_first, b)| a_first == b_first && of(a) == of(b));
            self.entries.clear();
            self.entries.extend(order.iter().map(|(_, entry)| *entry));
        }
        before - self.entries.len()
    }

    /// Keys and ids in the present order; keys without an id are left out.
    pub fn ids(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries
            .iter()
            .filter(|e| e.id > 0)
            .map(|e| (e.of(&self.bytes).0, e.id(&self.bytes)))
    }

    /// Key and id of each row from `first` on; the id may be empty.
    pub fn ids_from(&self, first: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
        let rows = self.entries.get(first..).unwrap_or_default();
        rows.iter()
            .map(|e| (e.of(&self.bytes).0, e.id(&self.bytes)))
    }

    /// Keys and timestamps in the present order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.iter_from(0)
    }

    /// The same for the rows from `first` on, without reading the rows before.
    pub fn iter_from(
        &self,
        first: usize,
    ) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        let rows = self.entries.get(first..).unwrap_or_default();
        rows.iter().map(|e| e.of(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_appended_stands_behind_what_was_there() {
        let of = |rows: &[(&str, &str)]| {
            let mut buffer = KeyBuffer::default();
            for (key, stamp) in rows {
                buffer.push(key.as_bytes(), stamp.as_bytes()).unwrap();
            }
            buffer
        };
        let (one, two) = ([("b", "1"), ("a", "")], &[("c", "33"), ("b", "1")][..]);
        for before in [&one[..], &[]] {
            let (mut whole, mut more) = (of(before), of(two));
            whole.append(&mut more).unwrap();
            let expected = of(&[before, two].concat());
            assert!(whole.iter().eq(expected.iter()));
            assert!(more.is_empty() && more.bytes() == 0);
        }
    }

    #[test]
    fn a_control_character_is_seen_wherever_it_stands() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    for around in [b' ', b'z', 0x80, 0xff] {
                        let mut text = vec![around; length];
                        text[place] = byte;
                        assert_eq!(has_control(&text), byte.is_ascii_control(), "{text:?}");
                        let first = byte.is_ascii_control().then_some(place);
                        assert_eq!(first_control(&text), first, "{text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn keys_that_look_alike_stay_apart() {
        let mut keys = KeyBuffer::default();
        for key in ["ABC", "abc", "1e3", "1000", "01000", "1000 "] {
            keys.push(key.as_bytes(), b"").unwrap();
        }
        assert_eq!(keys.sort_unique(), 0);
        assert_eq!(keys.len(), 6);
    }

    #[test]
    fn keys_that_could_not_stand_on_a_line_are_refused() {
        assert_eq!(check_key(b""), Err(KeyError::Empty));
        assert_eq!(check_key(b"a\nb"), Err(KeyError::Control));
        assert_eq!(check_key(b"a\tb"), Err(KeyError::Control));
        assert_eq!(check_key(&[b'a'; 1021]), Err(KeyError::TooLong));
        assert_eq!(
            check_key("clé-26000000000000000000000001".as_bytes()),
            Ok(())
        );
    }

    #[test]
    fn timestamps_of_a_page_are_forgotten() {
        let mut keys = KeyBuffer::default();
        keys.push(b"a", b"2025").unwrap();
        let mark = keys.mark();
        for (key, stamp) in [("bb", "2026"), ("c", ""), ("dddddd", "2027")] {
            keys.push(key.as_bytes(), stamp.as_bytes()).unwrap();
        }
        keys.forget_stamps(mark);
        keys.push(b"e", b"2028").unwrap();
        let rows: Vec<_> = keys.iter().collect();
        let expected = [
            ("a", "2025"),
            ("bb", ""),
            ("c", ""),
            ("dddddd", ""),
            ("e", "2028"),
        ];
        assert_eq!(
            rows,
            expected.map(|(key, stamp)| (key.as_bytes(), stamp.as_bytes()))
        );
    }

    #[test]
    fn ids_stay_when_timestamps_are_forgotten() {
        let mut keys = KeyBuffer::default();
        let mark = keys.mark();
        keys.push_row(b"bb", b"2026", b"L2").unwrap();
        keys.push_row(b"a", b"", b"").unwrap();
        keys.push_row(b"c", b"2027", &[b'x'; 256]).unwrap();
        keys.push_row(b"d", b"2028", b"L4").unwrap();
        keys.forget_stamps(mark);
        keys.push_row(b"e", b"2029", b"L5").unwrap();
        keys.sort_unique();
        let ids: Vec<_> = keys.ids().collect();
        let expected = [("bb", "L2"), ("d", "L4"), ("e", "L5")];
        assert_eq!(ids, expected.map(|(k, id)| (k.as_bytes(), id.as_bytes())));
        assert_eq!(keys.iter().last(), Some((&b"e"[..], &b"2029"[..])));
    }

    #[test]
    fn rows_behind_an_index_are_cut_off() {
        let mut keys = KeyBuffer::default();
        for (key, stamp) in [("a", "2025"), ("bb", "2026"), ("c", "")] {
            keys.push(key.as_bytes(), stamp.as_bytes()).unwrap();
        }
        keys.truncate(keys.mark_at(3));
        assert_eq!(keys.len(), 3);
        keys.truncate(keys.mark_at(1));
        keys.push(b"d", b"").unwrap();
        let rows: Vec<_> = keys.iter().collect();
        assert_eq!(rows, [(&b"a"[..], &b"2025"[..]), (b"d", b"")]);
    }

    #[test]
    fn a_mark_takes_a_broken_page_back() {
        let mut keys = KeyBuffer::default();
        keys.push(b"a", b"2026").unwrap();
        let mark = keys.mark();
        keys.push(b"b", b"").unwrap();
        keys.truncate(mark);
        assert_eq!(
            keys.iter().collect::<Vec<_>>(),
            [(b"a".as_slice(), b"2026".as_slice())]
        );
    }

    proptest! {
        #[test]
        fn the_first_of_many_control_characters_is_found(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(0x7f), Just(b' '), any::<u8>()], 0..40),
        ) {
            let first = text.iter().position(u8::is_ascii_control);
            prop_assert_eq!(first_control(&text), first);
            prop_assert_eq!(has_control(&text), first.is_some());
        }

        #[test]
        fn the_order_of_keys_is_that_of_their_bytes(
            shared in proptest::collection::vec(any::<u8>(), 0..20),
            a in proptest::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..20),
            b in proptest::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..20),
        ) {
            let (a, b) = ([&shared[..], &a].concat(), [&shared[..], &b].concat());
            prop_assert_eq!(order(&a, &b), a.cmp(&b));
            prop_assert_eq!(order(&a, &a), Ordering::Equal);
        }
    }

    proptest! {
        #[test]
        fn sorting_is_what_a_btreeset_does(rows in proptest::collection::vec(("(a{6,9})?[a-cA-C0-2é]{1,3}", "[0-9]{0,3}"), 0..60)) {
            let mut keys = KeyBuffer::default();
            let mut expected = std::collections::BTreeSet::new();
            for (key, stamp) in &rows {
                keys.push(key.as_bytes(), stamp.as_bytes()).unwrap();
                expected.insert(key.clone().into_bytes());
            }
            let dropped = keys.sort_unique();
            prop_assert_eq!(dropped, rows.len() - expected.len());
            let got: Vec<_> = keys.iter().map(|(key, _)| key.to_vec()).collect();
            prop_assert_eq!(got, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
