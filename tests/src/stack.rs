//! The local stack as a client sees it: plain HTTP to the emulator's endpoint, in the protocols of
//! the services. `infra/local/stack.py exec` starts it and says where it is.

mod executions;
mod notices;

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

pub use executions::Execution;
pub use notices::{Notice, Notices};

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
        let path = std::env::var("LIVELIST_TEST_STACK").expect(
            "LIVELIST_TEST_STACK names the state of a running local stack: make test starts one",
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
        self.put_text(name, &secret.to_string()).await;
    }

    /// Puts a secret that is plain text into the Parameter Store.
    pub async fn put_text(&self, name: &str, secret: &str) {
        let asked = json!({
            "Name": name, "Value": secret, "Type": "SecureString", "Overwrite": true,
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

/// What tells the emulator which service is meant; it checks no signatures.
fn scope(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=none"
    )
}
