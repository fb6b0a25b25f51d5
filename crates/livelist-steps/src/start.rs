//! `start`: the worker's work for one message: resolves the pair and starts its run. Pairs of one feed
//! start the same execution, so they share the scan.

use livelist_model::plan::PairDue;
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_reso::Dialects;
use livelist_store::registry::{DocumentError, read_client, read_mls};
use livelist_store::{Objects, Start, StoreError};
use serde::{Deserialize, Serialize};

use crate::{Env, StepError};

/// The step's name.
pub const NAME: &str = "start";

/// The input of an execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExecutionInput {
    /// The run.
    pub run: RunSpec,
    /// How often the run was carried on by a new execution.
    pub nth: u32,
}

/// The result of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The run was started.
    Started(RunSpec),
    /// The run was started before: by another pair of the feed, or the message was delivered twice.
    Already(RunSpec),
    /// The message cannot be processed: it went to the dead-letter queue with this reason.
    DeadLettered(String),
}

/// Starts the run of one message. After an error, the message should be delivered again.
pub async fn run(env: &Env, body: &str) -> Result<Output, StepError> {
    match resolve(&*env.objects, body).await? {
        Ok(run) => {
            let input = ExecutionInput { run, nth: 0 };
            let text = serde_json::to_string(&input).map_err(|e| StepError::Internal(e.into()))?;
            let run = input.run;
            let start = env.executions.start(&run.run.execution(0), text).await?;
            tracing::info!(run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, ?start, "started");
            Ok(match start {
                Start::Started => Output::Started(run),
                Start::AlreadyExists => Output::Already(run),
            })
        }
        Err(reason) => {
            tracing::error!(
                reason,
                "a pair cannot be resolved; its message goes to the dead-letter queue"
            );
            env.queue.dead_letter(body, &reason).await?;
            Ok(Output::DeadLettered(reason))
        }
    }
}

/// The run of a message, or why there is none.
///
/// # Errors
/// The store cannot be used now.
pub async fn resolve(
    objects: &dyn Objects,
    body: &str,
) -> Result<Result<RunSpec, String>, StoreError> {
    let due: PairDue = match serde_json::from_str(body) {
        Ok(due) => due,
        Err(error) => return Ok(Err(format!("the message is not a pair: {error}"))),
    };
    if due.schema != PairDue::SCHEMA {
        return Ok(Err(format!(
            "the message has the unknown form {}",
            due.schema
        )));
    }
    let mls = match read_mls(objects, &due.mls, &Dialects).await {
        Err(DocumentError::Store(error)) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
        Ok(mls) => mls,
    };
    let client = match read_client(objects, &due.client).await {
        Err(DocumentError::Store(error)) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
        Ok(client) => client,
    };
    let feed = client
        .pairs
        .iter()
        .map(|pair| (pair, FeedSpec::resolve(&mls, pair)));
    let feed = feed.into_iter().find(|(_, feed)| feed.feed == due.feed);
    Ok(match feed {
        None => Err(format!(
            "clients/{}.json has no pair for the feed {}",
            due.client, due.feed
        )),
        Some((pair, _)) if !pair.enabled => Err(format!(
            "the pair of {} and {} was disabled",
            due.client, due.mls
        )),
        Some(_) if !mls.enabled => Err(format!("the MLS {} was disabled", due.mls)),
        Some((_, feed)) => {
            let stamps = due.stamps;
            let first = RunSpec::of(due.date, FeedSpec { stamps, ..feed });
            match due.run.is_attempt_of(&first.run) {
                true => Ok(RunSpec {
                    run: due.run,
                    ..first
                }),
                false => Err(format!(
                    "the message's run {} is no attempt of {}",
                    due.run, first.run
                )),
            }
        }
    })
}
