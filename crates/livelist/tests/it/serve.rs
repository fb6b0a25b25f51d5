//! `livelist serve`: the HTTP API from a directory.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use livelist_mls::{MlsSpec, Provider};
use serde_json::{Value, json};

use crate::reader;
use crate::town::{Done, LONGEST, Started, Town, bounded};

/// A running server.
pub struct Server {
    process: Started,
    address: String,
}

pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Server {
    /// The HTTP API alone.
    pub fn start(town: &Town, more: &[&str]) -> Server {
        Server::with_schedule(town, &[&["--no-schedule"][..], more].concat())
    }

    /// The whole system.
    pub fn with_schedule(town: &Town, more: &[&str]) -> Server {
        Server::limited(town, "", more)
    }

    /// The same, where a shell has done `first` before.
    pub fn limited(town: &Town, first: &str, more: &[&str]) -> Server {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"][..], more].concat();
        let mut process = town.start_behind(first, &town.data(), &arguments);
        let said = bounded(|| {
            assert!(process.child.try_wait().unwrap().is_none(), "it ended");
            let said = std::fs::read_to_string(&process.out).unwrap();
            said.ends_with('\n').then_some(said)
        });
        let mut lines = said.lines();
        let address = lines
            .next()
            .and_then(|l| l.strip_prefix("listening on http://"));
        let page = lines
            .next()
            .and_then(|l| l.strip_prefix("dashboard at http://"));
        assert_eq!(page, address.map(|a| format!("{a}/dashboard")).as_deref());
        Server {
            address: address.expect(&said).to_owned(),
            process,
        }
    }

    pub fn get(&self, path: &str, key: Option<&str>, headers: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, key, headers)
    }

    /// A request without a body.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if let Some(key) = key {
            request += &format!("authorization: Bearer {key}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "connection: close\r\n\r\n";
        let mut socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(LONGEST)).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let body = bytes.split_off(end + 4);
        if let Some(length) = headers.get("content-length") {
            assert_eq!(length.parse(), Ok(body.len()));
        }
        Reply {
            status: status.parse().unwrap(),
            headers,
            body,
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(self) -> Done {
        let id = self.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
        self.process.done()
    }

    /// `kill -9`.
    pub fn kill(self) {
        assert!(self.process.kill(), "it ended by itself");
    }

    /// What it has said on standard output.
    pub fn out(&self) -> String {
        std::fs::read_to_string(&self.process.out).unwrap()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

const KEY: &str = "ll1.acme.0123456789abcdef";
const OTHER: &str = "ll1.zeta.0123456789abcdef";

fn town() -> Town {
    let town = Town::of(vec![
        MlsSpec::new("abor", Provider::Trestle, 2_000),
        MlsSpec::new("bolt", Provider::Trestle, 5),
    ]);
    for (client, key, mls) in [("acme", KEY, "abor"), ("zeta", OTHER, "bolt")] {
        let file = format!("clients/{client}.json");
        let document = json!({"client": client,
            "api_keys": [{"id": "site", "sha256": reader::digest(key.as_bytes())}],
            "pairs": [{"mls": mls, "resource": "Property"}]});
        town.write(&file, &document);
    }
    town
}

/// (O14) Links to lists work on after a restart; their key is for the service alone.
#[test]
fn links_outlive_the_process() {
    let town = town();
    town.day("2026-11-21", 0);
    let server = Server::start(&town, &["--public-url", "https://lists.example"]);
    let feeds = server.get("/v1/feeds", Some(KEY), &[]).json();
    let feed = feeds["feeds"][0]["feed"].as_str().unwrap().to_owned();
    let manifest = server
        .get(&format!("/v1/feeds/{feed}/live"), Some(KEY), &[])
        .json();
    let link = manifest["full"]["url"].as_str().unwrap();
    let path = link
        .strip_prefix("https://lists.example")
        .unwrap()
        .to_owned();
    server.kill();
    let server = Server::start(&town, &[]);
    assert_eq!(server.get(&path, None, &[]).status, 200);
    let key = std::fs::metadata(town.data().join(".livelist/links.key")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!((key.len(), mode & 0o777), (32, 0o600));
    // (O14) Who opens the address finds the page.
    let start = server.get("/", None, &[]);
    assert_eq!(
        (start.status, start.headers["location"].as_str()),
        (307, "dashboard")
    );
    assert_eq!(server.get("/dashboard", None, &[]).status, 200);
    server.stop().assert(0);
}

/// A shell's soft limit is often less than the connections that it may have.
#[test]
#[cfg(target_os = "linux")]
fn it_may_open_as_many_files_as_it_needs() {
    let town = town();
    std::fs::create_dir_all(town.data()).unwrap();
    let mut process = Command::new("sh")
        .args(["-c", "ulimit -Sn 128; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_livelist"))
        .args(["serve", "--no-schedule", "--listen", "127.0.0.1:0"])
        .args(["--registry".into(), town.registry()])
        .args(["--data".into(), town.data()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 16];
    process
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let numbers: Vec<u64> = files
        .unwrap()
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect();
    assert!(numbers[0] > 1_024 + 64, "{limits}");
}

#[test]
fn a_site_gets_what_was_published() {
    let town = town();
    town.day("2026-11-21", 0);
    let server = Server::start(&town, &[]);
    let feeds = server.get("/v1/feeds", Some(KEY), &[]);
    assert_eq!(feeds.status, 200);
    let feeds = feeds.json();
    assert_eq!(feeds["feeds"].as_array().unwrap().len(), 1);
    assert_eq!(feeds["feeds"][0]["count"], 2_000);
    let feed = feeds["feeds"][0]["feed"].as_str().unwrap().to_owned();
    let path = format!("/v1/feeds/{feed}/live");

    let reply = server.get(&path, Some(KEY), &[]);
    assert_eq!(reply.status, 200);
    let manifest = reply.json();
    assert_eq!(full(&server, &manifest), live(&town, &feed));
    let etag = reply.headers["etag"].clone();
    let held = server.get(&path, Some(KEY), &[("if-none-match", &etag)]);
    assert_eq!((held.status, held.body.len()), (304, 0));

    for wrong in [
        None,
        Some("ll1.acme.wrong"),
        Some("wrong"),
        Some(&etag[..3]),
    ] {
        assert_eq!(server.get(&path, wrong, &[]).status, 401);
        assert_eq!(server.get("/v1/feeds", wrong, &[]).status, 401);
    }
    assert_eq!(server.get(&path, Some(OTHER), &[]).status, 403);

    // A day later the running server tells of the new list, and how to get there.
    town.mls("abor").sell(100);
    town.day("2026-11-22", 0);
    let since = format!("{path}?since={}", manifest["version"].as_str().unwrap());
    let reply = server.get(&since, Some(KEY), &[("if-none-match", &etag)]);
    assert_eq!(reply.status, 200);
    let manifest = reply.json();
    assert_eq!(manifest["delta"]["removed"], 100);
    assert_eq!(full(&server, &manifest), live(&town, &feed));

    let done = server.stop();
    done.assert(0);
    assert_eq!(done.err, "");
}

/// What `livelist live` prints.
fn live(town: &Town, feed: &str) -> String {
    let live = town.livelist(&["live", feed]);
    live.assert(0);
    live.out
}

/// The full list behind a manifest, fetched without the key and checked as a site has to.
fn full(server: &Server, manifest: &Value) -> String {
    let url = manifest["full"]["url"].as_str().unwrap();
    let base = format!("http://{}", server.address);
    let list = server.get(url.strip_prefix(&base).unwrap(), None, &[]);
    assert_eq!(list.status, 200);
    assert_eq!(manifest["full"]["bytes"], list.body.len());
    let text = reader::gunzip(&list.body);
    assert_eq!(manifest["sha256"], reader::digest(&text));
    let text = String::from_utf8(text).unwrap();
    assert_eq!(manifest["count"], text.lines().count());
    text
}

#[test]
fn a_feed_without_a_list_is_not_an_empty_one() {
    let town = town();
    town.livelist(&["reconcile", "--mls", "bolt"]).assert(0);
    let server = Server::start(&town, &[]);
    let feeds = server.get("/v1/feeds", Some(KEY), &[]).json();
    assert_eq!(feeds["feeds"][0]["count"], Value::Null);
    let feed = feeds["feeds"][0]["feed"].as_str().unwrap();
    let reply = server.get(&format!("/v1/feeds/{feed}/live"), Some(KEY), &[]);
    assert!(reply.status >= 400, "{}", reply.status);
    let unsigned = server.get(&format!("/v1/objects/feeds/{feed}/head.json"), None, &[]);
    assert!(unsigned.status >= 400, "{}", unsigned.status);
    server.stop().assert(0);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let town = town();
    town.day("2026-11-21", 0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = town.livelist(&["serve", "--no-schedule", "--listen", &address]);
    done.assert(2);
    assert!(done.err.contains(&address), "{}", done.err);
}
