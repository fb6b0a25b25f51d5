//! Executions in this process. Runs are started by name and wait in a bounded queue. Several run at once;
//! those of one credential run one after the other.
//!
//! The scheduler starts runs here, and so does an operator's request. If the process ends before a run
//! began, the scheduler finds its own runs due again after the restart. It cannot know of a requested run.
//! So a note of each such run (`asked/{run}.json`) is stored until the run has ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use livelist_model::RunId;
use livelist_model::layout;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::registry::CredentialRef;
use livelist_model::run::RunSpec;
use livelist_steps::start::ExecutionInput;
use livelist_store::{Condition, Executions, Objects, ObjectsExt, Retention, Start, StoreError};
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
    /// Names of runs that are being started.
    starting: BTreeSet<RunId>,
    waiting: VecDeque<RunSpec>,
    running: BTreeMap<String, RunId>,
    /// Those of which there is a note.
    noted: BTreeSet<RunId>,
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

    /// The next run whose credential is free; it is under way until [`InProcess::ended`] is called.
    pub fn next(&self) -> Option<RunSpec> {
        self.lanes().next()
    }

    /// Whether a run uses the credential, or begins to.
    pub fn is_used(&self, credential: &CredentialRef) -> bool {
        self.lanes().running.contains_key(lane(credential))
    }

    /// How many runs wait, and how many are under way.
    pub fn counts(&self) -> (usize, usize) {
        let lanes = self.lanes();
        (
            lanes.waiting.len() + lanes.starting.len(),
            lanes.running.len(),
        )
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

    /// Starts no more runs, and drops those that wait. Returns how many those were.
    pub fn close(&self) -> usize {
        let mut lanes = self.lanes();
        lanes.closed = true;
        let waiting = lanes.waiting.len();
        lanes.waiting.clear();
        waiting
    }

    /// Reserves the name for a caller that starts it; `false` if the run is under way.
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

    /// Starts a run that is due. If it does not begin here, its schedule starts it again.
    ///
    /// # Errors
    /// Too many runs wait, this process is ending, or the store is unavailable.
    pub async fn start_due(&self, run: RunSpec) -> Result<Start, StoreError> {
        self.enter(run, false).await
    }

    /// The runs that were requested before this process began and may not have ended. Invalid notes are
    /// dropped.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn asked_before(&self) -> Result<Vec<RunSpec>, StoreError> {
        let mut runs = Vec::new();
        for note in self.objects.list(layout::ASKED_PREFIX).await? {
            match self.objects.read_json::<RunSpec>(&note.key).await {
                Ok(run) => runs.extend(run.map(|(run, _)| run)),
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::warn!(note = note.key, %error, "the note of a requested run cannot be read");
                    self.objects.delete(&note.key, Condition::Always).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(runs)
    }

    /// Starts a run that was asked for before this process began.
    ///
    /// # Errors
    /// As [`InProcess::start_due`].
    pub async fn start_again(&self, run: RunSpec) -> Result<Start, StoreError> {
        let id = run.run.clone();
        let start = self.enter(run, true).await?;
        if start == Start::AlreadyExists && !self.goes_on(&id) {
            self.forget(&id).await?;
        }
        Ok(start)
    }

    /// Whether the run waits or is under way here, whatever started it; if so, its note is removed when it
    /// ends.
    fn goes_on(&self, run: &RunId) -> bool {
        let mut lanes = self.lanes();
        let goes_on = lanes.knows(run);
        if goes_on {
            lanes.noted.insert(run.clone());
        }
        goes_on
    }

    /// Removes the note of a run.
    ///
    /// # Errors
    /// The store cannot be used now.
    pub async fn forget(&self, run: &RunId) -> Result<(), StoreError> {
        self.lanes().noted.remove(run);
        let note = layout::asked(run);
        self.objects.delete(&note, Condition::Always).await
    }

    /// Removes the note of a run that has ended, if there is one. A note that stays is found at the next
    /// start of the process, and that its run has ended.
    pub async fn forget_ended(&self, run: &RunId) {
        let noted = self.lanes().noted.contains(run);
        if noted && let Err(error) = self.forget(run).await {
            tracing::warn!(%run, %error, "the note of a requested run could not be removed");
        }
    }

    async fn enter(&self, run: RunSpec, is_noted: bool) -> Result<Start, StoreError> {
        if !self.reserve(&run.run)? {
            return Ok(Start::AlreadyExists);
        }
        let reserved = Reserved {
            executions: self,
            run: Some(run.run.clone()),
        };
        let may_begin = self.prepare(&run, is_noted).await;
        let mut lanes = reserved.give_back();
        if !may_begin? {
            return Ok(Start::AlreadyExists);
        }
        if is_noted {
            lanes.noted.insert(run.run.clone());
        }
        lanes.waiting.push_back(run);
        drop(lanes);
        self.changed.notify_one();
        Ok(Start::Started)
    }

    /// Whether the run has not ended; if so, its note is written first, if it gets one.
    async fn prepare(&self, run: &RunSpec, is_noted: bool) -> Result<bool, StoreError> {
        if self.has_ended(run).await? {
            return Ok(false);
        }
        if is_noted {
            let note = layout::asked(&run.run);
            let (always, keep) = (Condition::Always, Retention::Keep);
            self.objects.write_json(&note, run, always, keep).await?;
        }
        Ok(true)
    }

    async fn has_ended(&self, run: &RunSpec) -> Result<bool, StoreError> {
        let key = layout::run_record(&run.feed.feed, &run.run);
        let record = self.objects.read_json::<RunRecord>(&key).await?;
        Ok(record.is_some_and(|(record, _)| record.state != RunState::Running))
    }
}

/// A reserved name of a run that is being started. It is released when the caller is done or goes away: a
/// cancelled request must not keep the name for ever.
struct Reserved<'a> {
    executions: &'a InProcess,
    run: Option<RunId>,
}

impl<'a> Reserved<'a> {
    /// Releases the name, and returns the lock, so that no other caller can take it in between.
    fn give_back(mut self) -> MutexGuard<'a, Lanes> {
        let executions = self.executions;
        let mut lanes = executions.lanes();
        if let Some(run) = self.run.take() {
            lanes.starting.remove(&run);
        }
        lanes
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            self.executions.lanes().starting.remove(&run);
        }
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
        self.enter(run, true).await
    }
}

#[cfg(test)]
mod tests;
