//! Compares the documents with the code: every name that operators can see has its section, and the
//! schemas are current.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use livelist_model::decision::HeldReason;
use livelist_model::notice::ConditionKind;
use livelist_reso::catalog::schema;
use livelist_steps::StepError;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn text(file: &str) -> String {
    let path = docs().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The sections below a chapter, by their titles.
fn sections(chapter: &str) -> BTreeMap<String, String> {
    let text = text("operations.md");
    let (_, rest) = text.split_once(&format!("\n## {chapter}\n")).unwrap();
    let chapter = rest.split("\n## ").next().unwrap();
    let sections = chapter.split("\n### ").skip(1);
    let titled = sections.map(|section| section.split_once('\n').unwrap());
    titled
        .map(|(title, text)| (title.to_owned(), text.to_owned()))
        .collect()
}

fn assert_told<'a>(chapter: &str, met: impl Iterator<Item = &'a str>, parts: [&str; 3]) {
    let sections = sections(chapter);
    let told: BTreeSet<&str> = sections.keys().map(String::as_str).collect();
    assert_eq!(told, met.collect(), "{chapter}");
    for (title, text) in &sections {
        for part in parts {
            let part = format!("\n- **{part}**: ");
            assert!(text.contains(&part), "{title} has no {part:?}");
        }
    }
}

#[test]
fn every_error_has_its_section_with_cause_check_and_remedy() {
    let names = StepError::NAMES.iter().copied();
    assert_told("Errors", names, ["Cause", "Check", "Remedy"]);
}

#[test]
fn every_held_reason_has_its_section_with_what_decides() {
    let reasons = HeldReason::ALL.iter().map(|reason| reason.as_str());
    assert_told("Held results", reasons, ["Cause", "Check", "Decide"]);
}

#[test]
fn every_kind_of_alert_is_explained() {
    let text = text("operations.md");
    let (_, rest) = text
        .split_once("\n## Alerts and metrics on one machine\n")
        .unwrap();
    let section = rest.split("\n## ").next().unwrap();
    for kind in ConditionKind::ALL {
        let name = format!("`{}`", kind.as_str());
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.filter(|row| row.contains(&name)).count(), 1, "{name}");
    }
}

#[test]
fn the_schemas_are_those_of_the_code() {
    for kind in [
        "mls",
        "client",
        "replication",
        "destination",
        "admins",
        "alerts",
    ] {
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
    for kind in ["mls", "client", "replication", "destination"] {
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
        "email.to",
        "email.from",
        "email.server",
        "email.port",
        "email.tls",
        "email.user",
        "email.credential",
        "webhook.url",
        "webhook.credential",
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
