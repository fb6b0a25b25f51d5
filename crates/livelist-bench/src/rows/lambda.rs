//! Row 6: the functions' binary behind a Runtime API endpoint: its size, its start time, and, with an AWS
//! emulator, the usage of a run's invocations.

mod size;
mod stack;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::stack::{Stack, What};
use super::Plan;
use crate::Failed;
use crate::machine::Moment;
use crate::report::{Section, count, verdict};
use crate::runtime_api::{Function, Memory};

const ZIP: f64 = 6.0;
const FIRST_POLL: f64 = 10.0;
const PEAK: f64 = 128.0;
const SCAN_PEAK: f64 = 256.0;
const KEYS: u64 = 500_000;

/// A function, and its request; several lines may be of one function.
struct Line {
    name: &'static str,
    function: &'static str,
    /// `None` for the steps of a run, whose events are the outputs of the steps before.
    what: Option<What>,
}

const fn step(name: &'static str) -> Line {
    Line {
        name,
        function: name,
        what: None,
    }
}

const fn other(name: &'static str, function: &'static str, what: What) -> Line {
    Line {
        name,
        function,
        what: Some(what),
    }
}

/// All functions in the order of a day.
const LINES: [Line; 13] = [
    other("planner", "planner", What::Plan),
    other("worker", "worker", What::Start),
    step("acquire"),
    step("authorize"),
    step("scan"),
    step("compare"),
    step("confirm"),
    step("publish"),
    step("release"),
    other("notify", "notify", What::Tell),
    other("api: manifest", "api", What::Manifest),
    other("api: check of 5,000 keys", "api", What::Check),
    other("admin", "admin", What::Status),
];

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let (bootstrap, mut shows) = artifact(plan)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let floor = floor(plan, &bootstrap)?;
    let mut measured = Vec::new();
    for line in &LINES {
        let variables = stack::variables(line.function, None);
        let polls = plan.several(|| {
            let function = runtime.block_on(Function::start(&bootstrap, &variables))?;
            Ok((function.first_poll, function.memory()))
        })?;
        let first_poll = polls.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
        measured.push(Measured {
            name: line.name,
            first_poll,
            invoked: None,
            memory: polls.first().map(|p| p.1).unwrap_or_default(),
        });
    }
    match &plan.aws {
        Some(endpoint) => invocations(plan, &runtime, &bootstrap, endpoint, &mut measured)?,
        None => shows.push(
            "no AWS emulator ran: invocations were not measured (`make bench` starts one)"
                .to_owned(),
        ),
    }
    let slowest = measured.iter().map(|f| f.first_poll).fold(0.0, f64::max);
    shows.push(format!(
        "slowest first poll {}; {floor:.1} ms of it are the process itself: exec, linking, and \
         ending for an unknown function name",
        verdict(slowest, FIRST_POLL, " ms")
    ));
    for function in measured.iter().filter(|f| f.invoked.is_some()) {
        shows.push(function.shown());
    }
    Ok(Section {
        name: "lambda",
        title: "6. Lambda",
        what: format!(
            "The binary that `make package` builds, stripped; the zip size is deflate at level 6. \
             Each function is started {} times by an endpoint that speaks Lambda's Runtime API \
             over HTTP; the minimum time from exec to the first poll counts. The invocations are \
             those of two days of \
             a feed of {} keys in pages of 300,000 rows, a thousandth of them sold and as many \
             new each day. Each line is a separate process, invoked on the first day (first \
             invoke) and on the second (warm invoke). S3, SQS, SSM, KMS and Step Functions are \
             served by the local AWS emulator, whose time is included; the peak is only the \
             function's.",
            plan.repeat,
            count(plan.keys(KEYS)),
        ),
        head: vec![
            "function",
            "exec to first poll",
            "first invoke",
            "warm invoke",
            "peak",
            "of it the binary's",
        ],
        rows: measured.iter().map(Measured::cells).collect(),
        shows,
    })
}

/// The binary as it is deployed, and how large it is.
fn artifact(plan: &Plan) -> Result<(PathBuf, Vec<String>), Failed> {
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
    let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
    zip.write_all(&bytes)?;
    let zip = zip.finish()?.len() as u64;
    let shown = format!(
        "the binary has {} bytes, zipped {}: {}",
        count(bytes.len() as u64),
        count(zip),
        verdict(zip as f64 / 1e6, ZIP, " MB")
    );
    let mut shows = vec![shown];
    if let Some(owners) = size::owners(built)? {
        shows.push(format!(
            "Why the size is missed: of the code, {owners}. One binary holds all functions, so \
             each carries \
             what any of them needs"
        ));
    }
    Ok((bootstrap, shows))
}

