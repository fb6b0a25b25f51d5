//! Records of a third MLS, as the functions of records copy them: syncs by the schedule, a copy, what nightly runs
//! prove. The copy is a SQLite file; its address is read as that of a database is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use livelist_destinations::sqlite::Sqlite;
use livelist_destinations::{Destination, DestinationError, Options};
use livelist_mls::Change;
use livelist_model::MlsId;
use livelist_model::registry::DestinationDocument;
use livelist_model::syncs::{CopyDue, CopyProof, PassOutcome, Proved};
use livelist_ops::copies;
use livelist_steps::records::copy::{self, Opens};
use livelist_steps::records::sync::{self, Made};
use livelist_steps::records::{schedule, syncs};
use livelist_store::registry::Documents;
use livelist_store::{Objects as _, Queue as _, Secrets};
use serde_json::json;

use super::life::Life;

/// The MLS with records, and the replication.
pub const MLS: &str = "rec";
/// Where the address of the database is.
pub const ADDRESS: &str = "ssm:/livelist/destinations/site";

/// Opens the file, whatever the address says.
struct File {
    secrets: Arc<dyn Secrets>,
    path: PathBuf,
}

#[async_trait]
impl Opens for File {
    async fn open(
        &self,
        document: &DestinationDocument,
        _: &MlsId,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        let address = document.url.as_ref().unwrap();
        self.secrets.get(address).await.unwrap();
        Ok(Box::new(
            Sqlite::open(&self.path, Options::default()).await?,
        ))
    }
}

impl Life {
    pub async fn copied_records(&self) {
        let folder = tempfile::tempdir().unwrap();
        let opens = File {
            secrets: self.of(copy::NAME).secrets.clone(),
            path: folder.path().join("copy.sqlite"),
        };
        let mls = json!({"mls": MLS, "resource": "Property"});
        let replication = json!({"replication": MLS, "mls": MLS, "destinations": ["site"],
            "resources": [{"resource": "Property"}]});
        let destination = json!({"destination": "site", "kind": "postgres", "url": ADDRESS});
        for (key, document) in [
            ("clients/rex", json!({"client": "rex", "pairs": [mls]})),
            ("replications/rec", replication),
            ("destinations/site", destination),
        ] {
            self.register(&format!("registry/{key}.json"), &document)
                .await;
        }
        let book = self.book(MLS);
        let made = self.sync().await.unwrap();
        assert_eq!((made.pass.upserts, made.told), (300, 1), "{made:?}");
        let proof = self.applied(&opens).await.unwrap();
        assert_eq!((proof.outcome, proof.records), (Proved::Equal, 300));

        // Read, and gone before a list has it; and sold after a list had it.
        self.day().await;
        let early = book.add(1);
        book.ahead(900);
        assert_eq!(self.sync().await.unwrap().pass.upserts, 1);
        book.sell_keys(&early);
        book.sell(3);
        // Listed by a run before a window has it: it is asked for.
        book.add(1);
        self.day().await;
        let made = self.sync().await.unwrap();
        assert_eq!(made.pass.removals, 3, "{made:?}");
        self.applied(&opens).await.unwrap();
        let asked = self.objects().list("questions/").await.unwrap();
        assert!(asked.iter().any(|q| q.key.ends_with("/log-rec.json")));

        // Until segments of the log are merged.
        for _ in 0..8 {
            book.change(Change::Reprice, 1);
            book.ahead(900);
            let made = self.sync().await.unwrap();
            assert_eq!(made.pass.outcome, PassOutcome::Pulled, "{made:?}");
        }
        let retired = self.objects().retired();
        assert!(retired.iter().any(|key| key.starts_with("records/rec/")));
        assert_eq!(
            self.sync().await.unwrap().pass.outcome,
            PassOutcome::Unchanged
        );
        self.applied(&opens).await;

        // A replication that is no more.
        let gone = CopyDue::of("gone".parse().unwrap(), "site".parse().unwrap(), false);
        let left = copy::run(self.of(copy::NAME), &opens, &gone).await.unwrap();
        assert!(matches!(left, copy::Output::Left(_)), "{left:?}");

        // Nobody's messages, a paused MLS, an old sync.
        let mut pull = self.pull.lock().await;
        let dead = sync::run(&mut pull, "no sync").await.unwrap();
        assert!(matches!(dead, sync::Output::DeadLettered(_)));
        let pause = json!({ "schema": 1, "at": "2026-11-21T04:00:00Z", "by": "operator" });
        let due = |at: String| json!({"schema": 1, "replication": MLS, "at": at}).to_string();
        let now = self.clock_now();
        let old = sync::run(&mut pull, &due("2026-11-20T04:00:00Z".to_owned())).await;
        assert!(matches!(old.unwrap(), sync::Output::Left(_)));
        self.register("paused/mls/rec.json", &pause).await;
        let paused = sync::run(&mut pull, &due(now.to_string())).await.unwrap();
        let sync::Output::Left(reason) = paused else {
            panic!("{paused:?}");
        };
        assert!(reason.contains("is paused"), "{reason}");
    }

    /// The planner's next call, and the sync that falls due; then what operators are told of the copies.
    async fn sync(&self) -> Option<Made> {
        self.clock.advance(Duration::from_secs(900));
        let env = self.of(schedule::NAME);
        let mut documents = Documents::of_syncs();
        let input = schedule::Input {
            time: None,
            replication: Some(MLS.parse().unwrap()),
        };
        let (planned, registry) = schedule::run(env, &mut documents, input).await.unwrap();
        assert_eq!((planned.sent, planned.findings), (1, 0));
        // Behind copies that nobody has taken up yet.
        let mut waiting = Vec::new();
        let body = loop {
            let message = self.due.take().unwrap();
            match message.body.contains("\"destination\"") {
                true => waiting.push(message),
                false => break message.body,
            }
        };
        self.due.send(&waiting).await.unwrap();
        let mut pull = self.pull.lock().await;
        let made = match sync::run(&mut pull, &body).await.unwrap() {
            sync::Output::Made(made) => made,
            other => panic!("{other:?}"),
        };
        let told = copies::read(&*env.objects, &registry, env.clock.now()).await;
        // This one, and those of the feeds whose scans keep stamps.
        assert_eq!(told.unwrap().len(), 1 + 2);
        Some(made)
    }

    /// What the copy's messages say is applied; gives the last proof. Afterwards the copy is at the log's end.
    async fn applied(&self, opens: &File) -> Option<CopyProof> {
        let env = self.of(copy::NAME);
        let mut last = None;
        while let Some(message) = self.due.take() {
            let due: CopyDue = serde_json::from_str(&message.body).unwrap();
            match copy::run(env, opens, &due).await.unwrap() {
                copy::Output::Applied {
                    is_whole: true,
                    proof,
                    ..
                } => last = proof.or(last),
                other => panic!("{other:?}"),
            }
        }
        let known = syncs::read(self.objects(), &MLS.parse().unwrap()).await;
        let known = known.unwrap();
        let copy = &known.copies[&"site".parse().unwrap()];
        assert_eq!((copy.position, &copy.error), (copy.newest, &None));
        assert!(copy.settled_at.is_some());
        last
    }
}
