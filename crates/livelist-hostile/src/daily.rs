//! Simulates AWS around the steps: the schedule, the queue, executions and invocations, which may happen
//! twice, late, or not at all. The retry rules are those of statemachines/reconcile.asl.json.

mod invoke;
mod sync;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use livelist_model::record::RunRecord;
use livelist_steps::chain::{Ended, Invoke, reconcile_by};
use livelist_steps::start::ExecutionInput;
use livelist_steps::step::{Publish, Release};
use livelist_steps::{Step, StepError, acquire, authorize, compare, plan, publish, release, start};
use livelist_store::Start;
use serde::Serialize;

use invoke::{Call, Invoked, Run, invoke};
pub(crate) use sync::sync;

use crate::dice::{self, Dice};
use crate::sim::{Ms, Sim, TaskId};

const SECOND: Ms = 1_000;
const MINUTE: Ms = 60 * SECOND;
const HOUR: Ms = 60 * MINUTE;
/// An execution ends after this time, whatever its state.
const LONGEST_RUN: Ms = 20 * HOUR;

/// How an error is retried: the first pause in seconds, its growth, and the number of attempts.
#[derive(Clone, Copy)]
struct Retry {
    kind: usize,
    seconds: f64,
    grows: f64,
    most: u32,
}

const LOST: Retry = Retry {
    kind: 0,
    seconds: 10.0,
    grows: 2.0,
    most: 2,
};

fn retry(step: &str, error: &StepError) -> Option<Retry> {
    let asks = matches!(step, "authorize" | "scan" | "confirm");
    let (kind, seconds, grows, most) = match error.name() {
        "ProviderUnavailable" if asks => (1, 60.0, 2.0, 4),
        "PageInvalid" if asks && step != "authorize" => (2, 120.0, 1.0, 1),
        "StoreUnavailable" => (3, 5.0, 2.0, 5),
        _ => return None,
    };
    Some(Retry {
        kind,
        seconds,
        grows,
        most,
    })
}

/// The steps of one execution.
struct SimSteps {
    sim: Arc<Sim>,
    task: TaskId,
    owner: String,
    /// Whether an operator approved the published list.
    is_approved: bool,
    calls: AtomicU64,
    comparisons: AtomicU64,
}

impl SimSteps {
    async fn wait_ms(&self, ms: Ms) {
        let at = self.sim.now() + ms;
        self.sim.point(self.task, Some(at)).await;
    }

    async fn call<I, O>(
        &self,
        step: &'static str,
        timeout: Ms,
        comparison: Option<String>,
        input: I,
        run: Run<I, O>,
    ) -> Result<O, StepError>
    where
        I: Clone + Send + Sync + Serialize + 'static,
        O: Send + Serialize + 'static,
    {
        let mut tries = [0; 4];
        let after = if step == compare::NAME {
            let nth = self.comparisons.fetch_add(1, Ordering::Relaxed);
            self.sim.world().compare_begins_after(nth, &self.owner)
        } else {
            0
        };
        loop {
            let nth = self.calls.fetch_add(1, Ordering::Relaxed);
            let call = Call {
                step,
                name: format!("{}/{step}/{nth}", self.owner),
                owner: self.owner.clone(),
                comparison: comparison.clone(),
                is_approved: self.is_approved,
                timeout: timeout * SECOND,
                after,
            };
            let got = invoke(&self.sim, self.task, call, input.clone(), run).await;
            let (retry, error) = match got {
                Invoked::Done(Ok(out)) => return Ok(out),
                Invoked::Done(Err(error)) => (retry(step, &error), error),
                Invoked::Lost => {
                    let error = StepError::Internal("the function was lost".into());
                    (Some(LOST), error)
                }
            };
            {
                let mut world = self.sim.world();
                world.look_for_secrets("an error", &error.chain());
                let owner = &self.owner;
                world.tell(2, || format!("{owner}: {step}: {}", error.chain()));
            }
            match retry {
                Some(retry) if tries[retry.kind] < retry.most => {
                    let factor = retry.grows.powi(tries[retry.kind] as i32);
                    tries[retry.kind] += 1;
                    self.wait_ms((retry.seconds * factor * 1_000.0) as Ms).await;
                }
                _ => return Err(error),
            }
        }
    }
}

