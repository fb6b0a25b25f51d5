//! What ties the documents to the code: every name that an operator can meet has its section, and
//! the schemas are the registry's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use livelist_model::decision::HeldReason;
use livelist_reso::catalog::schema;
use livelist_steps::StepError;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn text(file: &str) -> String {
    let path = docs().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn documented() -> BTreeSet<String> {
    let text = text("operations.md");
    let titles = text.lines().filter_map(|line| line.strip_prefix("### "));
    titles.map(str::to_owned).collect()
}

fn met() -> BTreeSet<String> {
    let errors = StepError::NAMES.iter().copied();
    let held = HeldReason::ALL.iter().map(|reason| reason.as_str());
    errors.chain(held).map(str::to_owned).collect()
}

#[test]
fn every_error_and_every_held_reason_has_its_section_and_no_other_has() {
    assert_eq!(documented(), met());
}

#[test]
fn the_schemas_are_those_of_the_code() {
    for kind in ["mls", "client", "admins"] {
        let file = format!("schema/{kind}.schema.json");
        let written: serde_json::Value = serde_json::from_str(&text(&file)).unwrap();
        assert_eq!(
            written,
            schema(kind).unwrap(),
            "write it anew: livelist registry schema {kind} > docs/{file}"
        );
    }
}

#[test]
fn every_field_of_the_registry_is_explained() {
    let text = text("registry.md");
    for kind in ["mls", "client"] {
        let schema = schema(kind).unwrap();
        let fields = schema["properties"].as_object().unwrap().keys();
        for field in fields.filter(|f| !matches!(f.as_str(), "guards" | "api_keys" | "pairs")) {
            assert!(text.contains(&format!("| `{field}` |")), "{kind}: {field}");
        }
    }
    for field in [
        "guards.removed_fraction",
        "guards.removed_floor",
        "api_keys[].id",
        "api_keys[].sha256",
        "api_keys[].created",
        "api_keys[].expires",
        "api_keys[].feeds",
        "notify.url",
        "notify.credential",
        "pairs[].mls",
        "pairs[].resource",
        "pairs[].filter",
        "pairs[].enabled",
    ] {
        assert!(text.contains(&format!("| `{field}` |")), "{field}");
    }
}
