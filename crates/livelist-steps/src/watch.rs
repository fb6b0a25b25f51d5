//! Compares this process's clock with other sources of time: the `Date` header of answers, and the
//! time that has passed since the clock was last found right. The model judges
//! (`livelist_model::clock`). A clock that cannot say how much time has passed (a simulated one) is
//! not judged.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use livelist_model::clock::{ClockDoubt, Source, Verdict, Witness, judge};
use livelist_model::instant::TOLERANCE;
use livelist_model::run::RunSpec;
use livelist_reso::heard::Heard;
use livelist_store::Clock;

/// A server's time counts for a day.
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The storage's name among the servers.
const STORAGE: &str = "storage";

/// What this process has learned about the time.
#[derive(Debug, Default)]
pub struct Watch {
    heard: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The clock when it was last found right, or first read, and the elapsed time at that moment.
    anchor: Option<(Timestamp, Duration)>,
    /// By the server's clock: when no time had passed; and when it was heard.
    servers: BTreeMap<String, (i64, Duration)>,
}

impl Known {
    fn witnesses(&self, now: Timestamp, passed: Duration) -> Vec<Witness> {
        let servers = self.servers.iter();
        let fresh = servers.filter(|(_, (_, at))| passed.saturating_sub(*at) < DAY);
        let mut all: Vec<Witness> = fresh
            .map(|(host, (zero, _))| {
                let behind = zero.saturating_add(whole(passed)) - now.as_second();
                Witness::exact(Source::Server(host.clone()), behind)
            })
            .collect();
        if let Some((right, at)) = self.anchor {
            let behind = right.as_second() + whole(passed.saturating_sub(at)) - now.as_second();
            all.push(Witness::exact(Source::Process, behind));
        }
        all
    }

    /// Records a server's difference from the clock, in seconds. Returns whether the clock agrees with it.
    fn note(&mut self, host: &str, behind: i64, now: Timestamp, passed: Duration) -> bool {
        let zero = now
            .as_second()
            .saturating_add(behind)
            .saturating_sub(whole(passed));
        self.servers.insert(host.to_owned(), (zero, passed));
        let is_right = behind.abs() <= TOLERANCE.as_secs();
        if is_right {
            self.anchor = Some((now, passed));
        }
        is_right
    }
}

fn whole(passed: Duration) -> i64 {
    i64::try_from(passed.as_secs()).unwrap_or(i64::MAX / 2)
}

impl Watch {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the clock for the first time, so that a later jump is noticed.
    pub(crate) fn begin(&self, clock: &dyn Clock) {
        if let Some(passed) = clock.passed() {
            let mut known = self.known();
            known.anchor.get_or_insert((clock.now(), passed));
        }
    }

    /// Records the facts about an answer of `host`, and adds any doubt to `doubt`.
    pub(crate) fn hear(
        &self,
        clock: &dyn Clock,
        host: &str,
        heard: &Heard,
        doubt: &mut ClockDoubt,
    ) {
        let (Some(passed), Some(behind)) = (clock.passed(), heard.behind()) else {
            return;
        };
        let now = clock.now();
        let mut known = self.known();
        if known.note(host, behind, now, passed) {
            doubt.mls = None;
            return;
        }
        let verdict = judge(&known.witnesses(now, passed));
        doubt.mls = Some(behind);
        doubt.behind = doubt.behind.or(verdict.behind);
    }

    /// Records the `Date` of an answer of the storage that has just arrived.
    pub fn storage_says(&self, clock: &dyn Clock, date: &str) {
        let told = jiff::fmt::rfc2822::parse(date).map(|date| date.timestamp());
        if let (Some(passed), Ok(told)) = (clock.passed(), told) {
            let now = clock.now();
            let behind = told.as_second().saturating_sub(now.as_second());
            self.known().note(STORAGE, behind, now, passed);
        }
    }

    /// What the sources say about the clock now; `None` where the clock cannot be judged.
    pub fn verdict(&self, clock: &dyn Clock) -> Option<Verdict> {
        Some(judge(&self.witnesses(clock)?))
    }

    /// How many sources the clock can be compared with.
    pub fn sources(&self, clock: &dyn Clock) -> usize {
        self.witnesses(clock).map_or(0, |witnesses| witnesses.len())
    }

    pub(crate) fn witnesses(&self, clock: &dyn Clock) -> Option<Vec<Witness>> {
        let passed = clock.passed()?;
        Some(self.known().witnesses(clock.now(), passed))
    }
}

/// The server that answers for the feed.
pub(crate) fn host(run: &RunSpec) -> String {
    let base = &run.feed.base_url;
    let behind = base
        .split_once("://")
        .map_or(base.as_str(), |(_, rest)| rest);
    let authority = behind.split(['/', '?']).next().unwrap_or(behind);
    authority.to_ascii_lowercase()
}
