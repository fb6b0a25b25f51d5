//! A client with pairs at simulated MLSs, registered in the stack's bucket, and its days: planned by
//! the planner, started by the worker, run by the state machine, served by the HTTP API.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use flate2::read::GzDecoder;
use http::{Method, Response};
use livelist_aws::S3Objects;
use livelist_mls::{Control, MlsSpec, Provider, Simulator};
use livelist_model::codec::digest;
use livelist_model::head::Head;
use livelist_model::notice::{Deliveries, Delivery};
use livelist_model::record::RunRecord;
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_model::{FeedId, layout};
use livelist_reso::Dialects;
use livelist_store::{Condition, Objects as _, ObjectsExt as _, Retention, SystemEntropy};
use serde_json::{Value, json};

use crate::stack::{Execution, Stack, eventually};

/// The client's world. Tests share the stack and its bucket, so each has a client and MLSs of its
/// own names.
pub struct World {
    /// The stack.
    pub stack: Stack,
    /// The MLSs.
    pub simulator: Simulator,
    /// The stack's bucket.
    pub objects: S3Objects,
    client: String,
    mls: BTreeMap<String, Value>,
}

impl World {
    /// Starts the MLSs and registers them with a client that has a pair at each.
    pub async fn open(client: &str, specs: Vec<MlsSpec>) -> World {
        let stack = Stack::get();
        let clients = stack.clients().await;
        let objects = clients.objects(stack.output("BucketName"), Arc::new(SystemEntropy));
        let mut world = World {
            simulator: Simulator::start(specs.clone()).await.unwrap(),
            stack,
            objects,
            client: client.to_owned(),
            mls: BTreeMap::new(),
        };
        for spec in &specs {
            let secret = spec.credential.members();
            world
                .stack
                .put_secret(&format!("/livelist/mls/{}", spec.mls), &secret)
                .await;
            let mut document = json!({
                "mls": spec.mls,
                "provider": spec.provider,
                "base_url": world.simulator.base_url(&spec.mls),
                "credential": format!("ssm:/livelist/mls/{}", spec.mls),
            });
            let token_url = world.simulator.token_url(&spec.mls);
            if !token_url.is_empty() {
                document["token_url"] = json!(token_url);
            }
            for (name, value) in spec.settings() {
                document[name] = value;
            }
            world.mls.insert(spec.mls.clone(), document);
        }
        for mls in world.mls.keys().cloned().collect::<Vec<_>>() {
            world.register(&mls, json!({})).await;
        }
        world.register_client(json!({})).await;
        world
    }

    /// Writes the document of the client, with `members` put in.
    pub async fn register_client(&self, members: Value) {
        let pairs = self
            .mls
            .keys()
            .map(|mls| json!({ "mls": mls, "resource": "Property" }));
        let mut document = json!({
            "client": self.client,
            "api_keys": [{ "id": "site", "sha256": digest(self.site_key().as_bytes()) }],
            "pairs": pairs.collect::<Vec<_>>(),
        });
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let key = format!("registry/clients/{}.json", self.client);
        self.write(&key, &document).await;
    }

    /// A world with one MLS, which has the client's name.
    pub async fn one(client: &str, provider: Provider, listings: u64) -> World {
        let spec = MlsSpec {
            page_limit: Some(100),
            ..MlsSpec::new(client, provider, listings)
        };
        World::open(client, vec![spec]).await
    }

    /// Writes the document of an MLS, with `members` put in.
    pub async fn register(&mut self, mls: &str, members: Value) {
        let document = self.mls.get_mut(mls).unwrap();
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let document = document.clone();
        self.write(&format!("registry/mls/{mls}.json"), &document)
            .await;
    }

    async fn write(&self, key: &str, document: &Value) {
        let written = self
            .objects
            .write_json(key, document, Condition::Always, Retention::Keep);
        written.await.unwrap();
    }

    /// The hands on an MLS.
    pub fn control(&self, mls: &str) -> Control {
        self.simulator.control(mls).unwrap()
    }

    /// The key of the client's site.
    pub fn site_key(&self) -> String {
        format!("{}-site-key-4be1d7", self.client)
    }

    /// The feed that the client sees of an MLS.
    pub fn feed(&self, mls: &str) -> FeedSpec {
        let text = self.mls[mls].to_string();
        let parsed = parse_mls(&format!("mls/{mls}.json"), text.as_bytes(), &Dialects).unwrap();
        let pair = Pair {
            mls: parsed.mls.clone(),
            resource: "Property".parse().unwrap(),
            filter: None,
            enabled: true,
        };
        FeedSpec::resolve(&parsed, &pair)
    }

