//! Whole records: how wide they are, and what is odd in them.

use livelist_mls::{Provider, Records};
use serde_json::Value;

use crate::scan::{Stage, spec, stage};

pub async fn with(provider: Provider, listings: u64, records: Records) -> Stage {
    let mut spec = spec(provider, listings);
    spec.options.records = Some(records);
    stage(spec).await
}

/// What a page begins with, whatever the provider wants of its query.
pub fn page(stage: &Stage) -> String {
    stage.page_of("*").replace("300000", "10")
}

#[tokio::test]
async fn whole_records_are_as_wide_as_the_metadata() {
    for provider in Provider::ALL {
        let stage = with(provider, 40, Records::default()).await;
        let reply = stage.get(&page(&stage)).await;
        let document = stage.get("$metadata").await.text();
        let page = reply.json();
        let rows = page["value"].as_array().unwrap();
        assert!(rows.len() >= 10, "{provider:?}");
        let (mut all, mut filled) = (0, 0);
        for row in rows {
            let row = row.as_object().unwrap();
            for name in row.keys().filter(|name| !name.starts_with('@')) {
                assert!(
                    document.contains(&format!("<Property Name=\"{name}\" ")),
                    "{name}"
                );
            }
            let values = row.iter().filter(|(name, _)| !name.starts_with('@'));
            all += values.clone().count();
            filled += values.filter(|(_, value)| !value.is_null()).count();
            let key = row["ListingKey"].as_str().unwrap();
            let told: Value = serde_json::from_str(&stage.control.record(key).unwrap()).unwrap();
            let told = told.as_object().unwrap().iter();
            // Expanded where it is asked for.
            for (name, value) in told.filter(|(name, _)| *name != "Media") {
                assert_eq!(row.get(name), Some(value), "{provider:?} {name}");
            }
        }
        let wide = all / rows.len();
        let share = filled * 100 / all;
        if provider == Provider::Realtyna {
            assert!((50..100).contains(&wide) && share == 100, "{wide} {share}");
        } else {
            assert!((150..153).contains(&wide), "{provider:?} {wide}");
            assert!((33..48).contains(&share), "{provider:?} {share}");
        }
    }
}

#[tokio::test]
async fn values_have_the_types_of_their_fields() {
    let stage = with(
        Provider::Reso,
        300,
        Records {
            fields: 632,
            ..Records::default()
        },
    )
    .await;
    let reply = stage.get("Property?$top=300").await;
    assert!(reply.body.len() > 2_000_000);
    let rows = reply.json()["value"].as_array().unwrap().clone();
    let is_text = |name: &str| {
        rows.iter()
            .all(|row| row[name].is_string() || row[name].is_null())
    };
    for name in ["PublicRemarks", "ListAgentFullName", "City", "CloseDate"] {
        assert!(is_text(name), "{name}");
    }
    assert_eq!(rows[0].as_object().unwrap().len(), 632);
    let remarks = rows
        .iter()
        .map(|row| row["PublicRemarks"].as_str().unwrap());
    let all = remarks.clone().collect::<String>();
    for sign in ["🏡", "\"", "\\", "\t", "\n", "\\N"] {
        assert!(all.contains(sign), "{sign:?}");
    }
    assert!(remarks.map(str::len).max() > Some(600));
    let some = |name: &str, is: fn(&Value) -> bool| {
        assert!(rows.iter().any(|row| is(&row[name])), "{name}");
        let fits = |row: &Value| row[name].is_null() || is(&row[name]);
        assert!(rows.iter().all(fits), "{name}");
    };
    some("Appliances", Value::is_array);
    some("Roof", Value::is_array);
    some("YearBuilt", Value::is_i64);
    some("NumberOfPads", Value::is_i64);
    some("LotSizeAcres", Value::is_f64);
    some("ClosePrice", Value::is_f64);
    some("PoolPrivateYN", Value::is_boolean);
    some("TaxRollDate", Value::is_string);
    assert!(
        rows.iter()
            .any(|row| row["Roof"].as_array().is_some_and(Vec::is_empty))
    );
    for row in &rows {
        let sold = row["StandardStatus"] == "Closed";
        assert_eq!(row["ClosePrice"].is_null(), !sold);
        assert_eq!(row["BuyerAgentKey"].is_null(), !sold);
    }
}

#[tokio::test]
async fn a_selection_gives_what_the_whole_record_has() {
    let stage = with(Provider::Trestle, 20, Records::default()).await;
    let whole = stage
        .get("Property?$top=20&$orderby=ListingKey")
        .await
        .json();
    let some = stage
        .get("Property?$select=ListingKey,PublicRemarks,Roof,TaxYear&$top=20&$orderby=ListingKey")
        .await
        .json();
    for (whole, some) in whole["value"]
        .as_array()
        .unwrap()
        .iter()
        .zip(some["value"].as_array().unwrap())
    {
        assert_eq!(some.as_object().unwrap().len(), 4);
        for (name, value) in some.as_object().unwrap() {
            assert_eq!(whole[name], *value);
        }
    }
    let reply = stage
        .get("Property?$select=ListingKey,CoBuyerAgentURL")
        .await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn without_the_setting_rows_stay_narrow() {
    let stage = stage(spec(Provider::Reso, 5)).await;
    let row = stage.get("Property").await.json()["value"][0].clone();
    assert_eq!(row.as_object().unwrap().len(), 13);
    assert_eq!(
        stage.get("Property?$select=PublicRemarks").await.status,
        400
    );
}

#[tokio::test]
async fn odd_records_hold_what_nobody_promised() {
    let records = Records {
        odd_records: true,
        ..Records::default()
    };
    let stage = with(Provider::Reso, 400, records).await;
    let first = stage.get("Property?$top=400").await.text();
    for odd in [
        "\"OnMarketDate\":\"0001-01-01\"",
        "\"LotSizeAcres\":0.123456789012345678",
        "\"TaxAnnualAmount\":123456789012345678.905",
        "\"BathroomsTotalInteger\":\"3\"",
        "\\u0000",
        "\\ud83c view",
        "\"YearBuilt\":\"about 1920\"",
        "\"LL_Unlisted\":",
    ] {
        assert!(first.contains(odd), "{odd}");
    }
    let second = stage.get("Property?$top=400").await.text();
    assert!(first != second && first.len() == second.len());
    let letters = |text: &str| text.bytes().map(u64::from).sum::<u64>();
    assert_eq!(letters(&first), letters(&second));
}

#[tokio::test]
async fn a_record_changes_with_its_stamp_and_at_no_other_time() {
    let stage = with(Provider::Bridge, 60, Records::default()).await;
    let keys = stage.control.live_keys();
    let records = || -> Vec<String> {
        keys.iter()
            .map(|key| stage.control.record(key).unwrap())
            .collect()
    };
    let before = records();
    assert_eq!(before, records());
    let touched = stage.control.touch(10);
    let mut values = 0;
    for ((key, old), new) in keys.iter().zip(&before).zip(records()) {
        assert_eq!(touched.contains(key), *old != new);
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (old, new) = (read(old), read(&new));
        let differ = old
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, value)| new[*name] != **value);
        values += differ
            .filter(|(name, _)| !name.contains("Timestamp"))
            .count();
    }
    assert!((10..150).contains(&values), "{values}");
}
