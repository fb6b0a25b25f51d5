use proptest::prelude::*;

use super::*;

const FIELDS: Fields<'_> = Fields {
    key: "ListingKey",
    stamp: Some("ModificationTimestamp"),
    id: None,
};

fn page(body: &str) -> Result<(Page, Vec<String>), PageError> {
    let mut keys = KeyBuffer::default();
    let page = read_page(body.as_bytes(), FIELDS, Bounds::default(), &mut keys)?;
    let keys = keys
        .iter()
        .map(|(k, _)| String::from_utf8_lossy(k).into_owned())
        .collect();
    Ok((page, keys))
}

#[test]
fn a_page_gives_keys_link_and_count_in_any_order_of_members() {
    let body = r#"{"@odata.context":"x","@odata.nextLink":"Property?$skip=2","@odata.count":"42",
        "value":[{"X":{"a":[1,{}]},"ListingKey":"a1"},{"ListingKey":26,"ModificationTimestamp":"2020-04-02T02:02:02Z"}]}"#;
    let (page, keys) = page(body).unwrap();
    assert_eq!(keys, ["a1", "26"]);
    assert_eq!((page.rows, page.number_keys), (2, 1));
    assert_eq!(page.next_link.as_deref(), Some("Property?$skip=2"));
    assert_eq!(page.count, Some(42));
    assert_eq!(page.bytes, body.len() as u64);
}

#[test]
fn a_null_link_is_no_link_and_odata_3_is_read() {
    assert_eq!(
        page(r#"{"value":[],"@odata.nextLink":null}"#)
            .unwrap()
            .0
            .next_link,
        None
    );
    let (old, _) = page(r#"{"odata.metadata":"x","odata.count":"3","value":[]}"#).unwrap();
    assert_eq!(old.count, Some(3));
}

#[test]
fn long_digit_keys_and_look_alikes_keep_their_bytes() {
    let body = r#"{"value":[{"ListingKey":"20100000000000000000000001"},{"ListingKey":"ABC"},
        {"ListingKey":"abc"},{"ListingKey":"1e3"},{"ListingKey":"\u0041\u00e9"}]}"#;
    let keys = page(body).unwrap().1;
    assert_eq!(
        keys,
        ["20100000000000000000000001", "ABC", "abc", "1e3", "Aé"]
    );
}

#[test]
fn what_is_not_a_page_is_an_error() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "COMPRESSION REQUIRED",
        "<html><body>Service unavailable</body></html>",
        r#"{"error":{"code":"401","message":"x"}}"#,
        r#"{"error":"invalid_grant"}"#,
        r#"{"value":[],"error":{"code":1}}"#,
        r#"{"value":{}}"#,
        r#"{"value":null}"#,
        r#"{"value":"x"}"#,
        r#"{"value":[1]}"#,
        r#"{"value":[null]}"#,
        r#"{"value":[],"value":[]}"#,
        r#"{"D":{"Success":false,"Code":1020}}"#,
        r#"{"ListingKey":"a1"}"#,
        r#"{"value":[{"ListingKey":"a1"}]"#,
        r#"{"value":[{"ListingKey":"a1"}]} trailing"#,
        r#"{"value":[{"ListingKey":"a1"}],"@odata.count":"many"}"#,
        r#"{"value":[{"ListingKey":"a1"}],"@odata.nextLink":5}"#,
    ] {
        assert!(page(body).is_err(), "{body}");
    }
}

