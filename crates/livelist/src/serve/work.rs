//! The background work of `livelist serve`: runs, replications, webhooks, and removing what has expired. Each part
//! works by itself: none stops another, and none ends the process.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use livelist_model::run::RunSpec;
use livelist_notify::Notifier;
use livelist_ops::progress::RunsUnderWay;
use livelist_reso::Dialects;
use livelist_store::directory::DirectoryObjects;
use livelist_store::outbox::ObjectOutbox;
use livelist_store::registry::read_registry;
use livelist_store::{Clock, StoreError, SystemClock};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::in_process::InProcess;
use super::missing::Missing;
use super::scheduler::Scheduler;
use super::stop::Stop;
use super::syncs::Replicator;
use crate::runner::Runner;

/// What panicked begins anew after this.
const PAUSE: Duration = Duration::from_secs(60);
/// Runs that end within this time are reported together.
const GATHER: Duration = Duration::from_secs(2);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The parts of it.
pub struct Work {
    /// Runs feeds.
    pub runner: Arc<Runner>,
    /// What waits and what is under way.
    pub executions: Arc<InProcess>,
    /// How far the runs are.
    pub under_way: RunsUnderWay,
    /// Replicates beside the runs.
    pub replicator: Arc<Replicator>,
    /// The feeds that wait for a secret.
    pub missing: Arc<Missing>,
    /// Tells the sites.
    pub notifier: Notifier,
    /// The data.
    pub data: DirectoryObjects,
    /// This many runs at once.
    pub jobs: usize,
    /// The time for running runs after a stop is requested.
    pub grace: Duration,
    /// Old objects are removed after this.
    pub retention: Duration,
    /// The registry is read, and due notices are sent, at least this often.
    pub poll: Duration,
}

impl Work {
    /// Runs until a stop is requested and the runs have ended, or their grace is over. Calls `changed` for
    /// each run that begins or ends.
    pub async fn go_on(self, stop: Stop, changed: &(dyn Fn() + Sync)) {
        let scheduler = Scheduler {
            runner: self.runner.clone(),
            executions: self.executions.clone(),
            poll: self.poll,
            missing: self.missing.clone(),
        };
        let ended = Notify::new();
        tokio::join!(
            supervised("the scheduler", &stop, || scheduler.run(&stop)),
            supervised("the replications", &stop, || self.replicator.run(&stop)),
            supervised("the notices", &stop, || self.notices(&ended, &stop)),
            supervised("the sweep", &stop, || self.sweep(&stop)),
            self.runs(&ended, changed, &stop),
        );
    }

    async fn runs(&self, ended: &Notify, changed: &(dyn Fn() + Sync), stop: &Stop) {
        let mut tasks = JoinSet::new();
        loop {
            while tasks.len() < self.jobs {
                let Some(run) = self.executions.next() else {
                    break;
                };
                let under_way = UnderWay {
                    executions: self.executions.clone(),
                    run,
                };
                let told = self.under_way.clone();
                let (runner, missing) = (self.runner.clone(), self.missing.clone());
                let replicator = self.replicator.clone();
                tasks.spawn(async move {
                    let run = &under_way.run.run;
                    let watch = |stage| told.told(run, stage, runner.env.clock.now());
                    let line = runner.reconcile(under_way.run.clone(), &watch).await;
                    told.ended(run);
                    let error = line.error.as_ref().map(|error| error.name.as_str());
                    let feed = under_way.run.feed.feed.clone();
                    let now = runner.env.clock.now();
                    missing.ended(&feed, error, now);
                    let ended = &under_way.run.run;
                    under_way.executions.forget_ended(ended).await;
                    drop(under_way);
                    replicator.run_ended(feed, now);
                });
                changed();
            }
            tokio::select! {
                () = self.executions.changed() => {}
                Some(_) = tasks.join_next() => {
                    ended.notify_one();
                    changed();
                }
                () = stop.told() => break,
            }
        }
        let waiting = self.executions.close();
        tracing::info!(running = tasks.len(), waiting, "stopping");
        let all = async { while tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = SystemClock.sleep(self.grace) => {}
        }
        if !tasks.is_empty() {
            let abandoned = tasks.len();
            tracing::warn!(
                abandoned,
                "interrupted runs continue when this is started again"
            );
        }
    }

    async fn notices(&self, ended: &Notify, stop: &Stop) {
        let clock = &self.runner.env.clock;
        let outbox = ObjectOutbox::new(Arc::new(self.data.clone()));
        loop {
            tokio::select! {
                result = self.tell(&outbox) => if let Err(error) = result {
                    tracing::warn!(%error, "notices to sites could not be handled");
                },
                () = stop.told() => return,
            }
            tokio::select! {
                () = ended.notified() => SystemClock.sleep(GATHER).await,
                () = clock.sleep(self.poll) => {}
                () = stop.told() => return,
            }
        }
    }

    async fn tell(&self, outbox: &ObjectOutbox) -> Result<(), StoreError> {
        if !outbox.waiting().await?.is_empty() {
            let (registry, _) = read_registry(&*self.runner.env.objects, &Dialects).await?;
            self.notifier.take_up(outbox, &registry).await?;
        }
        let round = self.notifier.send_due(false).await?;
        if round.delivered > 0 {
            tracing::info!(
                delivered = round.delivered,
                "notices to sites were delivered"
            );
        }
        if round.waiting + round.given_up > 0 {
            let (waiting, given_up) = (round.waiting, round.given_up);
            tracing::warn!(waiting, given_up, "notices were not delivered");
        }
        Ok(())
    }

    async fn sweep(&self, stop: &Stop) {
        loop {
            match self.data.sweep(self.retention).await {
                Ok(removed) => tracing::info!(removed, "old objects were removed"),
                Err(error) => tracing::warn!(%error, "old objects were not removed"),
            }
            tokio::select! {
                () = self.runner.env.clock.sleep(DAY) => {}
                () = stop.told() => return,
            }
        }
    }
}

/// Frees the credential however the task ends.
struct UnderWay {
    executions: Arc<InProcess>,
    run: RunSpec,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.executions.ended(&self.run);
    }
}

/// Restarts `work` after a panic.
async fn supervised<F: Future<Output = ()>>(what: &str, stop: &Stop, work: impl Fn() -> F) {
    while AssertUnwindSafe(work()).catch_unwind().await.is_err() {
        tracing::error!("{what} panicked and begin anew in a minute; see standard error");
        tokio::select! {
            () = SystemClock.sleep(PAUSE) => {}
            () = stop.told() => return,
        }
    }
}
