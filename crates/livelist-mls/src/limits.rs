//! Documented rate limits, counted in fixed windows of the MLS's time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::{Clock, SystemClock};

/// The windows of one MLS, shortest first, and its clock.
pub(crate) struct Limits {
    windows: Vec<Window>,
    clock: Arc<dyn Clock>,
}

pub(crate) struct Window {
    length: Duration,
    pub most: u64,
    began: Option<Instant>,
    used: u64,
}

impl Limits {
    /// Windows of this many seconds with this many requests each; `lowered` replaces the limit of the
    /// first.
    pub fn new(windows: &[(u64, u64)], lowered: Option<u64>) -> Self {
        let window = |(at, &(seconds, most)): (usize, &(u64, u64))| Window {
            length: Duration::from_secs(seconds),
            most: lowered
                .filter(|_| at == 0)
                .map_or(most, |low| low.min(most)),
            began: None,
            used: 0,
        };
        Self {
            windows: windows.iter().enumerate().map(window).collect(),
            clock: Arc::new(SystemClock),
        }
    }

    /// The same windows by another clock.
    pub fn by(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The calendar clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock that windows are counted by.
    pub fn instant(&self) -> Instant {
        self.clock.instant()
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The time until the exceeded window ends.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let mut over = Ok(());
        for window in &mut self.windows {
            if window.left_of_it(now).is_zero() {
                window.began = Some(now);
                window.used = 0;
            }
            window.used += 1;
            if window.used > window.most {
                over = Err(window.left_of_it(now));
            }
        }
        over
    }

    pub fn window(&self, at: usize) -> Option<&Window> {
        self.windows.get(at)
    }
}

impl Window {
    pub fn left_of_it(&self, now: Instant) -> Duration {
        match self.began {
            Some(began) => (began + self.length).saturating_duration_since(now),
            None => Duration::ZERO,
        }
    }

    /// Requests that are still free.
    pub fn free(&self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_third_request_of_a_second_waits_for_the_next() {
        let mut limits = Limits::new(&[(1, 5), (3600, 7200)], Some(2));
        let now = clock::instant();
        assert!(limits.take(now).is_ok() && limits.take(now).is_ok());
        let half = now + Duration::from_millis(500);
        assert_eq!(limits.take(half), Err(Duration::from_millis(500)));
        assert!(limits.take(now + Duration::from_secs(1)).is_ok());
        assert_eq!(limits.window(1).map(Window::free), Some(7196));
    }
}
