//! Principle 1: gone is a statement about a key that was listed. The API itself is asked, over a copy
//! of what is stored, as a site would ask it.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use http::{Request, header};
use jiff::Timestamp;
use livelist_api::ApiState;
use livelist_store::memory::{ManualClock, MemoryLinks, MemoryObjects, SeededEntropy};
use livelist_store::{Condition, Objects, Retention};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::sim::Ms;
use crate::tally::count;
use crate::world::World;

/// What the sites of these worlds show.
const SITE_KEY: &str = "ll1.acme.hostile-site-key-3b1f";

/// Its hash, as registry documents have it.
pub(crate) fn site_key_hash() -> String {
    hex::encode(Sha256::digest(SITE_KEY))
}

impl World {
    /// Whether the API calls a live key gone that never was listed.
    pub(super) fn check_gone(&mut self, now: Ms, at: usize) -> Result<(), String> {
        if !self.story.asks_check || self.feeds[at].head.is_none() {
            return Ok(());
        }
        let keys: Vec<String> = self.feeds[at].live.keys().cloned().collect();
        let gone = self.asked(now, at, &keys)?;
        count(&mut self.tally.lists, "asked for by a site");
        let feed = &self.feeds[at];
        let wrong = gone.iter().find(|key| !feed.removed.contains(*key));
        match wrong {
            Some(key) => Err(format!(
                "the listing {key} is live, was never listed, and is called gone"
            )),
            None => Ok(()),
        }
    }

    /// Which of these keys the API calls gone; none while it has no answer.
    fn asked(&self, now: Ms, at: usize, keys: &[String]) -> Result<Vec<String>, String> {
        let feed = &self.feeds[at].spec.feed;
        let own = format!("feeds/{feed}/");
        let runs = format!("{own}runs/");
        let copied: Vec<_> = ["registry/", own.as_str()]
            .into_iter()
            .flat_map(|prefix| self.store.under(prefix))
            .filter(|(key, _)| !key.starts_with(&runs))
            .map(|(key, stored)| (key.clone(), stored.bytes.clone()))
            .collect();
        let at = Timestamp::from_millisecond(now).map_err(|e| e.to_string())?;
        let question = Request::post(format!("/v1/feeds/{feed}/check"))
            .header(header::AUTHORIZATION, format!("Bearer {SITE_KEY}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "keys": keys }).to_string()))
            .map_err(|e| e.to_string())?;
        let answer = async move {
            let objects = Arc::new(MemoryObjects::new());
            for (key, bytes) in copied {
                objects
                    .put(&key, vec![bytes].into(), Condition::Always, Retention::Keep)
                    .await
                    .map_err(|e| e.to_string())?;
            }
            let clock = Arc::new(ManualClock::at(at));
            let links = Arc::new(MemoryLinks::new(clock.clone()));
            let state = ApiState::new(objects, links, clock, Arc::new(SeededEntropy::new(1)));
            let router = livelist_api::router(state);
            let answer = router.oneshot(question).await.map_err(|e| e.to_string())?;
            let status = answer.status();
            let body = to_bytes(answer.into_body(), usize::MAX).await;
            Ok::<_, String>((status, body.map_err(|e| e.to_string())?))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|e| e.to_string())?;
        let (status, body) = runtime.block_on(answer)?;
        // An API that has no answer calls nothing gone.
        if status.is_server_error() {
            return Ok(Vec::new());
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        if !status.is_success() {
            return Err(format!("check answers {status}: {text}"));
        }
        let verdict: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        let gone = verdict["gone"]
            .as_array()
            .ok_or("check names no gone keys")?;
        let name = |gone: &Value| {
            let name = gone.as_str().or(gone["key"].as_str());
            name.map(str::to_owned)
        };
        Ok(gone.iter().filter_map(name).collect())
    }
}
