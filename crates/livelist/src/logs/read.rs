//! `livelist logs RUN`: the lines of a run out of all files, in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use livelist_model::record::{RunRecord, RunState};
use livelist_model::{RunId, layout};
use livelist_store::directory::DirectoryObjects;
use livelist_store::{Clock, Objects, ObjectsExt, SystemClock};
use serde_json::{Map, Value};

use super::{FOLDER, KEPT, PREFIX, SUFFIX};
use crate::cli::LogsArgs;
use crate::context::open_data;
use crate::exit::{Code, Failed};

/// What `--follow` looks for is there after this.
const AGAIN: Duration = Duration::from_millis(500);

/// Runs `livelist logs`.
pub async fn run(arguments: LogsArgs) -> Result<Code, Failed> {
    let run = &arguments.run.run;
    let data = open_data(&arguments.run.data.data)?;
    let folder = data.root().join(FOLDER);
    let mut files = Files::default();
    let mut some = false;
    loop {
        // Asked before the lines are read: what it wrote until then is among them.
        let goes_on = arguments.follow && !has_ended(&data, run).await?;
        let mut out = std::io::stdout().lock();
        for line in files.lines_of(&folder, run)? {
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
        SystemClock.sleep(AGAIN).await;
    }
    if !some {
        return Err(Failed::usage(format!(
            "{} has no line of {run}. The logs of {KEPT} days are kept; `livelist runs` lists the \
             runs, and `livelist show {run}` tells what became of this one",
            folder.display()
        )));
    }
    Ok(Code::Ok)
}

async fn has_ended(data: &DirectoryObjects, run: &RunId) -> Result<bool, Failed> {
    for feed in data.list_names(layout::FEEDS_PREFIX).await? {
        let Ok(feed) = feed.parse() else { continue };
        let key = layout::run_record(&feed, run);
        if let Some((record, _)) = data.read_json::<RunRecord>(&key).await? {
            return Ok(record.state != RunState::Running);
        }
    }
    Ok(false)
}

struct Line {
    text: String,
    members: Map<String, Value>,
}

/// How far each file was read.
#[derive(Default)]
struct Files(BTreeMap<PathBuf, u64>);

impl Files {
    /// What came of the run since the last call. Names sort by day.
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
                    // The end, or half a line that is being written.
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

/// Members that each line of a run has, or that have their column.
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

/// A line for people: when, how bad, in which step, what, and what else it says.
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
