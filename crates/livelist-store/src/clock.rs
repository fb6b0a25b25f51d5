//! The ports to time and randomness. Nothing else reads the wall clock, sleeps or draws random
//! numbers.

use std::time::Duration;

use async_trait::async_trait;

/// The time, and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> jiff::Timestamp;
    /// The time since some fixed instant, by a monotonic clock that also runs while the machine sleeps. `None`
    /// for simulated time, which cannot be compared with other sources.
    fn passed(&self) -> Option<Duration> {
        None
    }
    /// Returns after `duration`. A test's clock may jump and return at once.
    async fn sleep(&self, duration: Duration);
    /// Returns when `duration` has passed, to time out an operation. A simulated clock on which nobody waits
    /// never times out: this never returns.
    async fn patience_ends(&self, duration: Duration) {
        let _ = duration;
        std::future::pending().await
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port's implementation"
    )]
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn passed(&self) -> Option<Duration> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let id = rustix::time::ClockId::Boottime;
        // On other systems this clock also runs during a suspend.
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let id = rustix::time::ClockId::Monotonic;
        let passed = rustix::time::clock_gettime(id);
        Duration::try_from(passed).ok()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port's implementation"
    )]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn patience_ends(&self, duration: Duration) {
        self.sleep(duration).await;
    }
}

/// Randomness.
pub trait Entropy: Send + Sync {
    /// 64 random bits, good enough for keys.
    fn bits(&self) -> Result<u64, crate::StoreError>;

    /// A number from 0 (included) to 1 (excluded), for jitter; 0 if there is no entropy.
    fn fraction(&self) -> f64 {
        self.bits()
            .map_or(0.0, |bits| (bits >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bits(&self) -> Result<u64, crate::StoreError> {
        getrandom::u64().map_err(|e| crate::StoreError::unavailable("the system's randomness", e))
    }
}
