//! The command: a line when it listens, a clean end when told.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::client::get;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(config: &str, name: &str) -> Running {
    let path =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("livelist-mls-{name}.json"));
    std::fs::write(&path, config).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_livelist-mls"))
        .args([
            "--config".as_ref(),
            path.as_os_str(),
            "--port".as_ref(),
            "0".as_ref(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running(child)
}

#[tokio::test]
async fn it_says_where_it_listens_and_stops_when_told() {
    let config = r#"[{"mls":"abor","provider":"mlsgrid","seed":7,"listings":10,
        "originating_system":"actris","credential":{"token":"t"}},
        {"mls":"har","provider":"trestle","listings":10,"page_limit":5,
        "credential":{"client_credentials":{"client_id":"i","client_secret":"s"}},
        "options":{"latency_ms":1}}]"#;
    let mut running = start(config, "serves");
    let mut line = String::new();
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let url = told["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"));
    assert_eq!(told["mlss"][0]["base_url"], format!("{url}/abor/v2"));
    assert_eq!(told["mlss"][0]["token_url"], Value::Null);
    assert_eq!(
        told["mlss"][1]["token_url"],
        format!("{url}/har/trestle/oidc/connect/token")
    );
    assert_eq!(
        get(&format!("{url}/_control/har/state"))
            .send()
            .await
            .status,
        200
    );
    let id = running.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn what_is_wrong_with_the_config_is_told() {
    for (name, config, word) in [
        (
            "unknown",
            r#"[{"mls":"a","provider":"bridge","listings":1,"credential":{"token":"t"},"colour":1}]"#,
            "colour",
        ),
        (
            "provider",
            r#"[{"mls":"a","provider":"rets","listings":1,"credential":{"token":"t"}}]"#,
            "rets",
        ),
        (
            "credential",
            r#"[{"mls":"a","provider":"trestle","listings":1,"credential":{"token":"t"}}]"#,
            "credential",
        ),
    ] {
        let mut running = start(config, name);
        let mut error = String::new();
        running
            .0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut error)
            .unwrap();
        assert!(!running.0.wait().unwrap().success());
        assert!(error.contains(word), "{error}");
    }
}
