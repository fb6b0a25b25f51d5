//! Stored lists: parts and snapshots.

use std::collections::BTreeSet;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use livelist_model::codec::{
    CodecError, Effort, KeyStream, ListReader, ListSummary, ListWriter, digest,
};
use livelist_model::keys::KeyBuffer;

use crate::damage;

/// Three bytes of damage, then keys, one per line. A list is read as it was written. A damaged one is an
/// error, or still the same list, but never another.
pub fn list(bytes: &[u8]) {
    let _ = read(bytes, None);
    let Some((damage, text)) = damage::of(bytes) else {
        return;
    };
    any_key(text);
    let mut buffer = KeyBuffer::default();
    let mut keys = BTreeSet::new();
    for line in text.split(|b| *b == b'\n') {
        let (key, stamp) = at_tab(line);
        if buffer.push(key, stamp).is_ok() {
            keys.insert(key.to_vec());
        }
    }
    buffer.sort_unique();
    let (stored, summary) = written(buffer.iter().map(|(key, _)| key));
    assert_eq!(summary.count, keys.len() as u64);
    assert_eq!(
        read(&stored, Some(summary.clone())).ok(),
        Some(keys.clone())
    );
    let text: Vec<u8> = keys
        .iter()
        .flat_map(|key| [key, &b"\n"[..]].concat())
        .collect();
    assert_eq!(summary.sha256, digest(&text));
    let damaged = damage.apply(&stored, &text, gzip);
    if let Ok(other) = read(&damaged, Some(summary)) {
        assert_eq!(other, keys, "{damage:?} made another list");
        // Nothing but the header's time, its operating system and the like may differ unseen.
        let body = |bytes: &[u8]| bytes.get(10..).map(<[u8]>::to_vec);
        let unseen = damaged == stored || body(&damaged) == body(&stored);
        assert!(
            unseen || matches!(damage, damage::Damage::Flip(_)),
            "{damage:?}"
        );
    }
}

/// A key that the writer accepts is returned by the reader.
fn any_key(key: &[u8]) {
    let mut list = ListWriter::new(Vec::new(), Effort::Stored);
    if list.push(key).is_ok() {
        let (stored, summary) = list.finish().expect("memory");
        let keys = BTreeSet::from([key.to_vec()]);
        assert_eq!(read(&stored, Some(summary)).ok(), Some(keys));
    }
}

fn at_tab(line: &[u8]) -> (&[u8], &[u8]) {
    let at = line.iter().position(|b| *b == b'\t');
    at.map_or((line, b""), |at| (&line[..at], &line[at + 1..]))
}

pub(crate) fn written<'a>(keys: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, ListSummary) {
    let mut list = ListWriter::new(Vec::new(), Effort::Small);
    for key in keys {
        list.push(key).expect("a sound key");
    }
    list.finish().expect("memory")
}

fn read(bytes: &[u8], expected: Option<ListSummary>) -> Result<BTreeSet<Vec<u8>>, CodecError> {
    let mut list = ListReader::new(bytes, expected);
    let mut keys = BTreeSet::new();
    let mut former: Option<Vec<u8>> = None;
    while list.advance()? {
        assert!(former.as_deref() < Some(list.key()), "out of order");
        former = Some(list.key().to_vec());
        keys.insert(list.key().to_vec());
    }
    Ok(keys)
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    gzip.write_all(text).expect("memory");
    gzip.finish().expect("memory")
}
