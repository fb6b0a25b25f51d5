//! The log against a plain model: any schedule of appends, crashes and merges.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use livelist_log::{Arrival, Lacks, Log, LogError, Span};
use livelist_records::{Fields, Hashing, Incoming, Place, Reason, Removal, Way, What, hash};
use livelist_store::hooked::{Call, Hooked};
use livelist_store::memory::MemoryObjects;
use livelist_store::{Objects, StoreError};
use proptest::prelude::*;
use serde_json::value::RawValue;

const NOW: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

fn place(key: u16) -> Place {
    Place {
        resource: "Property".to_owned(),
        key: format!("k{key:03}"),
    }
}

fn upsert(key: u16, stamp: i64, price: u16) -> Arrival {
    let json = format!(r#"{{"ListingKey":"k{key:03}","ListPrice":{price}}}"#);
    let stamp = jiff::Timestamp::from_second(stamp).unwrap();
    let hash = hash::hash(&Fields::read(&json).unwrap(), &[]);
    Arrival {
        place: place(key),
        incoming: Incoming::Record {
            way: Way::Listed,
            stamp: Some(stamp),
            hash,
        },
        stamp: Some(stamp.to_string()),
        record: RawValue::from_string(json).ok(),
        lacks: None,
    }
}

fn removal(key: u16) -> Arrival {
    Arrival {
        place: place(key),
        incoming: Incoming::Removal(Removal {
            reason: Reason::Gone,
            proof: "run".to_owned(),
            at: NOW,
        }),
        stamp: None,
        record: None,
        lacks: None,
    }
}

async fn open<'a>(objects: &'a dyn Objects) -> Log<'a> {
    let replication = "abor".parse().unwrap();
    let log = Log::open(objects, &replication, "g1", NOW).await.unwrap();
    // So that segments have several pieces.
    log.in_pieces_of(400)
}

