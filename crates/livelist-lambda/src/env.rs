//! The steps' environment on AWS. Built once, before the first event; connections are opened when they are
//! needed.

use std::sync::Arc;

use livelist_aws::{AwsClients, Place};
use livelist_reso::HttpTransport;
use livelist_steps::watch::Watch;
use livelist_steps::{Env, Limits};
use livelist_store::sealer::ProcessSealer;
use livelist_store::{
    Absent, Clock, Entropy, Executions, Metrics, NoMetrics, Objects, Outbox, Queue, Sealer,
    SystemClock, SystemEntropy,
};

use crate::config::{Config, Function};
use crate::emf::Emf;

/// The environment that `config` describes.
pub async fn build(config: &Config) -> Env {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let watch = Arc::new(Watch::default());
    let clients = AwsClients::new(Place::Environment).await.hearing({
        let (watch, clock) = (watch.clone(), clock.clone());
        Arc::new(move |date: &str| watch.storage_says(&*clock, date))
    });
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let objects: Arc<dyn Objects> = Arc::new(clients.objects(&config.bucket, entropy.clone()));
    let queue: Arc<dyn Queue> = match (&config.queue_url, &config.dead_letter_url) {
        (Some(url), Some(dead)) => {
            Arc::new(clients.queue(url, dead, clock.clone(), entropy.clone()))
        }
        _ => Arc::new(Absent("LIVELIST_QUEUE_URL or LIVELIST_DLQ_URL")),
    };
    let outbox: Arc<dyn Outbox> = match &config.outbox_url {
        Some(url) => Arc::new(clients.outbox(url, clock.clone(), entropy.clone())),
        None => Arc::new(Absent("LIVELIST_OUTBOX_URL")),
    };
    let executions: Arc<dyn Executions> = match &config.machine_arn {
        Some(arn) => Arc::new(clients.executions(arn)),
        None => Arc::new(Absent("LIVELIST_MACHINE_ARN")),
    };
    let sealer: Arc<dyn Sealer> = match (&config.key_id, config.function) {
        (Some(id), _) => Arc::new(clients.sealer(id)),
        // A sync is one call: its token does not leave the process.
        (None, Function::Pull) => match ProcessSealer::new() {
            Ok(sealer) => Arc::new(sealer),
            Err(_) => Arc::new(Absent("the system's randomness")),
        },
        (None, _) => Arc::new(Absent("LIVELIST_KEY_ID")),
    };
    let metrics: Arc<dyn Metrics> = match &config.metrics {
        Some(namespace) => Arc::new(Emf::new(
            namespace.clone(),
            config.metrics_per_mls,
            Box::new(std::io::stdout()),
        )),
        None => Arc::new(NoMetrics),
    };
    Env {
        secrets: Arc::new(clients.secrets()),
        sealer,
        queue,
        outbox,
        executions,
        metrics,
        watch,
        limits: limits(config),
        ..Env::over(objects, clock, entropy, Arc::new(HttpTransport::new()))
    }
}

/// The default limits, with the changes of the environment.
fn limits(config: &Config) -> Limits {
    let usual = Limits::default();
    Limits {
        task_time: config.scan_time,
        pairs_a_second: config.pairs_a_second.unwrap_or(usual.pairs_a_second),
        ..usual
    }
}
