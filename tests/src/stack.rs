//! The local stack as a client sees it: plain HTTP to the emulator's endpoint, in the protocols of
//! the services. `infra/local/stack.py exec` starts it and says where it is.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use livelist_aws::{AwsClients, Place};
use serde_json::{Value, json};

/// A stack that runs, with the project in it.
pub struct Stack {
    http: Client<HttpConnector, Full<Bytes>>,
    state: Value,
}

/// What a service refuses: its name for the error, and what it says.
#[derive(Debug)]
pub struct Refusal {
    /// The error's type.
    pub kind: String,
    /// The whole answer.
    pub body: String,
}

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

/// How long anything on the stack may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(40);

/// A pause between two looks at the stack.
#[expect(clippy::disallowed_methods, reason = "the stack works in real time")]
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Looks again and again until there is something to see.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(waited < PATIENCE, "waited {PATIENCE:?} for {what}");
        pause(POLL).await;
        waited += POLL;
    }
}

impl Stack {
    /// The stack that this process was given.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where a test's process begins"
    )]
    pub fn get() -> Stack {
        let path = std::env::var("LIVELIST_STACK").expect(
            "LIVELIST_STACK names the state of a running local stack: make test starts one",
        );
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        Stack {
            http: Client::builder(TokioExecutor::new()).build_http(),
            state: serde_json::from_str(&text).unwrap(),
        }
    }

    /// A text of the stack's state, by its JSON pointer.
    pub fn at(&self, pointer: &str) -> &str {
        let found = self.state.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("the stack has no {pointer}"))
    }

    /// An output of the template.
    pub fn output(&self, name: &str) -> &str {
        self.at(&format!("/outputs/{name}"))
    }

    /// The adapters, pointed at the stack.
    pub async fn clients(&self) -> AwsClients {
        AwsClients::new(Place::Local(self.at("/endpoint").to_owned())).await
    }

    /// Sends a request; `url` is absolute, or a path of the endpoint.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let url = match url.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.at("/endpoint")),
            None => url.to_owned(),
        };
        let mut request = Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let answer = self
            .http
            .request(request)
            .await
            .unwrap_or_else(|e| panic!("{url}: {e}"));
        let (head, body) = answer.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// Asks a service that speaks JSON, e.g. `("states", "AWSStepFunctions.StartExecution")`.
    pub async fn ask(&self, service: &str, target: &str, body: Value) -> Result<Value, Refusal> {
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target),
            ("authorization", &scope(service)),
        ];
        let answer = self
            .send(Method::POST, "/", &headers, body.to_string())
            .await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        if answer.status() == StatusCode::OK {
            return Ok(serde_json::from_str(&text).unwrap_or(Value::Null));
        }
        let refused: Value = serde_json::from_str(&text).unwrap_or_default();
        let kind = refused["__type"].as_str().unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
        Err(Refusal { kind, body: text })
    }

    /// Asks SNS, which speaks forms.
    async fn ask_sns(&self, fields: &[(&str, &str)]) {
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)));
        let form = fields.collect::<Vec<_>>().join("&");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", &scope("sns")),
        ];
        let answer = self.send(Method::POST, "/", &headers, form).await;
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
    }

    /// Invokes a function and waits; an error is the function's own.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Value, Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let headers = [("authorization", &*scope("lambda"))];
        let answer = self
            .send(Method::POST, &path, &headers, payload.to_string())
            .await;
        assert!(
            answer.status().is_success(),
            "{function}: {:?}",
            answer.body()
        );
        let told = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        match answer.headers().get("x-amz-function-error") {
            None => Ok(told),
            Some(_) => Err(told),
        }
    }

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

    /// What is visible in a queue now; it is invisible to others for a moment, and stays.
    pub async fn peek(&self, queue: &str) -> Vec<Value> {
        let asked = json!({
            "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0,
            "MessageAttributeNames": ["All"], "AttributeNames": ["All"],
        });
        let mut told = self
            .ask("sqs", "AmazonSQS.ReceiveMessage", asked)
            .await
            .unwrap();
        told["Messages"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Collects the notices of a topic from now on, in a new queue.
    pub async fn listen(&self, topic: &str, listener: &str) -> Notices<'_> {
        let account = topic.split(':').nth(4).unwrap();
        let arn = format!("arn:aws:sqs:{}:{account}:{listener}", self.at("/region"));
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            }],
        });
        let asked =
            json!({ "QueueName": listener, "Attributes": { "Policy": policy.to_string() } });
        let told = self
            .ask("sqs", "AmazonSQS.CreateQueue", asked)
            .await
            .unwrap();
        let fields = [
            ("Action", "Subscribe"),
            ("TopicArn", topic),
            ("Protocol", "sqs"),
            ("Endpoint", &arn),
        ];
        self.ask_sns(&fields).await;
        let queue = told["QueueUrl"].as_str().unwrap().to_owned();
        Notices { stack: self, queue }
    }

    /// The tags of an object in the stack's bucket, as `key=value`.
    pub async fn tags(&self, object: &str) -> BTreeSet<String> {
        let path = format!("/{}/{object}?tagging", self.output("BucketName"));
        let headers = [("authorization", &*scope("s3"))];
        let answer = self.send(Method::GET, &path, &headers, "").await;
        assert_eq!(
            answer.status(),
            StatusCode::OK,
            "{object}: {:?}",
            answer.body()
        );
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let of = |xml: &str, tag: &str| {
            let inner = xml.split(&format!("<{tag}>")).nth(1).unwrap();
            inner.split('<').next().unwrap().to_owned()
        };
        let tags = text.split("<Tag>").skip(1);
        tags.map(|tag| format!("{}={}", of(tag, "Key"), of(tag, "Value")))
            .collect()
    }

    /// Puts a secret into the Parameter Store.
    pub async fn put_secret(&self, name: &str, secret: &Value) {
        let asked = json!({
            "Name": name, "Value": secret.to_string(), "Type": "SecureString", "Overwrite": true,
        });
        self.ask("ssm", "AmazonSSM.PutParameter", asked)
            .await
            .unwrap();
    }

    /// Everything that functions of this stack wrote to their logs.
    pub async fn logs(&self) -> Vec<String> {
        let service = "logs";
        let asked = json!({ "logGroupNamePrefix": format!("/aws/lambda/{}-", self.at("/stack")) });
        let told = self
            .ask(service, "Logs_20140328.DescribeLogGroups", asked)
            .await
            .unwrap();
        let mut lines = Vec::new();
        for group in told["logGroups"].as_array().unwrap() {
            let mut token = Value::Null;
            loop {
                let mut asked = json!({ "logGroupName": group["logGroupName"], "limit": 10_000 });
                if !token.is_null() {
                    asked["nextToken"] = token;
                }
                let target = "Logs_20140328.FilterLogEvents";
                let mut told = self.ask(service, target, asked).await.unwrap();
                let events = told["events"].as_array().unwrap().iter();
                lines.extend(events.map(|e| e["message"].as_str().unwrap().to_owned()));
                token = told["nextToken"].take();
                if token.is_null() {
                    break;
                }
            }
        }
        lines
    }

    /// Opens what KMS sealed, with this encryption context.
    pub async fn decrypt(&self, sealed: &str, context: Value) -> Result<String, Refusal> {
        let asked = json!({ "CiphertextBlob": sealed, "EncryptionContext": context });
        let told = self.ask("kms", "TrentService.Decrypt", asked).await?;
        let plain = STANDARD
            .decode(told["Plaintext"].as_str().unwrap())
            .unwrap();
        Ok(String::from_utf8(plain).unwrap())
    }
}

