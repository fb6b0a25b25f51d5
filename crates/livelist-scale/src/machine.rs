//! The state machine, parsed from `statemachines/reconcile.asl.json`. A state, a question of a Choice or an
//! assignment that the model does not know is an error, so that every change of the machine gets a cost.
//! Conditions are compared as text with those that the model knows; JSONata is not parsed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A mismatch.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// It is no state machine.
    #[error("it cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// The model does not know a part of it.
    #[error("the model does not know {what} of the state {state}")]
    Unknown {
        /// The state.
        state: String,
        /// The part of it.
        what: String,
    },
    /// A transition leads to no state, or a task returns an outcome that its Choice does not have.
    #[error("there is no way on from the state {0}")]
    NoWay(String),
}

/// A function that the machine invokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Takes the credential.
    Acquire,
    /// Gets a token.
    Authorize,
    /// Reads pages.
    Scan,
    /// Compares.
    Compare,
    /// Asks for absent keys.
    Confirm,
    /// Changes the head.
    Publish,
    /// Gives the credential back.
    Release,
}

/// What a state does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Assigns.
    Pass,
    /// Invokes a function.
    Invoke(Step),
    /// Publishes a notice to operators.
    Notify,
    /// Starts the execution that carries the run on.
    StartContinuation,
    /// Branches.
    Choice,
    /// Waits.
    Wait,
    /// Ends successfully.
    Succeed,
    /// Ends with a failure.
    Fail,
}

/// The condition of a Choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Whether the last step returned one of these.
    Told(Vec<String>),
    /// Whether the execution has run so many tasks that it hands over.
    Spent,
    /// How the provider authenticates.
    Auth(String),
    /// The phase of the run.
    Phase(String),
    /// Whether another hand-over is allowed.
    MayHandOver,
}

/// One retrier of a task.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Retry {
    error_equals: Vec<String>,
    #[serde(default = "one")]
    interval_seconds: f64,
    #[serde(default = "two")]
    backoff_rate: f64,
    #[serde(default = "three")]
    max_attempts: u32,
    max_delay_seconds: Option<f64>,
    jitter_strategy: Option<String>,
}

// As the Amazon States Language has them.
const fn one() -> f64 {
    1.0
}
const fn two() -> f64 {
    2.0
}
const fn three() -> u32 {
    3
}

