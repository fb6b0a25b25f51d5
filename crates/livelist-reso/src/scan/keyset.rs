//! Paging by an order: what to ask for to get the rows behind the last one, and whether the rows
//! that came stand in the order that was asked for. A page out of order is no page: the rows between
//! would be lost.

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
    let literal = |key: &str| literal_as(form, key);
    match (by, cursor) {
        (KeysetBy::Key, Cursor::After(key)) => (
            format!("{key_field} gt {}", literal(key)),
            key_field.to_owned(),
        ),
        (KeysetBy::Key, _) => (String::new(), key_field.to_owned()),
        (KeysetBy::Number(field), Cursor::After(number)) => {
            (format!("{field} gt {number}"), field.to_owned())
        }
        (KeysetBy::Number(field), _) => (String::new(), field.to_owned()),
        (KeysetBy::Time(field), Cursor::Since { stamp, key }) => (
            format!(
                "({field} gt {stamp} or ({field} eq {stamp} and {key_field} gt {}))",
                literal(key)
            ),
            format!("{field},{key_field}"),
        ),
        (KeysetBy::Time(field), _) => (String::new(), format!("{field},{key_field}")),
    }
}

/// The place behind a row; nothing if the row cannot have one.
pub(super) fn place(by: KeysetBy, (key, second): (&[u8], &[u8])) -> Option<Cursor> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    match by {
        KeysetBy::Key => text(key).map(Cursor::After),
        KeysetBy::Number(_) => text(second).filter(|n| is_number(n)).map(Cursor::After),
        KeysetBy::Time(_) => Some(Cursor::Since {
            stamp: stamp::literal(stamp::instant(std::str::from_utf8(second).ok()?)?),
            key: text(key)?,
        }),
    }
}

/// Whether `cursor` is a place in the order: its text goes into conditions as it is.
pub(super) fn is_place(by: KeysetBy, cursor: &Cursor) -> bool {
    match (by, cursor) {
        (KeysetBy::Key, Cursor::After(_)) => true,
        (KeysetBy::Number(_), Cursor::After(number)) => is_number(number),
        (KeysetBy::Time(_), Cursor::Since { stamp, .. }) => {
            stamp::instant(stamp).is_some_and(|at| stamp::literal(at) == *stamp)
        }
        _ => false,
    }
}

/// The place behind the rows `first..`, which followed `former`; nothing if there are none.
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
        KeysetBy::Time(field) => {
            let mut before = match former {
                Cursor::Since { stamp, .. } => stamp::instant(stamp),
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

/// Whether `a` may stand before `b`, as far as that can be told: a provider orders text by rules of
/// its own, but digits of one length have one order only.
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
        assert_eq!(
            filter,
            "(T gt 2026-01-01T05:00:00.5Z or (T eq 2026-01-01T05:00:00.5Z and K gt 'a'))"
        );
        assert_eq!(order, "T,K");
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
