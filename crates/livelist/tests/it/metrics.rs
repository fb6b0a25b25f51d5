//! Metrics and health on one machine: what a Prometheus server and an operator read.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::serve::Server;
use crate::town::{Town, bounded};

/// What `GET /metrics` answers on the address that needs no key.
fn read(address: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

/// The value of a metric whose labels are these.
fn value(text: &str, metric: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(metric))?;
    line.trim().parse().ok()
}

#[test]
fn what_prometheus_reads_is_what_happened() {
    let town = Town::trestle(200);
    let server = Server::with_schedule(&town, &["--metrics", "127.0.0.1:0"]);
    let key = town
        .livelist(&["keys", "add", "--admin", "ada"])
        .assert(0)
        .out
        .clone();
    let out = server.out();
    let line = out
        .lines()
        .find_map(|l| l.strip_prefix("metrics at http://"));
    let address = line.unwrap().strip_suffix("/metrics").unwrap().to_owned();
    let text = bounded(|| {
        let text = read(&address);
        let published = r#"livelist_runs_total{mls="abor",outcome="published"}"#;
        let is_whole = value(&text, published) == Some(1.0)
            && value(&text, r#"livelist_feeds{state="on_time"}"#) == Some(1.0);
        is_whole.then_some(text)
    });
    assert!(text.contains("application/openmetrics-text"), "{text}");
    let asked = value(&text, r#"livelist_requests_total{mls="abor"}"#).unwrap();
    assert!(asked >= 3.0, "{text}");
    let live = text
        .lines()
        .find(|line| line.starts_with("livelist_live_keys{"));
    assert!(live.unwrap().ends_with("\",mls=\"abor\"} 200"), "{live:?}");
    assert!(value(&text, "livelist_disk_free_bytes").unwrap() > 0.0);
    // The MLS's answers say what time it is.
    assert!(
        value(&text, "livelist_clock_sources").unwrap() >= 1.0,
        "{text}"
    );

    // Where everybody comes, it needs an operators' key.
    assert_eq!(server.get("/metrics", None, &[]).status, 401);
    let same = server.get("/metrics", Some(key.trim()), &[]);
    assert_eq!(same.status, 200);
    assert!(
        String::from_utf8(same.body)
            .unwrap()
            .contains("livelist_runs_total")
    );

    let health = server.get("/v1/admin/health", Some(key.trim()), &[]).json();
    let machine = &health["machine"];
    assert!(
        machine["disk"]["free_bytes"].as_u64().unwrap() > 0,
        "{health}"
    );
    assert_eq!(machine["clock"]["behind_seconds"], Value::Null);
    assert_eq!(machine["queue"]["notices_waiting"], 0);
    let told = town.livelist(&["status"]).assert(0).out.clone();
    for line in [
        "MACHINE",
        "clock     compared with ",
        "registry  sound",
        "queue     0 runs under way",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    // No other address may have it without a key.
    let done = town.livelist(&["serve", "--metrics", "0.0.0.0:9187"]);
    done.assert(2);
    assert!(done.err.contains("loopback"), "{}", done.err);
    server.stop().assert(0);
}