/// The state machine's time limits, in seconds.
fn timeout(step: &str) -> Ms {
    match step {
        acquire::NAME => 90,
        authorize::NAME => 150,
        release::NAME => 60,
        _ => 960,
    }
}

#[async_trait]
impl Invoke for SimSteps {
    async fn invoke<S: Step>(&self, input: S::In) -> Result<S::Out, StepError> {
        // The oracle is informed of what is published.
        let comparison = match serde_json::to_value(&input) {
            Ok(input) if S::NAME == publish::NAME => {
                input["comparison"].as_str().map(str::to_owned)
            }
            _ => None,
        };
        self.call(S::NAME, timeout(S::NAME), comparison, input, |c, i| {
            Box::pin(async move { S::run(&c.env, i).await })
        })
        .await
    }

    async fn wait(&self, seconds: u64) {
        self.wait_ms(seconds as Ms * SECOND).await;
    }
}

/// Starts an execution, unless there is one of this name.
pub(crate) fn start(sim: &Arc<Sim>, name: &str, input: &str) -> Start {
    {
        let mut world = sim.world();
        world.look_for_secrets("the input of an execution", input);
        if !world.executions.insert(name.to_owned()) {
            return Start::AlreadyExists;
        }
    }
    let input: ExecutionInput = match serde_json::from_str(input) {
        Ok(input) => input,
        Err(error) => {
            let text = format!("the input of {name} cannot be read: {error}");
            sim.world().wrong(text);
            return Start::Started;
        }
    };
    let (room, owner) = (Arc::clone(sim), name.to_owned());
    let now = sim.now();
    let task = sim.spawn(now + 50, move |task| {
        Box::pin(async move {
            let steps = SimSteps {
                sim: Arc::clone(&room),
                task,
                owner: owner.clone(),
                is_approved: false,
                calls: AtomicU64::new(0),
                comparisons: AtomicU64::new(0),
            };
            let ended = reconcile_by(&steps, input.run, &owner, &|_| {}).await;
            let what = match ended {
                Ended::Result(output) => match output.held_reason {
                    Some(reason) => format!("held: {}", reason.as_str()),
                    None => format!("{:?}", output.outcome).to_lowercase(),
                },
                Ended::Finished => "finished before".to_owned(),
                Ended::Failed(failure) => format!("failed: {}", failure.name),
            };
            room.world().ended(&owner, &what);
        })
    });
    sim.kill(task, now + LONGEST_RUN);
    Start::Started
}

/// The queue delivers a message: once, or twice, or late.
pub(crate) fn deliver(sim: &Arc<Sim>, body: &str, dice: &mut Dice) {
    let mut after = vec![dice.within(1, 15) as Ms * SECOND];
    if sim.world().is_twice() && dice.chance(0.3) {
        after.push(dice.within(1, 6 * 3_600) as Ms * SECOND);
        sim.world().note_strike("a message came twice");
    }
    for (copy, after) in after.into_iter().enumerate() {
        let (room, body) = (Arc::clone(sim), body.to_owned());
        let name = format!("message/{}/{copy}", dice.roll());
        sim.spawn(sim.now() + after, move |task| {
            Box::pin(async move {
                for nth in 0..5 {
                    let call = Call {
                        step: start::NAME,
                        name: format!("{name}/{nth}"),
                        owner: "worker".to_owned(),
                        comparison: None,
                        is_approved: false,
                        timeout: MINUTE,
                        after: 0,
                    };
                    let got = invoke(&room, task, call, body.clone(), |c, body| {
                        Box::pin(async move { start::run(&c.env, &body).await.map(drop) })
                    });
                    if let Invoked::Done(Ok(())) = got.await {
                        return;
                    }
                    room.point(task, Some(room.now() + 6 * MINUTE)).await;
                }
                room.world().note_strike("a message was given up");
            })
        });
    }
}

