//! `livelist approve` and `livelist reject`: decide on a held result.

use std::io::Write;

use livelist_ops::decide;

use crate::cli::RunArgs;
use crate::exit::{Code, Failed};
use crate::world::{World, operator};

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

/// Runs `livelist reject`.
pub async fn reject(
    arguments: RunArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let by = operator(&environment);
    let world = World::open(&arguments.place, environment).await?;
    decide::reject(world.objects(), &arguments.run, &by).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "rejected {}; the head stays", arguments.run)?;
    Ok(Code::Ok)
}
