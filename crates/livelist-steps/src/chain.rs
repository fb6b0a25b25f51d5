//! The steps in order, in one process: what statemachines/reconcile.asl.json does on AWS. That both
//! give the same bytes is a test. It branches on what the steps say and decides nothing itself.

use std::time::Duration;

use livelist_model::record::Failure;
use livelist_model::run::RunSpec;
use livelist_reso::ClientError;

use crate::release::FailureInput;
use crate::{Env, StepError, acquire, authorize, compare, confirm, publish, release, scan};

/// What became of a run.
#[derive(Debug)]
pub enum Ended {
    /// It was published, unchanged or held.
    Result(publish::Output),
    /// An earlier execution had finished it.
    Finished,
    /// It failed.
    Failed(Failure),
}

/// Where a run is, for those who watch.
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
    },
    /// Waiting because the provider asked for it.
    Throttled {
        /// So long.
        seconds: u64,
    },
    /// Comparing.
    Comparing,
    /// Asking for absent keys.
    Confirming {
        /// Asked for so far.
        asked: u64,
        /// Of so many.
        of: u64,
    },
    /// Publishing.
    Publishing,
}

/// A step that failed for a passing reason is tried again once, after this.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// More turns than this are no progress (the state machine hands over instead).
const MAX_TURNS: u32 = 100_000;

/// Reconciles one feed and tells `watch` where it is.
pub async fn reconcile(
    env: &Env,
    run: RunSpec,
    owner: &str,
    watch: &(dyn Fn(Stage) + Send + Sync),
) -> Ended {
    let mut at = acquire::NAME;
    let result = steps(env, &run, owner, watch, &mut at).await;
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
    if let Err(error) = release::run(env, input).await {
        tracing::warn!(error = error.chain(), "the credential was not given back");
    }
    match (result, failure) {
        (Ok(Some(output)), _) => Ended::Result(output),
        (Ok(None), _) => Ended::Finished,
        (Err(error), failure) => Ended::Failed(failure.unwrap_or_else(|| error.failure(at))),
    }
}

/// What a run that turns in a circle ends with: only a provider that always asks to wait gets there.
fn no_progress() -> StepError {
    StepError::Provider(ClientError::Throttled(Duration::ZERO))
}

/// Runs a step, and once more if it failed for a passing reason.
async fn twice<T, F: Future<Output = Result<T, StepError>>>(
    env: &Env,
    step: impl Fn() -> F,
) -> Result<T, StepError> {
    match step().await {
        Err(error) if is_passing(&error) => {
            tracing::warn!(error = error.chain(), "trying the step again");
            env.clock.sleep(RETRY_AFTER).await;
            step().await
        }
        other => other,
    }
}

fn is_passing(error: &StepError) -> bool {
    matches!(
        error.name(),
        "ProviderUnavailable" | "PageInvalid" | "StoreUnavailable"
    )
}

