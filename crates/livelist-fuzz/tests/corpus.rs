//! Every file of `fuzz/corpus/` through its property: what the fuzzer begins with, and what it once
//! found.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use livelist_fuzz::PROPERTIES;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz");

fn names(folder: &Path) -> BTreeSet<String> {
    let names = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| names(entry.unwrap().path()))
        .collect()
}

#[test]
fn every_property_has_its_target_and_its_corpus() {
    let properties: BTreeSet<_> = PROPERTIES.iter().map(|(n, _)| (*n).to_owned()).collect();
    let fuzz = Path::new(FUZZ);
    assert_eq!(names(&fuzz.join("corpus")), properties);
    assert_eq!(names(&fuzz.join("fuzz_targets")), properties);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for name in properties {
        let source = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("livelist_fuzz::{name}(data)")));
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")));
    }
}

#[test]
fn every_file_holds() {
    let mut broken = Vec::new();
    for (name, property) in PROPERTIES {
        let files = fs::read_dir(Path::new(FUZZ).join("corpus").join(name)).unwrap();
        for path in files.map(|file| file.unwrap().path()) {
            let bytes = fs::read(&path).unwrap();
            if std::panic::catch_unwind(|| property(&bytes)).is_err() {
                broken.push(path.strip_prefix(FUZZ).unwrap().to_owned());
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
