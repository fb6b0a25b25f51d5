//! The hash of a record: 64 bits by which the same content is known again. XXH3 (xxhash.com) by twox-hash.
//!
//! The same for: members in another order, lists in another order, white space, escapes, a member that
//! is null or missing. Numbers are compared by their text: `1.0` and `1.00` differ.

use twox_hash::XxHash3_64;

use crate::children::Children;
use crate::fields::Fields;

/// What is no part of a record's content, and which of its members are expansions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashing {
    /// Members whose value differs in each answer and is no change: signed URLs. Of the record, and of the
    /// records in its expansions.
    pub volatile: Vec<String>,
    /// Members that hold records of another resource, with the field of their key, if they have one; an empty
    /// text where they are kept as one value. The same record twice in a list counts once, as the last one.
    pub expansions: Vec<(String, Option<String>)>,
}

impl Hashing {
    /// The hash of a record.
    pub fn of(&self, fields: &Fields<'_>) -> u64 {
        let without: Vec<&str> = self.volatile.iter().map(String::as_str).collect();
        let key_of = |name: &str| {
            let found = self
                .expansions
                .iter()
                .find(|(expansion, _)| expansion == name);
            found.map(|(_, key)| key.as_deref())
        };
        let members = fields.iter().filter(|(name, _)| !without.contains(name));
        let sum = members.map(|(name, value)| {
            let children = key_of(name).and_then(|key| Children::read(value, key));
            match children {
                Some(children) => {
                    let rows = children.rows.iter();
                    let rows = list(rows.map(|child| hash(&child.fields, &without)));
                    // With another key the same records are other rows.
                    let key = key_of(name).flatten();
                    let key = key.map_or(0, |key| tagged(TEXT, key.as_bytes()));
                    named(name, rows.wrapping_add(key))
                }
                None => member(name, value),
            }
        });
        mixed(OBJECT, sum.fold(0_u64, u64::wrapping_add))
    }
}

/// The hash of a record without expansions, without the members of these names.
///
/// A member's hash is added to those of the others, so their order plays no part. Each is mixed with its
/// name first.
pub fn hash(fields: &Fields<'_>, without: &[&str]) -> u64 {
    let members = fields.iter().filter(|(name, _)| !without.contains(name));
    let sum = members
        .map(|(name, value)| member(name, value))
        .fold(0_u64, u64::wrapping_add);
    mixed(OBJECT, sum)
}

const OBJECT: u8 = b'{';
const LIST: u8 = b'[';
const TEXT: u8 = b'"';
const PLAIN: u8 = b'p';

fn member(name: &str, value: &str) -> u64 {
    match of_value(value) {
        Some(value) => named(name, value),
        None => 0,
    }
}

fn named(name: &str, value: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(value, name.as_bytes())
}

fn list(items: impl Iterator<Item = u64>) -> u64 {
    mixed(LIST, items.map(spread).fold(0, u64::wrapping_add))
}

/// The hash of a value; nothing of null.
fn of_value(value: &str) -> Option<u64> {
    let first = *value.as_bytes().first()?;
    Some(match first {
        b'n' => return None,
        b'"' if !value.contains('\\') => tagged(TEXT, &value.as_bytes()[1..value.len() - 1]),
        b'"' => match serde_json::from_str::<String>(value) {
            Ok(text) => tagged(TEXT, text.as_bytes()),
            // Half a surrogate pair: the text as it was sent.
            Err(_) => tagged(PLAIN, value.as_bytes()),
        },
        b'[' => match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(value) {
            Ok(items) => list(items.iter().map(|item| of_value(item.get()).unwrap_or(1))),
            Err(_) => tagged(PLAIN, value.as_bytes()),
        },
        b'{' => match serde_json::from_str::<Fields<'_>>(value) {
            Ok(fields) => hash(&fields, &[]),
            Err(_) => tagged(PLAIN, value.as_bytes()),
        },
        _ => tagged(PLAIN, value.as_bytes()),
    })
}

fn tagged(tag: u8, bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(u64::from(tag), bytes)
}

fn mixed(tag: u8, sum: u64) -> u64 {
    tagged(tag, &sum.to_le_bytes())
}

/// So that items which are sums themselves do not cancel each other out.
fn spread(item: u64) -> u64 {
    tagged(LIST, &item.to_le_bytes())
}

/// A hash as it is written: 16 hexadecimal digits.
pub fn to_text(hash: u64) -> String {
    format!("{hash:016x}")
}