async fn steps(
    env: &Env,
    run: &RunSpec,
    owner: &str,
    watch: &(dyn Fn(Stage) + Send + Sync),
    at: &mut &'static str,
) -> Result<Option<publish::Output>, StepError> {
    let owned = || (run.clone(), owner.to_owned());
    let wait = |seconds: u64| env.clock.sleep(Duration::from_secs(seconds));
    loop {
        *at = acquire::NAME;
        let (run, owner) = owned();
        let got = acquire::run(env, acquire::Input { run, owner }).await?;
        match got.outcome {
            acquire::Outcome::Acquired => break,
            acquire::Outcome::Finished => return Ok(None),
            acquire::Outcome::Busy => {
                watch(Stage::Waiting);
                wait(got.wait_seconds).await;
            }
        }
    }
    let mut token = authorize(env, run, owner, watch, at).await?;
    let mut progress = None;
    let mut turns = 0;
    'scan: loop {
        let scanned = loop {
            *at = scan::NAME;
            turns += 1;
            if turns > MAX_TURNS {
                return Err(no_progress());
            }
            let out = twice(env, || {
                let (run, owner) = owned();
                let (token, progress) = (token.clone(), progress.clone());
                scan::run(
                    env,
                    scan::Input {
                        run,
                        owner,
                        token,
                        progress,
                    },
                )
            })
            .await?;
            watch(Stage::Scanning {
                rows: out.rows,
                pages: out.pages,
            });
            progress = Some(out.progress.clone());
            match out.outcome {
                scan::Outcome::Done => break out.progress,
                scan::Outcome::More => {}
                scan::Outcome::Throttled => {
                    watch(Stage::Throttled {
                        seconds: out.wait_seconds,
                    });
                    wait(out.wait_seconds).await;
                }
                scan::Outcome::Unauthorized => {
                    token = authorize(env, run, owner, watch, at).await?;
                }
            }
        };
        let mut scanned = scanned;
        loop {
            *at = compare::NAME;
            watch(Stage::Comparing);
            let compared = twice(env, || {
                let (run, owner) = owned();
                compare::run(
                    env,
                    compare::Input {
                        run,
                        owner,
                        progress: scanned.clone(),
                    },
                )
            })
            .await?;
            scanned = compared.progress.clone();
            let mut confirmation = None;
            match compared.outcome {
                compare::Outcome::Scan => {
                    progress = Some(compared.progress);
                    continue 'scan;
                }
                compare::Outcome::Confirm => loop {
                    *at = confirm::NAME;
                    turns += 1;
                    if turns > MAX_TURNS {
                        return Err(no_progress());
                    }
                    let out = twice(env, || {
                        let (run, owner) = owned();
                        confirm::run(
                            env,
                            confirm::Input {
                                run,
                                owner,
                                token: token.clone(),
                                comparison: compared.comparison.clone(),
                                confirmation: confirmation.clone(),
                            },
                        )
                    })
                    .await?;
                    watch(Stage::Confirming {
                        asked: out.asked,
                        of: compared.absent,
                    });
                    confirmation = Some(out.confirmation);
                    match out.outcome {
                        confirm::Outcome::Publish => break,
                        confirm::Outcome::More => {}
                        confirm::Outcome::Scan => {
                            progress = Some(out.progress);
                            continue 'scan;
                        }
                        confirm::Outcome::Throttled => {
                            watch(Stage::Throttled {
                                seconds: out.wait_seconds,
                            });
                            wait(out.wait_seconds).await;
                        }
                        confirm::Outcome::Unauthorized => {
                            token = authorize(env, run, owner, watch, at).await?;
                        }
                    }
                },
                compare::Outcome::Publish => {}
            }
            *at = publish::NAME;
            watch(Stage::Publishing);
            let published = twice(env, || {
                let (run, owner) = owned();
                publish::run(
                    env,
                    publish::Input {
                        run,
                        owner,
                        comparison: compared.comparison.clone(),
                        confirmation: confirmation.clone(),
                        approved: false,
                    },
                )
            })
            .await?;
            turns += 1;
            if published.outcome != publish::Outcome::Stale {
                return Ok(Some(published));
            }
            if turns > MAX_TURNS {
                return Err(no_progress());
            }
        }
    }
}

async fn authorize(
    env: &Env,
    run: &RunSpec,
    owner: &str,
    watch: &(dyn Fn(Stage) + Send + Sync),
    at: &mut &'static str,
) -> Result<String, StepError> {
    *at = authorize::NAME;
    watch(Stage::Authorizing);
    for _ in 0..MAX_TURNS {
        let out = twice(env, || {
            authorize::run(
                env,
                authorize::Input {
                    run: run.clone(),
                    owner: owner.to_owned(),
                },
            )
        })
        .await?;
        match out.token {
            Some(token) if out.outcome == authorize::Outcome::Authorized => return Ok(token),
            _ => {
                watch(Stage::Throttled {
                    seconds: out.wait_seconds,
                });
                env.clock.sleep(Duration::from_secs(out.wait_seconds)).await;
            }
        }
    }
    Err(no_progress())
}
