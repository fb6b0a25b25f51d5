//! `syncs`: the planner of syncs. It is called every five minutes, and sends a message for each replication whose
//! schedule has a time since the call before. It keeps nothing: a call that is repeated sends the same again, and a
//! sync that is made twice finds nothing new.

use jiff::{SignedDuration, Timestamp};
use livelist_model::ReplicationId;
use livelist_model::plan::delay;
use livelist_model::registry::Registry;
use livelist_model::syncs::{SyncDue, due_between};
use livelist_reso::Dialects;
use livelist_store::Message;
use livelist_store::pauses::read_pauses;
use livelist_store::registry::Documents;
use serde::{Deserialize, Serialize};

use crate::{Env, StepError};

/// The function's name.
pub const NAME: &str = "syncs";
/// It is called so often, in seconds.
pub const TICK: i64 = 300;

/// The input, from the schedule or an operator. Unknown members are ignored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Input {
    /// When the schedule fired; else the last full five minutes.
    #[serde(default)]
    pub time: Option<Timestamp>,
    /// Only this replication, whatever its schedule says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<ReplicationId>,
}

/// What was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// The time up to which syncs fell due.
    pub time: Timestamp,
    /// Enabled replications.
    pub replications: usize,
    /// Messages sent.
    pub sent: usize,
    /// Errors in the registry; the documents concerned are left out.
    pub findings: usize,
}

/// Plans and sends. `documents` are those of the call before, or none: only what changed is read. Returns the
/// registry as well, with what is paused disabled.
///
/// # Errors
/// The store cannot be used now, or not all messages could be sent.
pub async fn run(
    env: &Env,
    documents: &mut Documents,
    input: Input,
) -> Result<(Output, Registry), StepError> {
    let objects = &*env.objects;
    documents.refresh(objects).await?;
    let (mut registry, findings) = documents.registry(&Dialects);
    read_pauses(objects).await?.apply(&mut registry);
    for finding in &findings {
        tracing::error!(file = finding.file, field = finding.field, "{finding}");
    }
    let time = full(input.time.unwrap_or_else(|| env.clock.now()));
    let from = time
        .checked_sub(SignedDuration::from_secs(TICK))
        .unwrap_or(time);
    let due: Vec<SyncDue> = match input.replication {
        Some(replication) => vec![SyncDue::of(replication, env.clock.now())],
        None => due_between(&registry, from, time)
            .map(|replication| SyncDue::of(replication.replication.clone(), time))
            .collect(),
    };
    let mut messages = Vec::with_capacity(due.len());
    for (nth, sync) in due.iter().enumerate() {
        let body = serde_json::to_string(sync).map_err(|e| StepError::Internal(e.into()))?;
        let group = sync.replication.to_string();
        messages.push(Message {
            delay: delay(nth, due.len(), env.limits.pairs_a_second),
            ..Message::new(body, group)
        });
    }
    if !messages.is_empty() {
        let failures = env.queue.send(&messages).await?;
        if let Some(first) = failures.first() {
            return Err(StepError::PlanIncomplete {
                failed: failures.len(),
                all: messages.len(),
                reason: first.reason.clone(),
            });
        }
    }
    let enabled = registry.replications.values().filter(|r| r.enabled);
    let output = Output {
        time,
        replications: enabled.count(),
        sent: messages.len(),
        findings: findings.len(),
    };
    Ok((output, registry))
}

/// The last full five minutes.
fn full(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(TICK)).unwrap_or(time)
}
