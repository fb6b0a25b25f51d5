//! `livelist serve` as the whole system: due feeds run, whatever happened to the process before.

use std::path::PathBuf;

use livelist_mls::{Fault, FaultRule, MlsSpec, On, Options, Provider};
use serde_json::{Value, json};

use crate::reader::{self, List};
use crate::serve::Server;
use crate::town::{Town, account, bounded};

/// Not before years.
const NOT_SOON: &str = "0 0 29 2 *";

/// The records of a feed's runs, by name.
fn records(town: &Town, mls: &str) -> Vec<(PathBuf, Value)> {
    let feeds = reader::feeds(&town.data());
    let Some(feed) = feeds.iter().find(|feed| feed.starts_with(mls)) else {
        return Vec::new();
    };
    let runs = town.data().join("feeds").join(feed).join("runs");
    let records = reader::runs(&town.data(), feed).into_iter().map(|run| {
        let path = runs.join(run).join("run.json");
        let text = std::fs::read(&path).ok()?;
        Some((path, serde_json::from_slice(&text).unwrap()))
    });
    records.flatten().collect()
}

/// The states of a feed's runs.
fn states(town: &Town, mls: &str) -> Vec<String> {
    let records = records(town, mls).into_iter();
    let states = records.map(|(_, record)| record["state"].as_str().unwrap().to_owned());
    states.collect()
}

fn until(town: &Town, mls: &str, states: &[&str]) {
    bounded(|| (self::states(town, mls) == states).then_some(()));
}

fn list(town: &Town, mls: &str) -> Option<List> {
    let feeds = reader::feeds(&town.data()).into_iter();
    let mut of = feeds.filter(|feed| feed.starts_with(mls));
    reader::list(&town.data(), &of.next()?)
}

fn several(mlss: &[&str]) -> Town {
    let spec = |mls: &&str| MlsSpec::new(*mls, Provider::Trestle, 50);
    let town = Town::of(mlss.iter().map(spec).collect());
    let pairs = mlss
        .iter()
        .map(|mls| json!({"mls": mls, "resource": "Property"}));
    town.client("acme", &pairs.collect());
    town
}

/// A scan takes some seconds here.
fn slow() -> Town {
    let options = Options {
        latency_ms: 40,
        ..Options::default()
    };
    let town = Town::one(MlsSpec {
        options,
        ..MlsSpec::new("abor", Provider::Trestle, 1_000)
    });
    town.mls_document("abor", &json!({"page_size": 20}));
    town
}

/// In the middle of the first scan.
fn in_the_middle(town: &Town) -> Server {
    let server = Server::with_schedule(town, &["--grace", "0"]);
    bounded(|| (town.mls("abor").log().len() > 8).then_some(()));
    server
}

#[test]
fn what_is_due_is_run_at_its_time() {
    let town = Town::trestle(200);
    town.mls_document("abor", &json!({"schedule": {"cron": "0 */6 * * *"}}));
    // Six hours pass in three seconds.
    let server = Server::with_schedule(&town, &["--lapse", "7200"]);
    let first = bounded(|| list(&town, "abor"));
    assert_eq!(first.keys.len(), 200);
    let next = first.head["next_expected_at"].as_str().unwrap();
    assert!(next.ends_with(":00:00Z"), "{next}");
    let hour: u32 = next[11..13].parse().unwrap();
    assert_eq!(hour % 6, 0, "{next}");
    town.mls("abor").sell(5);
    // A run may lie between them: that of an hour that struck during the first.
    let second = bounded(|| {
        list(&town, "abor").filter(|list| list.head["published_at"].as_str() >= Some(next))
    });
    assert_eq!(second.keys, town.mls("abor").live_keys());
    server.stop().assert(0);
}

#[test]
fn what_was_missed_runs_once_and_what_was_not_does_not() {
    let town = several(&["abor", "bolt"]);
    town.mls_document("bolt", &json!({"schedule": {"cron": NOT_SOON}}));
    let today = jiff::Timestamp::now().to_string();
    town.day(&today[..10], 0);
    let (path, mut record) = records(&town, "abor").remove(0);
    let days_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(80);
    record["started_at"] = json!(days_ago.to_string());
    std::fs::write(&path, record.to_string()).unwrap();

    let server = Server::with_schedule(&town, &[]);
    until(&town, "abor", &["published", "unchanged"]);
    server.stop().assert(0);
    // Started again there is nothing left to do.
    let server = Server::with_schedule(&town, &[]);
    assert_eq!(server.get("/v1/health", None, &[]).status, 200);
    server.stop().assert(0);
    assert_eq!(states(&town, "abor").len(), 2);
    assert_eq!(states(&town, "bolt").len(), 1);
}

