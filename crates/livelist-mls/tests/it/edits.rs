//! Changes of listings, and how their timestamps show them.

use std::collections::BTreeSet;

use livelist_mls::{Change, Provider, Records};
use serde_json::Value;

use crate::client::{get, post};
use crate::records::with;
use crate::scan::{Stage, sorted, spec, stage};

/// The listings whose records two moments tell apart, and those whose stamps do.
fn differing(before: &[Value], after: &[Value]) -> (Vec<String>, Vec<String>) {
    let key = |row: &Value| row["ListingKey"].as_str().unwrap().to_owned();
    let pairs = || before.iter().zip(after).filter(|(old, new)| old != new);
    let stamped =
        pairs().filter(|(old, new)| old["ModificationTimestamp"] != new["ModificationTimestamp"]);
    (
        pairs().map(|(old, _)| key(old)).collect(),
        stamped.map(|(old, _)| key(old)).collect(),
    )
}

async fn rows(stage: &Stage) -> Vec<Value> {
    let page = stage.get("Property?$orderby=ListingKey&$top=1000").await;
    page.json()["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn changes_tell_by_the_stamp_or_do_not() {
    for wide in [false, true] {
        let mut spec = spec(Provider::Trestle, 200);
        spec.options.records = wide.then(Records::default);
        let stage = stage(spec).await;
        let before = rows(&stage).await;
        let priced = sorted(stage.control.change(Change::Reprice, 20));
        let after = rows(&stage).await;
        assert_eq!(differing(&before, &after), (priced.clone(), priced.clone()));
        for (old, new) in before.iter().zip(&after).filter(|(old, new)| old != new) {
            assert_ne!(old["ListPrice"], new["ListPrice"]);
            if wide {
                assert_eq!(old["ListPrice"], new["PreviousListPrice"]);
                assert_eq!(new["PriceChangeTimestamp"], new["ModificationTimestamp"]);
            }
        }
        let sneaked = sorted(stage.control.change(Change::Sneak, 20));
        let (differ, stamped) = differing(&after, &rows(&stage).await);
        assert_eq!((differ, stamped.len()), (sneaked, 0));
    }
}

#[tokio::test]
async fn statuses_go_on_until_they_are_closed() {
    let stage = with(Provider::Trestle, 100, Records::default()).await;
    let active = "Property?$select=ListingKey&$filter=StandardStatus eq 'Active'&$top=100";
    let key = stage.get(active).await.keys().remove(0);
    for (status, own) in [("Pending", "Under Contract"), ("Closed", "Sold")] {
        let moved = stage
            .control
            .change_keys(Change::Status, std::slice::from_ref(&key));
        assert_eq!(moved, [key.as_str()]);
        let row = stage.get(&format!("Property('{key}')")).await.json();
        assert_eq!(
            (&row["StandardStatus"], &row["MlsStatus"]),
            (&status.into(), &own.into())
        );
        assert_eq!(row["StatusChangeTimestamp"], row["ModificationTimestamp"]);
        assert!(!stage.get(active).await.keys().contains(&key));
        let filter = format!("StandardStatus eq '{status}'");
        assert!(
            stage
                .control
                .live_keys_matching(&filter)
                .unwrap()
                .contains(&key)
        );
    }
    let row = stage.get(&format!("Property('{key}')")).await.json();
    assert!(row["ClosePrice"].is_number() && row["CloseDate"].is_string());
    assert!(stage.control.change_keys(Change::Status, &[key]).is_empty());
    assert_eq!(stage.control.live_count(), 100);
    let moved = stage.control.change(Change::Status, 1_000);
    assert!((90..100).contains(&moved.len()));
}

#[tokio::test]
async fn late_changes_stand_in_the_past_of_every_order() {
    let stage = with(Provider::Trestle, 100, Records::default()).await;
    stage.control.touch(50);
    let before = rows(&stage).await;
    let late = sorted(stage.control.change(Change::Late(3_600), 5));
    let after = rows(&stage).await;
    assert_eq!(differing(&before, &after), (late.clone(), late.clone()));
    for query in [
        "$orderby=ModificationTimestamp&$top=30",
        "$orderby=ModificationTimestamp,ListingKey&$top=30",
    ] {
        let pages = stage.scan(&format!("Property?{query}")).await;
        let rows: Vec<Value> = pages
            .iter()
            .flat_map(|page| page.json()["value"].as_array().unwrap().clone())
            .collect();
        let stamps: Vec<_> = rows
            .iter()
            .map(|row| row["ModificationTimestamp"].to_string())
            .collect();
        assert!(stamps.is_sorted() && rows.len() == 100);
        let at = |row: &Value| late.contains(&row["ListingKey"].as_str().unwrap().to_owned());
        let places: BTreeSet<_> = (0..100).filter(|&place| at(&rows[place])).collect();
        assert!(places.len() == 5 && places.last() < Some(&60), "{places:?}");
    }
    // The next change tells again.
    let again = stage.control.change_keys(Change::Reprice, &late);
    assert_eq!(again.len(), 5);
    let last = stage
        .get("Property?$orderby=ModificationTimestamp desc&$top=5")
        .await;
    assert_eq!(sorted(last.keys()), late);
}

#[tokio::test]
async fn changes_are_stamped_by_the_clock_that_date_tells() {
    let stage = with(Provider::Spark, 50, Records::default()).await;
    let stamp = |key: &str| -> jiff::Timestamp {
        let record: Value = serde_json::from_str(&stage.control.record(key).unwrap()).unwrap();
        record["ModificationTimestamp"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    let now = jiff::Timestamp::now();
    let touched = stage.control.touch(50);
    for key in &touched {
        assert!(now.duration_since(stamp(key)).as_secs().abs() < 60);
    }
    let before = date(&stage).await;
    stage.control.ahead(7_200);
    assert!(date(&stage).await.duration_since(before).as_secs() >= 7_200);
    stage.control.touch(1);
    let newest = touched.iter().map(|key| stamp(key)).max().unwrap();
    assert!(newest.duration_since(now).as_secs() > 7_100);
}

async fn date(stage: &Stage) -> jiff::Timestamp {
    let reply = stage.get("Property").await;
    let date = jiff::fmt::rfc2822::parse(&reply.headers["date"]).unwrap();
    date.timestamp()
}

#[tokio::test]
async fn records_are_changed_and_read_over_http() {
    let stage = with(Provider::Trestle, 30, Records::default()).await;
    let control = format!("{}/_control/abor", stage.simulator.url());
    for (verb, body, n) in [
        ("reprice", r#"{"n":3}"#, 3),
        ("status", r#"{"n":2}"#, 2),
        ("sneak", "", 1),
        ("late", r#"{"n":2,"seconds":90}"#, 2),
    ] {
        let told = post(&format!("{control}/{verb}"), body).send().await.json();
        let keys = told["keys"].clone();
        assert_eq!(keys.as_array().unwrap().len(), n, "{verb}");
        let body = serde_json::json!({ "keys": keys }).to_string();
        let records = post(&format!("{control}/record"), &body)
            .send()
            .await
            .text();
        assert_eq!(records.lines().count(), n);
        for (line, key) in records.lines().zip(keys.as_array().unwrap()) {
            assert_eq!(
                serde_json::from_str::<Value>(line).unwrap()["ListingKey"],
                *key
            );
        }
    }
    let state = post(&format!("{control}/ahead"), r#"{"seconds":60}"#)
        .send()
        .await;
    assert_eq!(state.json()["live"], 30);
    assert_eq!(get(&format!("{control}/state")).send().await.status, 200);
}
