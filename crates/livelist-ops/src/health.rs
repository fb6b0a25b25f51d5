//! The health of a machine on which Livelist runs: disk, clock, registry, queues, the last backup. The process
//! that works there measures it; others show it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The health, as it was measured last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// When.
    pub at: Timestamp,
    /// A sentence for each problem that needs an operator.
    pub troubles: Vec<String>,
    /// The file system of the data.
    pub disk: Option<Disk>,
    /// The clock, compared with other sources of time; `None` where it cannot be judged.
    pub clock: Option<ClockHealth>,
    /// How many things are wrong with the registry.
    pub registry_findings: usize,
    /// What waits.
    pub queue: QueueHealth,
    /// The last backup; `None` if `livelist backup` never made one.
    pub backup: Option<Backup>,
}

/// The file system of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Free bytes.
    pub free_bytes: u64,
    /// What the last day wrote; `None` if that is not known yet.
    pub written_last_day_bytes: Option<u64>,
}

/// The clock, compared with other sources of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockHealth {
    /// How many sources it was compared with in the last day: servers, and the time that has passed.
    pub sources: usize,
    /// It is behind by this many seconds (negative: ahead), as two sources agree; `None` if it is right.
    pub behind_seconds: Option<i64>,
    /// Servers that disagree with it alone, each with its difference in seconds.
    pub dissent: Vec<(String, i64)>,
}

/// What waits, is under way, or was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueHealth {
    /// Runs that wait for their turn.
    pub runs_waiting: usize,
    /// Runs under way.
    pub runs_running: usize,
    /// Notices to sites that are tried again.
    pub notices_waiting: usize,
    /// Notices to sites that were given up, and after which none was delivered to that site for that feed.
    pub notices_given_up: usize,
    /// Alerts to operators that are tried again.
    pub alerts_waiting: usize,
    /// Alerts to operators that were given up.
    pub alerts_given_up: usize,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// When it ended.
    pub at: Timestamp,
}
