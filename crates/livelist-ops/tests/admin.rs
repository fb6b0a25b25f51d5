//! The admin API from outside: requests into the router, answers out of it, over the twins in memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use livelist_api::Rate;
use livelist_model::registry::ADMINS_FILE;
use livelist_ops::http::{AdminState, router};
use livelist_reso::HttpTransport;
use livelist_steps::authorize::TokenCache;
use livelist_steps::{Env, Limits};
use livelist_store::admin_keys::AdminKeys;
use livelist_store::leases::ObjectLeases;
use livelist_store::memory::{
    ManualClock, MemoryExecutions, MemoryObjects, MemoryOutbox, MemoryQueue, MemorySecrets,
    SeededEntropy,
};
use livelist_store::metrics::NoMetrics;
use livelist_store::sealer::ProcessSealer;
use livelist_store::{Clock, Condition, Objects, Retention};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

const SITE_KEY: &str = "ll1.acme.s1te";

struct World {
    objects: Arc<MemoryObjects>,
    clock: Arc<ManualClock>,
    executions: Arc<MemoryExecutions>,
    entropy: Arc<SeededEntropy>,
}

struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl World {
    async fn new() -> World {
        let clock = ManualClock::at("2026-11-21T09:00:00Z".parse().unwrap());
        let world = World {
            objects: Arc::new(MemoryObjects::new()),
            clock: Arc::new(clock),
            executions: Arc::default(),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let mls = json!({"mls": "abor", "provider": "trestle", "credential": "env:A",
            "base_url": "https://api.cotality.com/trestle/odata"});
        world.write("registry/mls/abor.json", &mls).await;
        let hash = livelist_model::codec::digest(SITE_KEY.as_bytes());
        let client = json!({"client": "acme", "pairs": [{"mls": "abor", "resource": "Property"}],
            "api_keys": [{"id": "site", "sha256": hash}]});
        world.write("registry/clients/acme.json", &client).await;
        world
    }

    async fn write(&self, key: &str, document: &Value) {
        let bytes = serde_json::to_vec(document).unwrap().into();
        let (always, keep) = (Condition::Always, Retention::Keep);
        self.objects.put(key, bytes, always, keep).await.unwrap();
    }

    fn keys(&self) -> AdminKeys<'_> {
        AdminKeys {
            objects: &*self.objects,
            object: format!("registry/{ADMINS_FILE}"),
        }
    }

    async fn key(&self, id: &str, days: Option<u64>) -> String {
        let valid = days.map(|days| Duration::from_secs(days * 86_400));
        let keys = self.keys();
        let made = keys.add(id, valid, self.clock.now(), &*self.entropy);
        made.await.unwrap().key.expose_secret().to_owned()
    }

    fn state(&self) -> AdminState {
        AdminState::new(Arc::new(Env {
            objects: self.objects.clone(),
            leases: Arc::new(ObjectLeases::new(self.objects.clone(), self.clock.clone())),
            secrets: Arc::new(MemorySecrets::default()),
            sealer: Arc::new(ProcessSealer::new().unwrap()),
            queue: Arc::new(MemoryQueue::default()),
            outbox: Arc::new(MemoryOutbox::default()),
            executions: self.executions.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            transport: Arc::new(HttpTransport::new()),
            tokens: TokenCache::default(),
            metrics: Arc::new(NoMetrics),
            limits: Limits::default(),
        }))
    }

    fn api(&self) -> Router {
        router(self.state().with_executions(self.executions.clone()))
    }
}

async fn ask(
    api: &Router,
    method: &str,
    path: &str,
    key: Option<&str>,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = api.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
    }
}

async fn get(api: &Router, path: &str, key: &str) -> Answer {
    ask(api, "GET", path, Some(key), &[], "").await
}

async fn post(api: &Router, path: &str, key: &str, body: &str) -> Answer {
    let kind = [("content-type", "application/json")];
    ask(api, "POST", path, Some(key), &kind, body).await
}

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