/// The time of a process of this binary that does nothing, in milliseconds.
fn floor(plan: &Plan, bootstrap: &Path) -> Result<f64, Failed> {
    let all = plan.several(|| {
        let begun = Moment::now();
        Command::new(bootstrap)
            .env_clear()
            .env("_HANDLER", "nobody")
            .env("LIVELIST_LOG", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    })?;
    Ok(all.into_iter().fold(f64::INFINITY, f64::min))
}

struct Measured {
    name: &'static str,
    first_poll: f64,
    invoked: Option<(f64, f64)>,
    memory: Memory,
}

impl Measured {
    fn cells(&self) -> Vec<String> {
        let took = |ms: Option<f64>| ms.map_or("–".to_owned(), |ms| format!("{ms:.0} ms"));
        vec![
            self.name.to_owned(),
            format!("{:.1} ms", self.first_poll),
            took(self.invoked.map(|i| i.0)),
            took(self.invoked.map(|i| i.1)),
            format!("{:.0} MB", self.memory.peak),
            format!("{:.0} MB", self.memory.of_files),
        ]
    }

    fn shown(&self) -> String {
        let goal = if self.name == "scan" { SCAN_PEAK } else { PEAK };
        let peak = self.memory.peak;
        let binds = match peak > goal {
            true => format!(
                "; {:.0} MB of it are the binary's pages",
                self.memory.of_files
            ),
            false => String::new(),
        };
        format!("{}: peak {}{binds}", self.name, verdict(peak, goal, " MB"))
    }
}

/// Three days: one that publishes a list, one for first invocations, one for warm ones.
fn invocations(
    plan: &Plan,
    runtime: &Runtime,
    bootstrap: &Path,
    endpoint: &str,
    measured: &mut [Measured],
) -> Result<(), Failed> {
    let site = runtime.block_on(stack::site())?;
    let keys = plan.keys(KEYS);
    let stack = Stack::make(endpoint, keys, &site)?;
    let start = || -> Result<BTreeMap<&str, Function>, Failed> {
        LINES
            .iter()
            .map(|line| {
                let variables = stack::variables(line.function, Some(&stack));
                let started = runtime.block_on(Function::start(bootstrap, &variables))?;
                Ok((line.name, started))
            })
            .collect()
    };
    day(runtime, &stack, &mut start()?, 20)?;
    let mut functions = start()?;
    stack.change(keys / 1_000)?;
    let first = day(runtime, &stack, &mut functions, 21)?;
    stack.change(keys / 1_000)?;
    let warm = day(runtime, &stack, &mut functions, 22)?;
    for one in measured {
        if let (Some(first), Some(warm)) = (first.get(one.name), warm.get(one.name)) {
            one.invoked = Some((*first, *warm));
        }
        if let Some(function) = functions.get(one.name) {
            one.memory = function.memory();
        }
    }
    Ok(())
}

/// A day by all functions, one after the other; gives how long each took, in milliseconds.
fn day(
    runtime: &Runtime,
    stack: &Stack,
    functions: &mut BTreeMap<&str, Function>,
    day: i8,
) -> Result<BTreeMap<&'static str, f64>, Failed> {
    let run = stack.run(day)?;
    // The output of a step is the input of the next one.
    let mut said = json!({});
    let mut took = BTreeMap::new();
    for line in &LINES {
        let event = match line.what {
            Some(what) => stack.event(what, day)?,
            // On the first day nothing is absent.
            None if line.name == "confirm" && said["compare"]["outcome"] != "confirm" => continue,
            None => stack::step_event(line.name, &run, &said),
        };
        let function = functions.get_mut(line.name).ok_or("not started")?;
        let (answer, ms) = runtime
            .block_on(function.invoke(&event))
            .map_err(|error| format!("{}: {error}", line.name))?;
        let answer: Value = serde_json::from_slice(&answer)?;
        if let Some(wrong) = wrong(line, &answer) {
            return Err(format!("{}: {wrong}: {answer}", line.name).into());
        }
        said[line.name] = answer;
        took.insert(line.name, ms);
    }
    Ok(took)
}

/// The error in an answer: the measured work has to be the intended one.
fn wrong(line: &Line, answer: &Value) -> Option<&'static str> {
    let is = |name: &str, value: &str| answer[name] == value;
    let well = match (line.name, line.what) {
        ("acquire", _) => is("outcome", "acquired"),
        ("authorize", _) => is("outcome", "authorized"),
        ("scan", _) => is("outcome", "done"),
        ("compare", _) => is("outcome", "confirm") || is("outcome", "publish"),
        ("confirm", _) => is("outcome", "publish"),
        ("publish", _) => is("outcome", "published"),
        (_, Some(What::Plan)) => answer["sent"] == 1,
        (_, Some(What::Start | What::Tell)) => answer["batchItemFailures"] == json!([]),
        (_, Some(What::Manifest | What::Check | What::Status)) => answer["statusCode"] == 200,
        _ => true,
    };
    (!well).then_some("not the answer that is measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_the_work_is_refused() {
        let scan = step("scan");
        assert_eq!(wrong(&scan, &json!({"outcome": "done"})), None);
        assert!(wrong(&scan, &json!({"outcome": "throttled"})).is_some());
        let api = other("api", "api", What::Check);
        assert_eq!(wrong(&api, &json!({"statusCode": 200})), None);
        assert!(wrong(&api, &json!({"statusCode": 503})).is_some());
        let worker = other("worker", "worker", What::Start);
        assert!(
            wrong(
                &worker,
                &json!({"batchItemFailures": [{"itemIdentifier": "1"}]})
            )
            .is_some()
        );
    }
}
