//! `kill -9` of `livelist replicate` at any moment: the next pass makes the copy what an undisturbed one is.

use std::time::{Duration, Instant};

use livelist_mls::{Change, MlsSpec, Options, Provider, Records};
use rusqlite::Connection;
use serde_json::json;

use crate::replicate::{ask, assert_truth, spec};
use crate::town::Town;

const PASS: [&str; 2] = ["replicate", "--json"];

/// How often a pass is killed. `LIVELIST_KILLS` says otherwise.
fn kills() -> u32 {
    let said = std::env::var("LIVELIST_KILLS").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(20)
}

/// Answers take a moment, so that there are moments in between.
fn town() -> Town {
    let records = Records {
        fields: 30,
        ..Records::default()
    };
    let plain = spec(Provider::Trestle, 300, records);
    let town = Town::one(MlsSpec {
        options: Options {
            latency_ms: 5,
            ..plain.options.clone()
        },
        ..plain
    });
    town.mls_document("abor", &json!({"page_size": 20}));
    std::fs::create_dir(town.registry().join("replications")).unwrap();
    let document =
        json!({"replication": "abor", "mls": "abor", "resources": [{"resource": "Property"}]});
    town.write("replications/abor.json", &document);
    town
}

/// What the copy holds, but for the times of its writes.
fn copy(town: &Town) -> Vec<(String, Option<String>)> {
    let all =
        "SELECT ListingKey, json_array(_hash, _stamp, _rest, ListPrice, StandardStatus, ListingId)
        FROM Property ORDER BY ListingKey";
    ask(town, all)
}

/// Kills a pass after `after`. What it leaves is a sound database with records of the MLS alone.
fn kill(town: &Town, after: Duration) -> bool {
    let begun = Instant::now();
    let mut started = town.start(&town.data(), &PASS);
    started.until(|| begun.elapsed() >= after);
    let was_in_time = started.kill();
    let file = town.data().join("listings.sqlite");
    if file.exists() {
        let connection = Connection::open(file).unwrap();
        let sound: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
    }
    was_in_time
}

#[test]
fn a_killed_pass_is_made_good_by_the_next() {
    let undisturbed = town();
    let begun = Instant::now();
    undisturbed.livelist(&PASS).assert(0);
    let whole = begun.elapsed();
    let expected = copy(&undisturbed);
    assert_eq!(expected.len(), 300);

    let (kills, mut in_time) = (kills(), 0);
    for nth in 0..kills {
        let town = town();
        in_time += u32::from(kill(&town, whole * nth / kills));
        town.livelist(&PASS).assert(0);
        assert_eq!(copy(&town), expected, "the first load, kill {nth}");
        // A window, killed as well. It is as long as the time since the last one.
        if nth % 4 != 0 {
            continue;
        }
        std::thread::sleep(Duration::from_millis(2_100));
        let changed = town.mls("abor").change(Change::Late(125), 40);
        assert_eq!(changed.len(), 40);
        in_time += u32::from(kill(&town, whole * nth / kills / 2));
        town.livelist(&PASS).assert(0);
        assert_truth(&town);
        town.livelist(&["prove"]).assert(0);
    }
    println!("{in_time} passes were killed before their end");
    assert!(in_time > kills / 2, "{in_time}");
}
