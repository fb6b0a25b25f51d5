//! Time and randomness as the client needs them, passed in by the caller.

use std::time::Duration;

use async_trait::async_trait;

/// The time, waiting, and a lot to draw, for spreading retries.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Now.
    fn now(&self) -> jiff::Timestamp;
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
    /// Returns when `duration` has passed, to time out an operation. A simulated clock on which nobody waits
    /// never times out: this never returns.
    async fn patience_ends(&self, duration: Duration) {
        let _ = duration;
        std::future::pending().await
    }
    /// A number from 0 (included) to 1 (excluded).
    fn fraction(&self) -> f64;
}
