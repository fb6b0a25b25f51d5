//! The same days in one process and through the state machine: both publish the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use livelist_mls::{MlsSpec, Provider};
use livelist_model::layout;
use livelist_model::run::RunSpec;
use livelist_reso::HttpTransport;
use livelist_steps::Env;
use livelist_steps::chain::{Ended, reconcile};
use livelist_store::directory::{DirectoryLeases, DirectoryObjects};
use livelist_store::memory::{ManualClock, MemorySecrets};
use livelist_store::{Condition, Objects, ObjectsExt as _, Retention};
use livelist_tests::world::World;
use serde_json::Value;

/// The pipeline in this process, on a directory.
struct Process {
    env: Env,
    objects: Arc<DirectoryObjects>,
}

impl Process {
    fn on(directory: &std::path::Path) -> Process {
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let objects = Arc::new(DirectoryObjects::open(directory).unwrap());
        let env = Env {
            leases: Arc::new(DirectoryLeases::open(directory, clock.clone()).unwrap()),
            ..Env::in_memory(objects.clone(), clock, Arc::new(HttpTransport::new())).unwrap()
        };
        Process { env, objects }
    }

    async fn day(&mut self, run: RunSpec, secret: &Value) -> Value {
        let (key, document) = (layout::mls(&run.feed.mls), run.feed.document());
        let (always, keep) = (Condition::Always, Retention::Keep);
        let written = self.objects.write_json(&key, &document, always, keep);
        written.await.unwrap();
        let secrets = MemorySecrets::default();
        secrets.set(run.feed.credential.clone(), secret.to_string());
        self.env.secrets = Arc::new(secrets);
        match reconcile(&self.env, run, "process", &|_| {}).await {
            Ended::Result(output) => serde_json::to_value(output).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// The published lists of a feed and what its head says of them, but for the times.
async fn published(objects: &dyn Objects, run: &RunSpec) -> (BTreeMap<String, Vec<u8>>, Value) {
    let mut lists = BTreeMap::new();
    for folder in ["snapshots", "deltas"] {
        let prefix = format!("feeds/{}/{folder}/", run.feed.feed);
        for listed in objects.list(&prefix).await.unwrap() {
            lists.insert(
                listed.key.clone(),
                objects.read(&listed.key).await.unwrap().unwrap().0,
            );
        }
    }
    let head = objects
        .read_json::<Value>(&layout::head(&run.feed.feed))
        .await
        .unwrap();
    let mut head = head.expect("a head").0;
    for time in [
        "version",
        "epoch",
        "as_of",
        "checked_at",
        "published_at",
        "next_expected_at",
        // It tells since when.
        "gone",
    ] {
        head[time] = Value::Null;
    }
    for delta in head["deltas"].as_array_mut().unwrap() {
        for time in ["from", "to", "published_at"] {
            delta[time] = Value::Null;
        }
    }
    (lists, head)
}

async fn same_bytes(mls: &str, provider: Provider) {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::on(directory.path());
    let world = World::one(mls, provider, 700).await;
    let secret = MlsSpec::new(mls, provider, 0).credential.members();
    for date in ["2026-11-21", "2026-11-22", "2026-11-23"] {
        let run = world.run(mls, date);
        let execution = world.one_day(date).await;
        assert_eq!(
            execution.status, "SUCCEEDED",
            "{} {}",
            execution.error, execution.cause
        );
        let in_process = process.day(run.clone(), &secret).await;
        for number in [
            "outcome",
            "sequence",
            "count",
            "added",
            "removed",
            "confirmed",
        ] {
            assert_eq!(
                execution.output[number], in_process[number],
                "{date}: {number}"
            );
        }
        let (lists, head) = published(&world.objects, &run).await;
        let (lists_in_process, head_in_process) = published(&*process.objects, &run).await;
        let names = |lists: &BTreeMap<String, Vec<u8>>| lists.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&lists), names(&lists_in_process), "{date}");
        assert!(
            lists == lists_in_process,
            "{date}: other bytes under the same names"
        );
        assert_eq!(head, head_in_process, "{date}");
        world.control(mls).sell(40);
        world.control(mls).add(11);
    }
    assert_eq!(world.head(mls).await.unwrap().sequence, 3);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn of_plain_reso() {
    same_bytes("same-reso", Provider::Reso).await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn of_trestle() {
    same_bytes("same-trestle", Provider::Trestle).await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn of_mls_grid() {
    same_bytes("same-mlsgrid", Provider::MlsGrid).await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn of_bridge() {
    same_bytes("same-bridge", Provider::Bridge).await;
}

/// A user's password, and rows by link.
#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn of_rapattoni() {
    same_bytes("same-rapattoni", Provider::Rapattoni).await;
}

/// A key that travels with the token.
#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn of_realtyna() {
    same_bytes("same-realtyna", Provider::Realtyna).await;
}

/// Rows by timestamp and key.
#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn of_ampre() {
    same_bytes("same-ampre", Provider::Ampre).await;
}
