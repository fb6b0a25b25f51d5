//! The history: added and removed keys, in pages that stay valid while new versions are published.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use livelist_model::head::ConfirmedBy;
use livelist_store::ObjectsExt;
use rstest::rstest;
use serde_json::{Value, json};

use crate::history::{Keys, keys, many};
use crate::world::{ACME_KEY, Answer, World, ask, feed};

async fn page(world: &World, query: &str) -> Answer {
    let path = format!("/v1/feeds/{}/changes?{query}", feed("abor"));
    ask(&world.api(), &path, ACME_KEY).await
}

/// All pages from `since` on, as `(key, change, sequence, live)`.
async fn all(world: &World, since: u64) -> Vec<(String, String, u64, bool)> {
    let mut query = format!("since={since}");
    let mut told = Vec::new();
    loop {
        let answer = page(world, &query).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let page = answer.json();
        let changes = page["changes"].as_array().unwrap();
        assert!(changes.len() <= 1_000);
        told.extend(changes.iter().map(|c| {
            let text = |name: &str| c[name].as_str().unwrap().to_owned();
            let live = c["live"].as_bool().unwrap();
            (
                text("key"),
                text("change"),
                c["sequence"].as_u64().unwrap(),
                live,
            )
        }));
        match page["cursor"].as_str() {
            Some(cursor) => query = format!("cursor={cursor}"),
            None => return told,
        }
    }
}

fn apply(mut list: Keys, told: &[(String, String, u64, bool)]) -> Keys {
    for (key, change, ..) in told {
        let fits = match change.as_str() {
            "added" => list.insert(key.clone()),
            "removed" => list.remove(key),
            other => panic!("{other}"),
        };
        assert!(fits, "{key} {change}");
    }
    list
}

#[tokio::test]
async fn changes_say_what_when_and_why() {
    let world = World::new().await;
    let lists = [keys(["a", "b"]), keys(["a", "c"]), keys(["b", "c"])];
    let mut head = world.publish(&feed("abor"), &lists).await;
    head.deltas[0].confirmed = Some(ConfirmedBy::Operator);
    head.deltas[1].published_at = None;
    head.deltas[1].confirmed = None;
    world.head(&head).await;
    let answer = page(&world, "since=1").await;
    let at = "2026-10-04T04:05:11.5Z";
    assert_eq!(
        answer.json(),
        json!({
            "changes": [
                {"key": "b", "change": "removed", "sequence": 2, "at": null, "why": null, "live": true},
                {"key": "c", "change": "added", "sequence": 2, "at": null, "why": null, "live": true},
                {"key": "a", "change": "removed", "sequence": 3, "at": at,
                    "why": "approved_by_operator", "live": false},
                {"key": "b", "change": "added", "sequence": 3, "at": at, "why": null, "live": true},
            ],
            "cursor": null,
            "version": head.version,
            "sequence": 3,
        })
    );
    let newest = page(&world, "since=2").await.json();
    assert_eq!(newest["changes"].as_array().unwrap().len(), 2);
    let none = page(&world, "since=3").await.json();
    assert_eq!(
        (&none["changes"], &none["cursor"]),
        (&json!([]), &Value::Null)
    );
}

#[rstest]
#[case(1_000)]
#[case(1_001)]
#[case(2_500)]
#[tokio::test]
async fn pages_lead_from_one_list_to_the_other(#[case] n: usize) {
    let world = World::new().await;
    let all_keys = many(n);
    let half: Keys = all_keys.iter().step_by(2).cloned().collect();
    let lists = [
        keys(["x"]),
        all_keys.clone(),
        half.clone(),
        all_keys,
        keys(["y"]),
    ];
    world.publish(&feed("abor"), &lists).await;
    for since in 1..=5 {
        let told = all(&world, since as u64).await;
        assert_eq!(apply(lists[since - 1].clone(), &told), lists[4], "{since}");
        assert!(told.is_sorted_by_key(|(_, _, sequence, _)| *sequence));
        for (key, _, _, live) in &told {
            assert_eq!(*live, key == "y", "{key}: as it is in the last list");
        }
    }
}

