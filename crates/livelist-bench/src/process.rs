//! Processes of the benchmark. Each measurement has its own, so that CPU and peak memory belong to it
//! alone.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failed;

/// Runs this program as `child NAME` with `input`, and reads its output.
pub fn child<O: DeserializeOwned>(name: &str, input: &impl Serialize) -> Result<O, Failed> {
    child_on(None, name, input)
}

/// The same; with `core`, it may use that one alone.
pub fn child_on<O: DeserializeOwned>(
    core: Option<u32>,
    name: &str,
    input: &impl Serialize,
) -> Result<O, Failed> {
    run(&mut pinned(core)?, name, input)
}

/// The same under `perf record`, which samples the running functions into `data`.
pub fn profiled<O: DeserializeOwned>(
    data: &Path,
    name: &str,
    input: &impl Serialize,
) -> Result<O, Failed> {
    let mut command = Command::new("perf");
    command
        .args(["record", "--quiet", "-e", "cpu-clock", "-F", "1999", "-o"])
        .arg(data)
        .arg("--")
        .arg(std::env::current_exe()?);
    run(&mut command, name, input)
        .map_err(|e| format!("perf (Debian: linux-perf) is needed: {e}").into())
}

fn run<O: DeserializeOwned>(
    command: &mut Command,
    name: &str,
    input: &impl Serialize,
) -> Result<O, Failed> {
    let mut started = start(command, name, input)?;
    drop(started.stdin.take());
    let mut text = String::new();
    if let Some(out) = started.stdout.take() {
        BufReader::new(out).read_line(&mut text)?;
    }
    let status = started.wait()?;
    if !status.success() {
        return Err(format!("the child {name} ended with {status}").into());
    }
    Ok(serde_json::from_str(&text)?)
}

/// A process that serves until it is dropped.
pub struct Server {
    process: Child,
    input: Option<ChildStdin>,
}

impl Server {
    /// Starts `child NAME` and reads the line with its address. With `core`, it may use only that core.
    pub fn start<O: DeserializeOwned>(
        name: &str,
        input: &impl Serialize,
        core: Option<u32>,
    ) -> Result<(Server, O), Failed> {
        let mut process = start(&mut pinned(core)?, name, input)?;
        let input = process.stdin.take();
        let mut text = String::new();
        if let Some(out) = process.stdout.as_mut() {
            BufReader::new(out).read_line(&mut text)?;
        }
        let server = Server { process, input };
        Ok((server, serde_json::from_str(&text)?))
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        // Its input is closed, so it ends; it may have ended already.
        let _ = self.process.wait();
    }
}

/// This program, on one core or on any.
fn pinned(core: Option<u32>) -> Result<Command, Failed> {
    let program = std::env::current_exe()?;
    Ok(match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string()]).arg(program);
            command
        }
        None => Command::new(program),
    })
}

fn start(command: &mut Command, name: &str, input: &impl Serialize) -> Result<Child, Failed> {
    let mut process = command
        .args(["child", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(to) = process.stdin.as_mut() {
        writeln!(to, "{}", serde_json::to_string(input)?)?;
        to.flush()?;
    }
    Ok(process)
}

/// Runs a command of the shell and gives its seconds of CPU, those of its children included, and of
/// wall time.
pub fn shell(script: &str) -> Result<(f64, f64), Failed> {
    let timed = format!("set -o pipefail; TIMEFORMAT='%R %U %S'; time {{ {script}; }}");
    let done = Command::new("bash").args(["-c", &timed]).output()?;
    let said = String::from_utf8(done.stderr)?;
    if !done.status.success() {
        return Err(format!("{script}: {} {said}", done.status).into());
    }
    let line = said.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = line.split(' ').filter_map(|n| n.parse().ok()).collect();
    match numbers[..] {
        [wall, user, system] => Ok((user + system, wall)),
        _ => Err(format!("bash's time said {said:?}").into()),
    }
}

/// The first line of a command's output.
pub fn first_line(program: &str, argument: &str) -> String {
    let done = Command::new(program).arg(argument).output();
    let text = done.map(|d| d.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or("unknown").to_owned()
}
