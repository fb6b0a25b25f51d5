//! Records of an MLS in a real PostgreSQL and MariaDB: planned by the function `syncs`, read by `pull`, applied by
//! `apply`. The log and both copies have what the same syncs make in one process.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use livelist_destinations::mysql::MySql;
use livelist_destinations::postgres::Postgres;
use livelist_destinations::{Destination, Options};
use livelist_log::Log;
use livelist_mls::{Change, MlsSpec, Options as MlsOptions, Provider, Records};
use livelist_model::ReplicationId;
use livelist_model::syncs::{PassOutcome, Proved, SyncDue, Syncs};
use livelist_reso::HttpTransport;
use livelist_steps::Env;
use livelist_steps::records::{sync, syncs};
use livelist_store::directory::{DirectoryLeases, DirectoryObjects};
use livelist_store::memory::MemorySecrets;
use livelist_store::{Condition, Objects, ObjectsExt as _, Retention, SystemClock, SystemEntropy};
use livelist_tests::stack::eventually;
use livelist_tests::world::World;
use serde_json::json;

#[path = "../../../crates/livelist-destinations/tests/support/mod.rs"]
mod support;

/// The client, the MLS and the replication.
const NAME: &str = "synced";

/// A registry document.
async fn write(objects: &dyn Objects, key: &str, document: &serde_json::Value) {
    let (always, keep) = (Condition::Always, Retention::Keep);
    let key = format!("registry/{key}.json");
    let written = objects.write_json(&key, document, always, keep);
    written.await.unwrap();
}

/// The live records of a log, with their hashes.
async fn logged(objects: &dyn Objects) -> BTreeMap<String, u64> {
    let name: ReplicationId = NAME.parse().unwrap();
    let log = Log::open(objects, &name, "", jiff::Timestamp::UNIX_EPOCH).await;
    let log = log.unwrap();
    let mut entries = log.entries(log.whole()).await.unwrap();
    let mut live = BTreeMap::new();
    while let Some(entry) = entries.next().await.unwrap() {
        if let Some(hash) = entry.hash() {
            live.insert(entry.place.key, hash);
        }
    }
    live
}

/// The rows of a copy, with their hashes.
async fn stored(mut copy: impl Destination) -> BTreeMap<String, u64> {
    let rows = copy.keys("Property", None, 10_000).await.unwrap();
    rows.into_iter().map(|row| (row.key, row.hash)).collect()
}

/// The same syncs in this process, on a directory.
struct Process {
    env: Env,
    objects: Arc<DirectoryObjects>,
}

impl Process {
    fn on(directory: &std::path::Path, secret: String) -> Process {
        let objects = Arc::new(DirectoryObjects::open(directory).unwrap());
        let clock = Arc::new(SystemClock);
        let secrets = MemorySecrets::default();
        let reference = format!("ssm:/livelist/mls/{NAME}");
        secrets.set(reference.parse().unwrap(), secret);
        let env = Env::in_memory(
            objects.clone(),
            clock.clone(),
            Arc::new(HttpTransport::new()),
        );
        let env = Env {
            leases: Arc::new(DirectoryLeases::open(directory, clock).unwrap()),
            entropy: Arc::new(SystemEntropy),
            secrets: Arc::new(secrets),
            ..env.unwrap()
        };
        Process { env, objects }
    }

    async fn sync(&mut self) {
        let due = SyncDue::of(NAME.parse().unwrap(), self.env.clock.now());
        let body = serde_json::to_string(&due).unwrap();
        match sync::run(&mut self.env, &body).await.unwrap() {
            sync::Output::Made(made) => assert!(made.pass.errors.is_empty(), "{made:?}"),
            other => panic!("{other:?}"),
        }
    }
}