#[test]
fn one_bad_mls_stops_nobody_else() {
    let town = several(&["abor", "bolt", "cold"]);
    town.write("mls/abor.json", &json!({"mls": "abor", "provider": 5}));
    let denied = FaultRule::new(Fault::Status { code: 403 }).on(On::Any);
    town.mls("bolt").set_faults(vec![denied]);
    let server = Server::with_schedule(&town, &[]);
    until(&town, "bolt", &["failed"]);
    until(&town, "cold", &["published"]);
    // Mended, it is found without a restart; this does not wait for the next look.
    town.mls_document("abor", &json!({}));
    let done = server.stop();
    done.assert(0);
    assert!(done.err.contains("mls/abor.json"), "{}", done.err);
    let server = Server::with_schedule(&town, &[]);
    until(&town, "abor", &["published"]);
    server.stop().assert(0);
    assert_eq!(states(&town, "bolt"), ["failed"]);
}

#[test]
fn told_to_stop_it_lets_runs_end() {
    let town = slow();
    let server = Server::with_schedule(&town, &["--grace", "100"]);
    bounded(|| (town.mls("abor").log().len() > 8).then_some(()));
    assert_eq!(states(&town, "abor"), ["running"]);
    server.stop().assert(0);
    assert_eq!(states(&town, "abor"), ["published"]);
}

#[test]
fn a_run_that_had_not_ended_goes_on_under_its_name() {
    for is_killed in [false, true] {
        let town = slow();
        let server = in_the_middle(&town);
        if is_killed {
            server.kill();
        } else {
            server.stop().assert(0);
        }
        assert_eq!(states(&town, "abor"), ["running"]);
        assert!(list(&town, "abor").is_none());
        let server = Server::with_schedule(&town, &[]);
        until(&town, "abor", &["published"]);
        server.stop().assert(0);
        let list = list(&town, "abor").unwrap();
        assert_eq!(list.keys, town.mls("abor").live_keys());
    }
}

