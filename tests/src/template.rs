//! `template.yaml` as data.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::files;

/// The SAM template, with short forms (`!Ref X`) written out (`{"Ref": "X"}`).
pub struct Template(Value);

/// A Lambda function of the template.
#[derive(Debug)]
pub struct Function {
    /// The name of its resource.
    pub id: String,
    /// Its handler, which is also its name among the steps.
    pub handler: String,
    /// Seconds.
    pub timeout: u64,
    /// The names of its environment variables, the global ones included.
    pub environment: Vec<String>,
    /// What it may do.
    pub statements: Vec<Value>,
}

impl Template {
    /// The project's.
    pub fn read() -> Template {
        let yaml: Yaml = serde_yaml_ng::from_str(&files::text("template.yaml")).unwrap();
        Template(written_out(yaml))
    }

    /// What is at this JSON pointer.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0
            .pointer(pointer)
            .unwrap_or_else(|| panic!("template.yaml has no {pointer}"))
    }

    /// The resources of a type, by their names.
    pub fn resources(&self, kind: &str) -> BTreeMap<&str, &Map<String, Value>> {
        let all = self.at("/Resources").as_object().unwrap();
        all.iter()
            .filter(|(_, r)| r["Type"] == kind)
            .map(|(id, r)| (id.as_str(), r["Properties"].as_object().unwrap()))
            .collect()
    }

    /// The functions, by their handlers.
    pub fn functions(&self) -> BTreeMap<String, Function> {
        let globals = self.at("/Globals/Function");
        let names = |properties: &Value| -> Vec<String> {
            let variables = properties.pointer("/Environment/Variables");
            variables
                .and_then(Value::as_object)
                .map_or_else(Vec::new, |v| v.keys().cloned().collect())
        };
        let functions = self.resources("AWS::Serverless::Function");
        functions
            .into_iter()
            .map(|(id, properties)| {
                let properties = Value::Object(properties.clone());
                let timeout = properties.get("Timeout").unwrap_or(&globals["Timeout"]);
                let function = Function {
                    id: id.to_owned(),
                    handler: properties["Handler"].as_str().unwrap().to_owned(),
                    timeout: timeout.as_u64().unwrap(),
                    environment: [names(globals), names(&properties)].concat(),
                    statements: statements(&properties["Policies"]),
                };
                (function.handler.clone(), function)
            })
            .collect()
    }

    /// The state machine's properties.
    pub fn machine(&self) -> &Value {
        self.at("/Resources/Machine/Properties")
    }

    /// What operators may do.
    pub fn operator_policy(&self) -> Vec<Value> {
        document(self.at("/Resources/OperatorPolicy/Properties/PolicyDocument"))
    }

    /// Every statement of a policy in the template that allows something, with where it stands; the
    /// key's own policy, whose resource can only be the key, is not among them.
    pub fn allowed(&self) -> Vec<(String, Value)> {
        let kinds = ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"];
        let resources = kinds.iter().flat_map(|kind| self.resources(kind));
        let operators = self.operator_policy().into_iter();
        let operators = operators.map(|s| (format!("OperatorPolicy: {}", s["Sid"]), s));
        resources
            .flat_map(|(id, properties)| {
                let all = properties
                    .get("Policies")
                    .map(statements)
                    .unwrap_or_default();
                all.into_iter()
                    .map(move |s| (format!("{id}: {}", s["Sid"]), s))
            })
            .chain(operators)
            .filter(|(_, statement)| statement["Effect"] == "Allow")
            .collect()
    }
}

/// What is there by a condition only is among them.
fn statements(policies: &Value) -> Vec<Value> {
    let policies = policies.as_array().expect("Policies is a list");
    policies.iter().flat_map(document).collect()
}

fn document(policy: &Value) -> Vec<Value> {
    let statements = policy["Statement"].as_array();
    let statements = statements.unwrap_or_else(|| panic!("no statements in {policy}"));
    let there = statements
        .iter()
        .map(|statement| statement.pointer("/Fn::If/1").unwrap_or(statement));
    there.cloned().collect()
}

/// A text or a list of texts, as IAM takes both.
pub fn texts(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |all| all.iter().collect())
}

fn written_out(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => b.into(),
        Yaml::Number(n) => serde_json::to_value(n).unwrap(),
        Yaml::String(s) => s.into(),
        Yaml::Sequence(all) => all.into_iter().map(written_out).collect(),
        Yaml::Mapping(all) => all
            .into_iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), written_out(value)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                "Ref" => "Ref".to_owned(),
                "Condition" => "Condition".to_owned(),
                function => format!("Fn::{function}"),
            };
            json!({ name: written_out(tagged.value) })
        }
    }
}
