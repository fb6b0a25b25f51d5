//! Values for MySQL and MariaDB: their types, and literals in the text of a statement, for the session's
//! `sql_mode` and character set.

use jiff::tz::TimeZone;
use livelist_records::fields::quoted;
use livelist_records::{Cell, Kind, decimal};

/// The type of a column. Texts compare without regard to case, as databases of either kind do by default.
pub(super) fn column_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Json => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        Kind::Boolean => "TINYINT(1)",
        Kind::Integer => "BIGINT",
        Kind::Decimal => "DECIMAL(24,8)",
        Kind::Date => "DATE",
        Kind::Time => "TIME(6)",
        Kind::Instant => "DATETIME(6)",
    }
}

/// The type's name in `information_schema`, with its digits if values would be rounded to them.
pub(super) fn data_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Json => "longtext",
        Kind::Boolean => "tinyint",
        Kind::Integer => "bigint",
        Kind::Decimal => "decimal(24,8)",
        Kind::Date => "date",
        Kind::Time => "time(6)",
        Kind::Instant => "datetime(6)",
    }
}

/// Whether a column can hold a value exactly. DATE and DATETIME begin with the year 1000. Instants are cut
/// to microseconds; the log has the exact value.
pub(super) fn holds(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Decimal(text) => {
            let (whole, fraction) = decimal::digits(text);
            whole <= 16 && fraction <= 8
        }
        Cell::Date(date) => date.year() >= 1_000,
        Cell::Instant(at) => at.to_zoned(TimeZone::UTC).year() >= 1_000,
        _ => true,
    }
}

/// Appends a value as a literal.
pub(super) fn literal(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"NULL"),
        Cell::Text(text) | Cell::Json(text) => string(text, out),
        Cell::Boolean(is) => out.push(if *is { b'1' } else { b'0' }),
        Cell::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Cell::Decimal(text) => out.extend_from_slice(text.as_bytes()),
        Cell::Date(date) => string(&date.to_string(), out),
        Cell::Time(time) => {
            let text = time.strftime("%H:%M:%S").to_string();
            string(&micros(text, time.subsec_nanosecond()), out);
        }
        Cell::Instant(at) => string(&instant(*at), out),
    }
}

/// Appends a text as a literal, with the escapes of MySQL's documentation, *String Literals*.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'\'');
    for byte in text.bytes() {
        match byte {
            0 => out.extend_from_slice(b"\\0"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x1a => out.extend_from_slice(b"\\Z"),
            b'\'' | b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            byte => out.push(byte),
        }
    }
    out.push(b'\'');
}

/// A text as a literal; NULL if there is none.
pub(super) fn text(text: Option<&str>) -> String {
    let mut out = Vec::new();
    match text {
        Some(text) => string(text, &mut out),
        None => out.extend_from_slice(b"NULL"),
    }
    String::from_utf8(out).unwrap_or_default()
}

/// A key as a literal: bytes, compared as bytes.
pub(super) fn key(key: &str) -> String {
    use std::fmt::Write;

    let mut out = String::with_capacity(key.len() * 2 + 3);
    out.push_str("x'");
    for byte in key.bytes() {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out.push('\'');
    out
}

/// A name as SQL has it.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// An instant in UTC, cut to microseconds, so it never moves forward.
pub(super) fn instant(at: jiff::Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let text = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    micros(text, at.subsec_nanosecond())
}

fn micros(text: String, nanos: i32) -> String {
    match nanos / 1_000 {
        0 => text,
        micros => format!("{text}.{micros:06}"),
    }
}

/// The text of a column's value, as other destinations have it: without the zeros that its type adds.
pub(super) fn shown(kind: Kind, text: String) -> String {
    match kind {
        Kind::Decimal => decimal::plain(&text).unwrap_or(text),
        Kind::Time | Kind::Instant if text.contains('.') => {
            let text = text.trim_end_matches('0');
            text.trim_end_matches('.').to_owned()
        }
        _ => text,
    }
}

/// The JSON of a column's value.
pub(super) fn json(kind: Kind, text: Option<String>) -> String {
    match (kind, text) {
        (_, None) => "null".to_owned(),
        (Kind::Integer | Kind::Decimal, Some(text)) => shown(kind, text),
        (Kind::Boolean, Some(text)) => (text != "0").to_string(),
        (Kind::Json, Some(text)) => text,
        (_, Some(text)) => quoted(&shown(kind, text)),
    }
}

/// The JSON of a value on its way into a column.
pub(super) fn json_of(kind: Kind, cell: Option<&Cell<'_>>) -> String {
    let text = match cell {
        None | Some(Cell::Null) => None,
        Some(Cell::Text(text) | Cell::Json(text)) => Some(text.to_string()),
        Some(Cell::Boolean(is)) => Some(i32::from(*is).to_string()),
        Some(Cell::Integer(number)) => Some(number.to_string()),
        Some(Cell::Decimal(text)) => Some(text.clone()),
        Some(Cell::Date(date)) => Some(date.to_string()),
        Some(Cell::Time(time)) => {
            let text = time.strftime("%H:%M:%S").to_string();
            Some(micros(text, time.subsec_nanosecond()))
        }
        Some(Cell::Instant(at)) => Some(instant(*at)),
    };
    json(kind, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_what_they_stand_for() {
        assert_eq!(
            text(Some("a'b\\N\0\n\u{1a}\"é")),
            "'a\\'b\\\\N\\0\\n\\Z\\\"é'"
        );
        assert_eq!(text(None), "NULL");
        assert_eq!(key("A1 é"), "x'413120c3a9'");
        assert_eq!(name("a`b"), "`a``b`");
    }

    #[test]
    fn what_a_type_does_not_hold_is_told() {
        let number = |text: &str| holds(&Cell::Decimal(text.to_owned()));
        assert!(number("1234567890123456.12345678"));
        assert!(!number("12345678901234567") && !number("0.123456789"));
        assert!(!holds(&Cell::Date("0999-12-31".parse().unwrap())));
        assert!(!holds(&Cell::Instant(
            "0001-01-01T00:00:00Z".parse().unwrap()
        )));
        assert_eq!(
            instant("2026-02-05T23:59:59.9999999Z".parse().unwrap()),
            "2026-02-05 23:59:59.999999"
        );
    }

    #[test]
    fn a_value_shows_without_what_its_type_adds() {
        assert_eq!(shown(Kind::Decimal, "5.00000000".to_owned()), "5");
        assert_eq!(shown(Kind::Time, "07:30:00.000000".to_owned()), "07:30:00");
        assert_eq!(json(Kind::Boolean, Some("1".to_owned())), "true");
        assert_eq!(
            json_of(Kind::Text, Some(&Cell::Text("a\"".into()))),
            "\"a\\\"\""
        );
        assert_eq!(json_of(Kind::Decimal, None), "null");
    }
}
