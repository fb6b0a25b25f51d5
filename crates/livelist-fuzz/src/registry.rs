//! Registry documents: valid, or reported as invalid without repeating their values.

use livelist_model::registry::{Finding, RegistryBuilder, parse_client, parse_mls};
use livelist_reso::Dialects;
use serde::Serialize;
use serde_json::Value;

/// Part of every value that might be a secret.
const SECRET: &str = "hunter2-Zq7";

/// Fields whose values may be repeated: names, which are in file names as well.
const NAMES: [&str; 3] = ["mls", "client", "resource"];

/// Any document is accepted or gets findings; an accepted one is written back unchanged; findings never
/// repeat a value, wherever it was.
pub fn registry(bytes: &[u8]) {
    if let Ok(mls) = parse_mls("mls/abor.json", bytes, &Dialects) {
        let text = written(&mls);
        assert_eq!(parse_mls("mls/abor.json", &text, &Dialects), Ok(mls));
    }
    if let Ok(client) = parse_client("clients/acme.json", bytes) {
        let text = written(&client);
        assert_eq!(parse_client("clients/acme.json", &text), Ok(client));
    }
    let findings = findings(bytes);
    for finding in findings {
        assert!(!finding.problem.is_empty() && !finding.remedy.is_empty());
    }
    if let Ok(mut document @ Value::Object(_)) = serde_json::from_slice(bytes) {
        hide(&mut document, SECRET);
        for finding in self::findings(document.to_string().as_bytes()) {
            let shown = format!("{finding}\n{finding:?}");
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }
}

/// The findings of a registry with this document as an MLS and as two clients.
fn findings(bytes: &[u8]) -> Vec<Finding> {
    let mut builder = RegistryBuilder::new(&Dialects);
    builder.mls("mls/abor.json", bytes);
    builder.client("clients/acme.json", bytes);
    builder.client("clients/other.json", bytes);
    let (registry, findings) = builder.finish();
    for client in registry.clients.values() {
        for feed in registry.feeds_of(client) {
            assert!(feed.credential.slug().is_ascii());
        }
    }
    for (id, mls) in &registry.mls {
        assert_eq!(id, &mls.mls);
        assert!(mls.credential.slug().is_ascii());
    }
    findings
}

fn written<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect("a document")
}

/// Puts `secret` into the middle of every text that is not a name.
fn hide(value: &mut Value, secret: &str) {
    match value {
        Value::String(text) => {
            let mut middle = text.len() / 2;
            while !text.is_char_boundary(middle) {
                middle -= 1;
            }
            text.insert_str(middle, secret);
        }
        // An array in place of an object is its fields in their order, the names among them.
        Value::Array(values) => {
            let values = values.iter_mut().filter(|v| !v.is_array());
            values.for_each(|v| hide(v, secret));
        }
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                if !NAMES.contains(&name.as_str()) {
                    hide(value, secret);
                }
            }
        }
        _ => {}
    }
}
