//! The records in an expansion: a list of records of another resource that stands in a member of this one.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::fields::{Fields, quoted};

/// A longer key is none.
const MAX_KEY: usize = 500;

/// The records in an expansion, each once.
#[derive(Debug, Default)]
pub struct Children<'a> {
    /// The records.
    pub rows: Vec<Child<'a>>,
    /// How many stood there once more, and were left out: the last one counts.
    pub repeated: u64,
}

/// A record in an expansion.
#[derive(Debug)]
pub struct Child<'a> {
    /// What it is known by beside its parent: its key, or its place in the list (`#1`).
    pub id: Cow<'a, str>,
    /// Its members.
    pub fields: Fields<'a>,
}

impl<'a> Children<'a> {
    /// Of the value of a member; `key` is the field of their key. A single record is a list of one. Nothing
    /// where the value is something else: null, a text, a list of texts.
    ///
    /// ```
    /// use livelist_records::Children;
    ///
    /// let json = r#"[{"MediaKey":"1","Order":1},{"Order":2},{"MediaKey":"1","Order":3}]"#;
    /// let children = Children::read(json, Some("MediaKey")).unwrap();
    /// let ids: Vec<&str> = children.rows.iter().map(|child| &*child.id).collect();
    /// assert_eq!((ids, children.repeated), (vec!["#2", "1"], 1));
    /// assert!(Children::read("null", None).is_none());
    /// ```
    pub fn read(value: &'a str, key: Option<&str>) -> Option<Children<'a>> {
        let mut children = Children::every(value, key)?;
        let last: HashMap<String, usize> = (0..)
            .zip(&children.rows)
            .map(|(at, child)| (child.id.to_string(), at))
            .collect();
        let all = children.rows.len();
        let mut places = 0..all;
        children
            .rows
            .retain(|child| last.get(&*child.id).copied() == places.next());
        children.repeated = (all - children.rows.len()) as u64;
        Some(children)
    }

    /// The same with each record as often as it stands there.
    pub fn every(value: &'a str, key: Option<&str>) -> Option<Children<'a>> {
        let items: Vec<&'a RawValue> = match value.as_bytes().first()? {
            b'[' => serde_json::from_str(value).ok()?,
            b'{' => vec![serde_json::from_str(value).ok()?],
            _ => return None,
        };
        let mut rows: Vec<Child<'a>> = Vec::with_capacity(items.len());
        for (nth, item) in items.iter().enumerate() {
            let fields = Fields::read(item.get()).ok()?;
            let id = key.and_then(|key| fields.key(key).ok());
            let id = id.filter(|id| id.len() <= MAX_KEY && !id.contains('\0'));
            let id = id.unwrap_or_else(|| format!("#{}", nth + 1).into());
            rows.push(Child { id, fields });
        }
        Some(Children { rows, repeated: 0 })
    }

    /// The records as a list of JSON, without the members of these names.
    pub fn to_json(&self, without: &[String]) -> String {
        let rows = self
            .rows
            .iter()
            .map(|child| child.fields.to_json_without(without));
        format!("[{}]", rows.collect::<Vec<_>>().join(","))
    }
}

/// A record with these members, written anew, in place of its own of the same name.
pub fn with_members(fields: &Fields<'_>, members: &[(&str, &str)]) -> String {
    let is_new = |name: &str| members.iter().any(|(new, _)| *new == name);
    let kept = fields.iter().filter(|(name, _)| !is_new(name));
    let kept = kept.map(|(name, value)| (name, crate::minify::minify(value)));
    let new = members
        .iter()
        .map(|(name, value)| (*name, Cow::Borrowed(*value)));
    let all = kept
        .chain(new)
        .map(|(name, value)| format!("{}:{value}", quoted(name)));
    format!("{{{}}}", all.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_of_records_is_none() {
        for value in [
            "null",
            "\"x\"",
            "[\"x\"]",
            "[{},null]",
            "5",
            "[{\"a\":1,\"a\":2}]",
        ] {
            assert!(Children::read(value, None).is_none(), "{value}");
        }
        let one = Children::read(
            r#"{"MemberKey":"m","@odata.id":"x","URL":"u"}"#,
            Some("MemberKey"),
        );
        let one = one.unwrap();
        assert_eq!(one.rows[0].id, "m");
        assert_eq!(one.to_json(&["URL".to_owned()]), r#"[{"MemberKey":"m"}]"#);
        let long = format!("[{{\"K\":\"{}\"}}]", "x".repeat(600));
        assert_eq!(Children::read(&long, Some("K")).unwrap().rows[0].id, "#1");
    }

    #[test]
    fn members_are_replaced_or_added() {
        let fields = Fields::read(r#"{"K": "a", "Media": null}"#).unwrap();
        let new = with_members(&fields, &[("Media", "[]"), ("Rooms", "[{}]")]);
        assert_eq!(new, r#"{"K":"a","Media":[],"Rooms":[{}]}"#);
    }
}
