//! `livelist redrive`: processes the dead-letter queues again.

use std::io::Write;

use livelist_ops::redrive::{self, GivenUp, Outcome, Redriven};

use crate::cli::{PutAside, RedriveArgs};
use crate::exit::{Code, Failed};
use crate::text::{or_none, out, table};
use crate::world::{Deployment, Place, World};

/// Runs `livelist redrive`.
pub async fn run(
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
