//! The page reader: takes keys (and timestamps) out of a page of any size, without building a
//! document. Everything that is not provably a page is an error: a 200 that is an error object, an
//! HTML page or `{}` must never look like the end of a scan (F3).
//!
//! Works over `std::io::Read`; the JSON itself is serde_json's business, compression flate2's.

mod odd;
mod row;

use std::fmt;
use std::io::{self, Read};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use livelist_model::keys::{KeyBuffer, KeyError};
use livelist_model::without_bom;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use odd::Mended;
use row::Rows;

/// What to take from each row.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The field with the key.
    pub key: &'a str,
    /// The field with the timestamp, if it was asked for.
    pub stamp: Option<&'a str>,
    /// The field with the id by which records are requested, if that is not the key.
    pub id: Option<&'a str>,
}

/// Bounds of one page.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The longest body, uncompressed, in bytes.
    pub bytes: u64,
    /// The most rows.
    pub rows: u64,
    /// Bodies up to this size, in bytes, are parsed from memory, which is several times faster than
    /// from a stream; larger ones are streamed.
    pub in_memory: u64,
}

impl Default for Bounds {
    /// Trestle's largest page has 300,000 rows of about 30 bytes. No page is ten times as large.
    fn default() -> Self {
        Bounds {
            bytes: 256 * 1024 * 1024,
            rows: 1_000_000,
            in_memory: 16 * 1024 * 1024,
        }
    }
}

/// The content of a page besides its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Rows, repeated keys included.
    pub rows: u64,
    /// Of these, how many have their key as a JSON number.
    pub number_keys: u64,
    /// `@odata.nextLink`, unchanged.
    pub next_link: Option<String>,
    /// `@odata.count`.
    pub count: Option<u64>,
    /// Bytes of the body, uncompressed.
    pub bytes: u64,
}

