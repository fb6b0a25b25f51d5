//! `livelist pause` and `livelist resume`: an MLS or a client starts no runs for a while.

use std::io::Write;

use livelist_ops::pause;
use livelist_store::pauses::Paused;

use crate::cli::{PauseArgs, ResumeArgs};
use crate::exit::{Code, Failed};
use crate::world::{World, operator};

fn paused(name: &str, is_client: bool) -> Result<Paused, Failed> {
    Ok(match is_client {
        true => Paused::Client(name.parse().map_err(Failed::usage)?),
        false => Paused::Mls(name.parse().map_err(Failed::usage)?),
    })
}

/// Runs `livelist pause`.
pub async fn pause(
    arguments: PauseArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let by = operator(&environment);
    let what = paused(&arguments.name, arguments.client)?;
    let world = World::with_registry(&arguments.place, environment).await?;
    let now = world.env.clock.now();
    let new = pause::pause(world.objects(), &what, arguments.reason, &by, now).await?;
    let mut out = std::io::stdout().lock();
    let name = &arguments.name;
    match new {
        true => writeln!(
            out,
            "{name} is paused; what is published stays and is served"
        )?,
        false => writeln!(out, "{name} was paused already")?,
    }
    Ok(Code::Ok)
}

/// Runs `livelist resume`.
pub async fn resume(
    arguments: ResumeArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let by = operator(&environment);
    let what = paused(&arguments.name, arguments.client)?;
    let world = World::open(&arguments.place, environment).await?;
    let now = world.env.clock.now();
    let resumed = pause::resume(world.objects(), &what, &by, now).await?;
    let mut out = std::io::stdout().lock();
    let name = &arguments.name;
    match resumed.was_paused {
        true => writeln!(out, "{name} goes on with the next run that is due")?,
        false => writeln!(out, "{name} was not paused")?,
    }
    if resumed.had_to_wait {
        writeln!(
            out,
            "the provider had asked to wait; that is forgotten, and a run that waits goes on within \
             five minutes"
        )?;
    }
    Ok(Code::Ok)
}
