//! Odd values, odd names, and records of the maximum width.

use livelist_records::{Change, Field, Kind, Schema};

use super::{Copy, at, keys, log, now, removal, schema, upsert, value, write};
use crate::destination::Batch;

/// Every text is stored as it was sent, whatever its characters. Characters that the database refuses are
/// removed from the column, and the exact text is in `_rest`.
pub async fn texts(copy: &dyn Copy) {
    let mut one = copy.open().await;
    let whole = [
        "\\N",
        "\\.",
        "a\\",
        "\\",
        "\t",
        "\r\n",
        "\n",
        "",
        " ",
        "\u{8}\u{c}\u{b}",
        "NULL",
        "null",
        "'",
        "''",
        "\\'",
        "\"",
        "\\\"",
        "`",
        "%_",
        "$1",
        "?",
        ":a",
        "--",
        "/*",
        "\u{1f3e0}",
        "\u{202e}x",
        "\u{feff}x",
        "e\u{301}",
        "\\u0000",
        "\\\\u0000",
        "\\ud800",
        "\u{7f}\u{85}",
        "DEFAULT",
        "{\"a\":1}",
        "a ",
        "\u{10ffff}",
        "\\x41",
        "\\101",
        "\\b",
    ];
    let mut changes = Vec::new();
    for (n, text) in (1..).zip(whole) {
        let json = serde_json::to_string(text).unwrap();
        changes.push(upsert(
            n,
            &format!("k{n:03}"),
            &format!("\"PublicRemarks\":{json},\"View\":[{json}]"),
        ));
    }
    let written = write(&mut *one, changes, 100).await;
    assert_eq!((written.overflow, written.rejected), (0, 0));
    for (n, text) in (1..).zip(whole) {
        let key = format!("k{n:03}");
        let held = value(&mut *one, &key, "PublicRemarks").await;
        assert_eq!(held.as_deref(), Some(text), "{key}");
        let list = value(&mut *one, &key, "View").await.unwrap();
        let list: Vec<String> = serde_json::from_str(&list).unwrap();
        assert_eq!(list, [text], "{key}");
    }
    // The JSON, the column's value, and whether the exact text is in `_rest`.
    let part = [
        (r#""PublicRemarks":"a\u0000b""#, Some("ab")),
        (r#""PublicRemarks":"a\ud800b""#, Some("a\u{fffd}b")),
        (r#""View":["a\u0000b"]"#, None),
        (r#""View":["a\udc00b",{"\u0000":1}]"#, None),
        (r#""Vendor\u0000New":"x\u0000""#, None),
    ];
    for (n, (members, text)) in (101..).zip(part) {
        let key = format!("k{n}");
        let written = write(&mut *one, vec![upsert(n, &key, members)], n).await;
        assert_eq!(
            (written.upserts, written.overflow, written.rejected),
            (1, 1, 0),
            "{members}"
        );
        if let Some(text) = text {
            let held = value(&mut *one, &key, "PublicRemarks").await;
            assert_eq!(held.as_deref(), Some(text));
        }
        let rest = value(&mut *one, &key, "_rest").await.unwrap();
        let rest: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&rest).unwrap();
        let (_, sent) = members.split_once("\":").unwrap();
        assert_eq!(rest.values().next().unwrap(), sent, "{members}");
    }
    // A key that the database cannot hold is a counted reject, and nothing else stops.
    let written = write(
        &mut *one,
        vec![upsert(200, "nul\0key", ""), upsert(201, "z", "")],
        201,
    )
    .await;
    assert_eq!(written.upserts + written.rejected, 2);
    assert!(one.record("Property", "z").await.unwrap().is_some());
}

/// Numbers, dates and instants are in their columns exactly, or null there and in `_rest` exactly: never
/// another number, another date, or a later instant.
pub async fn numbers_and_dates(copy: &dyn Copy) {
    let mut one = copy.open().await;
    let long = "1".repeat(40);
    // The JSON, and the column's value.
    let cases: [(&str, &str, Option<&str>); 42] = [
        ("ListPrice", "\"5\"", Some("5")),
        ("ListPrice", "1.25e3", Some("1250")),
        ("ListPrice", "\"1E-2\"", Some("0.01")),
        ("ListPrice", "-0.0", Some("0")),
        ("ListPrice", "1234567890123456.12345678", None),
        ("ListPrice", "0.123456789", Some("0.123456789")),
        ("ListPrice", &long, None),
        ("ListPrice", "1e300", None),
        ("ListPrice", "1e999999", None),
        ("ListPrice", "\"NaN\"", None),
        ("ListPrice", "\"\"", None),
        (
            "BedroomsTotal",
            "9223372036854775807",
            Some("9223372036854775807"),
        ),
        (
            "BedroomsTotal",
            "\"-9223372036854775808\"",
            Some("-9223372036854775808"),
        ),
        ("BedroomsTotal", "9223372036854775808", None),
        ("BedroomsTotal", "3.0", Some("3")),
        ("BedroomsTotal", "1e2", Some("100")),
        ("BedroomsTotal", "1.5", None),
        ("CloseDate", "\"2024-02-29\"", Some("2024-02-29")),
        ("CloseDate", "\"2026-02-28T00:00:00Z\"", Some("2026-02-28")),
        ("CloseDate", "\"1000-01-01\"", Some("1000-01-01")),
        ("CloseDate", "\"0999-12-31\"", Some("0999-12-31")),
        ("CloseDate", "\"0001-01-01\"", Some("0001-01-01")),
        ("CloseDate", "\"0000-00-00\"", None),
        ("CloseDate", "\"2026-02-30\"", None),
        ("CloseDate", "\"2026-00-10\"", None),
        ("CloseDate", "\"\"", None),
        ("CloseDate", "\"02/03/2026\"", None),
        ("CloseDate", "20260203", None),
        ("OpenTime", "\"23:59:59\"", Some("23:59:59")),
        ("OpenTime", "\"24:00:00\"", None),
        ("OpenTime", "\"23:59:60\"", None),
        ("OpenTime", "\"-01:00:00\"", None),
        (
            "ModificationTimestamp",
            "\"2026-02-05T23:59:59.9999999Z\"",
            Some("2026-02-05 23:59:59.999999"),
        ),
        (
            "ModificationTimestamp",
            "\"2026-03-08T02:30:00Z\"",
            Some("2026-03-08 02:30:00"),
        ),
        (
            "ModificationTimestamp",
            "\"2026-02-05T23:59:59.5-05:00\"",
            Some("2026-02-06 04:59:59.5"),
        ),
        (
            "ModificationTimestamp",
            "\"0001-01-01T00:00:00Z\"",
            Some("0001-01-01 00:00:00"),
        ),
        (
            "ModificationTimestamp",
            "\"0999-06-01T00:00:00Z\"",
            Some("0999-06-01 00:00:00"),
        ),
        ("ModificationTimestamp", "\"2016-12-31T23:59:60Z\"", None),
        ("ModificationTimestamp", "\"0000-00-00T00:00:00Z\"", None),
        ("ModificationTimestamp", "\"\"", None),
        ("PoolPrivateYN", "1", None),
        ("PoolPrivateYN", "\"true\"", Some("true")),
    ];
    let changes = (1..).zip(&cases).map(|(n, (field, sent, _))| {
        upsert(n, &format!("k{n:03}"), &format!("\"{field}\":{sent}"))
    });
    let written = write(&mut *one, changes.collect(), 100).await;
    assert_eq!((written.upserts, written.rejected), (42, 0));
    let mut overflow = 0;
    for (n, (field, sent, expected)) in (1..).zip(&cases) {
        let key = format!("k{n:03}");
        let held = value(&mut *one, &key, field).await.map(|text| plain(&text));
        let rest = value(&mut *one, &key, "_rest").await;
        let Some(rest) = rest else {
            // Some columns hold more than others, and then exactly.
            let sent = sent.trim_matches('"');
            let exact = expected.map_or_else(|| plain(sent), plain);
            let exact = match expected {
                None => livelist_records::decimal::plain(sent).unwrap_or(exact),
                Some(_) => exact,
            };
            let is_exact = held.as_deref() == Some(exact.as_str())
                || held.as_deref().is_some_and(|held| {
                    exact.starts_with(held) && *field == "ModificationTimestamp"
                })
                || held.as_deref().is_some_and(|held| {
                    held.starts_with(&exact) && *field == "ModificationTimestamp"
                });
            assert!(is_exact, "{field} {sent}: {held:?}, and nothing in _rest");
            continue;
        };
        overflow += 1;
        assert_eq!(held, None, "{field} {sent}");
        let rest: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&rest).unwrap();
        let raw = serde_json::from_str::<serde_json::Value>(sent);
        let kept = &rest[*field];
        let is_kept = raw.is_ok_and(|raw| &raw == kept)
            || kept.as_str() == Some(sent)
            || kept.to_string().parse::<f64>().ok() == sent.parse().ok();
        assert!(is_kept, "{field} {sent}: {kept}");
    }
    assert_eq!(written.overflow, overflow);
}

/// A value in a form that all databases share: without `T` and zone of instants, with truth values as
/// numbers.
fn plain(text: &str) -> String {
    let text = text.trim_end_matches("+00").trim_end_matches('Z');
    match text {
        "1" => "true".to_owned(),
        text if text.len() > 10 && text.as_bytes()[10] == b'T' => text.replacen('T', " ", 1),
        text => text.to_owned(),
    }
}

/// Names that a database treats as equal, or reserves: every value has its own column.
pub async fn names(copy: &dyn Copy) {
    let mut one = copy.open().await;
    let long = "L".repeat(80);
    let mut grown = schema();
    let odd = [
        "select",
        "SELECT",
        "table",
        "ctid",
        "xmin",
        "rowid",
        "ROWID",
        "oid",
        "DB_ROW_ID",
        "_version",
        "_rest",
        "_Hash",
        "_deleted_at",
        "a\"b",
        "a`b",
        "a'b",
        "a b",
        "a.b",
        "a\\b",
        "$1",
        "?",
        "%s",
        "{0}",
        "Ünï",
        "ünï",
        "\u{1f3e0}",
        "key",
        "KEY",
        "listingkey",
        "excluded",
        &long,
    ];
    let longer = format!("{long}x");
    let names: Vec<&str> = odd.into_iter().chain([longer.as_str()]).collect();
    for name in &names {
        grown.fields.push(Field {
            name: (*name).to_owned(),
            kind: Kind::Text,
        });
    }
    let members: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(n, name)| format!("{}:\"v{n}\"", serde_json::to_string(name).unwrap()))
        .collect();
    one.prepare(&grown).await.unwrap();
    let batch = Batch {
        changes: vec![upsert(1, "a", &members.join(","))],
        position: at(1),
        now: now(),
        refused: Vec::new(),
    };
    let written = one.write(&log(), None, &batch).await.unwrap();
    assert_eq!((written.upserts, written.overflow), (1, 0));
    let held = one.record("Property", "a").await.unwrap().unwrap();
    let mut texts: Vec<&str> = held
        .values
        .iter()
        .filter_map(|(_, v)| v.as_deref())
        .collect();
    texts.sort_unstable();
    let mut expected: Vec<String> = (0..names.len()).map(|n| format!("v{n}")).collect();
    expected.push("a".to_owned());
    expected.sort_unstable();
    assert_eq!(texts, expected);
    assert_eq!(keys(&mut *one).await, [("a".to_owned(), 1)]);
}

/// A record all of whose 632 columns are filled fits.
pub async fn wide(copy: &dyn Copy) {
    let mut one = copy.open().await;
    let kinds = [
        (Kind::Text, 350),
        (Kind::Json, 81),
        (Kind::Decimal, 62),
        (Kind::Integer, 64),
        (Kind::Boolean, 44),
        (Kind::Date, 16),
        (Kind::Instant, 14),
    ];
    let mut schema = Schema {
        fields: schema().fields.into_iter().take(1).collect(),
        ..schema()
    };
    let mut members = Vec::new();
    for (kind, count) in kinds {
        for n in 0..count {
            let name = format!("{}{n}", kind.as_str());
            let value = match kind {
                Kind::Text => format!("\"{n:040}\""),
                Kind::Json => format!("[\"{n:036}\"]"),
                Kind::Decimal => format!("{}99999999999.99", n + 1),
                Kind::Integer => format!("{}00000000000000", n + 1),
                Kind::Boolean => "true".to_owned(),
                Kind::Date => "\"2026-11-28\"".to_owned(),
                _ => "\"2026-11-28T04:00:00.123456Z\"".to_owned(),
            };
            members.push(format!("\"{name}\":{value}"));
            schema.fields.push(Field { name, kind });
        }
    }
    one.prepare(&schema).await.unwrap();
    for (number, key) in [(1, "a"), (2, "b")] {
        let from = one.position(&log()).await.unwrap();
        let batch = Batch {
            changes: vec![upsert(number, key, &members.join(","))],
            position: at(number),
            now: now(),
            refused: Vec::new(),
        };
        let written = one.write(&log(), from.as_ref(), &batch).await.unwrap();
        assert_eq!(
            (written.upserts, written.overflow, written.rejected),
            (1, 0, 0)
        );
    }
    let held = one.record("Property", "b").await.unwrap().unwrap();
    let filled = held.values.iter().filter(|(_, value)| value.is_some());
    assert_eq!(filled.count(), 632);
    // All of it at once, and back to nothing.
    let batch = Batch {
        changes: vec![upsert(3, "b", ""), removal(4, "a")],
        position: at(4),
        now: now(),
        refused: Vec::new(),
    };
    let mut changes = batch.changes.clone();
    changes.sort_by(Change::order);
    let batch = Batch { changes, ..batch };
    let written = one.write(&log(), Some(&at(2)), &batch).await.unwrap();
    assert_eq!((written.upserts, written.removals), (1, 1));
    let held = one.record("Property", "b").await.unwrap().unwrap();
    let filled = held.values.iter().filter(|(_, value)| value.is_some());
    assert_eq!(filled.count(), 1);
}
