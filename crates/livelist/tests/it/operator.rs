//! An operator's morning on one machine: one command answers each question. The output is recorded.

use livelist_mls::{Fault, FaultRule, MlsSpec, On, Provider};
use serde_json::{Value, json};

use crate::reader;
use crate::serve::Server;
use crate::town::Town;

/// Three MLSs: one is well, one lost a third of its listings overnight, one refuses the account.
fn town() -> Town {
    let town = Town::of(vec![
        MlsSpec::new("abor", Provider::Trestle, 200),
        MlsSpec::new("bolt", Provider::Trestle, 300),
        MlsSpec::new("cold", Provider::Trestle, 20),
    ]);
    town.client(
        "acme",
        &json!([
            {"mls": "abor", "resource": "Property"},
            {"mls": "bolt", "resource": "Property"},
            {"mls": "cold", "resource": "Property"},
        ]),
    );
    town.day("2026-11-20", 0);
    town.mls("abor").sell(3);
    town.mls("abor").add(5);
    town.mls("bolt").sell(100);
    let denied = FaultRule::new(Fault::Status { code: 403 }).on(On::Page);
    town.mls("cold").set_faults(vec![denied]);
    town.day("2026-11-21", 4);
    town
}

impl Town {
    fn feed(&self, mls: &str) -> String {
        let feeds = reader::feeds(&self.data());
        feeds.into_iter().find(|f| f.starts_with(mls)).unwrap()
    }

    fn said(&self, arguments: &[&str]) -> String {
        self.livelist(arguments).assert(0).out.clone()
    }

    fn status(&self, mls: &str) -> Value {
        let said = self.said(&["status", "--json", "--mls", mls]);
        serde_json::from_str(said.trim()).unwrap()
    }
}

fn today() -> String {
    jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .to_string()
}

macro_rules! assert_said {
    ($name:literal, $text:expr) => {
        let text = $text.replace(&today(), "[today]");
        insta::with_settings!({filters => vec![
            (r"(\d{4}-\d\d-\d\d|\[today\])T[0-9:.]+Z", "[time]"),
            (r"(after|in) [0-9.]+ s", "$1 [n] s"),
            (r" +(in )?\d+ (s|min|h)\b( ago)?", " [span]"),
            (r"\d+ bytes", "[n] bytes"),
            (r"disk +\d.*", "disk [free]"),
            (r"127\.0\.0\.1:\d+", "[host]"),
        ]}, { insta::assert_snapshot!($name, text) });
    };
}

#[test]
fn which_feeds_are_in_trouble_and_why() {
    let town = town();
    assert_said!("status", town.said(&["status"]));
    assert_said!("status_trouble", town.said(&["status", "--trouble"]));
    town.livelist(&["status", "--check"]).assert(3);
    town.livelist(&["status", "--check", "--mls", "abor"])
        .assert(0);
    let bolt = town.status("bolt");
    assert_eq!(bolt["state"], "held");
    assert_eq!(bolt["why"], "mass_removal");
    assert_eq!((&bolt["live"], &bolt["added"]), (&json!(300), &json!(300)));
    let days: Vec<&Value> = bolt["history"].as_array().unwrap().iter().collect();
    assert_eq!(days.len(), 2);
    assert_eq!(days[1]["state"], "held");
    let abor = town.status("abor");
    assert_eq!((&abor["live"], &abor["change"]), (&json!(202), &json!(2)));
}

/// (O6) A pause does not hide a result that waits, nor what an operator may do with it.
#[test]
fn a_held_result_of_a_paused_mls_still_waits() {
    let town = town();
    town.said(&["pause", "bolt", "--reason", "the MLS moves"]);
    let bolt = town.status("bolt");
    assert_eq!(bolt["state"], "held");
    assert_eq!(bolt["paused"], true);
    assert_eq!(bolt["why"], "mass_removal");
    assert!(bolt["pause"].as_str().unwrap().ends_with("the MLS moves"));
    let said = town.said(&["status", "--trouble", "--mls", "bolt"]);
    assert!(said.contains("mass_removal; paused"), "{said}");
    let check = ["status", "--check", "--mls", "bolt"];
    town.livelist(&check).assert(3);
    let run = bolt["last_run"]["run"].as_str().unwrap();
    town.said(&["approve", run]);
    assert_eq!(town.status("bolt")["state"], "disabled");
    town.livelist(&check).assert(0);
}

