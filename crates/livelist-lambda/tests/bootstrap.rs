//! The binary as Lambda starts it, as far as it goes without a Lambda.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::{Command, Output};

fn start(variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn told(output: &Output) -> serde_json::Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_unknown_handler_ends_with_the_known_ones() {
    let output = start(&[("_HANDLER", "index.handler")]);
    assert!(!output.status.success());
    let told = told(&output);
    assert_eq!(told["level"], "ERROR");
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("\"index.handler\" is not known"),
        "{message}"
    );
    assert!(message.contains("planner, worker, acquire"), "{message}");
}

#[test]
fn a_variable_that_is_missing_is_named() {
    let output = start(&[("_HANDLER", "scan"), ("LIVELIST_BUCKET", "b")]);
    assert!(!output.status.success());
    let message = told(&output)["message"].to_string();
    assert!(message.contains("LIVELIST_KEY_ID is not set"), "{message}");
}

#[test]
fn a_filter_that_is_none_is_told_and_does_not_stop_the_function() {
    let output = start(&[("_HANDLER", "x"), ("LIVELIST_LOG", "livelist=loud")]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.lines().next().unwrap().contains("which is no filter"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 2, "{text}");
}
