//! The list of a client's feeds.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use livelist_model::layout;
use serde_json::{Value, json};

use crate::world::{ACME_KEY, BOLT_KEY, World, ask, feed, head};

#[tokio::test]
async fn the_callers_feeds_and_how_they_stand() {
    let world = World::new().await;
    let api = world.api();
    let answer = ask(&api, "/v1/feeds", ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({"feeds": [
            {"feed": feed("abor"), "mls": "abor", "resource": "Property", "enabled": true,
                "version": head(&feed("abor")).version, "epoch": "", "key_field": "ListingKey", "count": 196_000,
                "as_of": "2026-11-21T04:00:02Z", "stale": false, "held": null},
            {"feed": feed("bolt"), "mls": "bolt", "resource": "Property", "enabled": false,
                "version": null, "epoch": null, "key_field": null, "count": null, "as_of": null, "stale": false, "held": null},
        ]})
    );
    let bolts = ask(&api, "/v1/feeds", BOLT_KEY).await.json();
    let bolts = bolts["feeds"].as_array().unwrap();
    assert_eq!(bolts.len(), 2);
    assert_eq!(bolts[0]["feed"], json!(feed("abor")));
    assert_eq!(bolts[1]["filter"], "StandardStatus eq 'Active'");
    assert_ne!(
        bolts[1]["feed"],
        json!(feed("crmls")),
        "another filter, another feed"
    );
}

#[tokio::test]
async fn damage_hides_only_what_is_damaged() {
    let world = World::new().await;
    let api = world.api();
    world.put(&layout::head(&feed("abor")), "{}").await;
    let feeds = ask(&api, "/v1/feeds", ACME_KEY).await.json();
    assert_eq!(feeds["feeds"][0]["feed"], json!(feed("abor")));
    assert_eq!(feeds["feeds"][0]["version"], Value::Null);
    world.put("registry/mls/abor.json", "{").await;
    let feeds = ask(&api, "/v1/feeds", ACME_KEY).await.json();
    assert_eq!(feeds["feeds"].as_array().unwrap().len(), 1);
    assert_eq!(feeds["feeds"][0]["mls"], "bolt");
}

#[tokio::test]
async fn a_store_that_fails_is_told() {
    let world = World::new().await;
    let api = world.api();
    assert_eq!(
        ask(&api, "/v1/feeds", ACME_KEY).await.status,
        StatusCode::OK
    );
    world.objects.down.store(true, Ordering::Relaxed);
    let answer = ask(&api, "/v1/feeds", ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.code(), "unavailable");
}

#[tokio::test]
async fn what_waits_and_what_is_late_is_told() {
    let world = World::new().await;
    let api = world.api();
    let head = head(&feed("abor"));
    let held = |version: &str| {
        json!({"run": head.run, "reason": "mass_removal", "at": "2026-11-21T08:00:00Z",
            "head_version": version})
    };
    let told = async || ask(&api, "/v1/feeds", ACME_KEY).await.json()["feeds"][0].clone();
    let key = layout::held(&feed("abor"));
    world.put(&key, held(&head.version).to_string()).await;
    assert_eq!(told().await["held"], "mass_removal");
    world.put(&key, held("an older one").to_string()).await;
    assert_eq!(
        told().await["held"],
        Value::Null,
        "it was compared with another head"
    );
    world.put(&key, "{").await;
    assert_eq!(
        told().await["count"],
        196_000,
        "a damaged note hides no list"
    );
    assert_eq!(told().await["stale"], false);
    world
        .clock
        .advance(std::time::Duration::from_secs(3 * 24 * 3_600));
    assert_eq!(told().await["stale"], true);
}
