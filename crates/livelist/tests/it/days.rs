//! `livelist reconcile` over several days, all dialects at once.

use std::path::Path;

use livelist_mls::{Fault, FaultRule, MlsSpec, On, Provider, RequestKind};
use serde_json::{Value, json};

use crate::reader;
use crate::town::Town;

const LISTINGS: u64 = 300;
const ACTIVE: &str = "StandardStatus eq 'Active'";
const MLSS: [(&str, Provider); 4] = [
    ("abor", Provider::Trestle),
    ("actris", Provider::MlsGrid),
    ("miami", Provider::Bridge),
    ("plain", Provider::Reso),
];

/// Four dialects, and eight pairs of two clients who share the feeds of two MLSs.
fn town() -> Town {
    let spec = |(seed, (mls, provider))| MlsSpec {
        seed,
        ..MlsSpec::new(mls, provider, LISTINGS)
    };
    let town = Town::of((1..).zip(MLSS).map(spec).collect());
    for (mls, _) in MLSS {
        town.mls_document(mls, &json!({"page_size": 120}));
    }
    let all = |mls: &str| json!({"mls": mls, "resource": "Property"});
    let some = |mls: &str| json!({"mls": mls, "resource": "Property", "filter": ACTIVE});
    town.client(
        "acme",
        &json!([all("abor"), all("actris"), all("miami"), all("plain")]),
    );
    town.client(
        "zeta",
        &json!([all("abor"), all("actris"), some("miami"), some("plain")]),
    );
    town
}

/// Every published list is what the MLS has, for the MLS as a whole and for its filtered feed.
fn assert_truth(town: &Town) {
    for (mls, _) in MLSS {
        let lists: Vec<_> = reader::feeds(&town.data())
            .into_iter()
            .filter(|feed| feed.starts_with(mls))
            .map(|feed| reader::list(&town.data(), &feed).unwrap().keys)
            .collect();
        let all = town.mls(mls).live_keys();
        let active = town.mls(mls).live_keys_matching(ACTIVE).unwrap();
        assert!(lists.contains(&all), "{mls}");
        let filtered = matches!(mls, "miami" | "plain");
        assert_eq!(lists.len(), 1 + usize::from(filtered));
        assert_eq!(lists.contains(&active), filtered, "{mls}");
    }
}

#[test]
fn eight_pairs_of_four_dialects_become_six_lists() {
    let town = town();
    let lines = town.day("2026-11-21", 0);
    assert_eq!(lines.len(), 6);
    assert_truth(&town);
    for line in &lines {
        assert_eq!(line["outcome"], "published", "{line}");
        assert_eq!(line["sequence"], 1);
        assert_eq!(line["added"], line["count"]);
        assert_eq!(line["removed"], 0);
        let (run, feed) = (
            line["run"].as_str().unwrap(),
            line["feed"].as_str().unwrap(),
        );
        assert_eq!(run, format!("2026-11-21-{feed}"));
    }
    // Two clients, one feed, one scan; what the command says of its requests is what the MLS saw.
    let asked = |kind| {
        let log = town.mls("abor").log();
        log.iter().filter(|r| r.kind == kind).count() as u64
    };
    assert_eq!(asked(RequestKind::Token), 1);
    let abor = &lines[0];
    assert_eq!(abor["pages"], asked(RequestKind::Page));
    let of_scan = asked(RequestKind::Page) + asked(RequestKind::Count);
    assert_eq!(abor["requests"], of_scan);

    let sold: Vec<_> = MLSS.map(|(mls, _)| town.mls(mls).sell(12)).into();
    MLSS.iter().for_each(|(mls, _)| {
        town.mls(mls).add(7);
    });
    let lines = town.day("2026-11-22", 0);
    assert_truth(&town);
    for line in lines.iter().filter(|l| l["count"] == LISTINGS - 5) {
        assert_eq!((&line["added"], &line["removed"]), (&json!(7), &json!(12)));
        assert_eq!(line["sequence"], 2);
        assert_eq!(line["confirmed"], 12, "{line}");
    }
    assert_eq!(sold.len(), 4);
    assert_eq!(lines.iter().filter(|l| l["added"] == 7).count(), 4);

    let lines = town.day("2026-11-23", 0);
    assert!(
        lines.iter().all(|l| l["outcome"] == "unchanged"),
        "{lines:?}"
    );
    assert!(lines.iter().all(|l| l["sequence"] == 2));
    assert_truth(&town);
}

