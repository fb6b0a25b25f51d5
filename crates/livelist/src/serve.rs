//! `livelist serve`: the whole system in one process. It starts what is due, replicates records, tells the
//! sites, removes what is old, and answers the HTTP APIs of sites and of operators, with the dashboard and links to lists
//! that this process signs.

mod descriptors;
mod in_process;
mod links;
pub mod lock;
mod look;
mod missing;
mod prometheus;
mod scheduler;
mod stop;
mod syncs;
mod work;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use livelist_api::{
    ApiState, Limits, Rate, SignedLinks, Troubles, openapi, router_with_objects, serve,
};
use livelist_model::registry::Planner;
use livelist_ops::http::{AdminState, Metrics};
use livelist_ops::progress::RunsUnderWay;
use livelist_ops::rerun::Starter;
use livelist_ops::status::Starts;
use livelist_reso::Dialects;

use livelist_store::directory::{DirectoryLeases, DirectoryObjects};
use livelist_store::registry::read_registry;
use livelist_store::{SystemClock, SystemEntropy};

use crate::cli::ServeArgs;
use crate::context::{env, open_data, open_registry};
use crate::exit::{Code, Failed};
use crate::mail::Smtp;
use crate::overlay::Overlay;
use crate::runner::Runner;
use crate::{lapse, logs, notices};

use in_process::InProcess;
use look::{Alerts, Look};
use prometheus::{Prometheus, Seen};
use stop::Stop;
use syncs::Replicator;
use work::Work;

/// More runs than this do not wait: whoever starts them comes again.
const QUEUE: usize = 10_000;
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
    let for_metrics = match arguments.metrics {
        None => None,
        Some(address) => Some(
            tokio::net::TcpListener::bind(address)
                .await
                .map_err(|e| Failed::usage(format!("cannot listen on {address}: {e}")))?,
        ),
    };
    logs::open(&arguments.data.data)?;
    descriptors::raise();
    let seen = Seen::default();
    let prometheus = Arc::new(Prometheus::new(seen.clone()));
    let work = match arguments.no_schedule {
        true => None,
        false => Some(work(&arguments, environment.clone(), prometheus.clone()).await?),
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
    let rate = Rate {
        requests: arguments.rate,
        per: Duration::from_secs(60),
    };
    let registry = &arguments.registry.registry;
    let (ports, alerts) = match &work {
        Some(work) => {
            let ports = work.runner.env.clone();
            let clock = ports.clock.clone();
            let alerts = Alerts {
                notifier: notices::notifier(
                    registry,
                    &work.data,
                    environment,
                    arguments.notify,
                    clock,
                )?,
                mailer: Smtp::default(),
                link: format!("{}/dashboard", base.trim_end_matches('/')),
            };
            (ports, Some(alerts))
        }
        None => {
            let (ports, _) = env(registry, &arguments.data.data, environment)?;
            (Arc::new(ports), None)
        }
    };
    let mut admin = AdminState::new(ports.clone());
    if let Some(work) = &work {
        admin = admin
            .starting_by(Starter::Here(work.executions.clone()))
            .watching(work.under_way.clone());
    }
    let troubles = Troubles::default();
    let metrics = Metrics {
        content_type: prometheus::CONTENT_TYPE,
        text: Arc::new(move || prometheus.text().ok()),
    };
    let admin = admin
        .with_troubles(troubles.clone())
        .with_metrics(metrics.clone());
    let state = ApiState::new(objects, links.clone(), clock.clone(), entropy)
        .with_rate(rate)
        .with_troubles(troubles.clone());
    let router = router_with_objects(state, links).merge(livelist_ops::http::router(admin.clone()));
    let mut out = std::io::stdout().lock();
    // Both at once, so that a reader of one line has the other.
    let mut told =
        format!("listening on http://{address}\ndashboard at http://{address}/dashboard\n");
    if let Some(listener) = &for_metrics {
        told.push_str(&format!(
            "metrics at http://{}/metrics\n",
            listener.local_addr()?
        ));
    }
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
    let runs: Arc<AtomicU64> = Arc::default();
    let look = Look {
        data: arguments.data.data.clone(),
        starts: match work {
            Some(_) => Starts::AtTheTime,
            None => Starts::Computed,
        },
        env: ports,
        passes: passes.unwrap_or_default(),
        runs: runs.clone(),
        troubles,
        admin: admin.clone(),
        executions: work
            .as_ref()
            .map(|work| (work.executions.clone(), work.under_way.clone())),
        seen,
        alerts,
    };
    let works = async {
        if let Some(work) = work {
            let changed = || {
                runs.fetch_add(1, Ordering::Relaxed);
                admin.run_changed();
            };
            work.go_on(stop, &changed).await;
        }
    };
    let told = stop_too.clone();
    let measured = async {
        let Some(listener) = for_metrics else {
            return;
        };
        let router = Router::new().route("/metrics", get(async move || metrics.answer()));
        let clock = lapse::clock(1);
        let end = async move { told.told().await };
        serve(listener, router, Limits::default(), clock, end).await;
    };
    let told = stop_too;
    let looked = async {
        tokio::select! {
            () = look.go_on() => {}
            () = told.told() => {}
        }
    };
    tokio::join!(answers, looks, works, looked, measured);
    tracing::info!("stopped");
    Ok(Code::Ok)
}

/// The pipeline of this process.
async fn work(
    arguments: &ServeArgs,
    environment: Vec<(String, String)>,
    metrics: Arc<Prometheus>,
) -> Result<Work, Failed> {
    let registry = &arguments.registry.registry;
    let (mut env, data) = env(registry, &arguments.data.data, environment.clone())?;
    let clock = Arc::new(SystemClock);
    let notifier = notices::notifier(registry, &data, environment, arguments.notify, clock)?;
    let executions = Arc::new(InProcess::new(env.objects.clone(), QUEUE));
    env.executions = executions.clone();
    env.metrics = metrics;
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
        under_way: RunsUnderWay::default(),
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