/// A cursor of yesterday goes on today, where new versions were published in between.
#[tokio::test]
async fn a_cursor_stays_right_while_the_feed_moves_on() {
    let world = World::new().await;
    let mut lists = vec![keys(["x"]), many(1_500)];
    world.publish(&feed("abor"), &lists).await;
    let first = page(&world, "since=1").await.json();
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    // One that the first page told is removed, and comes back, on later pages.
    let mut third = many(1_500);
    let back = third.pop_first().unwrap();
    lists.push(third);
    lists.push(many(1_500));
    world.publish(&feed("abor"), &lists).await;
    let second = page(&world, &format!("cursor={cursor}")).await.json();
    let told = second["changes"].as_array().unwrap();
    assert_eq!(told.len(), 501 + 2);
    let mut counts = BTreeMap::<&str, u32>::new();
    let pages = [&first["changes"], &second["changes"]];
    for change in pages.iter().flat_map(|page| page.as_array().unwrap()) {
        *counts.entry(change["key"].as_str().unwrap()).or_default() += 1;
        assert_eq!(change["live"], change["key"] != "x", "{change}");
    }
    assert_eq!(counts.remove(back.as_str()), Some(3));
    assert!(counts.values().all(|n| *n == 1));
    assert_eq!(second["cursor"], Value::Null);
    assert_eq!(second["sequence"], 4);
}

#[tokio::test]
async fn a_history_that_is_too_short_says_so() {
    let world = World::new().await;
    let lists: Vec<Keys> = (0..40).map(|n| many(n + 1)).collect();
    world.publish(&feed("abor"), &lists).await;
    let told = all(&world, 10).await;
    assert_eq!(apply(lists[9].clone(), &told), lists[39]);
    let whole = page(&world, "").await.json();
    assert_eq!(
        whole["changes"][0]["sequence"], 11,
        "where the history begins"
    );
    let cursor = format!("cursor=c1-10-0-{}", "a".repeat(16));
    for query in [
        "since=9",
        "since=0",
        "since=41",
        "since=9223372036854775807",
        &cursor,
    ] {
        let answer = page(&world, query).await;
        assert_eq!(answer.status, StatusCode::GONE, "{query}");
        assert_eq!(answer.code(), "history_gone");
        assert!(
            answer.json()["error"]["message"]
                .as_str()
                .unwrap()
                .contains("full list")
        );
    }
}

#[rstest]
#[case("since=9223372036854775808")]
#[case("since=")]
#[case("since=-1")]
#[case("since=+1")]
#[case("since=1.0")]
#[case("since=2026-11-21T04:05:11Z-000001")]
#[case("since=99999999999999999999")]
#[case("since=1&since=2")]
#[case("cursor=")]
#[case("cursor=c1")]
#[case("cursor=c2-1-0-aaaaaaaaaaaaaaaa")]
#[case("cursor=c1-x-0-aaaaaaaaaaaaaaaa")]
#[case("cursor=c1-1-+0-aaaaaaaaaaaaaaaa")]
#[case("cursor=c1-1-0-aaaaaaaaaaaaaaaA")]
#[case("cursor=c1-1-0-aaaaaaaaaaaaaaaaa")]
#[case("cursor=a&cursor=b")]
#[case("cursor=c1-1-0-aaaaaaaaaaaaaaaa&since=x")]
#[tokio::test]
async fn what_is_no_place_in_a_history_is_refused(#[case] query: &str) {
    let world = World::new().await;
    world
        .publish(&feed("abor"), &[keys(["a"]), keys(["b"])])
        .await;
    let answer = page(&world, query).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "bad_request");
}

/// Rule zero: a delta that is not the one that the head means tells nothing, on no page.
#[tokio::test]
async fn a_damaged_delta_tells_nothing() {
    let world = World::new().await;
    let lists = [keys(["a", "b"]), keys(["a"]), keys(["a", "c"])];
    let head = world.publish(&feed("abor"), &lists).await;
    let [newer, older] = [0, 1].map(|at| head.deltas[at].stored.object.clone());
    assert_eq!(page(&world, "since=1").await.status, StatusCode::OK);
    let (sound, _) = world.objects.read(&older).await.unwrap().unwrap();
    let (other, _) = world.objects.read(&newer).await.unwrap().unwrap();
    let cut = sound[..sound.len() - 1].to_vec();
    for damaged in [cut, other, Vec::new(), b"-a\n".to_vec()] {
        world.put(&older, damaged).await;
        let answer = page(&world, "since=1").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!answer.text().contains("removed"));
        assert_eq!(page(&world, "since=2").await.status, StatusCode::OK);
    }
}

/// Deltas that do not hang together are no history, and the list itself is not touched by that.
#[tokio::test]
async fn a_hole_ends_the_history() {
    let world = World::new().await;
    let lists = [keys(["a"]), keys(["b"]), keys(["c"]), keys(["d"])];
    let mut head = world.publish(&feed("abor"), &lists).await;
    head.deltas.remove(1);
    world.head(&head).await;
    assert_eq!(page(&world, "since=3").await.status, StatusCode::OK);
    for query in ["since=2", "since=1"] {
        assert_eq!(page(&world, query).await.status, StatusCode::GONE);
    }
}
