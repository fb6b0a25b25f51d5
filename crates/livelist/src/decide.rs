//! `livelist approve`, `livelist reject` and `livelist cancel`: decide on a held result, end a run.

use std::io::Write;

use livelist_ops::{cancel, decide};

use crate::cli::RunArgs;
use crate::exit::{Code, Failed};
use crate::world::{Place, World, operator};

/// Runs `livelist approve`.
pub async fn approve(
    arguments: RunArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let by = operator(&environment);
    let world = World::open(&arguments.place, environment).await?;
    let approved = decide::approve(&world.env, &arguments.run, &by).await?;
    let version = approved.version.as_deref().unwrap_or("none");
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "published {version}: {} keys, {} added, {} removed",
        approved.count, approved.added, approved.removed
    )?;
    Ok(Code::Ok)
}

/// Runs `livelist cancel`.
pub async fn cancel(
    arguments: RunArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let by = operator(&environment);
    let world = World::open(&arguments.place, environment).await?;
    let cancelled = cancel::cancel(&world.env, &arguments.run, &by).await?;
    let mut out = std::io::stdout().lock();
    let run = &cancelled.run;
    match world.place {
        Place::Machine(_) => writeln!(
            out,
            "cancelled {run}; it stops within seconds, and the list stays"
        )?,
        Place::Aws(_) => writeln!(
            out,
            "cancelled {run}; its execution ends behind the task that is under way, and the list stays"
        )?,
    }
    Ok(Code::Ok)
}

/// Runs `livelist reject`.
pub async fn reject(
    arguments: RunArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let by = operator(&environment);
    let world = World::open(&arguments.place, environment).await?;
    let now = world.env.clock.now();
    decide::reject(world.objects(), &arguments.run, &by, now).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "rejected {}; the head stays", arguments.run)?;
    Ok(Code::Ok)
}