/// Asks for a sync, and waits until it has been made and both copies are at the log's end, without an error.
async fn synced(world: &World, nth: usize) -> Syncs {
    let name = world.stack.output("SyncsName");
    let asked = json!({ "replication": NAME });
    let planned = world.stack.invoke(name, &asked).await.unwrap();
    assert_eq!(planned["sent"], 1, "{planned}");
    eventually(&format!("the copies after sync {nth}"), || async {
        let known = syncs::read(&world.objects, &NAME.parse().unwrap()).await;
        let known = known.unwrap();
        let is_there = |copy: &livelist_model::syncs::CopyState| {
            let is_proved = copy
                .proof
                .as_ref()
                .is_some_and(|proof| proof.number == copy.newest);
            copy.position == copy.newest && copy.newest > 0 && copy.error.is_none() && is_proved
        };
        let all = known.copies.len() == 2 && known.copies.values().all(is_there);
        (known.passes.len() == nth && all).then_some(known)
    })
    .await
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn records_reach_real_databases_by_function_calls_alone() {
    let postgres = support::Server::start("PostgreSQL", support::POSTGRES);
    let mariadb = support::Server::start("MariaDB", support::MARIADB);
    let (Some(postgres), Some(mariadb)) = (postgres, mariadb) else {
        return;
    };
    let made = Command::new("mariadb")
        .args([
            "--no-defaults",
            "--protocol=tcp",
            "--skip-ssl",
            "-h",
            "127.0.0.1",
            "-u",
            "root",
        ])
        .args([
            "-P",
            &mariadb.port.to_string(),
            "-e",
            "CREATE DATABASE site",
        ])
        .status();
    assert!(made.unwrap().success());
    let urls = [
        (
            "pg",
            "postgres",
            format!(
                "postgres://root@127.0.0.1:{}/postgres?sslmode=disable",
                postgres.port
            ),
        ),
        (
            "maria",
            "mysql",
            format!("mysql://root@127.0.0.1:{}/site", mariadb.port),
        ),
    ];
    let spec = MlsSpec {
        page_limit: Some(100),
        options: MlsOptions {
            records: Some(Records::default()),
            ..MlsOptions::default()
        },
        ..MlsSpec::new(NAME, Provider::Trestle, 250)
    };
    let secret = spec.credential.members().to_string();
    let world = World::open(NAME, vec![spec]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::on(directory.path(), secret);
    for (name, kind, url) in &urls {
        let parameter = format!("/livelist/destinations/{name}");
        world.stack.put_text(&parameter, url).await;
        let document =
            json!({"destination": name, "kind": kind, "url": format!("ssm:{parameter}")});
        for objects in [&world.objects as &dyn Objects, &*process.objects] {
            write(objects, &format!("destinations/{name}"), &document).await;
        }
    }
    let replication = json!({"replication": NAME, "mls": NAME, "destinations": ["pg", "maria"],
        "resources": [{"resource": "Property"}]});
    let mls = world
        .objects
        .read_json(&format!("registry/mls/{NAME}.json"))
        .await;
    let (mls, _) = mls.unwrap().unwrap();
    for objects in [&world.objects as &dyn Objects, &*process.objects] {
        write(objects, &format!("mls/{NAME}"), &mls).await;
        write(objects, &format!("replications/{NAME}"), &replication).await;
    }

    // The first load, and its proof.
    let known = synced(&world, 1).await;
    assert_eq!(known.passes[0].outcome, PassOutcome::Pulled);
    assert_eq!(known.passes[0].upserts, 250);
    for (name, copy) in &known.copies {
        let proof = copy.proof.as_ref().unwrap();
        assert_eq!(
            (proof.outcome, proof.records),
            (Proved::Equal, 250),
            "{name}"
        );
    }
    process.sync().await;

    // A day: some change, some are sold, which a nightly run proves.
    let book = world.control(NAME);
    world.one_day("2026-11-21").await;
    let sold = book.sell(4);
    book.add(3);
    book.change(Change::Reprice, 20);
    book.change(Change::Status, 5);
    let execution = world.one_day("2026-11-22").await;
    assert_eq!(execution.output["removed"], 4, "{}", execution.cause);
    book.ahead(900);
    let known = synced(&world, 2).await;
    assert_eq!(known.passes[1].removals, 4, "{:?}", known.passes[1]);
    assert_eq!(
        known
            .copies
            .values()
            .filter(|c| c.settled_at.is_some())
            .count(),
        2
    );
    assert_eq!(
        known
            .copies
            .values()
            .filter(|c| c.proof.as_ref().unwrap().number == c.newest)
            .count(),
        2
    );

    // In one process: what the nightly run proved is read from the same objects.
    let feed = world.feed(NAME).feed;
    for listed in world.objects.list(&format!("feeds/{feed}/")).await.unwrap() {
        let (bytes, _) = world.objects.read(&listed.key).await.unwrap().unwrap();
        let put = process.objects.put(
            &listed.key,
            bytes.into(),
            Condition::Always,
            Retention::Keep,
        );
        put.await.unwrap();
    }
    process.sync().await;

    let live = logged(&world.objects).await;
    assert_eq!(live.keys().cloned().collect::<Vec<_>>(), book.live_keys());
    assert!(sold.iter().all(|key| !live.contains_key(key)));
    assert_eq!(logged(&*process.objects).await, live, "as in one process");
    let opened = Postgres::open(&urls[0].2, Options::default())
        .await
        .unwrap();
    assert_eq!(stored(opened).await, live, "PostgreSQL");
    let opened = MySql::open(&urls[1].2, Options::default()).await.unwrap();
    assert_eq!(stored(opened).await, live, "MariaDB");
    // The addresses are secrets.
    let logs = world.stack.logs().await;
    assert!(logs.iter().any(|line| line.contains("\"step\":\"apply\"")));
    for (_, _, url) in &urls {
        assert!(logs.iter().all(|line| !line.contains(url)));
    }
}

/// A database that is down holds no other, and gets what it lacks when it is there.
#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_copy_that_fails_holds_no_other() {
    const NAME: &str = "halves";
    let Some(postgres) = support::Server::start("PostgreSQL", support::POSTGRES) else {
        return;
    };
    let spec = MlsSpec {
        options: MlsOptions {
            records: Some(Records::default()),
            ..MlsOptions::default()
        },
        ..MlsSpec::new(NAME, Provider::Reso, 40)
    };
    let world = World::open(NAME, vec![spec]).await;
    let right = format!(
        "postgres://root@127.0.0.1:{}/postgres?sslmode=disable",
        postgres.port
    );
    let address = "/livelist/destinations/half-late";
    for (name, url) in [
        ("half-good", right.as_str()),
        ("half-late", "postgres://nobody@127.0.0.1:1/site"),
    ] {
        let parameter = format!("/livelist/destinations/{name}");
        world.stack.put_text(&parameter, url).await;
        let document = json!({"destination": name, "kind": "postgres", "url": format!("ssm:{parameter}"),
            "prefix": if name == "half-late" { "late_" } else { "" }});
        write(&world.objects, &format!("destinations/{name}"), &document).await;
    }
    let replication = json!({"replication": NAME, "mls": NAME, "resources": [{"resource": "Property"}],
        "destinations": ["half-late", "half-good"]});
    write(
        &world.objects,
        &format!("replications/{NAME}"),
        &replication,
    )
    .await;
    let sync = async |what: &str, is_right: &(dyn Fn(&Syncs) -> bool + Sync)| {
        let asked = json!({ "replication": NAME });
        let name = world.stack.output("SyncsName");
        world.stack.invoke(name, &asked).await.unwrap();
        eventually(what, || async {
            let known = syncs::read(&world.objects, &NAME.parse().unwrap()).await;
            known.ok().filter(is_right)
        })
        .await
    };
    let (good, late) = ("half-good".parse().unwrap(), "half-late".parse().unwrap());
    let at = |known: &Syncs, name| known.copies.get(name).cloned().unwrap_or_default();
    let known = sync("one copy, and an error", &|known| {
        at(known, &good).position == 40 && at(known, &late).error.is_some()
    })
    .await;
    let error = at(&known, &late).error.unwrap();
    assert_eq!(error.name, "DestinationUnavailable", "{}", error.message);
    world.stack.put_text(address, &right).await;
    let known = sync("both copies", &|known| at(known, &late).position == 40).await;
    assert_eq!(at(&known, &late).error, None);
}
