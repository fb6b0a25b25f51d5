//! A store with a registry and heads, an API over it, and eyes on what the API reads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use livelist_api::{ApiState, Rate, SignedLinks};
use livelist_model::head::{DeltaRef, Head, ObjectRef};
use livelist_model::registry::{Client, Mls};
use livelist_model::run::FeedSpec;
use livelist_model::{FeedId, RunId, layout};
use livelist_store::memory::{ManualClock, MemoryLinks, MemoryObjects, SeededEntropy};
use livelist_store::{
    Body as Stored, Clock, Condition, Link, Links, Listed, Object, Objects, ObjectsExt, Retention,
    StoreError,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

/// Names its client.
pub const ACME_KEY: &str = "ll1.acme.8Zk2-acme-secret";
/// Does not.
pub const BOLT_KEY: &str = "bolt-opaque-key-71c4";

/// Objects that tell what was read, and fail on demand.
#[derive(Default)]
pub struct Watched {
    inner: MemoryObjects,
    reads: Mutex<Vec<String>>,
    pub down: AtomicBool,
}

impl Watched {
    /// What was read or listed since the last time.
    pub fn reads(&self) -> Vec<String> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }

    fn note(&self, key: &str) -> Result<(), StoreError> {
        self.reads.lock().unwrap().push(key.to_owned());
        if self.down.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable(key, "vendor-detail-4711"));
        }
        Ok(())
    }
}

#[async_trait]
impl Objects for Watched {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.note(key)?;
        self.inner.get(key).await
    }

    async fn put(
        &self,
        key: &str,
        body: Stored,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        self.inner.put(key, body, condition, retention).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        self.inner.delete(key, condition).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.note(prefix)?;
        self.inner.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.note(prefix)?;
        self.inner.list_names(prefix).await
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        self.inner.retire(key).await
    }
}

/// Links that are counted, and fail on demand.
pub struct CountedLinks {
    inner: MemoryLinks,
    pub made: AtomicUsize,
    pub down: AtomicBool,
}

#[async_trait]
impl Links for CountedLinks {
    async fn link(&self, key: &str, valid_for: Duration) -> Result<Link, StoreError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("links", "vendor-detail-4711"));
        }
        self.inner.link(key, valid_for).await
    }
}

pub struct World {
    pub objects: Arc<Watched>,
    pub links: Arc<CountedLinks>,
    pub clock: Arc<ManualClock>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The code of an error, after checking the form of all errors.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        let json = self.json();
        let error = json["error"].as_object().unwrap();
        assert_eq!(error["request_id"], self.header("x-request-id"));
        assert_eq!(json.as_object().unwrap().len(), 1);
        assert_eq!(error.len(), 3);
        assert!(!error["message"].as_str().unwrap().is_empty());
        error["code"].as_str().unwrap().to_owned()
    }
}

pub fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

pub fn mls_document(mls: &str) -> Value {
    json!({"mls": mls, "provider": "trestle", "base_url": "https://api.example.com/odata",
        "credential": format!("ssm:/livelist/mls/{mls}")})
}

pub fn client_document(client: &str, keys: &[&str], pairs: &Value) -> Value {
    let keys: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(i, key)| json!({"id": format!("key-{i}"), "sha256": hash(key)}))
        .collect();
    json!({"client": client, "api_keys": keys, "pairs": pairs})
}

impl World {
    /// `acme` has `abor` and, switched off, `bolt`; the client `bolt` shares `abor`, and has `crmls`
    /// for itself. Only `abor` has a head.
    pub async fn new() -> World {
        crate::log::keep();
        let clock = Arc::new(ManualClock::at("2026-11-21T09:00:00.5Z".parse().unwrap()));
        let world = World {
            objects: Arc::default(),
            links: Arc::new(CountedLinks {
                inner: MemoryLinks::new(clock.clone()),
                made: AtomicUsize::new(0),
                down: AtomicBool::new(false),
            }),
            clock,
        };
        for mls in ["abor", "bolt", "crmls"] {
            world.mls(&mls_document(mls)).await;
        }
        world
            .client(&client_document(
                "acme",
                &[ACME_KEY],
                &json!([{"mls": "abor", "resource": "Property"},
                    {"mls": "bolt", "resource": "Property", "enabled": false}]),
            ))
            .await;
        world
            .client(&client_document(
                "bolt",
                &["bolts-older-key", BOLT_KEY],
                &json!([{"mls": "abor", "resource": "Property"},
                    {"mls": "crmls", "resource": "Property", "filter": " StandardStatus eq 'Active' "}]),
            ))
            .await;
        world.head(&head(&feed("abor"))).await;
        world
    }

