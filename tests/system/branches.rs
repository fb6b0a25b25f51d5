//! Every branch of the state machine, with steps that play a script (`tests/fakes`). Needs the local
//! stack.

mod hand_over;
mod trouble;
mod ways;

use std::path::Path;

use livelist_tests::files;
use livelist_tests::stack::{Execution, Stack};
use serde_json::{Value, json};

/// A machine whose steps play a script.
struct Fakes {
    stack: Stack,
}

/// What became of a run with a script.
struct Played {
    execution: Execution,
    journal: String,
}

impl Fakes {
    fn get() -> Fakes {
        Fakes {
            stack: Stack::get(),
        }
    }

    fn machine(&self) -> &str {
        self.stack.at("/also/branches/MachineArn")
    }

    /// Plays `script` as the run `name`, with `input` on top of the execution's usual one.
    async fn play(&self, name: &str, script: Value, input: Value) -> Played {
        let mut all = files::event("reconcile");
        all["run"]["run"] = json!(name);
        all["run"]["script"] = script;
        for (field, value) in input.as_object().unwrap() {
            all[field] = value.clone();
        }
        self.stack.start(self.machine(), name, &all).await;
        self.see(name, name).await
    }

    async fn play_provider(&self, name: &str, provider: &str, auth: &str) -> Played {
        let mut run = files::event("reconcile")["run"].take();
        run["run"] = json!(name);
        run["feed"]["provider"] = json!(provider);
        run["feed"]["auth"] = json!(auth);
        self.play(name, json!({}), json!({ "run": run })).await
    }

    async fn see(&self, run: &str, execution: &str) -> Played {
        let arn = Stack::execution_arn(self.machine(), execution);
        Played {
            execution: self.stack.ended(&arn).await,
            journal: format!("{}/fake-steps/{run}", self.stack.at("/scratch")),
        }
    }
}

impl Played {
    fn went(&self, states: &str) -> &Self {
        assert_eq!(
            self.execution.states().join(" "),
            states,
            "{:?}",
            self.execution.cause
        );
        self
    }

    fn succeeded(&self) -> &Self {
        assert_eq!(
            self.execution.status, "SUCCEEDED",
            "{} {}",
            self.execution.error, self.execution.cause
        );
        self
    }

    fn failed(&self, error: &str, cause: &str) -> &Self {
        assert_eq!(
            (
                self.execution.status.as_str(),
                self.execution.error.as_str()
            ),
            ("FAILED", error)
        );
        assert_eq!(self.execution.cause, cause);
        self
    }

    /// The payloads that a step got, in order.
    fn payloads(&self, step: &str) -> Vec<Value> {
        let journal = Path::new(&self.journal).join(format!("{step}.jsonl"));
        let text = std::fs::read_to_string(journal).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// A field of the payloads that a step got.
    fn told(&self, step: &str, field: &str) -> Vec<Value> {
        self.payloads(step)
            .iter()
            .map(|p| p[field].clone())
            .collect()
    }
}

const TO_SCAN: &str =
    "AcquireCredential CredentialBusy? PickProvider RequestToken Authorized? Scan";
const TO_PUBLISH: &str = "MoreToScan? Compare WhatNext? Publish Outcome?";
const TO_END: &str = "ReleaseCredential";
const TO_FAILURE: &str = "Failed ReleaseAfterFailure NotifyFailure RunFailed";
