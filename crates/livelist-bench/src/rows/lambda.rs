//! Row 6: the functions' binary behind a Runtime API endpoint: its size, how fast it starts, and,
//! where an AWS emulator runs, what a run's invocations take.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use livelist_mls::Provider;
use serde_json::{Value, json};

use super::{Plan, Provided, post};
use crate::Failed;
use crate::report::{Section, count, verdict};
use crate::runtime_api::Function;
use crate::world::OWNER;

const ZIP: f64 = 6.0;
const FIRST_POLL: f64 = 10.0;
const PEAK: f64 = 128.0;
const SCAN_PEAK: f64 = 256.0;
const BUCKET: &str = "livelist-bench";
const NAMES: [&str; 11] = [
    "planner",
    "worker",
    "acquire",
    "authorize",
    "scan",
    "compare",
    "confirm",
    "publish",
    "release",
    "api",
    "notify",
];

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let built = plan.bootstrap.as_ref();
    let built = built.ok_or("the row lambda needs --bootstrap: the functions' binary")?;
    std::fs::create_dir_all(&plan.folder)?;
    let bootstrap = plan.folder("bootstrap");
    let stripped = Command::new("strip")
        .args(["--strip-all", "-o"])
        .arg(&bootstrap)
        .arg(built)
        .status()?;
    if !stripped.success() {
        return Err(format!("strip: {stripped}").into());
    }
    let bytes = std::fs::read(&bootstrap)?;
    let mut zip = DeflateEncoder::new(Vec::new(), Compression::best());
    zip.write_all(&bytes)?;
    let zip = zip.finish()?.len() as u64;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut shows = vec![format!(
        "the binary has {} bytes, zipped {}: {}",
        count(bytes.len() as u64),
        count(zip),
        verdict(zip as f64 / 1e6, ZIP, " MB")
    )];
    let stack = match &plan.aws {
        Some(endpoint) => Some(Stack::make(plan, endpoint)?),
        None => {
            shows.push(
                "no AWS emulator ran: invocations were not measured (`make bench` starts one)"
                    .to_owned(),
            );
            None
        }
    };
    let measured = runtime.block_on(functions(plan, &bootstrap, stack.as_ref()))?;
    let slowest = measured.iter().map(|f| f.first_poll).fold(0.0, f64::max);
    shows.push(format!(
        "slowest first poll {}",
        verdict(slowest, FIRST_POLL, " ms")
    ));
    for function in &measured {
        let goal = if function.name == "scan" {
            SCAN_PEAK
        } else {
            PEAK
        };
        if function.invoked.is_some() {
            let peak = verdict(function.peak, goal, " MB");
            shows.push(format!("{}: peak {peak}", function.name));
        }
    }
    Ok(Section {
        name: "lambda",
        title: "6. Lambda",
        what: format!(
            "The release binary, stripped; the zip is its size under deflate at level 9. Each function is \
             started {} times by an endpoint that speaks Lambda's Runtime API over HTTP; the least time \
             from exec to the first poll counts. The invocations are those of one run of {} keys in pages \
             of 300,000 rows, each in a process of its own, twice: the first and a warm one. Storage, \
             secrets and keys are the local AWS emulator's, whose time is in theirs.",
            plan.repeat,
            count(plan.keys(500_000)),
        ),
        head: vec![
            "function",
            "exec to first poll",
            "first invoke",
            "warm invoke",
            "peak",
        ],
        rows: measured.iter().map(Measured::cells).collect(),
        shows,
    })
}

struct Measured {
    name: &'static str,
    first_poll: f64,
    invoked: Option<(f64, f64)>,
    peak: f64,
}

impl Measured {
    fn cells(&self) -> Vec<String> {
        let took = |ms: Option<f64>| ms.map_or("–".to_owned(), |ms| format!("{ms:.0} ms"));
        vec![
            self.name.to_owned(),
            format!("{:.1} ms", self.first_poll),
            took(self.invoked.map(|i| i.0)),
            took(self.invoked.map(|i| i.1)),
            format!("{:.0} MB", self.peak),
        ]
    }
}

/// What the functions work with, in the emulator.
struct Stack {
    endpoint: String,
    key: String,
    queue: String,
    run: Value,
    /// Serves as long as this is there.
    _provided: Provided,
}

