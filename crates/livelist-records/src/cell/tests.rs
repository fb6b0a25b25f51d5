use proptest::prelude::*;

use super::*;

fn whole(kind: Kind, raw: &str) -> Cell<'_> {
    match cell(kind, raw) {
        Fit::Whole(cell) => cell,
        Fit::Part(cell) => panic!("{raw} fits in part: {cell:?}"),
    }
}

fn part(kind: Kind, raw: &str) -> Cell<'_> {
    match cell(kind, raw) {
        Fit::Part(cell) => cell,
        Fit::Whole(cell) => panic!("{raw} fits: {cell:?}"),
    }
}

#[test]
fn texts_are_what_was_sent() {
    for (raw, expected) in [
        (r#""""#, ""),
        (r#"" a ""#, " a "),
        (r#""\\N""#, "\\N"),
        (r#""a\tb\\""#, "a\tb\\"),
        (r#""\ud83c\udfe0""#, "🏠"),
        // A backslash and `u0000`, and no U+0000.
        (r#""\\u0000""#, "\\u0000"),
        ("12.50", "12.50"),
        ("true", "true"),
    ] {
        assert_eq!(whole(Kind::Text, raw), Cell::Text(expected.into()), "{raw}");
    }
    assert_eq!(whole(Kind::Text, "null"), Cell::Null);
    assert_eq!(part(Kind::Text, "[1]"), Cell::Null);
}

#[test]
fn what_databases_refuse_is_dropped_and_does_not_count_as_whole() {
    assert_eq!(part(Kind::Text, r#""a\u0000b""#), Cell::Text("ab".into()));
    assert_eq!(
        part(Kind::Text, r#""a\ud800b""#),
        Cell::Text("a\u{fffd}b".into())
    );
    assert_eq!(
        part(Kind::Text, r#""\udc00\u0000""#),
        Cell::Text("\u{fffd}".into())
    );
    assert_eq!(
        part(Kind::Json, r#"["a\u0000","\\u0000","\ud83d"]"#),
        Cell::Json(r#"["a","\\u0000","\ufffd"]"#.into())
    );
    assert_eq!(
        whole(Kind::Json, r#"[ "\\u0000", "\u00e9" ]"#),
        Cell::Json(r#"["\\u0000","\u00e9"]"#.into())
    );
}

#[test]
fn numbers_never_pass_through_a_float() {
    assert_eq!(
        whole(Kind::Integer, "9007199254740993"),
        Cell::Integer(9_007_199_254_740_993)
    );
    assert_eq!(whole(Kind::Integer, "\"12\""), Cell::Integer(12));
    assert_eq!(whole(Kind::Integer, "1e3"), Cell::Integer(1_000));
    assert_eq!(whole(Kind::Integer, "2.0"), Cell::Integer(2));
    for raw in [
        "2.5",
        "9223372036854775808",
        "\"twelve\"",
        "true",
        "[]",
        "\"\"",
    ] {
        assert_eq!(part(Kind::Integer, raw), Cell::Null, "{raw}");
    }
    let decimal = |raw: &str| match whole(Kind::Decimal, raw) {
        Cell::Decimal(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        decimal("123456789012345678.123456789"),
        "123456789012345678.123456789"
    );
    assert_eq!(decimal("\"1.10\""), "1.1");
    for raw in ["\"NaN\"", "\"INF\"", "\"1,000\"", "false"] {
        assert_eq!(part(Kind::Decimal, raw), Cell::Null, "{raw}");
    }
}

#[test]
fn a_date_is_never_another_date() {
    let day = |y, m, d| Cell::Date(jiff::civil::date(y, m, d));
    assert_eq!(whole(Kind::Date, "\"2026-02-28\""), day(2026, 2, 28));
    assert_eq!(whole(Kind::Date, "\"0001-01-01\""), day(1, 1, 1));
    assert_eq!(
        whole(Kind::Date, "\"2026-02-28T00:00:00Z\""),
        day(2026, 2, 28)
    );
    for raw in [
        "\"0000-00-00\"",
        "\"2026-02-30\"",
        "\"\"",
        "\"2026-2-3\"",
        "\"20260203\"",
        "20260203",
        "\"2026-02-28T10:00:00Z\"",
        "\"tomorrow\"",
        "\"0000-01-01\"",
        "\"2026-02-28T\\u0030\"",
    ] {
        assert_eq!(part(Kind::Date, raw), Cell::Null, "{raw}");
    }
}

#[test]
fn an_instant_keeps_its_digits_and_its_zone() {
    let at = |text: &str| Cell::Instant(text.parse().unwrap());
    for raw in [
        "\"2026-02-05T14:24:45.1234567Z\"",
        "\"2026-02-05T09:24:45.1234567-05:00\"",
        "\"2026-02-05 14:24:45.1234567\"",
    ] {
        assert_eq!(
            whole(Kind::Instant, raw),
            at("2026-02-05T14:24:45.1234567Z"),
            "{raw}"
        );
    }
    for raw in [
        "\"2026-02-05T14:24:60Z\"",
        "\"2026-02-05\"",
        "\"\"",
        "0",
        "\"0000-00-00T00:00:00Z\"",
    ] {
        assert_eq!(part(Kind::Instant, raw), Cell::Null, "{raw}");
    }
    assert_eq!(
        whole(Kind::Time, "\"07:30:15.5\""),
        Cell::Time("07:30:15.5".parse().unwrap())
    );
    for raw in ["\"07:30:60\"", "\"25:00:00\"", "\"7\"", "\"\""] {
        assert_eq!(part(Kind::Time, raw), Cell::Null, "{raw}");
    }
}

#[test]
fn truth_is_true_or_false() {
    assert_eq!(whole(Kind::Boolean, "true"), Cell::Boolean(true));
    assert_eq!(whole(Kind::Boolean, "\"false\""), Cell::Boolean(false));
    for raw in ["1", "0", "\"Y\"", "\"\""] {
        assert_eq!(part(Kind::Boolean, raw), Cell::Null, "{raw}");
    }
}

proptest! {
    #[test]
    fn any_text_comes_back(text in "[^\0]*") {
        let raw = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(whole(Kind::Text, &raw), Cell::Text(text.into()));
    }

    #[test]
    fn no_value_of_any_kind_is_trouble(
        raw in prop_oneof![
            "\"[ -~]{0,12}\"".prop_filter("JSON", |raw| serde_json::from_str::<serde_json::Value>(raw).is_ok()),
            "-?[1-9][0-9]{0,20}(\\.[0-9]{1,8})?(e[0-9]{1,2})?",
            "\"(\\\\u[0-9a-f]{4}|x){0,6}\"",
        ],
        kind in 0_usize..8
    ) {
        let kind = [Kind::Text, Kind::Boolean, Kind::Integer, Kind::Decimal, Kind::Date, Kind::Time, Kind::Instant, Kind::Json][kind];
        let fitted = match cell(kind, &raw) { Fit::Whole(cell) | Fit::Part(cell) => cell };
        if let Cell::Text(text) | Cell::Json(text) = fitted {
            prop_assert!(!text.contains('\0'));
        }
    }
}
