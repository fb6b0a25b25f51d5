//! `livelist serve`: the whole system in one process. It starts what is due, replicates records, tells the
//! sites, removes what is old, and answers the HTTP APIs of sites and of operators, with the dashboard and links to lists
//! that this process signs.

mod descriptors;
mod in_process;
mod links;
pub mod lock;
mod missing;
mod scheduler;
mod stop;
mod syncs;
mod work;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use livelist_api::{
    ApiState, Limits, Rate, SignedLinks, Troubles, openapi, router_with_objects, serve,
};
use livelist_model::registry::Planner;
use livelist_ops::http::AdminState;
use livelist_ops::rerun::Starter;
use livelist_ops::{OpsError, copies};
use livelist_reso::Dialects;

use livelist_store::directory::{DirectoryLeases, DirectoryObjects};
use livelist_store::pauses::read_unpaused_with_records;
use livelist_store::registry::read_registry;
use livelist_store::{Clock, Objects, SystemClock, SystemEntropy};

use crate::cli::ServeArgs;
use crate::context::{env, open_data, open_registry};
use crate::exit::{Code, Failed};
use crate::overlay::Overlay;
use crate::runner::Runner;
use crate::{disk, lapse, logs, notices};

use in_process::InProcess;
use stop::Stop;
use syncs::Replicator;
use work::Work;

/// More runs than this do not wait: whoever starts them comes again.
const QUEUE: usize = 10_000;
/// How often somebody looks what is wrong with the machine.
const LOOK: Duration = Duration::from_secs(5);
/// With every so manieth look it is looked how the copies of records stand: once a minute.
const LOOKS_FOR_COPIES: u64 = 12;
/// How often the registry is read, though nothing is due.
const POLL: Duration = Duration::from_secs(60);

/// Runs `livelist serve` until it is told to stop.
pub async fn run(arguments: ServeArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let stop = Stop::listen()?;
    let registry = open_registry(&arguments.registry.registry)?;
    let data = match arguments.no_schedule {
        true => open_data(&arguments.data.data)?,
        false => DirectoryObjects::open(&arguments.data.data)?,
    };
    // Held until the process ends.
    let _lock = match arguments.no_schedule {
        true => None,
        false => Some(lock::take(&arguments.data.data)?),
    };
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .map_err(|e| Failed::usage(format!("cannot listen on {}: {e}", arguments.listen)))?;
    let address = listener.local_addr()?;
    logs::open(&arguments.data.data)?;
    descriptors::raise();
    let work = match arguments.no_schedule {
        true => None,
        false => Some(work(&arguments, environment.clone()).await?),
    };
    let base = arguments
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let clock = lapse::clock(arguments.lapse);
    let entropy = Arc::new(SystemEntropy);
    let key = links::key(&arguments.data.data, &*entropy)?;
    let links = Arc::new(SignedLinks::with_key(&base, clock.clone(), &key));
    let objects = Arc::new(Overlay { registry, data });
    let known = objects.clone();
    let rate = Rate {
        requests: arguments.rate,
        per: Duration::from_secs(60),
    };
    let admin = match &work {
        Some(work) => AdminState::new(work.runner.env.clone())
            .starting_by(Starter::Here(work.executions.clone())),
        None => {
            let registry = &arguments.registry.registry;
            let (env, _) = env(registry, &arguments.data.data, environment)?;
            AdminState::new(Arc::new(env))
        }
    };
    let troubles = Troubles::default();
    let admin = admin.with_troubles(troubles.clone());
    let state = ApiState::new(objects, links.clone(), clock.clone(), entropy)
        .with_rate(rate)
        .with_troubles(troubles.clone());
    let router = router_with_objects(state, links).merge(livelist_ops::http::router(admin.clone()));
    let mut out = std::io::stdout().lock();
    // Both at once, so that a reader of one line has the other.
    let told = format!("listening on http://{address}\ndashboard at http://{address}/dashboard\n");
    out.write_all(told.as_bytes())?;
    out.flush()?;
    drop(out);
    tracing::info!(%address, schedule = work.is_some(), "serving");
    let told = stop.clone();
    let limits = Limits {
        trusted_proxies: arguments.trusted_proxy.clone(),
        ..Limits::default()
    };
    let answers = serve(
        listener,
        router,
        limits,
        clock,
        async move { told.told().await },
    );
    let (told, stop_too) = (stop.clone(), stop.clone());
    let looks = async {
        tokio::select! {
            () = admin.look_ahead() => {}
            () = told.told() => {}
        }
    };
    let passes = work.as_ref().map(|work| work.replicator.passes.clone());
    let works = async {
        if let Some(work) = work {
            work.go_on(stop, &|| admin.run_changed()).await;
        }
    };
    let told = stop_too;
    let passes = passes.unwrap_or_default();
    let troubled = async {
        tokio::select! {
            () = look_after(&arguments.data.data, &*known, &passes, &troubles, &admin) => {}
            () = told.told() => {}
        }
    };
    tokio::join!(answers, looks, works, troubled);
    tracing::info!("stopped");
    Ok(Code::Ok)
}