/// Why an answer is not a page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The body is cut, not JSON, or its connection broke.
    #[error("it is not whole JSON")]
    Json(#[source] io::Error),
    /// JSON, but not a page.
    #[error("it is not a page: {0}")]
    Shape(String),
    /// A row without a usable key.
    #[error("row {row} has no usable key: {reason}")]
    Key {
        /// Its place in the page, from 1.
        row: u64,
        /// The reason.
        reason: String,
    },
    /// Rows in another order than the one that was asked for.
    #[error("its rows are not in the order that was asked for")]
    Order,
    /// More bytes or rows than any page has.
    #[error("it has more than {limit} {what}")]
    TooLarge {
        /// Bytes or rows.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
}

impl From<KeyError> for PageError {
    fn from(error: KeyError) -> Self {
        PageError::Key {
            row: 0,
            reason: error.to_string(),
        }
    }
}

/// A body corrected to valid JSON, if it has errors of a known kind.
pub(crate) fn mended(body: &[u8]) -> Option<Vec<u8>> {
    Mended::of(body).map(|mended| mended.json)
}

/// Room for a page to begin with, in bytes.
const FIRST: usize = 64 * 1024;

/// Reads a page from `body` (uncompressed) and adds its keys to `keys`. On an error nothing has
/// been added.
///
/// ```
/// use livelist_model::keys::KeyBuffer;
/// use livelist_reso::page::{Bounds, Fields, read_page};
///
/// let fields = Fields { key: "ListingKey", stamp: None, id: None };
/// let mut keys = KeyBuffer::default();
/// let body = br#"{"@odata.count": 2, "value": [{"ListingKey": "a1"}, {"ListingKey": "a2"}]}"#;
/// let page = read_page(&body[..], fields, Bounds::default(), &mut keys).unwrap();
/// assert_eq!((page.rows, page.count, keys.len()), (2, Some(2), 2));
///
/// // Status 200 is not enough: an error object, HTML or a row without its key is no page, and never
/// // looks like the end of the list.
/// for body in [&b"{}"[..], b"<html>", br#"{"value": [{"ListingId": "7"}]}"#] {
///     assert!(read_page(body, fields, Bounds::default(), &mut keys).is_err());
/// }
/// assert_eq!(keys.len(), 2);
/// ```
pub fn read_page(
    body: impl Read,
    fields: Fields<'_>,
    bounds: Bounds,
    keys: &mut KeyBuffer,
) -> Result<Page, PageError> {
    let mark = keys.mark();
    let result = read(body, fields, bounds, keys);
    if result.is_err() {
        keys.truncate(mark);
    }
    result
}

/// Reads a page as [`read_page`] does, out of a body with this `Content-Encoding`.
pub fn read_encoded(
    encoding: Option<&[u8]>,
    body: impl Read,
    fields: Fields<'_>,
    bounds: Bounds,
    keys: &mut KeyBuffer,
) -> Result<Page, PageError> {
    match encoding {
        None | Some(b"identity") => read_page(body, fields, bounds, keys),
        Some(b"gzip" | b"x-gzip") => read_page(MultiGzDecoder::new(body), fields, bounds, keys),
        Some(b"deflate") => read_page(ZlibDecoder::new(body), fields, bounds, keys),
        Some(_) => Err(PageError::Shape(
            "its Content-Encoding is unknown".to_owned(),
        )),
    }
}

fn read(
    mut body: impl Read,
    fields: Fields<'_>,
    bounds: Bounds,
    keys: &mut KeyBuffer,
) -> Result<Page, PageError> {
    let mut head = Vec::with_capacity(FIRST);
    // Enough for a byte order mark in any case.
    let slice = bounds.in_memory.min(bounds.bytes).max(2) + 1;
    (&mut body)
        .take(slice)
        .read_to_end(&mut head)
        .map_err(PageError::Json)?;
    let seen = head.len() as u64;
    if seen < slice && seen <= bounds.bytes {
        let page = read_whole(&head, fields, bounds, keys)?;
        return Ok(Page {
            bytes: seen,
            ..page
        });
    }
    let mut problem = None;
    let rest = Counted {
        inner: body,
        bytes: 0,
        limit: bounds.bytes,
    };
    let head = without_bom(&head);
    let mut stream = io::BufReader::with_capacity(64 * 1024, io::Cursor::new(head).chain(rest));
    let parsed = parse(
        &mut serde_json::Deserializer::from_reader(&mut stream),
        PageSeed::new(fields, bounds, keys, &mut problem),
    );
    let seen = seen + stream.get_ref().get_ref().1.bytes;
    if seen > bounds.bytes {
        return Err(PageError::TooLarge {
            what: "bytes",
            limit: bounds.bytes,
        });
    }
    match parsed {
        Ok(page) => Ok(Page {
            bytes: seen,
            ..page
        }),
        Err(error) => Err(problem.unwrap_or_else(|| no_page(error, head))),
    }
}

/// Reads a page that is in memory: as JSON, and if that fails, with known errors corrected.
fn read_whole(
    body: &[u8],
    fields: Fields<'_>,
    bounds: Bounds,
    keys: &mut KeyBuffer,
) -> Result<Page, PageError> {
    let mark = keys.mark();
    let body = without_bom(body);
    let mut problem = None;
    let seed = PageSeed::new(fields, bounds, keys, &mut problem);
    // A text that is checked as a whole is parsed nearly twice as fast as one checked string by string. An
    // invalid string in an unused field is no reason to refuse a page.
    let parsed = match std::str::from_utf8(body) {
        Ok(text) => parse(&mut serde_json::Deserializer::from_str(text), seed),
        Err(_) => parse(&mut serde_json::Deserializer::from_slice(body), seed),
    };
    let strict = match (parsed, problem) {
        (Ok(page), _) => return Ok(page),
        (Err(_), Some(problem)) => return Err(problem),
        (Err(error), None) => error,
    };
    let mended = Mended::of(body).filter(|_| strict.is_syntax());
    let Some(mended) = mended else {
        return Err(no_page(strict, body));
    };
    keys.truncate(mark);
    let mut problem = None;
    let seed = PageSeed::new(fields, bounds, keys, &mut problem);
    let parsed = parse(
        &mut serde_json::Deserializer::from_slice(&mended.json),
        seed,
    );
    let odd = mended.describe();
    match (parsed, problem) {
        (Ok(page), _) => match &page.next_link {
            Some(link) if link.contains(odd::SIGN) => Err(PageError::Shape(format!(
                "its link cannot be read: it holds {odd}"
            ))),
            _ => Ok(page),
        },
        (Err(_), Some(PageError::Key { row, reason })) => Err(PageError::Key {
            row,
            reason: format!("{reason}; the page holds {odd}"),
        }),
        (Err(_), Some(problem)) => Err(problem),
        (Err(error), None) if error.is_data() => Err(no_page(error, body)),
        (Err(_), None) => Err(PageError::Json(io::Error::other(format!(
            "{strict}; it holds {odd}"
        )))),
    }
}

/// Why a body is no page.
fn no_page(error: serde_json::Error, body: &[u8]) -> PageError {
    if error.is_data() {
        return PageError::Shape(without_values(&error));
    }
    match odd::beginning(body) {
        Some(begins) => PageError::Json(io::Error::other(begins)),
        None => PageError::Json(error.into()),
    }
}

fn parse<'de, R: serde_json::de::Read<'de>>(
    json: &mut serde_json::Deserializer<R>,
    seed: PageSeed<'_>,
) -> Result<Page, serde_json::Error> {
    let page = seed.deserialize(&mut *json)?;
    json.end()?;
    Ok(page)
}

/// The message of a wrong type without the value, which is the provider's data.
fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    // The last one: the value may hold the same words.
    match (message.find("invalid type: "), message.rfind(", expected ")) {
        (Some(_), Some(expected)) => format!("{} in another form", &message[expected + 2..]),
        _ => message,
    }
}

