//! The admin API over the twins in memory, with one MLS and one client, and helpers for requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use livelist_model::registry::ADMINS_FILE;
use livelist_ops::http::{AdminState, router};
use livelist_ops::rerun::Starter;
use livelist_reso::HttpTransport;
use livelist_steps::Env;
use livelist_store::admin_keys::AdminKeys;
use livelist_store::leases::ObjectLeases;
use livelist_store::memory::{ManualClock, MemoryExecutions, MemoryObjects, SeededEntropy};
use livelist_store::{Clock, Condition, Objects, Retention};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

/// What a site asks with; no operator's.
pub const SITE_KEY: &str = "ll1.acme.s1te";

pub struct World {
    pub objects: Arc<MemoryObjects>,
    pub clock: Arc<ManualClock>,
    pub executions: Arc<MemoryExecutions>,
    pub entropy: Arc<SeededEntropy>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl World {
    pub async fn new() -> World {
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

    pub async fn write(&self, key: &str, document: &Value) {
        let bytes = serde_json::to_vec(document).unwrap().into();
        let (always, keep) = (Condition::Always, Retention::Keep);
        self.objects.put(key, bytes, always, keep).await.unwrap();
    }

    pub fn keys(&self) -> AdminKeys<'_> {
        AdminKeys {
            objects: &*self.objects,
            object: format!("registry/{ADMINS_FILE}"),
        }
    }

    pub async fn key(&self, id: &str, days: Option<u64>) -> String {
        let valid = days.map(|days| Duration::from_secs(days * 86_400));
        let keys = self.keys();
        let made = keys.add(id, valid, self.clock.now(), &*self.entropy);
        made.await.unwrap().key.expose_secret().to_owned()
    }

    pub fn state(&self) -> AdminState {
        self.state_over(self.objects.clone())
    }

    pub fn state_over(&self, objects: Arc<dyn Objects>) -> AdminState {
        AdminState::new(Arc::new(Env {
            leases: Arc::new(ObjectLeases::new(self.objects.clone(), self.clock.clone())),
            executions: self.executions.clone(),
            entropy: self.entropy.clone(),
            ..Env::in_memory(objects, self.clock.clone(), Arc::new(HttpTransport::new())).unwrap()
        }))
    }

    pub fn api(&self) -> Router {
        router(
            self.state()
                .starting_by(Starter::Here(self.executions.clone())),
        )
    }
}

pub async fn ask(
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

pub async fn get(api: &Router, path: &str, key: &str) -> Answer {
    ask(api, "GET", path, Some(key), &[], "").await
}

pub async fn post(api: &Router, path: &str, key: &str, body: &str) -> Answer {
    let kind = [("content-type", "application/json")];
    ask(api, "POST", path, Some(key), &kind, body).await
}
