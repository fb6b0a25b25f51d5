//! The description of the API: the committed one is current, and every route is in it.

use std::path::Path;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, get, hash};

fn document() -> Value {
    serde_json::from_str(&livelist_api::openapi()).unwrap()
}

fn written(file: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(docs.join(file)).unwrap()
}

#[test]
fn the_committed_description_is_the_codes() {
    assert!(
        written("openapi.json") == livelist_api::openapi(),
        "write it anew: livelist openapi > docs/openapi.json"
    );
}

#[test]
fn the_page_is_that_of_the_description_and_needs_nothing_else() {
    let page = written("api.html");
    let digest = hash(&livelist_api::openapi());
    assert!(
        page.contains(&format!("content=\"{digest}\"")),
        "make it anew: docs/make-api-html.py"
    );
    for elsewhere in ["http://", "https://", "<script", "<link", "<img", "url("] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
}

#[tokio::test]
async fn it_is_served_to_everyone() {
    let world = World::new().await;
    let answer = get(&world.api(), "/v1/openapi.json", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.text(), livelist_api::openapi());
    assert!(world.objects.reads().is_empty());
}

#[test]
fn it_is_openapi_3_1_and_has_every_route() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/v1/feeds",
            "/v1/feeds/{feed}/acks",
            "/v1/feeds/{feed}/changes",
            "/v1/feeds/{feed}/check",
            "/v1/feeds/{feed}/live",
            "/v1/health",
        ]
    );
    let problem = json!({"$ref": "#/components/schemas/Problem"});
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let of = format!("{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                if status.as_str() >= "400" {
                    let schema = &response["content"]["application/json"]["schema"];
                    assert_eq!(*schema, problem, "{of} {status}");
                }
            }
            let is_open = path == "/v1/health";
            assert_eq!(responses.contains_key("401"), !is_open, "{of}");
            assert_eq!(operation.get("security").is_some(), !is_open, "{of}");
        }
    }
}
