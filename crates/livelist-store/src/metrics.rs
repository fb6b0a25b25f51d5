//! The port for metrics, and its twins.

use std::sync::{Mutex, PoisonError};

use livelist_model::metrics::{CopyMetrics, HeadMetrics, RunMetrics};

/// Receives metrics; CloudWatch in production. It cannot fail and does not block, so metrics harm no run. A
/// run that is reported twice, by a task that was repeated, counts twice.
pub trait Metrics: Send + Sync {
    /// A run has ended.
    fn run(&self, run: &RunMetrics);

    /// The state of all heads.
    fn heads(&self, heads: &HeadMetrics);

    /// The state of all copies of records.
    fn copies(&self, copies: &CopyMetrics);
}

/// Metrics are dropped.
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn run(&self, _: &RunMetrics) {}

    fn heads(&self, _: &HeadMetrics) {}

    fn copies(&self, _: &CopyMetrics) {}
}

/// Keeps all metrics: for tests.
#[derive(Default)]
pub struct MemoryMetrics {
    runs: Mutex<Vec<RunMetrics>>,
    heads: Mutex<Vec<HeadMetrics>>,
    copies: Mutex<Vec<CopyMetrics>>,
}

impl MemoryMetrics {
    /// The runs, in the order of their ends.
    pub fn runs(&self) -> Vec<RunMetrics> {
        self.runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The reports about heads.
    pub fn looks(&self) -> Vec<HeadMetrics> {
        self.heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The reports about copies.
    pub fn copies_seen(&self) -> Vec<CopyMetrics> {
        self.copies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Metrics for MemoryMetrics {
    fn run(&self, run: &RunMetrics) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.push(run.clone());
    }

    fn heads(&self, heads: &HeadMetrics) {
        let mut looks = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push(heads.clone());
    }

    fn copies(&self, copies: &CopyMetrics) {
        let mut looks = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push(copies.clone());
    }
}