/// A hash as it was written.
pub fn from_text(text: &str) -> Option<u64> {
    (text.len() == 16)
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> u64 {
        hash(&Fields::read(json).unwrap(), &["MediaURL"])
    }

    #[test]
    fn what_is_the_same_has_the_same_hash() {
        let one = of(r#"{"K":"a","B":1,"L":["x","y"],"M":[{"U":"1","V":2},{"U":"2"}]}"#);
        for same in [
            r#"{"B":1,"K":"a","L":["x","y"],"M":[{"U":"1","V":2},{"U":"2"}]}"#,
            r#"{ "K" : "\u0061", "B":1,"L":[ "y", "x" ],"M":[{"U":"2"},{"V":2,"U":"1"}]}"#,
            r#"{"K":"a","B":1,"L":["x","y"],"M":[{"U":"1","V":2},{"U":"2","W":null}],"N":null}"#,
            r#"{"K":"a","B":1,"L":["x","y"],"M":[{"U":"1","V":2},{"U":"2"}],"MediaURL":"https://x"}"#,
        ] {
            assert_eq!(of(same), one, "{same}");
        }
    }

    #[test]
    fn what_differs_has_another_hash() {
        let texts = [
            r#"{"K":"a"}"#,
            r#"{"K":"b"}"#,
            r#"{"L":"a"}"#,
            r#"{"K":"a","B":1}"#,
            r#"{"K":"a","B":"1"}"#,
            r#"{"K":"a","B":1.0}"#,
            r#"{"K":"a","B":[]}"#,
            r#"{"K":"a","B":[1]}"#,
            r#"{"K":"a","B":[1,1]}"#,
            r#"{"K":"a","B":[1,1,1]}"#,
            r#"{"K":"a","B":[null]}"#,
            r#"{"K":"a","B":[[1],[1]]}"#,
            r#"{"K":"a","B":{}}"#,
            r#"{"K":"a","B":true}"#,
            r#"{"K":"a","B":"true"}"#,
            r#"{"K":"a","B":"n"}"#,
            r#"{"K":"1","B":"a"}"#,
            r#"{"K":"a","B":"\\u0000"}"#,
            r#"{"K":"a","B":"\u0000"}"#,
            r#"{"K":"a","B":"\ud800"}"#,
        ];
        let mut hashes: Vec<u64> = texts.iter().map(|text| of(text)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), texts.len());
    }

    #[test]
    fn what_an_expansion_says_twice_or_signs_anew_is_no_change() {
        let hashing = Hashing {
            volatile: vec!["MediaURL".to_owned()],
            expansions: vec![("Media".to_owned(), Some("MediaKey".to_owned()))],
        };
        let of = |json: &str| hashing.of(&Fields::read(json).unwrap());
        let one = of(r#"{"K":"a","Media":[{"MediaKey":"1","MediaURL":"u"},{"MediaKey":"2"}]}"#);
        for same in [
            r#"{"Media":[{"MediaKey":"2"},{"MediaKey":"1","MediaURL":"v"}],"K":"a"}"#,
            r#"{"K":"a","Media":[{"MediaKey":"2","Order":9},{"MediaKey":"1"},{"MediaKey":"2"}]}"#,
        ] {
            assert_eq!(of(same), one, "{same}");
        }
        for other in [
            r#"{"K":"a","Media":[{"MediaKey":"1"},{"MediaKey":"2","Order":2}]}"#,
            r#"{"K":"a","Media":[{"MediaKey":"1"}]}"#,
            r#"{"K":"a","Media":[]}"#,
            r#"{"K":"a","Media":null}"#,
        ] {
            assert_ne!(of(other), one, "{other}");
        }
        let other_key = Hashing {
            expansions: vec![("Media".to_owned(), Some(String::new()))],
            ..hashing.clone()
        };
        let json = r#"{"Media":[{"MediaKey":"1"}]}"#;
        assert_ne!(other_key.of(&Fields::read(json).unwrap()), of(json));
        let plain = Fields::read(r#"{"K":"a","L":["x"],"MediaURL":"u"}"#).unwrap();
        assert_eq!(hashing.of(&plain), hash(&plain, &["MediaURL"]));
    }

    #[test]
    fn a_hash_is_read_as_it_was_written() {
        for hash in [0, 17, u64::MAX] {
            assert_eq!(from_text(&to_text(hash)), Some(hash));
        }
        assert_eq!(from_text("17"), None);
        assert_eq!(from_text("zzzzzzzzzzzzzzzz"), None);
    }
}
