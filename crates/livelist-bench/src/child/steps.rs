//! The real steps, measured: a scan alone, compare and publish alone, and a whole run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::layout;
use livelist_model::record::RunRecord;
use livelist_steps::chain::{Ended, Invoke, reconcile_by};
use livelist_steps::{Env, Step, StepError, acquire, authorize, compare, publish, scan};
use livelist_store::{Clock, ObjectsExt, SystemClock};
use serde::{Deserialize, Serialize};

use crate::Failed;
use crate::machine::{Moment, Usage};
use crate::world::{Job, OWNER};

/// The usage of a scan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scanned {
    /// The scan tasks.
    pub usage: Usage,
    /// The progress document at the scan's end.
    pub progress: String,
    /// Pages read.
    pub pages: u64,
    /// Rows read.
    pub rows: u64,
}

/// Acquires and authorizes without measuring, then scans to the end.
pub async fn scan(job: Job) -> Result<Scanned, Failed> {
    let env = job.env()?;
    let (run, owner) = (job.run.clone(), OWNER.to_owned());
    acquire::run(&env, acquire::Input { run, owner }).await?;
    let (run, owner) = (job.run.clone(), OWNER.to_owned());
    let token = authorize::run(&env, authorize::Input { run, owner }).await?;
    let token = token.token.ok_or("no token")?;
    let mut progress = None;
    let begun = Moment::now();
    loop {
        let input = scan::Input {
            run: job.run.clone(),
            owner: OWNER.to_owned(),
            token: token.clone(),
            progress: progress.take(),
        };
        let out = scan::run(&env, input).await?;
        match out.outcome {
            scan::Outcome::Done => {
                return Ok(Scanned {
                    usage: begun.used(),
                    progress: out.progress,
                    pages: out.pages,
                    rows: out.rows,
                });
            }
            scan::Outcome::More => progress = Some(out.progress),
            other => return Err(format!("the scan says {other:?}").into()),
        }
    }
}

/// The input of a comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompareInput {
    /// The run.
    pub job: Job,
    /// The progress document.
    pub progress: String,
}

/// The usage of comparing and publishing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// `compare`.
    pub compare: Usage,
    /// `publish`.
    pub publish: Usage,
    /// Keys published.
    pub count: u64,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
}

/// Compares and publishes, without the confirmation in between: the provider's time is not ours.
pub async fn compare(input: CompareInput) -> Result<Compared, Failed> {
    let env = input.job.env()?;
    let (run, owner) = (input.job.run.clone(), OWNER.to_owned());
    let progress = input.progress;
    let begun = Moment::now();
    let compared = compare::Input {
        run,
        owner,
        progress,
    };
    let compared = compare::run(&env, compared).await?;
    let compare = begun.used();
    let begun = Moment::now();
    let published = publish::Input {
        run: input.job.run.clone(),
        owner: OWNER.to_owned(),
        comparison: compared.comparison,
        confirmation: None,
        approved: false,
    };
    let out = publish::run(&env, published).await?;
    if out.outcome != publish::Outcome::Published {
        return Err(format!("publish says {out:?}").into());
    }
    Ok(Compared {
        compare,
        publish: begun.used(),
        count: out.count,
        added: out.added,
        removed: out.removed,
    })
}

/// The usage of a whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Whole {
    /// From the first step to the last.
    pub usage: Usage,
    /// CPU by step.
    pub steps: BTreeMap<String, f64>,
    /// The step in which the peak of memory was reached.
    pub highest: Option<String>,
    /// Requests to the provider.
    pub requests: u64,
    /// Keys published.
    pub count: u64,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
    /// Keys asked for one by one.
    pub confirmed: u64,
}

/// Carries out the whole run.
pub async fn whole(job: Job) -> Result<Whole, Failed> {
    by(&job, job.env()?).await
}

/// The same with a clock that jumps when a provider's limits make a run wait. A thousand questions about
/// absent keys mean minutes of waiting at a provider that allows three a second, and no work of Livelist.
pub async fn counted(job: Job) -> Result<Whole, Failed> {
    let clock = Arc::new(Jumping::default());
    let env = Env {
        clock,
        ..job.env()?
    };
    by(&job, env).await
}

async fn by(job: &Job, env: Env) -> Result<Whole, Failed> {
    let begun = Moment::now();
    let measured = Measured {
        env: &env,
        seen: Mutex::default(),
    };
    let ended = reconcile_by(&measured, job.run.clone(), OWNER, &|_| {}).await;
    let usage = begun.used();
    let out = match ended {
        Ended::Result(out) if out.outcome == publish::Outcome::Published => out,
        other => return Err(format!("the run ended with {other:?}").into()),
    };
    let key = layout::run_record(&job.run.feed.feed, &job.run.run);
    let record = env.objects.read_json::<RunRecord>(&key).await?;
    let traffic = record.map(|(record, _)| record.traffic);
    let seen = measured.seen.into_inner();
    let seen = seen.unwrap_or_else(PoisonError::into_inner);
    Ok(Whole {
        usage,
        steps: seen.cpu,
        highest: seen.highest,
        requests: traffic.map_or(0, |t| t.requests),
        count: out.count,
        added: out.added,
        removed: out.removed,
        confirmed: out.confirmed,
    })
}

/// The steps as function calls, with the usage of each.
struct Measured<'a> {
    env: &'a Env,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    cpu: BTreeMap<String, f64>,
    /// The peak so far, and in which step it was reached.
    peak: f64,
    highest: Option<String>,
}

impl Measured<'_> {
    async fn measure<T>(&self, name: &str, step: impl Future<Output = T>) -> T {
        let begun = Moment::now();
        let out = step.await;
        let used = begun.used();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen.cpu.entry(name.to_owned()).or_default() += used.cpu;
        if used.peak > seen.peak {
            seen.peak = used.peak;
            seen.highest = Some(name.to_owned());
        }
        out
    }
}

#[async_trait]
impl Invoke for Measured<'_> {
    async fn invoke<S: Step>(&self, input: S::In) -> Result<S::Out, StepError> {
        self.measure(S::NAME, S::run(self.env, input)).await
    }

    async fn wait(&self, seconds: u64) {
        self.env.clock.sleep(Duration::from_secs(seconds)).await;
    }
}

/// The machine's clock, later by all that was slept.
#[derive(Default)]
struct Jumping {
    by: Mutex<Duration>,
}

#[async_trait]
impl Clock for Jumping {
    fn now(&self) -> jiff::Timestamp {
        SystemClock.now() + *self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        *self.by.lock().unwrap_or_else(PoisonError::into_inner) += duration;
    }
}