/// A listener of a topic.
pub struct Notices<'a> {
    stack: &'a Stack,
    queue: String,
}

/// A notice.
#[derive(Debug)]
pub struct Notice {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub message: String,
}

impl Notices<'_> {
    /// The notices that came so far and speak of `about`.
    pub async fn so_far(&self, about: &str) -> Vec<Notice> {
        let messages = self.stack.peek(&self.queue).await.into_iter();
        let notices = messages.map(|m| {
            let envelope: Value = serde_json::from_str(m["Body"].as_str().unwrap()).unwrap();
            let text = |field: &str| envelope[field].as_str().unwrap_or_default().to_owned();
            Notice {
                subject: text("Subject"),
                message: text("Message"),
            }
        });
        notices.filter(|n| n.message.contains(about)).collect()
    }

    /// Waits for the notice that speaks of `about`.
    pub async fn of(&self, about: &str) -> Notice {
        eventually(&format!("a notice of {about}"), || async {
            self.so_far(about).await.pop()
        })
        .await
    }
}

/// What tells the emulator which service is meant; it checks no signatures.
fn scope(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=none"
    )
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let bytes = text.bytes().map(|b| match b {
        b if plain(b) => (b as char).to_string(),
        b => format!("%{b:02X}"),
    });
    bytes.collect()
}
