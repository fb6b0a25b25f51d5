//! Pages: the reader against the grammar and `serde_json::Value`, whole and in pieces, from memory
//! and streamed, compressed and cut.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use livelist_model::keys::{KeyBuffer, MAX_KEY_BYTES};
use livelist_reso::page::{Bounds, Fields, Page, read_encoded};
use serde_json::Value;

use crate::json;

const FIELDS: Fields<'static> = Fields {
    key: "ListingKey",
    stamp: Some("ModificationTimestamp"),
    id: None,
};

/// More rows than this are refused.
const MAX_ROWS: u64 = 200;

/// Bytes of memory for each byte of a body: buffers that grow by doubling, a body and its keys at
/// once, and serde_json's words about a value of the wrong type.
const FACTOR: u64 = 16;
/// Bytes of memory that a page may take beside: the reader's buffer (64 KiB), the decoder's window
/// and tables.
const BESIDE: u64 = 256 * 1024;

type Row = (Vec<u8>, Vec<u8>);

/// A page as it was read: its rows with their timestamps, its link and its count.
#[derive(Debug, PartialEq)]
struct Reading {
    rows: Vec<Row>,
    next_link: Option<String>,
    count: Option<u64>,
}

/// A body means the same whole, in chunks and streamed, by the rules of `livelist_reso::page`. Invalid JSON
/// may still be accepted, but not if it is streamed.
pub fn page(body: &[u8]) {
    let expected = expected(body);
    let strict = reference(body).filter(|page| page.rows.len() as u64 <= MAX_ROWS);
    let len = body.len() as u64;
    let bounds = Bounds {
        bytes: len,
        rows: MAX_ROWS,
        in_memory: len,
    };
    let from_memory = read(None, body, bounds);
    assert_eq!(from_memory, expected, "from memory");
    let step = 1 + body.len() % 7;
    assert_eq!(read(None, Pieces(body, step), bounds), expected, "pieces");
    for in_memory in [0, len / 2] {
        let bounds = Bounds {
            in_memory,
            ..bounds
        };
        let streamed = read(None, Pieces(body, step), bounds);
        assert_eq!(streamed, strict, "streamed after {in_memory}");
    }
    refuse_what_is_too_large(body, bounds, &expected);
}

fn refuse_what_is_too_large(body: &[u8], bounds: Bounds, expected: &Option<Reading>) {
    if let Some(bytes) = bounds.bytes.checked_sub(1) {
        for in_memory in [0, bounds.in_memory] {
            let short = Bounds {
                bytes,
                in_memory,
                ..bounds
            };
            assert_eq!(read(None, body, short), None, "a byte too long");
        }
    }
    let rows = expected.as_ref().map_or(0, |page| page.rows.len() as u64);
    if let Some(rows) = rows.checked_sub(1) {
        let few = Bounds { rows, ..bounds };
        assert_eq!(read(None, body, few), None, "a row too many");
    }
}

