//! The admin API from outside: requests into the router, answers out of it, over the twins in memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

#[path = "admin/status.rs"]
mod status;
#[path = "admin/world.rs"]
mod world;

use std::time::Duration;

use axum::http::StatusCode;
use livelist_api::Rate;
use livelist_ops::http::router;
use livelist_store::Objects;
use serde_json::json;

use world::{SITE_KEY, World, ask, get, post};

#[tokio::test]
async fn only_an_operators_key_opens_it_and_every_refusal_is_the_same() {
    let world = World::new().await;
    let api = world.api();
    // Before anybody is an operator, nobody is.
    let before = get(&api, "/v1/admin/status", "lla.ada.secret").await;
    assert_eq!(before.status, StatusCode::UNAUTHORIZED);
    let key = world.key("ada", Some(1)).await;
    let bobs = world.key("bob", None).await;
    assert_eq!(
        get(&api, "/v1/admin/status", &key).await.status,
        StatusCode::OK
    );
    let taken = format!("lla.ada.{}", bobs.rsplit('.').next().unwrap());
    let upper = key.to_ascii_uppercase();
    for wrong in [
        SITE_KEY,
        "lla.ada.wrong",
        "lla.eve.wrong",
        "x",
        &taken,
        &upper,
    ] {
        let refused = get(&api, "/v1/admin/status", wrong).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert_eq!(
            refused.json()["error"]["message"],
            before.json()["error"]["message"]
        );
    }
    let none = ask(&api, "GET", "/v1/admin/runs", None, &[], "").await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    // Nothing is done for a stranger either.
    let paused = post(&api, "/v1/admin/mls/abor/pause", SITE_KEY, "{}").await;
    assert_eq!(paused.status, StatusCode::UNAUTHORIZED);
    assert!(world.objects.list("paused/").await.unwrap().is_empty());
    // Age and revocation count from the next request on.
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(
        get(&api, "/v1/admin/status", &key).await.code(),
        "unauthorized"
    );
    assert_eq!(
        get(&api, "/v1/admin/status", &bobs).await.status,
        StatusCode::OK
    );
    world.keys().revoke("bob").await.unwrap();
    assert_eq!(
        get(&api, "/v1/admin/status", &bobs).await.code(),
        "unauthorized"
    );
}

#[tokio::test]
async fn a_run_is_started_where_runs_can_be_started() {
    let world = World::new().await;
    let api = world.api();
    let key = world.key("ada", None).await;
    let status = get(&api, "/v1/admin/status", &key).await.json();
    let feed = status["feeds"][0]["feed"].as_str().unwrap().to_owned();
    let path = format!("/v1/admin/feeds/{feed}/rerun");
    let made = post(&api, &path, &key, "").await.json();
    assert_eq!(
        made,
        json!({"run": format!("2026-11-21-{feed}"), "started": true})
    );
    let nowhere = router(world.state());
    assert_eq!(post(&nowhere, &path, &key, "").await.code(), "conflict");
    let unknown = post(
        &api,
        "/v1/admin/feeds/none-property-00000000/rerun",
        &key,
        "",
    )
    .await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (StatusCode::NOT_FOUND, "not_found".to_owned())
    );
}

#[tokio::test]
async fn what_cannot_be_answered_is_told_in_one_form() {
    let world = World::new().await;
    let api = world.api();
    let key = world.key("ada", None).await;
    let feed = "/v1/admin/feeds/abor-property-00000000";
    for (method, path, body, status, code) in [
        (
            "GET",
            "/v1/admin/runs/2026-11-21-none-property-00000000",
            "",
            404,
            "not_found",
        ),
        ("GET", "/v1/admin/runs/%20", "", 404, "not_found"),
        (
            "POST",
            "/v1/admin/runs/2026-11-21-none-property-00000000/approve",
            "",
            404,
            "not_found",
        ),
        ("GET", "/v1/admin/runs?most=many", "", 400, "bad_request"),
        ("GET", &format!("{feed}/why"), "", 400, "bad_request"),
        ("GET", &format!("{feed}/why?key="), "", 400, "bad_request"),
        ("GET", &format!("{feed}/why?key=1"), "", 404, "not_found"),
        ("GET", &format!("{feed}/diff"), "", 404, "not_found"),
        ("POST", "/v1/admin/status", "", 405, "method_not_allowed"),
        ("POST", "/v1/admin/mls/none/pause", "{}", 404, "not_found"),
        ("POST", "/v1/admin/feeds/abor/pause", "{}", 404, "not_found"),
        ("POST", "/v1/admin/mls/abor/pause", "[]", 400, "bad_request"),
        (
            "POST",
            "/v1/admin/mls/abor/pause",
            r#"{"reason":"a\nb"}"#,
            400,
            "bad_request",
        ),
        ("GET", "/dashboard/none.js", "", 404, "not_found"),
    ] {
        let kind = [("content-type", "application/json")];
        let answer = ask(&api, method, path, Some(&key), &kind, body).await;
        let got = (answer.status.as_u16(), answer.code());
        assert_eq!(got, (status, code.to_owned()), "{method} {path} {body}");
        assert_eq!(
            answer.json()["error"]["request_id"],
            answer.header("x-request-id")
        );
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let runs = get(&api, "/v1/admin/runs", &key).await;
    assert_eq!(runs.json(), json!({"runs": []}));
}

#[tokio::test]
async fn an_operator_who_asks_without_end_is_stopped_alone() {
    let world = World::new().await;
    let (key, bobs) = (world.key("ada", None).await, world.key("bob", None).await);
    let rate = Rate {
        requests: 2,
        per: Duration::from_secs(60),
    };
    let api = router(world.state().with_rate(rate));
    for _ in 0..2 {
        assert_eq!(
            get(&api, "/v1/admin/runs", &key).await.status,
            StatusCode::OK
        );
    }
    let stopped = get(&api, "/v1/admin/runs", &key).await;
    assert_eq!(
        (stopped.code(), stopped.header("retry-after")),
        ("too_many_requests".to_owned(), "60")
    );
    assert_eq!(
        get(&api, "/v1/admin/runs", &bobs).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_page_needs_no_key_and_may_do_nothing_else() {
    let world = World::new().await;
    let api = world.api();
    let page = ask(&api, "GET", "/dashboard", None, &[], "").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = String::from_utf8(page.body.clone()).unwrap();
    for name in ["style.css", "main.js", "icon.svg"] {
        assert!(text.contains(&format!("dashboard/{name}")), "{name}");
        let path = format!("/dashboard/{name}");
        let file = ask(&api, "GET", &path, None, &[], "").await;
        assert_eq!(file.status, StatusCode::OK, "{name}");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
    }
    let policy = page.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "connect-src 'self'",
    ] {
        assert!(policy.contains(rule), "{rule}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"));
    assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("<style"));
    let held = [("if-none-match", page.header("etag"))];
    let same = ask(&api, "GET", "/dashboard", None, &held, "").await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
}
