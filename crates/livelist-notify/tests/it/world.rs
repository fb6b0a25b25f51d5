//! A registry with clients, ports in memory, and a notifier.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::notice::{Delivery, EventKind, FeedEvent};
use livelist_model::registry::{AnyProvider, Registry};
use livelist_model::{ClientId, FeedId};
use livelist_notify::{Notifier, Resolver, Rules, Sender};
use livelist_store::memory::{ManualClock, MemoryObjects, MemorySecrets, SeededEntropy};
use livelist_store::registry::read_registry;
use livelist_store::{Clock, Condition, Objects, Retention};
use serde_json::json;

/// The secret's bytes are what its text is the Base64 of.
pub const SECRET: &str = "whsec_cDFhbnRlZC1zZWNyZXQtb2Ytbm90aWNlcy0wMDAx";
pub const SECRET_BYTES: &[u8] = b"p1anted-secret-of-notices-0001";

pub const LOOPBACK: Rules = Rules { loopback: true };

/// Names lead where the test says; each look may lead elsewhere.
#[derive(Default)]
pub struct Names(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    /// The n-th look at `name` gives the n-th of `answers`.
    pub fn of(name: &str, answers: &[&[&str]]) -> Arc<Names> {
        let answers = answers
            .iter()
            .rev()
            .map(|all| all.iter().map(|a| a.parse().unwrap()).collect())
            .collect();
        let names = Names::default();
        names.0.lock().unwrap().insert(name.to_owned(), answers);
        Arc::new(names)
    }

    /// How many looks at `name` are left.
    pub fn left(&self, name: &str) -> usize {
        self.0.lock().unwrap()[name].len()
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut names = self.0.lock().unwrap();
        let found = names.get_mut(host).and_then(Vec::pop);
        found.ok_or_else(|| std::io::Error::other("no such name"))
    }
}

pub struct World {
    pub objects: Arc<MemoryObjects>,
    pub secrets: Arc<MemorySecrets>,
    pub clock: Arc<ManualClock>,
    pub notifier: Notifier,
}

impl World {
    pub async fn new(sender: Sender) -> World {
        let objects = Arc::new(MemoryObjects::new());
        let secrets = Arc::new(MemorySecrets::default());
        secrets.set("env:NOTICES".parse().unwrap(), SECRET.to_owned());
        let clock = Arc::new(ManualClock::at("2026-11-21T04:10:00Z".parse().unwrap()));
        let notifier = Notifier::new(
            objects.clone(),
            secrets.clone(),
            clock.clone(),
            Arc::new(SeededEntropy::new(7)),
            sender,
        );
        let world = World {
            objects,
            secrets,
            clock,
            notifier,
        };
        let mls = json!({"mls": "abor", "provider": "reso", "credential": "env:X",
            "base_url": "https://x.example/odata"});
        world.write("registry/mls/abor.json", &mls).await;
        world
    }

    /// Sends to the loopback; gives up after a second, so that slow sites make no slow tests.
    pub async fn local() -> World {
        World::new(impatient(LOOPBACK, Arc::new(Names::default()))).await
    }

    pub async fn write(&self, key: &str, document: &serde_json::Value) {
        let body = document.to_string().into_bytes().into();
        let put = self
            .objects
            .put(key, body, Condition::Always, Retention::Keep);
        put.await.unwrap();
    }

    /// Registers a client that is told at `url`.
    pub async fn client(&self, name: &str, url: &str) -> ClientId {
        let document = json!({"client": name,
            "pairs": [{"mls": "abor", "resource": "Property"}],
            "notify": {"url": url, "credential": "env:NOTICES"}});
        self.write(&format!("registry/clients/{name}.json"), &document)
            .await;
        name.parse().unwrap()
    }

    pub async fn registry(&self) -> Registry {
        let (registry, findings) = read_registry(&*self.objects, &AnyProvider).await.unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        registry
    }

    /// One attempt.
    pub async fn tell(&self, client: &ClientId, version: u64, attempt: u32) -> Delivery {
        let event = event(version);
        let told = self
            .notifier
            .deliver(client, &event, attempt)
            .await
            .unwrap();
        let recorded = self.recorded(client).await;
        let recorded = recorded.into_iter().find(|d| d.id == told.id);
        assert_eq!(
            recorded.as_ref(),
            Some(&told),
            "what came of it is recorded"
        );
        told
    }

    pub async fn recorded(&self, client: &ClientId) -> Vec<Delivery> {
        let recorded = livelist_store::deliveries::recorded(&*self.objects, Some(client))
            .await
            .unwrap();
        recorded.into_iter().flat_map(|r| r.deliveries).collect()
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

pub fn impatient(rules: Rules, names: Arc<dyn Resolver>) -> Sender {
    let sender = Sender::new(rules, names).unwrap();
    sender.within(Duration::from_secs(1))
}

pub fn event(version: u64) -> FeedEvent {
    let feed = FeedId::of(
        &"abor".parse().unwrap(),
        &"Property".parse().unwrap(),
        "env:X",
        None,
    );
    FeedEvent {
        kind: EventKind::Changed,
        at: jiff::Timestamp::from_second(1_795_233_600 + version as i64).unwrap(),
        run: "2026-11-21-abor".parse().unwrap(),
        feed,
        version: Some(format!("2026-11-21T04:00:00Z-{version:06}")),
        sequence: version,
        count: 2093,
        added: 7,
        removed: 20,
    }
}
