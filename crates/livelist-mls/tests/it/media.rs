//! Photos: in the record, as a resource of their own, and what tells that they changed.

use livelist_mls::{Change, Empty, PhotosMove, Provider, Records};
use serde_json::Value;

use crate::records::with;
use crate::scan::{Stage, sorted, spec, stage};

async fn rows(stage: &Stage) -> Vec<Value> {
    let page = stage
        .get("Property?$expand=Media&$orderby=ListingKey&$top=1000")
        .await;
    page.json()["value"].as_array().unwrap().clone()
}

fn photo_keys(row: &Value) -> Vec<String> {
    let photos = row["Media"].as_array().into_iter().flatten();
    let key = |photo: &Value| photo["MediaKey"].as_str().unwrap().to_owned();
    photos.map(key).collect()
}

#[tokio::test]
async fn photos_stand_in_the_record_where_they_are_asked_for() {
    let stage = with(Provider::Bridge, 60, Records::default()).await;
    let page = stage.get("Property?$expand=Media&$top=60").await.json();
    let mut empty = 0;
    for row in page["value"].as_array().unwrap() {
        let photos = row["Media"].as_array().unwrap();
        assert_eq!(row["PhotosCount"], photos.len());
        empty += usize::from(photos.is_empty());
        for photo in photos {
            assert_eq!(photo["ResourceRecordKey"], row["ListingKey"]);
            assert!(photo["MediaURL"].as_str().unwrap().starts_with("https://"));
        }
        let mut orders: Vec<_> = photos.iter().map(|photo| photo["Order"].as_u64()).collect();
        orders.sort();
        assert!(
            orders
                .iter()
                .zip(1..)
                .all(|(order, place)| *order == Some(place))
        );
        let key = row["ListingKey"].as_str().unwrap();
        let told: Value = serde_json::from_str(&stage.control.record(key).unwrap()).unwrap();
        assert_eq!(told["Media"], row["Media"]);
    }
    assert!((1..30).contains(&empty));
    let page = stage.get("Property?$top=60").await.json();
    assert!(page["value"][0].get("Media").is_none());
    let refused = stage.get("Property?$expand=Media,Rooms").await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn what_is_empty_is_said_in_four_ways() {
    for (provider, empty_expansion, expected) in [
        (Provider::Trestle, Empty::Usual, Some("null")),
        (Provider::Reso, Empty::Usual, Some("[]")),
        (Provider::Reso, Empty::Null, Some("null")),
        (Provider::Reso, Empty::Absent, None),
    ] {
        let records = Records {
            empty_expansion,
            ..Records::default()
        };
        let stage = with(provider, 60, records).await;
        let rows = rows(&stage).await;
        let none = rows.iter().find(|row| row["PhotosCount"] == 0).unwrap();
        let said = none.get("Media").map(Value::to_string);
        assert_eq!(said.as_deref(), expected);
    }
}

#[tokio::test]
async fn photos_move_the_stamps_they_are_told_to() {
    for (photos_move, stamped, photo_stamped) in [
        (PhotosMove::Both, true, true),
        (PhotosMove::PhotosOnly, false, true),
        (PhotosMove::Neither, false, false),
    ] {
        let records = Records {
            photos_move,
            ..Records::default()
        };
        let stage = with(Provider::Trestle, 80, records).await;
        let before = rows(&stage).await;
        let changed = sorted(stage.control.change(Change::Photos, 10));
        let after = rows(&stage).await;
        let mut differ = Vec::new();
        for (old, new) in before.iter().zip(&after).filter(|(old, new)| old != new) {
            differ.push(new["ListingKey"].as_str().unwrap().to_owned());
            let moved = |name: &str| old[name] != new[name];
            assert_eq!(moved("ModificationTimestamp"), stamped);
            assert_eq!(moved("PhotosChangeTimestamp"), photo_stamped);
            let (old_keys, new_keys) = (photo_keys(old), photo_keys(new));
            assert!(!new_keys.is_empty());
            if !old_keys.is_empty() {
                assert_eq!(old_keys[1..], new_keys[..new_keys.len() - 1]);
                assert_ne!(
                    old["Media"][0]["ModificationTimestamp"],
                    new["Media"][0]["ModificationTimestamp"]
                );
            }
        }
        assert_eq!(differ, changed, "{photos_move:?}");
        let since = "PhotosChangeTimestamp ge 2025-01-01T00:00:00Z";
        let found = stage
            .get(&format!(
                "Property?$select=ListingKey&$top=80&$filter={since}"
            ))
            .await;
        let expected = if photo_stamped {
            changed.clone()
        } else {
            Vec::new()
        };
        assert_eq!(sorted(found.keys()), expected);
        let photos = stage
            .get("Media?$top=900&$filter=ModificationTimestamp ge 2025-01-01T00:00:00Z")
            .await
            .json();
        let photos = photos["value"].as_array().unwrap();
        let parent = |photo: &Value| photo["ResourceRecordKey"].as_str().unwrap().to_owned();
        let mut parents = sorted(photos.iter().map(parent).collect());
        parents.dedup();
        assert_eq!(parents, changed);
    }
}

#[tokio::test]
async fn photos_are_a_resource() {
    let mut spec = spec(Provider::Trestle, 30);
    spec.options.records = Some(Records::default());
    spec.page_limit = Some(20);
    let stage = stage(spec).await;
    let mut expected: Vec<String> = rows(&stage).await.iter().flat_map(photo_keys).collect();
    // The page limit cuts the first page of listings.
    let rest = stage
        .get("Property?$expand=Media&$orderby=ListingKey&$skip=20&$top=20")
        .await;
    let rest = rest.json()["value"].as_array().unwrap().clone();
    expected.extend(rest.iter().flat_map(photo_keys));
    let pages = stage.scan("Media?$orderby=MediaKey&$top=20").await;
    assert!(pages.len() > 2);
    let mut keys = Vec::new();
    for page in pages {
        let page = page.json();
        let rows = page["value"].as_array().unwrap().iter();
        keys.extend(rows.map(|row| row["MediaKey"].as_str().unwrap().to_owned()));
    }
    assert!(keys.is_sorted());
    assert_eq!(keys, sorted(expected));
    let listing = rest.iter().find(|row| !photo_keys(row).is_empty()).unwrap();
    let filter = format!(
        "ResourceRecordKey eq '{}'",
        listing["ListingKey"].as_str().unwrap()
    );
    let found = stage
        .get(&format!("Media?$top=20&$filter={filter}"))
        .await
        .json();
    assert_eq!(
        found["value"].as_array().unwrap().len(),
        photo_keys(listing).len()
    );
}

#[tokio::test]
async fn signed_urls_rotate_and_nothing_else_does() {
    let records = Records {
        signed_urls: true,
        ..Records::default()
    };
    let stage = with(Provider::Reso, 20, records).await;
    let unsigned = |rows: Vec<Value>| {
        let mut text = Value::from(rows).to_string();
        let all = text.clone();
        while let Some(at) = text.find("?signature=") {
            text.replace_range(at..at + 27, "");
        }
        (all, text)
    };
    let first = unsigned(rows(&stage).await);
    let second = unsigned(rows(&stage).await);
    assert_ne!(first.0, second.0);
    assert_eq!(first.1, second.1);
}

#[tokio::test]
async fn a_photo_may_be_listed_twice_and_there_may_be_no_media() {
    let records = Records {
        odd_records: true,
        ..Records::default()
    };
    let stage = with(Provider::Reso, 400, records).await;
    let twice = |row: &Value| {
        let keys = photo_keys(row);
        keys.len() > 1 && keys[0] == keys[keys.len() - 1]
    };
    // Whole records hold what no strict reader of JSON takes.
    let page = stage
        .get("Property?$select=ListingKey&$expand=Media&$top=400")
        .await
        .json();
    assert!(page["value"].as_array().unwrap().iter().any(twice));
    let records = Records {
        photos: 0,
        ..Records::default()
    };
    let stage = with(Provider::Reso, 20, records).await;
    assert_eq!(stage.get("Property?$expand=Media").await.status, 400);
    assert_eq!(stage.get("Media").await.status, 404);
    assert!(!stage.get("$metadata").await.text().contains("Media"));
}

#[tokio::test]
async fn further_photos_are_behind_a_link() {
    let whole = with(Provider::Trestle, 40, Records::default()).await;
    let records = Records {
        nested: 3,
        ..Records::default()
    };
    let stage = with(Provider::Trestle, 40, records).await;
    let (whole, cut) = (rows(&whole).await, rows(&stage).await);
    let mut most = 0;
    for (whole, cut) in whole.iter().zip(&cut) {
        let mut keys = photo_keys(cut);
        assert!(keys.len() <= 3);
        let mut next = cut["Media@odata.nextLink"].as_str().map(str::to_owned);
        let mut pages = 1;
        while let Some(link) = next {
            let (_, path) = link.split_once("/Property(").unwrap();
            let page = stage.get(&format!("Property({path}")).await.json();
            keys.extend(photo_keys(&serde_json::json!({"Media": page["value"]})));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
            pages += 1;
        }
        assert_eq!(keys, photo_keys(whole));
        most = most.max(pages);
    }
    assert_eq!(most, 3);
}
