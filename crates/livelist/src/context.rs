//! The environment of the steps on one machine: directories, the system's clock, local secrets.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use livelist_reso::HttpTransport;
use livelist_steps::{Env, Limits};
use livelist_store::directory::{DirectoryLeases, DirectoryObjects};
use livelist_store::outbox::ObjectOutbox;
use livelist_store::sealer::ProcessSealer;
use livelist_store::secrets::LocalSecrets;
use livelist_store::{Clock, SystemClock, SystemEntropy};

use crate::exit::Failed;
use crate::overlay::Overlay;

/// A scan task ends and hands on after this time. Nothing limits a task here, but people like to see
/// progress.
const TASK_TIME: Duration = Duration::from_secs(2);
/// A run that waits for another process's credential asks again after this time.
const BUSY_WAIT: Duration = Duration::from_secs(2);

/// Opens the data directory of an existing installation.
pub fn open_data(data: &Path) -> Result<DirectoryObjects, Failed> {
    if !data.is_dir() {
        return Err(Failed::usage(format!(
            "{} is not a directory. Run `livelist reconcile --registry DIR --data {}` first",
            data.display(),
            data.display()
        )));
    }
    Ok(DirectoryObjects::open(data)?)
}

/// Checks that `registry` is a registry's directory.
pub fn open_registry(registry: &Path) -> Result<DirectoryObjects, Failed> {
    if !registry.join("mls").is_dir() {
        return Err(Failed::usage(format!(
            "{} holds no folder `mls`. Give the directory with `mls/` and `clients/`",
            registry.display()
        )));
    }
    Ok(DirectoryObjects::reading(registry))
}

/// The ports on one machine.
pub fn env(
    registry: &Path,
    data: &Path,
    environment: Vec<(String, String)>,
) -> Result<(Env, DirectoryObjects), Failed> {
    let objects = DirectoryObjects::open(data)?;
    let outbox = ObjectOutbox::new(Arc::new(objects.clone()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let overlay = Overlay {
        registry: DirectoryObjects::reading(registry),
        data: objects.clone(),
    };
    let env = Env {
        leases: Arc::new(DirectoryLeases::open(data, clock.clone())?),
        secrets: Arc::new(LocalSecrets::new(environment, registry.to_owned())),
        sealer: Arc::new(ProcessSealer::new()?),
        outbox: Arc::new(outbox),
        limits: Limits {
            task_time: TASK_TIME,
            busy_wait: BUSY_WAIT,
            ..Limits::default()
        },
        // One process sends itself no messages and starts no executions.
        ..Env::over(
            Arc::new(overlay),
            clock,
            Arc::new(SystemEntropy),
            Arc::new(HttpTransport::new()),
        )
    };
    Ok((env, objects))
}