    pub async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let bytes: Vec<u8> = bytes.into();
        self.objects
            .put(key, bytes.into(), Condition::Always, Retention::Keep)
            .await
            .unwrap();
    }

    pub async fn mls(&self, document: &Value) {
        let name = document["mls"].as_str().unwrap();
        let key = format!("{}{name}.json", layout::MLS_PREFIX);
        self.put(&key, document.to_string()).await;
    }

    pub async fn client(&self, document: &Value) {
        let name = document["client"].as_str().unwrap();
        let key = format!("{}{name}.json", layout::CLIENTS_PREFIX);
        self.put(&key, document.to_string()).await;
    }

    pub async fn head(&self, head: &Head) {
        let key = layout::head(&head.feed);
        self.objects
            .write_json(&key, head, Condition::Always, Retention::Keep)
            .await
            .unwrap();
    }

    pub fn state(&self) -> ApiState {
        self.state_with(self.links.clone())
    }

    pub fn state_with(&self, links: Arc<dyn Links>) -> ApiState {
        ApiState::new(
            self.objects.clone(),
            links,
            self.clock.clone(),
            Arc::new(SeededEntropy::new(1)),
        )
    }

    pub fn api(&self) -> Router {
        livelist_api::router(self.state())
    }

    pub fn api_with_rate(&self, rate: Rate) -> Router {
        livelist_api::router(self.state().with_rate(rate))
    }

    /// The API of one machine, reached at `base`.
    pub fn api_with_objects(&self, base: &str) -> (Router, Arc<SignedLinks>) {
        let links = SignedLinks::new(base, self.clock.clone(), &SeededEntropy::new(2)).unwrap();
        let links = Arc::new(links);
        let state = self.state_with(links.clone());
        (
            livelist_api::router_with_objects(state, links.clone()),
            links,
        )
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

/// The feed that both clients see of `mls` without a filter.
pub fn feed(mls: &str) -> FeedId {
    let mls: Mls = serde_json::from_value(mls_document(mls)).unwrap();
    let pairs = json!([{"mls": mls.mls, "resource": "Property"}]);
    let client: Client = serde_json::from_value(client_document("x", &[], &pairs)).unwrap();
    FeedSpec::resolve(&mls, &client.pairs[0]).feed
}

fn version(sequence: u64) -> String {
    let at = jiff::Timestamp::from_second(1_795_233_911 + i64::try_from(sequence).unwrap());
    Head::version_of(at.unwrap(), sequence)
}

/// A head with sequence 123 and three deltas.
pub fn head(feed: &FeedId) -> Head {
    let deltas = (120..123).rev().map(|from| DeltaRef {
        from: version(from),
        to: version(from + 1),
        added: 310,
        removed: 730,
        sha256: "b".repeat(64),
        published_at: None,
        run: None,
        confirmed: None,
        stored: ObjectRef {
            object: layout::delta(feed, from, from + 1, &"b".repeat(64)),
            bytes: 4_711,
        },
    });
    let run = RunId::of(jiff::civil::date(2026, 11, 21), feed);
    Head {
        schema: Head::SCHEMA,
        feed: feed.clone(),
        version: version(123),
        sequence: 123,
        epoch: String::new(),
        as_of: "2026-11-21T04:00:02.75Z".parse().unwrap(),
        complete: true,
        count: 196_000,
        previous_count: Some(196_420),
        key_field: "ListingKey".to_owned(),
        order: "bytewise".to_owned(),
        sha256: "a".repeat(64),
        full: ObjectRef {
            object: layout::snapshot(feed, 123, &"a".repeat(64)),
            bytes: 511_901,
        },
        deltas: deltas.collect(),
        run: run.clone(),
        published_at: "2026-11-21T04:05:11Z".parse().unwrap(),
        checked_run: run,
        gone: None,
        checked_at: None,
        next_expected_at: Some("2026-11-22T04:00:00Z".parse().unwrap()),
    }
}

pub async fn send(api: &Router, request: Request<Body>) -> Answer {
    let response = api.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let answer = Answer {
        status: parts.status,
        headers: parts.headers,
        body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
    };
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    answer
}

pub async fn get(api: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(api, request.body(Body::empty()).unwrap()).await
}

/// `GET path` with a site key.
pub async fn ask(api: &Router, path: &str, key: &str) -> Answer {
    get(api, path, &[("authorization", &format!("Bearer {key}"))]).await
}

pub fn live_path(feed: &FeedId) -> String {
    format!("/v1/feeds/{feed}/live")
}

/// `POST path` with a site key; `kind` is the content type, if it is not empty.
pub async fn post(api: &Router, path: &str, key: &str, kind: &str, body: String) -> Answer {
    let mut request = Request::post(path).header("authorization", format!("Bearer {key}"));
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    send(api, request.body(Body::from(body)).unwrap()).await
}
