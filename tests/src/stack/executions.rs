//! Executions of state machines: starting them, waiting for them, what they went through.

use serde_json::{Value, json};

use super::{Stack, eventually};

/// An execution of a state machine that is over.
#[derive(Debug)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// `SUCCEEDED` or `FAILED`.
    pub status: String,
    /// The error it failed with.
    pub error: String,
    /// Why, for operators.
    pub cause: String,
    /// What it put out.
    pub output: Value,
    /// Its history.
    pub events: Vec<Value>,
}

impl Execution {
    /// The states it went through, in order.
    pub fn states(&self) -> Vec<&str> {
        let entered = self
            .events
            .iter()
            .filter_map(|e| e.get("stateEnteredEventDetails"));
        entered
            .map(|details| details["name"].as_str().unwrap())
            .collect()
    }

    /// How often it was in a state.
    pub fn times_in(&self, state: &str) -> usize {
        self.states().iter().filter(|s| **s == state).count()
    }

    /// The errors of its tasks, those that were retried included.
    pub fn task_errors(&self) -> Vec<&str> {
        let failed = self
            .events
            .iter()
            .filter_map(|e| e.get("taskFailedEventDetails"));
        failed
            .map(|details| details["error"].as_str().unwrap())
            .collect()
    }
}

impl Stack {
    /// Starts an execution and gives its ARN.
    pub async fn start(&self, machine: &str, name: &str, input: &Value) -> String {
        let input = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
        let started = self
            .ask("states", "AWSStepFunctions.StartExecution", input)
            .await
            .unwrap();
        started["executionArn"].as_str().unwrap().to_owned()
    }

    /// The ARN that an execution of a machine has, or would have.
    pub fn execution_arn(machine: &str, name: &str) -> String {
        format!(
            "{}:{name}",
            machine.replace(":stateMachine:", ":execution:")
        )
    }

    /// Waits for an execution to be there and to end.
    pub async fn ended(&self, arn: &str) -> Execution {
        let told = eventually(&format!("the end of {arn}"), || async {
            let asked = json!({ "executionArn": arn });
            let told = self
                .ask("states", "AWSStepFunctions.DescribeExecution", asked)
                .await
                .ok()?;
            (told["status"] != "RUNNING").then_some(told)
        })
        .await;
        let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
        Execution {
            arn: arn.to_owned(),
            status: text("status"),
            error: text("error"),
            cause: text("cause"),
            output: serde_json::from_str(&text("output")).unwrap_or_default(),
            events: self.history(arn).await,
        }
    }

    async fn history(&self, arn: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut token = Value::Null;
        loop {
            let mut asked = json!({ "executionArn": arn, "maxResults": 1000 });
            if !token.is_null() {
                asked["nextToken"] = token;
            }
            let target = "AWSStepFunctions.GetExecutionHistory";
            let mut told = self.ask("states", target, asked).await.unwrap();
            events.extend(
                told["events"]
                    .as_array_mut()
                    .map(std::mem::take)
                    .unwrap_or_default(),
            );
            token = told["nextToken"].take();
            if token.is_null() {
                return events;
            }
        }
    }

    /// The executions of a machine whose names begin so.
    pub async fn executions(&self, machine: &str, prefix: &str) -> Vec<String> {
        let asked = json!({ "stateMachineArn": machine, "maxResults": 1000 });
        let told = self
            .ask("states", "AWSStepFunctions.ListExecutions", asked)
            .await
            .unwrap();
        let all = told["executions"].as_array().unwrap().iter();
        let names = all.map(|e| e["name"].as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with(prefix)).collect()
    }
}
