//! The environment of the functions: the resources of an AWS emulator without permissions, the registry in
//! its bucket, a site that accepts notices, and the events for the functions.

use std::convert::Infallible;
use std::path::Path;

use http::{Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use livelist_mls::Provider;
use livelist_model::codec::digest;
use livelist_store::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Failed;
use crate::rows::{Provided, post, put};
use crate::world::{Feed, MLS, OWNER};

const BUCKET: &str = "livelist-bench";
const CLIENT: &str = "bench";
const SITE_KEY: &str = "ll1.bench.6f1c2a9be47d40d3a5b8";
const ADMIN_KEY: &str = "lla.bench.0c8d63b1f2a94e57";
const SECRET: &str = "ssm:/livelist/mls/bench";
const NOTICE_SECRET: &str = "ssm:/livelist/notify/bench";
const NO_ENDPOINT: &str = "http://127.0.0.1:9";
/// Keys of a question to the API.
const KEYS_ASKED: usize = 5_000;

/// The resources in the emulator, and the simulated MLS.
pub struct Stack {
    endpoint: String,
    key: String,
    queue: String,
    machine: String,
    feed: Feed,
    provided: Provided,
}

impl Stack {
    /// Makes the resources; `site` is the URL that takes notices.
    pub fn make(endpoint: &str, keys: u64, site: &str) -> Result<Stack, Failed> {
        let provided = Provided::start(Provider::Trestle, keys, true)?;
        let feed = provided.feed_by(Some(300_000), SECRET)?;
        let call = |service: &str, target: &str, body: Value| -> Result<Value, Failed> {
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/{service}/aws4_request"
            );
            let headers = [
                ("x-amz-target", target),
                ("content-type", "application/x-amz-json-1.1"),
                ("authorization", &authorization),
            ];
            let answer = post(endpoint, "/", &headers, &body.to_string())?;
            Ok(serde_json::from_slice(&answer)?)
        };
        let secret = |reference: &str, value: &str| {
            let name = reference.trim_start_matches("ssm:");
            let body =
                json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true});
            call("ssm", "AmazonSSM.PutParameter", body)
        };
        secret(SECRET, &feed.secret)?;
        // 24 bytes: the minimum of Standard Webhooks.
        secret(NOTICE_SECRET, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
        let key = call("kms", "TrentService.CreateKey", json!({}))?;
        let queue = call(
            "sqs",
            "AmazonSQS.CreateQueue",
            json!({"QueueName": "bench"}),
        )?;
        let machine = json!({
            "name": "bench",
            "roleArn": "arn:aws:iam::000000000000:role/bench",
            "definition": r#"{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}"#,
        });
        let machine = call("states", "AWSStepFunctions.CreateStateMachine", machine)?;
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("not in the answer");
        put(endpoint, &format!("/{BUCKET}"), "")?;
        let stack = Stack {
            endpoint: endpoint.to_owned(),
            key: text(&key["KeyMetadata"]["KeyId"])?,
            queue: text(&queue["QueueUrl"])?,
            machine: text(&machine["stateMachineArn"])?,
            feed,
            provided,
        };
        for (name, document) in stack.registry(site) {
            put(
                endpoint,
                &format!("/{BUCKET}/registry/{name}"),
                &document.to_string(),
            )?;
        }
        Ok(stack)
    }

    fn registry(&self, site: &str) -> [(&'static str, Value); 3] {
        let spec = &self.feed.spec;
        let mls = json!({
            "mls": MLS, "provider": spec.provider, "base_url": spec.base_url,
            "token_url": spec.token_url, "credential": spec.credential, "page_size": spec.page_size,
        });
        let client = json!({
            "client": CLIENT,
            "api_keys": [{"id": "site", "sha256": digest(SITE_KEY.as_bytes())}],
            "pairs": [{"mls": MLS, "resource": "Property"}],
            "notify": {"url": site, "credential": NOTICE_SECRET},
        });
        let admins = json!({
            "schema": 1,
            "admins": [{"id": "bench", "sha256": digest(ADMIN_KEY.as_bytes())}],
        });
        [
            ("mls/bench.json", mls),
            ("clients/bench.json", client),
            ("admins.json", admins),
        ]
    }

    /// Sells and lists this many listings each.
    pub fn change(&self, n: u64) -> Result<(), Failed> {
        self.provided.change(n)
    }

    /// The run of a day, as steps are given it.
    pub fn run(&self, day: i8) -> Result<Value, Failed> {
        Ok(serde_json::to_value(self.feed.job(Path::new(""), day).run)?)
    }

    /// The event of a function that is no step of a run.
    pub fn event(&self, what: What, day: i8) -> Result<Value, Failed> {
        let feed = self.feed.spec.feed.to_string();
        let date = format!("2026-11-{day}");
        let run = self.run(day)?["run"].clone();
        Ok(match what {
            What::Plan => json!({"date": date}),
            What::Start => records(&[json!({
                "schema": 1, "date": date, "client": CLIENT, "mls": MLS, "resource": "Property",
                "filter": null, "feed": feed, "run": run,
            })]),
            What::Tell => {
                let at = SystemClock.now().to_string();
                let event = json!({
                    "type": "feed.changed", "at": at, "feed": feed, "run": run, "version": at,
                    "sequence": day, "count": 1, "added": 1, "removed": 1,
                });
                // For all clients of the feed, and for one of them.
                let all = json!({"schema": 1, "event": event});
                let mut one = all.clone();
                one["client"] = CLIENT.into();
                records(&[all, one])
            }
            What::Manifest => {
                let path = format!("/v1/feeds/{feed}/live");
                gateway("GET", &path, SITE_KEY, None)
            }
            What::Check => {
                let live = self.provided.live()?;
                let step = (live.len() / KEYS_ASKED).max(1);
                let some: Vec<&String> = live.iter().step_by(step).take(KEYS_ASKED).collect();
                let path = format!("/v1/feeds/{feed}/check");
                gateway("POST", &path, SITE_KEY, Some(&json!({"keys": some})))
            }
            What::Status => gateway("GET", "/v1/admin/status", ADMIN_KEY, None),
        })
    }
}

