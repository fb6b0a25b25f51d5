//! `livelist replicate`, `prove`, `record`: records of simulated MLSs in SQLite.

use std::collections::BTreeMap;

use livelist_mls::{Change, MlsSpec, Options, PhotosMove, Provider, Records};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::town::Town;

pub fn spec(provider: Provider, listings: u64, records: Records) -> MlsSpec {
    MlsSpec {
        options: Options {
            records: Some(records),
            ..Options::default()
        },
        ..MlsSpec::new("abor", provider, listings)
    }
}

fn town(spec: MlsSpec) -> Town {
    let town = Town::one(spec);
    std::fs::create_dir(town.registry().join("replications")).unwrap();
    let document =
        json!({"replication": "abor", "mls": "abor", "resources": [{"resource": "Property"}]});
    town.write("replications/abor.json", &document);
    town
}

fn replicate(town: &Town, code: i32) -> Value {
    let done = town.livelist(&["replicate", "--json"]);
    done.assert(code);
    let lines: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{}", done.out);
    lines[0].clone()
}

pub fn ask(town: &Town, sql: &str) -> Vec<(String, Option<String>)> {
    let connection = Connection::open(town.data().join("listings.sqlite")).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// Every live record is in the table with its price, and no other row is.
pub fn assert_truth(town: &Town) {
    let control = town.mls("abor");
    let expected: BTreeMap<String, Option<f64>> = control
        .live_keys()
        .into_iter()
        .map(|key| {
            let record: Value = serde_json::from_str(&control.record(&key).unwrap()).unwrap();
            (key, record["ListPrice"].as_f64())
        })
        .collect();
    let rows = ask(
        town,
        "SELECT ListingKey, CAST(ListPrice AS TEXT) FROM Property",
    );
    let rows: BTreeMap<String, Option<f64>> = rows
        .into_iter()
        .map(|(key, price)| (key, price.map(|price| price.parse().unwrap())))
        .collect();
    assert_eq!(rows, expected);
}

/// Each provider's own way of paging: backfill, a window, what the nightly run proved, a window again.
#[test]
fn records_of_every_provider_are_copied() {
    for provider in Provider::ALL {
        // A master list holds no records.
        if provider == Provider::Crea {
            continue;
        }
        let town = town(spec(provider, 260, Records::default()));
        town.mls_document("abor", &json!({"page_size": 50}));
        let mls = town.mls("abor");
        // The second scan of a first list waits for Spark's cache of 20 minutes.
        let later = provider == Provider::Spark;
        if !later {
            town.only("2026-11-20", 0);
        }
        let first = replicate(&town, 0);
        assert_eq!(first["outcome"], "applied", "{provider:?} {first}");
        assert_eq!(first["upserts"], 260, "{provider:?} {first}");
        assert_truth(&town);
        let again = replicate(&town, 0);
        assert_eq!(
            (&again["outcome"], &again["upserts"]),
            (&json!("unchanged"), &json!(0)),
            "{again}"
        );

        // A window is as long as the time since the last one.
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        let late = mls.change(Change::Late(125), 9);
        let second = replicate(&town, 0);
        assert_eq!(second["upserts"], late.len(), "{provider:?} {second}");
        assert!(
            second["pulled"].as_u64() < Some(200),
            "{provider:?}: a window, no backfill: {second}"
        );
        assert_truth(&town);

        let sold = mls.sell(6);
        let added = mls.add(4);
        // A row that is not seen is not removed.
        assert_eq!(replicate(&town, 0)["removals"], 0);
        if later {
            town.livelist(&["prove"]).assert(0);
            continue;
        }
        town.only("2026-11-21", 0);
        let day = replicate(&town, 0);
        let asked_by_id = provider == Provider::MlsGrid;
        {
            assert_eq!(day["removals"], sold.len(), "{provider:?} {day}");
            let removed = ask(&town, "SELECT key, proof FROM Property_removed");
            assert_eq!(removed.len(), sold.len());
            assert!(
                removed
                    .iter()
                    .all(|(_, proof)| proof.as_deref().unwrap().starts_with("2026-11-21-abor"))
            );
        }
        if !asked_by_id {
            assert_eq!(day["upserts"], added.len(), "{provider:?} {day}");
            assert_truth(&town);
        }
        mls.change(Change::Status, 5);
        // The window is known to reach beyond our clock once the server's is heard.
        mls.ahead(900);
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        replicate(&town, 0);
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        replicate(&town, 0);
        {
            assert_truth(&town);
            let steps = ask(
                &town,
                "SELECT from_status, to_status FROM Property_transitions",
            );
            assert!(!steps.is_empty(), "{provider:?}");
        }
        town.livelist(&["prove"]).assert(0);
    }
}

/// A change whose stamp is days old is in no window. The nightly run sees the stamp, and the record is asked
/// for.
#[test]
fn a_change_that_no_window_has_is_found_by_night() {
    for provider in [
        Provider::Reso,
        Provider::Bridge,
        Provider::UtahRealEstate,
        Provider::Ampre,
    ] {
        let town = town(spec(provider, 120, Records::default()));
        town.mls_document("abor", &json!({"page_size": 50}));
        let mls = town.mls("abor");
        town.only("2026-11-20", 0);
        assert_eq!(replicate(&town, 0)["upserts"], 120, "{provider:?}");
        let late = mls.change(Change::Late(3 * 86_400), 7);
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        let by_day = replicate(&town, 0);
        assert_eq!(by_day["upserts"], 0, "{provider:?} {by_day}");
        town.only("2026-11-21", 0);
        let by_night = replicate(&town, 0);
        assert_eq!(by_night["upserts"], late.len(), "{provider:?} {by_night}");
        assert_truth(&town);
        assert_eq!(replicate(&town, 0)["upserts"], 0, "{provider:?}");
    }
}

/// A change without a stamp is found a week later, where all records are to be read again by then.
#[test]
fn all_records_are_read_again_after_a_week() {
    let town = town(spec(Provider::Trestle, 60, Records::default()));
    let document = json!({"replication": "abor", "mls": "abor", "full": "weekly",
        "resources": [{"resource": "Property"}]});
    town.write("replications/abor.json", &document);
    assert_eq!(replicate(&town, 0)["upserts"], 60);
    let mls = town.mls("abor");
    let sneaked = mls.change(Change::Sneak, 5);
    mls.ahead(6 * 86_400);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(replicate(&town, 0)["upserts"], 0);
    mls.ahead(8 * 86_400);
    // The server's new time is heard, and counts from the next pass on.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let passes = [replicate(&town, 0), replicate(&town, 0)];
    let upserts: u64 = passes.iter().filter_map(|p| p["upserts"].as_u64()).sum();
    assert_eq!(upserts, sneaked.len() as u64, "{passes:?}");
    assert_truth(&town);
    assert!(replicate(&town, 0)["pulled"].as_u64() < Some(60));
}

/// Every value that does not fit is kept, and stops nothing.
#[test]
fn odd_records_are_copied_and_their_values_kept() {
    let records = Records {
        fields: 632,
        odd_records: true,
        ..Records::default()
    };
    let town = town(spec(Provider::Reso, 300, records));
    let line = replicate(&town, 0);
    assert_eq!(
        (&line["upserts"], &line["rejected"]),
        (&json!(300), &json!(0)),
        "{line}"
    );
    assert!(line["overflow"].as_u64() > Some(20), "{line}");
    let kept = ask(
        &town,
        "SELECT ListingKey, _rest FROM Property WHERE _rest IS NOT NULL",
    );
    assert!(kept.len() > 20);
    for (key, rest) in kept {
        let rest: Value = serde_json::from_str(&rest.unwrap()).unwrap();
        assert!(
            rest.as_object().is_some_and(|rest| !rest.is_empty()),
            "{key}"
        );
    }
    assert_eq!(replicate(&town, 0)["upserts"], 0);
}

#[test]
fn what_is_lost_in_a_copy_is_found_and_mended() {
    let town = town(spec(Provider::Trestle, 120, Records::default()));
    replicate(&town, 0);
    let file = town.data().join("listings.sqlite");
    let key = town.mls("abor").live_keys()[3].clone();
    let connection = Connection::open(&file).unwrap();
    connection
        .execute("DELETE FROM Property WHERE ListingKey = ?1", [&key])
        .unwrap();
    connection.execute("INSERT INTO Property SELECT 'mine', ListPrice, 0, 0, NULL, '', NULL, NULL FROM (SELECT ListPrice FROM Property LIMIT 1) WHERE FALSE", []).ok();
    drop(connection);
    let shown = town.livelist(&["record", "abor", "Property", &key]);
    assert!(
        shown.assert(0).out.contains("listings: the row is missing"),
        "{}",
        shown.out
    );
    let proved = town.livelist(&["prove"]);
    assert!(
        proved
            .assert(3)
            .out
            .contains(&format!("missing: Property {key}")),
        "{}",
        proved.out
    );
    town.livelist(&["prove"]).assert(0);
    assert_truth(&town);
    let shown = town.livelist(&["record", "abor", "Property", &key]);
    assert!(
        shown.assert(0).out.contains("as in the log"),
        "{}",
        shown.out
    );
    // A copy that is gone comes from the log: the MLS is asked for nothing but a window.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
    let anew = replicate(&town, 0);
    assert_eq!(anew["upserts"], 120, "{anew}");
    assert!(anew["pulled"].as_u64() < Some(120), "{anew}");
    assert_truth(&town);
}

#[test]
fn what_is_wrong_is_named() {
    let town = town(spec(Provider::Trestle, 20, Records::default()));
    let nothing = town.livelist(&["prove"]);
    assert!(
        nothing
            .assert(3)
            .out
            .contains("not proved: nothing was applied yet"),
        "{}",
        nothing.out
    );
    let document =
        json!({"replication": "abor", "mls": "abor", "resources": [{"resource": "Teams"}]});
    town.write("replications/abor.json", &document);
    let line = replicate(&town, 4);
    assert_eq!(line["error"]["name"], "MetadataInvalid", "{line}");
    let message = line["error"]["message"].as_str().unwrap();
    assert!(message.contains("no entity set `Teams`"), "{message}");
    let document =
        json!({"replication": "abor", "mls": "elsewhere", "resources": [], "destinations": ["x"]});
    town.write("replications/abor.json", &document);
    let checked = town.livelist(&["registry", "check", town.registry().to_str().unwrap()]);
    assert!(
        checked
            .assert(2)
            .out
            .contains("replications/abor.json: resources: there is none"),
        "{}",
        checked.out
    );
}

/// The photos of every live record are in their table, and no other row is.
fn assert_photos(town: &Town) -> usize {
    let control = town.mls("abor");
    let mut expected: Vec<(String, Option<String>)> = Vec::new();
    for key in control.live_keys() {
        let record: Value = serde_json::from_str(&control.record(&key).unwrap()).unwrap();
        for photo in record["Media"].as_array().into_iter().flatten() {
            let named = format!("{} {}", photo["MediaKey"].as_str().unwrap(), photo["Order"]);
            expected.push((key.clone(), Some(named)));
        }
    }
    expected.sort();
    expected.dedup();
    let photos = "SELECT _parent, MediaKey || ' ' || \"Order\" FROM Property_Media ORDER BY 1, 2";
    assert_eq!(ask(town, photos), expected);
    expected.len()
}

fn expanding(provider: Provider, records: Records) -> Town {
    let town = town(spec(provider, 24, records));
    town.mls_document("abor", &json!({"page_size": 10}));
    expand(&town);
    town
}

fn expand(town: &Town) {
    let media = json!([{"name": "Media", "owned": true}]);
    let document = json!({
        "replication": "abor", "mls": "abor", "resources": [{"resource": "Property", "expand": media}]
    });
    town.write("replications/abor.json", &document);
}

/// Providers page in different ways: photos of all pages, a window, and a photo that moved its listing's stamp.
#[test]
fn expansions_are_copied_page_by_page() {
    for provider in [
        Provider::Reso,
        Provider::Trestle,
        Provider::MlsGrid,
        Provider::Bridge,
    ] {
        let town = expanding(
            provider,
            Records {
                nested: 5,
                signed_urls: true,
                ..Records::default()
            },
        );
        let first = replicate(&town, 0);
        assert_eq!(first["upserts"], 24, "{provider:?} {first}");
        assert!(assert_photos(&town) > 40, "{provider:?}");
        let urls = ask(
            &town,
            "SELECT 'x', name FROM pragma_table_info('Property_Media') WHERE name = 'MediaURL'",
        );
        // A URL that may be used once is not kept.
        assert_eq!(
            urls.is_empty(),
            provider == Provider::MlsGrid,
            "{provider:?}"
        );
        // They are signed anew with each answer: no change.
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        let mls = town.mls("abor");
        let late = mls.change(Change::Late(125), 9);
        let second = replicate(&town, 0);
        assert_eq!(second["upserts"], late.len(), "{provider:?} {second}");
        mls.change(Change::Photos, 5);
        mls.ahead(900);
        // The window is known to reach beyond our clock once the server's is heard.
        for _ in 0..2 {
            std::thread::sleep(std::time::Duration::from_millis(1_100));
            replicate(&town, 0);
        }
        assert_photos(&town);
        town.livelist(&["prove"]).assert(0);
    }
}

/// Photos that move a stamp of their own are found by it.
#[test]
fn photos_with_a_stamp_of_their_own_are_found_by_it() {
    for provider in [Provider::Ampre, Provider::Trestle] {
        let town = expanding(
            provider,
            Records {
                photos_move: PhotosMove::PhotosOnly,
                ..Records::default()
            },
        );
        replicate(&town, 0);
        let mls = town.mls("abor");
        mls.change(Change::Photos, 7);
        mls.ahead(900);
        for _ in 0..2 {
            std::thread::sleep(std::time::Duration::from_millis(1_100));
            replicate(&town, 0);
        }
        assert_photos(&town);
    }
}

/// A replication that gets an expansion reads all again; one that the metadata lacks is named.
#[test]
fn an_expansion_may_come_later_and_has_to_be_there() {
    let town = town(spec(Provider::Trestle, 60, Records::default()));
    replicate(&town, 0);
    expand(&town);
    let anew = replicate(&town, 0);
    assert!(anew["pulled"].as_u64() >= Some(60), "{anew}");
    assert_photos(&town);
    assert_truth(&town);
    let document = json!({
        "replication": "abor", "mls": "abor",
        "resources": [{"resource": "Property", "expand": [{"name": "Pictures", "owned": true}]}]
    });
    town.write("replications/abor.json", &document);
    let line = replicate(&town, 4);
    assert_eq!(line["error"]["name"], "MetadataInvalid", "{line}");
    let message = line["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`Property` cannot be expanded with `Pictures`; it can with Media"),
        "{message}"
    );
    // Without `owned` they are a column.
    let document = json!({
        "replication": "abor", "mls": "abor",
        "resources": [{"resource": "Property", "expand": [{"name": "Media"}]}]
    });
    town.write("replications/abor.json", &document);
    replicate(&town, 0);
    let column =
        "SELECT ListingKey, json_array_length(Media) FROM Property WHERE PhotosCount > 0 LIMIT 1";
    let connection = Connection::open(town.data().join("listings.sqlite")).unwrap();
    let photos: i64 = connection.query_row(column, [], |row| row.get(1)).unwrap();
    assert!(photos > 0);
    let document = json!({
        "replication": "abor", "mls": "abor",
        "resources": [
            {"resource": "Property", "expand": [
                {"name": "Media", "owned": true}, {"name": "Media"}, {"name": "Removed", "owned": true}
            ]},
            {"resource": "Media"}
        ]
    });
    town.write("replications/abor.json", &document);
    let checked = town.livelist(&["registry", "check", town.registry().to_str().unwrap()]);
    let told = &checked.assert(2).out;
    for problem in [
        "resources[0].expand[0].name: Media is replicated by itself as well",
        "resources[0].expand[1].name: Media is there twice",
        "resources[0].expand[2].name: `Property_Removed` is a table of Livelist's own",
    ] {
        assert!(told.contains(problem), "{told}");
    }
}

