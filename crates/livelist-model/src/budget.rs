//! Request budgets: how much was asked of a provider lately, and whether the next request fits the
//! rate limits. Pure bookkeeping over given times. The steps store the ledger, so that a budget holds
//! across the tasks of a run and across the runs of a day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::instant;
use crate::registry::{LONGEST_WINDOW, Limit, Measure};
use crate::wait::ToldWait;

/// The requests to a provider with one credential in the last day.
///
/// Older entries have coarser times (2 s, a minute, ten minutes), so a day of requests takes a few hundred
/// entries. An entry counts as long as any part of it is inside a window, so errors are on the safe side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// In the order of their times.
    entries: Vec<Entry>,
    /// How long the provider said to wait, the last time that it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<ToldWait>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Milliseconds since 1970, the first and the last request.
    from: i64,
    to: i64,
    requests: u64,
    bytes: u64,
}

impl Entry {
    /// When its last request was.
    fn believed(&self, now: jiff::Timestamp) -> i64 {
        let to = jiff::Timestamp::from_millisecond(self.to);
        to.map_or(now, |to| instant::believed(to, now))
            .as_millisecond()
    }
}

/// Windows up to this length are kept by spacing requests evenly, not by counting. A burst at the edge of
/// two short windows makes providers suspend a token.
const SPACED: u32 = 10;
/// Milliseconds to spread a second's requests over: a tenth more, as clocks differ.
const PACE: u64 = 1_100;

impl Ledger {
    /// Records a request at `now`, with the bytes of its answer so far.
    pub fn note(&mut self, now: jiff::Timestamp, requests: u64, bytes: u64) {
        self.believe(now);
        let at = now.as_millisecond();
        match self.entries.last_mut() {
            // A clock that went back must not delete entries.
            Some(last) if at < last.from + grain(0) => {
                last.to = last.to.max(at);
                last.requests = last.requests.saturating_add(requests);
                last.bytes = last.bytes.saturating_add(bytes);
            }
            _ => self.entries.push(Entry {
                from: at,
                to: at,
                requests,
                bytes,
            }),
        }
    }

    /// Adds the entries of another ledger.
    pub fn add(&mut self, other: &Ledger) {
        self.entries.extend_from_slice(&other.entries);
        self.entries.sort_by_key(|e| (e.from, e.to));
        if let Some(told) = other.told {
            self.note_wait(told);
        }
    }

    /// Records a wait that the provider asked for. Of two waits, the later end counts.
    pub fn note_wait(&mut self, told: ToldWait) {
        self.told = Some(self.told.map_or(told, |before| before.later(told)));
    }

    /// Takes the provider's word out; says whether there was one that is still on.
    pub fn forget_wait(&mut self, now: jiff::Timestamp) -> bool {
        self.told
            .take()
            .is_some_and(|told| told.until(now).is_some())
    }

    /// The provider's word to wait, while it is on.
    pub fn told(&self, now: jiff::Timestamp) -> Option<ToldWait> {
        self.told.filter(|told| told.until(now).is_some())
    }

    /// Corrects entries from the future, which a wrong clock wrote: the requests count, but as of now.
    pub fn believe(&mut self, now: jiff::Timestamp) {
        // They are in order: the last ones at most are from the future.
        for entry in self.entries.iter_mut().rev() {
            let to = entry.believed(now);
            if to == entry.to {
                break;
            }
            entry.from = entry.from.min(to);
            entry.to = to;
        }
    }

    /// Deletes entries that no window reaches, and joins old entries.
    pub fn compact(&mut self, now: jiff::Timestamp) {
        self.believe(now);
        self.told = self.told(now);
        let now = now.as_millisecond();
        let oldest = now - i64::from(LONGEST_WINDOW) * 1_000;
        let mut kept: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for entry in self.entries.drain(..).filter(|e| e.to > oldest) {
            let grain = grain(now - entry.to);
            match kept.last_mut() {
                Some(last) if last.from.div_euclid(grain) == entry.to.div_euclid(grain) => {
                    last.to = last.to.max(entry.to);
                    last.requests = last.requests.saturating_add(entry.requests);
                    last.bytes = last.bytes.saturating_add(entry.bytes);
                }
                _ => kept.push(entry),
            }
        }
        self.entries = kept;
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.told.is_none()
    }

    /// Requests noted.
    pub fn requests(&self) -> u64 {
        let requests = self.entries.iter().map(|e| e.requests);
        requests.fold(0, u64::saturating_add)
    }

    /// How long the next request has to wait for all of `limits`; nothing if it fits now.
    pub fn wait(&self, now: jiff::Timestamp, limits: &[Limit]) -> Option<Duration> {
        let waits = limits.iter().map(|limit| match limit {
            limit if limit.of == Measure::Requests && limit.seconds <= SPACED => {
                self.spaced(now, limit)
            }
            limit => self.counted(now, limit),
        });
        let longest = waits.max().unwrap_or(0);
        u64::try_from(longest)
            .ok()
            .filter(|wait| *wait > 0)
            .map(Duration::from_millis)
    }

