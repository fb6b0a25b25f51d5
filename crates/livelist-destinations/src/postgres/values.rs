//! Values for PostgreSQL: its types, and the text format of COPY (PostgreSQL's documentation, COPY, *File
//! formats*).

use jiff::tz::TimeZone;
use livelist_records::{Cell, Kind};

use crate::json::is_small_json;

/// The type of a column, as `format_type` spells it.
pub(super) fn column_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Boolean => "boolean",
        Kind::Integer => "bigint",
        Kind::Decimal => "numeric",
        Kind::Date => "date",
        Kind::Time => "time without time zone",
        Kind::Instant => "timestamp with time zone",
        Kind::Json => "jsonb",
    }
}

/// Whether a column can hold a value exactly. Instants are cut to microseconds; the log has the exact
/// value. Numbers within `jsonb` are limited.
pub(super) fn holds(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Json(json) => is_small_json(json),
        _ => true,
    }
}

/// Appends a value to a line of COPY.
pub(super) fn copy(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend_from_slice(NULL),
        Cell::Text(text) | Cell::Json(text) => escape(text, out),
        Cell::Boolean(is) => out.push(if *is { b't' } else { b'f' }),
        Cell::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Cell::Decimal(text) => out.extend_from_slice(text.as_bytes()),
        Cell::Date(date) => out.extend_from_slice(date.to_string().as_bytes()),
        Cell::Time(time) => {
            let text = time.strftime("%H:%M:%S").to_string();
            out.extend_from_slice(text.as_bytes());
            micros(time.subsec_nanosecond(), out);
        }
        Cell::Instant(at) => out.extend_from_slice(instant(*at).as_bytes()),
    }
}

/// The mark of NULL.
pub(super) const NULL: &[u8] = b"\\N";

/// Appends a text, or NULL.
pub(super) fn copy_text(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => escape(text, out),
        None => out.extend_from_slice(NULL),
    }
}

fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0 => {}
            byte => out.push(byte),
        }
    }
}

/// An instant in UTC, cut to microseconds, so it never moves forward.
pub(super) fn instant(at: jiff::Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let mut text = at.strftime("%Y-%m-%d %H:%M:%S").to_string().into_bytes();
    micros(at.subsec_nanosecond(), &mut text);
    text.extend_from_slice(b"+00");
    String::from_utf8(text).unwrap_or_default()
}

fn micros(nanos: i32, out: &mut Vec<u8>) {
    let micros = nanos / 1_000;
    if micros > 0 {
        out.extend_from_slice(format!(".{micros:06}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cell: Cell<'_>) -> String {
        let mut out = Vec::new();
        copy(&cell, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn marks_of_copy_are_escaped() {
        assert_eq!(line(Cell::Null), "\\N");
        assert_eq!(line(Cell::Text("\\N".into())), "\\\\N");
        assert_eq!(
            line(Cell::Text("a\tb\r\n\\.\\".into())),
            "a\\tb\\r\\n\\\\.\\\\"
        );
        assert_eq!(line(Cell::Text("".into())), "");
    }

    #[test]
    fn what_is_finer_than_a_microsecond_is_cut() {
        let of = |text: &str| instant(text.parse().unwrap());
        assert_eq!(
            of("2026-02-05T23:59:59.9999999Z"),
            "2026-02-05 23:59:59.999999+00"
        );
        assert_eq!(
            of("1900-01-01T00:00:00.1234567Z"),
            "1900-01-01 00:00:00.123456+00"
        );
        assert_eq!(of("0001-01-01T00:00:00Z"), "0001-01-01 00:00:00+00");
    }
}
