//! The commands by which operators decide: `approve`, `reject`, `pause`, `resume` and `redrive`.

use std::io::Write;

use livelist_model::FeedId;
use livelist_ops::redrive::{GivenUp, Outcome, Redriven};
use livelist_ops::rerun::{self, Starter};
use livelist_ops::{decide, pause, redrive};
use livelist_steps::Env;
use livelist_store::pauses::Paused;

use crate::cli::{PauseArgs, PutAside, RedriveArgs, ResumeArgs, RunArgs};
use crate::exit::{Code, Failed};
use crate::text::{or_none, out, table};
use crate::world::{Deployment, Place, World};

/// Who decides, as records and logs have it: the user that the environment names.
pub fn operator(environment: &[(String, String)]) -> String {
    let named = |name| environment.iter().find(|(variable, _)| variable == name);
    let user = named("LIVELIST_OPERATOR").or_else(|| named("USER"));
    let user = user.map(|(_, user)| user.as_str()).unwrap_or_default();
    let plain: String = user
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_.@".contains(*c))
        .take(64)
        .collect();
    match plain.is_empty() {
        true => "operator".to_owned(),
        false => plain,
    }
}

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

/// Asks for another run of `feed`: the worker starts it within seconds.
pub async fn rerun_on_aws(env: &Env, feed: &FeedId, by: &str) -> Result<Code, Failed> {
    let now = env.clock.now();
    let queue = Starter::Queue(env.queue.clone());
    let again = rerun::rerun(&*env.objects, &queue, feed, now, by).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "asked for {}", again.run)?;
    Ok(Code::Ok)
}

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

/// Runs `livelist redrive`.
pub async fn redrive(
    arguments: RedriveArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let wants = |queue| arguments.queue.is_none_or(|only| only == queue);
    let world = match wants(PutAside::Notices) {
        true => World::with_registry(&arguments.place, environment).await?,
        false => World::open(&arguments.place, environment).await?,
    };
    let mut redriven = Vec::new();
    match &world.place {
        Place::Aws(deployment) => {
            if wants(PutAside::Pairs) {
                redriven.extend(pairs_put_aside(&world, deployment, arguments.dry_run).await?);
            }
            if wants(PutAside::Notices) {
                redriven.extend(notices_put_aside(&world, deployment, arguments.dry_run).await?);
            }
            if wants(PutAside::Days) {
                redriven.extend(days_put_aside(&world, deployment, arguments.dry_run).await?);
            }
        }
        Place::Machine(_) if wants(PutAside::Notices) => {
            let given_up = GivenUp {
                objects: world.env.objects.clone(),
                clock: world.env.clock.clone(),
            };
            let dry = arguments.dry_run;
            let notices = redrive::notices(world.objects(), &given_up, &given_up, dry);
            redriven.extend(notices.await?);
        }
        Place::Machine(_) => {}
    }
    let mut out = out();
    if arguments.json {
        for line in &redriven {
            writeln!(out, "{}", serde_json::to_string(line)?)?;
        }
    } else if redriven.is_empty() {
        let nothing = match &world.place {
            Place::Aws(_) => "nothing was put aside",
            Place::Machine(_) => {
                "nothing was put aside. On one machine that can be notices only: it has no queues; \
                 `livelist status --trouble` tells which runs failed"
            }
        };
        writeln!(out, "{nothing}")?;
    } else {
        let rows = redriven.iter().map(|line| {
            vec![
                line.queue.as_str().to_owned(),
                or_none(line.about().as_deref()),
                line.outcome.as_str().to_owned(),
                or_none(line.was.as_deref()),
                line.now.clone(),
            ]
        });
        let titles = ["QUEUE", "ABOUT", "BECAME", "WAS PUT ASIDE FOR", "NOW"];
        out.write_all(&table(&titles, rows))?;
    }
    let kept = redriven.iter().any(|line| line.outcome == Outcome::Kept);
    Ok(if kept { Code::Held } else { Code::Ok })
}

async fn pairs_put_aside(
    world: &World,
    Deployment { clients, system }: &Deployment,
    dry: bool,
) -> Result<Vec<Redriven>, Failed> {
    let dead = clients.dead_letters(&system.dlq_url);
    Ok(redrive::pairs(world.objects(), &dead, &*world.env.queue, dry).await?)
}

async fn notices_put_aside(
    world: &World,
    Deployment { clients, system }: &Deployment,
    dry: bool,
) -> Result<Vec<Redriven>, Failed> {
    let dead = clients.dead_letters(&system.outbox_dlq_url);
    let queue = clients.queue(
        &system.outbox_url,
        &system.outbox_dlq_url,
        world.env.clock.clone(),
        world.env.entropy.clone(),
    );
    Ok(redrive::notices(world.objects(), &dead, &queue, dry).await?)
}

async fn days_put_aside(
    world: &World,
    Deployment { clients, system }: &Deployment,
    dry: bool,
) -> Result<Vec<Redriven>, Failed> {
    let Some(dead) = &system.planner_dlq_url else {
        return Ok(Vec::new());
    };
    let dead = clients.dead_letters(dead);
    Ok(redrive::days(world.objects(), &dead, &*world.env.queue, dry).await?)
}
