//! `plan`, the planner's work: sends the pairs that are due today to the queue. The model decides
//! what is due. Afterwards the planner checks how old the lists are (`heads`).

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use livelist_model::plan::{PairDue, Selection, delay, plan};
use livelist_model::registry::Finding;
use livelist_model::{ClientId, MlsId};
use livelist_reso::Dialects;
use livelist_store::Message;
use livelist_store::pauses::read_unpaused_with_records;
use serde::{Deserialize, Serialize};

use crate::{Env, StepError, heads};

/// The step's name.
pub const NAME: &str = "plan";

/// The planner's input, from the schedule or an operator. Unknown members belong to the event bus and are
/// ignored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Input {
    /// The day to plan (UTC); else the day of `time`, else today.
    #[serde(default)]
    pub date: Option<Date>,
    /// When the schedule fired: a repeated event plans the same day.
    #[serde(default)]
    pub time: Option<Timestamp>,
    /// Only this MLS.
    #[serde(default)]
    pub mls: Option<MlsId>,
    /// Only this client.
    #[serde(default)]
    pub client: Option<ClientId>,
}

impl Input {
    /// The day, as named explicitly or by the schedule's time.
    pub fn day(&self) -> Option<Date> {
        self.date.or_else(|| self.time.map(day_of))
    }
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The plan's result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Output {
    /// The day.
    pub date: Date,
    /// Pairs that are due.
    pub pairs: usize,
    /// Messages sent.
    pub sent: usize,
    /// Distinct runs among them.
    pub runs: usize,
    /// Pairs that are not due or disabled.
    pub not_due: u64,
    /// Errors in the registry; the pairs concerned are left out.
    pub findings: Vec<Finding>,
}

/// Plans and sends.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    let date = input.day().unwrap_or_else(|| day_of(env.clock.now()));
    let (registry, findings) = read_unpaused_with_records(&*env.objects, &Dialects).await?;
    for finding in &findings {
        tracing::error!(file = finding.file, field = finding.field, "{finding}");
    }
    let is_whole = input.mls.is_none() && input.client.is_none();
    let planned = plan(
        &registry,
        date,
        &Selection {
            mls: input.mls,
            client: input.client,
        },
    );
    let sent = enqueue(env, &planned.due).await;
    // A plan of a part is made by hand, and says nothing of the rest.
    if is_whole {
        heads::look(env, &registry).await;
    }
    let sent = sent?;
    let output = Output {
        date,
        pairs: planned.due.len(),
        sent,
        runs: planned
            .due
            .iter()
            .map(|p| &p.run)
            .collect::<BTreeSet<_>>()
            .len(),
        not_due: planned.not_due,
        findings,
    };
    tracing::info!(
        %date, pairs = output.pairs, sent, runs = output.runs, not_due = output.not_due,
        findings = output.findings.len(), "planned"
    );
    Ok(output)
}

/// The message that a worker is given of a pair.
///
/// # Errors
/// It cannot be written as JSON.
pub fn message(pair: &PairDue) -> serde_json::Result<Message> {
    Ok(Message::new(
        serde_json::to_string(pair)?,
        pair.mls.to_string(),
    ))
}

/// Sends every pair, each with the delay that spreads the plan. If some cannot be sent, the others are, and
/// the error has their number.
async fn enqueue(env: &Env, due: &[PairDue]) -> Result<usize, StepError> {
    let later = |(nth, pair)| {
        let delay = delay(nth, due.len(), env.limits.pairs_a_second);
        message(pair).map(|message| Message { delay, ..message })
    };
    let messages: serde_json::Result<Vec<Message>> = due.iter().enumerate().map(later).collect();
    let messages = messages.map_err(|e| StepError::Internal(e.into()))?;
    if messages.is_empty() {
        return Ok(0);
    }
    let failures = env.queue.send(&messages).await?;
    match failures.first() {
        None => Ok(messages.len()),
        Some(first) => Err(StepError::PlanIncomplete {
            failed: failures.len(),
            all: messages.len(),
            reason: first.reason.clone(),
        }),
    }
}
