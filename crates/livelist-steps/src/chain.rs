//! Runs the steps in order in one process, as statemachines/reconcile.asl.json does on AWS. A test checks
//! that both give the same bytes. It branches on the results of the steps and decides nothing itself.
//! [`Invoke`] is how a step is invoked: directly here, with crashes and retries in a simulation.

use std::time::Duration;

use async_trait::async_trait;
use livelist_model::record::Failure;
use livelist_model::run::RunSpec;
use livelist_reso::ClientError;

use crate::logged::logged;
use crate::release::FailureInput;
use crate::step::{Acquire, Authorize, Compare, Confirm, Publish, Release, Scan};
use crate::{Env, Step, StepError, acquire, authorize, compare, confirm, publish, release, scan};

/// How steps are invoked. An error ends the run, except [`StepError::LeaseLost`]: the invoker has already
/// done all retries.
#[async_trait]
pub trait Invoke: Send + Sync {
    /// Invokes a step.
    async fn invoke<S: Step>(&self, input: S::In) -> Result<S::Out, StepError>;
    /// Waits between two steps.
    async fn wait(&self, seconds: u64);
}

/// Steps as function calls in this process.
struct Direct<'a>(&'a Env);

#[async_trait]
impl Invoke for Direct<'_> {
    async fn invoke<S: Step>(&self, input: S::In) -> Result<S::Out, StepError> {
        let step = twice(self.0, || S::run(self.0, input.clone()));
        logged(self.0, S::NAME, step).await
    }

    async fn wait(&self, seconds: u64) {
        self.0.clock.sleep(Duration::from_secs(seconds)).await;
    }
}

/// The result of a run.
#[derive(Debug)]
pub enum Ended {
    /// It was published, unchanged or held.
    Result(publish::Output),
    /// An earlier execution had finished it.
    Finished,
    /// It failed.
    Failed(Failure),
}

/// The progress of a run, for observers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for the credential.
    Waiting,
    /// Getting a token.
    Authorizing,
    /// Reading pages.
    Scanning {
        /// Rows read so far.
        rows: u64,
        /// Pages read so far.
        pages: u64,
        /// How many rows the provider counted before, if it did.
        count: Option<u64>,
    },
    /// Waiting because the provider asked for it.
    Throttled {
        /// The length of the wait.
        seconds: u64,
    },
    /// Comparing.
    Comparing,
    /// Asking for absent keys.
    Confirming {
        /// Asked for so far.
        asked: u64,
        /// The total.
        of: u64,
    },
    /// Publishing.
    Publishing,
}

/// A step that failed for a temporary reason is retried once, after this time.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// The most steps of a run; more mean that it makes no progress. (The state machine hands over instead.)
const MAX_TURNS: u32 = 100_000;

/// Reconciles one feed, and reports its progress to `watch`.
pub async fn reconcile(
    env: &Env,
    run: RunSpec,
    owner: &str,
    watch: &(dyn Fn(Stage) + Send + Sync),
) -> Ended {
    reconcile_by(&Direct(env), run, owner, watch).await
}

/// Reconciles one feed by these steps, and reports its progress to `watch`.
pub async fn reconcile_by(
    steps: &impl Invoke,
    run: RunSpec,
    owner: &str,
    watch: &(dyn Fn(Stage) + Send + Sync),
) -> Ended {
    let mut chain = Chain {
        steps,
        run: &run,
        owner,
        watch,
        at: acquire::NAME,
        turns: 0,
        token: String::new(),
        phase: Phase::Scan,
        progress: None,
        comparison: String::new(),
        absent: 0,
        confirmation: None,
    };
    let result = chain.run().await;
    let at = chain.at;
    let failure = match &result {
        Ok(_) => None,
        Err(error) => Some(error.failure(at)),
    };
    let told = failure.as_ref().map(|f| FailureInput {
        error: f.name.clone(),
        cause: Some(f.message.clone()),
        step: f.step.clone(),
    });
    let input = release::Input {
        run,
        owner: owner.to_owned(),
        failure: told,
    };
    if let Err(error) = steps.invoke::<Release>(input).await {
        tracing::warn!(
            error = error.chain(),
            "the credential's lease could not be released"
        );
    }
    match (result, failure) {
        (Ok(Some(output)), _) => Ended::Result(output),
        (Ok(None), _) => Ended::Finished,
        (Err(error), failure) => Ended::Failed(failure.unwrap_or_else(|| error.failure(at))),
    }
}

/// The error of a run that makes no progress. Only a provider that always asks to wait causes that.
fn no_progress() -> StepError {
    StepError::Provider(ClientError::Throttled(Duration::ZERO))
}

/// Runs a step, and once more if it failed for a passing reason.
async fn twice<T, F: Future<Output = Result<T, StepError>>>(
    env: &Env,
    step: impl Fn() -> F,
) -> Result<T, StepError> {
    match step().await {
        Err(error) if error.is_passing() => {
            tracing::warn!(error = error.chain(), "trying the step again");
            env.clock.sleep(RETRY_AFTER).await;
            step().await
        }
        other => other,
    }
}

/// The phase in which a run continues with a new token: the machine's variable `phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Scan,
    Compare,
    Confirm,
    Publish,
}

/// One run on its way; the fields from `phase` on are the machine's variables.
struct Chain<'a, I> {
    steps: &'a I,
    run: &'a RunSpec,
    owner: &'a str,
    watch: &'a (dyn Fn(Stage) + Send + Sync),
    at: &'static str,
    turns: u32,
    token: String,
    phase: Phase,
    progress: Option<String>,
    comparison: String,
    absent: u64,
    confirmation: Option<String>,
}

