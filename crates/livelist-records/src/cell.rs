//! A field's value in the form of a database, or a statement that it does not fit. A value that does not
//! fit keeps its exact text, so no value is lost or rounded silently.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::decimal;
use crate::minify::minify;
use crate::schema::Kind;

/// A value for a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A decimal without exponent.
    Decimal(String),
    /// A date.
    Date(Date),
    /// A time of the day.
    Time(Time),
    /// An instant.
    Instant(Timestamp),
    /// JSON on one line.
    Json(Cow<'a, str>),
}

/// How a value fits its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Fit<'a> {
    /// Exactly.
    Whole(Cell<'a>),
    /// Inexact: the value for the column; the exact text belongs in `_rest`.
    Part(Cell<'a>),
}

/// The value `raw` (JSON as it was sent) of a field of this kind.
///
/// - A number or a truth value in a text field becomes its text.
/// - Numbers may be in quotes (`IEEE754Compatible`, OData JSON 4.01, section 3.2).
/// - A text loses U+0000 and halves of surrogate pairs, which databases refuse; the rest is kept.
/// - Any other value of another kind becomes null, and does not fit.
pub fn cell<'a>(kind: Kind, raw: &'a str) -> Fit<'a> {
    if raw == "null" {
        return Fit::Whole(Cell::Null);
    }
    let whole = match kind {
        Kind::Text => return text(raw),
        Kind::Json => return json(raw),
        Kind::Boolean => boolean(raw),
        Kind::Integer => integer(raw),
        Kind::Decimal => number(raw).and_then(decimal::plain).map(Cell::Decimal),
        Kind::Date => quoted(raw).and_then(date).map(Cell::Date),
        Kind::Time => quoted(raw).and_then(time).map(Cell::Time),
        Kind::Instant => quoted(raw).and_then(instant).map(Cell::Instant),
    };
    match whole {
        Some(cell) => Fit::Whole(cell),
        None => Fit::Part(Cell::Null),
    }
}

/// The kind that a value of an unknown field has by its form.
pub fn kind_of(raw: &str) -> Kind {
    match raw.as_bytes().first() {
        Some(b'"') => Kind::Text,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'-' | b'0'..=b'9') => Kind::Decimal,
        _ => Kind::Json,
    }
}

fn text(raw: &str) -> Fit<'_> {
    match raw.as_bytes().first() {
        Some(b'"') => {
            let (text, is_mended) = string(raw);
            match text.contains('\0') {
                true => Fit::Part(Cell::Text(text.replace('\0', "").into())),
                false if is_mended => Fit::Part(Cell::Text(text)),
                false => Fit::Whole(Cell::Text(text)),
            }
        }
        Some(b't' | b'f' | b'-' | b'0'..=b'9') => Fit::Whole(Cell::Text(raw.into())),
        _ => Fit::Part(Cell::Null),
    }
}

/// The string in this JSON, and whether halves of surrogate pairs were replaced in it.
fn string(raw: &str) -> (Cow<'_, str>, bool) {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains('\\') {
        return (Cow::Borrowed(inner), false);
    }
    if let Ok(text) = serde_json::from_str::<String>(raw) {
        return (Cow::Owned(text), false);
    }
    let mended = without_halves(raw);
    let text = serde_json::from_str::<String>(&mended).unwrap_or_default();
    (Cow::Owned(text), true)
}

/// JSON in which half of a surrogate pair without its other half (`\ud83d`) is `\ufffd`.
fn without_halves(raw: &str) -> Cow<'_, str> {
    let unit = |at: usize| {
        let digits = raw.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut out = String::new();
    let (mut at, mut kept) = (0, 0);
    while let Some(next) = raw[at..].find('\\') {
        at += next;
        at = match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at + 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&raw[kept..at]);
                out.push_str("\\ufffd");
                kept = at + 6;
                kept
            }
            Some(_) => at + 6,
            // Another escape: a backslash and one ASCII character.
            None => (at + 2).min(raw.len()),
        };
    }
    if kept == 0 {
        return Cow::Borrowed(raw);
    }
    out.push_str(&raw[kept..]);
    Cow::Owned(out)
}

fn json(raw: &str) -> Fit<'_> {
    let small = minify(raw);
    if !small.contains("\\u") {
        return Fit::Whole(Cell::Json(small));
    }
    let whole = without_halves(&small);
    let zeros = zeros(&whole);
    if matches!(whole, Cow::Borrowed(_)) && zeros.is_empty() {
        return Fit::Whole(Cell::Json(small));
    }
    let mut mended = String::with_capacity(whole.len());
    let mut kept = 0;
    for at in zeros {
        mended.push_str(&whole[kept..at]);
        kept = at + ZERO.len();
    }
    mended.push_str(&whole[kept..]);
    Fit::Part(Cell::Json(mended.into()))
}

const ZERO: &str = "\\u0000";

/// The positions of escaped U+0000 in JSON; a backslash followed by `u0000` is not one.
fn zeros(json: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = json[at..].find('\\') {
        at += next;
        if json[at..].starts_with(ZERO) {
            found.push(at);
        }
        at = (at + 2).min(json.len());
    }
    found
}

fn boolean(raw: &str) -> Option<Cell<'_>> {
    match raw {
        "true" | "\"true\"" => Some(Cell::Boolean(true)),
        "false" | "\"false\"" => Some(Cell::Boolean(false)),
        _ => None,
    }
}

/// A number, in quotes or not.
fn number(raw: &str) -> Option<&str> {
    match raw.as_bytes().first()? {
        b'"' => quoted(raw),
        b'-' | b'0'..=b'9' => Some(raw),
        _ => None,
    }
}

fn integer(raw: &str) -> Option<Cell<'_>> {
    let text = number(raw)?;
    let number = match text.parse::<i64>() {
        Ok(number) => number,
        // `1.0` and `1e3` are integers as well.
        Err(_) => decimal::plain(text)?.parse().ok()?,
    };
    Some(Cell::Integer(number))
}

/// The inside of a string without escapes.
fn quoted(raw: &str) -> Option<&str> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('\\')).then(|| inner.trim())
}

/// A date; one with a time of zero is that date.
fn date(text: &str) -> Option<Date> {
    if let Some((date, time)) = text.split_once(['T', ' ']) {
        let is_zero = time.bytes().all(|b| matches!(b, b'0' | b':' | b'.' | b'Z'));
        return if is_zero { self::date(date) } else { None };
    }
    let is_plain = text.len() == 10 && text.is_char_boundary(4) && text.as_bytes()[4] == b'-';
    let date: Date = is_plain.then(|| text.parse().ok()).flatten()?;
    (date.year() >= 1).then_some(date)
}

fn time(text: &str) -> Option<Time> {
    if !text.contains(':') || has_second_sixty(text) {
        return None;
    }
    text.parse().ok()
}

/// The instant in a text. Without a zone it is UTC; databases have no leap seconds, so one is no instant.
pub fn instant(text: &str) -> Option<Timestamp> {
    if has_second_sixty(text) || !text.contains(':') {
        return None;
    }
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    let year = instant.to_zoned(TimeZone::UTC).year();
    (1..=9_998).contains(&year).then_some(instant)
}

fn has_second_sixty(text: &str) -> bool {
    let time = text
        .split_once(['T', ' ', 't'])
        .map_or(text, |(_, time)| time);
    time.splitn(3, ':')
        .nth(2)
        .is_some_and(|s| s.starts_with("60"))
}

#[cfg(test)]
mod tests;
