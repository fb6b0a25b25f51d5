//! Acknowledgements of sites: stored for operators, only the newest, of limited size.

use axum::http::StatusCode;
use livelist_model::layout;
use livelist_store::ObjectsExt;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{ACME_KEY, Answer, BOLT_KEY, World, feed, post};

async fn ack(world: &World, key: &str, body: &Value) -> Answer {
    let path = format!("/v1/feeds/{}/acks", feed("abor"));
    let body = body.to_string();
    post(&world.api(), &path, key, "application/json", body).await
}

async fn kept(world: &World, client: &str) -> Option<Value> {
    let object = layout::ack(&feed("abor"), &client.parse().unwrap());
    let kept = world.objects.read_json(&object).await.unwrap();
    kept.map(|(kept, _)| kept)
}

#[tokio::test]
async fn the_newest_word_of_each_client_is_kept() {
    let world = World::new().await;
    let said = json!({"version": "2026-11-21T04:05:11Z-000123", "local_total": 196_000,
        "missing": 730.0, "removed": 700, "held": 30, "error": null, "plugin": "1.0.0",
        "wp": "6.9", "php": "8.3.27", "unknown": {"x": 1}});
    let answer = ack(&world, ACME_KEY, &said).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.body.is_empty());
    assert_eq!(
        kept(&world, "acme").await.unwrap(),
        json!({"schema": 1, "feed": feed("abor"), "client": "acme", "key": "key-0",
            "at": "2026-11-21T09:00:00.5Z", "version": "2026-11-21T04:05:11Z-000123",
            "local_total": 196_000, "missing": 730, "removed": 700, "held": 30,
            "plugin": "1.0.0", "wp": "6.9", "php": "8.3.27"})
    );
    assert_eq!(kept(&world, "bolt").await, None);
    let other = json!({"held": true, "error": "disk full\n<b>"});
    assert_eq!(
        ack(&world, BOLT_KEY, &other).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(kept(&world, "bolt").await.unwrap()["held"], true);
    assert_eq!(kept(&world, "acme").await.unwrap()["held"], 30);
    assert_eq!(
        ack(&world, ACME_KEY, &json!({})).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(kept(&world, "acme").await.unwrap().get("held"), None);
}

#[rstest]
#[case(json!({"version": "v".repeat(129)}))]
#[case(json!({"error": "é".repeat(2_001)}))]
#[case(json!({"plugin": "v".repeat(65)}))]
#[case(json!({"wp": "v".repeat(65)}))]
#[case(json!({"php": "v".repeat(65)}))]
#[case(json!({"local_total": -1}))]
#[case(json!({"missing": 1.5}))]
#[case(json!({"removed": "7"}))]
#[case(json!({"held": "some"}))]
#[case(json!({"missing": 9_007_199_254_740_993_u64}))]
#[case(json!({"missing": [1]}))]
#[case(json!([]))]
#[tokio::test]
async fn what_is_no_ack_is_not_kept(#[case] body: Value) {
    let world = World::new().await;
    let answer = ack(&world, ACME_KEY, &body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "bad_request");
    assert_eq!(kept(&world, "acme").await, None);
}

#[tokio::test]
async fn only_those_who_may_ask_may_tell() {
    let world = World::new().await;
    let api = world.api();
    let kind = "application/json";
    let foreign = format!("/v1/feeds/{}/acks", feed("crmls"));
    let answer = post(&api, &foreign, ACME_KEY, kind, "{}".to_owned()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        ack(&world, "no", &json!({})).await.status,
        StatusCode::UNAUTHORIZED
    );
    let own = format!("/v1/feeds/{}/acks", feed("abor"));
    let answer = post(&api, &own, ACME_KEY, "text/plain", "{}".to_owned()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = json!({"x": "y".repeat(20_000)}).to_string();
    let answer = post(&api, &own, ACME_KEY, kind, large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(kept(&world, "acme").await, None);
}
