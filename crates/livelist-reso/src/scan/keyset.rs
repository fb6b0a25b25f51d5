//! Keyset paging: which request gives the rows after the last one, and whether the received rows are
//! in the requested order. A page that is out of order is an error, because rows could be lost
//! between it and the next page.

use livelist_model::keys::KeyBuffer;

use super::Cursor;
use crate::dialect::KeysetBy;
use crate::page::PageError;
use crate::query::{KeyLiteral, literal_as};
use crate::stamp;

/// The condition and the order of the page at `cursor`.
pub(super) fn options(
    by: KeysetBy,
    key_field: &str,
    form: KeyLiteral,
    cursor: &Cursor,
) -> (String, String) {
    let field = match by {
        KeysetBy::Key => key_field,
        KeysetBy::Number(field) | KeysetBy::Time(field) | KeysetBy::TimeAlone(field) => field,
    };
    let key_is = |op: &str, key: &str| format!("{key_field} {op} {}", literal_as(form, key));
    let value_is = |op: &str, value: &str| match by {
        KeysetBy::Key => key_is(op, value),
        KeysetBy::Number(_) | KeysetBy::Time(_) | KeysetBy::TimeAlone(_) => {
            format!("{field} {op} {value}")
        }
    };
    let condition = match cursor {
        Cursor::After(value) => value_is("ge", value),
        Cursor::Since { stamp, .. } => value_is("ge", &around(stamp).0),
        Cursor::Within { from, to, key } => {
            let span = format!("{} and {}", value_is("ge", from), value_is("le", to));
            let key = key.iter().map(|key| format!(" and {}", key_is("ge", key)));
            return (span + &key.collect::<String>(), key_field.to_owned());
        }
        Cursor::From { stamp, key } => {
            format!("({} or {})", value_is("ge", stamp), key_is("eq", key))
        }
        Cursor::Past(place) => match &**place {
            Cursor::After(value) => value_is("gt", value),
            // The stored value may be before or after the displayed one.
            Cursor::Since { stamp, key } => {
                format!(
                    "{} and {}",
                    value_is("ge", &around(stamp).0),
                    key_is("ne", key)
                )
            }
            _ => String::new(),
        },
        Cursor::Start | Cursor::Link(_) | Cursor::Skip(_) | Cursor::Among { .. } => String::new(),
    };
    let order = match by {
        KeysetBy::Time(_) => format!("{field},{key_field}"),
        KeysetBy::Key | KeysetBy::Number(_) => field.to_owned(),
        KeysetBy::TimeAlone(_) => String::new(),
    };
    (condition, order)
}

/// How many decimals the timestamps of these rows have at the most: what the server displays is at least so
/// fine.
pub(super) fn decimals<'k>(rows: impl Iterator<Item = (&'k [u8], &'k [u8])>) -> u8 {
    let of = |stamp: &[u8]| {
        let dot = stamp.iter().position(|byte| *byte == b'.')?;
        let digits = stamp[dot + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        // Zeros at the end may be there for the form alone.
        let places = digits.zip(1..).filter(|(digit, _)| **digit != b'0');
        places.last().map(|(_, place)| place)
    };
    rows.filter_map(|(_, stamp)| of(stamp)).max().unwrap_or(0)
}

/// A place whose timestamp is written with at least so many decimals.
pub(super) fn fine(place: Cursor, decimals: u8) -> Cursor {
    match place {
        Cursor::Since { stamp, key } => {
            let at = stamp::instant(&stamp).filter(|_| written(&stamp) < u32::from(decimals));
            let stamp = at.map_or(stamp, |at| format!("{at:.*}", usize::from(decimals)));
            Cursor::Since { stamp, key }
        }
        place => place,
    }
}

/// With how many decimals a timestamp is written.
fn written(stamp: &str) -> u32 {
    let decimals = stamp.split_once('.').map_or("", |(_, decimals)| decimals);
    let digits = decimals.bytes().take_while(u8::is_ascii_digit);
    u32::try_from(digits.count()).unwrap_or(0)
}

/// How far the stored timestamp may be from the displayed one. The displayed one may be rounded or cut to
/// the unit of which it is a whole number, if it is not written finer. This is an upper bound.
fn unit(stamp: &str, at: jiff::Timestamp) -> jiff::SignedDuration {
    const SECOND: i128 = 1_000_000_000;
    let nanoseconds = at.as_nanosecond();
    let whole = [86_400 * SECOND, 3_600 * SECOND, 60 * SECOND, SECOND];
    let decimals = (0..9).rev().map(|n| 10_i128.pow(n));
    let unit = whole.into_iter().chain(decimals);
    let unit = unit.into_iter().find(|unit| nanoseconds % unit == 0);
    let finest = match written(stamp) {
        0 => i128::MAX,
        decimals => 10_i128.pow(9_u32.saturating_sub(decimals)),
    };
    jiff::SignedDuration::from_nanos(unit.unwrap_or(1).min(finest) as i64)
}

