//! `statemachines/reconcile.asl.json` as data: states and the ways between them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::files;

/// The state machine's file.
pub const FILE: &str = "statemachines/reconcile.asl.json";

/// The state machine.
pub struct Machine {
    text: String,
    definition: Value,
}

/// A way from one state to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Where it begins.
    pub from: String,
    /// Where it leads.
    pub to: String,
    /// The condition of a Choice's rule, if it is one.
    pub condition: Option<String>,
    /// Whether it is taken after an error.
    pub caught: bool,
}

impl Machine {
    /// The project's.
    pub fn read() -> Machine {
        Machine {
            text: files::text(FILE),
            definition: files::json(FILE),
        }
    }

    /// The file as it is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole definition.
    pub fn definition(&self) -> &Value {
        &self.definition
    }

    /// The states by name.
    pub fn states(&self) -> &Map<String, Value> {
        self.definition["States"].as_object().unwrap()
    }

    /// The Task states.
    pub fn tasks(&self) -> BTreeMap<&str, &Value> {
        let states = self.states().iter();
        states
            .filter(|(_, s)| s["Type"] == "Task")
            .map(|(n, s)| (n.as_str(), s))
            .collect()
    }

    /// The names of the `${…}` holes.
    pub fn holes(&self) -> BTreeSet<String> {
        let parts = self.text.split("${").skip(1);
        parts
            .map(|part| part.split('}').next().unwrap().to_owned())
            .collect()
    }

    /// Every way between states.
    pub fn ways(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        for (from, state) in self.states() {
            let mut add = |to: &Value, condition: &Value, caught| {
                if let Some(to) = to.as_str() {
                    let condition = condition.as_str().map(str::to_owned);
                    ways.push(Way {
                        from: from.clone(),
                        to: to.to_owned(),
                        condition,
                        caught,
                    });
                }
            };
            add(&state["Next"], &Value::Null, false);
            add(&state["Default"], &Value::Null, false);
            for rule in list(&state["Choices"]) {
                add(&rule["Next"], &rule["Condition"], false);
            }
            for catcher in list(&state["Catch"]) {
                add(&catcher["Next"], &Value::Null, true);
            }
        }
        ways
    }

    /// The step that a Task invokes: the handler of the function whose ARN fills its hole; nothing
    /// for a Task that invokes no function.
    pub fn step_of(&self, task: &Value) -> Option<String> {
        let hole = task["Arguments"]["FunctionName"].as_str()?;
        let function = hole.strip_prefix("${")?.strip_suffix("FunctionArn}")?;
        Some(function.to_ascii_lowercase())
    }
}

/// The entries of a list that may be missing.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The error names of a retrier's or a catcher's entry.
pub fn errors(entry: &Value) -> Vec<&str> {
    list(&entry["ErrorEquals"])
        .iter()
        .filter_map(Value::as_str)
        .collect()
}
