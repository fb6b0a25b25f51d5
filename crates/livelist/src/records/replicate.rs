//! `livelist replicate`: one pass. What changed at the MLSs goes into the logs, and from there into the
//! destinations. A feed or a destination that fails stops no other.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use livelist_destinations::Written;
use livelist_log::Log;
use livelist_model::registry::{DestinationDocument, Replication};
use livelist_model::with_causes;
use livelist_steps::records::apply::{self, Applied};
use livelist_steps::records::pull::{self, Outcome, Pulled};
use livelist_steps::records::{RecordsError, ResourceSpec};
use serde::Serialize;
use tabwriter::TabWriter;

use super::open::{Opened, open};
use crate::cli::ReplicateArgs;
use crate::exit::{Code, Failed};

/// A pass waits for a provider that asks to wait up to this long; for longer waits it ends, and the next
/// one goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// How one resource of a replication stands in one destination.
#[derive(Debug, Serialize)]
struct Line {
    replication: String,
    feed: String,
    resource: String,
    destination: String,
    outcome: &'static str,
    /// Rows that were read from the provider.
    pulled: u64,
    upserts: u64,
    removals: u64,
    unchanged: u64,
    rejected: u64,
    overflow: u64,
    /// Records that stood more than once in an expansion.
    repeated: u64,
    /// The number up to which the destination has the log.
    position: u64,
    /// How old the newest change is that cannot be in the log yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<i64>,
    requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

#[derive(Debug, Clone, Serialize)]
struct Problem {
    name: &'static str,
    message: String,
}

impl Problem {
    fn of(error: &RecordsError) -> Problem {
        Problem {
            name: error.name(),
            message: with_causes(error),
        }
    }
}

/// Runs `livelist replicate`.
pub async fn replicate(
    arguments: ReplicateArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let opened = open(&arguments.registry, &arguments.data, environment).await?;
    let replications = opened.replications(arguments.replication.as_ref())?;
    if replications.is_empty() {
        return Err(Failed::usage(
            "the registry has no enabled replication: add replications/NAME.json",
        ));
    }
    let mut lines = Vec::new();
    for replication in &replications {
        let done = one(&opened, replication, !arguments.json).await?;
        if arguments.json {
            let mut out = std::io::stdout().lock();
            for line in &done {
                writeln!(out, "{}", serde_json::to_string(line)?)?;
            }
        }
        lines.extend(done);
    }
    if !arguments.json {
        table(&lines)?;
    }
    let worst = lines.iter().map(|line| match line.outcome {
        "failed" => Code::Failed,
        "behind" | "skipped" => Code::Held,
        _ => Code::Ok,
    });
    let worst = worst.max().unwrap_or(Code::Ok);
    Ok(match opened.is_sound {
        true => worst,
        false => worst.max(Code::Usage),
    })
}

/// One pass of one replication.
async fn one(opened: &Opened, replication: &Replication, tells: bool) -> Result<Vec<Line>, Failed> {
    let env = &opened.env;
    let bits = env.entropy.bits().map_err(|e| Failed::internal(&e))?;
    let owner = format!("replicate-{}-{bits:016x}", std::process::id());
    let now = env.clock.now();
    let generation = format!("{bits:016x}");
    let name = &replication.replication;
    let mut log = Log::open(&*env.objects, name, &generation, now)
        .await
        .map_err(|e| Failed::internal(&e))?;
    let mut pulls: Vec<(ResourceSpec, Result<Pulled, Problem>)> = Vec::new();
    if let Some(mls) = opened.registry.mls.get(&replication.mls) {
        for resource in &replication.resources {
            let spec = ResourceSpec::of(name, mls, resource);
            let pulled = all(opened, &spec, &mut log, &owner, tells).await;
            // A failed pull may have left the log another one than this value knows.
            if pulled.is_err() {
                let again = Log::open(&*env.objects, name, &generation, now).await;
                log = again.map_err(|e| Failed::internal(&e))?;
            }
            let pulled = pulled.map_err(|error| Problem::of(&error));
            pulls.push((spec, pulled));
        }
    }
    let mut lines = Vec::new();
    for document in opened.destinations_of(replication) {
        let applied = apply_to(opened, &log, replication, &document).await;
        let applied = applied.map_err(|error| Problem::of(&error));
        if let Err(problem) = &applied {
            tracing::error!(
                replication = %name, destination = %document.destination,
                error = problem.name, "{}", problem.message
            );
        }
        for (spec, pulled) in &pulls {
            lines.push(line(spec, &document, pulled, &applied, env.clock.now()));
        }
    }
    Ok(lines)
}

/// Pulls until all is known, or until the provider asks for a longer wait.
async fn all(
    opened: &Opened,
    spec: &ResourceSpec,
    log: &mut Log<'_>,
    owner: &str,
    tells: bool,
) -> Result<Pulled, RecordsError> {
    let mut sum: Option<Pulled> = None;
    loop {
        let next = pull::pull(&opened.env, spec, log, owner).await?;
        let next = match sum {
            None => next,
            Some(before) => before.and(next),
        };
        if tells && std::io::stderr().is_terminal() {
            progress(spec, &next);
        }
        match next.outcome {
            Outcome::Throttled(wait) if wait <= LONGEST_WAIT => {
                opened.env.clock.sleep(wait).await;
            }
            Outcome::More => {}
            Outcome::Done | Outcome::Busy | Outcome::Throttled(_) => return Ok(next),
        }
        sum = Some(next);
    }
}

fn progress(spec: &ResourceSpec, pulled: &Pulled) {
    let Some((rows, count)) = pulled.under_way else {
        return;
    };
    let of = count
        .map(|count| format!(" of {count}"))
        .unwrap_or_default();
    let mut err = std::io::stderr().lock();
    // Nobody misses a line of progress.
    let _ = writeln!(
        err,
        "{} {}: {rows}{of} rows",
        spec.replication,
        spec.resource()
    );
}

async fn apply_to(
    opened: &Opened,
    log: &Log<'_>,
    replication: &Replication,
    document: &DestinationDocument,
) -> Result<Applied, RecordsError> {
    let mut destination = opened.destination(document, &replication.mls).await?;
    let clock = opened.env.clock.clone();
    let now = move || clock.now();
    let name = replication.replication.as_str();
    apply::apply(log, name, &mut *destination, &now).await
}

fn line(
    spec: &ResourceSpec,
    document: &DestinationDocument,
    pulled: &Result<Pulled, Problem>,
    applied: &Result<Applied, Problem>,
    now: jiff::Timestamp,
) -> Line {
    let did = pulled.as_ref().ok();
    let written = applied.as_ref().ok();
    let written = written.and_then(|applied| applied.written.get(spec.resource()));
    let written: Written = written.copied().unwrap_or_default();
    let error = pulled.as_ref().err().or(applied.as_ref().err()).cloned();
    let outcome = match (&error, did.map(|did| &did.outcome)) {
        (Some(_), _) => "failed",
        (None, Some(Outcome::Busy)) => "skipped",
        (None, Some(Outcome::Throttled(_) | Outcome::More)) => "behind",
        _ if written.upserts + written.removals + written.rejected > 0 => "applied",
        _ => "unchanged",
    };
    let settled = did.and_then(|did| did.settled);
    Line {
        replication: spec.replication.to_string(),
        feed: spec.feed.feed.to_string(),
        resource: spec.resource().to_owned(),
        destination: document.destination.to_string(),
        outcome,
        pulled: did.map_or(0, |did| did.rows),
        upserts: written.upserts,
        removals: written.removals,
        unchanged: written.unchanged,
        rejected: written.rejected + did.map_or(0, |did| did.rejected),
        overflow: written.overflow,
        repeated: written.repeated,
        position: applied.as_ref().map_or(0, |applied| applied.position),
        lag_seconds: settled.map(|at| now.duration_since(at).as_secs().max(0)),
        requests: did.map_or(0, |did| did.requests),
        error,
    }
}

fn table(lines: &[Line]) -> Result<(), Failed> {
    let mut out = TabWriter::new(std::io::stdout().lock())
        .minwidth(1)
        .padding(1);
    writeln!(
        out,
        "REPLICATION\tRESOURCE\tDESTINATION\tOUTCOME\tPULLED\tUPSERTS\tREMOVALS\tREJECTED\tPOSITION\tREQUESTS"
    )?;
    for line in lines {
        writeln!(
            out,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            line.replication,
            line.resource,
            line.destination,
            line.outcome,
            line.pulled,
            line.upserts,
            line.removals,
            line.rejected,
            line.position,
            line.requests
        )?;
    }
    for line in lines {
        if let Some(error) = &line.error {
            let whom = format!(
                "{} {} → {}",
                line.replication, line.resource, line.destination
            );
            writeln!(out, "{whom}: {}: {}", error.name, error.message)?;
        }
    }
    out.flush()?;
    Ok(())
}