/// What is live, by key: the price.
async fn live(log: &Log<'_>, above: u64) -> (BTreeMap<String, u64>, Vec<String>) {
    let span = Span {
        above,
        ..log.whole()
    };
    let mut changes = log.changes(span).await.unwrap();
    let (mut live, mut gone, mut last) = (BTreeMap::new(), Vec::new(), None);
    while let Some(change) = changes.next().await.unwrap() {
        assert!(
            last.as_ref() < Some(&change.place),
            "in order, each place once"
        );
        assert!(change.number > above);
        last = Some(change.place.clone());
        match change.what {
            What::Upsert { record, .. } => {
                let record = record.unwrap();
                let value: serde_json::Value = serde_json::from_str(record.get()).unwrap();
                live.insert(change.place.key, value["ListPrice"].as_u64().unwrap());
            }
            What::Removal(_) => gone.push(change.place.key),
        }
    }
    (live, gone)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

#[tokio::test]
async fn nothing_new_writes_nothing() {
    let objects = MemoryObjects::new();
    let mut log = open(&objects).await;
    let cursor = [("Property".to_owned(), serde_json::json!({"at": 1}))];
    let first = log
        .append(vec![upsert(1, 5, 100), upsert(2, 5, 200)], &cursor, NOW)
        .await
        .unwrap();
    assert_eq!((first.upserts, first.unchanged), (2, 0));
    let before = objects.list("").await.unwrap();
    let again = vec![
        upsert(2, 5, 200),
        upsert(1, 4, 100),
        removal(9),
        upsert(1, 3, 7),
    ];
    let again = log.append(again, &cursor, NOW).await.unwrap();
    assert_eq!((again.changes(), again.unchanged, again.older), (0, 3, 1));
    assert_eq!(objects.list("").await.unwrap(), before);
    let moved = [("Property".to_owned(), serde_json::json!({"at": 2}))];
    log.append(Vec::new(), &moved, NOW).await.unwrap();
    let reopened = open(&objects).await;
    let cursor: Option<serde_json::Value> = reopened.cursor("Property").unwrap();
    assert_eq!(cursor, Some(moved[0].1.clone()));
    assert_eq!(reopened.head().live["Property"], 2);
}

#[tokio::test]
async fn of_two_writers_one_is_told() {
    let objects = MemoryObjects::new();
    let (mut one, mut two) = (open(&objects).await, open(&objects).await);
    one.append(vec![upsert(1, 5, 100)], &[], NOW).await.unwrap();
    let late = two.append(vec![upsert(1, 6, 101)], &[], NOW).await;
    assert!(matches!(late, Err(LogError::Moved(_))));
    let (is, _) = live(&open(&objects).await, 0).await;
    assert_eq!(is["k001"], 100);
}

#[tokio::test]
async fn a_reader_can_stop_and_go_on_behind_any_place() {
    let objects = MemoryObjects::new();
    let mut log = open(&objects).await;
    for n in 0..20 {
        log.append(
            (0..10)
                .map(|k| upsert(k * 2 + n % 2, i64::from(n), n))
                .collect(),
            &[],
            NOW,
        )
        .await
        .unwrap();
        log.compact(NOW).await.unwrap();
    }
    let mut all = Vec::new();
    let mut changes = log.changes(log.whole()).await.unwrap();
    while let Some(change) = changes.next().await.unwrap() {
        all.push((change.place, change.number));
    }
    assert_eq!(all.len(), 20);
    for (i, (place, _)) in all.iter().enumerate() {
        let span = Span {
            behind: Some(place.clone()),
            ..log.whole()
        };
        let mut rest = log.entries(span).await.unwrap();
        for (place, number) in &all[i + 1..] {
            let change = rest.next().await.unwrap().unwrap();
            assert_eq!((&change.place, change.number), (place, *number));
        }
        assert!(rest.next().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn damage_is_told_with_the_object_s_name() {
    let objects = MemoryObjects::new();
    let mut log = open(&objects).await;
    log.append(vec![upsert(1, 5, 100)], &[], NOW).await.unwrap();
    let piece = log.head().segments[0].pieces[0].name.clone();
    let put = |bytes: &'static [u8]| {
        objects.put(
            &piece,
            bytes.to_vec().into(),
            livelist_store::Condition::Always,
            livelist_store::Retention::Keep,
        )
    };
    put(b"no gzip").await.unwrap();
    let mut changes = log.changes(log.whole()).await;
    let error = match &mut changes {
        Ok(changes) => changes.next().await.map(|_| ()).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(&piece), "{error}");
}

#[derive(Debug, Clone)]
enum Do {
    Append(Vec<(u16, Option<u16>)>),
    /// The n-th write from now fails.
    Crash(u64),
}

fn deed() -> impl Strategy<Value = Do> {
    let one = (0_u16..40, proptest::option::weighted(0.8, 0_u16..9));
    prop_oneof![
        9 => proptest::collection::vec(one, 1..12).prop_map(Do::Append),
        1 => (0_u64..6).prop_map(Do::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// After any schedule the log is what a map would be, from its beginning and from any number on.
    #[test]
    fn the_log_is_what_a_map_would_be(deeds in proptest::collection::vec(deed(), 1..60)) {
        runtime().block_on(async {
            let memory = MemoryObjects::new();
            let fuse = AtomicU64::new(u64::MAX);
            let objects = Hooked {
                objects: &memory,
                hook: |call: Call<'_>| {
                    let writes = matches!(call, Call::Put(_) | Call::Retire(_));
                    if writes && fuse.fetch_sub(1, Ordering::Relaxed) == 0 {
                        fuse.store(u64::MAX, Ordering::Relaxed);
                        return Err(StoreError::unavailable("the disk", "it broke"));
                    }
                    Ok(())
                },
            };
            let mut model: BTreeMap<String, u64> = BTreeMap::new();
            let mut copy: BTreeMap<String, u64> = BTreeMap::new();
            let mut position = 0;
            let mut stamp = 0;
            for deed in deeds {
                let batch = match deed {
                    Do::Crash(after) => {
                        fuse.store(after, Ordering::Relaxed);
                        continue;
                    }
                    Do::Append(batch) => batch,
                };
                stamp += 1;
                let arrivals = || batch.iter().map(|(key, price)| match price {
                    Some(price) => upsert(*key, stamp, *price),
                    None => removal(*key),
                }).collect::<Vec<_>>();
                // A source that meets an error pulls the same again.
                let mut log = open(&objects).await;
                if log.append(arrivals(), &[], NOW).await.is_err() {
                    log = open(&objects).await;
                    log.append(arrivals(), &[], NOW).await.unwrap();
                }
                for (key, price) in &batch {
                    let key = place(*key).key;
                    match price {
                        Some(price) => model.insert(key, u64::from(*price)),
                        None => model.remove(&key),
                    };
                }
                let _ = log.compact(NOW).await;
                let log = open(&objects).await;
                prop_assert_eq!(log.head().live.get("Property").copied().unwrap_or(0), model.len() as u64);
                // A destination that goes on from its position.
                let (news, gone) = live(&log, position).await;
                for key in gone {
                    copy.remove(&key);
                }
                copy.extend(news);
                position = log.head().newest();
                prop_assert_eq!(&copy, &model);
            }
            let log = open(&objects).await;
            prop_assert_eq!(live(&log, 0).await.0, model);
            prop_assert!(log.head().segments.len() <= 100);
            Ok(())
        })?;
    }
}

/// A record whose expansion is null or missing keeps the last one that was sent; an empty one replaces it.
#[tokio::test]
async fn an_expansion_that_is_not_sent_replaces_nothing() {
    let hashing = Arc::new(Hashing {
        volatile: Vec::new(),
        expansions: vec![("Media".to_owned(), Some("MediaKey".to_owned()))],
    });
    let arrival = |stamp: i64, members: &str, lacks: bool| {
        let json = format!(r#"{{"ListingKey":"k001"{members}}}"#);
        let stamp = jiff::Timestamp::from_second(stamp).unwrap();
        Arrival {
            place: place(1),
            incoming: Incoming::Record {
                way: Way::Listed,
                stamp: Some(stamp),
                hash: hashing.of(&Fields::read(&json).unwrap()),
            },
            stamp: Some(stamp.to_string()),
            record: RawValue::from_string(json).ok(),
            lacks: lacks.then(|| Lacks {
                names: vec!["Media".to_owned()],
                hashing: hashing.clone(),
            }),
        }
    };
    let store = MemoryObjects::new();
    let mut log = open(&store).await;
    let photos = r#","Media":[{"MediaKey":"1"}]"#;
    let null = r#","Media":null"#;
    let steps = [
        // Nothing was sent before.
        (
            arrival(1, null, true),
            1,
            r#"{"ListingKey":"k001","Media":null}"#,
        ),
        (
            arrival(2, photos, false),
            1,
            r#"{"ListingKey":"k001","Media":[{"MediaKey":"1"}]}"#,
        ),
        (
            arrival(3, null, true),
            0,
            r#"{"ListingKey":"k001","Media":[{"MediaKey":"1"}]}"#,
        ),
        (
            arrival(4, "", true),
            0,
            r#"{"ListingKey":"k001","Media":[{"MediaKey":"1"}]}"#,
        ),
        (
            arrival(5, r#","ListPrice":5"#, true),
            1,
            r#"{"ListingKey":"k001","ListPrice":5,"Media":[{"MediaKey":"1"}]}"#,
        ),
        (
            arrival(6, r#","Media":[]"#, false),
            1,
            r#"{"ListingKey":"k001","Media":[]}"#,
        ),
    ];
    for (arrival, upserts, expected) in steps {
        let appended = log.append(vec![arrival], &[], NOW).await.unwrap();
        assert_eq!(appended.upserts, upserts, "{expected}");
        let mut changes = log.changes(log.whole()).await.unwrap();
        let What::Upsert { record, .. } = changes.next().await.unwrap().unwrap().what else {
            panic!("a record");
        };
        assert_eq!(record.unwrap().get(), expected);
    }
    // Within one batch it is the same.
    let batch = vec![
        arrival(7, photos, false),
        arrival(8, r#","ListPrice":8"#, true),
    ];
    log.append(batch, &[], NOW).await.unwrap();
    let mut changes = log.changes(log.whole()).await.unwrap();
    let What::Upsert { record, .. } = changes.next().await.unwrap().unwrap().what else {
        panic!("a record");
    };
    let expected = r#"{"ListingKey":"k001","ListPrice":8,"Media":[{"MediaKey":"1"}]}"#;
    assert_eq!(record.unwrap().get(), expected);
}
