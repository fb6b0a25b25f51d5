//! Compares `docs/operations.md` with what operators see: each alarm and each code of the API has its
//! section. Errors and held reasons: `livelist-steps/tests/docs.rs`.

use std::collections::{BTreeMap, BTreeSet};

use livelist_tests::files;
use livelist_tests::template::Template;

/// The sections below a chapter of `docs/operations.md`, by their titles.
fn sections(chapter: &str) -> BTreeMap<String, String> {
    let text = files::text("docs/operations.md");
    let (_, rest) = text.split_once(&format!("\n## {chapter}\n")).unwrap();
    let chapter = rest.split("\n## ").next().unwrap();
    let sections = chapter.split("\n### ").skip(1);
    let titled = sections.map(|section| section.split_once('\n').unwrap());
    titled
        .map(|(title, text)| (title.to_owned(), text.to_owned()))
        .collect()
}

fn assert_told(chapter: &str, met: BTreeSet<String>) {
    let sections = sections(chapter);
    let told: BTreeSet<String> = sections.keys().cloned().collect();
    assert_eq!(told, met, "{chapter}");
    for (title, text) in sections {
        for part in ["Cause", "Check", "Remedy"] {
            let part = format!("\n- **{part}**: ");
            assert!(
                format!("\n{text}").contains(&part),
                "{title} has no {part:?}"
            );
        }
    }
}

#[test]
fn every_alarm_has_its_section_and_leads_there() {
    let template = Template::read();
    let alarms = template.resources("AWS::CloudWatch::Alarm");
    for (name, alarm) in &alarms {
        let link = format!(" docs/operations.md#{}", name.to_lowercase());
        assert!(alarm["AlarmDescription"].as_str().unwrap().ends_with(&link));
    }
    let names = alarms.keys().map(ToString::to_string);
    assert_told("Alarms", names.collect());
}

#[test]
fn every_code_of_the_api_has_its_section() {
    let codes = livelist_api::ERROR_CODES.iter();
    let titles = codes.map(|(status, code)| format!("{status} {code}"));
    assert_told("Answers of the API", titles.collect());
}
