//! An environment of twins, for this crate's tests.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use livelist_model::plan::PairDue;
use livelist_model::registry::{CredentialRef, parse_client, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_reso::Dialects;
use livelist_reso::transport::{BodyStream, Transport, TransportError};
use livelist_steps::Env;
use livelist_store::memory::{ManualClock, MemoryObjects, MemoryQueue, MemorySecrets};
use livelist_store::{Condition, Retention};

/// The MLS of [`register`].
pub(crate) const MLS: &str = "abor";

const MLS_DOCUMENT: &str = r#"{"mls":"abor","provider":"reso","credential":"env:X",
    "base_url":"https://x.example/odata"}"#;
const CLIENT_DOCUMENT: &str = r#"{"client":"acme","pairs":[{"mls":"abor","resource":"Property"}]}"#;

/// No provider answers.
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(
        &self,
        _: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        Err(TransportError::TimedOut(1))
    }
}

/// An environment in memory, and its queue.
pub(crate) fn env() -> (Env, Arc<MemoryQueue>) {
    let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
    let objects = Arc::new(MemoryObjects::new());
    let queue = Arc::new(MemoryQueue::default());
    let env = Env {
        secrets: Arc::new(MemorySecrets::default()),
        queue: queue.clone(),
        ..Env::in_memory(objects, clock, Arc::new(Nowhere)).unwrap()
    };
    (env, queue)
}

/// Writes the documents of one MLS and one client into the registry.
pub(crate) async fn register(env: &Env) {
    for (key, document) in [
        ("registry/mls/abor.json", MLS_DOCUMENT),
        ("registry/clients/acme.json", CLIENT_DOCUMENT),
    ] {
        let body = document.as_bytes().to_vec().into();
        let written = env
            .objects
            .put(key, body, Condition::Always, Retention::Keep);
        written.await.unwrap();
    }
}

/// The feed of the registered pair.
fn feed() -> FeedSpec {
    let mls = parse_mls("mls/abor.json", MLS_DOCUMENT.as_bytes(), &Dialects).unwrap();
    let client = parse_client("clients/acme.json", CLIENT_DOCUMENT.as_bytes()).unwrap();
    FeedSpec::resolve(&mls, &client.pairs[0])
}

/// The registered pair's run on `day`.
pub(crate) fn run(day: &str) -> RunSpec {
    RunSpec::of(day.parse().unwrap(), feed())
}

/// The message of the registered pair on `day`, for some MLS.
pub(crate) fn pair(day: &str, mls: &str) -> String {
    let run = run(day);
    serde_json::to_string(&PairDue {
        schema: PairDue::SCHEMA,
        date: run.date,
        client: "acme".parse().unwrap(),
        mls: mls.parse().unwrap(),
        resource: run.feed.resource,
        filter: run.feed.filter,
        feed: run.feed.feed,
        run: run.run,
        stamps: run.feed.stamps,
    })
    .unwrap()
}

/// Any credential.
pub(crate) fn credential() -> CredentialRef {
    feed().credential
}