    /// The run of an MLS on a day.
    pub fn run(&self, mls: &str, date: &str) -> RunSpec {
        RunSpec::of(date.parse().unwrap(), self.feed(mls))
    }

    /// Has the planner plan a day of this client.
    pub async fn plan(&self, date: &str) -> Value {
        let asked = json!({ "date": date, "client": self.client });
        self.stack
            .invoke(self.stack.output("PlannerName"), &asked)
            .await
            .unwrap()
    }

    /// Waits for the end of the run of an MLS on a day.
    pub async fn ended(&self, mls: &str, date: &str) -> Execution {
        let run = self.run(mls, date).run;
        let arn = Stack::execution_arn(self.stack.output("MachineArn"), run.as_str());
        self.stack.ended(&arn).await
    }

    /// Plans a day and waits for the end of all its runs.
    pub async fn day(&self, date: &str) -> BTreeMap<String, Execution> {
        self.plan(date).await;
        let mut ended = BTreeMap::new();
        for mls in self.mls.keys() {
            ended.insert(mls.clone(), self.ended(mls, date).await);
        }
        ended
    }

    /// A day of a world with one MLS.
    pub async fn one_day(&self, date: &str) -> Execution {
        let ended = self.day(date).await;
        ended.into_values().next().unwrap()
    }

    /// The head of an MLS's feed.
    pub async fn head(&self, mls: &str) -> Option<Head> {
        let key = layout::head(&self.feed(mls).feed);
        self.objects
            .read_json(&key)
            .await
            .unwrap()
            .map(|(head, _)| head)
    }

    /// What became of the notices of an MLS's feed to the client, newest event first.
    pub async fn notices(&self, mls: &str) -> Vec<Delivery> {
        let client = self.client.parse().unwrap();
        let key = layout::notices(&client, &self.feed(mls).feed);
        let read = self.objects.read_json::<Deliveries>(&key).await.unwrap();
        read.map_or_else(Vec::new, |(known, _)| known.deliveries)
    }

    /// What a run left behind for people.
    pub async fn record(&self, mls: &str, date: &str) -> RunRecord {
        let run = self.run(mls, date);
        let key = layout::run_record(&run.feed.feed, &run.run);
        self.objects
            .read_json(&key)
            .await
            .unwrap()
            .expect("run.json")
            .0
    }

    /// The published keys of an MLS, as they are stored.
    pub async fn published(&self, mls: &str) -> Vec<String> {
        let head = self.head(mls).await.expect("a head");
        let (bytes, _) = self.objects.read(&head.full.object).await.unwrap().unwrap();
        checked_keys(&bytes, &head.sha256, head.count)
    }

    /// Asks the HTTP API as the client's site.
    pub async fn ask_api(&self, path: &str) -> Response<bytes::Bytes> {
        let url = format!("{}{path}", self.stack.at("/api"));
        let key = format!("Bearer {}", self.site_key());
        self.stack
            .send(Method::GET, &url, &[("authorization", &key)], "")
            .await
    }

    /// What the HTTP API says of an MLS; waits while it does not know the client yet.
    pub async fn manifest(&self, mls: &str, query: &str) -> Value {
        let path = format!("/v1/feeds/{}/live{query}", self.feed(mls).feed);
        eventually(&path, || async {
            let answer = self.ask_api(&path).await;
            let found = answer.status() == 200;
            found.then(|| serde_json::from_slice(answer.body()).unwrap())
        })
        .await
    }

    /// Downloads a list as a site does: by its link, without credentials.
    pub async fn download(&self, list: &Value, sha256: &Value, count: u64) -> Vec<String> {
        let answer = self
            .stack
            .send(Method::GET, list["url"].as_str().unwrap(), &[], "")
            .await;
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
        checked_keys(answer.body(), sha256.as_str().unwrap(), count)
    }

    /// Every object of a feed, by its name, unpacked.
    pub async fn objects_of(&self, feed: &FeedId) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        for listed in self.objects.list(&format!("feeds/{feed}/")).await.unwrap() {
            let (bytes, _) = self.objects.read(&listed.key).await.unwrap().unwrap();
            let bytes = if listed.key.ends_with(".gz") {
                unpacked(&bytes)
            } else {
                bytes
            };
            all.insert(listed.key, bytes);
        }
        all
    }
}

/// The text of a gzip file.
pub fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

fn checked_keys(bytes: &[u8], sha256: &str, count: u64) -> Vec<String> {
    let text = unpacked(bytes);
    assert_eq!(digest(&text), sha256);
    let text = String::from_utf8(text).unwrap();
    let keys: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(keys.len() as u64, count);
    assert!(
        keys.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()),
        "sorted by bytes, unique"
    );
    keys
}
