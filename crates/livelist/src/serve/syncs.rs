//! Replications by schedule: what changed is read, applied and proved, beside the runs. One pass of a
//! replication at a time, and one of a credential. All that is known of them is on disk; a pass that was
//! cut off goes on with the next one.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use livelist_model::registry::{CredentialRef, Replication};
use livelist_model::syncs::{PassOutcome, due_at, is_proof_due};
use livelist_model::{FeedId, ReplicationId, with_causes};
use livelist_reso::Dialects;
use livelist_steps::records::{ResourceSpec, syncs};
use livelist_steps::{Env, history};
use livelist_store::pauses::read_unpaused_with_records;
use livelist_store::{Clock, StoreError, SystemClock};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::in_process::InProcess;
use super::stop::Stop;
use crate::records::open::Opened;
use crate::records::pass::{How, pass};
use crate::records::proved;

/// A pass waits for a provider so long; for longer waits it ends, and is due when they are over.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Replicates by schedule.
pub struct Replicator {
    /// The ports.
    pub env: Arc<Env>,
    /// Which credentials runs have.
    pub executions: Arc<InProcess>,
    /// The directory of the data.
    pub data: PathBuf,
    /// So many passes at once.
    pub jobs: usize,
    /// Passes under way get so long when it is to stop.
    pub grace: Duration,
    /// The registry is read at least so often.
    pub poll: Duration,
    /// How many passes have ended.
    pub passes: Arc<AtomicU64>,
    state: Arc<Mutex<State>>,
    changed: Notify,
}

/// What is known from before.
#[derive(Default)]
struct State {
    under_way: BTreeMap<ReplicationId, CredentialRef>,
    known: BTreeMap<ReplicationId, Known>,
    /// When the newest scan of a feed ended.
    scanned: BTreeMap<FeedId, Timestamp>,
}

#[derive(Default, Clone, Copy)]
struct Known {
    /// When its last pass began.
    began: Option<Timestamp>,
    /// When the provider wants to be asked again.
    again: Option<Timestamp>,
}

/// A replication, with what it reads.
#[derive(Clone)]
struct Wanted {
    replication: Replication,
    credential: CredentialRef,
    feeds: Vec<FeedId>,
}

impl Replicator {
    /// Replicates with these ports, beside these runs.
    pub fn new(
        env: Arc<Env>,
        executions: Arc<InProcess>,
        data: PathBuf,
        [jobs, grace]: [u32; 2],
        poll: Duration,
    ) -> Replicator {
        Replicator {
            env,
            executions,
            data,
            jobs: jobs as usize,
            grace: Duration::from_secs(u64::from(grace)),
            poll,
            passes: Arc::default(),
            state: Arc::default(),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run of the feed has ended: what it proved goes into the log.
    pub fn run_ended(&self, feed: FeedId, at: Timestamp) {
        self.state().scanned.insert(feed, at);
        self.changed.notify_one();
    }

    /// Goes on until it is told to stop and the passes have ended, or have had their grace.
    pub async fn run(&self, stop: &Stop) {
        let mut tasks = JoinSet::new();
        let clock = &self.env.clock;
        loop {
            let wait = match self.round(&mut tasks, stop).await {
                Ok(wait) => wait,
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::error!(error, "no replication could be started");
                    self.poll
                }
            };
            tokio::select! {
                Some(_) = tasks.join_next() => {
                    self.passes.fetch_add(1, Ordering::Relaxed);
                }
                () = self.changed.notified() => {}
                () = clock.sleep(wait) => {}
                () = stop.told() => break,
            }
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = SystemClock.sleep(self.grace) => {
                tracing::warn!("interrupted passes go on when this is started again");
            }
        }
    }

    /// Starts the passes that are due now; says how long to wait for the next.
    async fn round(&self, tasks: &mut JoinSet<()>, stop: &Stop) -> Result<Duration, StoreError> {
        let env = &self.env;
        // The scheduler of runs tells what is wrong with the registry.
        let (registry, findings) = read_unpaused_with_records(&*env.objects, &Dialects).await?;
        let opened = Arc::new(Opened {
            env: env.clone(),
            registry,
            is_sound: findings.is_empty(),
            data: self.data.clone(),
        });
        let wanted = wanted(&opened);
        for wanted in &wanted {
            self.look_up(wanted).await?;
        }
        let now = env.clock.now();
        let mut due = Vec::new();
        let mut wait = self.poll;
        for wanted in wanted {
            match self.due_at(&wanted, now) {
                Some(at) if at <= now => due.push((at, wanted)),
                Some(at) => {
                    let until = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                    wait = wait.min(until);
                }
                None => {}
            }
        }
        due.sort_by(|a, b| {
            (a.0, &a.1.replication.replication).cmp(&(b.0, &b.1.replication.replication))
        });
        for (_, wanted) in due {
            if tasks.len() >= self.jobs {
                break;
            }
            if let Some(under_way) = self.begin(&wanted, now) {
                let (opened, stop) = (opened.clone(), stop.clone());
                tasks.spawn(under_way.work(opened, wanted, stop));
            }
        }
        Ok(wait)
    }

    /// Reads what is not known of it yet: when its last pass began, and when its feeds were scanned last.
    async fn look_up(&self, wanted: &Wanted) -> Result<(), StoreError> {
        let name = &wanted.replication.replication;
        if self.state().known.contains_key(name) {
            return Ok(());
        }
        let objects = &*self.env.objects;
        let last = syncs::read(objects, name).await?.passes.pop();
        for feed in &wanted.feeds {
            let history = history::read(objects, feed).await?;
            if let Some(past) = history.newest() {
                let mut state = self.state();
                state
                    .scanned
                    .entry(feed.clone())
                    .or_insert(past.finished_at);
            }
        }
        let known = Known {
            began: last.map(|pass| pass.began_at),
            again: None,
        };
        self.state().known.insert(name.clone(), known);
        Ok(())
    }

    /// When it is due; nothing while a pass of it, or of its credential, is under way.
    fn due_at(&self, wanted: &Wanted, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        if state.under_way.values().any(|of| *of == wanted.credential) {
            return None;
        }
        let known = state.known.get(&wanted.replication.replication);
        let known = known.copied().unwrap_or_default();
        let scanned = state.scanned(wanted);
        let due = due_at(&wanted.replication.sync, known.began, scanned, now);
        match (due, known.again) {
            (Some(due), Some(again)) => Some(due.min(again)),
            (due, again) => due.or(again),
        }
    }

    /// The replication is under way, unless its credential is used by another one.
    fn begin(&self, wanted: &Wanted, now: Timestamp) -> Option<UnderWay> {
        let mut state = self.state();
        if state.under_way.values().any(|of| *of == wanted.credential) {
            return None;
        }
        let name = wanted.replication.replication.clone();
        state
            .under_way
            .insert(name.clone(), wanted.credential.clone());
        let known = Known {
            began: Some(now),
            again: None,
        };
        state.known.insert(name.clone(), known);
        Some(UnderWay {
            replication: name,
            state: self.state.clone(),
            executions: self.executions.clone(),
        })
    }
}

impl State {
    fn scanned(&self, wanted: &Wanted) -> Option<Timestamp> {
        let of = wanted.feeds.iter();
        of.filter_map(|feed| self.scanned.get(feed)).max().copied()
    }
}

/// The replications that are to be made.
fn wanted(opened: &Opened) -> Vec<Wanted> {
    let registry = &opened.registry;
    let enabled = registry.replications.values().filter(|r| r.enabled);
    let of = enabled.filter_map(|replication| {
        let mls = registry.mls.get(&replication.mls).filter(|m| m.enabled)?;
        let feeds = replication.resources.iter();
        let feeds = feeds.map(|resource| ResourceSpec::of(replication, mls, resource).feed.feed);
        Some(Wanted {
            replication: replication.clone(),
            credential: mls.credential.clone(),
            feeds: feeds.collect(),
        })
    });
    of.collect()
}

/// Frees the credential however the pass ends.
struct UnderWay {
    replication: ReplicationId,
    state: Arc<Mutex<State>>,
    executions: Arc<InProcess>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.remove(&self.replication);
    }
}