/// The earliest and latest timestamp that may be stored if `stamp` is displayed.
pub(super) fn around(stamp: &str) -> (String, String) {
    let Some(at) = stamp::instant(stamp) else {
        return (stamp.to_owned(), stamp.to_owned());
    };
    let unit = unit(stamp, at);
    let literal = |at: Result<jiff::Timestamp, jiff::Error>| match at {
        Ok(at) => stamp::literal(at),
        Err(_) => stamp.to_owned(),
    };
    (literal(at.checked_sub(unit)), literal(at.checked_add(unit)))
}

/// The span from the start of a page to its `last` row, widened by the possible difference between stored
/// and displayed timestamps.
pub(super) fn span(here: &Cursor, last: &Cursor) -> Option<Cursor> {
    let from = match here {
        Cursor::Since { stamp, .. } => around(stamp).0,
        Cursor::From { stamp, .. } => stamp.clone(),
        _ => return None,
    };
    let Cursor::Since { stamp, .. } = last else {
        return None;
    };
    Some(Cursor::Within {
        from,
        to: around(stamp).1,
        key: None,
    })
}

/// Whether a place is shown within a span.
pub(super) fn is_in(span: &Cursor, place: &Cursor) -> bool {
    let (Cursor::Within { to, .. }, Cursor::Since { stamp, .. }) = (span, place) else {
        return false;
    };
    match (stamp::instant(stamp), stamp::instant(to)) {
        (Some(at), Some(to)) => at <= to,
        _ => false,
    }
}

/// The place of a row in the order in which the page at `cursor` is read.
pub(super) fn place_like(by: KeysetBy, cursor: &Cursor, row: (&[u8], &[u8])) -> Option<Cursor> {
    match cursor {
        Cursor::Within { from, to, .. } => Some(Cursor::Within {
            from: from.clone(),
            to: to.clone(),
            key: Some(std::str::from_utf8(row.0).ok()?.to_owned()),
        }),
        _ => place(by, row),
    }
}

/// The position after a row; `None` if the row has none.
pub(super) fn place(by: KeysetBy, (key, second): (&[u8], &[u8])) -> Option<Cursor> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    match by {
        KeysetBy::Key => text(key).map(Cursor::After),
        KeysetBy::Number(_) => text(second).filter(|n| is_number(n)).map(Cursor::After),
        KeysetBy::Time(_) | KeysetBy::TimeAlone(_) => Some(Cursor::Since {
            stamp: stamp::literal(stamp::instant(std::str::from_utf8(second).ok()?)?),
            key: text(key)?,
        }),
    }
}

/// Whether `cursor` is a position in this order: its text goes into conditions unchanged.
pub(super) fn is_place(by: KeysetBy, cursor: &Cursor) -> bool {
    match (by, cursor) {
        (KeysetBy::Key, Cursor::After(_)) => true,
        (KeysetBy::Number(_), Cursor::After(number)) => is_number(number),
        (KeysetBy::Time(_) | KeysetBy::TimeAlone(_), Cursor::Since { stamp, .. }) => {
            stamp::instant(stamp).is_some_and(|at| stamp::literal(at) == *stamp)
        }
        _ => false,
    }
}

