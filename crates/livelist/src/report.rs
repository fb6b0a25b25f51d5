//! Prints the result of a run: as a line of JSON for programs, or as a row of a table for people.

use std::fmt::Write;

use livelist_model::head::Head;
use livelist_model::record::{Failure, RunRecord};
use livelist_model::run::RunSpec;
use livelist_steps::chain::Ended;
use livelist_steps::publish::Outcome;
use serde::Serialize;

use crate::exit::Code;

/// One run's result.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The run.
    pub run: String,
    /// The feed.
    pub feed: String,
    /// `published`, `unchanged`, `held` or `failed`.
    pub outcome: &'static str,
    /// The head's sequence; 0 without a head.
    pub sequence: u64,
    /// The head's keys.
    pub count: u64,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
    /// Absent keys that were asked for one by one.
    pub confirmed: u64,
    /// Pages read.
    pub pages: u64,
    /// Requests sent to the provider.
    pub requests: u64,
    /// Why the result waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_reason: Option<&'static str>,
    /// What an operator should do about a held result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// An error.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The stable name.
    pub name: String,
    /// The message.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl From<Failure> for Problem {
    fn from(f: Failure) -> Self {
        Problem {
            name: f.name,
            message: f.message,
            advice: f.advice,
        }
    }
}

impl Line {
    /// The line of a run that ended, with its `record` and `head`.
    pub fn of(run: &RunSpec, ended: Ended, record: Option<RunRecord>, head: Option<&Head>) -> Line {
        let traffic = record.as_ref().map(|r| r.traffic).unwrap_or_default();
        let comparison = record.as_ref().and_then(|r| r.comparison.as_ref());
        let pages = comparison.map_or(0, |c| c.scans.iter().map(|s| s.pages).sum());
        let mut line = Line {
            run: run.run.to_string(),
            feed: run.feed.feed.to_string(),
            outcome: "unchanged",
            sequence: 0,
            count: 0,
            added: 0,
            removed: 0,
            confirmed: 0,
            pages,
            requests: traffic.requests,
            held_reason: None,
            advice: None,
            error: None,
        };
        match ended {
            Ended::Result(output) => {
                line.outcome = match output.outcome {
                    Outcome::Published => "published",
                    Outcome::Unchanged | Outcome::Stale => "unchanged",
                    Outcome::Held => "held",
                };
                line.sequence = output.sequence;
                line.count = output.count;
                line.added = output.added;
                line.removed = output.removed;
                line.confirmed = output.confirmed;
                line.held_reason = output.held_reason.map(|r| r.as_str());
                line.advice = output.advice;
            }
            Ended::Finished => {
                // Another process did this run while this one waited for the credential.
                if let Some(record) = record {
                    line.outcome = record.state.as_str();
                    line.confirmed = record.confirmed.map_or(0, |c| c.asked);
                    if let Some(result) = record.result {
                        line.sequence = result.sequence;
                        line.count = result.count;
                        line.added = result.added;
                        line.removed = result.removed;
                    }
                }
            }
            Ended::Failed(failure) => {
                // The run failed: the published list stays.
                line.outcome = "failed";
                line.sequence = head.map_or(0, |h| h.sequence);
                line.count = head.map_or(0, |h| h.count);
                line.error = Some(failure.into());
            }
        }
        line
    }

    /// The exit code this run alone would give.
    pub fn code(&self) -> Code {
        match self.outcome {
            "held" => Code::Held,
            "failed" => Code::Failed,
            _ => Code::Ok,
        }
    }
}

/// The runs as a table, followed by the reasons of held and failed ones.
pub fn table(lines: &[Line], pairs: usize, not_due: u64) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_table(&mut text, lines, pairs, not_due);
    text
}

fn write_table(text: &mut String, lines: &[Line], pairs: usize, not_due: u64) -> std::fmt::Result {
    if lines.is_empty() {
        return writeln!(
            text,
            "nothing is due ({not_due} pairs are not due or disabled)"
        );
    }
    let width = lines.iter().map(|l| l.feed.len()).max().unwrap_or(4).max(4);
    writeln!(
        text,
        "{:width$}  {:10} {:>9} {:>7} {:>7} {:>9} {:>8}",
        "FEED", "OUTCOME", "LIVE", "ADDED", "REMOVED", "CONFIRMED", "REQUESTS"
    )?;
    for l in lines {
        writeln!(
            text,
            "{:width$}  {:10} {:>9} {:>7} {:>7} {:>9} {:>8}",
            l.feed, l.outcome, l.count, l.added, l.removed, l.confirmed, l.requests
        )?;
    }
    for l in lines {
        if let Some(reason) = l.held_reason {
            let advice = l.advice.as_deref().unwrap_or("");
            writeln!(text, "\nheld: {} ({reason})\n  {advice}", l.run)?;
        }
        if let Some(e) = &l.error {
            writeln!(
                text,
                "\nfailed: {} ({})\n  {}.\n  {}",
                l.run, e.name, e.message, e.advice
            )?;
        }
    }
    let feeds = lines.len();
    writeln!(
        text,
        "\n{pairs} pairs, {feeds} feeds; {not_due} pairs are not due or disabled"
    )
}
