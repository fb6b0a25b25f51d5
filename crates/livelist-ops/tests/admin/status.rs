//! The state of all feeds: what is read for it, and how long it is cached.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use livelist_model::layout;
use livelist_ops::http::router;
use livelist_ops::status::Starts;
use livelist_store::hooked::{Call, Hooked};
use livelist_store::memory::{ManualClock, MemoryObjects};
use livelist_store::{Clock, Condition, Objects, Retention};
use serde_json::{Value, json};

use crate::world::{Answer, World, ask, get, post};

#[tokio::test]
async fn the_status_is_remembered_and_new_after_a_decision() {
    let world = World::new().await;
    let api = world.api();
    let key = world.key("ada", None).await;
    let first = get(&api, "/v1/admin/status", &key).await;
    let feed = &first.json()["feeds"][0];
    assert_eq!(
        (&feed["mls"], &feed["state"]),
        (&json!("abor"), &json!("delayed"))
    );
    let tag = first.header("etag").to_owned();
    let held = [("if-none-match", tag.as_str())];
    let same = ask(&api, "GET", "/v1/admin/status", Some(&key), &held, "").await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    assert!(same.body.is_empty());
    // Time alone is no news.
    world.clock.advance(Duration::from_secs(120));
    let same = ask(&api, "GET", "/v1/admin/status", Some(&key), &held, "").await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);

    let paused = post(
        &api,
        "/v1/admin/mls/abor/pause",
        &key,
        r#"{"reason": "contract ends"}"#,
    )
    .await;
    assert_eq!(paused.json(), json!({"changed": true}));
    let news = ask(&api, "GET", "/v1/admin/status", Some(&key), &held, "").await;
    let feed = &news.json()["feeds"][0];
    assert_eq!(feed["state"], "disabled");
    assert_eq!(feed["why"], "the MLS abor was paused by ada: contract ends");
    let resumed = post(&api, "/v1/admin/mls/abor/resume", &key, "").await;
    assert_eq!(resumed.json(), json!({"changed": true}));
    let news = get(&api, "/v1/admin/status", &key).await;
    assert_eq!(news.json()["feeds"][0]["state"], "delayed");

    let packed = [("accept-encoding", "gzip")];
    let packed = ask(&api, "GET", "/v1/admin/status", Some(&key), &packed, "").await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut text = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(&packed.body[..]);
    std::io::Read::read_to_end(&mut reader, &mut text).unwrap();
    assert_eq!(text, news.body);
}

/// How often a store was read and listed.
#[derive(Default)]
struct Counts {
    reads: AtomicUsize,
    lists: AtomicUsize,
}

/// Counts what is read of a store, and lets nothing else be done with it. Listing takes a second.
fn counting(
    objects: &Arc<MemoryObjects>,
    clock: &Arc<ManualClock>,
) -> (Arc<dyn Objects>, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let (counted, clock) = (counts.clone(), clock.clone());
    let hook = move |call: Call<'_>| {
        match call {
            Call::Get(_) => drop(counted.reads.fetch_add(1, Ordering::Relaxed)),
            Call::List(_) => {
                counted.lists.fetch_add(1, Ordering::Relaxed);
                clock.advance(Duration::from_secs(1));
            }
            Call::Put(key) => assert_eq!(key, layout::STATUS),
            other => panic!("a look does {other:?}"),
        }
        Ok(())
    };
    let objects = objects.clone();
    (Arc::new(Hooked { objects, hook }), counts)
}

/// On AWS each read is a request: what a look at all feeds may cost.
#[tokio::test]
async fn a_look_at_5000_feeds_reads_few_documents_of_each() {
    const MLS: usize = 500;
    const FEEDS: usize = 5_000;
    let objects = Arc::new(MemoryObjects::new());
    let put = async |key: &str, document: &Value| {
        let bytes = serde_json::to_vec(document).unwrap().into();
        let (always, keep) = (Condition::Always, Retention::Keep);
        objects.put(key, bytes, always, keep).await.unwrap();
    };
    for m in 0..MLS {
        let mls = json!({"mls": format!("mls{m}"), "provider": "trestle", "credential": "env:A",
            "base_url": "https://api.cotality.com/trestle/odata"});
        put(&format!("registry/mls/mls{m}.json"), &mls).await;
        let pairs = (0..FEEDS / MLS)
            .map(|n| json!({"mls": format!("mls{m}"), "resource": "Property", "filter": format!("A eq {n}")}));
        let client = json!({"client": format!("site{m}"), "pairs": pairs.collect::<Vec<_>>()});
        put(&format!("registry/clients/site{m}.json"), &client).await;
    }
    let now = "2026-11-21T09:00:00Z".parse().unwrap();
    let look = async || {
        let (counted, counts) = counting(&objects, &Arc::new(ManualClock::at(now)));
        let status = livelist_ops::status::read(&counted, Starts::OnceADay, now)
            .await
            .unwrap();
        let reads = counts.reads.load(Ordering::Relaxed) - 2 * MLS;
        (status, reads, counts.lists.load(Ordering::Relaxed))
    };
    // A head, a history, and whether a run of today or yesterday is under way; who the operators are, and who is
    // alerted.
    let (status, reads, lists) = look().await;
    assert_eq!(status.feeds.len(), FEEDS);
    assert_eq!((reads, lists), (4 * FEEDS + 2, 6));
    // After today's run nothing of yesterday is asked, and of the sites only what is there.
    for (n, feed) in status.feeds.iter().enumerate() {
        let feed = &feed.feed;
        let history = json!({"schema": 1, "feed": feed, "runs": [{"run": format!("2026-11-21-{feed}"),
            "state": "unchanged", "started_at": "2026-11-21T04:00:00Z",
            "finished_at": "2026-11-21T04:00:09Z", "live": 1, "added": 0, "removed": 0,
            "confirmed": 0, "traffic": {"requests": 2, "retries": 0, "throttled": 0, "bytes": 9}}]});
        put(&layout::history(feed), &history).await;
        if n % 2 == 0 {
            let client = &status.feeds[n].clients[0].client;
            let ack = json!({"at": "2026-11-21T04:20:00Z", "version": "x", "local_total": 1});
            put(&layout::ack(feed, client), &ack).await;
        }
    }
    let (status, reads, lists) = look().await;
    let said = status
        .feeds
        .iter()
        .filter(|feed| feed.last_ack_at.is_some());
    assert_eq!(said.count(), FEEDS / 2);
    assert_eq!((reads, lists), (3 * FEEDS + FEEDS / 2 + 2, 6));
}

