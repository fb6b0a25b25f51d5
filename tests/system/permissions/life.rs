//! Some weeks of a small installation in one process: two simulated MLSs, and each function with its own
//! environment that records its accesses. Everything that the functions ever do has to happen here, or its
//! permission looks superfluous.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{Empty, Full};
use livelist_api::ApiState;
use livelist_mls::{
    Control, Fault, FaultRule, MlsSpec, On, Options, Provider, Records, RetryAfter, Simulator,
};
use livelist_model::codec::digest;
use livelist_model::decision::HeldReason;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::notice::{EventKind, FeedEvent, NoticeMessage};
use livelist_model::record::RunRecord;
use livelist_model::run::RunSpec;
use livelist_notify::{Handled, Notifier, Rules, Sender, SystemResolver};
use livelist_reso::HttpTransport;
use livelist_steps::publish::Outcome;
use livelist_steps::{
    Env, Limits, acquire, authorize, compare, confirm, publish, records, release, scan, start,
};
use livelist_store::memory::{
    ManualClock, MemoryExecutions, MemoryLinks, MemoryObjects, MemoryOutbox, MemoryQueue,
    MemorySecrets, SeededEntropy,
};
use livelist_store::sealer::ProcessSealer;
use livelist_store::{Condition, Message, Objects as _, ObjectsExt as _, Queue as _, Retention};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::copies;
use super::recording::{Access, Notes, Recording};

/// The functions that work with the steps' environment.
const FUNCTIONS: [&str; 11] = [
    "planner",
    "worker",
    acquire::NAME,
    authorize::NAME,
    scan::NAME,
    compare::NAME,
    confirm::NAME,
    publish::NAME,
    release::NAME,
    records::schedule::NAME,
    records::copy::NAME,
];

/// The function that tells the sites; its ports are not those of the steps.
const NOTIFY: &str = "notify";

/// Days on which one listing comes: more than the head remembers deltas of.
const QUIET_DAYS: u64 = 33;

/// A key that names its client, and one that does not.
const KEYS: [&str; 2] = ["ll1.acme.8Zk2-naming", "opaque-71c4"];

/// Every access there was.
pub async fn lived() -> BTreeSet<Access> {
    let life = Life::begin().await;
    life.ordinary_days().await;
    life.hidden_rows().await;
    life.mass_removals().await;
    life.failures().await;
    life.sites_ask().await;
    life.quiet_days().await;
    life.repeated_tasks().await;
    life.asked_by_id().await;
    life.paused_client().await;
    life.copied_records().await;
    life.dead_letters().await;
    life.told_sites().await;
    life.visitors().await;
    std::mem::take(&mut *life.notes.lock().unwrap())
}

/// The installation.
pub struct Life {
    simulator: Simulator,
    objects: Arc<MemoryObjects>,
    pub clock: Arc<ManualClock>,
    pub queue: Arc<MemoryQueue>,
    outbox: Arc<MemoryOutbox>,
    secrets: Arc<MemorySecrets>,
    functions: BTreeMap<&'static str, Env>,
    /// Both queues of records.
    pub due: Arc<MemoryQueue>,
    /// The function of syncs, which sets its limits.
    pub pull: tokio::sync::Mutex<Env>,
    notes: Notes,
}

