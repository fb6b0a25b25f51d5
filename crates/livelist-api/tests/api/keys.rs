//! Site keys: both forms, rotation, revocation, the index and its refreshing, the budget.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use livelist_api::Rate;
use rstest::rstest;
use serde_json::json;

use crate::world::{
    ACME_KEY, Answer, BOLT_KEY, World, ask, client_document, feed, get, hash, live_path,
};

async fn status(api: &Router, key: &str) -> StatusCode {
    ask(api, "/v1/feeds", key).await.status
}

fn check_refusal(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(answer.code(), "unauthorized");
}

#[rstest]
#[case::nothing(&[])]
#[case::empty(&[("authorization", "")])]
#[case::scheme(&[("authorization", "Basic YWNtZTpzM2NyM3Q=")])]
#[case::bare(&[("authorization", "ll1.acme.8Zk2-acme-secret")])]
#[case::no_key(&[("authorization", "Bearer ")])]
#[case::unknown(&[("authorization", "Bearer nobody-knows-this-key")])]
#[case::wrong_secret(&[("authorization", "Bearer ll1.acme.wrong")])]
#[case::no_client(&[("authorization", "Bearer ll1.nobody.wrong")])]
#[case::no_name(&[("authorization", "Bearer ll1.../../x.wrong")])]
#[case::longer(&[("authorization", "Bearer ll1.acme.8Zk2-acme-secretX")])]
#[case::twice(&[("authorization", "Bearer ll1.acme.8Zk2-acme-secret"), ("authorization", "Bearer x")])]
#[case::elsewhere(&[("x-api-key", "ll1.acme.8Zk2-acme-secret")])]
#[tokio::test]
async fn all_refusals_are_one(#[case] headers: &[(&str, &str)]) {
    let world = World::new().await;
    let api = world.api();
    let live = get(&api, &live_path(&feed("abor")), headers).await;
    check_refusal(&live);
    let feeds = get(&api, "/v1/feeds", headers).await;
    check_refusal(&feeds);
    assert_eq!(
        feeds.json()["error"]["message"],
        live.json()["error"]["message"]
    );
    assert_eq!(feeds.headers.len(), live.headers.len());
}

#[tokio::test]
async fn the_hash_is_no_key_and_the_query_no_place_for_one() {
    let world = World::new().await;
    let api = world.api();
    assert_eq!(
        status(&api, &hash(BOLT_KEY)).await,
        StatusCode::UNAUTHORIZED
    );
    let path = format!("/v1/feeds?key={BOLT_KEY}&access_token={BOLT_KEY}");
    check_refusal(&get(&api, &path, &[]).await);
}

/// (O12) A refusal takes the same work whether the client is there or not: one document is read, one
/// that is not there is looked for.
#[tokio::test]
async fn a_refusal_takes_the_same_work_for_known_and_unknown_clients() {
    let world = World::new().await;
    let api = world.api();
    status(&api, "ll1.acme.wrong").await;
    world.objects.reads();
    let mut work = Vec::new();
    for client in ["acme", "nobody", "bcme", "cold"] {
        let key = format!("ll1.{client}.wrong");
        assert_eq!(status(&api, &key).await, StatusCode::UNAUTHORIZED);
        let reads = world.objects.reads();
        let there = ["registry/clients/acme.json", "registry/clients/bolt.json"];
        let exists = reads.iter().filter(|file| there.contains(&file.as_str()));
        work.push((reads.len(), exists.count()));
    }
    assert_eq!(work, [(2, 1); 4]);
}

#[tokio::test]
async fn a_key_that_names_its_client_reads_one_document() {
    let world = World::new().await;
    let api = world.api();
    ask(&api, &live_path(&feed("abor")), ACME_KEY).await;
    assert_eq!(
        world.objects.reads(),
        [
            "registry/clients/acme.json",
            "registry/mls/abor.json",
            "feeds/abor-property-XXXXXXXX/head.json"
                .replace("abor-property-XXXXXXXX", feed("abor").as_str())
                .as_str(),
        ]
    );
}

