//! The results of a night.

use std::collections::BTreeMap;

use super::quota::{Bucket, Peak};
use crate::account::Sent;
use crate::settings::Function;
use crate::usage::Usage;

/// The result of a feed's run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Run {
    /// When it was started, in milliseconds of the night.
    pub started: u64,
    /// When it had its credential.
    pub acquired: u64,
    /// When it ended; nothing if it never did.
    pub ended: Option<u64>,
    /// Whether it failed.
    pub failed: bool,
    /// Requests to the provider.
    pub requests: u64,
    /// State transitions, all executions together.
    pub transitions: u64,
    /// History events of its largest execution.
    pub events: u64,
    /// Executions.
    pub executions: u64,
    /// Tasks of `scan`, and of `confirm`.
    pub tasks: (u64, u64),
    /// Objects of parts.
    pub parts: u64,
    /// How often it found its credential busy.
    pub busy: u64,
    /// Time in tasks, all functions together, in milliseconds.
    pub millis: u64,
}

/// When a run had a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The credential.
    pub credential: usize,
    /// From here.
    pub from: u64,
    /// To here.
    pub to: u64,
}

/// A night.
#[derive(Debug, Clone)]
pub struct Night {
    /// The run of each feed.
    pub runs: Vec<Run>,
    /// The usage of planning and starting.
    pub front: Usage,
    /// The usage of the runs.
    pub usage: Usage,
    /// The usage of events for the sites, before they are fanned out.
    pub notices: Usage,
    /// How often the registry was compared with the store for that.
    pub looks: u64,
    /// When the planner had sent the last pair.
    pub planned: u64,
    /// When the last pair was taken.
    pub taken: u64,
    /// The most tasks at once by function.
    pub peaks: BTreeMap<Function, Peak>,
    /// All functions without a reservation, which share the rest.
    pub together: Peak,
    /// How long the sites' API had too little left, in milliseconds.
    pub starved: u64,
    /// Invocations that Lambda turned away.
    pub turned_away: u64,
    /// `StartExecution`.
    pub starts: Bucket,
    /// `GetParameter`.
    pub parameters: Bucket,
    /// State transitions.
    pub transitions: Bucket,
    /// The most of them in a second.
    pub transitions_a_second: u64,
    /// Open executions.
    pub open: Peak,
    /// The leases, if they are checked.
    pub held: Vec<Held>,
    /// The requests with each credential, if they are checked.
    pub sent: Vec<Vec<Sent>>,
}

impl Night {
    /// When the last run ended.
    pub fn end(&self) -> u64 {
        self.runs
            .iter()
            .filter_map(|run| run.ended)
            .max()
            .unwrap_or(0)
    }

    /// Everything that was used.
    pub fn all(&self) -> Usage {
        let mut all = self.front.clone();
        all.add(&self.usage);
        all.add(&self.notices);
        all
    }

    /// When this share of the runs had ended.
    pub fn quantile(&self, share: f64) -> u64 {
        let mut ends: Vec<u64> = self.runs.iter().filter_map(|run| run.ended).collect();
        ends.sort_unstable();
        let nth = (ends.len() as f64 * share) as usize;
        ends.get(nth.min(ends.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    }
}