impl Stack {
    fn make(plan: &Plan, endpoint: &str) -> Result<Stack, Failed> {
        let provided = Provided::start(Provider::Trestle, plan.keys(500_000), true)?;
        let mut feed = provided.feed(Some(300_000))?;
        feed.spec.credential = "ssm:/livelist/mls/bench".parse()?;
        let run = serde_json::to_value(feed.job(Path::new(""), 20).run)?;
        let call = |target: &str, body: Value| -> Result<Value, Failed> {
            let headers = [
                ("x-amz-target", target),
                ("content-type", "application/x-amz-json-1.1"),
                ("authorization", authorization(target)),
            ];
            let answer = post(endpoint, "/", &headers, &body.to_string())?;
            Ok(serde_json::from_slice(&answer)?)
        };
        super::put(endpoint, &format!("/{BUCKET}"))?;
        let parameter = json!({
            "Name": "/livelist/mls/bench", "Value": feed.secret, "Type": "SecureString",
            "Overwrite": true,
        });
        call("AmazonSSM.PutParameter", parameter)?;
        let key = call("TrentService.CreateKey", json!({}))?;
        let queue = call(
            "AmazonSQS.CreateQueue",
            json!({"QueueName": "bench-outbox"}),
        )?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Stack {
            endpoint: endpoint.to_owned(),
            key: text(&key["KeyMetadata"]["KeyId"]).ok_or("no key")?,
            queue: text(&queue["QueueUrl"]).ok_or("no queue")?,
            run,
            _provided: provided,
        })
    }
}

/// What the emulator tells services apart by; nobody checks a signature there.
fn authorization(target: &str) -> &'static str {
    match target.split('.').next() {
        Some("AmazonSSM") => "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/ssm/aws4_request",
        Some("TrentService") => {
            "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/kms/aws4_request"
        }
        _ => "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/sqs/aws4_request",
    }
}

fn variables(name: &str, stack: Option<&Stack>) -> Vec<(String, String)> {
    let endpoint = stack.map_or("http://127.0.0.1:9", |s| &s.endpoint);
    let queue = stack.map_or("http://127.0.0.1:9/queue", |s| &s.queue);
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
        (
            "LIVELIST_MACHINE_ARN",
            "arn:aws:states:us-east-1:000000000000:stateMachine:bench",
        ),
        ("LIVELIST_KEY_ID", stack.map_or("key", |s| &s.key)),
    ];
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

async fn functions(
    plan: &Plan,
    bootstrap: &Path,
    stack: Option<&Stack>,
) -> Result<Vec<Measured>, Failed> {
    // What a step says is what the next one is given.
    let mut said = json!({});
    let mut measured = Vec::new();
    for name in NAMES {
        let variables = variables(name, stack);
        let mut first_poll = f64::INFINITY;
        for _ in 0..plan.repeat {
            let function = Function::start(bootstrap, &variables).await?;
            first_poll = first_poll.min(function.first_poll);
        }
        let mut function = Function::start(bootstrap, &variables).await?;
        let mut invoked = None;
        if let Some(stack) = stack
            && let Some(event) = event(name, &stack.run, &said)
        {
            let (answer, first) = function.invoke(&event).await?;
            let (_, warm) = function.invoke(&event).await?;
            invoked = Some((first, warm));
            said[name] = serde_json::from_slice(&answer)?;
        }
        measured.push(Measured {
            name,
            first_poll,
            invoked,
            peak: function.peak(),
        });
    }
    Ok(measured)
}

/// The event of a step of the run; nothing for functions that are not part of it.
fn event(name: &str, run: &Value, said: &Value) -> Option<Value> {
    let mut event = json!({"run": run, "owner": OWNER});
    match name {
        "acquire" | "authorize" => {}
        "scan" => {
            event["token"] = said["authorize"]["token"].clone();
            event["progress"] = Value::Null;
        }
        "compare" => event["progress"] = said["scan"]["progress"].clone(),
        "publish" => {
            event["comparison"] = said["compare"]["comparison"].clone();
            event["confirmation"] = Value::Null;
        }
        "release" => event["failure"] = Value::Null,
        _ => return None,
    }
    Some(event)
}
