//! Values as SQLite stores them.

use jiff::tz::TimeZone;
use livelist_records::{Cell, Kind};
use rusqlite::types::Value;

/// The type of a column, which gives it its affinity.
pub(super) fn column_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer | Kind::Boolean => "INTEGER",
        Kind::Decimal => "NUMERIC",
        Kind::Text | Kind::Date | Kind::Time | Kind::Instant | Kind::Json => "TEXT",
    }
}

/// Whether a column can hold a value exactly. A NUMERIC column holds a number of at most 15 digits, which
/// survives the conversion to a double and back. As text it would sort alphabetically.
pub(super) fn holds(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Decimal(text) => {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            digits <= 15 || text.parse::<i64>().is_ok()
        }
        _ => true,
    }
}

/// A value for a statement.
pub(super) fn value(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) | Cell::Json(text) => Value::Text(text.clone().into_owned()),
        Cell::Boolean(is) => Value::Integer(i64::from(*is)),
        Cell::Integer(number) => Value::Integer(*number),
        // The column's affinity makes a number of it.
        Cell::Decimal(text) => Value::Text(text.clone()),
        Cell::Date(date) => Value::Text(date.to_string()),
        Cell::Time(time) => Value::Text(time.to_string()),
        Cell::Instant(at) => Value::Text(instant(*at)),
    }
}

/// An instant in UTC with all of its digits, so that texts sort like their instants.
fn instant(at: jiff::Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let nanos = at.subsec_nanosecond();
    let seconds = at.strftime("%Y-%m-%dT%H:%M:%S");
    match nanos {
        0 => format!("{seconds}Z"),
        nanos => {
            let digits = format!("{nanos:09}");
            format!("{seconds}.{}Z", digits.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_double_would_round_does_not_fit() {
        let holds = |text: &str| holds(&Cell::Decimal(text.to_owned()));
        assert!(holds("123456789012.345") && holds("9007199254740993"));
        assert!(!holds("1234567890123.4567"));
        assert_eq!(
            instant("2026-02-05T14:24:45.1230000Z".parse().unwrap()),
            "2026-02-05T14:24:45.123Z"
        );
        assert_eq!(
            instant("0001-01-01T00:00:00Z".parse().unwrap()),
            "0001-01-01T00:00:00Z"
        );
    }
}
