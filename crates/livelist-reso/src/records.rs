//! Whole records out of a page's body. A scan reads a page for its keys; where records are wanted as well,
//! the client keeps the body, and this reads it once more.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use livelist_model::without_bom;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::page::{PageError, mended};

/// The parts of an answer that a request takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Takes {
    /// The keys of a page.
    #[default]
    Keys,
    /// The keys of a page, and the whole records ([`crate::Client::take_bodies`]).
    Records,
    /// The body of a page of an expansion, whose records have another key.
    Nested,
    /// The body of a document that is no page, e.g. `$metadata`.
    Document,
}

/// Which whole records a scan asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The fields (`$select`), with commas between them; all where it is empty.
    pub select: String,
    /// What is expanded (`$expand`), with commas between; nothing where it is empty.
    pub expand: String,
}

/// The longest body with whole records, uncompressed, in bytes.
pub const MAX_BODY: u64 = 128 * 1024 * 1024;

/// The records of one page.
#[derive(Debug)]
pub struct Records(String);

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(
        borrow,
        default,
        rename = "@odata.nextLink",
        alias = "@nextLink",
        alias = "odata.nextLink"
    )]
    next: Option<Cow<'a, str>>,
}

impl Records {
    /// Of a page's body. What is odd in it (bytes that are not UTF-8, control characters, `NaN`) is mended as
    /// it is for the keys.
    ///
    /// # Errors
    /// It is no page.
    ///
    /// ```
    /// use livelist_reso::records::Records;
    ///
    /// let records = Records::of(br#"{"value": [{"ListingKey": "a1"}, {"ListingKey": "a2"}]}"#.to_vec())?;
    /// assert_eq!(records.rows()?[1].get(), r#"{"ListingKey": "a2"}"#);
    /// # Ok::<(), livelist_reso::page::PageError>(())
    /// ```
    pub fn of(body: Vec<u8>) -> Result<Records, PageError> {
        let plain = match without_bom(&body).len() == body.len() {
            true => body,
            false => without_bom(&body).to_vec(),
        };
        let records = match String::from_utf8(plain) {
            Ok(text) => Records(text),
            Err(odd) => Records(text_of(mended(odd.as_bytes()))?),
        };
        if records.rows().is_ok() {
            return Ok(records);
        }
        Ok(Records(text_of(mended(records.0.as_bytes()))?))
    }

    /// The records as they stand in the page, in order.
    ///
    /// # Errors
    /// It is no page.
    pub fn rows(&self) -> Result<Vec<&RawValue>, PageError> {
        Ok(self.read()?.value)
    }

    /// The link to the next page, if there is one.
    ///
    /// # Errors
    /// It is no page.
    pub fn next(&self) -> Result<Option<String>, PageError> {
        Ok(self.read()?.next.map(Cow::into_owned))
    }

    fn read(&self) -> Result<Envelope<'_>, PageError> {
        serde_json::from_str(&self.0).map_err(|e| PageError::Json(e.into()))
    }
}

fn text_of(bytes: Option<Vec<u8>>) -> Result<String, PageError> {
    let odd = || PageError::Shape("its records cannot be read".to_owned());
    String::from_utf8(bytes.ok_or_else(odd)?).map_err(|_| odd())
}

/// A body, uncompressed.
pub(crate) fn decoded(
    encoding: Option<&[u8]>,
    body: impl Read,
    most: u64,
) -> Result<Vec<u8>, PageError> {
    let body: Box<dyn Read + '_> = match encoding {
        None | Some(b"identity") => Box::new(body),
        Some(b"gzip" | b"x-gzip") => Box::new(MultiGzDecoder::new(body)),
        Some(b"deflate") => Box::new(ZlibDecoder::new(body)),
        Some(_) => {
            return Err(PageError::Shape(
                "its Content-Encoding is unknown".to_owned(),
            ));
        }
    };
    let mut bytes = Vec::new();
    let read = body.take(most + 1).read_to_end(&mut bytes);
    read.map_err(PageError::Json)?;
    match bytes.len() as u64 > most {
        true => Err(PageError::TooLarge {
            what: "bytes",
            limit: most,
        }),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_is_mended_and_what_is_no_page_is_none() {
        let of = |body: &[u8]| {
            let records = Records::of(body.to_vec())?;
            Ok::<_, PageError>(
                records
                    .rows()?
                    .iter()
                    .map(|row| row.get().to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            of(b"\xEF\xBB\xBF{\"value\":[{\"K\":1}]}").unwrap(),
            ["{\"K\":1}"]
        );
        assert_eq!(of(b"{\"value\":[{\"K\":NaN}]}").unwrap(), ["{\"K\":null}"]);
        assert_eq!(of(b"{\"value\":[{\"K\":\"a\xFFb\"}]}").unwrap().len(), 1);
        assert_eq!(of(b"{\"value\":[]}").unwrap(), [""; 0]);
        let led =
            Records::of(b"{\"value\":[],\"@odata.nextLink\":\"a\\u0026b\"}".to_vec()).unwrap();
        assert_eq!(led.next().unwrap().as_deref(), Some("a&b"));
        assert!(of(b"{}").is_err() && of(b"<html>").is_err());
    }
}
