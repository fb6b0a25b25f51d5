//! The project's files.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the project")
}

/// A file of the project as text.
pub fn text(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A JSON file of the project.
pub fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The event that stands for what a function is invoked with.
pub fn event(function: &str) -> Value {
    json(&format!("events/{function}.json"))
}

/// The files of a folder of the project, in the order of their names.
pub fn folder(path: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}