impl<I: Invoke> Chain<'_, I> {
    /// Runs to the end. Returns `None` if an earlier execution had finished the run. A run that lost its
    /// lease acquires it again and continues.
    async fn run(&mut self) -> Result<Option<publish::Output>, StepError> {
        loop {
            if !self.acquire().await? {
                return Ok(None);
            }
            match self.go_on().await {
                Err(error @ StepError::LeaseLost { .. }) => {
                    tracing::warn!(error = error.chain(), "waiting for the credential again");
                    self.turn()?;
                }
                other => return other.map(Some),
            }
        }
    }

    fn turn(&mut self) -> Result<(), StepError> {
        self.turns += 1;
        if self.turns > MAX_TURNS {
            return Err(no_progress());
        }
        Ok(())
    }

    fn owned(&self) -> (RunSpec, String) {
        (self.run.clone(), self.owner.to_owned())
    }

    async fn throttled(&self, seconds: u64) {
        (self.watch)(Stage::Throttled { seconds });
        self.steps.wait(seconds).await;
    }

    /// Waits for the credential; false if the run is done already.
    async fn acquire(&mut self) -> Result<bool, StepError> {
        loop {
            self.at = acquire::NAME;
            let (run, owner) = self.owned();
            let got = self
                .steps
                .invoke::<Acquire>(acquire::Input { run, owner })
                .await?;
            match got.outcome {
                acquire::Outcome::Acquired => return Ok(true),
                acquire::Outcome::Finished => return Ok(false),
                acquire::Outcome::Busy => {
                    (self.watch)(Stage::Waiting);
                    self.steps.wait(got.wait_seconds).await;
                }
            }
        }
    }

    async fn authorize(&mut self) -> Result<(), StepError> {
        self.at = authorize::NAME;
        (self.watch)(Stage::Authorizing);
        for _ in 0..MAX_TURNS {
            let (run, owner) = self.owned();
            let out = self
                .steps
                .invoke::<Authorize>(authorize::Input { run, owner })
                .await?;
            match out.token {
                Some(token) if out.outcome == authorize::Outcome::Authorized => {
                    self.token = token;
                    return Ok(());
                }
                _ => self.throttled(out.wait_seconds).await,
            }
        }
        Err(no_progress())
    }

    /// Gets a token and continues from the phase that was reached.
    async fn go_on(&mut self) -> Result<publish::Output, StepError> {
        self.authorize().await?;
        loop {
            self.turn()?;
            match self.phase {
                Phase::Scan => self.scan().await?,
                Phase::Compare => self.compare().await?,
                Phase::Confirm => self.confirm().await?,
                Phase::Publish => {
                    if let Some(published) = self.publish().await? {
                        return Ok(published);
                    }
                }
            }
        }
    }

    async fn scan(&mut self) -> Result<(), StepError> {
        self.at = scan::NAME;
        let (run, owner) = self.owned();
        let input = scan::Input {
            run,
            owner,
            token: self.token.clone(),
            progress: self.progress.clone(),
        };
        let out = self.steps.invoke::<Scan>(input).await?;
        (self.watch)(Stage::Scanning {
            rows: out.rows,
            pages: out.pages,
            count: out.count,
        });
        self.progress = Some(out.progress);
        match out.outcome {
            scan::Outcome::Done => self.phase = Phase::Compare,
            scan::Outcome::More => {}
            scan::Outcome::Throttled => self.throttled(out.wait_seconds).await,
            scan::Outcome::Unauthorized => self.authorize().await?,
        }
        Ok(())
    }

    /// A new comparison makes older confirmations void.
    async fn compare(&mut self) -> Result<(), StepError> {
        self.at = compare::NAME;
        (self.watch)(Stage::Comparing);
        let (run, owner) = self.owned();
        let progress = self.progress.clone().unwrap_or_default();
        let input = compare::Input {
            run,
            owner,
            progress,
        };
        let out = self.steps.invoke::<Compare>(input).await?;
        self.progress = Some(out.progress);
        self.comparison = out.comparison;
        self.absent = out.absent;
        self.confirmation = None;
        self.phase = match out.outcome {
            compare::Outcome::Scan => Phase::Scan,
            compare::Outcome::Confirm => Phase::Confirm,
            compare::Outcome::Publish => Phase::Publish,
        };
        Ok(())
    }

    async fn confirm(&mut self) -> Result<(), StepError> {
        self.at = confirm::NAME;
        let (run, owner) = self.owned();
        let input = confirm::Input {
            run,
            owner,
            token: self.token.clone(),
            comparison: self.comparison.clone(),
            confirmation: self.confirmation.clone(),
        };
        let out = self.steps.invoke::<Confirm>(input).await?;
        (self.watch)(Stage::Confirming {
            asked: out.asked,
            of: self.absent,
        });
        self.progress = Some(out.progress);
        self.confirmation = Some(out.confirmation);
        match out.outcome {
            confirm::Outcome::Publish => self.phase = Phase::Publish,
            confirm::Outcome::Scan => self.phase = Phase::Scan,
            confirm::Outcome::More => {}
            confirm::Outcome::Throttled => self.throttled(out.wait_seconds).await,
            confirm::Outcome::Unauthorized => self.authorize().await?,
        }
        Ok(())
    }

    /// Publishes. Returns `None` if another run published meanwhile; then the comparison is repeated.
    async fn publish(&mut self) -> Result<Option<publish::Output>, StepError> {
        self.at = publish::NAME;
        (self.watch)(Stage::Publishing);
        let (run, owner) = self.owned();
        let input = publish::Input {
            run,
            owner,
            comparison: self.comparison.clone(),
            confirmation: self.confirmation.clone(),
            approved: false,
        };
        let published = self.steps.invoke::<Publish>(input).await?;
        if published.outcome == publish::Outcome::Stale {
            self.phase = Phase::Compare;
            return Ok(None);
        }
        Ok(Some(published))
    }
}