/// The schedule fires for a day.
pub(crate) fn schedule(sim: &Arc<Sim>, day: usize, at: Ms, copy: u32) {
    let room = Arc::clone(sim);
    sim.spawn(at, move |task| {
        Box::pin(async move {
            for (nth, pause) in [MINUTE, 2 * MINUTE, 0].into_iter().enumerate() {
                let call = Call {
                    step: plan::NAME,
                    name: format!("plan/{day}/{copy}/{nth}"),
                    owner: "planner".to_owned(),
                    comparison: None,
                    is_approved: false,
                    timeout: 5 * MINUTE,
                    after: 0,
                };
                let input = plan::Input {
                    time: jiff::Timestamp::from_millisecond(at).ok(),
                    ..plan::Input::default()
                };
                let got = invoke(&room, task, call, input, |c, i| {
                    Box::pin(async move { plan::run(&c.env, i).await })
                });
                match got.await {
                    Invoked::Done(Ok(planned)) => {
                        for finding in planned.findings {
                            room.world().wrong(format!("the registry: {finding}"));
                        }
                        return;
                    }
                    Invoked::Done(Err(_)) | Invoked::Lost => {}
                }
                room.point(task, Some(room.now() + pause)).await;
            }
            room.world().note_strike("a plan was given up");
        })
    });
}

/// An operator starts another run of every feed on the same day.
pub(crate) fn again(sim: &Arc<Sim>, at: Ms) {
    let runs = sim.world().runs_of(at);
    for run in runs {
        let run = livelist_model::run::RunSpec {
            run: run.run.attempt(1),
            ..run
        };
        let input = ExecutionInput { run, nth: 0 };
        let name = input.run.run.execution(0);
        let text = serde_json::to_string(&input).unwrap_or_default();
        let room = Arc::clone(sim);
        sim.spawn(at, move |_| {
            Box::pin(async move {
                start(&room, &name, &text);
            })
        });
    }
}

/// An operator looks at held results, asks the MLS, and approves those that are true; sometimes rejects one
/// of the others.
pub(crate) fn decide(sim: &Arc<Sim>, day: usize) {
    let waiting = sim.world().waiting();
    for (feed, record, is_true) in waiting {
        let mut dice = Dice::new(dice::pair(
            sim.world().story.seed,
            dice::name(&feed) ^ day as u64,
        ));
        if !is_true {
            if dice.chance(0.3) {
                sim.world().reject(&record);
            }
            continue;
        }
        approve(sim, record, format!("operator/{day}/{feed}"));
    }
}

fn approve(sim: &Arc<Sim>, record: RunRecord, name: String) {
    let Some(resume) = record.resume else {
        return;
    };
    {
        let mut world = sim.world();
        crate::tally::count(&mut world.tally.people, "approved a held run");
        let run = &record.spec.run;
        world.tell(1, || format!("a person approves {run}"));
    }
    let room = Arc::clone(sim);
    sim.spawn(sim.now(), move |task| {
        Box::pin(async move {
            let steps = SimSteps {
                sim: room,
                task,
                owner: name,
                is_approved: true,
                calls: AtomicU64::new(0),
                comparisons: AtomicU64::new(0),
            };
            let input = publish::Input {
                run: record.spec.clone(),
                owner: "operator".to_owned(),
                comparison: resume.comparison,
                confirmation: resume.confirmation,
                approved: true,
            };
            // A result that cannot be published now keeps waiting until another day.
            let _ = steps.invoke::<Publish>(input).await;
            let input = release::Input {
                run: record.spec,
                owner: "operator".to_owned(),
                failure: None,
            };
            let _ = steps.invoke::<Release>(input).await;
        })
    });
}
