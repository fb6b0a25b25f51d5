//! Counts of instructions, by callgrind. They do not depend on the load of the machine, so a slow-down of 5
//! % is visible.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::kernels::ALL;
use crate::{Failed, process};

/// More than this is a slow-down.
const TOLERANCE: f64 = 0.05;

/// `instructions.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The compiler.
    pub rustc: String,
    /// The counting program.
    pub valgrind: String,
    /// Instructions of each loop.
    pub instructions: BTreeMap<String, u64>,
}

/// How current counts compare with the recorded ones.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// None is slower than allowed.
    Fine,
    /// These are, or are not there any more.
    Slower(Vec<String>),
    /// They cannot be compared, and have to be recorded again.
    Incomparable(String),
}

/// Compares.
pub fn compare(recorded: &Counts, present: &Counts) -> Verdict {
    if (&recorded.rustc, &recorded.valgrind) != (&present.rustc, &present.valgrind) {
        return Verdict::Incomparable(format!(
            "recorded with {} and {}, counted with {} and {}: record them anew (make bench-record)",
            recorded.rustc, recorded.valgrind, present.rustc, present.valgrind
        ));
    }
    let mut slower = Vec::new();
    for (name, before) in &recorded.instructions {
        match present.instructions.get(name) {
            None => slower.push(format!("{name} is not counted any more")),
            Some(now) if *now as f64 > *before as f64 * (1.0 + TOLERANCE) => {
                let more = (*now as f64 / *before as f64 - 1.0) * 100.0;
                slower.push(format!("{name}: {before} → {now}, {more:.1} % more"));
            }
            Some(_) => {}
        }
    }
    for name in present.instructions.keys() {
        if !recorded.instructions.contains_key(name) {
            slower.push(format!("{name} was never recorded"));
        }
    }
    if slower.is_empty() {
        Verdict::Fine
    } else {
        Verdict::Slower(slower)
    }
}

/// Counts and compares with the file; an error names the slower loops.
pub fn check(file: &Path) -> Result<(), Failed> {
    let recorded: Counts = serde_json::from_slice(&std::fs::read(file)?)?;
    let present = count()?;
    let mut out = std::io::stdout();
    for (name, now) in &present.instructions {
        let before = recorded.instructions.get(name).copied().unwrap_or(0);
        let change = (*now as f64 / before.max(1) as f64 - 1.0) * 100.0;
        writeln!(out, "{name:<12} {before:>12} → {now:>12} {change:>+7.1} %")?;
    }
    match compare(&recorded, &present) {
        Verdict::Fine => Ok(()),
        Verdict::Slower(rows) => Err(format!("slower than recorded: {}", rows.join("; ")).into()),
        Verdict::Incomparable(why) => Err(why.into()),
    }
}

/// Counts and writes the file.
pub fn record(file: &Path) -> Result<(), Failed> {
    let mut text = serde_json::to_string_pretty(&count()?)?;
    text.push('\n');
    std::fs::write(file, text)?;
    Ok(())
}

fn count() -> Result<Counts, Failed> {
    let mut instructions = BTreeMap::new();
    for (name, _) in ALL {
        instructions.insert(name.to_owned(), count_one(name)?);
    }
    Ok(Counts {
        rustc: process::first_line("rustc", "--version"),
        valgrind: process::first_line("valgrind", "--version"),
        instructions,
    })
}

/// The instructions between the call of `counted_…` and its return.
fn count_one(name: &str) -> Result<u64, Failed> {
    let function = match name {
        "page_gzip" => "page",
        other => other,
    };
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=*::counted_{function}"))
        .arg(std::env::current_exe()?)
        .args(["kernel", name])
        .output()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if !done.status.success() {
        return Err(format!("valgrind: {said}").into());
    }
    collected(&said).ok_or_else(|| format!("{name} was not counted: {said}").into())
}

/// The number after `Collected`, if it is not zero.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|l| l.contains("Collected :"))?;
    let number = line.rsplit(' ').next()?.parse().ok()?;
    (number > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(page: u64) -> Counts {
        Counts {
            rustc: "rustc 1".to_owned(),
            valgrind: "valgrind-3".to_owned(),
            instructions: BTreeMap::from([("page".to_owned(), page), ("sort".to_owned(), 50)]),
        }
    }

    #[test]
    fn a_slower_loop_is_refused_by_name() {
        let recorded = counts(1_000);
        assert_eq!(compare(&recorded, &counts(1_050)), Verdict::Fine);
        assert_eq!(compare(&recorded, &counts(500)), Verdict::Fine);
        assert_eq!(
            compare(&recorded, &counts(1_051)),
            Verdict::Slower(vec!["page: 1000 → 1051, 5.1 % more".to_owned()])
        );
    }

    #[test]
    fn a_loop_that_went_or_came_is_no_success() {
        let mut present = counts(1_000);
        present.instructions.remove("sort");
        present.instructions.insert("new".to_owned(), 1);
        let Verdict::Slower(rows) = compare(&counts(1_000), &present) else {
            panic!("it is told");
        };
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn another_toolchain_is_said_to_be_one() {
        let mut present = counts(1_000);
        present.rustc = "rustc 2".to_owned();
        let verdict = compare(&counts(1_000), &present);
        assert!(matches!(verdict, Verdict::Incomparable(why) if why.contains("bench-record")));
    }

    #[test]
    fn what_was_not_counted_is_not_taken_for_fast() {
        let said = "==7== Collected : 1234\n";
        assert_eq!(collected(said), Some(1_234));
        assert_eq!(collected("==7== Collected : 0\n"), None);
        assert_eq!(collected("nothing"), None);
    }
}