impl UnderWay {
    /// A panic is the failure of this pass alone.
    async fn work(self, opened: Arc<Opened>, wanted: Wanted, stop: Stop) {
        let work = AssertUnwindSafe(self.pass(&opened, &wanted, &stop)).catch_unwind();
        if work.await.is_err() {
            let name = &self.replication;
            tracing::error!(replication = %name, "a pass panicked; see standard error");
        }
    }

    async fn pass(&self, opened: &Opened, wanted: &Wanted, stop: &Stop) {
        let executions = &self.executions;
        let how = How {
            longest_wait: LONGEST_WAIT,
            ends: &|credential| stop.is_told() || executions.is_used(credential),
            again: None,
            watch: &|_, _| {},
        };
        let name = &self.replication;
        let passed = pass(opened, &wanted.replication, &how).await;
        let done = &passed.pass;
        tracing::info!(
            replication = %name, outcome = done.outcome.as_str(), pulled = done.pulled,
            upserts = done.upserts, removals = done.removals, rejected = done.rejected,
            requests = done.requests, "a pass has ended: {}", done.outcome.as_str()
        );
        let now = opened.env.clock.now();
        if let Some(wait) = passed.again_in {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = state.known.get_mut(name) {
                known.again = now.checked_add(wait).ok();
            }
        }
        // A scan that is under way is going to say more: the copies are proved behind it.
        if done.outcome == PassOutcome::Skipped || executions.is_used(&wanted.credential) {
            return;
        }
        self.prove(opened, wanted, stop).await;
    }

    async fn prove(&self, opened: &Opened, wanted: &Wanted, stop: &Stop) {
        let name = &self.replication;
        let known = syncs::read(&*opened.env.objects, name).await;
        let known = known.unwrap_or_default();
        let scanned = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.scanned(wanted)
        };
        for document in opened.registry.destinations_of(&wanted.replication) {
            let copy = known.copies.get(&document.destination);
            let proof = copy.and_then(|copy| copy.proof.as_ref());
            let now = opened.env.clock.now();
            if stop.is_told() || !is_proof_due(proof, scanned, now) {
                continue;
            }
            let proved = proved(opened, &wanted.replication, &document).await;
            let destination = &document.destination;
            match proved {
                Ok(Some(proof)) if proof.is_equal() => {
                    let records = proof.records;
                    tracing::info!(replication = %name, %destination, records, "the copy is proved");
                }
                Ok(Some(proof)) => tracing::warn!(
                    replication = %name, %destination, records = proof.records,
                    missing = proof.missing, stale = proof.stale, extra = proof.extra,
                    mended = proof.mended.upserts, "the copy differed from its log"
                ),
                Ok(None) => {}
                Err(error) => {
                    let chain = with_causes(&error);
                    tracing::error!(replication = %name, %destination, error = error.name(), "{chain}");
                }
            }
        }
    }
}
