//! Records by schedule: `livelist serve` replicates, scans and proves; `status` and health tell how the copies
//! stand; `replicate --full` and `--refetch`.

use livelist_mls::{Change, Provider, Records};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::replicate::{ask, assert_truth, spec};
use crate::serve::Server;
use crate::town::{Town, bounded};

/// An MLS that no client has, and a replication of it.
fn town(listings: u64, more: &Value) -> Town {
    let town = Town::of(vec![spec(Provider::Trestle, listings, Records::default())]);
    town.mls_document("abor", &json!({"page_size": 50}));
    std::fs::create_dir(town.registry().join("replications")).unwrap();
    std::fs::create_dir(town.registry().join("destinations")).unwrap();
    replication(&town, more);
    town
}

fn replication(town: &Town, more: &Value) {
    let mut document =
        json!({"replication": "abor", "mls": "abor", "resources": [{"resource": "Property"}]});
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    town.write("replications/abor.json", &document);
}

/// What `status --json` tells of feeds and of copies.
fn status(town: &Town) -> (Vec<Value>, Vec<Value>) {
    let done = town.livelist(&["status", "--json"]);
    let lines = done.assert(0).out.lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.partition(|line| line.get("destination").is_none())
}

fn copy(town: &Town) -> Value {
    let (_, copies) = status(town);
    assert_eq!(copies.len(), 1, "{copies:?}");
    copies[0].clone()
}

/// Waits until the feed has so many keys and the copy is proved behind that.
fn until_proved(town: &Town, runs: usize) -> Value {
    bounded(|| {
        let (feeds, copies) = status(town);
        let feed = feeds.first()?;
        let history = feed["history"].as_array()?;
        let copy = copies.first()?.clone();
        let last = history.last()?;
        let began: jiff::Timestamp = last["started_at"].as_str()?.parse().unwrap();
        let proved: jiff::Timestamp = copy["proof"]["at"].as_str()?.parse().unwrap();
        let pass = copy["last_pass"]["began_at"].as_str()?;
        let pass: jiff::Timestamp = pass.parse().unwrap();
        let is_behind = proved > began && pass > began && feed["state"] == "on_time";
        (history.len() == runs && is_behind).then_some(copy)
    })
}

/// No client has the feed: it is scanned for the replication, and what that proves enters the log at once.
#[test]
fn a_server_replicates_scans_and_proves() {
    let town = town(300, &json!({}));
    let key = town.livelist(&["keys", "add", "--admin", "ada"]);
    let key = key.assert(0).out.trim().to_owned();
    let server = Server::with_schedule(&town, &[]);
    let copy = until_proved(&town, 1);
    assert_eq!(copy["state"], "on_time", "{copy}");
    assert_eq!(copy["proof"]["outcome"], "equal", "{copy}");
    assert_eq!(copy["proof"]["records"], 300, "{copy}");
    assert!(copy["position"].as_u64() >= Some(300), "{copy}");
    assert_truth(&town);

    let again = |runs| {
        let (feeds, _) = status(&town);
        let feed = feeds[0]["feed"].as_str().unwrap();
        let path = format!("/v1/admin/feeds/{feed}/rerun");
        let asked = server.ask("POST", &path, Some(&key), &[]);
        assert!(asked.status < 300, "{}", asked.status);
        until_proved(&town, runs)
    };
    let mls = town.mls("abor");
    // What was read in the second of a proof may have been read behind it, and stays until the next one.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let sold = mls.sell(6);
    mls.add(4);
    let copy = again(2);
    assert_eq!(copy["proof"]["outcome"], "equal", "{copy}");
    let removed = ask(&town, "SELECT key, proof FROM Property_removed");
    assert_eq!(removed.len(), sold.len());
    assert_truth(&town);

    // What somebody deleted is found behind the next scan, and written again.
    let connection = Connection::open(town.data().join("listings.sqlite")).unwrap();
    let deleted = connection.execute(
        "DELETE FROM Property WHERE rowid IN (SELECT rowid FROM Property LIMIT 3)",
        [],
    );
    assert_eq!(deleted, Ok(3));
    drop(connection);
    let copy = again(3);
    assert_eq!(copy["proof"]["outcome"], "differs", "{copy}");
    assert_eq!(copy["proof"]["missing"], 3, "{copy}");
    assert_eq!(copy["proof"]["mended"], 3, "{copy}");
    assert_truth(&town);

    bounded(|| {
        let health = server.get("/v1/health", None, &[]).json();
        (health["status"] == "ok").then_some(())
    });
    let told = server.get("/v1/admin/status", Some(&key), &[]).json();
    assert_eq!(told["copies"][0]["destination"], "listings", "{told}");
    assert_eq!(told["copies"][0]["state"], "on_time", "{told}");
    server.stop().assert(0);
    town.livelist(&["prove"]).assert(0);
}

#[test]
fn a_server_that_is_killed_or_stopped_loses_nothing() {
    let town = town(3_000, &json!({"reconcile": false}));
    let has_begun = |text: &str| {
        let head = std::fs::read_to_string(town.data().join("records/abor/head.json"));
        head.is_ok_and(|head| head.contains(text))
    };
    let server = Server::with_schedule(&town, &[]);
    bounded(|| has_begun("backfill").then_some(()));
    server.kill();
    assert!(!town.data().join("records/abor/syncs.json").exists());
    // The next one goes on, and is told to stop under way.
    let server = Server::with_schedule(&town, &[]);
    bounded(|| town.data().join("listings.sqlite").exists().then_some(()));
    server.stop().assert(0);
    // By hand, as nobody waits a quarter of an hour.
    let done = town.livelist(&["replicate"]);
    done.assert(0);
    assert_truth(&town);
    town.livelist(&["prove"]).assert(0);
    let (feeds, _) = status(&town);
    assert_eq!(feeds, Vec::<Value>::new(), "it is not to be scanned");
}