#[test]
fn the_table_is_for_people() {
    let town = town();
    let reconcile = |date| town.livelist(&["reconcile", "--date", date]);
    let first = reconcile("2026-11-21");
    first.assert(0);
    insta::assert_snapshot!("table_first", first.out);
    town.mls("abor").sell(20);
    town.mls("plain").set_faults(nothing_live());
    town.mls("miami").set_faults(vec![
        FaultRule::new(Fault::Status { code: 404 }).on(On::Page),
    ]);
    let second = reconcile("2026-11-22");
    second.assert(4);
    insta::with_settings!({filters => vec![
        (r"127\.0\.0\.1:\d+", "[host]"),
    ]}, { insta::assert_snapshot!("table_second", second.out) });
}

/// Pages and counts agree that there is no listing.
fn nothing_live() -> Vec<FaultRule> {
    vec![FaultRule::new(Fault::EmptyList).on(On::Any)]
}

fn bytes_of(data: &Path, feed: &str) -> (Vec<u8>, Vec<String>) {
    let head = std::fs::read(data.join("feeds").join(feed).join("head.json")).unwrap();
    (head, reader::list(data, feed).unwrap().keys)
}

#[test]
fn an_empty_list_is_held_and_the_published_one_stays() {
    for provider in [Provider::Trestle, Provider::Bridge, Provider::Reso] {
        let town = Town::one(MlsSpec::new("abor", provider, 200));
        let feed = town.only("2026-11-21", 0)["feed"]
            .as_str()
            .unwrap()
            .to_owned();
        town.mls("abor").sell(3);
        town.only("2026-11-22", 0);
        let before = bytes_of(&town.data(), &feed);
        town.mls("abor").set_faults(nothing_live());
        let line = town.only("2026-11-23", 3);
        assert_eq!(line["outcome"], "held");
        assert_eq!(line["held_reason"], "empty_scan");
        assert!(line["advice"].as_str().unwrap().contains("permissions"));
        assert_eq!(
            (&line["count"], &line["sequence"]),
            (&json!(197), &json!(2))
        );
        assert_eq!(bytes_of(&town.data(), &feed), before);
        // The next day all is well again.
        town.mls("abor").clear_faults();
        assert_eq!(town.only("2026-11-24", 0)["outcome"], "unchanged");
        assert_eq!(
            reader::only(&town.data()).unwrap().keys,
            town.mls("abor").live_keys()
        );
    }
}

#[test]
fn a_second_run_on_a_day_is_a_second_attempt() {
    let town = Town::trestle(50);
    let id = |line: &Value| line["run"].as_str().unwrap().to_owned();
    let first = id(&town.only("2026-11-21", 0));
    town.mls("abor").sell(2);
    let line = town.only("2026-11-21", 0);
    assert_eq!(id(&line), format!("{first}-r2"));
    assert_eq!(line["removed"], 2);
    let line = town.only("2026-11-21", 0);
    assert_eq!(id(&line), format!("{first}-r3"));
    assert_eq!(line["outcome"], "unchanged");
    for run in [first.clone(), format!("{first}-r2"), format!("{first}-r3")] {
        let shown = town.livelist(&["show", &run]);
        assert!(shown.assert(0).out.contains(&run));
    }
}

#[test]
fn a_feed_that_fails_or_is_slow_does_not_stop_the_others() {
    let town = town();
    town.mls("plain")
        .set_faults(vec![FaultRule::new(Fault::Status { code: 403 })]);
    let lines = town.day("2026-11-21", 4);
    let outcomes: Vec<&str> = lines
        .iter()
        .map(|l| l["outcome"].as_str().unwrap())
        .collect();
    let (good, bad) = outcomes.split_at(4);
    assert_eq!(good, ["published"; 4]);
    assert_eq!(bad, ["failed"; 2]);
    assert_eq!(lines[5]["error"]["name"], "AccessDenied");
    // Repeating mends what failed and leaves the rest alone.
    town.mls("plain").clear_faults();
    town.day("2026-11-21", 0);
    assert_truth(&town);
}
