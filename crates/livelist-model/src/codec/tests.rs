use proptest::prelude::*;

use super::*;

fn write(keys: &[&str]) -> (Vec<u8>, ListSummary) {
    let mut list = ListWriter::new(Vec::new(), Effort::Small);
    for key in keys {
        list.push(key.as_bytes()).unwrap();
    }
    list.finish().unwrap()
}

fn read(bytes: &[u8], expected: Option<ListSummary>) -> Result<Vec<String>, CodecError> {
    let mut list = ListReader::new(bytes, expected);
    let mut keys = Vec::new();
    while list.advance()? {
        keys.push(String::from_utf8_lossy(list.key()).into_owned());
    }
    Ok(keys)
}

#[test]
fn the_text_is_one_key_a_line_and_the_digest_is_of_the_text() {
    let (bytes, summary) = write(&["a", "b"]);
    let mut text = String::new();
    GzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "a\nb\n");
    assert_eq!(summary.count, 2);
    assert_eq!(summary.sha256, hex::encode(Sha256::digest(b"a\nb\n")));
}

#[test]
fn same_keys_same_bytes() {
    assert_eq!(write(&["a", "b"]), write(&["a", "b"]));
    let (bytes, _) = write(&["a"]);
    assert_eq!(bytes[4..8], [0; 4], "no time in the gzip header");
}

#[test]
fn a_writer_refuses_what_is_not_strictly_ascending() {
    let mut list = ListWriter::new(Vec::new(), Effort::Stored);
    list.push(b"b").unwrap();
    assert!(list.push(b"b").is_err());
    assert!(list.push(b"a").is_err());
    assert!(list.push(b"c\nd").is_err());
    assert!(list.push(b"c\td").is_err());
}

#[test]
fn every_cut_of_a_list_is_seen() {
    let keys: Vec<String> = (0..500).map(|i| format!("key-{i:05}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (bytes, summary) = write(&keys);
    for cut in 0..bytes.len() {
        assert!(
            read(&bytes[..cut], Some(summary.clone())).is_err(),
            "cut at {cut}"
        );
    }
    assert_eq!(read(&bytes, Some(summary)).unwrap().len(), 500);
}

#[test]
fn what_stands_behind_a_list_is_an_error() {
    let (bytes, summary) = write(&["a", "b"]);
    for more in [&b"\0"[..], &bytes] {
        let longer = [&bytes[..], more].concat();
        for expected in [Some(summary.clone()), None] {
            let read = read(&longer, expected);
            assert!(matches!(read, Err(CodecError::Mismatch { .. })), "{read:?}");
        }
    }
}

#[test]
fn another_list_is_not_the_one_that_was_meant() {
    let (_, meant) = write(&["a", "b"]);
    let (fewer, _) = write(&["a"]);
    let (other, _) = write(&["a", "c"]);
    assert!(matches!(
        read(&fewer, Some(meant.clone())),
        Err(CodecError::Mismatch { .. })
    ));
    assert!(matches!(
        read(&other, Some(meant)),
        Err(CodecError::Mismatch { .. })
    ));
}

#[test]
fn lines_out_of_order_or_without_an_end_are_errors() {
    for text in ["b\na\n", "a\na\n", "a\n\nb\n", "a\nb"] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap();
        assert!(
            matches!(read(&bytes, None), Err(CodecError::Line { .. })),
            "{text:?}"
        );
    }
}

fn gzip_of(lines: &[String]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for line in lines {
        gzip.write_all(line.as_bytes()).unwrap();
        gzip.write_all(b"\n").unwrap();
    }
    gzip.finish().unwrap()
}

#[test]
fn lines_are_whole_and_in_order_across_blocks() {
    // Four blocks of lines of all lengths up to the longest.
    let mut lines: Vec<String> = (0..500)
        .map(|i| format!("{i:05}{}", "k".repeat(i * 7 % 1_016)))
        .collect();
    let bytes = gzip_of(&lines);
    let mut list = ListReader::new(&bytes[..], None);
    for line in &lines {
        assert!(list.advance().unwrap());
        assert_eq!(list.key(), line.as_bytes());
    }
    assert!(!list.advance().unwrap());
    for at in 1..lines.len() {
        lines.swap(at - 1, at);
        let read = read(&gzip_of(&lines), None);
        let number = at as u64 + 1;
        assert!(
            matches!(read, Err(CodecError::Line { line, reason: "out of order" }) if line == number),
            "{at}: {read:?}"
        );
        lines.swap(at - 1, at);
    }
}

#[test]
fn a_line_is_as_long_as_a_key_at_most() {
    let longest = "k".repeat(1_020);
    assert_eq!(
        read(&gzip_of(std::slice::from_ref(&longest)), None)
            .unwrap()
            .len(),
        1
    );
    for line in [
        format!("{longest}k"),
        format!("{}\t2026", "k".repeat(20)),
        "k".repeat(100_000),
    ] {
        let read = read(&gzip_of(&[line]), None);
        assert!(matches!(read, Err(CodecError::Line { line: 1, .. })));
    }
}

#[test]
fn a_reader_that_found_an_error_finds_no_end() {
    let lines = ["a", "c", "b", "d"].map(str::to_owned);
    let bytes = gzip_of(&lines);
    let mut list = ListReader::new(&bytes[..], None);
    while let Ok(more) = list.advance() {
        assert!(more);
    }
    assert!(list.advance().is_err());
}

proptest! {
    #[test]
    fn a_list_comes_back_as_it_was(keys in proptest::collection::btree_set("[ -~é]{1,12}", 0..200)) {
        let mut list = ListWriter::new(Vec::new(), Effort::Stored);
        for key in &keys {
            list.push(key.as_bytes()).unwrap();
        }
        let (bytes, summary) = list.finish().unwrap();
        let back = read(&bytes, Some(summary)).unwrap();
        prop_assert_eq!(back, keys.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_a_list_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, None);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&bytes).unwrap();
        let _ = read(&gzip.finish().unwrap(), None);
    }
}
