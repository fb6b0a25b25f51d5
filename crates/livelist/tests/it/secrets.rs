//! Secrets are only where they are stored: not in the data, not in the output, not in the most verbose
//! log.

use std::fs;
use std::path::{Path, PathBuf};

use livelist_mls::{Fault, FaultRule, MlsSpec, On, Provider, TokenReuse};
use serde_json::json;

use crate::reader;
use crate::serve::Server;
use crate::town::Town;

const SITE_KEY: &str = "ll1.acme.s1te-k3y-99f0";
const MLSS: [(&str, Provider); 4] = [
    ("abor", Provider::Trestle),
    ("actris", Provider::MlsGrid),
    ("miami", Provider::Bridge),
    ("plain", Provider::Reso),
];

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn contains(text: &[u8], secret: &str) -> bool {
    text.windows(secret.len()).any(|w| w == secret.as_bytes())
}

#[test]
fn secrets_leave_no_trace() {
    let mut specs = MLSS.map(|(mls, provider)| MlsSpec::new(mls, provider, 60));
    specs[0].options.tokens = TokenReuse::Single;
    let town = Town::of(specs.into());
    let pairs = MLSS.map(|(mls, _)| json!({"mls": mls, "resource": "Property"}));
    town.write(
        "clients/acme.json",
        &json!({"client": "acme", "pairs": pairs,
            "api_keys": [{"id": "site", "sha256": reader::digest(SITE_KEY.as_bytes())}]}),
    );
    for mls in ["abor", "miami", "plain"] {
        town.mls_document(mls, &json!({"page_size": 20}));
    }
    let mut said = String::new();
    let mut day = |date: &str, code: i32| {
        for format in [&["--json"][..], &[]] {
            let arguments = ["reconcile", "--date", date, "--log", "trace"];
            let arguments = [&arguments[..], &["--log-files", "trace"]].concat();
            let done = town.livelist(&[&arguments[..], format].concat());
            done.assert(code);
            said += &done.out;
            said += &done.err;
        }
    };
    let faults = |rules: &[FaultRule]| {
        for (mls, _) in MLSS {
            town.mls(mls).set_faults(rules.to_vec());
        }
    };
    day("2026-11-21", 0);
    for (mls, _) in MLSS {
        town.mls(mls).sell(5);
    }
    faults(&[FaultRule::new(Fault::ExpireToken).after(1)]);
    day("2026-11-22", 0);
    faults(&[FaultRule::new(Fault::Status { code: 403 }).on(On::Any)]);
    day("2026-11-23", 4);
    faults(&[FaultRule::new(Fault::NextLinkOtherHost {
        host: "http://127.0.0.1:9".to_owned(),
    })]);
    day("2026-11-24", 4);
    faults(&[FaultRule::new(Fault::EmptyList).on(On::Any)]);
    day("2026-11-25", 3);

    let feed = reader::feeds(&town.data()).remove(0);
    let server = Server::start(&town, &["--log", "trace", "--log-files", "trace"]);
    let live = server.get(&format!("/v1/feeds/{feed}/live"), Some(SITE_KEY), &[]);
    assert_eq!(live.status, 200);
    assert_eq!(
        server
            .get("/v1/feeds", Some("ll1.acme.s1te-wr0ng"), &[])
            .status,
        401
    );
    let done = server.stop();
    said += &done.out;
    said += &done.err;

    let mut secrets = vec![SITE_KEY.to_owned(), "s1te-wr0ng".to_owned()];
    secrets.extend(MLSS.iter().flat_map(|(mls, _)| town.mls(mls).secrets()));
    assert!(secrets.len() >= 6 + 5, "{secrets:?}");
    let mut files = Vec::new();
    all_files(&town.data(), &mut files);
    assert!(files.len() > 40);
    let logs = files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "ndjson"));
    let traces = logs.filter(|f| contains(&fs::read(f).unwrap(), "\"TRACE\""));
    assert!(traces.count() > 0, "the files are at their most talkative");
    for secret in &secrets {
        assert!(secret.len() > 8, "{secret}");
        assert!(!said.contains(secret.as_str()), "{}", around(&said, secret));
        for file in &files {
            let mut text = fs::read(file).unwrap();
            if file.extension().is_some_and(|e| e == "gz") {
                text = reader::gunzip(&text);
            }
            assert!(!contains(&text, secret), "{}", file.display());
        }
    }
    assert!(said.contains("TRACE"), "the log is at its most talkative");
}

/// Where it was said, for the message of the assertion.
fn around(said: &str, secret: &str) -> String {
    let lines = said.lines().filter(|line| line.contains(secret));
    lines.take(3).collect::<Vec<_>>().join("\n")
}