/// Asks for another run of an MLS's feed; gives its name.
fn ask_again(town: &Town, server: &Server, key: &str, mls: &str) -> String {
    let feeds = reader::feeds(&town.data());
    let feed = feeds.iter().find(|feed| feed.starts_with(mls)).unwrap();
    let path = format!("/v1/admin/feeds/{feed}/rerun");
    let reply = server.ask("POST", &path, Some(key), &[]).json();
    assert_eq!(reply["started"], true, "{reply}");
    reply["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_was_asked_for_and_waits_comes_again() {
    for is_killed in [false, true] {
        let options = Options {
            latency_ms: 40,
            ..Options::default()
        };
        let town = Town::of(vec![
            MlsSpec {
                options,
                ..MlsSpec::new("abor", Provider::Trestle, 600)
            },
            MlsSpec::new("bolt", Provider::Trestle, 50),
            MlsSpec::new("cold", Provider::Trestle, 50),
        ]);
        let pairs = ["abor", "bolt", "cold"].map(|mls| json!({"mls": mls, "resource": "Property"}));
        town.client("acme", &json!(pairs));
        let today = jiff::Timestamp::now().to_string();
        town.day(&today[..10], 0);
        for mls in ["abor", "bolt", "cold"] {
            let more = json!({"page_size": 20, "schedule": {"cron": NOT_SOON}});
            town.mls_document(mls, &more);
        }
        let key = town.livelist(&["keys", "add", "--admin", "ada"]).out;
        let key = key.trim();

        // One run at a time: those of the others wait.
        let server = Server::with_schedule(&town, &["--grace", "0", "--jobs", "1"]);
        let run = ask_again(&town, &server, key, "abor");
        bounded(|| (states(&town, "abor").len() == 2).then_some(()));
        for mls in ["bolt", "cold"] {
            ask_again(&town, &server, key, mls);
        }
        if is_killed {
            server.kill();
        } else {
            server.stop().assert(0);
        }
        assert_eq!(states(&town, "abor"), ["published", "running"]);
        assert_eq!(states(&town, "bolt"), ["published"], "{run}");

        // Meanwhile somebody decided that one of them is not to be looked at.
        town.livelist(&["pause", "cold"]).assert(0);
        let server = Server::with_schedule(&town, &[]);
        until(&town, "abor", &["published", "unchanged"]);
        until(&town, "bolt", &["published", "unchanged"]);
        let asked = town.data().join("asked");
        bounded(|| (std::fs::read_dir(&asked).unwrap().count() == 0).then_some(()));
        server.stop().assert(0);
        // Done once, and no more.
        town.livelist(&["resume", "cold"]).assert(0);
        let server = Server::with_schedule(&town, &[]);
        assert_eq!(server.get("/v1/health", None, &[]).status, 200);
        server.stop().assert(0);
        assert_eq!(states(&town, "bolt").len(), 2);
        assert_eq!(states(&town, "cold").len(), 1);
    }
}

#[test]
fn a_second_process_is_refused_by_name() {
    let town = several(&["abor"]);
    let server = Server::with_schedule(&town, &[]);
    until(&town, "abor", &["published"]);
    let second = town.livelist(&["serve", "--listen", "127.0.0.1:0"]);
    second.assert(2);
    let holder = format!("(process {})", server.id());
    assert!(second.err.contains(&holder), "{}", second.err);
    // The API alone, and a reconciliation by hand, get along with it.
    Server::start(&town, &[]).stop().assert(0);
    town.mls("abor").sell(3);
    town.livelist(&["reconcile"]).assert(0);
    assert_eq!(list(&town, "abor").unwrap().head["sequence"], 2);
    // A lock dies with its process.
    server.kill();
    Server::with_schedule(&town, &[]).stop().assert(0);
}

#[test]
fn a_clock_that_runs_ahead_is_for_simulations() {
    let town = several(&["abor"]);
    let real =
        json!({"base_url": "https://mls.example/odata", "token_url": "https://mls.example/t"});
    town.mls_document("abor", &real);
    let done = town.livelist(&["serve", "--lapse", "60", "--listen", "127.0.0.1:0"]);
    done.assert(2);
    assert!(done.err.contains("abor is none"), "{}", done.err);
}

#[test]
fn a_schedule_that_cannot_be_kept_is_told_by_file_and_field() {
    let town = several(&["abor"]);
    town.mls_document("abor", &json!({"schedule": {"cron": "30 4 * *"}}));
    let registry = town.registry();
    let done = town.livelist(&["registry", "check", registry.to_str().unwrap()]);
    done.assert(2);
    let told = format!("{}{}", done.out, done.err);
    let expected = "mls/abor.json: schedule.cron: this is not a cron expression. Give five fields";
    assert!(told.contains(expected), "{told}");
}

/// (O11) A secret that was missing is looked for every five minutes; one that is wrong is tried once.
#[test]
fn a_secret_that_was_missing_is_found() {
    let town = Town::trestle(50);
    let secret = town.dir.path().join("abor.json");
    let credential = format!("file:{}", secret.display());
    town.mls_document(
        "abor",
        &json!({"credential": credential, "schedule": {"cron": NOT_SOON}}),
    );
    // Five minutes pass in three seconds.
    let server = Server::with_schedule(&town, &["--lapse", "100"]);
    until(&town, "abor", &["failed"]);
    let said = town.livelist(&["status"]).assert(0).out.clone();
    assert!(said.contains("The next look is at "), "{said}");
    assert!(said.contains("livelist rerun"), "{said}");
    let wrong = json!({"client_id": "demo", "client_secret": "wrong"});
    std::fs::write(&secret, wrong.to_string()).unwrap();
    until(&town, "abor", &["failed", "failed"]);
    let asked = town.mls("abor").log().len();
    assert!(asked > 0, "the wrong one was tried");
    std::fs::write(
        &secret,
        account(&MlsSpec::new("abor", Provider::Trestle, 50).credential),
    )
    .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(8));
    assert_eq!(
        town.mls("abor").log().len(),
        asked,
        "it may lock the account"
    );
    server.stop().assert(0);
}

/// (O11) What was recorded before this process began counts, too.
#[test]
fn a_secret_that_was_missing_before_is_found() {
    let town = Town::trestle(50);
    let secret = town.dir.path().join("abor.json");
    let credential = format!("file:{}", secret.display());
    town.mls_document("abor", &json!({"credential": credential}));
    let today = jiff::Timestamp::now().to_string();
    town.day(&today[..10], 4);
    let seldom = json!({"cron": NOT_SOON});
    town.mls_document(
        "abor",
        &json!({"credential": credential, "schedule": seldom}),
    );
    let server = Server::with_schedule(&town, &["--lapse", "100"]);
    assert_eq!(server.get("/v1/health", None, &[]).status, 200);
    assert_eq!(states(&town, "abor"), ["failed"]);
    std::fs::write(
        &secret,
        account(&MlsSpec::new("abor", Provider::Trestle, 50).credential),
    )
    .unwrap();
    bounded(|| list(&town, "abor"));
    server.stop().assert(0);
}
