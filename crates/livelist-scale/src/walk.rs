//! One execution walking through the machine: from task to task by the tasks' outcomes, counting the units
//! that AWS counts.

use crate::machine::{Kind, Machine, MachineError, Question, State, Step};

/// Where an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// In front of a function.
    Invoke(Step),
    /// In front of a notice to operators.
    Notify,
    /// In front of the start of its continuation.
    StartContinuation,
    /// Waiting.
    Wait,
    /// Ended; the run continues in another execution.
    HandedOver,
    /// Ended successfully.
    Succeeded,
    /// Ended with a failure.
    Failed,
}

/// The result of the task or wait at which it was.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// It returned this outcome; the empty one if no Choice asks for it.
    Outcome(&'a str),
    /// It failed for good.
    Error(&'a str),
}

/// History events of an execution's beginning and end.
const ENDS: u64 = 2;
/// Of one attempt at a task: scheduled, started, ended.
const ATTEMPT: u64 = 3;

/// An execution.
#[derive(Debug, Clone)]
pub struct Walk<'m> {
    machine: &'m Machine,
    at: &'m str,
    auth: &'static str,
    phase: &'static str,
    hops: u64,
    max_hops: u64,
    nth: u32,
    failed_attempts: u32,
    entered: Vec<&'m str>,
    transitions: u64,
    events: u64,
}

impl<'m> Walk<'m> {
    /// A new run's execution, at its first task.
    pub fn begin(
        machine: &'m Machine,
        auth: &'static str,
        max_hops: u64,
    ) -> Result<(Walk<'m>, Stop), MachineError> {
        Walk::first(machine, auth, "scan", max_hops, 0)
    }

    /// The execution that carries on from `before`.
    pub fn carry_on(before: &Walk<'m>) -> Result<(Walk<'m>, Stop), MachineError> {
        Walk::first(
            before.machine,
            before.auth,
            before.phase,
            before.max_hops,
            before.nth + 1,
        )
    }

    fn first(
        machine: &'m Machine,
        auth: &'static str,
        phase: &'static str,
        max_hops: u64,
        nth: u32,
    ) -> Result<(Walk<'m>, Stop), MachineError> {
        let mut walk = Walk {
            machine,
            at: machine.start(),
            auth,
            phase,
            hops: 0,
            max_hops,
            nth,
            failed_attempts: 0,
            entered: Vec::new(),
            // AWS's own examples of its prices count the start as well.
            transitions: 1,
            events: ENDS,
        };
        let stop = walk.enter(machine.start())?;
        Ok((walk, stop))
    }

    /// State transitions so far, as they are paid: states entered, attempts repeated, and the start.
    pub fn transitions(&self) -> u64 {
        self.transitions
    }

    /// History events so far, the last one included.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The states it was in.
    pub fn entered(&self) -> &[&'m str] {
        &self.entered
    }

    /// The phase of the run: where it would continue.
    pub fn phase(&self) -> &'static str {
        self.phase
    }

    /// Seconds until the current task, which failed with `error`, is retried; `None` if that was its last
    /// attempt.
    pub fn retry(&mut self, error: &str, fraction: f64) -> Result<Option<f64>, MachineError> {
        let (_, state) = self.machine.state(self.at)?;
        let pause = state.pause(error, self.failed_attempts + 1, fraction);
        if pause.is_some() {
            self.failed_attempts += 1;
            self.transitions += 1;
            self.events += ATTEMPT;
        }
        Ok(pause)
    }

    /// Continues to the next stop.
    pub fn go_on(&mut self, told: Told<'_>) -> Result<Stop, MachineError> {
        let (name, state) = self.machine.state(self.at)?;
        let retries = u64::from(std::mem::take(&mut self.failed_attempts));
        match told {
            Told::Error(error) => {
                let next = state.caught(error).ok_or_else(|| no_way(name))?;
                self.enter(next)
            }
            Told::Outcome(outcome) => {
                if state.counts {
                    self.hops += 1 + retries;
                }
                if let Kind::Invoke(step) = state.kind {
                    self.phase = phase(step, outcome, self.phase);
                }
                self.leave(name, state, outcome)
            }
        }
    }

    fn leave(&mut self, name: &str, state: &State, outcome: &str) -> Result<Stop, MachineError> {
        if state.ends {
            return Ok(Stop::Succeeded);
        }
        let next = state.next.as_deref().ok_or_else(|| no_way(name))?;
        let (next, way) = self.machine.state(next)?;
        if way.kind != Kind::Choice {
            return self.enter(next);
        }
        self.enter_choice(next, way, outcome)
    }

    fn enter(&mut self, name: &str) -> Result<Stop, MachineError> {
        let (name, state) = self.machine.state(name)?;
        self.at = name;
        if state.kind == Kind::Choice {
            return self.enter_choice(name, state, "");
        }
        self.count(name, state.kind);
        Ok(match state.kind {
            Kind::Pass => {
                let next = state.next.as_deref().ok_or_else(|| no_way(name))?;
                return self.enter(next);
            }
            Kind::Choice => return Err(no_way(name)),
            Kind::Invoke(step) => Stop::Invoke(step),
            Kind::Notify => Stop::Notify,
            Kind::StartContinuation => Stop::StartContinuation,
            Kind::Wait => Stop::Wait,
            Kind::Succeed if name == "HandedOver" => Stop::HandedOver,
            Kind::Succeed => Stop::Succeeded,
            Kind::Fail => Stop::Failed,
        })
    }

    fn enter_choice(
        &mut self,
        name: &'m str,
        state: &'m State,
        outcome: &str,
    ) -> Result<Stop, MachineError> {
        self.count(name, Kind::Choice);
        let is_so = |question: &Question| match question {
            Question::Told(told) => told.iter().any(|t| t == outcome),
            Question::Spent => self.hops >= self.max_hops,
            Question::Auth(auth) => auth == self.auth,
            Question::Phase(phase) => phase == self.phase,
            Question::MayHandOver => self.nth < 30,
        };
        let mut rules = state.rules.iter();
        let rule = rules.find(|(asked, _)| asked.iter().all(is_so));
        let next = match rule {
            Some((_, next)) => next,
            None => state.next.as_ref().ok_or_else(|| no_way(name))?,
        };
        if next == "UnexpectedOutcome" {
            return Err(no_way(name));
        }
        self.enter(next)
    }

    fn count(&mut self, name: &'m str, kind: Kind) {
        self.at = name;
        self.entered.push(name);
        self.transitions += 1;
        self.events += match kind {
            Kind::Invoke(_) | Kind::Notify | Kind::StartContinuation => 2 + ATTEMPT,
            Kind::Fail => 1,
            Kind::Pass | Kind::Choice | Kind::Wait | Kind::Succeed => 2,
        };
    }
}

fn no_way(name: &str) -> MachineError {
    MachineError::NoWay(name.to_owned())
}

/// The phase of the run after a step, by `machine::PHASES`.
fn phase(step: Step, outcome: &str, now: &'static str) -> &'static str {
    match (step, outcome) {
        (Step::Scan, "done") => "compare",
        (Step::Scan, _) => "scan",
        (Step::Compare | Step::Confirm, "scan") => "scan",
        (Step::Compare | Step::Confirm, "publish") => "publish",
        (Step::Compare | Step::Confirm, _) => "confirm",
        (Step::Publish, "stale") => "compare",
        (Step::Publish, _) => "publish",
        (Step::Acquire | Step::Authorize | Step::Release, _) => now,
    }
}