#[tokio::test]
async fn what_was_told_last_is_known_to_the_next_process_and_never_passed_off_as_new() {
    let world = World::new().await;
    let key = world.key("ada", None).await;
    let known = "/v1/admin/status?known=true";
    let state = |answer: &Answer| answer.json()["feeds"][0]["state"].clone();
    let first = get(&world.api(), known, &key).await;
    assert_eq!(
        state(&first),
        "delayed",
        "looked up, where nothing is known"
    );
    let pause = json!({"schema": 1, "at": "2026-11-21T09:01:00Z", "by": "bob"});
    world.write("paused/mls/abor.json", &pause).await;
    world.clock.advance(Duration::from_secs(3 * 3_600));

    let next = world.api();
    let told = get(&next, known, &key).await;
    assert_eq!(told.json()["at"], "2026-11-21T09:00:00Z");
    assert_eq!(state(&told), "delayed");
    assert_eq!(told.header("etag"), "", "nothing to compare a new one with");
    let new = get(&next, "/v1/admin/status", &key).await;
    assert_eq!(new.json()["at"], "2026-11-21T12:00:00Z");
    assert_eq!(state(&new), "disabled");
    // What this process looked up or decided itself comes first.
    assert_eq!(state(&get(&next, known, &key).await), "disabled");
    post(&next, "/v1/admin/mls/abor/resume", &key, "").await;
    assert_eq!(state(&get(&next, known, &key).await), "delayed");

    // Neither what is damaged nor what is a day old is told.
    world.clock.advance(Duration::from_secs(25 * 3_600));
    let old = get(&world.api(), known, &key).await;
    assert_eq!(old.json()["at"], "2026-11-22T13:00:00Z");
    world.write("status.json.gz", &json!("?")).await;
    world.clock.advance(Duration::from_secs(60));
    let new = get(&world.api(), known, &key).await;
    assert_eq!(new.json()["at"], "2026-11-22T13:01:00Z");
    let wrong = get(&next, "/v1/admin/status?known=perhaps", &key).await;
    assert_eq!(wrong.code(), "bad_request");
}

#[tokio::test]
async fn who_asks_while_somebody_looks_waits_for_that_look() {
    let world = World::new().await;
    let key = world.key("ada", None).await;
    let (counted, counts) = counting(&world.objects, &world.clock);
    let state = world.state_over(counted);
    let api = router(state.clone());
    let asked = get(&api, "/v1/admin/status", &key);
    let ((), told) = futures::join!(state.look_ahead(), asked);
    assert_eq!(told.json()["at"], "2026-11-21T09:00:00Z");
    assert!(world.clock.now() > "2026-11-21T09:00:00Z".parse().unwrap());
    let lists = counts.lists.load(Ordering::Relaxed);
    assert_eq!(lists, 6, "one look");
}

#[tokio::test]
async fn a_run_that_ends_makes_what_is_remembered_old() {
    let world = World::new().await;
    let key = world.key("ada", None).await;
    let state = world.state();
    let api = router(state.clone());
    let at = async || {
        let told = get(&api, "/v1/admin/status", &key).await;
        told.json()["at"].as_str().unwrap().to_owned()
    };
    assert_eq!(at().await, "2026-11-21T09:00:00Z");
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(at().await, "2026-11-21T09:00:00Z", "remembered");
    state.run_changed();
    assert_eq!(at().await, "2026-11-21T09:00:03Z");
    state.run_changed();
    assert_eq!(at().await, "2026-11-21T09:00:03Z", "not a look for each");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(at().await, "2026-11-21T09:00:05Z");
}