/// Each resource of a replication is scanned once, whether a client has it or not. The key of another resource
/// is the metadata's.
#[test]
fn a_replication_is_scanned_where_no_client_is() {
    let resources = json!([{"resource": "Property"}, {"resource": "Member"}]);
    let town = town(200, &json!({"resources": resources}));
    let day = town.day("2026-11-20", 0);
    assert_eq!(day.len(), 1, "Member's key is not known yet: {day:?}");
    town.livelist(&["replicate"]).assert(0);
    // What is proved gone has to be later than what was learned, by seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let sold = town.mls("abor").sell(5);
    town.client("acme", &json!([{"mls": "abor", "resource": "Property"}]));
    let day = town.day("2026-11-21", 0);
    assert_eq!(day.len(), 2, "{day:?}");
    assert!(
        day.iter().all(|line| line["count"].as_u64() > Some(0)),
        "{day:?}"
    );
    let done = town.livelist(&["replicate", "--json"]);
    let lines: Vec<Value> = done
        .assert(0)
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["removals"], sold.len(), "{lines:?}");
    assert_truth(&town);
    let (feeds, _) = status(&town);
    assert_eq!(feeds.len(), 2, "{feeds:?}");
}

/// A copy that cannot be written is told, and holds no other.
#[test]
fn a_copy_that_fails_is_told_and_holds_no_other() {
    let both = json!({"reconcile": false, "destinations": ["here", "down"]});
    let mut town = town(40, &both);
    let here = json!({"destination": "here", "kind": "sqlite", "path": "listings.sqlite"});
    town.write("destinations/here.json", &here);
    let down = json!({"destination": "down", "kind": "postgres", "url": "env:DOWN"});
    town.write("destinations/down.json", &down);
    town.set("DOWN", Some("postgres://me:hidden@127.0.0.1:1/homes"));
    town.livelist(&["replicate"]).assert(4);
    assert_truth(&town);
    let (_, copies) = status(&town);
    let states: Vec<&Value> = copies.iter().map(|copy| &copy["state"]).collect();
    assert_eq!(states, ["failed", "on_time"], "{copies:?}");
    assert_eq!(copies[0]["why"], "DestinationUnavailable", "{copies:?}");
    assert!(
        copies[0]["advice"]
            .as_str()
            .unwrap()
            .contains("Nothing is lost")
    );
    let check = town.livelist(&["status", "--check"]);
    check.assert(3);
    let told = check.out.lines().find(|line| line.contains("down"));
    assert!(
        told.unwrap().contains("DestinationUnavailable"),
        "{}",
        check.out
    );
    let server = Server::start(&town, &[]);
    bounded(|| {
        let health = server.get("/v1/health", None, &[]).json();
        (health["status"] == "degraded").then_some(())
    });
    server.stop().assert(0);
    for text in [
        check.out,
        std::fs::read_to_string(town.data().join("records/abor/syncs.json")).unwrap(),
    ] {
        assert!(!text.contains("hidden"), "{text}");
    }
    // Without it all is well again.
    replication(
        &town,
        &json!({"reconcile": false, "destinations": ["here"]}),
    );
    town.livelist(&["replicate"]).assert(0);
    town.livelist(&["status", "--check"]).assert(0);
    assert_eq!(copy(&town)["destination"], "here");
}

/// Changes that no timestamp tells of come with the records themselves.
#[test]
fn records_are_read_again_where_somebody_asks() {
    let town = town(260, &json!({}));
    let replicate = |more: &[&str]| -> Value {
        let done = town.livelist(&[&["replicate", "--json"][..], more].concat());
        serde_json::from_str(done.assert(0).out.trim()).unwrap()
    };
    assert_eq!(replicate(&[])["upserts"], 260);
    let mls = town.mls("abor");
    let sneaked = mls.change(Change::Sneak, 7);
    assert_eq!(replicate(&[])["upserts"], 0, "nothing told of them");
    let only = format!("ListingKey eq '{}'", sneaked[2]);
    // A window is read besides.
    let rows = |line: &Value| line["pulled"].as_u64().unwrap();
    let one = replicate(&["--refetch", &only]);
    assert_eq!(one["upserts"], 1, "{one}");
    assert!((1..20).contains(&rows(&one)), "{one}");
    let full = replicate(&["--full", "--resource", "Property"]);
    assert_eq!(full["upserts"], 6, "{full}");
    assert!((260..280).contains(&rows(&full)), "{full}");
    assert_truth(&town);
    let again = replicate(&["--full"]);
    assert_eq!(again["outcome"], "unchanged", "{again}");
    assert!((260..280).contains(&rows(&again)), "{again}");
    assert_eq!(
        again["position"], full["position"],
        "unchanged records append nothing"
    );
    for wrong in [
        &["replicate", "--full", "--resource", "Office"][..],
        &["replicate", "--full", "--refetch", "X eq 1"][..],
    ] {
        town.livelist(wrong).assert(2);
    }
}

#[test]
fn a_sync_comes_every_five_minutes_or_slower() {
    let town = town(10, &json!({"sync": {"cron": "*/4 * * * *"}}));
    let checked = town.livelist(&["registry", "check", town.registry().to_str().unwrap()]);
    let told = "replications/abor.json: sync.cron: the times are less than five minutes apart";
    assert!(checked.assert(2).out.contains(told), "{}", checked.out);
}
