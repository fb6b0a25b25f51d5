//! `livelist serve`: the HTTP APIs of sites and of operators from a directory, with the dashboard, and
//! links to lists that this process signs.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use livelist_api::{ApiState, Rate, SignedLinks, openapi, router_with_objects, serve};
use livelist_ops::http::AdminState;
use livelist_store::{Clock, SystemClock, SystemEntropy};

use crate::cli::ServeArgs;
use crate::context::{env, open_data, open_registry};
use crate::exit::{Code, Failed};
use crate::overlay::Overlay;

/// Runs `livelist serve` until it is told to stop.
pub async fn run(arguments: ServeArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let registry = open_registry(&arguments.registry.registry)?;
    let data = open_data(&arguments.data.data)?;
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .map_err(|e| Failed::usage(format!("cannot listen on {}: {e}", arguments.listen)))?;
    let address = listener.local_addr()?;
    let base = arguments
        .public_url
        .unwrap_or_else(|| format!("http://{address}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy = Arc::new(SystemEntropy);
    let links =
        SignedLinks::new(&base, clock.clone(), &*entropy).map_err(|e| Failed::internal(&e))?;
    let links = Arc::new(links);
    let objects = Arc::new(Overlay { registry, data });
    let rate = Rate {
        requests: arguments.rate,
        per: Duration::from_secs(60),
    };
    let (env, _) = env(
        &arguments.registry.registry,
        &arguments.data.data,
        environment,
    )?;
    let admin = AdminState::new(Arc::new(env));
    let state = ApiState::new(objects, links.clone(), clock.clone(), entropy).with_rate(rate);
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    out.flush()?;
    drop(out);
    let router = router_with_objects(state, links).merge(livelist_ops::http::router(admin));
    serve(listener, router, clock, stopped()).await;
    Ok(Code::Ok)
}

/// Runs `livelist openapi`.
pub fn describe() -> Result<Code, Failed> {
    std::io::stdout().lock().write_all(openapi().as_bytes())?;
    Ok(Code::Ok)
}

/// Returns when the process is told to stop.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}