#[tokio::test]
async fn a_key_in_anothers_document_does_not_open_the_named_client() {
    let world = World::new().await;
    let pairs = json!([{"mls": "crmls", "resource": "Property"}]);
    let document = client_document("mallory", &["ll1.acme.mallorys"], &pairs);
    world.client(&document).await;
    assert_eq!(
        status(&world.api(), "ll1.acme.mallorys").await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn both_keys_work_during_a_rotation_in_either_case_of_hex() {
    let world = World::new().await;
    let mut document = client_document("acme", &[ACME_KEY, "ll1.acme.next"], &json!([]));
    let upper = document["api_keys"][1]["sha256"]
        .as_str()
        .unwrap()
        .to_uppercase();
    document["api_keys"][1]["sha256"] = json!(upper);
    world.client(&document).await;
    let api = world.api();
    for key in [ACME_KEY, "ll1.acme.next"] {
        assert_eq!(status(&api, key).await, StatusCode::OK);
    }
    for key in ["bolts-older-key", BOLT_KEY] {
        assert_eq!(status(&api, key).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_from_the_next_request_on() {
    let world = World::new().await;
    let api = world.api();
    for (client, key) in [("acme", ACME_KEY), ("bolt", BOLT_KEY)] {
        assert_eq!(status(&api, key).await, StatusCode::OK);
        world
            .client(&client_document(client, &[], &json!([])))
            .await;
        check_refusal(&ask(&api, "/v1/feeds", key).await);
    }
}

#[tokio::test]
async fn the_index_is_read_once_and_again_for_a_new_key() {
    let world = World::new().await;
    let api = world.api();
    let listings = || {
        let reads = world.objects.reads();
        reads.iter().filter(|key| key.ends_with('/')).count()
    };
    assert_eq!(status(&api, BOLT_KEY).await, StatusCode::OK);
    assert_eq!(listings(), 1);
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(status(&api, BOLT_KEY).await, StatusCode::OK);
    assert_eq!(listings(), 0, "a key that is known needs no new index");

    world
        .client(&client_document("coast", &["coast-key"], &json!([])))
        .await;
    assert_eq!(status(&api, "coast-key").await, StatusCode::OK);
    assert_eq!(listings(), 1);

    for _ in 0..20 {
        assert_eq!(status(&api, "guess").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(listings(), 0, "guesses within seconds read nothing");
    world
        .client(&client_document("delta", &["delta-key"], &json!([])))
        .await;
    assert_eq!(status(&api, "delta-key").await, StatusCode::UNAUTHORIZED);
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(status(&api, "delta-key").await, StatusCode::OK);
    assert_eq!(listings(), 1);
}

#[tokio::test]
async fn a_key_that_moves_goes_with_its_new_client() {
    let world = World::new().await;
    let api = world.api();
    assert_eq!(status(&api, BOLT_KEY).await, StatusCode::OK);
    world
        .client(&client_document("bolt", &[], &json!([])))
        .await;
    world
        .client(&client_document("coast", &[BOLT_KEY], &json!([])))
        .await;
    world.clock.advance(Duration::from_secs(5));
    let answer = ask(&api, "/v1/feeds", BOLT_KEY).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({"feeds": []}), "coast has no feeds");
}

#[tokio::test]
async fn a_key_of_two_clients_opens_neither() {
    let world = World::new().await;
    let pairs = json!([{"mls": "crmls", "resource": "Property"}]);
    world
        .client(&client_document("coast", &[BOLT_KEY], &pairs))
        .await;
    check_refusal(&ask(&world.api(), "/v1/feeds", BOLT_KEY).await);
}

#[tokio::test]
async fn one_damaged_document_does_not_lock_the_others_out() {
    let world = World::new().await;
    world
        .put("registry/clients/coast.json", "{\"client\":")
        .await;
    let api = world.api();
    assert_eq!(status(&api, BOLT_KEY).await, StatusCode::OK);
    assert_eq!(status(&api, ACME_KEY).await, StatusCode::OK);
    let perhaps_coasts = ask(&api, "/v1/feeds", "coast-key").await;
    assert_eq!(perhaps_coasts.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(perhaps_coasts.code(), "unavailable");
    let named = ask(&api, "/v1/feeds", "ll1.coast.secret").await;
    assert_eq!(named.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_store_that_is_down_is_no_401() {
    let world = World::new().await;
    world.objects.down.store(true, Ordering::Relaxed);
    let api = world.api();
    for key in [ACME_KEY, BOLT_KEY, "unknown"] {
        let answer = ask(&api, "/v1/feeds", key).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "60");
        assert_eq!(answer.code(), "unavailable");
        assert!(!answer.text().contains("4711"), "{}", answer.text());
    }
    world.objects.down.store(false, Ordering::Relaxed);
    assert_eq!(status(&api, BOLT_KEY).await, StatusCode::OK);
}

#[tokio::test]
async fn an_expired_key_is_refused_like_an_unknown_one() {
    let world = World::new().await;
    let api = world.api();
    for (client, key) in [("acme", ACME_KEY), ("bolt", BOLT_KEY)] {
        let mut document = client_document(client, &[key], &json!([]));
        document["api_keys"][0]["expires"] = json!("2026-11-21T09:00:01Z");
        world.client(&document).await;
        assert_eq!(status(&api, key).await, StatusCode::OK);
    }
    world.clock.advance(Duration::from_millis(500));
    let unknown = ask(&api, "/v1/feeds", "ll1.acme.wrong").await;
    for key in [ACME_KEY, BOLT_KEY] {
        let expired = ask(&api, "/v1/feeds", key).await;
        check_refusal(&expired);
        assert_eq!(expired.headers.len(), unknown.headers.len());
        let message = |answer: &Answer| answer.json()["error"]["message"].clone();
        assert_eq!(message(&expired), message(&unknown));
    }
}

#[tokio::test]
async fn a_key_opens_only_the_feeds_that_it_names() {
    let world = World::new().await;
    let pairs = json!([{"mls": "abor", "resource": "Property"},
        {"mls": "crmls", "resource": "Property"}]);
    let mut document = client_document("acme", &[ACME_KEY, "ll1.acme.all"], &pairs);
    document["api_keys"][0]["feeds"] = json!([feed("crmls"), feed("bolt")]);
    world.client(&document).await;
    world.head(&crate::world::head(&feed("crmls"))).await;
    let api = world.api();
    let status = async |mls: &str, key: &str| ask(&api, &live_path(&feed(mls)), key).await.status;
    assert_eq!(status("crmls", ACME_KEY).await, StatusCode::OK);
    world.objects.reads();
    assert_eq!(status("abor", ACME_KEY).await, StatusCode::FORBIDDEN);
    assert_eq!(world.objects.reads(), ["registry/clients/acme.json"]);
    assert_eq!(
        status("bolt", ACME_KEY).await,
        StatusCode::FORBIDDEN,
        "no pair of his"
    );
    for mls in ["abor", "crmls"] {
        assert_eq!(status(mls, "ll1.acme.all").await, StatusCode::OK);
    }
    let told = ask(&api, "/v1/feeds", ACME_KEY).await.json();
    assert_eq!(told["feeds"].as_array().unwrap().len(), 1);
    assert_eq!(told["feeds"][0]["feed"], json!(feed("crmls")));
    document["api_keys"][0]["feeds"] = json!([]);
    world.client(&document).await;
    assert_eq!(
        ask(&api, "/v1/feeds", ACME_KEY).await.json(),
        json!({"feeds": []})
    );
    assert_eq!(status("crmls", ACME_KEY).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn each_key_has_a_budget_of_its_own() {
    let world = World::new().await;
    let document = client_document("acme", &[ACME_KEY, "ll1.acme.next"], &json!([]));
    world.client(&document).await;
    let api = world.api_with_rate(Rate {
        requests: 1,
        per: Duration::from_secs(60),
    });
    assert_eq!(status(&api, ACME_KEY).await, StatusCode::OK);
    assert_eq!(status(&api, ACME_KEY).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(status(&api, "ll1.acme.next").await, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_asks_too_often_waits_and_nobody_else() {
    let world = World::new().await;
    let api = world.api_with_rate(Rate {
        requests: 2,
        per: Duration::from_secs(60),
    });
    for _ in 0..2 {
        assert_eq!(status(&api, ACME_KEY).await, StatusCode::OK);
    }
    world.clock.advance(Duration::from_millis(9_500));
    let refused = ask(&api, &live_path(&feed("abor")), ACME_KEY).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "51");
    assert_eq!(refused.code(), "too_many_requests");
    assert_eq!(status(&api, BOLT_KEY).await, StatusCode::OK);
    assert_eq!(
        status(&api, "ll1.acme.wrong").await,
        StatusCode::UNAUTHORIZED
    );
    world.clock.advance(Duration::from_secs(51));
    assert_eq!(status(&api, ACME_KEY).await, StatusCode::OK);
}
