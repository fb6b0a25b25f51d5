//! The members of one record, borrowed from the page that holds it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The longest record, in bytes.
pub const MAX_RECORD: usize = 16 * 1024 * 1024;

/// Why a record is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no JSON object.
    #[error("it is no JSON object: {0}")]
    Json(String),
    /// It has no key.
    #[error("it has no `{0}`")]
    NoKey(String),
    /// A member is repeated.
    #[error("it has `{0}` twice")]
    Twice(String),
    /// It is too long.
    #[error("it has {0} bytes, more than 16 MB")]
    TooLong(usize),
}

impl RecordError {
    /// The stable name, for counters and tables.
    pub fn name(&self) -> &'static str {
        match self {
            RecordError::Json(_) => "NoObject",
            RecordError::NoKey(_) => "NoKey",
            RecordError::Twice(_) => "MemberTwice",
            RecordError::TooLong(_) => "TooLong",
        }
    }
}

/// The members of a record in the order in which they were sent, without control information
/// (`@odata.…`, OData JSON 4.01, section 4.6): that of one answer differs from that of the next.
#[derive(Debug, Clone, Default)]
pub struct Fields<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// It is too long, no object, or has a member twice.
    ///
    /// ```
    /// use livelist_records::Fields;
    ///
    /// let fields = Fields::read(r#"{"@odata.id": "…", "ListingKey": "a1", "ListPrice": 5.10}"#)?;
    /// assert_eq!(fields.get("ListPrice"), Some("5.10"));
    /// assert_eq!(fields.key("ListingKey")?, "a1");
    /// assert_eq!(fields.to_json(), r#"{"ListingKey":"a1","ListPrice":5.10}"#);
    /// # Ok::<(), livelist_records::RecordError>(())
    /// ```
    pub fn read(json: &'a str) -> Result<Fields<'a>, RecordError> {
        if json.len() > MAX_RECORD {
            return Err(RecordError::TooLong(json.len()));
        }
        let fields: Fields<'a> =
            serde_json::from_str(json).map_err(|e| RecordError::Json(e.to_string()))?;
        let mut names: Vec<&str> = fields.members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(RecordError::Twice(pair[0].to_owned())),
            None => Ok(fields),
        }
    }

    /// All members: the name, and the value unchanged.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members
            .iter()
            .map(|(name, value)| (&**name, value.get()))
    }

    /// The value of a member, unchanged.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find_map(|(member, value)| (member == name).then_some(value))
    }

    /// The text of a member that is a string, or the digits of one that is a number.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.get(name)?;
        match value.as_bytes().first()? {
            b'"' => serde_json::from_str::<Text<'_>>(value).ok().map(|t| t.0),
            b'-' | b'0'..=b'9' => Some(Cow::Borrowed(value)),
            _ => None,
        }
    }

    /// The record's key: a string, or an integer as its digits.
    ///
    /// # Errors
    /// There is none.
    pub fn key(&self, field: &str) -> Result<Cow<'a, str>, RecordError> {
        let key = self.text(field).filter(|key| !key.is_empty());
        key.ok_or_else(|| RecordError::NoKey(field.to_owned()))
    }

    /// The record on one line.
    pub fn to_json(&self) -> String {
        self.to_json_without(&[])
    }

    /// The record on one line, without the members of these names.
    pub fn to_json_without(&self, without: &[String]) -> String {
        let bytes = self
            .iter()
            .map(|(n, v)| n.len() + v.len() + 4)
            .sum::<usize>();
        let mut json = String::with_capacity(bytes + 2);
        json.push('{');
        for (name, value) in self.iter() {
            if without.iter().any(|left_out| left_out == name) {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&quoted(name));
            json.push(':');
            json.push_str(&crate::minify::minify(value));
        }
        json.push('}');
        json
    }
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    // A string can always be written as JSON.
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

/// A string that is borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut members = Vec::with_capacity(64);
        while let Some(name) = map.next_key::<Text<'de>>()? {
            let value = map.next_value::<&'de RawValue>()?;
            if name.0.len() > MAX_NAME {
                return Err(de::Error::custom(
                    "a member's name is longer than 256 bytes",
                ));
            }
            if !name.0.contains('@') {
                members.push((name.0, value));
            }
        }
        Ok(Fields { members })
    }
}

const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_told_apart_is_rejected() {
        let of = |json: &str| Fields::read(json).and_then(|f| f.key("K").map(|k| k.into_owned()));
        assert_eq!(of(r#"{"K":"a"}"#).unwrap(), "a");
        assert_eq!(of(r#"{"K":"\u00e9"}"#).unwrap(), "é");
        assert_eq!(of(r#"{"K":17}"#).unwrap(), "17");
        for (json, name) in [
            (r#"{"k":"a"}"#, "NoKey"),
            (r#"{"K":null}"#, "NoKey"),
            (r#"{"K":""}"#, "NoKey"),
            (r#"{"K":["a"]}"#, "NoKey"),
            (r#"{"K":"a","B":1,"B":2}"#, "MemberTwice"),
            ("[1]", "NoObject"),
            (r#"{"K":"a""#, "NoObject"),
        ] {
            assert_eq!(of(json).unwrap_err().name(), name, "{json}");
        }
        let long = format!(r#"{{"K":"a","B":"{}"}}"#, "x".repeat(MAX_RECORD));
        assert_eq!(of(&long).unwrap_err().name(), "TooLong");
    }

    #[test]
    fn a_record_goes_on_one_line_as_it_was_sent() {
        let json = "{\n \"@odata.etag\": \"W\", \"Media@odata.count\": 2,\n \"K\": \"a\", \"N\": 1.50, \"L\": [ 1,\n 2 ] }";
        let fields = Fields::read(json).unwrap();
        assert_eq!(fields.to_json(), r#"{"K":"a","N":1.50,"L":[1,2]}"#);
    }
}
