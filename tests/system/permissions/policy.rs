//! The template's statements, taken apart into grants: one action on one resource each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use livelist_tests::template::{Template, texts};
use serde_json::{Value, json};

use super::recording::{Access, On};

/// What Lambda does with the role of a function that it feeds from a queue: the actions of AWS's
/// own policy `AWSLambdaSQSQueueExecutionRole`.
const TAKING: [&str; 3] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
];

/// The operators' function does what other functions do, and no more: its permissions are compared
/// with theirs, not with a life of its own.
pub const OPERATORS: &str = "admin";

/// What a function may do to what.
#[derive(Debug)]
pub struct Grant {
    function: String,
    sid: String,
    pub action: String,
    /// In the template's words, with `*` for anything.
    pub pattern: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grant {
            function,
            sid,
            action,
            pattern,
        } = self;
        write!(f, "{function}, {sid}: {action} on {pattern}")
    }
}

/// The policies of all functions.
pub struct Policies {
    template: Template,
    /// By function: its environment variables.
    variables: BTreeMap<String, Value>,
    grants: Vec<Grant>,
}

impl Policies {
    /// The template's.
    pub fn read() -> Policies {
        let template = Template::read();
        let (mut grants, mut variables) = (Vec::new(), BTreeMap::new());
        for (handler, function) in template.functions() {
            grants.extend(taken_apart(&template, &handler, &function.statements));
            let mut all = template
                .at("/Globals/Function/Environment/Variables")
                .clone();
            let own = &template.resources("AWS::Serverless::Function")[function.id.as_str()];
            if let Some(own) = own.get("Environment") {
                let own = own["Variables"].as_object().unwrap().clone();
                all.as_object_mut().unwrap().extend(own);
            }
            variables.insert(handler, all);
        }
        Policies {
            template,
            variables,
            grants,
        }
    }

    /// The functions' names, but for the operators'.
    pub fn functions(&self) -> BTreeSet<&str> {
        let all = self.variables.keys().map(String::as_str);
        all.filter(|function| *function != OPERATORS).collect()
    }

    /// Every grant, but for those of the operators' function.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants
            .iter()
            .filter(|grant| grant.function != OPERATORS)
    }

    /// The grants of one function.
    pub fn of(&self, function: &str) -> impl Iterator<Item = &Grant> {
        self.grants
            .iter()
            .filter(move |grant| grant.function == function)
    }

    /// The grants of the policy for those who use the command.
    pub fn of_operators(&self) -> Vec<Grant> {
        let statements = self.template.operator_policy();
        taken_apart(&self.template, "the operators' policy", &statements)
    }

    /// Whether the function's policy allows the access.
    pub fn allow(&self, access: &Access) -> bool {
        self.grants.iter().any(|grant| self.fits(grant, access))
    }

    /// Whether it is this grant that allows the access.
    pub fn fits(&self, grant: &Grant, access: &Access) -> bool {
        grant.function == access.function
            && grant.action == access.action
            && covers(&grant.pattern, &self.arn(access))
    }

    /// What Lambda itself does as one of the functions, so that no port tells of it.
    pub fn of_lambda_itself(&self) -> Vec<Access> {
        let functions = self.template.functions();
        let mappings = self.template.resources("AWS::Lambda::EventSourceMapping");
        let taken = mappings.values().flat_map(|mapping| {
            let queue = mapping["EventSourceArn"]["Fn::GetAtt"].as_str().unwrap();
            let id = mapping["FunctionName"]["Ref"].as_str().unwrap();
            let function = functions.values().find(|f| f.id == id).unwrap();
            TAKING.map(|action| Access {
                function: function.handler.clone(),
                action,
                on: On::Arn(format!("${{{queue}}}")),
            })
        });
        taken.collect()
    }

    /// What an access is to, in the template's words.
    fn arn(&self, access: &Access) -> String {
        match &access.on {
            On::Variable(name) => self.named(&access.function, name),
            On::Object(key) => format!("{}/{key}", self.named(&access.function, "LIVELIST_BUCKET")),
            On::Parameter(path) => format!(
                "arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter{path}"
            ),
            On::Arn(arn) => arn.clone(),
        }
    }

    /// The resource that a variable of the function leads to. Without the variable the function
    /// could not ask for it at all.
    fn named(&self, function: &str, variable: &str) -> String {
        let id = self.variables[function][variable]["Ref"]
            .as_str()
            .unwrap_or_else(|| panic!("{function} uses {variable}, which it does not have"));
        format!("${{{id}.Arn}}")
    }
}

fn taken_apart(template: &Template, function: &str, statements: &[Value]) -> Vec<Grant> {
    let mut grants = Vec::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow", "{function}");
        check_condition(statement);
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                grants.push(Grant {
                    function: function.to_owned(),
                    sid: statement["Sid"].as_str().unwrap().to_owned(),
                    action: action.as_str().unwrap().to_owned(),
                    pattern: pattern(template, resource),
                });
            }
        }
    }
    grants
}

/// A resource of a statement, in the template's words.
fn pattern(template: &Template, resource: &Value) -> String {
    if let Some(of) = resource["Fn::GetAtt"].as_str() {
        assert!(of.ends_with(".Arn"), "{of} is no ARN");
        return format!("${{{of}}}");
    }
    if let Some(id) = resource["Ref"].as_str() {
        let machines = template.resources("AWS::Serverless::StateMachine");
        assert!(machines.contains_key(id), "a Ref of {id} is no ARN");
        return format!("${{{id}.Arn}}");
    }
    let text = resource["Fn::Sub"]
        .as_str()
        .unwrap_or_else(|| panic!("{resource} is no resource of this template"));
    assert!(!text.contains('?'), "{text}: `?` means something to IAM");
    let parameters = template.at("/Parameters").as_object().unwrap();
    let given = parameters
        .iter()
        .filter_map(|(name, parameter)| Some((name, parameter["Default"].as_str()?)));
    given.fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value)
    })
}

/// The one condition is what the sealer fulfils: it names the run.
fn check_condition(statement: &Value) {
    let Some(condition) = statement.get("Condition") else {
        return;
    };
    let sealed = json!({ "Null": { "kms:EncryptionContext:livelist:run": "false" } });
    assert_eq!(*condition, sealed, "{}", statement["Sid"]);
    for action in texts(&statement["Action"]) {
        assert!(action.as_str().unwrap().starts_with("kms:"));
    }
}

/// Whether an IAM pattern matches: `*` is any text, slashes included.
pub fn covers(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    text.strip_prefix(start).is_some_and(|text| {
        let mut ends = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
        ends.any(|at| covers(rest, &text[at..]))
    })
}