/// Ends a body that is too long.
struct Counted<R> {
    inner: R,
    bytes: u64,
    limit: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bytes += n as u64;
        if self.bytes > self.limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the body is too long",
            ));
        }
        Ok(n)
    }
}

struct PageSeed<'a> {
    fields: Fields<'a>,
    max_rows: u64,
    keys: &'a mut KeyBuffer,
    /// An error with more to say than serde's.
    problem: &'a mut Option<PageError>,
}

impl<'a> PageSeed<'a> {
    fn new(
        fields: Fields<'a>,
        bounds: Bounds,
        keys: &'a mut KeyBuffer,
        problem: &'a mut Option<PageError>,
    ) -> PageSeed<'a> {
        PageSeed {
            fields,
            max_rows: bounds.rows,
            keys,
            problem,
        }
    }
}

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Page;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Page, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an array `value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let mut has_value = false;
        let mut others = Vec::new();
        while let Some(member) = map.next_key_seed(MemberSeed(&mut others))? {
            match member {
                Member::Value if has_value => {
                    return Err(de::Error::custom("`value` is there twice"));
                }
                Member::Value => {
                    has_value = true;
                    (page.rows, page.number_keys) = map.next_value_seed(Rows {
                        fields: self.fields,
                        max_rows: self.max_rows,
                        keys: self.keys,
                        problem: self.problem,
                    })?;
                }
                Member::NextLink => {
                    page.next_link = map
                        .next_value::<Option<String>>()?
                        .filter(|l| !l.is_empty());
                }
                Member::Count => page.count = map.next_value::<Count>()?.0,
                Member::Error => return Err(de::Error::custom("it holds an `error`")),
                Member::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_value {
            Ok(page)
        } else {
            let others = others.join(", ");
            Err(de::Error::custom(match others.is_empty() {
                true => "there is no array `value`: it is an empty object".to_owned(),
                false => format!("there is no array `value`; what is there is {others}"),
            }))
        }
    }
}

/// The members of a page that mean something. OData 3 servers leave the `@` out.
enum Member {
    Value,
    NextLink,
    Count,
    Error,
    Other,
}

/// At most this many names of other members are kept, each up to this many bytes.
const NAMES: usize = 8;
const NAME: usize = 40;

/// Reads the name of a member. Unknown names are kept, for the error if there is no `value`.
struct MemberSeed<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for MemberSeed<'_> {
    type Value = Member;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Member, D::Error> {
        json.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberSeed<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        let member = match name {
            "value" => Member::Value,
            "@odata.nextLink" | "odata.nextLink" | "@nextLink" => Member::NextLink,
            "@odata.count" | "odata.count" | "@count" => Member::Count,
            "error" | "odata.error" | "Error" => return Ok(Member::Error),
            _ => Member::Other,
        };
        if self.0.len() < NAMES && !matches!(member, Member::Value) {
            let printable = name.chars().filter(|c| c.is_ascii_graphic());
            self.0
                .push(format!("`{}`", printable.take(NAME).collect::<String>()));
        }
        Ok(member)
    }
}

/// A count as a number or, from some servers, as a string. Any other value is refused before it is read,
/// because a large array would take many times its bytes in memory.
struct Count(Option<u64>);

impl<'de> de::Deserialize<'de> for Count {
    fn deserialize<D: de::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(CountVisitor).map(Count)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`@odata.count` as a number")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<u64>, E> {
        Ok(Some(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<u64>, E> {
        let number = text.trim().parse();
        number
            .map(Some)
            .map_err(|_| E::custom("`@odata.count` is a text that is no number"))
    }

    fn visit_unit<E>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