fn destination(town: &Town, members: &Value) {
    std::fs::create_dir_all(town.registry().join("destinations")).unwrap();
    let mut document = json!({"destination": "site", "kind": "sqlite", "path": "listings.sqlite"});
    let into = document.as_object_mut().unwrap();
    into.extend(members.as_object().unwrap().clone());
    town.write("destinations/site.json", &document);
    let document = json!({
        "replication": "abor", "mls": "abor", "resources": [{"resource": "Property"}],
        "destinations": ["site"]
    });
    town.write("replications/abor.json", &document);
}

/// A program of jq: what it does not want is not there, what it makes has columns, and the proof holds.
#[test]
fn a_program_changes_records_on_their_way() {
    let town = town(spec(Provider::Trestle, 60, Records::default()));
    let program =
        "select(.ListPrice > 500000) | .Thousands = (.ListPrice / 1000 | floor) | del(.City)";
    destination(&town, &json!({"transform": {"Property": program}}));
    let first = replicate(&town, 0);
    let rows = ask(
        &town,
        "SELECT ListingKey, CAST(ListPrice AS TEXT) FROM Property",
    );
    assert!(!rows.is_empty() && rows.len() < 60, "{}", rows.len());
    assert_eq!(first["upserts"], rows.len(), "{first}");
    assert!(
        rows.iter()
            .all(|(_, price)| price.as_deref().unwrap().parse::<f64>().unwrap() > 5e5)
    );
    let thousands = ask(
        &town,
        "SELECT ListingKey, Thousands FROM Property WHERE Thousands <> CAST(ListPrice / 1000 AS INTEGER)",
    );
    assert!(thousands.is_empty());
    let city = "SELECT 'x', name FROM pragma_table_info('Property') WHERE name = 'City'";
    assert!(ask(&town, city).is_empty());
    let proved = town.livelist(&["prove"]);
    proved.assert(0);
    // Another program is another copy.
    destination(
        &town,
        &json!({"transform": {"Property": "select(.ListPrice <= 500000)"}}),
    );
    let second = replicate(&town, 0);
    assert_eq!(second["upserts"], 60 - rows.len(), "{second}");
    assert_eq!(second["removals"], rows.len(), "{second}");
    let removed = ask(&town, "SELECT key, reason FROM Property_removed");
    assert!(
        removed
            .iter()
            .all(|(_, reason)| reason.as_deref() == Some("transform"))
    );
    town.livelist(&["prove"]).assert(0);
    // What fails for a record names it, and stops no other.
    destination(&town, &json!({"transform": {"Property": "., ."}}));
    let third = replicate(&town, 0);
    assert_eq!(
        (&third["upserts"], &third["rejected"]),
        (&json!(0), &json!(60)),
        "{third}"
    );
    destination(
        &town,
        &json!({"transform": {"Property": "{ListingKey} |\n upper"}}),
    );
    let fourth = replicate(&town, 4);
    let told = "transform.Property: line 2, column 2: there is no filter `upper`";
    assert!(
        fourth["error"]["message"].as_str().unwrap().contains(told),
        "{fourth}"
    );
    let checked = town.livelist(&["registry", "check", town.registry().to_str().unwrap()]);
    assert!(
        checked
            .assert(2)
            .out
            .contains("line 2, column 2: there is no filter `upper`"),
        "{}",
        checked.out
    );
}

