//! The stored form of a scan, and the values that it takes from links.

use crate::scan::ScanState;
use crate::scan::links::skip_of;

#[test]
fn skips_are_found_in_links_of_many_forms() {
    assert_eq!(
        skip_of("https://x/Property?$select=A&$skip=4000"),
        Some(4_000)
    );
    assert_eq!(skip_of("https://x/Property?%24skip=10&b"), Some(10));
    assert_eq!(skip_of("https://x/Property?$skiptoken=10"), None);
    assert_eq!(skip_of("https://x/Property?id=1-7b"), None);
}

#[test]
fn a_scan_can_be_written_down() {
    let text = r#"{"version":5,"stage":"pages","cursor":{"link":"https://x/P?$skip=5"},"page_size":5,
        "loops":{"kept":7,"steps":0,"power":1},"evidence":{"paging":"links","started_at":"2026-11-21T04:00:00Z",
        "pages":1,"rows":5,"rows_skipped":0}}"#;
    let state: ScanState = serde_json::from_str(text).unwrap();
    let again: ScanState = serde_json::from_value(serde_json::to_value(&state).unwrap()).unwrap();
    assert_eq!(state, again);
    assert!(
        serde_json::from_str::<ScanState>(&text.replace("\"pages\":1", "\"pagez\":1")).is_err()
    );
}
