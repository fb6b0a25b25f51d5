//! Notices on one machine: the real command, and a site on the loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::serve::Server;
use crate::town::{Done, Town, bounded};

pub const SECRET: &str = "whsec_cDFhbnRlZC1zZWNyZXQtb2Ytbm90aWNlcy0wMDAx";

/// A site that answers with what it is told, and keeps the notices' bodies.
pub struct Site {
    pub port: u16,
    status: Arc<Mutex<u16>>,
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Site {
    pub fn open(status: u16) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Site {
            port: listener.local_addr().unwrap().port(),
            status: Arc::new(Mutex::new(status)),
            got: Arc::default(),
        };
        let (status, got) = (site.status.clone(), site.got.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(body) = read(&stream) {
                    got.lock().unwrap().push(body);
                }
                let status = *status.lock().unwrap();
                let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n");
                // The command may have hung up.
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        site
    }

    pub fn got(&self) -> Vec<Value> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(_, body)| body.clone()).collect()
    }

    /// Each `webhook-id`, in the same order.
    pub fn ids(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(id, _)| id.clone()).collect()
    }

    /// From now on it answers so.
    pub fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }
}

fn read(stream: &TcpStream) -> Option<(String, Value)> {
    let mut lines = BufReader::new(stream);
    let (mut length, mut id) = (0, String::new());
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|n| *n > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("webhook-id:") {
            text.trim().clone_into(&mut id);
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    Some((id, serde_json::from_slice(&body).ok()?))
}

/// A town whose client is told at the site.
fn town(site: &Site) -> Town {
    let mut town = Town::trestle(300);
    town.set("SITE_SECRET", Some(SECRET));
    town.set("LIVELIST_NOTIFY_LOOPBACK", Some("yes"));
    let url = format!("http://127.0.0.1:{}/hook?key=in-a-query", site.port);
    town.write(
        "clients/acme.json",
        &json!({"client": "acme", "pairs": [{"mls": "abor", "resource": "Property"}],
            "notify": {"url": url, "credential": "env:SITE_SECRET"}}),
    );
    town
}

fn listed(town: &Town, more: &[&str]) -> Vec<Value> {
    let done = town.livelist(&[&["notices", "--json"], more].concat());
    let lines = done.assert(0).out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn reconcile(town: &Town, date: &str, code: i32) -> Done {
    let done = town.livelist(&["reconcile", "--json", "--date", date, "--log", "trace"]);
    done.assert(code);
    done
}

#[test]
fn a_site_is_told_of_changes_and_of_held_runs() {
    let site = Site::open(202);
    let town = town(&site);
    assert_eq!(town.livelist(&["runs"]).code, Some(2), "nothing yet");
    let mut said = reconcile(&town, "2026-11-21", 0).err;
    assert!(listed(&town, &["--client", "nobody"]).is_empty());
    town.mls("abor").sell(200);
    let held = reconcile(&town, "2026-11-22", 3);
    let line: Value = serde_json::from_str(held.out.lines().next().unwrap()).unwrap();
    said += &held.err;
    town.livelist(&["approve", line["run"].as_str().unwrap()])
        .assert(0);
    said += &reconcile(&town, "2026-11-23", 0).err;
    let got = site.got();
    let of = |name: &str| -> Vec<&Value> { got.iter().map(|body| &body["data"][name]).collect() };
    let types: Vec<&Value> = got.iter().map(|body| &body["type"]).collect();
    assert_eq!(types, ["feed.changed", "feed.held", "feed.changed"]);
    assert_eq!(of("count"), [300, 300, 100]);
    assert_eq!(of("removed"), [0, 0, 200]);
    let notices = listed(&town, &[]);
    assert_eq!(notices.len(), 3);
    for notice in &notices {
        assert_eq!(
            (&notice["state"], &notice["status"]),
            (&json!("delivered"), &json!(202))
        );
        assert_eq!(notice["attempts"], 1);
    }
    let table = town.livelist(&["notices"]).assert(0).out.clone();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.contains("feed.held"), "{table}");
    said += &table;
    let secret = SECRET.strip_prefix("whsec_").unwrap();
    for secret in [secret, "p1anted-secret", "in-a-query"] {
        assert!(!said.contains(secret), "{secret}");
        for notice in &notices {
            assert!(!notice.to_string().contains(secret));
        }
    }
}

#[test]
fn what_is_not_delivered_is_told_by_a_later_command() {
    let site = Site::open(200);
    let mut town = town(&site);
    // Without the setting this machine is no place for notices: nothing waits long for it.
    town.set("LIVELIST_NOTIFY_LOOPBACK", None);
    let done = reconcile(&town, "2026-11-21", 0);
    assert!(
        done.err
            .contains("notices: 0 delivered, 1 to be tried again"),
        "{}",
        done.err
    );
    let notice = listed(&town, &[]).remove(0);
    assert_eq!(
        (&notice["state"], &notice["error"]),
        (&json!("waiting"), &json!("address_refused"))
    );
    assert!(site.got().is_empty());

    town.set("LIVELIST_NOTIFY_LOOPBACK", Some("yes"));
    let retried = listed(&town, &["--retry"]).remove(0);
    assert_eq!(
        (&retried["state"], &retried["id"]),
        (&json!("delivered"), &notice["id"])
    );
    assert_eq!(site.got().len(), 1);
    assert_eq!(listed(&town, &["--retry"]).len(), 1);
    assert_eq!(site.got().len(), 1, "once is enough");
}

#[test]
fn a_site_that_says_gone_is_left_in_peace() {
    let site = Site::open(410);
    let town = town(&site);
    reconcile(&town, "2026-11-21", 0);
    town.mls("abor").add(1);
    reconcile(&town, "2026-11-22", 0);
    assert_eq!(site.got().len(), 1);
    let states: Vec<Value> = listed(&town, &[])
        .iter()
        .map(|n| n["state"].clone())
        .collect();
    assert_eq!(states, ["disabled", "disabled"]);
}

/// A person approves; the next command tells the sites.
#[test]
fn an_approved_result_is_told() {
    let site = Site::open(204);
    let town = town(&site);
    reconcile(&town, "2026-11-21", 0);
    town.mls("abor").sell(200);
    let held: Vec<Value> = reconcile(&town, "2026-11-22", 3).lines();
    let run = held[0]["run"].as_str().unwrap();
    town.livelist(&["approve", run]).assert(0);
    assert_eq!(site.got().len(), 2);
    listed(&town, &["--retry"]);
    let got = site.got();
    assert_eq!(got.len(), 3);
    assert_eq!(
        (&got[2]["type"], &got[2]["data"]["count"]),
        (&json!("feed.changed"), &json!(100))
    );
}

#[test]
fn the_whole_system_tells_a_site_by_itself() {
    let site = Site::open(503);
    let town = town(&site);
    let server = Server::with_schedule(&town, &[]);
    bounded(|| (!site.got().is_empty()).then_some(()));
    site.answer(200);
    // The next attempt comes without anybody's help.
    let delivered = || {
        listed(&town, &[])
            .first()
            .is_some_and(|n| n["state"] == "delivered")
    };
    bounded(|| delivered().then_some(()));
    server.stop().assert(0);
}
