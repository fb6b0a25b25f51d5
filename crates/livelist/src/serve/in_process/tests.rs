use livelist_model::registry::{AnyProvider, Pair, parse_mls};
use livelist_model::run::FeedSpec;
use livelist_store::memory::MemoryObjects;
use livelist_store::{Condition, Retention};

use super::*;

fn run(mls: &str, credential: &str) -> RunSpec {
    let text = format!(
        r#"{{"mls":"{mls}","provider":"reso","base_url":"https://x.example/odata",
            "credential":"env:{credential}"}}"#
    );
    let mls = parse_mls(&format!("mls/{mls}.json"), text.as_bytes(), &AnyProvider).unwrap();
    let pair: Pair =
        serde_json::from_str(&format!(r#"{{"mls":"{}","resource":"Property"}}"#, mls.mls)).unwrap();
    RunSpec::of(
        jiff::civil::date(2026, 11, 21),
        FeedSpec::resolve(&mls, &pair),
    )
}

async fn start(executions: &InProcess, run: &RunSpec) -> Result<Start, StoreError> {
    let input = ExecutionInput {
        run: run.clone(),
        nth: 0,
    };
    let input = serde_json::to_string(&input).unwrap();
    executions.start(run.run.as_str(), input).await
}

fn executions(most: usize) -> (Arc<MemoryObjects>, InProcess) {
    let objects = Arc::new(MemoryObjects::default());
    (objects.clone(), InProcess::new(objects, most))
}

#[tokio::test]
async fn runs_of_one_credential_follow_each_other_and_others_pass_them() {
    let (_, executions) = executions(10);
    let [a, b, c] = [("a", "ONE"), ("b", "ONE"), ("c", "TWO")].map(|(m, c)| run(m, c));
    for run in [&a, &b, &c] {
        assert_eq!(start(&executions, run).await.unwrap(), Start::Started);
    }
    assert_eq!(executions.next().as_ref(), Some(&a));
    assert_eq!(executions.next().as_ref(), Some(&c));
    assert_eq!(executions.next(), None);
    executions.ended(&a);
    assert_eq!(executions.next().as_ref(), Some(&b));
}

#[tokio::test]
async fn a_name_is_started_once_and_again_only_where_it_did_not_end() {
    let (objects, executions) = executions(10);
    let run = run("a", "ONE");
    assert_eq!(start(&executions, &run).await.unwrap(), Start::Started);
    assert_eq!(
        start(&executions, &run).await.unwrap(),
        Start::AlreadyExists
    );
    executions.next().unwrap();
    assert_eq!(
        start(&executions, &run).await.unwrap(),
        Start::AlreadyExists
    );
    executions.ended(&run);

    let mut record = RunRecord::started(run.clone(), jiff::Timestamp::UNIX_EPOCH);
    let key = layout::run_record(&run.feed.feed, &run.run);
    for (state, expected) in [
        (RunState::Failed, Start::AlreadyExists),
        (RunState::Published, Start::AlreadyExists),
        (RunState::Running, Start::Started),
    ] {
        record.state = state;
        objects
            .write_json(&key, &record, Condition::Always, Retention::Scratch)
            .await
            .unwrap();
        assert_eq!(
            start(&executions, &run).await.unwrap(),
            expected,
            "{state:?}"
        );
    }
}

#[tokio::test]
async fn the_queue_is_bounded_and_closed_at_the_end() {
    let (_, executions) = executions(1);
    let [a, b] = [("a", "ONE"), ("b", "TWO")].map(|(m, c)| run(m, c));
    start(&executions, &a).await.unwrap();
    let full = start(&executions, &b).await.unwrap_err();
    assert!(matches!(full, StoreError::Unavailable { .. }), "{full:?}");
    executions.next().unwrap();
    start(&executions, &b).await.unwrap();
    assert_eq!(executions.close(), 1);
    assert!(start(&executions, &b).await.is_err());
    assert_eq!(executions.next(), None);
}

#[tokio::test]
async fn what_is_no_run_of_that_name_is_refused() {
    let (_, executions) = executions(1);
    let run = run("a", "ONE");
    let input = serde_json::to_string(&ExecutionInput { run, nth: 0 }).unwrap();
    assert!(executions.start("another", input).await.is_err());
    assert!(executions.start("x", "{}".to_owned()).await.is_err());
    assert_eq!(executions.next(), None);
}

#[tokio::test]
async fn what_was_asked_for_is_noted_until_it_has_ended() {
    let (objects, executions) = executions(2);
    let [asked, due, late] = ["a", "b", "c"].map(|mls| run(mls, mls));
    start(&executions, &asked).await.unwrap();
    assert_eq!(
        executions.start_due(due.clone()).await.unwrap(),
        Start::Started
    );
    start(&executions, &late).await.unwrap_err();
    let noted = executions.asked_before().await.unwrap();
    assert_eq!(
        noted,
        std::slice::from_ref(&asked),
        "not what is due, nor what was refused"
    );

    // The next process takes it up once, and forgets it when it ends, though its record started it.
    let next = InProcess::new(objects.clone(), 2);
    let begun = next.start_due(asked.clone()).await.unwrap();
    assert_eq!(begun, Start::Started);
    let start = next.start_again(asked.clone()).await.unwrap();
    assert_eq!(start, Start::AlreadyExists);
    assert_eq!(next.next().as_ref(), Some(&asked));
    next.forget_ended(&asked.run).await;
    assert_eq!(next.asked_before().await.unwrap(), []);

    let next = InProcess::new(objects.clone(), 2);
    let start = next.start_again(asked.clone()).await.unwrap();
    assert_eq!(start, Start::Started);
    let start = next.start_again(asked.clone()).await.unwrap();
    assert_eq!(start, Start::AlreadyExists);
    assert_eq!(next.asked_before().await.unwrap().len(), 1);
    assert_eq!(next.next().as_ref(), Some(&asked));
    next.forget_ended(&asked.run).await;
    assert_eq!(next.asked_before().await.unwrap(), []);
}

#[tokio::test]
async fn the_note_of_a_run_that_has_ended_is_removed() {
    let (objects, executions) = executions(2);
    let run = run("a", "ONE");
    start(&executions, &run).await.unwrap();
    let mut record = RunRecord::started(run.clone(), jiff::Timestamp::UNIX_EPOCH);
    record.state = RunState::Published;
    let key = layout::run_record(&run.feed.feed, &run.run);
    let junk = layout::asked(&"2026-11-20-b".parse().unwrap());
    let scratch = Retention::Scratch;
    let record = objects.write_json(&key, &record, Condition::Always, scratch);
    record.await.unwrap();
    let junk = objects.write_json(&junk, &"?", Condition::Always, scratch);
    junk.await.unwrap();

    let next = InProcess::new(objects.clone(), 2);
    for run in next.asked_before().await.unwrap() {
        assert_eq!(next.start_again(run).await.unwrap(), Start::AlreadyExists);
    }
    assert_eq!(next.next(), None);
    let left = objects.list(layout::ASKED_PREFIX).await.unwrap();
    assert_eq!(left, []);
}

/// Objects that never answer.
struct Silent;

#[async_trait]
impl Objects for Silent {
    async fn get(&self, _: &str) -> Result<Option<livelist_store::Object>, StoreError> {
        std::future::pending().await
    }

    async fn put(
        &self,
        _: &str,
        _: livelist_store::Body,
        _: Condition,
        _: Retention,
    ) -> Result<String, StoreError> {
        std::future::pending().await
    }

    async fn delete(&self, _: &str, _: Condition) -> Result<(), StoreError> {
        std::future::pending().await
    }

    async fn list(&self, _: &str) -> Result<Vec<livelist_store::Listed>, StoreError> {
        std::future::pending().await
    }

    async fn list_names(&self, _: &str) -> Result<Vec<String>, StoreError> {
        std::future::pending().await
    }

    async fn retire(&self, _: &str) -> Result<(), StoreError> {
        std::future::pending().await
    }
}

/// The caller went away before the store answered: the name is free for the next.
#[tokio::test]
async fn a_start_that_is_cancelled_keeps_no_name() {
    let executions = InProcess::new(Arc::new(Silent), 10);
    let run = run("a", "ONE");
    {
        let mut asked = Box::pin(start(&executions, &run));
        assert!(futures::poll!(&mut asked).is_pending());
        assert!(executions.lanes().knows(&run.run));
    }
    assert!(!executions.lanes().knows(&run.run));
}