impl Retry {
    /// Seconds before the attempt after `failed` ones; `None` if it was the last. `fraction` is from 0 to
    /// 1.
    fn pause(&self, failed: u32, fraction: f64) -> Option<f64> {
        if failed > self.max_attempts {
            return None;
        }
        let mut pause = self.interval_seconds;
        for _ in 1..failed {
            pause *= self.backoff_rate;
        }
        pause = pause.min(self.max_delay_seconds.unwrap_or(f64::MAX));
        let is_jittered = self.jitter_strategy.as_deref() == Some("FULL");
        Some(if is_jittered { pause * fraction } else { pause })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Catch {
    error_equals: Vec<String>,
    next: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    condition: String,
    next: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    #[serde(rename = "Type")]
    kind: String,
    next: Option<String>,
    default: Option<String>,
    #[serde(default)]
    choices: Vec<Rule>,
    #[serde(default)]
    retry: Vec<Retry>,
    #[serde(default)]
    catch: Vec<Catch>,
    resource: Option<String>,
    #[serde(default)]
    arguments: Value,
    #[serde(default)]
    end: bool,
    #[serde(default)]
    assign: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    start_at: String,
    states: BTreeMap<String, Written>,
}

/// One state.
#[derive(Debug)]
pub struct State {
    /// What it does.
    pub kind: Kind,
    /// The next state, if it does not branch.
    pub next: Option<String>,
    /// The ways of a Choice, in order, each with all that it asks.
    pub rules: Vec<(Vec<Question>, String)>,
    /// Whether the execution ends after it.
    pub ends: bool,
    /// Whether it counts its task.
    pub counts: bool,
    retry: Vec<Retry>,
    catch: Vec<Catch>,
}

/// The state machine.
#[derive(Debug)]
pub struct Machine {
    start: String,
    states: BTreeMap<String, State>,
}

/// The states that the model knows, and what they do, in the order of a run.
const KNOWN: [(&str, Kind); 35] = [
    ("AcquireCredential", Kind::Invoke(Step::Acquire)),
    ("AcquireAgain", Kind::Invoke(Step::Acquire)),
    ("CredentialBusy?", Kind::Choice),
    ("WaitForCredential", Kind::Wait),
    ("PickProvider", Kind::Choice),
    ("UnknownProvider", Kind::Pass),
    ("RequestToken", Kind::Invoke(Step::Authorize)),
    ("RequestUserToken", Kind::Invoke(Step::Authorize)),
    ("LoadServerToken", Kind::Invoke(Step::Authorize)),
    ("Authorized?", Kind::Choice),
    ("WaitForToken", Kind::Wait),
    ("Scan", Kind::Invoke(Step::Scan)),
    ("MoreToScan?", Kind::Choice),
    ("WaitScan", Kind::Wait),
    ("Compare", Kind::Invoke(Step::Compare)),
    ("WhatNext?", Kind::Choice),
    ("Confirm", Kind::Invoke(Step::Confirm)),
    ("MoreToConfirm?", Kind::Choice),
    ("WaitConfirm", Kind::Wait),
    ("Publish", Kind::Invoke(Step::Publish)),
    ("Outcome?", Kind::Choice),
    ("NotifyHeld", Kind::Notify),
    ("ReleaseCredential", Kind::Invoke(Step::Release)),
    ("ReleaseUntold", Kind::Invoke(Step::Release)),
    ("Done", Kind::Succeed),
    ("UnexpectedOutcome", Kind::Pass),
    ("Failed", Kind::Pass),
    ("ReleaseAfterFailure", Kind::Invoke(Step::Release)),
    ("NotifyFailure", Kind::Notify),
    ("RunFailed", Kind::Fail),
    ("MayHandOver?", Kind::Choice),
    ("TooManyHandOvers", Kind::Pass),
    ("ReleaseForHandOver", Kind::Invoke(Step::Release)),
    ("StartContinuation", Kind::StartContinuation),
    ("HandedOver", Kind::Succeed),
];

/// How a task's outcome changes the phase of the run in the machine.
const PHASES: [(&str, &str); 4] = [
    (
        "Scan",
        "{% $states.result.Payload.outcome = 'done' ? 'compare' : 'scan' %}",
    ),
    ("Compare", "{% $states.result.Payload.outcome %}"),
    (
        "Confirm",
        "{% $states.result.Payload.outcome in ['scan', 'publish'] ? $states.result.Payload.outcome : 'confirm' %}",
    ),
    (
        "Publish",
        "{% $states.result.Payload.outcome = 'stale' ? 'compare' : 'publish' %}",
    ),
];
const HOPS: &str = "{% $sum([$hops, 1, $states.context.State.RetryCount]) %}";
/// The first task of an execution initialises the state's data.
const FIRST: &str = "AcquireCredential";
const FIRST_HOPS: &str = "{% $sum([1, $states.context.State.RetryCount]) %}";

const OUTCOMES: [&str; 14] = [
    "finished",
    "acquired",
    "busy",
    "authorized",
    "throttled",
    "done",
    "more",
    "unauthorized",
    "publish",
    "confirm",
    "scan",
    "held",
    "stale",
    "published",
];

/// All that a condition asks.
fn questions(text: &str) -> Option<Vec<Question>> {
    let asked = text.strip_prefix("{% ")?.strip_suffix(" %}")?;
    asked.split(" and ").map(question).collect()
}

fn question(text: &str) -> Option<Question> {
    let known = |of: &str, value: &str| text == format!("{of} = '{value}'");
    if let Some(told) = OUTCOMES.iter().find(|o| known("$states.input.outcome", o)) {
        return Some(Question::Told(vec![(*told).to_owned()]));
    }
    let auths = ["client_credentials", "server_token", "password"];
    if let Some(auth) = auths.iter().find(|a| known("$run.feed.auth", a)) {
        return Some(Question::Auth((*auth).to_owned()));
    }
    let phases = ["scan", "compare", "confirm", "publish"];
    if let Some(phase) = phases.iter().find(|p| known("$phase", p)) {
        return Some(Question::Phase((*phase).to_owned()));
    }
    match text {
        "$states.input.outcome in ['published', 'unchanged']" => Some(Question::Told(
            ["published", "unchanged"].map(str::to_owned).to_vec(),
        )),
        "$hops >= $max_hops" => Some(Question::Spent),
        "$nth < 30" => Some(Question::MayHandOver),
        _ => None,
    }
}

impl Machine {
    /// Reads the machine.
    pub fn parse(text: &str) -> Result<Machine, MachineError> {
        let file: File = serde_json::from_str(text)?;
        let mut states = BTreeMap::new();
        for (name, written) in file.states {
            let state = State::of(&name, written)?;
            states.insert(name, state);
        }
        if let Some((missing, _)) = KNOWN.iter().find(|(name, _)| !states.contains_key(*name)) {
            return Err(MachineError::NoWay((*missing).to_owned()));
        }
        Ok(Machine {
            start: file.start_at,
            states,
        })
    }

    /// The first state of an execution.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// The state of this name, with the name that lives as long as the machine.
    pub fn state(&self, name: &str) -> Result<(&str, &State), MachineError> {
        let found = self.states.get_key_value(name);
        let (name, state) = found.ok_or_else(|| MachineError::NoWay(name.to_owned()))?;
        Ok((name, state))
    }

    /// The names of all states.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.states.keys().map(String::as_str)
    }
}

impl State {
    fn of(name: &str, written: Written) -> Result<State, MachineError> {
        let unknown = |what: String| MachineError::Unknown {
            state: name.to_owned(),
            what,
        };
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        let (_, kind) = known.ok_or_else(|| unknown("the name".to_owned()))?;
        if written_kind(&written).as_ref() != Some(kind) {
            return Err(unknown("the type or what it calls".to_owned()));
        }
        let mut rules = Vec::new();
        for rule in written.choices {
            let asked = questions(&rule.condition);
            let asked =
                asked.ok_or_else(|| unknown(format!("the condition {}", rule.condition)))?;
            rules.push((asked, rule.next));
        }
        let phase = written.assign.get("phase").and_then(Value::as_str);
        let known_phase = PHASES.iter().find(|(state, _)| *state == name);
        if phase != known_phase.map(|(_, text)| *text) && name != FIRST {
            return Err(unknown("what becomes of the phase".to_owned()));
        }
        let hops = written.assign.get("hops").and_then(Value::as_str);
        let known_hops = if name == FIRST { FIRST_HOPS } else { HOPS };
        if hops.is_some_and(|hops| hops != known_hops) {
            return Err(unknown("how it counts".to_owned()));
        }
        Ok(State {
            kind: *kind,
            next: written.next.or(written.default),
            rules,
            ends: written.end,
            counts: hops.is_some(),
            retry: written.retry,
            catch: written.catch,
        })
    }

