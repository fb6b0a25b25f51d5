//! `livelist logs RUN`: the lines of a run in order, from all files or from the functions' log groups.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use livelist_aws::CloudWatchLogs;
use livelist_model::RunId;
use livelist_model::record::RunState;
use livelist_ops::OpsError;
use livelist_store::Objects;
use serde_json::{Map, Value};

use super::{FOLDER, KEPT, PREFIX, SUFFIX};
use crate::cli::LogsArgs;
use crate::exit::{Code, Failed};
use crate::world::{Deployment, Place, World};

/// The interval of `--follow`.
const AGAIN: Duration = Duration::from_millis(500);
/// The service answers five such requests a second for a whole account.
const AGAIN_ON_AWS: Duration = Duration::from_secs(3);

/// Runs `livelist logs`.
pub async fn run(arguments: LogsArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let run = &arguments.run.run;
    let World { env, place } = World::open(&arguments.run.place, environment).await?;
    let mut source = match place {
        Place::Machine(machine) => Source::Files {
            folder: machine.data.root().join(FOLDER),
            read: Files::default(),
        },
        Place::Aws(deployment) => {
            let Deployment { clients, system } = *deployment;
            let groups = system.log_groups.into_values();
            Source::Groups {
                logs: CloudWatchLogs::new(&clients, groups),
                from: begin(&*env.objects, run).await?,
            }
        }
    };
    let mut some = false;
    loop {
        // Checked before the lines are read, so that they include everything that the run wrote.
        let goes_on = arguments.follow && !has_ended(&*env.objects, run).await?;
        let lines = source.lines_of(run, env.clock.now()).await?;
        let mut out = std::io::stdout().lock();
        for line in lines {
            some = true;
            match arguments.json {
                true => writeln!(out, "{}", line.text)?,
                false => writeln!(out, "{}", row(&line.members))?,
            }
        }
        out.flush()?;
        drop(out);
        if !goes_on {
            break;
        }
        env.clock.sleep(source.patience()).await;
    }
    if !some {
        return Err(Failed::usage(format!(
            "{} has no line of {run}. Logs are kept for {KEPT} days, if nobody said otherwise; \
             `livelist runs` lists the runs, and `livelist show {run}` tells what became of this one",
            source.name()
        )));
    }
    Ok(Code::Ok)
}

/// When the run began; logs are asked from then on.
async fn begin(objects: &dyn Objects, run: &RunId) -> Result<Timestamp, Failed> {
    let record = livelist_ops::runs::record(objects, run).await?;
    let before = SignedDuration::from_mins(10);
    Ok(record
        .started_at
        .saturating_sub(before)
        .unwrap_or(record.started_at))
}

async fn has_ended(objects: &dyn Objects, run: &RunId) -> Result<bool, Failed> {
    match livelist_ops::runs::record(objects, run).await {
        Ok(record) => Ok(record.state != RunState::Running),
        Err(OpsError::Unknown { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The source of lines.
enum Source {
    /// Files of this machine.
    Files {
        /// Their folder.
        folder: PathBuf,
        /// How far they were read.
        read: Files,
    },
    /// Log groups of a deployment.
    Groups {
        /// The groups.
        logs: CloudWatchLogs,
        /// Earlier lines were printed already.
        from: Timestamp,
    },
}

impl Source {
    /// The lines of the run since the last call.
    async fn lines_of(&mut self, run: &RunId, now: Timestamp) -> Result<Vec<Line>, Failed> {
        let (logs, from) = match self {
            Source::Files { folder, read } => return read.lines_of(folder, run),
            Source::Groups { logs, from } => (logs, from),
        };
        let lines = logs.of_run(run, *from, now).await?;
        if let Some(last) = lines.last() {
            let next = SignedDuration::from_millis(1);
            *from = last.at.saturating_add(next).unwrap_or(last.at);
        }
        let lines = lines.into_iter().map(|line| Line {
            members: serde_json::from_str(&line.text).unwrap_or_else(|_| {
                // A line of Lambda's own.
                Map::from_iter([
                    ("timestamp".to_owned(), line.at.to_string().into()),
                    ("message".to_owned(), line.text.clone().into()),
                ])
            }),
            text: line.text,
        });
        Ok(lines.collect())
    }

    /// The time until the next call.
    fn patience(&self) -> Duration {
        match self {
            Source::Files { .. } => AGAIN,
            Source::Groups { .. } => AGAIN_ON_AWS,
        }
    }

    fn name(&self) -> String {
        match self {
            Source::Files { folder, .. } => folder.display().to_string(),
            Source::Groups { .. } => "the log groups of the functions".to_owned(),
        }
    }
}

struct Line {
    text: String,
    members: Map<String, Value>,
}

/// How far each file was read.
#[derive(Default)]
struct Files(BTreeMap<PathBuf, u64>);

impl Files {
    /// The lines of the run since the last call. Names sort by day.
    fn lines_of(&mut self, folder: &Path, run: &RunId) -> Result<Vec<Line>, Failed> {
        let mut lines = Vec::new();
        let Ok(entries) = folder.read_dir() else {
            return Ok(lines);
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| is_log(path));
        paths.sort();
        for path in paths {
            let read = self.0.entry(path.clone()).or_default();
            let mut file = BufReader::new(File::open(&path)?);
            file.seek(SeekFrom::Start(*read))?;
            let mut bytes = Vec::new();
            loop {
                bytes.clear();
                let n = file.read_until(b'\n', &mut bytes)?;
                if bytes.last() != Some(&b'\n') {
                    // The end, or an incomplete line that is being written.
                    break;
                }
                *read += n as u64;
                let text = String::from_utf8_lossy(&bytes);
                // Most lines are of other runs.
                if !text.contains(run.as_str()) {
                    continue;
                }
                let members: Map<String, Value> = match serde_json::from_str(&text) {
                    Ok(members) => members,
                    Err(_) => continue,
                };
                if members.get("run").and_then(Value::as_str) == Some(run.as_str()) {
                    let text = text.trim_end().to_owned();
                    lines.push(Line { text, members });
                }
            }
        }
        Ok(lines)
    }
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Members that each line of a run has, or that have their own column.
const COLUMNS: [&str; 8] = [
    "timestamp",
    "level",
    "target",
    "run",
    "feed",
    "mls",
    "step",
    "message",
];

/// A line for people: time, level, step, message, and further members.
fn row(members: &Map<String, Value>) -> String {
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or("-");
    let mut row = format!(
        "{}  {:5}  {:9}  {}",
        text("timestamp"),
        text("level"),
        text("step"),
        text("message")
    );
    for (name, value) in members {
        if COLUMNS.contains(&name.as_str()) {
            continue;
        }
        match value {
            Value::String(value) => row += &format!("  {name}={value:?}"),
            value => row += &format!("  {name}={value}"),
        }
    }
    row
}
