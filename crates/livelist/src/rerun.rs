//! `livelist rerun`: another run of one feed. On one machine in this process, on AWS through the queue.

use std::io::Write;

use livelist_model::FeedId;
use livelist_ops::rerun::{self, Starter};
use livelist_reso::Dialects;
use livelist_steps::Env;
use livelist_store::registry::read_registry;

use crate::cli::RerunArgs;
use crate::exit::{Code, Failed};
use crate::reconcile::Shared;
use crate::report::table;
use crate::world::{Place, World, operator};
use crate::{logs, notices};

/// Runs `livelist rerun`: on one machine in this process.
pub async fn run(arguments: RerunArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let by = operator(&environment);
    let World { env, place } = World::with_registry(&arguments.place, environment.clone()).await?;
    let machine = match place {
        Place::Machine(machine) => machine,
        Place::Aws(_) => return on_aws(&env, &arguments.feed, &by).await,
    };
    logs::open(machine.data.root())?;
    let (run, _) = rerun::prepare(&*env.objects, &arguments.feed, env.clock.now()).await?;
    let shared = Shared::new(env, arguments.json)?;
    let line = shared.reconcile(run).await;
    let mut out = std::io::stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&line)?)?,
        false => write!(out, "{}", table(std::slice::from_ref(&line), 1, 0))?,
    }
    drop(out);
    let registry = machine.registry.unwrap_or_default();
    let clock = std::sync::Arc::new(livelist_store::SystemClock);
    let notifier = notices::notifier(
        &registry,
        &machine.data,
        environment,
        arguments.notify,
        clock,
    )?;
    let objects = &*shared.runner.env.objects;
    let (known, _) = read_registry(objects, &Dialects).await?;
    notices::tell(&notifier, &machine.data, &known, false).await?;
    Ok(line.code())
}

/// On AWS: asks for another run of `feed`: the worker starts it within seconds.
async fn on_aws(env: &Env, feed: &FeedId, by: &str) -> Result<Code, Failed> {
    let now = env.clock.now();
    let queue = Starter::Queue(env.queue.clone());
    let again = rerun::rerun(&*env.objects, &queue, feed, now, by).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "asked for {}", again.run)?;
    Ok(Code::Ok)
}
