//! One invocation of a function: it begins in a container, ends, dies or is abandoned by its caller, and
//! may happen twice.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use livelist_steps::StepError;
use serde::Serialize;

use super::HOUR;
use crate::dice::{self, Dice};
use crate::ports::{Container, Work};
use crate::sim::{Got, Ms, Sim, TaskId};

/// An invocation of a function.
pub(super) struct Call {
    pub(super) step: &'static str,
    /// Unique, the same in every telling of the story.
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) comparison: Option<String>,
    pub(super) is_approved: bool,
    pub(super) timeout: Ms,
    pub(super) after: Ms,
}

pub(super) enum Invoked<O> {
    Done(Result<O, StepError>),
    Lost,
}

/// Informs the caller when an invocation is dropped.
struct Guard {
    sim: Arc<Sim>,
    slot: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.sim.settle(self.slot, Got::Crashed, 100);
    }
}

pub(super) type Run<I, O> = fn(Arc<Container>, I) -> BoxFuture<'static, Result<O, StepError>>;

/// Begins an invocation in a container; its answer goes into the slot.
pub(super) fn begin<I, O>(
    sim: &Arc<Sim>,
    call: &Call,
    slot: u64,
    input: I,
    run: Run<I, O>,
) -> Answer<O>
where
    I: Send + 'static,
    O: Send + 'static,
{
    let key = dice::pair(sim.world().story.seed, dice::name(&call.name));
    let mut dice = Dice::new(key);
    let container = sim.world().container(call.step, &mut dice);
    let container = container.unwrap_or_else(|(id, skew)| Arc::new(Container::new(sim, id, skew)));
    let answer: Answer<O> = Arc::default();
    let at = sim.now() + call.after + dice.within(5, 300) as Ms;
    let work = Work {
        step: call.step,
        owner: call.owner.clone(),
        comparison: call.comparison.clone(),
        is_approved: call.is_approved,
    };
    let told = Arc::clone(&answer);
    let room = Arc::clone(sim);
    let task = sim.spawn(at, move |task| {
        container.begin(task, slot, key, work);
        Box::pin(async move {
            let guard = Guard {
                sim: Arc::clone(&room),
                slot,
            };
            let out = run(Arc::clone(&container), input).await;
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(out);
            room.settle(slot, Got::Done, 5);
            room.world().give_back(container);
            drop(guard);
        })
    });
    if slot != 0 {
        sim.deadline(slot, task, at + call.timeout);
    }
    answer
}

pub(super) type Answer<O> = Arc<Mutex<Option<Result<O, StepError>>>>;

pub(super) async fn invoke<I, O>(
    sim: &Arc<Sim>,
    caller: TaskId,
    call: Call,
    input: I,
    run: Run<I, O>,
) -> Invoked<O>
where
    I: Clone + Send + Serialize + 'static,
    O: Send + Serialize + 'static,
{
    let text = serde_json::to_string(&input).unwrap_or_default();
    sim.world().look_for_secrets("the input of a step", &text);
    let mut dice = Dice::new(dice::pair(dice::name(&call.name), 7));
    let is_twice = sim.world().is_twice() && dice.chance(0.03);
    if is_twice {
        // The same invocation, delivered once more: at once, or hours later.
        let again = Call {
            name: format!("{}+", call.name),
            after: dice.below(2) as Ms * dice.below(3 * HOUR as u64) as Ms,
            owner: call.owner.clone(),
            comparison: call.comparison.clone(),
            ..call
        };
        sim.world().note_strike("an invocation came twice");
        begin(sim, &again, 0, input.clone(), run);
    }
    let (slot, point) = sim.slot(caller);
    let answer = begin(sim, &call, slot, input, run);
    point.await;
    let got = sim.told(slot);
    let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (got, answer) {
        (Got::Done, Some(result)) => {
            if let Ok(out) = &result {
                let text = serde_json::to_string(out).unwrap_or_default();
                sim.world().look_for_secrets("the output of a step", &text);
            }
            Invoked::Done(result)
        }
        _ => Invoked::Lost,
    }
}