/// (O14) What is printed to be typed works as it is printed, where the environment says nothing.
#[test]
fn printed_hints_work_when_they_are_pasted() {
    let town = town();
    let (registry, data) = (town.registry(), town.data());
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_livelist"))
        .parent()
        .unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let account = r#"{"client_id": "demo", "client_secret": "demo"}"#;
    let sh = |command: &str| {
        let mut sh = std::process::Command::new("sh");
        sh.args(["-c", command])
            .env_clear()
            .env("PATH", &path)
            .env("COLD_ACCOUNT", account);
        let done = sh.output().unwrap();
        (
            done.status.code().unwrap(),
            String::from_utf8(done.stdout).unwrap(),
        )
    };
    let place = format!(
        "--registry {} --data {}",
        registry.display(),
        data.display()
    );
    let (code, said) = sh(&format!("livelist status {place}"));
    assert_eq!(code, 0);
    let hints: Vec<&str> = said
        .lines()
        .filter_map(|l| l.strip_prefix("  "))
        .filter(|l| l.starts_with("livelist "))
        .collect();
    assert_eq!(hints.len(), 3, "{said}");
    let mut next = Vec::new();
    for hint in hints {
        let (code, said) = sh(hint);
        // 3: a check of the probe failed, as the MLS refuses the account.
        assert!(
            code == 0 || (code == 3 && hint.contains("probe")),
            "{hint}: {code}"
        );
        let of = said.lines().filter_map(|l| l.strip_prefix("next       "));
        next.extend(of.flat_map(|l| l.split(", or ")).map(str::to_owned));
    }
    assert_eq!(next.len(), 3, "{next:?}");
    let (mut approved, mut asked) = (0, 0);
    for hint in next.iter().filter(|hint| !hint.contains("reject")) {
        let (code, _) = sh(hint);
        match hint.contains("approve") {
            true => approved += i32::from(code == 0),
            // It fails as before, at the MLS.
            false => asked += i32::from(code == 4),
        }
    }
    assert_eq!((approved, asked), (1, 1));
    let (_, said) = sh(&format!("livelist status --trouble --mls abor {place}"));
    assert_eq!(said, "no feed is in trouble\n");
}

/// (O8) While a process starts runs, its agenda is told; without one the time is marked.
#[test]
fn the_next_run_is_that_of_the_agenda_in_force() {
    let town = Town::trestle(10);
    town.mls_document("abor", &json!({"schedule": {"cron": "0 * * * *"}}));
    town.day(&today(), 0);
    let mark = "NEXT RUN is computed";
    assert!(town.said(&["status"]).contains(mark));
    assert_eq!(town.status("abor")["next_run_computed"], true);
    let server = Server::with_schedule(&town, &[]);
    assert!(!town.said(&["status"]).contains(mark));
    let abor = town.status("abor");
    assert_eq!(abor["next_run_computed"], Value::Null);
    let next: jiff::Timestamp = abor["next_run_at"].as_str().unwrap().parse().unwrap();
    let wait = next.duration_since(jiff::Timestamp::now());
    assert!(wait.as_secs() <= 3_600, "{abor}");
    server.stop().assert(0);
    assert!(town.said(&["status"]).contains(mark));
}

