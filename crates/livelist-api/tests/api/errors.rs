//! The common parts of all answers: errors as JSON, request ids, limited requests.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use rstest::rstest;
use serde_json::json;

use crate::world::{ACME_KEY, World, ask, feed, get, live_path, send};

#[tokio::test]
async fn health_needs_no_key_and_no_store() {
    let world = World::new().await;
    let answer = get(&world.api(), "/v1/health", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({"status": "ok"}));
    assert!(world.objects.reads().is_empty());
}

/// (O14) Who opens the address alone is told where the description is.
#[tokio::test]
async fn the_root_names_the_description() {
    let world = World::new().await;
    let answer = ask(&world.api(), "/", ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["description"], "v1/openapi.json");
}

#[rstest]
#[case("/v1")]
#[case("/v1/feeds/")]
#[case("/v1/feeds/x")]
#[case("/v1/feeds//live")]
#[case("/v1/feeds/x/live/")]
#[case("/v1/nothing?authorization=x")]
#[case("/v1/objects/feeds/abor-property-1f0c9a2b/snapshots/000001-aaaa.txt.gz")]
#[tokio::test]
async fn an_unknown_route_is_not_found(#[case] path: &str) {
    let world = World::new().await;
    let answer = ask(&world.api(), path, ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.code(), "not_found");
}

#[rstest]
#[case("POST", "/v1/health")]
#[case("DELETE", "/v1/feeds")]
#[case("PUT", "/v1/feeds/x/live")]
#[case("OPTIONS", "/v1/feeds")]
#[case("BREW", "/v1/feeds")]
#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones(#[case] method: &str, #[case] path: &str) {
    let world = World::new().await;
    let request = Request::builder().method(method).uri(path);
    let answer = send(&world.api(), request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "GET,HEAD");
    assert_eq!(answer.code(), "method_not_allowed");
}

#[tokio::test]
async fn request_bodies_are_bounded() {
    let world = World::new().await;
    let request = Request::get("/v1/health")
        .header("content-length", "1000000")
        .body(Body::from(vec![b'x'; 1_000_000]))
        .unwrap();
    let answer = send(&world.api(), request).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.code(), "too_large");
}

#[tokio::test]
async fn request_ids_are_the_callers_the_gateways_or_new() {
    let world = World::new().await;
    let api = world.api();
    let id = async |headers: &[(&str, &str)]| {
        let answer = get(&api, "/v1/health", headers).await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(id(&[("x-request-id", "site-42.a_b")]).await, "site-42.a_b");
    let gateway = ("apigw-requestid", "JKJaXmPLvHcESHA=");
    assert_eq!(id(&[gateway]).await, gateway.1);
    assert_eq!(id(&[gateway, ("x-request-id", "mine")]).await, "mine");
    assert_eq!(
        id(&[gateway, ("x-request-id", "<script>")]).await,
        gateway.1
    );
    let long = "a".repeat(65);
    for bad in ["", "a b", "a\"b", "{}", "a\u{7f}b", &long] {
        if let Ok(value) = axum::http::HeaderValue::from_str(bad) {
            let made = id(&[("x-request-id", value.to_str().unwrap())]).await;
            assert_eq!(made.len(), 16, "{bad:?}");
            assert!(made.bytes().all(|b| b.is_ascii_hexdigit()));
        }
    }
    assert_ne!(id(&[]).await, id(&[]).await);
}

#[tokio::test]
async fn the_id_in_a_body_is_the_one_in_the_header() {
    let world = World::new().await;
    let path = live_path(&feed("abor"));
    let answer = get(&world.api(), &path, &[("x-request-id", "site-42")]).await;
    assert_eq!(answer.json()["error"]["request_id"], "site-42");
}