    /// What is left of `limit` in the window that ends now.
    pub fn left(&self, now: jiff::Timestamp, limit: &Limit) -> u64 {
        let window = i64::from(limit.seconds).saturating_mul(1_000);
        let from = now.as_millisecond().saturating_sub(window);
        let inside = self.entries.iter().filter(|entry| entry.to > from);
        let used = inside.map(|entry| match limit.of {
            Measure::Requests => entry.requests,
            Measure::Bytes => entry.bytes,
        });
        limit.most.saturating_sub(used.fold(0, u64::saturating_add))
    }

    fn spaced(&self, now: jiff::Timestamp, limit: &Limit) -> i64 {
        let Some(last) = self.entries.last() else {
            return 0;
        };
        let now = now.as_millisecond();
        let gap = (u64::from(limit.seconds) * PACE).div_ceil(limit.most.max(1));
        // Another machine's clock may be slightly ahead. Keep the gap, but no more than that.
        last.to.min(now) + i64::try_from(gap).unwrap_or(i64::MAX / 2) - now
    }

    fn counted(&self, at: jiff::Timestamp, limit: &Limit) -> i64 {
        let now = at.as_millisecond();
        let window = i64::from(limit.seconds) * 1_000;
        let of = |entry: &Entry| match limit.of {
            Measure::Requests => entry.requests,
            Measure::Bytes => entry.bytes,
        };
        let inside = |entry: &&Entry| entry.to > now - window;
        let all = self.entries.iter().filter(inside).map(of);
        let mut used = all.fold(0, u64::saturating_add);
        for entry in self.entries.iter().filter(inside) {
            if used < limit.most {
                return 0;
            }
            used = used.saturating_sub(of(entry));
            if used < limit.most {
                return entry.believed(at) + window - now + 1;
            }
        }
        0
    }
}

/// The least time for this many requests and bytes, if `limits` are kept and nothing was requested before.
/// An estimate for people: a window that is used up at once opens again one window later.
pub fn least_time(requests: u64, bytes: u64, limits: &[Limit]) -> Duration {
    let waits = limits.iter().map(|limit| {
        let most = limit.most.max(1);
        let (used, is_spaced) = match limit.of {
            Measure::Requests => (requests, limit.seconds <= SPACED),
            Measure::Bytes => (bytes, false),
        };
        let before_last = used.saturating_sub(1);
        match is_spaced {
            true => before_last.saturating_mul((u64::from(limit.seconds) * PACE).div_ceil(most)),
            false => (before_last / most).saturating_mul(u64::from(limit.seconds) * 1_000),
        }
    });
    Duration::from_millis(waits.max().unwrap_or(0))
}

