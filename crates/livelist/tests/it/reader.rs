//! Reads a data directory with nothing but the documented formats, and checks everything.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A published list.
#[derive(Debug, PartialEq, Eq)]
pub struct List {
    pub head: Value,
    pub keys: Vec<String>,
}

/// The feeds below `data`, by name.
pub fn feeds(data: &Path) -> Vec<String> {
    names(&data.join("feeds"))
}

/// The runs of a feed, oldest first.
pub fn runs(data: &Path, feed: &str) -> Vec<String> {
    names(&data.join("feeds").join(feed).join("runs"))
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The list of the only feed whose head is there; none without a head.
pub fn only(data: &Path) -> Option<List> {
    let mut lists = feeds(data).into_iter().filter_map(|f| list(data, &f));
    let list = lists.next();
    assert!(lists.next().is_none(), "several feeds");
    list
}

/// The published list of a feed: complete in every respect, or not there at all.
pub fn list(data: &Path, feed: &str) -> Option<List> {
    let text = std::fs::read(data.join("feeds").join(feed).join("head.json")).ok()?;
    let head: Value = serde_json::from_slice(&text).expect("a head is whole");
    assert_eq!(head["feed"], feed);
    assert_eq!(head["complete"], true);
    assert_eq!(head["order"], "bytewise");
    let text = stored(data, &head["full"], &head["sha256"]);
    let keys = lines(&text);
    assert_eq!(head["count"], keys.len());
    assert!(keys.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()));
    let mut to = head["version"].clone();
    for (nth, delta) in head["deltas"].as_array().unwrap().iter().enumerate() {
        assert_eq!(delta["to"], to, "deltas hang together");
        to = delta["from"].clone();
        let changes = lines(&stored(data, delta, &delta["sha256"]));
        let (added, removed) = signed(&changes);
        assert_eq!(delta["added"], added.len());
        assert_eq!(delta["removed"], removed.len());
        if nth == 0 {
            let present: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
            assert!(added.is_subset(&present));
            assert!(removed.is_disjoint(&present));
            let former = keys.len() - added.len() + removed.len();
            assert_eq!(head["previous_count"], former);
        }
    }
    Some(List { head, keys })
}

/// A stored list, with its size and digest checked.
fn stored(data: &Path, reference: &Value, sha256: &Value) -> String {
    let packed = std::fs::read(data.join(reference["object"].as_str().unwrap())).unwrap();
    assert_eq!(reference["bytes"], packed.len());
    let text = gunzip(&packed);
    assert_eq!(*sha256, digest(&text));
    String::from_utf8(text).unwrap()
}

fn lines(text: &str) -> Vec<String> {
    assert!(text.is_empty() || text.ends_with('\n'));
    text.split_terminator('\n').map(str::to_owned).collect()
}

fn signed(changes: &[String]) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let with = |sign| changes.iter().filter_map(move |l| l.strip_prefix(sign));
    let (added, removed) = (with('+').collect(), with('-').collect());
    (added, removed)
}

pub fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(packed).read_to_end(&mut text).unwrap();
    text
}

pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
