//! The rows of a page: one pass, no allocation per row.

use std::fmt;

use livelist_model::keys::{KeyBuffer, MAX_KEY_BYTES};
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Fields, PageError};

/// Reads the array `value`: how many rows there are, and how many keys that are JSON numbers.
pub(super) struct Rows<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) max_rows: u64,
    pub(super) keys: &'a mut KeyBuffer,
    pub(super) problem: &'a mut Option<PageError>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = (u64, u64);

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<(u64, u64), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = (u64, u64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`value` as an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(u64, u64), A::Error> {
        let (mut rows, mut number_keys) = (0, 0);
        let mut row = Row {
            key: Vec::with_capacity(64),
            stamp: Vec::with_capacity(32),
            id: Vec::new(),
            key_is_number: false,
        };
        while array
            .next_element_seed(RowSeed {
                fields: self.fields,
                row: &mut row,
            })?
            .is_some()
        {
            rows += 1;
            number_keys += u64::from(row.key_is_number);
            if rows > self.max_rows {
                *self.problem = Some(PageError::TooLarge {
                    what: "rows",
                    limit: self.max_rows,
                });
                return Err(de::Error::custom("too many rows"));
            }
            let pushed = self
                .keys
                .push_row(&row.key, &row.stamp, &row.id)
                .map_err(|e| e.to_string());
            let missing = row
                .key
                .is_empty()
                .then(|| format!("no `{}`", self.fields.key));
            if let Some(reason) = missing.or(pushed.err()) {
                *self.problem = Some(PageError::Key { row: rows, reason });
                return Err(de::Error::custom("a row without a key"));
            }
        }
        Ok((rows, number_keys))
    }
}

/// One row's values, kept for the next one's memory.
struct Row {
    key: Vec<u8>,
    stamp: Vec<u8>,
    id: Vec<u8>,
    key_is_number: bool,
}

struct RowSeed<'a> {
    fields: Fields<'a>,
    row: &'a mut Row,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Key,
    Stamp,
    Id,
    Other,
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows as objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.row.key.clear();
        self.row.stamp.clear();
        self.row.id.clear();
        self.row.key_is_number = false;
        while let Some(field) = map.next_key_seed(FieldSeed(self.fields))? {
            match field {
                Field::Key if !self.row.key.is_empty() => {
                    return Err(de::Error::custom("a row has its key twice"));
                }
                Field::Key => {
                    self.row.key_is_number = map.next_value_seed(Scalar(&mut self.row.key))?;
                }
                Field::Stamp => {
                    self.row.stamp.clear();
                    map.next_value_seed(Scalar(&mut self.row.stamp))?;
                }
                Field::Id => {
                    self.row.id.clear();
                    map.next_value_seed(Scalar(&mut self.row.id))?;
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct FieldSeed<'a>(Fields<'a>);

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = Field;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<Field, D::Error> {
        json.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldSeed<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Field, E> {
        Ok(if name == self.0.key {
            Field::Key
        } else if Some(name) == self.0.stamp {
            Field::Stamp
        } else if Some(name) == self.0.id {
            Field::Id
        } else {
            Field::Other
        })
    }
}

/// Takes a string or an integer as its text; null is nothing. Says whether it was an integer.
struct Scalar<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Scalar<'_> {
    type Value = bool;

    fn deserialize<D: de::Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl Visitor<'_> for Scalar<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A number with a fraction, or with more digits than 64 bits can represent, would not be written
        // back unchanged.
        f.write_str("keys as strings or integers")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
        if text.len() > MAX_KEY_BYTES {
            return Err(de::Error::custom(
                "a key or timestamp is longer than 1020 bytes",
            ));
        }
        self.0.extend_from_slice(text.as_bytes());
        Ok(false)
    }

    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        self.0.extend_from_slice(number.to_string().as_bytes());
        Ok(true)
    }

    fn visit_i64<E>(self, number: i64) -> Result<bool, E> {
        self.0.extend_from_slice(number.to_string().as_bytes());
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}
