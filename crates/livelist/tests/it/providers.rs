//! `livelist providers`: the list, and the table of the documentation that is made from it.

use std::path::Path;
use std::process::Command;

use livelist_reso::Dialects;
use serde_json::Value;

fn providers(more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_livelist"))
        .env_clear()
        .arg("providers")
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_list_is_for_people() {
    insta::assert_snapshot!("providers", providers(&[]));
}

#[test]
fn each_provider_is_a_line_of_json() {
    let text = providers(&["--json"]);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = lines.iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, Dialects::names());
    for line in &lines {
        for member in ["provider", "source", "auth", "scan", "confirmation", "note"] {
            assert!(!line[member].is_null() && line[member] != "", "{line}");
        }
    }
}

#[test]
fn the_table_of_the_documentation_is_the_list() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects.md");
    let text = std::fs::read_to_string(file).unwrap();
    let (_, behind) = text
        .split_once("<!-- livelist providers --markdown -->\n")
        .unwrap();
    let (table, _) = behind.split_once("<!-- end -->").unwrap();
    assert_eq!(
        table.trim(),
        providers(&["--markdown"]).trim(),
        "write it anew: livelist providers --markdown, between the two comments"
    );
}
