//! Compares the model of syncs with real ones: the calls of storage and of the queue that a sync and the writing of a
//! copy make, in memory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use livelist_destinations::sqlite::Sqlite;
use livelist_destinations::{Destination, DestinationError, Options};
use livelist_mls::{Change, Control, MlsSpec, Options as MlsOptions, Provider, Records, Simulator};
use livelist_model::MlsId;
use livelist_model::registry::DestinationDocument;
use livelist_model::syncs::{CopyDue, PassOutcome, SyncDue};
use livelist_reso::HttpTransport;
use livelist_scale::syncs::{A_MERGE, Found, MERGE, apply, sync};
use livelist_scale::usage::Ops;
use livelist_steps::Env;
use livelist_steps::records::copy::{self, Opens};
use livelist_steps::records::sync::{self as steps, Made};
use livelist_store::leases::ObjectLeases;
use livelist_store::memory::{ManualClock, MemoryObjects, MemoryQueue, MemorySecrets};
use livelist_store::{
    Body, Condition, Listed, Object, Objects, ObjectsExt as _, Retention, StoreError,
};
use serde_json::{Value, json};

/// Syncs that find something.
const NEWS: u64 = 16;

/// Storage whose calls are counted as S3 bills them: tags of a new object come with it.
struct Counted(MemoryObjects, Mutex<Ops>);

impl Counted {
    fn count(&self, of: impl Fn(&mut Ops)) {
        of(&mut self.1.lock().unwrap());
    }

    fn take(&self) -> Ops {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

#[async_trait]
impl Objects for Counted {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.count(|ops| ops.gets += 1);
        self.0.get(key).await
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        self.count(|ops| ops.puts += 1);
        self.0.put(key, body, condition, retention).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        self.count(|ops| ops.deletes += 1);
        self.0.delete(key, condition).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.count(|ops| ops.lists += 1);
        self.0.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.count(|ops| ops.lists += 1);
        self.0.list_names(prefix).await
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        self.count(|ops| ops.puts += 1);
        self.0.retire(key).await
    }
}

struct File(PathBuf);

#[async_trait]
impl Opens for File {
    async fn open(
        &self,
        _: &DestinationDocument,
        _: &MlsId,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        Ok(Box::new(Sqlite::open(&self.0, Options::default()).await?))
    }
}

/// One replication of some resources, with one copy.
struct Town {
    env: Env,
    objects: Arc<Counted>,
    clock: Arc<ManualClock>,
    queue: Arc<MemoryQueue>,
    book: Control,
    _simulator: Simulator,
    folder: tempfile::TempDir,
}

impl Town {
    async fn of(resources: &[&str]) -> Town {
        let spec = MlsSpec {
            options: MlsOptions {
                records: Some(Records::default()),
                ..MlsOptions::default()
            },
            ..MlsSpec::new("abor", Provider::Trestle, 60)
        };
        let simulator = Simulator::start(vec![spec.clone()]).await.unwrap();
        let objects = Arc::new(Counted(MemoryObjects::new(), Mutex::default()));
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let queue = Arc::new(MemoryQueue::default());
        let secrets = MemorySecrets::default();
        let secret = spec.credential.members().to_string();
        secrets.set("env:ABOR".parse().unwrap(), secret);
        let env = Env::in_memory(
            objects.clone(),
            clock.clone(),
            Arc::new(HttpTransport::new()),
        );
        let env = Env {
            leases: Arc::new(ObjectLeases::new(objects.clone(), clock.clone())),
            queue: queue.clone(),
            secrets: Arc::new(secrets),
            ..env.unwrap()
        };
        let mut mls = json!({"mls": "abor", "provider": "trestle", "credential": "env:ABOR",
            "base_url": simulator.base_url("abor"), "token_url": simulator.token_url("abor")});
        for (name, value) in spec.settings() {
            mls[name] = value;
        }
        let resources: Vec<Value> = resources.iter().map(|r| json!({ "resource": r })).collect();
        for (key, document) in [
            ("mls/abor", mls),
            (
                "replications/abor",
                json!({"replication": "abor", "mls": "abor", "resources": resources,
                "destinations": ["site"]}),
            ),
            (
                "destinations/site",
                json!({"destination": "site", "kind": "postgres", "url": "env:SITE"}),
            ),
        ] {
            let key = format!("registry/{key}.json");
            let put = objects.write_json(&key, &document, Condition::Always, Retention::Keep);
            put.await.unwrap();
        }
        objects.take();
        Town {
            env,
            objects,
            clock,
            queue,
            book: simulator.control("abor").unwrap(),
            _simulator: simulator,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A sync a quarter of an hour later, with its calls. Those of the queue: the message is received and deleted, and
    /// each copy's is sent.
    async fn sync(&mut self) -> (Made, Ops) {
        self.clock.advance(Duration::from_secs(900));
        self.book.ahead(900);
        let due = SyncDue::of("abor".parse().unwrap(), self.env.clock.now());
        let body = serde_json::to_string(&due).unwrap();
        let made = match steps::run(&mut self.env, &body).await.unwrap() {
            steps::Output::Made(made) => made,
            other => panic!("{other:?}"),
        };
        let sent = u64::from(made.told > 0);
        let ops = Ops {
            queue: 2 + sent,
            ..self.objects.take()
        };
        (made, ops)
    }

    /// What the copies' messages say is done, with its calls.
    async fn apply(&self) -> Ops {
        let opens = File(self.folder.path().join("copy.sqlite"));
        let message = self.queue.take().unwrap();
        let due: CopyDue = serde_json::from_str(&message.body).unwrap();
        let output = copy::run(&self.env, &opens, &due).await.unwrap();
        assert!(
            matches!(output, copy::Output::Applied { is_whole: true, .. }),
            "{output:?}"
        );
        Ops {
            queue: 2,
            parameters: 1,
            ..self.objects.take()
        }
    }
}

#[tokio::test]
async fn a_sync_and_a_copy_make_the_calls_of_the_model() {
    for resources in [&["Property"][..], &["Property", "Member", "Office"]] {
        let mut town = Town::of(resources).await;
        let of = resources.len() as u64;
        town.sync().await;
        town.apply().await;
        let (made, ops) = town.sync().await;
        assert_eq!(made.pass.outcome, PassOutcome::Unchanged);
        assert_eq!(ops, sync(of, Found::Nothing), "{of} quiet");
        let mut merges = 0;
        for nth in 0..NEWS {
            town.book.change(Change::Reprice, 1);
            let (made, ops) = town.sync().await;
            assert_eq!((made.pass.outcome, made.told), (PassOutcome::Pulled, 1));
            let usual = sync(of, Found::Something);
            let more = ops.puts.saturating_sub(usual.puts);
            // Later pieces are looked into where the first does not have the key.
            assert!(
                (usual.gets..=usual.gets + 10).contains(&ops.gets),
                "{of}, {nth}: {ops:?}"
            );
            match more {
                0 => assert_eq!(ops.queue, usual.queue),
                more => {
                    assert!((MERGE..=MERGE + 2).contains(&more), "{of}, {nth}: {ops:?}");
                    merges += 1;
                }
            }
            assert_eq!(town.apply().await, apply(of), "{of}, {nth}");
        }
        assert_eq!(merges, NEWS / A_MERGE, "{of}");
    }
}