/// The granularity, in milliseconds, of times of this age.
fn grain(age: i64) -> i64 {
    match age / 1_000 {
        ..120 => 2_000,
        120..7_200 => 60_000,
        _ => 600_000,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
    }

    #[test]
    fn a_window_that_is_full_opens_when_its_oldest_request_leaves() {
        let limits = [Limit::requests(3, 60)];
        let mut ledger = Ledger::default();
        for ms in [0, 5_000, 10_000] {
            assert_eq!(ledger.wait(at(ms), &limits), None);
            ledger.note(at(ms), 1, 100);
        }
        let wait = ledger.wait(at(20_000), &limits).unwrap();
        assert_eq!(wait, Duration::from_millis(40_001));
        assert_eq!(ledger.wait(at(60_001), &limits), None);
    }

    #[test]
    fn the_tightest_limit_decides_and_bytes_count() {
        let mut ledger = Ledger::default();
        ledger.note(at(0), 1, 5_000);
        let limits = [Limit::requests(1_000, 3_600), Limit::bytes(4_000, 3_600)];
        assert_eq!(
            ledger.wait(at(1_000), &limits),
            Some(Duration::from_millis(3_599_001))
        );
        assert_eq!(ledger.wait(at(1_000), &limits[..1]), None);
    }

    #[test]
    fn what_is_left_is_what_the_window_does_not_hold() {
        let mut ledger = Ledger::default();
        ledger.note(at(0), 3, 500);
        ledger.note(at(50_000), 4, 500);
        assert_eq!(ledger.left(at(50_000), &Limit::requests(10, 60)), 3);
        assert_eq!(ledger.left(at(60_000), &Limit::requests(10, 60)), 6);
        assert_eq!(ledger.left(at(60_000), &Limit::requests(2, 60)), 0);
        assert_eq!(ledger.left(at(50_000), &Limit::bytes(4_000, 60)), 3_000);
    }

    #[test]
    fn short_windows_are_spaced() {
        let limits = [Limit::requests(2, 1)];
        let mut ledger = Ledger::default();
        assert_eq!(ledger.wait(at(0), &limits), None);
        ledger.note(at(0), 1, 0);
        assert_eq!(
            ledger.wait(at(0), &limits),
            Some(Duration::from_millis(550))
        );
        assert_eq!(ledger.wait(at(550), &limits), None);
    }

    /// R16: what was noted by a clock that ran ahead neither ends the spacing nor spends days.
    #[test]
    fn an_entry_from_the_future_is_of_now() {
        for ahead in [90_000, 2 * 86_400_000, 3_650 * 86_400_000] {
            let spaced = [Limit::requests(2, 1)];
            let mut ledger = Ledger::default();
            ledger.note(at(ahead), 1, 0);
            assert_eq!(
                ledger.wait(at(0), &spaced),
                Some(Duration::from_millis(550)),
                "{ahead}: spaced"
            );
            let counted = [Limit::requests(3, 60)];
            let mut now = 0;
            for _ in 0..6 {
                ledger.note(at(now), 1, 0);
                ledger.compact(at(now));
                if let Some(wait) = ledger.wait(at(now), &counted) {
                    assert!(
                        wait <= Duration::from_secs(5 * 60 + 61),
                        "{ahead}: {wait:?}"
                    );
                    now += wait.as_millis() as i64;
                }
            }
            assert_eq!(ledger.requests(), 7, "nothing is forgotten");
        }
    }

    #[test]
    fn the_least_time_is_what_the_account_asks_for() {
        for (requests, limits) in [
            (1, vec![Limit::requests(3, 60)]),
            (3, vec![Limit::requests(3, 60)]),
            (10, vec![Limit::requests(3, 60)]),
            (40, vec![Limit::requests(2, 1), Limit::requests(30, 60)]),
            (9, vec![Limit::bytes(400, 600)]),
            (5, vec![]),
        ] {
            let mut ledger = Ledger::default();
            let mut now = 0;
            for _ in 0..requests {
                now += ledger
                    .wait(at(now), &limits)
                    .map_or(0, |w| w.as_millis() as i64);
                ledger.note(at(now), 1, 100);
            }
            let of =
                |limits: &[Limit]| least_time(requests, requests * 100, limits).as_millis() as i64;
            // Several limits may hold up one after the other.
            let each: i64 = limits.iter().map(|limit| of(&[*limit])).sum();
            let least = of(&limits);
            assert!(
                (least..=each + 2_000).contains(&now),
                "{requests}: {now} and {least}"
            );
        }
    }

    #[test]
    fn a_day_of_requests_is_a_small_document() {
        let mut ledger = Ledger::default();
        for second in 0..86_400 {
            ledger.note(at(second * 1_000), 1, 10);
            if second % 600 == 0 {
                ledger.compact(at(second * 1_000));
            }
        }
        ledger.compact(at(86_400_000));
        assert!(ledger.entries.len() < 400, "{}", ledger.entries.len());
        assert!(ledger.requests() > 86_000);
    }

    proptest! {
        /// Whatever was asked in whatever rhythm, no window ever holds more than the limit.
        #[test]
        fn no_window_is_ever_overdrawn(
            gaps in proptest::collection::vec(0i64..40_000, 1..200),
            most in 1u64..20,
            seconds in 11u32..400,
            every in 1usize..20,
        ) {
            let limits = [Limit::requests(most, seconds)];
            let mut ledger = Ledger::default();
            let mut now = 0;
            let mut sent = Vec::new();
            for (i, gap) in gaps.into_iter().enumerate() {
                now += gap;
                if let Some(wait) = ledger.wait(at(now), &limits) {
                    now += wait.as_millis() as i64;
                    prop_assert_eq!(ledger.wait(at(now), &limits), None, "waited long enough");
                }
                ledger.note(at(now), 1, 0);
                sent.push(now);
                let inside = sent.iter().filter(|t| **t > now - i64::from(seconds) * 1_000).count();
                prop_assert!(inside as u64 <= most, "{} in {} s", inside, seconds);
                if i % every == 0 {
                    ledger.compact(at(now));
                }
            }
        }

        /// Two halves noted apart are one whole when joined.
        #[test]
        fn ledgers_join(times in proptest::collection::vec((0i64..100_000, any::<bool>()), 1..60)) {
            let (mut one, mut two) = (Ledger::default(), Ledger::default());
            let mut times = times;
            times.sort();
            for (ms, first) in &times {
                if *first { one.note(at(*ms), 1, 2) } else { two.note(at(*ms), 1, 2) }
            }
            one.add(&two);
            one.compact(at(100_000));
            prop_assert_eq!(one.requests(), times.len() as u64);
        }
    }
}