/// Looks again and again what is wrong with the machine, and with the copies of records.
async fn look_after(
    data: &Path,
    objects: &dyn Objects,
    passes: &AtomicU64,
    troubles: &Troubles,
    admin: &AdminState,
) {
    let mut of_copies = Vec::new();
    let mut seen = 0;
    for nth in 0_u64.. {
        let place = data.to_owned();
        // A task that was lost says nothing.
        let found = tokio::task::spawn_blocking(move || disk::troubles(&place)).await;
        let mut found = found.unwrap_or_default();
        let ended = passes.load(Ordering::Relaxed);
        // What was wrong may be mended by a pass.
        let may_be_mended = !of_copies.is_empty() && ended != seen;
        if nth % LOOKS_FOR_COPIES == 0 || may_be_mended {
            seen = ended;
            match copies_in_trouble(objects).await {
                Ok(told) => of_copies = told,
                Err(error) => tracing::warn!(%error, "how the copies stand could not be read"),
            }
        }
        found.extend(of_copies.clone());
        if troubles.found(found.clone()) {
            for trouble in found {
                tracing::error!("{trouble}");
            }
            admin.run_changed();
        }
        SystemClock.sleep(LOOK).await;
    }
}

async fn copies_in_trouble(objects: &dyn Objects) -> Result<Vec<String>, OpsError> {
    let (registry, _) = read_unpaused_with_records(objects, &Dialects).await?;
    let copies = copies::read(objects, &registry, SystemClock.now()).await?;
    Ok(copies::troubles(&copies))
}

/// The pipeline of this process.
async fn work(arguments: &ServeArgs, environment: Vec<(String, String)>) -> Result<Work, Failed> {
    let registry = &arguments.registry.registry;
    let (mut env, data) = env(registry, &arguments.data.data, environment.clone())?;
    let notifier = notices::notifier(registry, &data, environment, arguments.notify)?;
    let executions = Arc::new(InProcess::new(env.objects.clone(), QUEUE));
    env.executions = executions.clone();
    env.limits.planner = Planner::AtTheTime;
    let factor = arguments.lapse;
    if factor > 1 {
        let (registry, _) = read_registry(&*env.objects, &Dialects).await?;
        lapse::only_simulated(&registry)?;
        env.clock = lapse::clock(factor);
        env.leases = Arc::new(DirectoryLeases::open(
            &arguments.data.data,
            env.clock.clone(),
        )?);
        env.limits.task_time *= factor;
        env.limits.lease_ttl *= factor;
    }
    let days = u32::from(arguments.retention_days);
    let poll = POLL * if factor > 1 { 60 } else { 1 };
    let env = Arc::new(env);
    let replicator = Replicator::new(
        env.clone(),
        executions.clone(),
        arguments.data.data.clone(),
        [u32::from(arguments.jobs), arguments.grace],
        poll,
    );
    Ok(Work {
        runner: Arc::new(Runner::new(env)?),
        executions,
        replicator: Arc::new(replicator),
        missing: Arc::default(),
        notifier,
        data,
        jobs: usize::from(arguments.jobs),
        grace: Duration::from_secs(u64::from(arguments.grace)),
        // What is old is told by the files' own times.
        retention: Duration::from_secs(24 * 3_600) * days / factor,
        poll,
    })
}

/// Runs `livelist openapi`.
pub fn describe() -> Result<Code, Failed> {
    std::io::stdout().lock().write_all(openapi().as_bytes())?;
    Ok(Code::Ok)
}