/// (O5) A write that failed is told in status, health and exit code, until one as long succeeds. No file of
/// this process may be longer than 32 KB here; a quota would do the same.
#[test]
fn a_disk_that_takes_no_more_is_told() {
    let town = Town::trestle(60_000);
    town.mls_document("abor", &json!({"schedule": {"cron": "0 0 29 2 *"}}));
    let key = town.said(&["keys", "add", "--admin", "ada"]);
    let server = Server::limited(&town, "trap '' XFSZ; ulimit -f 64", &[]);
    let health = || server.get("/v1/health", None, &[]).json()["status"].clone();
    crate::town::bounded(|| (health() == "degraded").then_some(()));
    let told = server.get("/v1/admin/health", Some(key.trim()), &[]).json();
    let text = told["troubles"][0].as_str().unwrap();
    assert!(text.contains("could not be written"), "{told}");
    let check = town.livelist(&["status", "--check"]);
    check.assert(3);
    assert!(check.err.contains("could not be written"), "{}", check.err);
    assert_eq!(server.get("/v1/admin/health", None, &[]).status, 401);
    server.stop().assert(0);
    // With room again the run that failed is made good, and nothing is told any more.
    let feed = town.feed("abor");
    town.said(&["rerun", &feed]);
    let check = town.livelist(&["status", "--check"]);
    assert!(!check.err.contains("could not be written"), "{}", check.err);
    assert_eq!(town.said(&["live", &feed]).lines().count(), 60_000);
}

/// (O5) What an operator asks for on a full disk is refused with what is wrong, and leaves a trace.
#[test]
fn a_rerun_on_a_full_disk_says_what_is_wrong() {
    let town = Town::trestle(10);
    let key = town.said(&["keys", "add", "--admin", "ada"]);
    town.day(&today(), 0);
    let feed = town.feed("abor");
    // 512 bytes are too few for the note of a run, and enough for what was taken before.
    let server = Server::limited(&town, "trap '' XFSZ; ulimit -f 1", &[]);
    let path = format!("/v1/admin/feeds/{feed}/rerun");
    let refused = server.ask("POST", &path, Some(key.trim()), &[]);
    assert_eq!(refused.status, 503);
    let message = refused.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.contains("StoreUnavailable"), "{message}");
    assert!(message.contains("asked/"), "{message}");
    server.kill();
    let told = town.livelist(&["status"]).err;
    assert!(told.contains("asked/"), "{told}");
}

/// (O2) What is wrong with the registry is told by `status`, and a monitor is told of it.
#[test]
fn a_faulty_registry_is_told() {
    let town = Town::trestle(10);
    town.day("2026-11-21", 0);
    town.livelist(&["status", "--check"]).assert(0);
    town.write(
        "mls/bolt.json",
        &json!({"mls": "bolt", "page_sice": 1, "enabled": "no"}),
    );
    town.write("admins.json", &json!({"schema": 1, "admin": []}));
    let done = town.livelist(&["status", "--check"]);
    done.assert(2);
    for told in [
        "mls/bolt.json: page_sice: ",
        "mls/bolt.json: enabled: ",
        "mls/bolt.json: provider: ",
        "mls/bolt.json: base_url: ",
        "mls/bolt.json: credential: ",
        "admins.json: admin: ",
    ] {
        assert!(done.err.contains(told), "{told}: {}", done.err);
    }
    // Without `--check` it only tells. A feed that needs somebody comes first.
    town.livelist(&["status"]).assert(0);
    let denied = FaultRule::new(Fault::Status { code: 403 }).on(On::Page);
    town.mls("abor").set_faults(vec![denied]);
    town.day("2026-11-22", 4);
    town.livelist(&["status", "--check"]).assert(3);
}

#[test]
fn a_held_result_is_approved_and_a_failed_run_run_again() {
    let town = town();
    let held = town.status("bolt")["last_run"]["run"].clone();
    assert_said!("show_held", town.said(&["show", held.as_str().unwrap()]));
    town.said(&["approve", held.as_str().unwrap()]);
    let bolt = town.status("bolt");
    assert_eq!(
        (&bolt["state"], &bolt["live"]),
        (&json!("on_time"), &json!(200))
    );
    assert_eq!(bolt["change"], -100);

    let cold = town.feed("cold");
    let failed = town.livelist(&["rerun", &cold]);
    assert!(
        failed.assert(4).out.contains("AccessDenied"),
        "{}",
        failed.out
    );
    town.mls("cold").clear_faults();
    assert_said!("rerun", town.said(&["rerun", &cold]));
    assert_eq!(town.status("cold")["state"], "on_time");
    // What was said again stays said: the attempts of a day are runs of their own.
    let runs = town.said(&["runs", "--feed", &cold, "--json"]);
    let states: Vec<Value> = runs
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone())
        .collect();
    assert_eq!(states, ["unchanged", "failed", "failed", "published"]);
}