/// MLS Grid's keys without their letters: found in both forms, and proved.
#[test]
fn keys_lose_their_prefix_and_are_found() {
    let town = town(spec(Provider::MlsGrid, 60, Records::default()));
    destination(
        &town,
        &json!({"strip_prefix": {"Property": ["ListingKey", "ListingId"]}}),
    );
    assert_eq!(replicate(&town, 0)["upserts"], 60);
    let keys = town.mls("abor").live_keys();
    let letters: String = keys[0]
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    assert!(!letters.is_empty(), "{}", keys[0]);
    let bare: Vec<String> = keys
        .iter()
        .map(|key| key[letters.len()..].to_owned())
        .collect();
    let rows = ask(&town, "SELECT ListingKey, ListingId FROM Property");
    assert_eq!(rows.len(), 60);
    for (key, id) in &rows {
        assert!(bare.contains(key), "{key}");
        assert!(!id.as_deref().unwrap().starts_with(&letters), "{id:?}");
    }
    town.livelist(&["prove"]).assert(0);
    for key in [&keys[3], &bare[3]] {
        let shown = town.livelist(&["record", "abor", "Property", key]);
        assert!(
            shown.assert(0).out.contains("site: a row of change"),
            "{}",
            shown.out
        );
        assert!(shown.out.contains("as in the log"), "{}", shown.out);
    }
}
