//! The port to graphs and alarms, and its twins.

use std::sync::{Mutex, PoisonError};

use livelist_model::metrics::{HeadMetrics, RunMetrics};

/// Takes note of numbers; CloudWatch in production. It cannot fail and does not wait: no run is worse
/// off because nobody counts it. What is reported twice, by a task that was repeated, counts twice.
pub trait Metrics: Send + Sync {
    /// A run has ended.
    fn run(&self, run: &RunMetrics);

    /// The heads were looked at.
    fn heads(&self, heads: &HeadMetrics);
}

/// Nobody counts.
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn run(&self, _: &RunMetrics) {}

    fn heads(&self, _: &HeadMetrics) {}
}

/// Keeps all that it is told: for tests.
#[derive(Default)]
pub struct MemoryMetrics {
    runs: Mutex<Vec<RunMetrics>>,
    heads: Mutex<Vec<HeadMetrics>>,
}

impl MemoryMetrics {
    /// The runs, in the order of their ends.
    pub fn runs(&self) -> Vec<RunMetrics> {
        self.runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Each look at the heads.
    pub fn looks(&self) -> Vec<HeadMetrics> {
        self.heads
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
}
