//! Days against a server over a real database (`tests/stranger/server.py`), which shares no code with
//! the simulated MLSs: the order of rows without one is the database's, not ours. Registry documents
//! have their four fields, and one more where the provider demands it.
//!
//! Without python3 these tests say so and pass.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use livelist_mls::{MlsSpec, Provider};
use rstest::rstest;
use serde_json::{Value, json};

use crate::reader;
use crate::town::{LONGEST, Town};

const TOKEN: &str = "stranger-token-7f31";

/// The server; it ends when its input does.
struct Foreign {
    child: Child,
    url: String,
}

impl Foreign {
    /// Starts it, if there is a Python to run it.
    fn start(arguments: &str) -> Option<Foreign> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stranger/server.py");
        let child = Command::new("python3")
            .arg(script)
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            println!("SKIPPED: there is no python3, which the foreign server needs");
            return None;
        };
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the server's line");
        println!("{} serves {arguments:?}", ready["database"]);
        Some(Foreign {
            child,
            url: ready["url"].as_str().unwrap().to_owned(),
        })
    }

    /// Changes the listings, or asks for them.
    fn control(&self, order: &Value) -> Value {
        let host = self.url.strip_prefix("http://").unwrap();
        let body = order.to_string();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /_control HTTP/1.0\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    fn keys(&self, order: &Value) -> Vec<String> {
        serde_json::from_value(self.control(order)).unwrap()
    }

    fn live(&self) -> Vec<String> {
        self.keys(&json!({"do": "live"}))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // Its database ends with it, and not if it is killed.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// An installation whose only MLS is the foreign server, and its days.
struct Days {
    town: Town,
    server: Foreign,
    day: u32,
}

impl Days {
    fn of(provider: &str, arguments: &str) -> Option<Days> {
        let server = Foreign::start(arguments)?;
        let mut town = Town::one(MlsSpec::new("abor", Provider::Reso, 0));
        let mut document = json!({
            "provider": provider,
            "base_url": format!("{}/odata", server.url),
        });
        if provider == "mlsgrid" {
            document["originating_system"] = json!("strange");
        }
        town.mls_document("abor", &document);
        let account = json!({"token": TOKEN}).to_string();
        town.set("ABOR_ACCOUNT", Some(&account));
        Some(Days {
            town,
            server,
            day: 0,
        })
    }

    fn published(&self) -> Vec<String> {
        reader::only(&self.town.data()).map_or_else(Vec::new, |list| list.keys)
    }

    /// A day's run; no listing that was published and is live may be missing from the list after it.
    fn day(&mut self) -> Value {
        self.day += 1;
        let date = format!("2026-11-{:02}", self.day);
        let (before, live) = (self.published(), self.server.live());
        let done = self
            .town
            .livelist(&["reconcile", "--json", "--date", &date]);
        let line = done.lines().remove(0);
        println!("{date}: {line}");
        let after: BTreeSet<String> = self.published().into_iter().collect();
        let live: BTreeSet<String> = live.into_iter().collect();
        let still: BTreeSet<String> = self.server.live().into_iter().collect();
        let lost: Vec<_> = before
            .iter()
            .filter(|key| live.contains(*key) && still.contains(*key) && !after.contains(*key))
            .collect();
        assert!(lost.is_empty(), "{} live keys are lost: {line}", lost.len());
        line
    }

    /// What is published is what is live.
    #[track_caller]
    fn assert_truth(&self) {
        let (list, live) = (self.published(), self.server.live());
        let has = |some: &[String], key: &String| some.binary_search(key).is_ok();
        let dead = list.iter().filter(|key| !has(&live, key)).count();
        let missing = live.iter().filter(|key| !has(&list, key)).count();
        assert_eq!(
            (dead, missing),
            (0, 0),
            "dead and missing of {}",
            live.len()
        );
    }
}

/// All is new; some come, go and change; nothing happens.
#[rstest]
#[case::links_with_an_offset("reso", "--paging offset")]
#[case::opaque_links_without_a_count("reso", "--paging skiptoken --no-count")]
#[case::behind_time_and_key("ampre", "--paging top-skip --order key")]
#[case::sqlite("reso", "--paging offset --database sqlite")]
fn ordinary_days(#[case] provider: &str, #[case] ways: &str) {
    let Some(mut days) = Days::of(provider, &format!("--rows 700 --page 90 {ways}")) else {
        return;
    };
    assert_eq!(days.day()["outcome"], "published");
    days.assert_truth();
    days.server.control(&json!({"do": "sell", "n": 30}));
    days.server.control(&json!({"do": "add", "n": 20}));
    days.server.control(&json!({"do": "touch", "n": 50}));
    let line = days.day();
    assert_eq!((&line["added"], &line["removed"]), (&json!(20), &json!(30)));
    days.assert_truth();
    assert_eq!(days.day()["outcome"], "unchanged");
}

/// R1: five new rows behind the edge of the first page, and five of that page go while the second is
/// asked for. The next day they are listed.
#[rstest]
fn new_rows_slip_under_an_offset(
    #[values("offset", "skiptoken")] paging: &str,
    #[values(false, true)] balanced: bool,
) {
    let Some(mut days) = Days::of("reso", &format!("--rows 700 --page 90 --paging {paging}"))
    else {
        return;
    };
    days.day();
    days.assert_truth();
    days.server
        .control(&json!({"do": "add", "n": 5, "behind": 90}));
    days.server
        .control(&json!({"do": "slip", "n": 5, "balanced": balanced}));
    days.day();
    days.day();
    days.assert_truth();
}

/// R1: a list is of the time before what may be missing from it.
#[rstest]
fn a_list_is_older_than_what_slipped_past_it(#[values(false, true)] balanced: bool) {
    let Some(mut days) = Days::of("reso", "--rows 700 --page 90") else {
        return;
    };
    days.day();
    let new = days
        .server
        .keys(&json!({"do": "add", "n": 5, "behind": 90}));
    let added = days.server.control(&json!({"do": "now"}));
    // Lists tell whole seconds: the run begins in a later one.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    days.server
        .control(&json!({"do": "slip", "n": 5, "balanced": balanced}));
    days.day();
    let list = reader::only(&days.town.data()).unwrap();
    let is_whole = new.iter().all(|key| list.keys.contains(key));
    let as_of = list.head["as_of"].as_str().unwrap();
    assert!(
        is_whole || as_of <= added["now"].as_str().unwrap(),
        "{as_of}"
    );
}

/// R2: many rows get one instant each, more of them than a page holds, and the database has no order for
/// them. What is there is listed on the first day; over night as many more, and nothing is sold; then some
/// are.
#[rstest]
fn bulk_changes_of_rows_without_an_order(
    #[values("auto", "sqlite")] database: &str,
    #[values("us", "s")] shown: &str,
) {
    let ways = format!(
        "--rows 1200 --page 200 --order at --paging offset --shown {shown} --database {database}"
    );
    let Some(mut days) = Days::of("mlsgrid", &ways) else {
        return;
    };
    let bulk = |days: &Days, n: u64| {
        days.server
            .control(&json!({"do": "touch", "n": n, "at_once": true}));
    };
    bulk(&days, 300);
    assert_eq!(days.day()["outcome"], "published");
    days.assert_truth();
    for n in [400, 400] {
        bulk(&days, n);
    }
    days.server.control(&json!({"do": "touch", "n": 100}));
    let before = days.server.control(&json!({"do": "requests"}));
    assert_eq!(days.day()["outcome"], "unchanged");
    let after = days.server.control(&json!({"do": "requests"}));
    // Seven pages of new rows; instants that fill two or more are read in parts.
    let asked = after.as_u64().unwrap() - before.as_u64().unwrap();
    assert!(asked <= 60, "{asked}");
    days.server.control(&json!({"do": "sell", "n": 30}));
    days.server.control(&json!({"do": "add", "n": 20}));
    let line = days.day();
    assert_eq!((&line["added"], &line["removed"]), (&json!(20), &json!(30)));
    days.assert_truth();
}

/// R4: neither link nor count, and more rows behind the first page.
#[test]
fn a_full_page_without_a_sign() {
    let ways = "--rows 700 --page 90 --paging top-skip --no-count";
    let Some(mut days) = Days::of("reso", ways) else {
        return;
    };
    let line = days.day();
    if line["outcome"] == "published" {
        days.assert_truth();
    } else {
        assert!(days.published().is_empty(), "{line}");
    }
}

/// R5: what is shown of an instant is not what is compared.
#[rstest]
fn instants_shown_coarser_than_stored(
    #[values("ms", "s")] shown: &str,
    #[values("", "--rounded")] how: &str,
) {
    let ways = format!("--rows 700 --page 90 --paging top-skip --shown {shown} {how}");
    let Some(mut days) = Days::of("ampre", &ways) else {
        return;
    };
    days.server
        .control(&json!({"do": "touch", "n": 60, "at_once": true}));
    assert_eq!(days.day()["outcome"], "published");
    days.assert_truth();
}

/// R8: keys are numbers or GUIDs, and literals have to be as well.
#[rstest]
fn keys_of_other_types(
    #[values("int", "uuid")] keys: &str,
    #[values("reso", "ampre")] provider: &str,
) {
    let ways = format!("--rows 400 --page 90 --keys {keys} --strict");
    let Some(mut days) = Days::of(provider, &ways) else {
        return;
    };
    assert_eq!(days.day()["outcome"], "published");
    days.assert_truth();
    days.server.control(&json!({"do": "sell", "n": 12}));
    days.server.control(&json!({"do": "add", "n": 3}));
    assert_eq!(days.day()["removed"], 12);
    days.assert_truth();
}

/// R15: to this server two keys that differ in case are one.
#[rstest]
fn comparisons_that_ignore_case(#[values("reso", "ampre")] provider: &str) {
    let Some(mut days) = Days::of(provider, "--rows 400 --page 90 --blind") else {
        return;
    };
    assert_eq!(days.day()["outcome"], "published");
    days.assert_truth();
    let twins: Vec<String> = days.server.live();
    let twins: Vec<_> = twins.iter().filter(|key| key.starts_with('k')).collect();
    days.server
        .control(&json!({"do": "sell", "keys": twins[..6]}));
    days.day();
    days.day();
    days.assert_truth();
}