/// Nobody should approve blind: which keys a held run would take out is told, and only to operators.
#[test]
fn what_a_held_run_would_take_out_is_told() {
    let town = town();
    let feed = town.feed("bolt");
    let live = town.mls("bolt").live_keys();
    let published = reader::list(&town.data(), &feed).unwrap().keys;
    let would_go: Vec<&str> = published
        .iter()
        .filter(|key| !live.contains(key))
        .map(String::as_str)
        .collect();
    assert_eq!(would_go.len(), 100);
    let lines = town.said(&["diff", &feed, "--held"]);
    let lines: Vec<&str> = lines
        .lines()
        .map(|l| l.strip_prefix('-').unwrap())
        .collect();
    assert_eq!(lines, would_go);
    let csv = town.said(&["diff", &feed, "--held", "--csv"]);
    assert_eq!(csv.split("\r\n").count(), 102);
    assert!(csv.starts_with(&format!("key\r\n\"{}\"\r\n", would_go[0])));
    let told = town.said(&["diff", &feed, "--held", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["count"], 100);
    let sample = told["sample"].as_array().unwrap();
    assert_eq!(sample.len(), 20);
    assert_eq!(sample[1]["key"], would_go[5]);
    let record = sample[0]["record"].as_str().unwrap();
    assert!(
        record.ends_with(&format!("/Property('{}')", would_go[0])),
        "{record}"
    );
    // What is told is what an approval does.
    let run = told["run"].as_str().unwrap();
    let approved = town.said(&["approve", run]);
    assert!(approved.contains("100 removed"), "{approved}");
    assert_eq!(reader::list(&town.data(), &feed).unwrap().keys, live);
    town.livelist(&["diff", &feed, "--held"]).assert(2);
}

#[test]
fn what_changed_and_where_a_listing_went() {
    let town = town();
    let feed = town.feed("abor");
    let diff = town.said(&["diff", &feed, "--json"]);
    let diff: Value = serde_json::from_str(&diff).unwrap();
    let keys =
        |member: &str| -> Vec<String> { serde_json::from_value(diff[member].clone()).unwrap() };
    let (added, removed) = (keys("added"), keys("removed"));
    assert_eq!((added.len(), removed.len()), (5, 3));
    let live = town.mls("abor").live_keys();
    assert!(added.iter().all(|key| live.contains(key)));
    assert!(!removed.iter().any(|key| live.contains(key)));
    // Back in time the same keys went and came.
    let back = town.said(&["diff", &feed, "2", "1", "--json"]);
    let back: Value = serde_json::from_str(&back).unwrap();
    assert_eq!(
        (&back["added"], &back["removed"]),
        (&diff["removed"], &diff["added"])
    );
    let lines = town.said(&["diff", &feed, "1"]);
    assert_eq!(lines.lines().count(), 8);
    assert!(lines.starts_with(&format!("-{}\n", removed[0])));

    let why = |key: &str| -> Value {
        serde_json::from_str(&town.said(&["why", &feed, key, "--json"])).unwrap()
    };
    let gone = why(&removed[0]);
    assert_eq!(
        (&gone["live"], &gone["went"]["confirmed_by"]),
        (&json!(false), &json!("key"))
    );
    assert_eq!(gone["snapshots"][0]["has"], true);
    assert_eq!(gone["snapshots"][1]["has"], false);
    let new = why(&added[0]);
    assert_eq!(
        (&new["live"], &new["came"]["version"]),
        (&json!(true), &diff["to"])
    );
    let stranger = why("no-such-key");
    assert!(
        stranger["summary"]
            .as_str()
            .unwrap()
            .contains("in none of the 2")
    );
    let text = town
        .said(&["why", &feed, &removed[0]])
        .replace(&removed[0], "[key]");
    assert_said!("why", text);
    town.livelist(&["diff", &feed, "17"]).assert(2);
    town.livelist(&["why", "nobody", "k"]).assert(2);
}

#[test]
fn a_removal_that_waits_is_told_of_its_listings() {
    let town = town();
    let (feed, live) = (town.feed("bolt"), town.mls("bolt").live_keys());
    let published = reader::list(&town.data(), &feed).unwrap().keys;
    let gone = published.iter().find(|key| !live.contains(key)).unwrap();
    let why = town.said(&["why", &feed, gone, "--json"]);
    let why: Value = serde_json::from_str(&why).unwrap();
    // It is published still: nobody is told that it is gone.
    assert_eq!(
        (&why["live"], &why["waiting"]["reason"]),
        (&json!(true), &json!("mass_removal"))
    );
    let stays = town.said(&["why", &feed, &live[0], "--json"]);
    let stays: Value = serde_json::from_str(&stays).unwrap();
    assert_eq!(stays["waiting"], Value::Null);
}

#[test]
fn what_is_paused_is_not_reconciled_and_stays_published() {
    let town = town();
    let said = town.said(&["pause", "abor", "--reason", "the MLS moves"]);
    assert_eq!(
        said,
        "abor is paused; what is published stays and is served\n"
    );
    assert_eq!(town.said(&["pause", "abor"]), "abor was paused already\n");
    let abor = town.status("abor");
    assert_eq!(abor["state"], "disabled");
    let why = abor["why"].as_str().unwrap();
    assert!(why.contains("the MLS moves"), "{why}");
    let before = town.mls("abor").log().len();
    let lines = town
        .livelist(&["reconcile", "--json", "--date", "2026-11-22"])
        .lines();
    assert!(!lines.iter().any(|line| line["feed"] == abor["feed"]));
    assert_eq!(town.mls("abor").log().len(), before, "nobody is asked");
    town.livelist(&["rerun", &town.feed("abor")]).assert(2);
    assert_eq!(
        town.said(&["live", &town.feed("abor")]).lines().count(),
        202
    );

    town.said(&["resume", "abor"]);
    assert_eq!(town.status("abor")["state"], "on_time");
    assert_eq!(town.said(&["resume", "abor"]), "abor was not paused\n");
    town.said(&["pause", "--client", "acme"]);
    assert_eq!(town.status("abor")["state"], "disabled");
    town.said(&["resume", "--client", "acme"]);
    town.livelist(&["pause", "nobody"]).assert(2);
}

#[test]
fn a_history_that_is_damaged_costs_nothing_but_itself() {
    let town = town();
    let feed = town.feed("abor");
    let file = town.data().join("feeds").join(&feed).join("history.json");
    std::fs::write(&file, "{").unwrap();
    assert_eq!(town.status("abor")["state"], "on_time");
    assert_eq!(town.status("abor")["live"], 202);
    town.day("2026-11-22", 4);
    let days = town.status("abor")["history"].as_array().unwrap().len();
    assert_eq!(days, 1, "it begins anew");
}

#[test]
fn a_verb_says_what_it_needs() {
    let town = town();
    let nowhere = town.livelist(&["redrive"]);
    assert!(
        nowhere.assert(0).out.contains("nothing was put aside"),
        "{}",
        nowhere.out
    );
    let both = town.livelist(&["status", "--stack", "prod"]);
    assert!(both.assert(2).err.contains("--stack"), "{}", both.err);
    for shell in ["bash", "zsh", "fish"] {
        assert!(town.said(&["completions", shell]).contains("rerun"));
    }
    let pages = town.data().join("man");
    town.said(&["man", pages.to_str().unwrap()]);
    let page = std::fs::read_to_string(pages.join("livelist-why.1")).unwrap();
    assert!(page.contains("where a listing went"), "{page}");
}
