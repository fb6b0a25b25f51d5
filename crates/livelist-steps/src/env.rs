//! The environment of a step: all ports and settings, built once before the first event.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::registry::Planner;
use livelist_model::run::RunSpec;
use livelist_reso::Transport;
use livelist_reso::time::Pace;
use livelist_store::leases::ObjectLeases;
use livelist_store::memory::{MemoryExecutions, MemoryOutbox, MemoryQueue, SeededEntropy};
use livelist_store::sealer::ProcessSealer;
use livelist_store::{
    Absent, Clock, Entropy, Executions, LeaseState, Leases, Metrics, NoMetrics, Objects, Outbox,
    Queue, Sealer, Secrets, StoreError,
};

use crate::StepError;
use crate::tokens::TokenCache;
use crate::watch::Watch;

/// The ports, and how much one task may do.
pub struct Env {
    /// Storage.
    pub objects: Arc<dyn Objects>,
    /// Leases: which run has which credential.
    pub leases: Arc<dyn Leases>,
    /// Secrets by reference.
    pub secrets: Arc<dyn Secrets>,
    /// Seals tokens for their way between steps.
    pub sealer: Arc<dyn Sealer>,
    /// The queue of pairs.
    pub queue: Arc<dyn Queue>,
    /// Events for the sites.
    pub outbox: Arc<dyn Outbox>,
    /// The state machine.
    pub executions: Arc<dyn Executions>,
    /// Metrics.
    pub metrics: Arc<dyn Metrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// HTTP.
    pub transport: Arc<dyn Transport>,
    /// Tokens of this process that are still valid.
    pub tokens: TokenCache,
    /// What this process has learned about the time.
    pub watch: Arc<Watch>,
    /// How much one task may do.
    pub limits: Limits,
}

/// How much one task may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A scan or confirmation task ends and hands on after this time.
    pub task_time: Duration,
    /// … or after this many requests for pages.
    pub task_pages: Option<u32>,
    /// A part is written when its keys take this many bytes. This bounds the memory of a scan.
    pub part_bytes: usize,
    /// A lease is valid this long after it was renewed: longer than any task takes.
    pub lease_ttl: Duration,
    /// A run whose credential is busy asks again after about this time.
    pub busy_wait: Duration,
    /// The planner lets this many pairs start per second, because the Parameter Store answers 40 runs a
    /// second.
    pub pairs_a_second: u32,
    /// What starts the runs. This determines when the next one is expected.
    pub planner: Planner,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            task_time: Duration::from_secs(600),
            task_pages: None,
            part_bytes: 16 * 1024 * 1024,
            lease_ttl: Duration::from_secs(20 * 60),
            // Each attempt costs three state transitions. A run usually has the credential for half a
            // minute, and if many wait, one of them soon asks.
            busy_wait: Duration::from_secs(120),
            pairs_a_second: 20,
            planner: Planner::default(),
        }
    }
}

impl Limits {
    /// When the last request of a task that began at `begun` has to end.
    pub(crate) fn deadline(&self, begun: jiff::Timestamp) -> jiff::Timestamp {
        let time = self.task_time.saturating_add(LAST_REQUEST);
        begun.checked_add(time).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Whether a task that began at `begun` and has sent `asked` requests should hand on.
    pub(crate) fn is_spent(
        &self,
        begun: jiff::Timestamp,
        now: jiff::Timestamp,
        asked: u32,
    ) -> bool {
        let spent = Duration::try_from(now.duration_since(begun)).unwrap_or_default();
        spent >= self.task_time || self.task_pages.is_some_and(|most| asked >= most)
    }
}

/// The time limit of a request that a task sends at the end of its time: 780 s plus this is less than
/// Lambda's 900.
const LAST_REQUEST: Duration = Duration::from_secs(90);

/// The minimum wait of a task that was told to wait for the `stalled`th time in a row without progress. A
/// provider that always says "in a second" must not be asked every second for hours, because credentials
/// are suspended for that.
pub(crate) fn patience(stalled: u32) -> Duration {
    match stalled {
        0 => Duration::ZERO,
        n => Duration::from_secs(5 << (n - 1).min(7)),
    }
}

impl Env {
    /// The ports over this storage, clock, entropy and transport. Leases are objects, metrics are not
    /// counted, and the other ports refuse until they are set.
    pub fn over(
        objects: Arc<dyn Objects>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        transport: Arc<dyn Transport>,
    ) -> Env {
        Env {
            leases: Arc::new(ObjectLeases::new(objects.clone(), clock.clone())),
            objects,
            secrets: Arc::new(Absent("a source of secrets")),
            sealer: Arc::new(Absent("a key that seals")),
            queue: Arc::new(Absent("the queue of pairs")),
            outbox: Arc::new(Absent("the outbox")),
            executions: Arc::new(Absent("the state machine")),
            metrics: Arc::new(NoMetrics),
            clock,
            entropy,
            transport,
            tokens: TokenCache::default(),
            watch: Arc::default(),
            limits: Limits::default(),
        }
    }

    /// The same with queue, outbox and executions in memory, seeded randomness, and a sealer of this
    /// process: for tests and examples.
    ///
    /// # Errors
    /// The system has no randomness for the sealer.
    pub fn in_memory(
        objects: Arc<dyn Objects>,
        clock: Arc<dyn Clock>,
        transport: Arc<dyn Transport>,
    ) -> Result<Env, StoreError> {
        Ok(Env {
            sealer: Arc::new(ProcessSealer::new()?),
            queue: Arc::new(MemoryQueue::default()),
            outbox: Arc::new(MemoryOutbox::default()),
            executions: Arc::new(MemoryExecutions::default()),
            ..Env::over(objects, clock, Arc::new(SeededEntropy::new(1)), transport)
        })
    }

    /// Renews the lease of `owner` on the run's credential, so that it outlasts a wait of `wait`. Every
    /// step begins with this, so a run that has lost its credential stops at once.
    pub async fn renew(&self, run: &RunSpec, owner: &str, wait: Duration) -> Result<(), StepError> {
        self.watch.begin(&*self.clock);
        let ttl = self.limits.lease_ttl.saturating_add(wait);
        match self
            .leases
            .acquire(&run.feed.credential, owner, ttl)
            .await?
        {
            LeaseState::Held => Ok(()),
            LeaseState::Busy(lease) => Err(StepError::LeaseLost { owner: lease.owner }),
        }
    }

    pub(crate) fn pace(&self) -> EnvPace<'_> {
        EnvPace(self)
    }
}

/// The environment's clock and randomness in the form that the client needs.
pub(crate) struct EnvPace<'a>(&'a Env);

#[async_trait]
impl Pace for EnvPace<'_> {
    fn now(&self) -> jiff::Timestamp {
        self.0.clock.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.clock.sleep(duration).await;
    }

    async fn patience_ends(&self, duration: Duration) {
        self.0.clock.patience_ends(duration).await;
    }

    fn fraction(&self) -> f64 {
        self.0.entropy.fraction()
    }
}
