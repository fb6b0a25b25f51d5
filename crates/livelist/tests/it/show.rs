//! `livelist live`, `runs` and `show`.

use livelist_mls::{Fault, FaultRule, On};
use serde_json::Value;

use crate::reader;
use crate::town::Town;

/// A published day, one with sales, a held and a failed one.
fn town() -> Town {
    let town = Town::trestle(200);
    town.only("2026-11-21", 0);
    town.mls("abor").sell(10);
    town.mls("abor").add(4);
    town.only("2026-11-22", 0);
    let empty = FaultRule::new(Fault::EmptyList).on(On::Any);
    town.mls("abor").set_faults(vec![empty]);
    town.only("2026-11-23", 3);
    let denied = FaultRule::new(Fault::Status { code: 403 });
    town.mls("abor").set_faults(vec![denied]);
    town.only("2026-11-24", 4);
    town
}

macro_rules! assert_words {
    ($name:literal, $text:expr) => {
        insta::with_settings!({filters => vec![
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[time]"),
            (r"(after|in) [0-9.]+ s", "$1 [n] s"),
            (r"127\.0\.0\.1:\d+", "[host]"),
            // With the port in the links, the length of a page varies.
            (r"\d+ bytes", "[n] bytes"),
        ]}, { insta::assert_snapshot!($name, $text) });
    };
}

#[test]
fn live_prints_the_published_keys() {
    let town = town();
    let feed = reader::feeds(&town.data()).remove(0);
    let live = town.livelist(&["live", &feed]);
    let keys: Vec<&str> = live.assert(0).out.lines().collect();
    assert_eq!(keys, town.mls("abor").live_keys());
}

#[test]
fn live_ends_quietly_when_nobody_listens() {
    let town = Town::trestle(100_000);
    town.only("2026-11-21", 0);
    let feed = reader::feeds(&town.data()).remove(0);
    let pipe = format!("{} live {feed} | head -n 1", env!("CARGO_BIN_EXE_livelist"));
    let output = assert_cmd::Command::new("bash")
        .args(["-c", &format!("set -o pipefail; {pipe}")])
        .env("LIVELIST_DATA", town.data())
        .timeout(crate::town::LONGEST)
        .output()
        .unwrap();
    let first = &town.mls("abor").live_keys()[0];
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), first);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn runs_lists_the_newest_first() {
    let town = town();
    let runs = town.livelist(&["runs"]);
    assert_words!("runs", runs.assert(0).out);
    let json = |arguments: &[&str]| -> Vec<Value> {
        let done = town.livelist(&[&["runs", "--json"][..], arguments].concat());
        let lines = done.assert(0).out.lines();
        lines.map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    let states: Vec<Value> = json(&[]).iter().map(|r| r["state"].clone()).collect();
    assert_eq!(states, ["failed", "held", "published", "published"]);
    assert_eq!(json(&["--most", "2"]).len(), 2);
    let feed = reader::feeds(&town.data()).remove(0);
    assert_eq!(json(&["--feed", &feed]).len(), 4);
    assert!(json(&["--feed", "abor-property-00000000"]).is_empty());
    let none = town.livelist(&["runs", "--feed", "abor-property-00000000"]);
    assert_eq!(none.out, "no runs yet\n");
}

#[test]
fn show_tells_what_happened_and_why() {
    let town = town();
    let feed = reader::feeds(&town.data()).remove(0);
    let show = |date: &str| {
        let done = town.livelist(&["show", &format!("{date}-{feed}")]);
        done.assert(0);
        done.out
    };
    assert_words!("show_first", show("2026-11-21"));
    assert_words!("show_sales", show("2026-11-22"));
    assert_words!("show_held", show("2026-11-23"));
    assert_words!("show_failed", show("2026-11-24"));
    let done = town.livelist(&["show", "--json", &format!("2026-11-22-{feed}")]);
    let record: Value = serde_json::from_str(&done.assert(0).out).unwrap();
    assert_eq!(record["result"]["removed"], 10);
    assert_eq!(record["confirmed"]["asked"], 10);
    assert_eq!(record["comparison"]["scans"][0]["count_before"], 194);
}

/// A day that failed and was run again is told as a whole, from either of its runs.
#[test]
fn show_tells_the_other_attempts_of_the_day() {
    let town = Town::trestle(20);
    town.only("2026-11-21", 0);
    let denied = FaultRule::new(Fault::Status { code: 403 });
    town.mls("abor").set_faults(vec![denied]);
    let first = town.only("2026-11-22", 4)["run"].clone();
    town.mls("abor").clear_faults();
    let second = town.only("2026-11-22", 0)["run"].clone();
    let [first, second] = [first, second].map(|run| run.as_str().unwrap().to_owned());
    assert_eq!(second, format!("{first}-r2"));
    let others = |run: &str| -> Vec<String> {
        let done = town.livelist(&["show", run]);
        let lines = done.assert(0).out.lines();
        let of_the_day = lines.filter(|line| line.starts_with("same day"));
        of_the_day.map(str::to_owned).collect()
    };
    let told = [format!("same day   {second}  unchanged")];
    assert_eq!(others(&first), told);
    let told = [format!("same day   {first}  failed: AccessDenied")];
    assert_eq!(others(&second), told);
}
