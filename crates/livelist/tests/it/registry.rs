//! `livelist registry check` and `schema`.

use livelist_mls::{MlsSpec, Provider};
use serde_json::{Value, json};

use crate::town::Town;

fn town() -> Town {
    Town::of(vec![
        MlsSpec::new("abor", Provider::Trestle, 1),
        MlsSpec::new("actris", Provider::MlsGrid, 1),
    ])
}

impl Town {
    fn check(&self, more: &[&str]) -> crate::town::Done {
        let registry = self.registry();
        let mut arguments = vec!["registry", "check", registry.to_str().unwrap()];
        arguments.extend(more);
        self.livelist(&arguments)
    }

    fn findings(&self) -> Vec<Value> {
        let done = self.check(&["--json"]);
        done.assert(2);
        let findings = done.out.lines().map(|l| serde_json::from_str(l).unwrap());
        findings.collect()
    }
}

#[test]
fn a_sound_registry_is_called_sound() {
    let town = town();
    let pair = |mls: &str| json!({"mls": mls, "resource": "Property"});
    town.client("acme", &json!([pair("abor"), pair("actris")]));
    town.client("zeta", &json!([pair("abor")]));
    let done = town.check(&[]);
    done.assert(0);
    assert_eq!(done.out, "sound; MLSs: 2, clients: 2, pairs: 3\n");
    assert_eq!(done.err, "");
    assert_eq!(town.check(&["--json"]).assert(0).out, "");
}

#[test]
fn findings_name_file_field_and_remedy_all_in_one_go() {
    let town = town();
    town.mls_document(
        "abor",
        &json!({"page_size": 0, "base_url": "http://abor.example/odata",
            "guards": {"removed_fraction": 20.0}}),
    );
    town.mls_document("actris", &json!({"gaurds": {}}));
    town.client(
        "acme",
        &json!([{"mls": "bolt", "resource": "Property", "enabled": false}]),
    );
    std::fs::write(town.registry().join("clients/zeta.json"), "{").unwrap();
    let findings = town.findings();
    let place = |f: &Value| format!("{}: {}", f["file"], f["field"]).replace('"', "");
    let mut places: Vec<String> = findings.iter().map(place).collect();
    let broken = places.remove(1);
    assert!(broken.starts_with("clients/zeta.json: "), "{broken}");
    assert_eq!(
        places,
        [
            "clients/acme.json: pairs[0].mls",
            "mls/abor.json: base_url",
            "mls/abor.json: guards.removed_fraction",
            "mls/abor.json: page_size",
            "mls/actris.json: gaurds",
        ]
    );
    for finding in &findings {
        assert_eq!(finding.as_object().unwrap().len(), 4);
        assert_ne!(finding["problem"], "");
        assert_ne!(finding["remedy"], "");
    }
    std::fs::remove_file(town.registry().join("clients/zeta.json")).unwrap();
    insta::assert_snapshot!("findings", town.check(&[]).assert(2).out);
}

#[test]
fn a_pasted_secret_is_not_repeated() {
    let town = town();
    let secret = "s3cr3t-5f1c9a7e";
    for (field, value) in [
        ("credential", json!(secret)),
        (
            "base_url",
            json!(format!("https://user:{secret}@x.example")),
        ),
        ("token_url", json!(format!("https://x.example/?k={secret}"))),
        ("page_size", json!(secret)),
        ("guards", json!(secret)),
        ("guards", json!({"removed_floor": secret})),
        ("token_url", json!({"url": secret})),
        ("enabled", json!(secret)),
        ("allow_hosts", json!(secret)),
        ("credential", json!(format!("bearer:{secret}"))),
        ("credential", json!(format!("ssm:{secret}"))),
        ("credential", json!({"token": secret})),
        ("token", json!(secret)),
    ] {
        town.mls_document("abor", &json!({field: value}));
        for more in [&["--json"][..], &[], &["--log", "trace"]] {
            let done = town.check(more);
            done.assert(2);
            assert!(!done.out.contains(secret), "{field}: {}", done.out);
            assert!(!done.err.contains(secret), "{field}: {}", done.err);
        }
    }
    town.mls_document("abor", &json!({}));
    for key in [
        json!({"id": "a", "sha256": secret}),
        json!({"id": "a", "sha256": {"key": secret}}),
        json!({"id": "a", "key": secret}),
        json!(secret),
    ] {
        let client = json!({"client": "acme", "api_keys": [key]});
        town.write("clients/acme.json", &client);
        let done = town.check(&[]);
        done.assert(2);
        assert!(!done.out.contains(secret), "{}", done.out);
    }
}

#[test]
fn a_directory_that_is_no_registry_is_refused() {
    let town = town();
    let nowhere = town.dir.path().join("nowhere");
    let done = town.livelist(&["registry", "check", nowhere.to_str().unwrap()]);
    done.assert(2);
    assert!(done.err.contains("holds no folder `mls`"), "{}", done.err);
}

#[test]
fn schemas_are_json_schemas_of_the_documents() {
    let town = town();
    for (kind, field) in [("mls", "credential"), ("client", "pairs")] {
        let done = town.livelist(&["registry", "schema", kind]);
        done.assert(0);
        let schema: Value = serde_json::from_str(&done.out).unwrap();
        assert!(schema["$schema"].as_str().unwrap().contains("json-schema"));
        assert!(schema["properties"][field].is_object(), "{schema}");
        assert_eq!(schema["additionalProperties"], false);
    }
    town.livelist(&["registry", "schema", "pair"]).assert(2);
}
