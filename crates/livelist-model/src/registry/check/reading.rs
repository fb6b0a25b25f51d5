//! Reads a document that may have several errors. A parser stops at the first one, but an operator wants to
//! correct all of them at once. So the value with the error is removed or replaced by a valid one, and
//! parsing is repeated.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

/// A document with more faults is none.
const MOST: usize = 50;
const FORMS: &str = "See docs/registry.md for the fields and their forms";

/// A document, as far as it can be read.
pub(super) struct Read<T> {
    /// The parsed value. If there are errors, some of its fields are replaced or missing.
    pub(super) value: Option<T>,
    pub(super) faults: Vec<Fault>,
    /// The fields that are made up.
    pub(super) made_up: Vec<String>,
}

/// A value that cannot be read.
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// A position in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
}

/// Reads all of `text`.
pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> Read<T> {
    let mut json = serde_json::Deserializer::from_slice(crate::without_bom(text));
    let first = match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => return Read::of(value),
            Err(error) => fault(String::new(), &error),
        },
        Err(error) if error.inner().is_data() => {
            let field = named(&steps(error.path()).unwrap_or_default());
            fault(field, &error.into_inner())
        }
        Err(error) => fault(String::new(), &error.into_inner()),
    };
    let document = serde_json::from_slice(crate::without_bom(text)).ok();
    let mut read = document.map_or_else(Read::nothing, further);
    // An error that is not in a value, such as a duplicate field, is only visible in the text.
    if read.faults.is_empty() {
        read = Read::nothing();
        read.faults.push(first);
    }
    read
}

impl<T> Read<T> {
    fn of(value: T) -> Self {
        Read {
            value: Some(value),
            ..Read::nothing()
        }
    }

    fn nothing() -> Self {
        Read {
            value: None,
            faults: Vec::new(),
            made_up: Vec::new(),
        }
    }
}

/// Continues after each error.
fn further<T: DeserializeOwned>(mut document: Value) -> Read<T> {
    let mut read = Read::nothing();
    for _ in 0..MOST {
        let error = match attempt(&document) {
            Ok(value) => {
                read.value = Some(value);
                return read;
            }
            Err(error) => error,
        };
        let Some(mut place) = steps(error.path()) else {
            read.faults.push(fault(String::new(), error.inner()));
            return read;
        };
        let message = error.inner().to_string();
        if let Some(missing) = quoted(&message, "missing field `") {
            place.push(Step::Member(missing.to_owned()));
        }
        let field = named(&place);
        read.faults.push(fault(field.clone(), error.inner()));
        let goes_on = if message.starts_with("unknown field") {
            remove(&mut document, &place)
        } else {
            read.made_up.push(field);
            make_up::<T>(&mut document, &place)
        };
        if !goes_on {
            return read;
        }
    }
    read
}

type Stopped = serde_path_to_error::Error<serde_json::Error>;

fn attempt<T: DeserializeOwned>(document: &Value) -> Result<T, Stopped> {
    serde_path_to_error::deserialize(document.clone())
}

/// Puts a valid value at `place`. Returns whether there is one.
fn make_up<T: DeserializeOwned>(document: &mut Value, place: &[Step]) -> bool {
    let stand_ins = before(document, place).into_iter().chain([
        json!("x"),
        json!("https://x.invalid"),
        json!("env:X"),
        json!("x-property-00000000"),
        json!("2000-01-01T00:00:00Z"),
        json!("daily"),
        json!(1),
        json!(0.5),
        json!(false),
        json!([]),
        json!({}),
        Value::Null,
    ]);
    for value in stand_ins {
        if !put(document, place, value) {
            return false;
        }
        let next = attempt::<T>(document).map_err(|error| {
            let message = error.inner().to_string();
            let mut place = steps(error.path()).unwrap_or_default();
            let missing = quoted(&message, "missing field `");
            place.extend(missing.map(|name| Step::Member(name.to_owned())));
            place
        });
        match next {
            Ok(_) => return true,
            Err(next) if !next.starts_with(place) => return true,
            Err(_) => {}
        }
    }
    false
}

/// The list item before `place`, if there is one. It is valid, because parsing goes in order and stopped
/// after it.
fn before(document: &mut Value, place: &[Step]) -> Option<Value> {
    let (Step::Item(index), list) = place.split_last()? else {
        return None;
    };
    let former = index.checked_sub(1)?;
    at(document, list)?.get(former).cloned()
}

fn put(document: &mut Value, place: &[Step], value: Value) -> bool {
    let Some((last, before)) = place.split_last() else {
        return false;
    };
    match (at(document, before), last) {
        (Some(Value::Object(members)), Step::Member(name)) => {
            members.insert(name.clone(), value);
            true
        }
        (Some(Value::Array(items)), Step::Item(index)) => match items.get_mut(*index) {
            Some(item) => {
                *item = value;
                true
            }
            None => false,
        },
        _ => false,
    }
}

fn remove(document: &mut Value, place: &[Step]) -> bool {
    match place.split_last() {
        Some((Step::Member(name), before)) => match at(document, before) {
            Some(Value::Object(members)) => members.remove(name).is_some(),
            _ => false,
        },
        _ => false,
    }
}

fn at<'a>(document: &'a mut Value, place: &[Step]) -> Option<&'a mut Value> {
    place.iter().try_fold(document, |value, step| match step {
        Step::Member(name) => value.get_mut(name),
        Step::Item(index) => value.get_mut(index),
    })
}

/// The path to a value; `None` if it is not known.
fn steps(path: &Path) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for segment in path {
        match segment {
            Segment::Map { key } => steps.push(Step::Member(key.clone())),
            Segment::Seq { index } => steps.push(Step::Item(*index)),
            // This stands for a value of several forms; the path continues with the value before.
            Segment::Enum { .. } => {}
            Segment::Unknown => return None,
        }
    }
    Some(steps)
}

/// `pairs[0].mls`.
fn named(place: &[Step]) -> String {
    let mut name = String::new();
    for step in place {
        match step {
            Step::Member(member) if name.is_empty() => name.push_str(member),
            Step::Member(member) => name.extend([".", member]),
            Step::Item(index) => name.push_str(&format!("[{index}]")),
        }
    }
    name
}

/// The quoted text after `before` in a message.
fn quoted<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    message.strip_prefix(before)?.split('`').next()
}

fn fault(field: String, error: &serde_json::Error) -> Fault {
    Fault {
        field,
        problem: without_values(error),
        remedy: match error.is_data() {
            true => FORMS,
            false => "Mend the JSON syntax",
        },
    }
}

/// serde_json quotes strings of the wrong type, but a secret that was pasted into the wrong field must not
/// reach a log. The text after the value comes from serde_json, so it is searched from the end: the value
/// may contain the same words.
fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    if !error.is_data() {
        return message;
    }
    let message = message
        .rsplit_once(" at line ")
        .map_or(&*message, |(m, _)| m);
    let expected = || message.rsplit_once(", expected ").map_or("", |(_, e)| e);
    if message.starts_with("unknown variant `") {
        return format!("the value is not a known one, expected {}", expected());
    }
    if message.starts_with("invalid type: string \"") {
        return format!("invalid type: a string, expected {}", expected());
    }
    message.to_owned()
}
