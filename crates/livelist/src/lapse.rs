//! A clock that runs faster than real time, to play a month of the whole system in minutes. For tests
//! only: it refuses to run unless all MLSs are simulated ones on this machine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use livelist_model::registry::Registry;
use livelist_store::{Clock, SystemClock};

use crate::exit::Failed;

/// Starts at the current time, and runs this many times as fast.
struct Lapse {
    begun: Timestamp,
    factor: u32,
}

/// The machine's clock, or one that runs `factor` times as fast.
pub fn clock(factor: u32) -> Arc<dyn Clock> {
    if factor == 1 {
        return Arc::new(SystemClock);
    }
    Arc::new(Lapse {
        begun: SystemClock.now(),
        factor,
    })
}

#[async_trait]
impl Clock for Lapse {
    fn now(&self) -> Timestamp {
        let passed = SystemClock.now().duration_since(self.begun);
        let passed = passed
            .checked_mul(i32::try_from(self.factor).unwrap_or(i32::MAX))
            .unwrap_or(SignedDuration::MAX);
        self.begun.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        // At least a millisecond, so that a loop that waits does not spin.
        let shorter = (duration / self.factor).max(Duration::from_millis(1));
        SystemClock.sleep(shorter).await;
    }
}

/// Refuses MLSs that live in real time.
pub fn only_simulated(registry: &Registry) -> Result<(), Failed> {
    let real = registry.mls.values().find(|mls| {
        !["http://127.0.0.1:", "http://localhost:"]
            .iter()
            .any(|loopback| mls.base_url.starts_with(loopback))
    });
    match real {
        None => Ok(()),
        Some(mls) => Err(Failed::usage(format!(
            "--lapse is for simulated MLSs on this machine, and {} is none",
            mls.mls
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_minute_passes_in_a_moment() {
        let clock = clock(60_000);
        let begun = clock.now();
        clock.sleep(Duration::from_secs(60)).await;
        assert!(clock.now().duration_since(begun) >= SignedDuration::from_mins(1));
    }
}
