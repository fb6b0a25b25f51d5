//! Everything a step needs of the world, built once before the first event.

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
    /// Who has which credential.
    pub leases: Arc<dyn Leases>,
    /// Secrets by reference.
    pub secrets: Arc<dyn Secrets>,
    /// Seals tokens for their way between steps.
    pub sealer: Arc<dyn Sealer>,
    /// The queue of pairs.
    pub queue: Arc<dyn Queue>,
    /// What the sites are told.
    pub outbox: Arc<dyn Outbox>,
    /// The state machine.
    pub executions: Arc<dyn Executions>,
    /// What is counted.
    pub metrics: Arc<dyn Metrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// HTTP.
    pub transport: Arc<dyn Transport>,
    /// Tokens that this process got and that are still good.
    pub tokens: TokenCache,
    /// What this process heard of the time.
    pub watch: Arc<Watch>,
    /// How much one task may do.
    pub limits: Limits,
}

/// How much one task may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A scan or confirmation task hands on after this.
    pub task_time: Duration,
    /// … or after so many requests for pages.
    pub task_pages: Option<u32>,
    /// A part is written when its keys take so many bytes; bounds the memory of a scan.
    pub part_bytes: usize,
    /// A comparison of a scan that read so many rows writes the draft of what is published. Below,
    /// merging the lists once more takes less time than storing them once more.
    pub draft_rows: u64,
    /// A lease lasts so long beyond the moment it was renewed: longer than any task.
    pub lease_ttl: Duration,
    /// A run whose credential is busy asks again after about this.
    pub busy_wait: Duration,
    /// The planner lets so many pairs start in a second: the Parameter Store answers 40 runs a second.
    pub pairs_a_second: u32,
    /// Who starts the runs: it says when the next one is to be expected.
    pub planner: Planner,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            task_time: Duration::from_secs(600),
            task_pages: None,
            part_bytes: 16 * 1024 * 1024,
            draft_rows: 100_000,
            lease_ttl: Duration::from_secs(20 * 60),
            // Each time costs three state transitions. A run has it for half a minute as a rule, and
            // where many wait one of them soon asks.
            busy_wait: Duration::from_secs(120),
            pairs_a_second: 20,
            planner: Planner::default(),
        }
    }
}

impl Limits {
    /// When the last request of a task that began at `begun` has to be over.
    pub(crate) fn deadline(&self, begun: jiff::Timestamp) -> jiff::Timestamp {
        let time = self.task_time.saturating_add(LAST_REQUEST);
        begun.checked_add(time).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Whether a task that began at `begun` and has asked `asked` times should hand on.
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

/// A request that a task begins at the end of its time may take so long: 780 s and this are less than
/// Lambda's 900.
const LAST_REQUEST: Duration = Duration::from_secs(90);

/// How long a task waits at least that was told to wait for the `stalled`th time in a row without
/// anything in between: a provider that only ever says "in a second" is not asked every second for
/// hours, which is what credentials are suspended for.
pub(crate) fn patience(stalled: u32) -> Duration {
    match stalled {
        0 => Duration::ZERO,
        n => Duration::from_secs(5 << (n - 1).min(7)),
    }
}

impl Env {
    /// The ports over this storage, clock, chance and transport: leases are objects, nothing is counted, and
    /// the other ports refuse until they are given.
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

    /// The same with queue, outbox and executions in memory, chance from a seed, and a sealer of this
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

    /// Renews the lease of `owner` on the run's credential, to outlast a wait of `wait`. Every step
    /// begins with this, so that a run whose credential went to another stops at once.
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

/// The clock and the chance of the environment, as the client asks for them.
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
