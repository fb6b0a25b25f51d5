//! Starts another run of a feed, with the current registry: the next attempt of the day. On AWS it
//! sends a message to the queue of pairs, as the planner does. So an operator needs no right to start
//! executions, whose input could be anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use livelist_model::head::Head;
use livelist_model::plan::PairDue;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::run::RunSpec;
use livelist_model::{ClientId, FeedId, RunId, layout, with_causes};
use livelist_steps::records::scans;
use livelist_steps::start::ExecutionInput;
use livelist_steps::{history, plan};
use livelist_store::{Executions, Objects, ObjectsExt, Queue, Start, StoreError};
use serde::Serialize;

use crate::{OpsError, feeds};

/// A run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rerun {
    /// The run.
    pub run: RunId,
    /// Whether this call started or requested it; otherwise another one was faster.
    pub started: bool,
}

/// Where runs are started.
#[derive(Clone)]
pub enum Starter {
    /// In this process.
    Here(Arc<dyn Executions>),
    /// By the worker, which takes messages off the queue of pairs.
    Queue(Arc<dyn Queue>),
}

impl Starter {
    /// Starts a run, or asks for it on behalf of `client`; says whether nobody was faster.
    async fn start(&self, run: RunSpec, client: Option<ClientId>) -> Result<bool, OpsError> {
        match self {
            Starter::Here(executions) => {
                let name = run.run.execution(0);
                let input = ExecutionInput { run, nth: 0 };
                let input = serde_json::to_string(&input).map_err(|_| OpsError::Internal)?;
                Ok(executions.start(&name, input).await? == Start::Started)
            }
            Starter::Queue(queue) => {
                let Some(client) = client else {
                    return Err(OpsError::Invalid(format!(
                        "no client's pair has {}: replications are run on one machine",
                        run.feed.feed
                    )));
                };
                let message = plan::message(&PairDue::of(client, run));
                let message = message.map_err(|_| OpsError::Internal)?;
                match queue.send(&[message]).await?.pop() {
                    None => Ok(true),
                    Some(failure) => {
                        Err(StoreError::unavailable("the queue of pairs", failure.reason).into())
                    }
                }
            }
        }
    }
}

/// The next attempt of today's run of `feed`, and a client that has it; none where a replication alone does.
///
/// # Errors
/// The registry has no such feed, it is disabled, a run of it is under way, or the store cannot be
/// used now.
pub async fn prepare(
    objects: &dyn Objects,
    feed: &FeedId,
    now: Timestamp,
) -> Result<(RunSpec, Option<ClientId>), OpsError> {
    let mut wanted = feeds::read(objects).await?;
    let known = wanted.feeds.remove(feed);
    let known = known.ok_or_else(|| OpsError::unknown_feed(feed.as_str()))?;
    if let Some(why) = known.disabled {
        return Err(OpsError::Invalid(format!(
            "{feed} is not reconciled: {why}"
        )));
    }
    let mut members = known.clients.into_iter().filter(|member| member.enabled);
    let (spec, client) = match (members.next(), &known.replication) {
        (Some(member), _) => (known.spec, Some(member.client)),
        (None, Some(replication)) => {
            let keyed = scans::keyed(objects, replication, known.spec).await;
            let keyed = keyed.map_err(|error| OpsError::Invalid(with_causes(&error)))?;
            let none = format!("{feed} has no key yet: run `livelist replicate` first");
            (keyed.ok_or(OpsError::Invalid(none))?, None)
        }
        (None, None) => return Err(OpsError::unknown_feed(feed.as_str())),
    };
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let run = RunSpec::of(today, spec);
    match next_attempt(objects, run).await? {
        (run, true) => Err(OpsError::UnderWay(run.run.to_string())),
        (run, false) => Ok((run, client)),
    }
}

/// The first attempt of `run` that has not ended, and whether it has begun. A name that a run ever had
/// is not given to another: its record may be gone, and whoever publishes under a name that the head
/// knows is told that it has done so already.
///
/// # Errors
/// The store cannot be used now.
pub async fn next_attempt(
    objects: &dyn Objects,
    run: RunSpec,
) -> Result<(RunSpec, bool), StoreError> {
    let used = names(objects, &run.feed.feed).await?;
    for nth in 0.. {
        let id = run.run.attempt(nth);
        let key = layout::run_record(&run.feed.feed, &id);
        match objects.read_json::<RunRecord>(&key).await? {
            Some((record, _)) if record.state != RunState::Running => {}
            None if used.contains(&id) => {}
            begun => return Ok((RunSpec { run: id, ..run }, begun.is_some())),
        }
    }
    Ok((run, false))
}

