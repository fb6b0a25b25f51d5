//! The continuation of a scan, and the document of a run that holds it.

use livelist_reso::ScanState;
use livelist_steps::progress::Progress;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Objects in which an unknown member is an error. Not among them: the numbers for people (`traffic`), and
/// references to lists, whose digest is checked with the list.
const CLOSED: [&str; 7] = [
    "",
    "/scan",
    "/scan/loops",
    "/scan/evidence",
    "/finished/0",
    "/base",
    "/parts/0",
];

/// A continuation is read as it was written; one that was cut, or that has unknown members, is an error.
pub fn progress(bytes: &[u8]) {
    comes_back::<ScanState>(bytes);
    let Some(progress) = comes_back::<Progress>(bytes) else {
        return;
    };
    let document = serde_json::to_value(&progress).expect("a document");
    for place in CLOSED.iter().filter(|p| **p != "/parts/0") {
        let mut document = document.clone();
        if let Some(Value::Object(members)) = document.pointer_mut(place) {
            members.insert("unknown".to_owned(), Value::Null);
            let read = serde_json::from_value::<Progress>(document);
            assert!(read.is_err(), "an unknown member of {place:?}");
        }
    }
    let mut scan = progress.scan;
    for step in [&b"one"[..], b"two", b"one", b"two"] {
        scan.loops.is_circle(step);
    }
    let _ = scan.evidence.doubt(scan.evidence.rows);
}

/// The document in `bytes`, if it is one, after checks that it survives writing and that no prefix of it is
/// accepted.
pub(crate) fn comes_back<T>(bytes: &[u8]) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let document: T = serde_json::from_slice(bytes).ok()?;
    let text = serde_json::to_vec(&document).expect("a document");
    let again: T = serde_json::from_slice(&text).expect("what was written can be read");
    assert_eq!(again, document);
    let sum: usize = bytes.iter().map(|b| usize::from(*b)).sum();
    for cut in [sum % text.len(), text.len() - 1] {
        assert!(
            serde_json::from_slice::<T>(&text[..cut]).is_err(),
            "cut at {cut}"
        );
    }
    let longer = [&text[..], b"0"].concat();
    assert!(serde_json::from_slice::<T>(&longer).is_err(), "longer");
    Some(document)
}
