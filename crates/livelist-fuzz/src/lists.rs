//! Lists at rest: parts and snapshots.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use livelist_model::codec::{
    CodecError, Effort, KeyStream, ListReader, ListSummary, ListWriter, digest,
};
use livelist_model::keys::KeyBuffer;

use crate::damage;

/// Keys with their timestamps, in order.
pub(crate) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Three bytes of damage, then lines of `key` or `key⇥timestamp`. A list comes back as it was
/// written; a damaged one is an error, or the same list still, but never another.
pub fn list(bytes: &[u8]) {
    let _ = read(bytes, None);
    let Some((damage, text)) = damage::of(bytes) else {
        return;
    };
    any_row(text);
    let mut keys = KeyBuffer::default();
    let mut rows = Rows::new();
    for line in text.split(|b| *b == b'\n') {
        let (key, stamp) = at_tab(line);
        if keys.push(key, stamp).is_ok() {
            let sound = stamp.len() <= 64 && !stamp.iter().any(|b| b.is_ascii_control());
            let stamp = if sound { stamp } else { b"" };
            let best = rows.entry(key.to_vec()).or_default();
            *best = stamp.max(best.as_slice()).to_vec();
        }
    }
    keys.sort_unique();
    let (stored, summary) = written(keys.iter());
    assert_eq!(summary.count, rows.len() as u64);
    assert_eq!(
        read(&stored, Some(summary.clone())).ok(),
        Some(rows.clone())
    );
    let text: Vec<u8> = rows
        .iter()
        .flat_map(|(key, stamp)| line(key, stamp))
        .collect();
    assert_eq!(summary.sha256, digest(&text));
    let damaged = damage.apply(&stored, &text, gzip);
    if let Ok(other) = read(&damaged, Some(summary)) {
        assert_eq!(other, rows, "{damage:?} made another list");
        // Nothing but the header's time, its operating system and the like may differ unseen.
        let body = |bytes: &[u8]| bytes.get(10..).map(<[u8]>::to_vec);
        let unseen = damaged == stored || body(&damaged) == body(&stored);
        assert!(
            unseen || matches!(damage, damage::Damage::Flip(_)),
            "{damage:?}"
        );
    }
}

/// A line that the writer takes is one that the reader gives back.
fn any_row(text: &[u8]) {
    let (key, stamp) = at_tab(text);
    let mut list = ListWriter::new(Vec::new(), Effort::Fast);
    if list.push(key, stamp).is_ok() {
        let (stored, summary) = list.finish().expect("memory");
        let row = Rows::from([(key.to_vec(), stamp.to_vec())]);
        assert_eq!(read(&stored, Some(summary)).ok(), Some(row));
    }
}

fn at_tab(line: &[u8]) -> (&[u8], &[u8]) {
    let at = line.iter().position(|b| *b == b'\t');
    at.map_or((line, b""), |at| (&line[..at], &line[at + 1..]))
}

fn line(key: &[u8], stamp: &[u8]) -> Vec<u8> {
    match stamp {
        [] => [key, b"\n"].concat(),
        _ => [key, b"\t", stamp, b"\n"].concat(),
    }
}

pub(crate) fn written<'a>(
    rows: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> (Vec<u8>, ListSummary) {
    let mut list = ListWriter::new(Vec::new(), Effort::Small);
    for (key, stamp) in rows {
        list.push(key, stamp).expect("a sound row");
    }
    list.finish().expect("memory")
}

fn read(bytes: &[u8], expected: Option<ListSummary>) -> Result<Rows, CodecError> {
    let mut list = ListReader::new(bytes, expected);
    let mut rows = Rows::new();
    let mut former: Option<Vec<u8>> = None;
    while list.advance()? {
        assert!(former.as_deref() < Some(list.key()), "out of order");
        former = Some(list.key().to_vec());
        rows.insert(list.key().to_vec(), list.stamp().to_vec());
    }
    Ok(rows)
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    gzip.write_all(text).expect("memory");
    gzip.finish().expect("memory")
}
