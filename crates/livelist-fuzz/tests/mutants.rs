//! The fuzz targets' twins for a stable toolchain: files of the corpus with a few edits, through
//! their properties.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use livelist_fuzz::{PROPERTIES, Property};
use proptest::prelude::*;
use proptest::sample::Index;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");

#[derive(Debug, Clone)]
enum Edit {
    /// One bit.
    Flip(Index, u8),
    /// Other bytes in front of this one.
    Insert(Index, Vec<u8>),
    /// So many bytes away.
    Remove(Index, usize),
    /// A stretch once more, elsewhere.
    Copy(Index, usize, Index),
    /// The end away.
    Cut(Index),
}

/// What formats are made of: an edit that means something is likelier to be found than made.
const WORDS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\u0000",
    "\\ud800",
    "null",
    "1e999",
    "-0",
    "\n",
    "\t",
    "+",
    "://",
    "//",
    "@",
    "?",
    "%2F",
    "\\",
    "\"ListingKey\":",
    "\"value\":[",
    ":65536",
];

fn edit() -> impl Strategy<Value = Edit> {
    let some = prop_oneof![
        proptest::sample::select(&WORDS[..]).prop_map(|w| w.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 1..5),
    ];
    prop_oneof![
        (any::<Index>(), 0u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (any::<Index>(), some).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<Index>(), 1usize..20).prop_map(|(at, n)| Edit::Remove(at, n)),
        (any::<Index>(), 1usize..40, any::<Index>()).prop_map(|(a, n, b)| Edit::Copy(a, n, b)),
        any::<Index>().prop_map(Edit::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit) {
    let len = bytes.len();
    match edit {
        Edit::Flip(at, bit) if len > 0 => bytes[at.index(len)] ^= 1 << bit,
        Edit::Flip(..) => {}
        Edit::Insert(at, more) => {
            let at = at.index(len + 1);
            bytes.splice(at..at, more.iter().copied());
        }
        Edit::Remove(at, n) => {
            let at = at.index(len + 1);
            bytes.drain(at..len.min(at + n));
        }
        Edit::Copy(from, n, to) => {
            let (from, to) = (from.index(len + 1), to.index(len + 1));
            let copy = bytes[from..len.min(from + n)].to_vec();
            bytes.splice(to..to, copy);
        }
        Edit::Cut(at) => bytes.truncate(at.index(len + 1)),
    }
}

fn files(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(Path::new(CORPUS).join(name))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn holds_for_mutants(name: &str) {
    let property: Property = PROPERTIES.iter().find(|(n, _)| *n == name).unwrap().1;
    let files = files(name);
    let edits = proptest::collection::vec(edit(), 1..6);
    // What fails is added to the corpus, minimised by the fuzzer; nothing else remembers it.
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(file in any::<Index>(), edits in edits)| {
        let mut bytes = file.get(&files).clone();
        edits.iter().for_each(|edit| apply(&mut bytes, edit));
        property(&bytes);
    });
}

macro_rules! twins {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            holds_for_mutants(stringify!($name));
        })*

        #[test]
        fn every_property_has_its_twin() {
            let twins = [$(stringify!($name)),*];
            assert!(PROPERTIES.iter().all(|(name, _)| twins.contains(name)));
        }
    };
}

twins! {
    delta encoded_page head link link_header list page progress refusal registry token
}
