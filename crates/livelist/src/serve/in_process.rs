//! Executions in this process: runs are started by name, wait in a bounded queue, and are worked on,
//! several at once and those of one credential after each other. The scheduler starts runs here, and
//! so may anyone who has the port: a run is the same whoever started it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use livelist_model::RunId;
use livelist_model::layout;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::registry::CredentialRef;
use livelist_model::run::RunSpec;
use livelist_steps::start::ExecutionInput;
use livelist_store::{Executions, Objects, ObjectsExt, Start, StoreError};
use tokio::sync::Notify;

/// Runs that wait or are under way.
pub struct InProcess {
    objects: Arc<dyn Objects>,
    most: usize,
    lanes: Mutex<Lanes>,
    changed: Notify,
}

#[derive(Default)]
struct Lanes {
    closed: bool,
    /// Names that somebody is starting just now.
    starting: BTreeSet<RunId>,
    waiting: VecDeque<RunSpec>,
    running: BTreeMap<String, RunId>,
}

impl Lanes {
    fn knows(&self, run: &RunId) -> bool {
        self.starting.contains(run)
            || self.waiting.iter().any(|waiting| waiting.run == *run)
            || self.running.values().any(|running| running == run)
    }

    /// The first that waits for nothing.
    fn next(&mut self) -> Option<RunSpec> {
        let is_free = |run: &RunSpec| !self.running.contains_key(lane(&run.feed.credential));
        let at = self.waiting.iter().position(is_free)?;
        let run = self.waiting.remove(at)?;
        let credential = lane(&run.feed.credential).to_owned();
        self.running.insert(credential, run.run.clone());
        Some(run)
    }
}

/// Runs of one credential have one lane.
fn lane(credential: &CredentialRef) -> &str {
    credential.as_str()
}

impl InProcess {
    /// At most `most` runs may wait.
    pub fn new(objects: Arc<dyn Objects>, most: usize) -> InProcess {
        InProcess {
            objects,
            most,
            lanes: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next run whose credential is free; it is under way until [`InProcess::ended`] is told.
    pub fn next(&self) -> Option<RunSpec> {
        self.lanes().next()
    }

    /// The run is over, and its credential is free.
    pub fn ended(&self, run: &RunSpec) {
        self.lanes().running.remove(lane(&run.feed.credential));
        self.changed.notify_one();
    }

    /// Returns when there may be something to do.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Starts nothing more, and forgets what waits. Tells how many runs that were.
    pub fn close(&self) -> usize {
        let mut lanes = self.lanes();
        lanes.closed = true;
        let waiting = lanes.waiting.len();
        lanes.waiting.clear();
        waiting
    }

    /// Keeps the name for one who is starting it; false if the run is under way.
    fn reserve(&self, run: &RunId) -> Result<bool, StoreError> {
        let mut lanes = self.lanes();
        if lanes.knows(run) {
            return Ok(false);
        }
        let reason = if lanes.closed {
            "this process is ending"
        } else if lanes.waiting.len() + lanes.starting.len() >= self.most {
            "too many runs wait"
        } else {
            lanes.starting.insert(run.clone());
            return Ok(true);
        };
        Err(StoreError::unavailable("the queue of runs", reason))
    }

    async fn has_ended(&self, run: &RunSpec) -> Result<bool, StoreError> {
        let key = layout::run_record(&run.feed.feed, &run.run);
        let record = self.objects.read_json::<RunRecord>(&key).await?;
        Ok(record.is_some_and(|(record, _)| record.state != RunState::Running))
    }
}

#[async_trait]
impl Executions for InProcess {
    async fn start(&self, name: &str, input: String) -> Result<Start, StoreError> {
        let refused = |why: String| StoreError::refused(format!("starting {name}"), why);
        let ExecutionInput { run, nth } =
            serde_json::from_str(&input).map_err(|error| refused(error.to_string()))?;
        if name != run.run.execution(nth) {
            return Err(refused(format!("its input is that of {}", run.run)));
        }
        if !self.reserve(&run.run)? {
            return Ok(Start::AlreadyExists);
        }
        let ended = self.has_ended(&run).await;
        let mut lanes = self.lanes();
        lanes.starting.remove(&run.run);
        if ended? {
            return Ok(Start::AlreadyExists);
        }
        lanes.waiting.push_back(run);
        drop(lanes);
        self.changed.notify_one();
        Ok(Start::Started)
    }
}

#[cfg(test)]
mod tests;
