//! Handles SIGTERM and SIGINT: passes one request to stop to all parts of the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Failed;

/// Whether this process should stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on.
    pub fn listen() -> Result<Stop, Failed> {
        let (tell, told) = watch::channel(false);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // No receivers are left if all parts have ended.
            let _ = tell.send(true);
            tell.closed().await;
        });
        Ok(Stop(told))
    }

    /// Whether a stop was requested.
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when a stop is requested.
    pub async fn told(&self) {
        let mut told = self.0.clone();
        // The sender lives as long as there is a receiver.
        let _ = told.wait_for(|stop| *stop).await;
    }
}
