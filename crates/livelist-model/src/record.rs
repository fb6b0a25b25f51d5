//! The record of a run for people, `run.json`: evidence, counts, reason and error.

use serde::{Deserialize, Serialize};

use crate::codec::ListSummary;
use crate::decision::{Comparison, Confirmed, HeldReason};
use crate::run::RunSpec;

/// A sorted list that one step hands to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRef {
    /// Its name in the store.
    pub object: String,
    /// Keys and digest; a reader checks both.
    #[serde(flatten)]
    pub summary: ListSummary,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It has begun.
    Running,
    /// A new snapshot is the head.
    Published,
    /// The head was right already.
    Unchanged,
    /// The result waits; the head stays.
    Held,
    /// It could not be finished; the head stays.
    Failed,
    /// An operator refused the held result.
    Rejected,
    /// An operator ended it before it had a result; the head stays.
    Cancelled,
}

impl RunState {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Published => "published",
            RunState::Unchanged => "unchanged",
            RunState::Held => "held",
            RunState::Failed => "failed",
            RunState::Rejected => "rejected",
            RunState::Cancelled => "cancelled",
        }
    }

    /// Whether the run ended without a look: what it saw counts for nothing.
    pub fn has_no_look(self) -> bool {
        matches!(self, RunState::Failed | RunState::Cancelled)
    }

    /// Whether the run succeeded.
    pub fn is_done(self) -> bool {
        matches!(self, RunState::Published | RunState::Unchanged)
    }
}

/// A run's error; its name is stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The error's stable name, as Step Functions sees it.
    pub name: String,
    /// The message. No secrets.
    pub message: String,
    /// What an operator should do.
    pub advice: String,
    /// The step it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// How much a run asked of the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Traffic {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Requests that were repeated after an error.
    pub retries: u64,
    /// Times the provider asked to wait.
    pub throttled: u64,
    /// Bytes of bodies, uncompressed.
    pub bytes: u64,
}

impl Traffic {
    /// Whether nothing was asked.
    pub fn is_none(&self) -> bool {
        *self == Traffic::default()
    }

    /// Adds the traffic of another task.
    pub fn add(&mut self, other: Traffic) {
        let sums = [
            (&mut self.requests, other.requests),
            (&mut self.retries, other.retries),
            (&mut self.throttled, other.throttled),
            (&mut self.bytes, other.bytes),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}

/// `feeds/{feed}/runs/{run}/run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this document's form.
    pub schema: u32,
    /// The run's specification.
    pub spec: RunSpec,
    /// Its state.
    pub state: RunState,
    /// When it began.
    pub started_at: jiff::Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<jiff::Timestamp>,
    /// The comparison with the former snapshot, with the evidence of each scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The result of the confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
    /// Keys that no scan had shown, but that were found when asked for, before the run scanned again
    /// because of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restored_before: u64,
    /// The list that was published, or would have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// Why it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_reason: Option<HeldReason>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Its requests to the provider.
    #[serde(default)]
    pub traffic: Traffic,
    /// The part of these that failed tasks sent.
    #[serde(default, skip_serializing_if = "Traffic::is_none")]
    pub lost: Traffic,
    /// Who approved, rejected or cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// Where an approval finds the list to publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl RunRecord {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// The record of a run that began at `started_at`.
    pub fn started(spec: RunSpec, started_at: jiff::Timestamp) -> RunRecord {
        RunRecord {
            schema: Self::SCHEMA,
            spec,
            state: RunState::Running,
            started_at,
            finished_at: None,
            comparison: None,
            confirmed: None,
            restored_before: 0,
            result: None,
            held_reason: None,
            error: None,
            traffic: Traffic::default(),
            lost: Traffic::default(),
            decided: None,
            resume: None,
        }
    }
}

/// What an operator decided about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What.
    pub what: DecidedWhat,
    /// The name of an operators' key, or of the user of the command.
    pub by: String,
    /// When.
    pub at: jiff::Timestamp,
}

/// The decisions about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedWhat {
    /// Its held result was published.
    Approved,
    /// Its held result was refused.
    Rejected,
    /// It was ended before it had a result.
    Cancelled,
}

impl DecidedWhat {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            DecidedWhat::Approved => "approved",
            DecidedWhat::Rejected => "rejected",
            DecidedWhat::Cancelled => "cancelled",
        }
    }
}

/// Where the result of a held run is kept, so that an approval can publish it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The comparison's document.
    pub comparison: String,
    /// The confirmation's, if there was one.
    pub confirmation: Option<String>,
}

/// The numbers of a run's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// The version of the head after the run.
    pub version: Option<String>,
    /// Its sequence.
    pub sequence: u64,
    /// Its keys.
    pub count: u64,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
}
