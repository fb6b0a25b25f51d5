//! The inner loops, always over the same input, for counting instructions and for profilers. The input
//! depends only on a number.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use livelist_model::codec::{CodecError, Effort, KeyStream, ListReader, ListWriter};
use livelist_model::keys::KeyBuffer;
use livelist_model::merge::{Side, Union, difference};
use livelist_reso::page::{Bounds, Fields, read_encoded};

use crate::Failed;

/// Does its work once and says how much it was.
pub type Kernel = fn() -> Result<u64, Failed>;

/// The loops by name.
pub const ALL: [(&str, Kernel); 7] = [
    ("page", page),
    ("page_gzip", page_gzip),
    ("sort", sort),
    ("write", write),
    ("read", read),
    ("merge", merge),
    ("difference", difference_of_two),
];

/// Rows and keys in each.
pub const ROWS: u64 = 20_000;

/// Runs one; the function that is counted is called `counted_` and its name.
pub fn run(name: &str) -> Result<(), Failed> {
    let found = ALL.iter().find(|(known, _)| *known == name);
    let (_, kernel) = found.ok_or_else(|| format!("there is no loop {name}"))?;
    // The result is used, so that the compiler does not remove the work.
    writeln!(std::io::stdout(), "{}", kernel()?)?;
    Ok(())
}

/// A number of 7 to 9 digits for each `n`, in no order (SplitMix64).
pub fn number(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    1_000_000 + (z ^ (z >> 31)) % 999_000_000
}

/// Sorted, distinct keys of the numbers in `range`, with one of `skip` left out.
pub fn keys(range: std::ops::Range<u64>, skip: u64) -> KeyBuffer {
    let mut keys = KeyBuffer::default();
    for n in range.filter(|n| n % 100 != skip) {
        // Digits are a key.
        let _ = keys.push(number(n).to_string().as_bytes(), b"");
    }
    keys.sort_unique();
    keys
}

/// A list of `keys`, compressed.
pub fn list(keys: &KeyBuffer, effort: Effort) -> Result<Vec<u8>, CodecError> {
    let mut list = ListWriter::new(Vec::new(), effort);
    for (key, _) in keys.iter() {
        list.push(key)?;
    }
    Ok(list.finish()?.0)
}

/// A page's body.
pub fn body() -> String {
    let mut text = String::from("{\"@odata.context\":\"https://x/$metadata#Property\",\"value\":[");
    for n in 0..ROWS {
        let comma = if n == 0 { "" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{comma}{{\"ListingKey\":\"{}\",\"ModificationTimestamp\":\"2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z\"}}",
            number(n),
            n % 28 + 1,
            n % 24,
            n % 60,
            n / 60 % 60,
            n % 1_000
        );
    }
    text + "]}"
}

const FIELDS: Fields<'static> = Fields {
    key: "ListingKey",
    stamp: Some("ModificationTimestamp"),
    id: None,
};

fn page() -> Result<u64, Failed> {
    counted_page(None, black_box(body().as_bytes()))
}

fn page_gzip() -> Result<u64, Failed> {
    counted_page(Some(b"gzip"), black_box(&gzip(body().as_bytes())?))
}

/// As a provider compresses.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Failed> {
    gzip_as(bytes, 6)
}

/// At this level.
pub fn gzip_as(bytes: &[u8], level: u32) -> Result<Vec<u8>, Failed> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(level));
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// The counted work.
#[inline(never)]
pub fn counted_page(encoding: Option<&[u8]>, body: &[u8]) -> Result<u64, Failed> {
    let mut keys = KeyBuffer::default();
    let page = read_encoded(encoding, body, FIELDS, Bounds::default(), &mut keys)?;
    Ok(page.rows + keys.len() as u64)
}

fn sort() -> Result<u64, Failed> {
    Ok(counted_sort(black_box(&mut unsorted()?)))
}

/// Keys in no order.
pub fn unsorted() -> Result<KeyBuffer, Failed> {
    let mut keys = KeyBuffer::default();
    for n in 0..ROWS {
        keys.push(number(n).to_string().as_bytes(), b"2026-11-21T04:00:00Z")?;
    }
    Ok(keys)
}

/// The counted work.
#[inline(never)]
pub fn counted_sort(keys: &mut KeyBuffer) -> u64 {
    keys.sort_unique() as u64 + keys.len() as u64
}

fn write() -> Result<u64, Failed> {
    counted_write(black_box(&keys(0..ROWS, 100)))
}

/// The counted work.
#[inline(never)]
pub fn counted_write(keys: &KeyBuffer) -> Result<u64, Failed> {
    Ok(list(keys, Effort::Small)?.len() as u64)
}

fn read() -> Result<u64, Failed> {
    counted_read(black_box(&list(&keys(0..ROWS, 100), Effort::Small)?))
}

/// The counted work.
#[inline(never)]
pub fn counted_read(list: &[u8]) -> Result<u64, Failed> {
    let mut list = ListReader::new(list, None);
    let mut count = 0;
    while list.advance()? {
        count += list.key().len() as u64;
    }
    Ok(count)
}

fn merge() -> Result<u64, Failed> {
    counted_merge(black_box(&parts()?))
}

/// Four parts.
pub fn parts() -> Result<Vec<Vec<u8>>, Failed> {
    let mut parts = Vec::new();
    for nth in 0..4 {
        let own = nth * ROWS / 4..(nth + 1) * ROWS / 4;
        parts.push(list(&keys(own, 100), Effort::Stored)?);
    }
    Ok(parts)
}

/// The counted work.
#[inline(never)]
pub fn counted_merge(parts: &[Vec<u8>]) -> Result<u64, Failed> {
    let streams = parts.iter().map(|p| (ListReader::new(&p[..], None), 0));
    let mut union = Union::new(streams.collect())?;
    let mut count = 0;
    while union.advance()? {
        count += u64::from(union.seen_in()) + union.key().len() as u64;
    }
    Ok(count)
}

fn difference_of_two() -> Result<u64, Failed> {
    let former = list(&keys(0..ROWS, 1), Effort::Small)?;
    let present = list(&keys(0..ROWS, 2), Effort::Stored)?;
    counted_difference(black_box(&former), black_box(&present))
}

/// The counted work.
#[inline(never)]
pub fn counted_difference(former: &[u8], present: &[u8]) -> Result<u64, Failed> {
    let mut sides = 0;
    difference::<CodecError>(
        &mut ListReader::new(former, None),
        &mut ListReader::new(present, None),
        |_, side| {
            sides += match side {
                Side::Former => 1,
                Side::Present => 1_000,
                Side::Both => 1_000_000,
            };
            Ok(())
        },
    )?;
    Ok(sides)
}