/// Bytes that are marked as compressed mean the same as for an ordinary decoder, or are an error; a small
/// input that decompresses to a large one stops at the bound. The same bytes as a body mean the same when
/// compressed.
pub fn encoded_page(bytes: &[u8]) {
    let bounds = Bounds {
        bytes: 64 * 1024,
        rows: MAX_ROWS,
        in_memory: 32 * 1024,
    };
    let decoders: [(&str, Box<dyn Read + '_>); 2] = [
        ("gzip", Box::new(MultiGzDecoder::new(bytes))),
        ("deflate", Box::new(ZlibDecoder::new(bytes))),
    ];
    for (encoding, decoder) in decoders {
        let mut body = Vec::new();
        let whole = decoder
            .take(bounds.bytes + 1)
            .read_to_end(&mut body)
            .is_ok();
        let expected = (whole && body.len() as u64 <= bounds.bytes)
            .then(|| match body.len() as u64 <= bounds.in_memory {
                true => self::expected(&body),
                false => reference(&body).filter(|page| page.rows.len() as u64 <= MAX_ROWS),
            })
            .flatten();
        let pieces = Pieces(bytes, 1 + bytes.len() % 7);
        assert_eq!(read(Some(encoding), pieces, bounds), expected, "{encoding}");
    }
    compressed(bytes);
}

/// A body means the same compressed, in one member or more, and nothing once it was cut.
fn compressed(body: &[u8]) {
    let bounds = Bounds {
        bytes: body.len() as u64,
        rows: MAX_ROWS,
        in_memory: 1_024,
    };
    let expected = match body.len() as u64 <= bounds.in_memory {
        true => expected(body),
        false => reference(body).filter(|page| page.rows.len() as u64 <= MAX_ROWS),
    };
    let (first, second) = body.split_at(body.len() / 2);
    let whole = gzip(body);
    let members = [gzip(first), gzip(second)].concat();
    let zlib = zlib(body);
    let step = 1 + body.len() % 7;
    for (encoding, bytes) in [("gzip", &whole), ("x-gzip", &members), ("deflate", &zlib)] {
        let pieces = Pieces(bytes, step);
        assert_eq!(read(Some(encoding), pieces, bounds), expected, "{encoding}");
    }
    let sum = body
        .iter()
        .fold(0usize, |sum, b| sum * 31 % 65_521 + usize::from(*b));
    let cut = &whole[..sum % whole.len()];
    assert_eq!(read(Some("gzip"), cut, bounds), None, "a cut gzip body");
    assert_eq!(read(Some("br"), body, bounds), None, "an unknown encoding");
}

/// The result of reading `body`; properties of every answer are checked here.
fn read(encoding: Option<&str>, body: impl Read, bounds: Bounds) -> Option<Reading> {
    let mut keys = KeyBuffer::default();
    keys.push(b"before", b"2026").expect("a key");
    let bytes_before = keys.bytes();
    let encoding = encoding.map(str::as_bytes);
    let mut result = None;
    let memory = allocation_counter::measure(|| {
        result = Some(read_encoded(encoding, body, FIELDS, bounds, &mut keys));
    });
    let allowed = bounds.bytes * FACTOR + BESIDE;
    assert!(
        memory.bytes_max <= allowed,
        "{} bytes of memory for a page of at most {}",
        memory.bytes_max,
        bounds.bytes
    );
    let mut rows = keys
        .iter()
        .map(|(key, stamp)| (key.to_vec(), stamp.to_vec()));
    assert_eq!(rows.next(), Some((b"before".to_vec(), b"2026".to_vec())));
    let rows: Vec<Row> = rows.collect();
    match result {
        Some(Ok(page)) => {
            assert!(page.bytes <= bounds.bytes && page.rows <= bounds.rows);
            Some(reading(page, rows))
        }
        _ => {
            assert!(rows.is_empty(), "an error left keys behind");
            assert_eq!(keys.bytes(), bytes_before, "an error left bytes behind");
            None
        }
    }
}

fn reading(page: Page, rows: Vec<Row>) -> Reading {
    assert_eq!(page.rows, rows.len() as u64);
    Reading {
        rows,
        next_link: page.next_link,
        count: page.count,
    }
}

/// The meaning of a body that is parsed from memory: as JSON, or with its known errors corrected.
fn expected(body: &[u8]) -> Option<Reading> {
    let page = reference(body).or_else(|| {
        let page = reference(&json::mended(body))?;
        let link = page.next_link.as_deref().unwrap_or_default();
        (!link.contains('\u{1}')).then_some(page)
    });
    page.filter(|page| page.rows.len() as u64 <= MAX_ROWS)
}

/// The rules again, over whole values: which members have a meaning, their allowed values, and which may be
/// repeated.
fn reference(body: &[u8]) -> Option<Reading> {
    let mut rows = None;
    let mut next_link = None;
    let mut count = None;
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    for (name, value) in json::members(json::document(body)?)? {
        match text(name)?.as_str() {
            "value" if rows.is_some() => return None,
            "value" => {
                let elements = json::elements(value)?;
                rows = Some(elements.into_iter().map(row).collect::<Option<_>>()?);
            }
            "@odata.nextLink" | "odata.nextLink" | "@nextLink" => {
                next_link = match scalar(value)? {
                    Value::Null => None,
                    Value::String(link) => Some(link).filter(|l| !l.is_empty()),
                    _ => return None,
                }
            }
            "@odata.count" | "odata.count" | "@count" => {
                count = match scalar(value)? {
                    Value::Null => None,
                    Value::String(text) => Some(text.trim().parse().ok()?),
                    number => Some(number.as_u64()?),
                }
            }
            "error" | "odata.error" | "Error" => return None,
            _ => {}
        }
    }
    Some(Reading {
        rows: rows?,
        next_link,
        count,
    })
}

/// One row: its key, once and valid, and its last timestamp unless that cannot be stored on a line.
fn row(text_of_row: &[u8]) -> Option<Row> {
    let (mut key, mut stamp) = (String::new(), String::new());
    for (name, value) in json::members(text_of_row)? {
        match text(name)?.as_str() {
            "ListingKey" if !key.is_empty() => return None,
            "ListingKey" => key = field(value)?,
            "ModificationTimestamp" => stamp = field(value)?,
            _ => {}
        }
    }
    if key.is_empty() || key.bytes().any(|b| b.is_ascii_control()) {
        return None;
    }
    if stamp.len() > 64 || stamp.bytes().any(|b| b.is_ascii_control()) {
        stamp.clear();
    }
    Some((key.into_bytes(), stamp.into_bytes()))
}

/// A string or an integer as its text; null as none.
fn field(value: &[u8]) -> Option<String> {
    match scalar(value)? {
        Value::Null => Some(String::new()),
        Value::String(text) => (text.len() <= MAX_KEY_BYTES).then_some(text),
        Value::Number(n) if n.is_u64() || n.is_i64() => Some(n.to_string()),
        _ => None,
    }
}

fn scalar(value: &[u8]) -> Option<Value> {
    if matches!(value.first(), Some(b'{' | b'[')) {
        return None;
    }
    serde_json::from_slice(value).ok()
}

fn text(value: &[u8]) -> Option<String> {
    serde_json::from_slice(value).ok()
}

/// A body in chunks of this many bytes.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(self.0.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(body).expect("memory");
    gzip.finish().expect("memory")
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(body).expect("memory");
    zlib.finish().expect("memory")
}