impl Life {
    async fn begin() -> Life {
        let providers = [
            ("abor", Provider::Reso),
            ("bolt", Provider::Trestle),
            ("grid", Provider::MlsGrid),
            (copies::MLS, Provider::Trestle),
        ];
        let specs = providers.map(|(mls, provider)| MlsSpec {
            page_limit: Some(150),
            options: Options {
                records: (mls == copies::MLS).then(Records::default),
                ..Options::default()
            },
            ..MlsSpec::new(mls, provider, 300)
        });
        let simulator = Simulator::start(specs.to_vec()).await.unwrap();
        let objects = Arc::new(MemoryObjects::new());
        let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse().unwrap()));
        let queue = Arc::new(MemoryQueue::default());
        let outbox = Arc::new(MemoryOutbox::default());
        let executions = Arc::new(MemoryExecutions::default());
        let sealer = Arc::new(ProcessSealer::new().unwrap());
        let secrets = Arc::new(MemorySecrets::default());
        let notes = Notes::default();
        for spec in &specs {
            let secret = spec.credential.members();
            let reference = format!("ssm:/livelist/mls/{}", spec.mls);
            secrets.set(reference.parse().unwrap(), secret.to_string());
        }
        let address = copies::ADDRESS.parse().unwrap();
        secrets.set(address, "postgres://nobody@127.0.0.1:1/site".to_owned());
        let env = |function: &'static str| {
            let objects = Recording::of(objects.clone(), function, &notes);
            Env {
                secrets: Recording::of(secrets.clone(), function, &notes),
                sealer: Recording::of(sealer.clone(), function, &notes),
                queue: Recording::of(queue.clone(), function, &notes),
                outbox: Recording::of(outbox.clone(), function, &notes),
                executions: Recording::of(executions.clone(), function, &notes),
                // Each page is a task, so that tasks go on where others stopped.
                limits: Limits {
                    task_pages: Some(1),
                    ..Limits::default()
                },
                ..Env::in_memory(objects, clock.clone(), Arc::new(HttpTransport::new())).unwrap()
            }
        };
        let mut functions = BTreeMap::from(FUNCTIONS.map(|function| (function, env(function))));
        let due = Arc::new(MemoryQueue::default());
        if let Some(env) = functions.get_mut(records::schedule::NAME) {
            env.queue = Recording::of(due.clone(), records::schedule::NAME, &notes);
        }
        let pull = Env {
            queue: Recording::of(due.clone(), records::sync::NAME, &notes),
            // Its token does not leave the process.
            sealer: sealer.clone(),
            ..env(records::sync::NAME)
        };
        let life = Life {
            functions,
            due,
            pull: tokio::sync::Mutex::new(pull),
            simulator,
            objects,
            clock,
            queue,
            outbox,
            secrets,
            notes,
        };
        for ((mls, provider), spec) in providers.into_iter().zip(&specs) {
            let mut document = json!({
                "mls": mls,
                "provider": provider,
                "base_url": life.simulator.base_url(mls),
                "credential": format!("ssm:/livelist/mls/{mls}"),
            });
            for (name, value) in spec.settings() {
                document[name] = value;
            }
            let token_url = life.simulator.token_url(mls);
            if !token_url.is_empty() {
                document["token_url"] = json!(token_url);
            }
            life.register(&format!("registry/mls/{mls}.json"), &document)
                .await;
        }
        let pairs = ["abor", "bolt"].map(|mls| json!({ "mls": mls, "resource": "Property" }));
        let keys = KEYS.map(|key| json!({ "id": &key[..3], "sha256": digest(key.as_bytes()) }));
        // Nobody listens there: that a site can be reached has nothing to do with permissions.
        let secret = format!("whsec_{}", "TGl2ZWxpc3Q".repeat(4));
        life.secrets
            .set("ssm:/livelist/notify/acme".parse().unwrap(), secret);
        let notify =
            json!({ "url": "http://127.0.0.1:1/", "credential": "ssm:/livelist/notify/acme" });
        let document =
            json!({ "client": "acme", "api_keys": keys, "pairs": pairs, "notify": notify });
        life.register("registry/clients/acme.json", &document).await;
        // Scans of feeds whose records are copied keep stamps. No sync of these is due on these days.
        for mls in ["abor", "bolt"] {
            let resources = json!([{ "resource": "Property" }]);
            let document = json!({ "replication": mls, "mls": mls, "resources": resources,
                "sync": { "cron": "0 0 1 1 *" } });
            life.register(&format!("registry/replications/{mls}.json"), &document)
                .await;
        }
        life
    }

    pub async fn register(&self, key: &str, document: &Value) {
        let (condition, retention) = (Condition::Always, Retention::Keep);
        let written = self.objects.write_json(key, document, condition, retention);
        written.await.unwrap();
    }

    /// The environment of a function.
    pub fn of(&self, function: &str) -> &Env {
        &self.functions[function]
    }

    /// The bucket, behind the functions' backs.
    pub fn objects(&self) -> &MemoryObjects {
        &self.objects
    }

    pub fn clock_now(&self) -> jiff::Timestamp {
        use livelist_store::Clock as _;
        self.clock.now()
    }

    pub fn book(&self, mls: &str) -> Control {
        self.simulator.control(mls).unwrap()
    }

    fn books(&self) -> [Control; 2] {
        ["abor", "bolt"].map(|mls| self.simulator.control(mls).unwrap())
    }

    /// First snapshots, nothing new, sales and new listings.
    async fn ordinary_days(&self) {
        // What the provider says on how long to wait is kept.
        let wait = Fault::Throttle {
            status: 429,
            retry_after: RetryAfter::Seconds,
            seconds: 9,
        };
        let wait = FaultRule::new(wait).on(On::Token).times(1);
        self.books()[1].set_faults(vec![wait]);
        assert!(self.day().await.values().all(is(Outcome::Published)));
        assert!(self.day().await.values().all(is(Outcome::Unchanged)));
        for book in self.books() {
            book.sell(5);
            book.add(3);
            // A question that is refused once is shortened, and what is learned by it is kept.
            let refused = FaultRule::new(Fault::Status { code: 400 });
            book.set_faults(vec![refused.on(On::Confirm).times(1)]);
        }
        for output in self.day().await.into_values() {
            let output = output.unwrap();
            assert_eq!((output.added, output.removed, output.confirmed), (3, 5, 5));
        }
        self.books().iter().for_each(|book| book.clear_faults());
    }

    /// Confirmation finds rows that the scan did not show: it is scanned again.
    async fn hidden_rows(&self) {
        for book in self.books() {
            let rule = FaultRule::new(Fault::DenyPartial { percent: 4 });
            book.set_faults(vec![rule.clone(), rule.on(On::Count)]);
            book.sell(2);
        }
        for output in self.day().await.into_values() {
            let output = output.unwrap();
            assert!(output.removed == 2 && output.confirmed > 2, "{output:?}");
        }
        self.books().iter().for_each(|book| book.clear_faults());
    }

    /// Held and published at the second look; held and approved by an operator.
    async fn mass_removals(&self) {
        for book in self.books() {
            book.sell(80);
            // What a held run sees is listed.
            book.add(1);
        }
        self.held_day().await;
        assert!(self.day().await.values().all(is(Outcome::Published)));
        self.books().iter().for_each(|book| drop(book.sell(70)));
        for run in self.held_day().await {
            let key = layout::run_record(&run.feed.feed, &run.run);
            let record = self.objects.read_json::<RunRecord>(&key).await;
            let resume = record.unwrap().unwrap().0.resume.unwrap();
            let input = publish::Input {
                run: run.clone(),
                owner: "operator".to_owned(),
                comparison: resume.comparison,
                confirmation: resume.confirmation,
                approved: true,
            };
            let output = publish::run(self.of(publish::NAME), input).await.unwrap();
            assert_eq!(output.outcome, Outcome::Published);
            self.release(&run, "operator", None).await;
        }
    }

    async fn held_day(&self) -> Vec<RunSpec> {
        let runs = self.runs().await;
        for run in &runs {
            let output = self.reconcile(run, run.run.as_str()).await.unwrap();
            assert_eq!(output.held_reason, Some(HeldReason::MassRemoval));
        }
        self.next_day();
        runs
    }

    async fn failures(&self) {
        self.books().iter().for_each(|book| book.revoke(true));
        assert!(self.day().await.values().all(Option::is_none));
        self.books().iter().for_each(|book| book.revoke(false));
    }

    /// Until the first deltas are retired.
    async fn quiet_days(&self) {
        for _ in 0..QUIET_DAYS {
            self.books().iter().for_each(|book| drop(book.add(1)));
            assert!(self.day().await.values().all(is(Outcome::Published)));
        }
        let retired = self.objects.retired();
        for folder in ["/snapshots/", "/deltas/"] {
            assert!(retired.iter().any(|key| key.contains(folder)), "{folder}");
        }
    }

    /// What is found done, busy or gone: tasks that are repeated, late or overtaken.
    async fn repeated_tasks(&self) {
        let run = self.runs().await.swap_remove(0);
        let (first, second) = (run.run.execution(0), run.run.execution(1));
        let lease = layout::lease(&run.feed.credential);
        assert_eq!(self.acquire(&run, &first).await, acquire::Outcome::Acquired);
        assert_eq!(self.acquire(&run, &second).await, acquire::Outcome::Busy);
        // Its lease ran out, and another run has had the credential since.
        self.objects
            .delete(&lease, Condition::Always)
            .await
            .unwrap();
        self.authorize(&run, &first).await.unwrap();
        let output = self.reconcile(&run, &first).await.unwrap();
        assert_eq!(output.outcome, Outcome::Unchanged);
        self.release(&run, &first, None).await;
        assert_eq!(
            self.acquire(&run, &second).await,
            acquire::Outcome::Finished
        );
    }

    /// An MLS that is asked by an id: one listing changed its id, so that what is absent waits; and one that
    /// waits is seen again.
    async fn asked_by_id(&self) {
        self.next_day();
        let document = json!({"client": "zoe", "pairs": [{"mls": "grid", "resource": "Property"}]});
        self.register("registry/clients/zoe.json", &document).await;
        let book = self.simulator.control("grid").unwrap();
        let of_grid = |mut day: super::tasks::Day| day.remove("grid").unwrap().unwrap();
        assert_eq!(of_grid(self.day().await).outcome, Outcome::Published);
        let sold = book.sell(4);
        book.renumber(1);
        let output = of_grid(self.day().await);
        assert_eq!((output.outcome, output.absent), (Outcome::Unchanged, 4));
        book.relist(&sold[..1]);
        let output = of_grid(self.day().await);
        assert_eq!(output.removed, 3);
    }

    /// An operator paused somebody; the planner looks whom.
    async fn paused_client(&self) {
        let pause = json!({ "schema": 1, "at": "2026-11-21T04:00:00Z", "by": "operator" });
        self.register("paused/clients/zeta.json", &pause).await;
        self.runs().await;
    }

    async fn dead_letters(&self) {
        let worker = self.of("worker");
        self.plan().await;
        let mut due: Value = serde_json::from_str(&self.queue.take().unwrap().body).unwrap();
        due["mls"] = json!("unknown");
        for body in ["not a pair".to_owned(), due.to_string()] {
            let output = start::run(worker, &body).await.unwrap();
            assert!(matches!(output, start::Output::DeadLettered(_)));
        }
        assert_eq!(self.queue.dead().len(), 2);
    }

    /// What was put into the outbox reaches the sites' function, which finds nobody at home; and a
    /// message that is none.
    async fn told_sites(&self) {
        let events = self.outbox.events();
        let held = |e: &&FeedEvent| e.kind == EventKind::Held;
        assert!(events.iter().filter(held).count() >= 4, "{events:?}");
        let sender = Sender::new(Rules { loopback: true }, Arc::new(SystemResolver)).unwrap();
        let notifier = Notifier::new(
            Recording::of(self.objects.clone(), NOTIFY, &self.notes),
            Recording::of(self.secrets.clone(), NOTIFY, &self.notes),
            self.clock.clone(),
            Arc::new(SeededEntropy::new(3)),
            sender,
        );
        let queue = Arc::new(MemoryQueue::default());
        let message = serde_json::to_string(&NoticeMessage::new(events[0].clone(), None)).unwrap();
        let messages = [message, "no event".to_owned()].map(|body| Message::new(body, ""));
        queue.send(&messages).await.unwrap();
        let recorded = Recording::of(queue.clone(), NOTIFY, &self.notes);
        let mut again = 0;
        while let Some(received) = queue.receive() {
            let (body, receipt) = (&received.message.body, &received.receipt);
            let handled = notifier.handle(&*recorded, body, receipt, received.count);
            again += usize::from(handled.await.unwrap() == Handled::Again);
        }
        assert_eq!((again, queue.dead().len()), (1, 1));
        assert_eq!(queue.postponed().len(), 1);
    }

    /// The API, as a function.
    fn api(&self) -> ApiState {
        let links = Arc::new(MemoryLinks::new(self.clock.clone()));
        ApiState::new(
            Recording::of(self.objects.clone(), "api", &self.notes),
            Recording::of(links, "api", &self.notes),
            self.clock.clone(),
            Arc::new(SeededEntropy::new(2)),
        )
    }

    /// A site asks about a key that nobody listed: it is noted, and the next run asks the MLS.
    async fn sites_ask(&self) {
        let feed = self.runs().await.swap_remove(0).feed;
        let book = self.simulator.control(feed.mls.as_str()).unwrap();
        let never_listed = &book.sell_keys(&book.add(1))[0];
        let body = json!({ "keys": [never_listed] }).to_string();
        let request = Request::post(format!("/v1/feeds/{}/check", feed.feed))
            .header("authorization", format!("Bearer {}", KEYS[0]))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answer = livelist_api::router(self.api())
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let noted = layout::questions_of(&feed.feed, &"acme".parse().unwrap());
        assert!(self.objects.read(&noted).await.unwrap().is_some());
    }

    /// Sites at the API, one with an unknown key, and a feed that was never published.
    async fn visitors(&self) {
        let api = livelist_api::router(self.api());
        let ask = async |path: &str, key: &str| {
            let request = Request::get(path).header("authorization", format!("Bearer {key}"));
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            api.clone().oneshot(request).await.unwrap().status()
        };
        assert_eq!(ask("/v1/health", "none").await, StatusCode::OK);
        assert_eq!(ask("/v1/feeds", "unknown").await, StatusCode::UNAUTHORIZED);
        let feed = self.runs().await.swap_remove(0).feed.feed;
        let live = format!("/v1/feeds/{feed}/live");
        for key in KEYS {
            assert_eq!(ask("/v1/feeds", key).await, StatusCode::OK);
            assert_eq!(ask(&live, key).await, StatusCode::OK);
        }
        let changes = format!("/v1/feeds/{feed}/changes");
        let sequence = self.objects.read_json::<Head>(&layout::head(&feed)).await;
        let since = sequence.unwrap().unwrap().0.sequence - 1;
        let page = ask(&format!("{changes}?since={since}"), KEYS[0]).await;
        assert_eq!(page, StatusCode::OK);
        let tell = async |path: &str, body: &'static str| {
            let request = Request::post(format!("/v1/feeds/{feed}/{path}"))
                .header("authorization", format!("Bearer {}", KEYS[0]))
                .header("content-type", "application/json");
            let request = request.body(Full::new(Bytes::from(body))).unwrap();
            api.clone().oneshot(request).await.unwrap().status()
        };
        assert_eq!(tell("check", r#"{"keys":["none"]}"#).await, StatusCode::OK);
        assert_eq!(tell("acks", "{}").await, StatusCode::NO_CONTENT);
        let head = layout::head(&feed);
        let read = self.objects.read_json::<Head>(&head).await.unwrap();
        assert!(!read.unwrap().0.deltas.is_empty(), "a delta was linked");
        self.objects.delete(&head, Condition::Always).await.unwrap();
        let answer = ask(&live, KEYS[0]).await;
        assert_eq!(answer, StatusCode::SERVICE_UNAVAILABLE);
    }
}

fn is(outcome: Outcome) -> impl Fn(&Option<publish::Output>) -> bool {
    move |output| output.as_ref().is_some_and(|o| o.outcome == outcome)
}
