//! `livelist diff` and `why`: what changed, and where a listing went.

use std::io::Write;

use livelist_ops::{diff, removals, why};

use crate::cli::{DiffArgs, WhyArgs};
use crate::exit::{Code, Failed};
use crate::text::{or_none, out, since};
use crate::world::World;

/// Runs `livelist diff`.
pub async fn diff(arguments: DiffArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let world = World::open(&arguments.place, environment).await?;
    if arguments.held {
        return held(&world, &arguments).await;
    }
    let (from, to) = (arguments.from.as_deref(), arguments.to.as_deref());
    let diff = diff::diff(world.objects(), &arguments.feed, from, to).await?;
    let mut out = out();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&diff)?)?;
        return Ok(Code::Ok);
    }
    for key in &diff.removed {
        writeln!(out, "-{key}")?;
    }
    for key in &diff.added {
        writeln!(out, "+{key}")?;
    }
    out.flush()?;
    // Only the keys are on standard output, so that they can be piped.
    writeln!(
        std::io::stderr(),
        "{} to {}: {} added, {} removed",
        diff.from,
        diff.to,
        diff.added_count,
        diff.removed_count
    )?;
    Ok(Code::Ok)
}

/// The keys that a held result would remove.
async fn held(world: &World, arguments: &DiffArgs) -> Result<Code, Failed> {
    let run = removals::waiting(world.objects(), &arguments.feed).await?;
    let told = removals::removals(world.objects(), &run, usize::MAX).await?;
    let mut out = out();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&told)?)?;
    } else if arguments.csv {
        write!(out, "{}", told.csv())?;
    } else {
        for key in &told.keys {
            writeln!(out, "-{key}")?;
        }
    }
    out.flush()?;
    writeln!(
        std::io::stderr(),
        "{run} waits: {} would be removed",
        told.count
    )?;
    Ok(Code::Ok)
}

/// Runs `livelist why`.
pub async fn why(arguments: WhyArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let world = World::open(&arguments.place, environment).await?;
    let why = why::why(world.objects(), &arguments.feed, &arguments.key).await?;
    let now = world.env.clock.now();
    let mut out = out();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&why)?)?;
        return Ok(Code::Ok);
    }
    writeln!(out, "{}", why.summary)?;
    for change in why.came.iter().chain(&why.went) {
        if let Some(run) = &change.run {
            writeln!(out, "  livelist show {run}")?;
        }
    }
    let has = why.snapshots.iter().filter(|snapshot| snapshot.has).count();
    writeln!(
        out,
        "It is in {has} of the last {} versions:",
        why.snapshots.len()
    )?;
    for snapshot in &why.snapshots {
        let mark = if snapshot.has { "has it" } else { "-" };
        writeln!(out, "  {}  {mark}", snapshot.version)?;
    }
    for site in &why.sites {
        let knows = match (site.knows, &site.version) {
            (true, _) => "knows",
            (false, None) => "has told nothing",
            (false, Some(_)) => {
                "worked with a version that says something else, or is too old to tell"
            }
        };
        let at = or_none(site.at.map(|at| since(at, now)));
        writeln!(out, "The site of {} {knows} (last ack {at})", site.client)?;
    }
    Ok(Code::Ok)
}
