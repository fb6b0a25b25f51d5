//! `livelist replicate`: one pass of each replication, told line by line.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use livelist_model::ResourceName;
use livelist_model::registry::Replication;
use tabwriter::TabWriter;

use super::open::open;
use super::pass::{Again, How, Line, pass};
use super::progress::Progress;
use crate::cli::ReplicateArgs;
use crate::exit::{Code, Failed};

/// A pass waits for a provider that asks to wait up to this long; for longer waits it ends, and the next
/// one goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

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
    let again = again(&arguments, &replications)?;
    let progress = Progress::default();
    let clock = opened.env.clock.clone();
    let how = How {
        longest_wait: LONGEST_WAIT,
        ends: &|_| false,
        again,
        watch: &|spec, pulled| {
            if !arguments.json {
                progress.tell(spec, pulled, clock.now());
            }
        },
    };
    let mut lines = Vec::new();
    for replication in &replications {
        let done = pass(&opened, replication, &how).await.lines;
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

/// What is to be read once more.
fn again(arguments: &ReplicateArgs, replications: &[Replication]) -> Result<Option<Again>, Failed> {
    if !arguments.full && arguments.refetch.is_none() {
        return Ok(None);
    }
    let resources = replications.iter().flat_map(|r| &r.resources);
    let names: BTreeSet<&ResourceName> = resources.map(|r| &r.resource).collect();
    match &arguments.resource {
        Some(name) if !names.contains(name) => {
            return Err(Failed::usage(format!("no replication copies {name}")));
        }
        None if arguments.refetch.is_some() && names.len() > 1 => {
            return Err(Failed::usage(
                "the filter is for one resource: say for which, e.g. --resource Property",
            ));
        }
        _ => {}
    }
    Ok(Some(Again {
        resource: arguments.resource.clone(),
        filter: arguments.refetch.clone(),
    }))
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