#[test]
fn a_row_without_a_usable_key_spoils_the_page_and_leaves_nothing_behind() {
    for row in [
        r#"{"ListPrice":1}"#,
        r#"{"ListingKey":null}"#,
        r#"{"ListingKey":""}"#,
        r#"{"ListingKey":1.5}"#,
        r#"{"ListingKey":20100000000000000000000001}"#,
        r#"{"ListingKey":true}"#,
        r#"{"ListingKey":["a"]}"#,
        r#"{"ListingKey":"a\nb"}"#,
        r#"{"ListingKey":"a","ListingKey":"b"}"#,
    ] {
        let body = format!(r#"{{"value":[{{"ListingKey":"a1"}},{row}]}}"#);
        let mut keys = KeyBuffer::default();
        keys.push(b"kept", b"").unwrap();
        let result = read_page(body.as_bytes(), FIELDS, Bounds::default(), &mut keys);
        assert!(result.is_err(), "{row}");
        assert_eq!(keys.len(), 1, "{row}");
    }
}

#[test]
fn errors_show_no_values() {
    let error = page(r#"{"value":"s3cret-value"}"#).unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[test]
fn bounds_hold_for_rows_bytes_and_streams() {
    let body = r#"{"value":[{"ListingKey":"a"},{"ListingKey":"b"}]}"#;
    let mut keys = KeyBuffer::default();
    let few = Bounds {
        rows: 1,
        ..Bounds::default()
    };
    let error = read_page(body.as_bytes(), FIELDS, few, &mut keys).unwrap_err();
    assert!(
        matches!(error, PageError::TooLarge { what: "rows", .. }),
        "{error}"
    );
    let short = Bounds {
        bytes: 10,
        ..Bounds::default()
    };
    let error = read_page(body.as_bytes(), FIELDS, short, &mut keys).unwrap_err();
    assert!(
        matches!(error, PageError::TooLarge { what: "bytes", .. }),
        "{error}"
    );
    assert!(keys.is_empty());
}

#[test]
fn a_count_is_a_number_a_text_or_nothing() {
    let count = |count: &str| {
        let page = page(&format!(r#"{{"value":[],"@odata.count":{count}}}"#));
        page.map(|(page, _)| page.count)
    };
    assert_eq!(count("7").unwrap(), Some(7));
    assert_eq!(count(r#"" 7 ""#).unwrap(), Some(7));
    assert_eq!(count("null").unwrap(), None);
    for other in ["{}", "[1,1,1]", "-1", "7.0", "true", r#""x""#] {
        let error = count(other).unwrap_err().to_string();
        assert!(error.contains("`@odata.count`"), "{other}: {error}");
    }
}

#[test]
fn of_two_timestamps_the_last_one_counts() {
    let body = r#"{"value":[{"ModificationTimestamp":"2026","ListingKey":"a","ModificationTimestamp":"2025"}]}"#;
    let mut keys = KeyBuffer::default();
    read_page(body.as_bytes(), FIELDS, Bounds::default(), &mut keys).unwrap();
    assert_eq!(
        keys.iter().collect::<Vec<_>>(),
        [(b"a".as_slice(), b"2025".as_slice())]
    );
}

#[test]
fn errors_do_not_repeat_what_stands_there() {
    let error = page(r#"{"value":"x, expected 1 Main Street"}"#).unwrap_err();
    assert!(!error.to_string().contains("Main Street"), "{error}");
}

/// A body longer than what is parsed from memory, made while it is read.
#[test]
fn a_long_body_is_streamed_and_bounded() {
    let row = format!(
        r#"{{"Remarks":"{}","ListingKey":"a1"}},"#,
        "x".repeat(1_000)
    );
    let rows = 20_000;
    let body = || {
        let middle = io::Cursor::new(row.as_bytes().repeat(rows));
        io::Cursor::new(br#"{"value":["#.to_vec())
            .chain(middle)
            .chain(io::Cursor::new(
                br#"{"ListingKey":"z"}],"@odata.count":7}"#.to_vec(),
            ))
    };
    let mut keys = KeyBuffer::default();
    let page = read_page(body(), FIELDS, Bounds::default(), &mut keys).unwrap();
    assert_eq!(page.rows, rows as u64 + 1);
    assert_eq!(page.count, Some(7));
    assert!(page.bytes > Bounds::default().in_memory);
    let short = Bounds {
        bytes: Bounds::default().in_memory + 1_000,
        ..Bounds::default()
    };
    let mut keys = KeyBuffer::default();
    let error = read_page(body(), FIELDS, short, &mut keys).unwrap_err();
    assert!(
        matches!(error, PageError::TooLarge { what: "bytes", .. }),
        "{error}"
    );
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[ -~é]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop_oneof![
            Just("value".to_owned()),
            Just("ListingKey".to_owned()),
            Just("@odata.count".to_owned()),
            Just("@odata.nextLink".to_owned()),
            "[a-z]{1,4}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(name, inner, 0..4)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

/// What a page's keys are, by way of a document.
fn reference(body: &serde_json::Value) -> Option<Vec<String>> {
    body.get("value")?
        .as_array()?
        .iter()
        .map(|row| match row.get("ListingKey")? {
            serde_json::Value::String(s) if !s.is_empty() => Some(s.clone()),
            serde_json::Value::Number(n) if n.is_i64() || n.is_u64() => Some(n.to_string()),
            _ => None,
        })
        .collect()
}

proptest! {
    #[test]
    fn any_bytes_are_a_page_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut keys = KeyBuffer::default();
        if read_page(&bytes[..], FIELDS, Bounds::default(), &mut keys).is_err() {
            prop_assert!(keys.is_empty());
        }
    }

    #[test]
    fn the_keys_are_those_of_the_document(value in json_value(), cut in 0usize..400) {
        let body = value.to_string();
        if let Ok((page, keys)) = page(&body) {
            prop_assert_eq!(Some(keys.clone()), reference(&value));
            prop_assert_eq!(page.rows as usize, keys.len());
        }
        if cut < body.len() && body.is_char_boundary(cut) {
            prop_assert!(page(&body[..cut]).is_err());
        }
    }
}

#[test]
fn a_byte_order_mark_is_read_over() {
    let (read, keys) = page("\u{feff}{\"value\":[{\"ListingKey\":\"a1\"}]}").unwrap();
    assert_eq!((read.rows, keys), (1, vec!["a1".to_owned()]));
    // In the middle it is text like other text, and between tokens it is none.
    assert!(page("{\"value\":\u{feff}[]}").is_err());
}

fn raw(body: &[u8]) -> Result<Vec<Vec<u8>>, PageError> {
    let read = |bounds| {
        let mut keys = KeyBuffer::default();
        read_page(body, FIELDS, bounds, &mut keys)
            .map(|_| keys.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>())
    };
    let whole = read(Bounds::default());
    let pieces = read(Bounds {
        in_memory: 7,
        ..Bounds::default()
    });
    if let (Ok(whole), Ok(pieces)) = (&whole, &pieces) {
        assert_eq!(whole, pieces);
    }
    whole
}

#[test]
fn what_is_wrong_in_a_field_that_nobody_reads_does_not_spoil_a_page() {
    for value in [
        &b"\"a tab\tand a\nline\x01\""[..],
        b"NaN",
        b"-Infinity",
        b"[1, NaN, {\"b\": Infinity}]",
        br#""half a pair: \ud83d""#,
        br#""half a pair: \udc00 and text""#,
        b"\"latin-1: caf\xe9\"",
        br#""\x41""#,
    ] {
        let body = [
            b"{\"value\":[{\"Remarks\":",
            value,
            b",\"ListingKey\":\"a\\u00e91\"},{\"ListingKey\":\"b\",\"X\":",
            value,
            b"}]}",
        ]
        .concat();
        let keys =
            raw(&body).unwrap_or_else(|e| panic!("{e:?} {}", String::from_utf8_lossy(&body)));
        assert_eq!(keys, ["aé1".as_bytes().to_vec(), b"b".to_vec()]);
    }
}

#[test]
fn what_is_wrong_in_a_key_is_told_and_not_guessed() {
    for (value, told) in [
        (&b"\"a\x01b\""[..], "control character"),
        (b"\"caf\xe9\"", "UTF-8"),
        (br#""\ud83d""#, "surrogate"),
        (b"NaN", "NaN"),
    ] {
        let body = [b"{\"value\":[{\"ListingKey\":", value, b"}]}"].concat();
        let error = livelist_model::with_causes(&raw(&body).unwrap_err());
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn the_name_of_what_is_there_is_told() {
    let error =
        page(r#"{"@odata.context":"x","Value":[],"d":{"results":[]},"bundle":1}"#).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`@odata.context`, `Value`, `d`, `bundle`"),
        "{error}"
    );
    for (body, told) in [
        ("", "empty"),
        ("<html>", "`<`"),
        ("  COMPRESSION REQUIRED", "`C`"),
        ("\0{}", "byte 00"),
    ] {
        let error = livelist_model::with_causes(&page(body).unwrap_err());
        assert!(error.contains(told), "{body}: {error}");
    }
}