    /// Seconds until a task that failed this often with `error` is retried; `None` if it is not.
    pub fn pause(&self, error: &str, failed: u32, fraction: f64) -> Option<f64> {
        let named = |retry: &&Retry| retry.error_equals.iter().any(|e| e == error);
        self.retry.iter().find(named)?.pause(failed, fraction)
    }

    /// The state that catches an error.
    pub fn caught(&self, error: &str) -> Option<&str> {
        let names = |catch: &&Catch| {
            catch
                .error_equals
                .iter()
                .any(|e| e == error || e == "States.ALL")
        };
        self.catch
            .iter()
            .find(names)
            .map(|catch| catch.next.as_str())
    }
}

fn written_kind(written: &Written) -> Option<Kind> {
    let kind = match written.kind.as_str() {
        "Pass" => Kind::Pass,
        "Choice" => Kind::Choice,
        "Wait" => Kind::Wait,
        "Succeed" => Kind::Succeed,
        "Fail" => Kind::Fail,
        "Task" => match written.resource.as_deref()? {
            "arn:${Partition}:states:::lambda:invoke" => {
                Kind::Invoke(match written.arguments["FunctionName"].as_str()? {
                    "${AcquireFunctionArn}" => Step::Acquire,
                    "${AuthorizeFunctionArn}" => Step::Authorize,
                    "${ScanFunctionArn}" => Step::Scan,
                    "${CompareFunctionArn}" => Step::Compare,
                    "${ConfirmFunctionArn}" => Step::Confirm,
                    "${PublishFunctionArn}" => Step::Publish,
                    "${ReleaseFunctionArn}" => Step::Release,
                    _ => return None,
                })
            }
            "arn:${Partition}:states:::sns:publish" => Kind::Notify,
            "arn:${Partition}:states:::states:startExecution" => Kind::StartContinuation,
            _ => return None,
        },
        _ => return None,
    };
    Some(kind)
}
