//! The admin API from outside: requests into the router, answers out of it, over the twins in memory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use livelist_api::Rate;
use livelist_model::layout;
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
use livelist_store::{Clock, Condition, Listed, Object, Objects, Retention, StoreError};
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
        self.state_over(self.objects.clone())
    }

    fn state_over(&self, objects: Arc<dyn Objects>) -> AdminState {
        AdminState::new(Arc::new(Env {
            objects,
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

/// Counts what is read of a store, and lets nothing else be done with it. Listing takes a second.
struct Counting {
    objects: Arc<MemoryObjects>,
    clock: Arc<ManualClock>,
    reads: std::sync::atomic::AtomicUsize,
    lists: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl Objects for Counting {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.objects.get(key).await
    }

    async fn put(
        &self,
        key: &str,
        body: livelist_store::Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        assert_eq!(key, layout::STATUS);
        self.objects.put(key, body, condition, retention).await
    }

    async fn delete(&self, key: &str, _: Condition) -> Result<(), StoreError> {
        panic!("a look deletes {key}");
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.clock.advance(Duration::from_secs(1));
        self.objects.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        panic!("a look lists {prefix}");
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        panic!("a look retires {key}");
    }
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
        let counting = Arc::new(Counting {
            objects: objects.clone(),
            clock: Arc::new(ManualClock::at(now)),
            reads: Default::default(),
            lists: Default::default(),
        });
        let counted: Arc<dyn Objects> = counting.clone();
        let status = livelist_ops::status::read(&counted, now).await.unwrap();
        let reads = counting.reads.load(Ordering::Relaxed) - 2 * MLS;
        (status, reads, counting.lists.load(Ordering::Relaxed))
    };
    // A head, a history, and whether a run of today or yesterday is under way.
    let (status, reads, lists) = look().await;
    assert_eq!(status.feeds.len(), FEEDS);
    assert_eq!((reads, lists), (4 * FEEDS, 4));
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
    assert_eq!((reads, lists), (3 * FEEDS + FEEDS / 2, 4));
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
    let counting = Arc::new(Counting {
        objects: world.objects.clone(),
        clock: world.clock.clone(),
        reads: Default::default(),
        lists: Default::default(),
    });
    let state = world.state_over(counting.clone());
    let api = router(state.clone());
    let asked = get(&api, "/v1/admin/status", &key);
    let ((), told) = futures::join!(state.look_ahead(), asked);
    assert_eq!(told.json()["at"], "2026-11-21T09:00:00Z");
    assert!(world.clock.now() > "2026-11-21T09:00:00Z".parse().unwrap());
    let lists = counting.lists.load(Ordering::Relaxed);
    assert_eq!(lists, 4, "one look");
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