/// The place of the last of the rows `first..`, which were asked for from `former`; nothing if there are
/// none.
pub(super) fn behind(
    by: KeysetBy,
    former: &Cursor,
    first: usize,
    keys: &KeyBuffer,
) -> Result<Option<Cursor>, PageError> {
    if keys.len() == first {
        return Ok(None);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let former = match former {
        Cursor::Past(place) => place,
        place => place,
    };
    if let Cursor::Within { key, .. } = former {
        let keys_alone = keys.iter_from(first).map(|(key, _)| key);
        in_order(key.as_deref().map(str::as_bytes), keys_alone, comes_first)?;
        let last = keys.iter_from(first).last();
        return Ok(last.and_then(|row| place_like(by, former, row)));
    }
    match by {
        KeysetBy::Key => {
            let former = match former {
                Cursor::After(key) => Some(key.as_bytes()),
                _ => None,
            };
            in_order(
                former,
                keys.iter_from(first).map(|(key, _)| key),
                comes_first,
            )?;
            Ok(keys.last().map(|key| Cursor::After(text(key))))
        }
        KeysetBy::Number(field) => {
            let is_number = |n: &[u8]| std::str::from_utf8(n).is_ok_and(is_number);
            if !keys.iter_from(first).all(|(_, number)| is_number(number)) {
                return Err(missing(field));
            }
            let former = match former {
                Cursor::After(number) => Some(number.as_bytes()),
                _ => None,
            };
            let numbers = keys.iter_from(first).map(|(_, number)| number);
            in_order(former, numbers, |a, b| digits(a) <= digits(b))?;
            let last = keys.iter_from(first).last().map(|(_, number)| text(number));
            Ok(last.map(Cursor::After))
        }
        KeysetBy::Time(field) | KeysetBy::TimeAlone(field) => {
            let mut before = match former {
                // With displayed timestamps this coarse, a row may seem to be before the start of the page.
                Cursor::Since { stamp, .. } => stamp::instant(&around(&around(stamp).0).0),
                _ => None,
            };
            let read = |text: &[u8]| {
                let at = std::str::from_utf8(text).ok().and_then(stamp::instant);
                at.ok_or_else(|| missing(field))
            };
            // The row before, if its instant was not read.
            let mut unread = None;
            for (_, text) in keys.iter_from(first) {
                if unread.is_some_and(|before| stamp::goes_on(before, text)) {
                    unread = Some(text);
                    continue;
                }
                for text in unread.into_iter().chain([text]) {
                    let at = read(text)?;
                    if before.is_some_and(|before| at < before) {
                        return Err(PageError::Order);
                    }
                    before = Some(at);
                }
                unread = Some(text);
            }
            if let Some(last) = unread {
                before = Some(read(last)?);
            }
            let key = keys.last().map(text).unwrap_or_default();
            Ok(before.map(|at| Cursor::Since {
                stamp: stamp::literal(at),
                key,
            }))
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn missing(field: &str) -> PageError {
    PageError::Shape(format!(
        "a row has no usable `{field}`, by which it is read"
    ))
}

fn in_order<'a>(
    former: Option<&'a [u8]>,
    values: impl Iterator<Item = &'a [u8]>,
    comes_first: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<(), PageError> {
    let mut before = former;
    for value in values {
        if before.is_some_and(|before| !comes_first(before, value)) {
            return Err(PageError::Order);
        }
        before = Some(value);
    }
    Ok(())
}

/// Whether `a` may come before `b`, as far as is known: a provider's order of text follows its own rules,
/// but digits of one length have only one order.
fn comes_first(a: &[u8], b: &[u8]) -> bool {
    a <= b || a.len() != b.len() || !a.iter().chain(b).all(u8::is_ascii_digit)
}

/// Digits in the order of the numbers they are.
fn digits(number: &[u8]) -> (usize, &[u8]) {
    let zeros = number.iter().take_while(|b| **b == b'0').count();
    let rest = &number[zeros..];
    (rest.len(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(rows: &[(&str, &str)]) -> KeyBuffer {
        let mut keys = KeyBuffer::default();
        for (key, stamp) in rows {
            keys.push(key.as_bytes(), stamp.as_bytes()).unwrap();
        }
        keys
    }

    fn after(text: &str) -> Cursor {
        Cursor::After(text.to_owned())
    }

    #[test]
    fn an_instant_is_as_coarse_as_it_may_have_been_made() {
        for (shown, from, to) in [
            ("2026-01-02T03:04:05.678Z", "05.677", "05.679"),
            ("2026-01-02T03:04:05.6Z", "05.5", "05.7"),
            ("2026-01-02T03:04:05.000001Z", "05", "05.000002"),
        ] {
            let (a, b) = around(shown);
            let whole = |seconds: &str| format!("2026-01-02T03:04:{seconds}Z");
            assert_eq!((a, b), (whole(from), whole(to)));
        }
        // Written with more decimals than it needs: the server shows others that need them.
        let since = |stamp: &str| Cursor::Since {
            stamp: stamp.to_owned(),
            key: "k".to_owned(),
        };
        let fine_one = fine(since("2026-01-02T03:04:05.1Z"), 3);
        assert_eq!(fine_one, since("2026-01-02T03:04:05.100Z"));
        assert_eq!(
            fine(since("2026-01-02T03:04:05.12345Z"), 3),
            since("2026-01-02T03:04:05.12345Z")
        );
        assert_eq!(
            around("2026-01-02T03:04:05.100Z").0,
            "2026-01-02T03:04:05.099Z"
        );
        assert_eq!(
            around("2026-01-02T00:00:00.000Z").0,
            "2026-01-01T23:59:59.999Z"
        );
        let rows = [
            "2026-01-02T03:04:05.100Z",
            "2026-01-02T03:04:05.1200000Z",
            "2026-01-02T03:04:05Z",
        ];
        let rows = rows.map(|stamp| (&b"k"[..], stamp.as_bytes()));
        assert_eq!(decimals(rows.into_iter()), 2);
        assert_eq!(decimals([].into_iter()), 0);
        let of = |shown: &str| around(shown).0;
        assert_eq!(of("2026-01-02T03:04:05Z"), "2026-01-02T03:04:04Z");
        assert_eq!(of("2026-01-02T03:04:00Z"), "2026-01-02T03:03:00Z");
        assert_eq!(of("2026-01-02T03:00:00Z"), "2026-01-02T02:00:00Z");
        assert_eq!(of("2026-01-02T00:00:00Z"), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn a_span_is_read_by_key_and_left_with_its_last_row() {
        let by = KeysetBy::Time("T");
        let since = |stamp: &str| Cursor::Since {
            stamp: stamp.to_owned(),
            key: "a".to_owned(),
        };
        let here = since("2026-01-02T03:04:05Z");
        let span = span(&here, &here).unwrap();
        let (from, to) = ("2026-01-02T03:04:04Z", "2026-01-02T03:04:06Z");
        let within = |cursor: &Cursor| options(by, "K", KeyLiteral::Quoted, cursor);
        let of_span = format!("T ge {from} and T le {to}");
        assert_eq!(within(&span), (of_span.clone(), "K".to_owned()));
        let next = behind(by, &span, 0, &buffer(&[("b", to), ("c", from)]));
        let next = next.unwrap().unwrap();
        assert_eq!(within(&next).0, format!("{of_span} and K ge 'c'"));
        let rest = Cursor::From {
            stamp: to.to_owned(),
            key: "c".to_owned(),
        };
        assert_eq!(within(&rest).0, format!("(T ge {to} or K eq 'c')"));
        assert!(is_in(&span, &since(to)) && !is_in(&span, &since("2026-01-02T03:04:06.1Z")));
    }

    #[test]
    fn keys_of_digits_out_of_order_are_seen() {
        let by = |former: &Cursor, keys: &[&str]| {
            let rows: Vec<_> = keys.iter().map(|key| (*key, "")).collect();
            behind(KeysetBy::Key, former, 0, &buffer(&rows))
        };
        let mixed = by(&after("100"), &["101", "205", "99", "abc", "ABC"]);
        assert_eq!(mixed.unwrap(), Some(after("ABC")));
        assert!(matches!(by(&after("100"), &["099"]), Err(PageError::Order)));
        assert!(matches!(
            by(&Cursor::Start, &["101", "100"]),
            Err(PageError::Order)
        ));
        assert_eq!(by(&after("100"), &[]).unwrap(), None);
    }

    #[test]
    fn a_scan_by_number_needs_numbers() {
        let by = |former: &Cursor, rows: &[(&str, &str)]| {
            behind(KeysetBy::Number("N"), former, 0, &buffer(rows))
        };
        let next = by(&after("9"), &[("b", "10"), ("a", "200")]).unwrap();
        assert_eq!(next, Some(after("200")));
        assert!(matches!(
            by(&after("9"), &[("b", "8")]),
            Err(PageError::Order)
        ));
        for bad in ["", "1 or true", "-5", "1.5"] {
            assert!(matches!(
                by(&Cursor::Start, &[("a", bad)]),
                Err(PageError::Shape(_))
            ));
        }
    }

    #[test]
    fn a_scan_by_time_goes_on_behind_instant_and_key() {
        let by = |former: &Cursor, rows: &[(&str, &str)]| {
            behind(KeysetBy::Time("T"), former, 0, &buffer(rows))
        };
        let next = by(
            &Cursor::Start,
            &[
                ("b", "2026-01-01T00:00:00Z"),
                ("a", "2026-01-01T00:00:00.500-05:00"),
            ],
        );
        let cursor = next.unwrap().unwrap();
        let (filter, order) = options(KeysetBy::Time("T"), "K", KeyLiteral::Quoted, &cursor);
        assert_eq!(filter, "T ge 2026-01-01T05:00:00.4Z");
        assert_eq!(order, "T,K");
        let past = options(
            KeysetBy::Time("T"),
            "K",
            KeyLiteral::Quoted,
            &Cursor::Past(Box::new(cursor.clone())),
        );
        assert_eq!(past.0, "T ge 2026-01-01T05:00:00.4Z and K ne 'a'");
        let back = by(&cursor, &[("c", "2026-01-01T04:00:00Z")]);
        assert!(matches!(back, Err(PageError::Order)));
        let forms = ["06:00:00Z", "06:00:01Z", "06:00:02.5Z", "06:00:01.5Z"];
        let of = |many: usize| {
            let rows = forms.map(|time| ("c", format!("2026-01-01T{time}")));
            let rows: Vec<_> = rows.iter().map(|(key, at)| (*key, at.as_str())).collect();
            by(&cursor, &rows[..many])
        };
        assert!(of(3).is_ok());
        assert!(matches!(of(4), Err(PageError::Order)));
        let none = by(&cursor, &[("c", "")]);
        assert!(matches!(none, Err(PageError::Shape(_))));
    }
}