/// The names of runs that the feed's head and history know, whether or not their records are there.
async fn names(objects: &dyn Objects, feed: &FeedId) -> Result<BTreeSet<RunId>, StoreError> {
    let history = history::read(objects, feed).await?;
    let mut names: BTreeSet<RunId> = history.runs.into_iter().map(|past| past.run).collect();
    match objects.read_json::<Head>(&layout::head(feed)).await {
        Ok(Some((head, _))) => {
            names.extend(head.deltas.into_iter().filter_map(|delta| delta.run));
            names.extend([head.run, head.checked_run]);
        }
        // A record that cannot be read names no run.
        Ok(None) | Err(StoreError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(names)
}

/// Starts the next attempt of today's run of `feed`.
///
/// # Errors
/// As [`prepare`], and when runs cannot be started now.
pub async fn rerun(
    objects: &dyn Objects,
    starter: &Starter,
    feed: &FeedId,
    now: Timestamp,
    by: &str,
) -> Result<Rerun, OpsError> {
    let (run, client) = prepare(objects, feed, now).await?;
    let id = run.run.clone();
    let mls = run.feed.mls.clone();
    let started = match starter.start(run, client).await {
        Ok(started) => started,
        Err(error) => {
            tracing::error!(by, run = %id, feed = %feed, mls = %mls, error = with_causes(&error), "the run could not be started again");
            return Err(error);
        }
    };
    tracing::warn!(by, run = %id, feed = %feed, mls = %mls, started, "run again");
    Ok(Rerun { run: id, started })
}

#[cfg(test)]
mod tests {
    use livelist_model::history::{History, Past};
    use livelist_model::record::Traffic;
    use livelist_model::registry::{AnyProvider, Pair, parse_mls};
    use livelist_model::run::FeedSpec;
    use livelist_steps::start;
    use livelist_store::memory::{MemoryObjects, MemoryQueue};
    use livelist_store::{Condition, Retention};
    use serde_json::json;

    use super::*;

    fn run() -> RunSpec {
        let mls = br#"{"mls":"abor","provider":"reso","base_url":"https://x.example/odata",
            "credential":"env:X"}"#;
        let mls = parse_mls("mls/abor.json", mls, &AnyProvider).unwrap();
        let pair: Pair = serde_json::from_str(r#"{"mls":"abor","resource":"Property"}"#).unwrap();
        let date = jiff::civil::date(2026, 11, 21);
        RunSpec::of(date, FeedSpec::resolve(&mls, &pair))
    }

    /// A requested run is named at once, and the worker starts exactly this run, by the registry.
    #[tokio::test]
    async fn a_run_that_was_asked_for_goes_through_the_queue() {
        let objects = MemoryObjects::new();
        let (always, keep) = (Condition::Always, Retention::Keep);
        let client = json!({"client": "acme", "pairs": [{"mls": "abor", "resource": "Property"}]});
        let run = run();
        for (key, document) in [
            ("registry/mls/abor.json", json!(run.feed.document())),
            ("registry/clients/acme.json", client),
        ] {
            let written = objects.write_json(key, &document, always.clone(), keep);
            written.await.unwrap();
        }
        let ended = json!({"schema": 1, "feed": run.feed.feed, "version": "2026-11-20T04:00:00Z-000001",
            "sequence": 1, "as_of": "2026-11-20T04:00:00Z", "complete": true, "count": 1,
            "previous_count": null, "key_field": "ListingKey", "order": "bytewise", "sha256": "",
            "full": {"object": "x", "bytes": 1}, "run": run.run,
            "published_at": "2026-11-20T04:00:00Z", "checked_run": run.run});
        let head = layout::head(&run.feed.feed);
        objects
            .write_json(&head, &ended, always, keep)
            .await
            .unwrap();

        let queue = Arc::new(MemoryQueue::default());
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        let starter = Starter::Queue(queue.clone());
        let asked = rerun(&objects, &starter, &run.feed.feed, now, "ada")
            .await
            .unwrap();
        assert_eq!((&asked.run, asked.started), (&run.run.attempt(1), true));
        let message = queue.take().unwrap().body;
        let resolved = start::resolve(&objects, &message).await.unwrap().unwrap();
        assert_eq!(
            resolved,
            RunSpec {
                run: asked.run,
                ..run
            }
        );

        let forged = message.replace("-r2\"", "-r2x\"");
        let reason = start::resolve(&objects, &forged)
            .await
            .unwrap()
            .unwrap_err();
        assert!(reason.contains("is no attempt of"), "{reason}");
    }

    /// R16: a clock ten years ahead swept the records; the names stay taken.
    #[tokio::test]
    async fn a_name_that_a_run_had_is_not_taken_again_though_its_record_is_gone() {
        let objects = MemoryObjects::new();
        let run = run();
        let feed = &run.feed.feed;
        let (first, begun) = next_attempt(&objects, run.clone()).await.unwrap();
        assert_eq!((&first.run, begun), (&run.run, false));

        let (always, keep) = (Condition::Always, Retention::Keep);
        let at = "2026-11-21T04:00:00Z";
        let head = json!({"schema": 1, "feed": feed, "version": format!("{at}-000001"),
            "sequence": 1, "as_of": at, "complete": true, "count": 1, "previous_count": null,
            "key_field": "ListingKey", "order": "bytewise", "sha256": "",
            "full": {"object": "x", "bytes": 1}, "run": run.run, "published_at": at,
            "checked_run": run.run.attempt(1)});
        let key = layout::head(feed);
        objects.write_json(&key, &head, always, keep).await.unwrap();
        let (next, _) = next_attempt(&objects, run.clone()).await.unwrap();
        assert_eq!(next.run, run.run.attempt(2));

        let mut history = History::new(feed.clone());
        let at: Timestamp = at.parse().unwrap();
        history.note(Past {
            run: run.run.attempt(2),
            state: RunState::Failed,
            started_at: at,
            finished_at: at,
            live: None,
            added: 0,
            removed: 0,
            confirmed: 0,
            counted: None,
            absent: None,
            why: None,
            traffic: Traffic::default(),
        });
        let (key, always) = (layout::history(feed), Condition::Always);
        objects
            .write_json(&key, &history, always, keep)
            .await
            .unwrap();
        let (next, begun) = next_attempt(&objects, run.clone()).await.unwrap();
        assert_eq!((next.run, begun), (run.run.attempt(3), false));

        // A run that has not ended continues under its name.
        let record = RunRecord::started(run.clone(), at);
        let (key, always) = (layout::run_record(feed, &run.run), Condition::Always);
        objects
            .write_json(&key, &record, always, keep)
            .await
            .unwrap();
        let (next, begun) = next_attempt(&objects, run.clone()).await.unwrap();
        assert_eq!((next.run, begun), (run.run, true));
    }
}