/// The requests to functions that are no steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `planner`: the pairs that are due.
    Plan,
    /// `worker`: a pair's run.
    Start,
    /// `notify`: a site's notice.
    Tell,
    /// `api`: the manifest.
    Manifest,
    /// `api`: a question about keys.
    Check,
    /// `admin`: the state of the feeds.
    Status,
}

/// Messages as Lambda hands them over from SQS.
fn records(bodies: &[Value]) -> Value {
    let record = |(nth, body): (usize, &Value)| {
        json!({
            "messageId": format!("059f36b4-87a3-44ab-83d2-{nth:012}"),
            "receiptHandle": format!("AQEB{nth}"),
            "body": body.to_string(),
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1795233600000",
                "SenderId": "AIDAEXAMPLE",
                "ApproximateFirstReceiveTimestamp": "1795233600100",
            },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bench",
            "awsRegion": "us-east-1",
        })
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}

/// A request as API Gateway hands it over.
fn gateway(method: &str, path: &str, key: &str, body: Option<&Value>) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "authorization": format!("Bearer {key}"),
            "content-type": "application/json",
            "host": "api.example.com",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "bench",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "livelist-bench",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Nov/2026:05:00:00 +0000",
            "timeEpoch": 1_795_237_200_000_u64,
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    })
}

/// The environment of a function; without a stack nothing answers it.
pub fn variables(name: &str, stack: Option<&Stack>) -> Vec<(String, String)> {
    let endpoint = stack.map_or(NO_ENDPOINT, |s| &s.endpoint);
    let queue = stack.map_or("http://127.0.0.1:9/queue", |s| &s.queue);
    let machine = stack.map_or(
        "arn:aws:states:us-east-1:000000000000:stateMachine:bench",
        |s| &s.machine,
    );
    let all = [
        ("_HANDLER", name),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("LIVELIST_BUCKET", BUCKET),
        ("LIVELIST_QUEUE_URL", queue),
        ("LIVELIST_DLQ_URL", queue),
        ("LIVELIST_OUTBOX_URL", queue),
        ("LIVELIST_MACHINE_ARN", machine),
        ("LIVELIST_KEY_ID", stack.map_or("key", |s| &s.key)),
        ("LIVELIST_NOTIFY_LOOPBACK", "yes"),
    ];
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// The event of a step, from the outputs of the steps before it.
pub fn step_event(name: &str, run: &Value, said: &Value) -> Value {
    let mut event = json!({"run": run, "owner": OWNER});
    match name {
        "scan" => {
            event["token"] = said["authorize"]["token"].clone();
            event["progress"] = Value::Null;
        }
        "compare" => event["progress"] = said["scan"]["progress"].clone(),
        "confirm" => {
            event["token"] = said["authorize"]["token"].clone();
            event["comparison"] = said["compare"]["comparison"].clone();
            event["confirmation"] = Value::Null;
        }
        "publish" => {
            event["comparison"] = said["compare"]["comparison"].clone();
            event["confirmation"] = said["confirm"]["confirmation"].clone();
        }
        "release" => event["failure"] = Value::Null,
        _ => {}
    }
    event
}

/// A site that takes every notice; gives its URL.
pub async fn site() -> Result<String, Failed> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/notify", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let service = service_fn(async |request: http::Request<hyper::body::Incoming>| {
                    // Whatever it says, it was taken.
                    let _ = request.into_body().collect().await;
                    let mut response = Response::new(Empty::<bytes::Bytes>::new());
                    *response.status_mut() = StatusCode::NO_CONTENT;
                    Ok::<_, Infallible>(response)
                });
                // A connection that breaks is the function's to notice.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(url)
}
