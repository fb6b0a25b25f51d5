//! How far a run is that is under way: what it does, how much it has read, how fast, and until when it waits. Only the
//! process of the run knows it; nothing depends on it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use livelist_model::RunId;
use livelist_steps::chain::Stage;
use serde::{Deserialize, Serialize};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It waits for the credential.
    WaitingForCredential,
    /// It gets a token.
    Authorizing,
    /// It reads pages.
    Scanning,
    /// It waits because the provider or its limit says so.
    Throttled,
    /// It compares lists.
    Comparing,
    /// It asks for absent keys.
    Confirming,
    /// It publishes.
    Publishing,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunProgress {
    /// What it does.
    pub doing: Doing,
    /// Since when.
    pub since: Timestamp,
    /// When this was told.
    pub at: Timestamp,
    /// When its scan began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_since: Option<Timestamp>,
    /// Pages of the scan so far.
    pub pages: u64,
    /// Rows of the scan so far.
    pub rows: u64,
    /// How many rows the MLS counts, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Rows a second, waits included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_a_second: Option<f64>,
    /// Absent keys that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<u64>,
    /// Absent keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<u64>,
    /// Until when it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
}

impl RunProgress {
    /// A run that begins.
    pub fn begin(now: Timestamp) -> RunProgress {
        RunProgress {
            doing: Doing::WaitingForCredential,
            since: now,
            at: now,
            scan_since: None,
            pages: 0,
            rows: 0,
            count: None,
            rows_a_second: None,
            asked: None,
            absent: None,
            waits_until: None,
        }
    }

    /// The same after what the run tells at `now`.
    #[must_use]
    pub fn after(self, stage: Stage, now: Timestamp) -> RunProgress {
        let doing = match stage {
            Stage::Waiting => Doing::WaitingForCredential,
            Stage::Authorizing => Doing::Authorizing,
            Stage::Scanning { .. } => Doing::Scanning,
            Stage::Throttled { .. } => Doing::Throttled,
            Stage::Comparing => Doing::Comparing,
            Stage::Confirming { .. } => Doing::Confirming,
            Stage::Publishing => Doing::Publishing,
        };
        let former = self.since;
        let since = if doing == self.doing { former } else { now };
        let progress = RunProgress {
            doing,
            since,
            at: now,
            waits_until: None,
            ..self
        };
        match stage {
            Stage::Scanning { rows, pages, count } => {
                // A second scan begins with fewer rows.
                let is_new = rows < progress.rows || progress.scan_since.is_none();
                // The first word comes behind the first task: the scan began when the run did something else.
                let began = match is_new {
                    true => Some(former.min(now)),
                    false => progress.scan_since,
                };
                let seconds = began.map_or(0.0, |at| now.duration_since(at).as_secs_f64());
                RunProgress {
                    rows,
                    pages,
                    count,
                    scan_since: began,
                    rows_a_second: (seconds > 0.0)
                        .then(|| (rows as f64 / seconds * 10.0).round() / 10.0),
                    ..progress
                }
            }
            Stage::Throttled { seconds } => {
                let wait =
                    jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
                RunProgress {
                    waits_until: now.saturating_add(wait).ok(),
                    ..progress
                }
            }
            Stage::Confirming { asked, of } => RunProgress {
                asked: Some(asked),
                absent: Some(of),
                ..progress
            },
            _ => progress,
        }
    }

    /// In words, for people.
    pub fn words(&self) -> String {
        let rows = || {
            let of = self.count.map(|count| format!(" of {count}"));
            let speed = self
                .rows_a_second
                .map(|speed| format!(", {speed:.0} rows/s"));
            format!(
                "{}{} rows, {} pages{}",
                self.rows,
                of.unwrap_or_default(),
                self.pages,
                speed.unwrap_or_default()
            )
        };
        match self.doing {
            Doing::WaitingForCredential => "waits for the credential".to_owned(),
            Doing::Authorizing => "gets a token".to_owned(),
            Doing::Scanning => format!("reads: {}", rows()),
            Doing::Throttled => {
                let until = self
                    .waits_until
                    .map(|at| format!(" until {}", at.strftime("%H:%M:%SZ")));
                let until = until.unwrap_or_default();
                format!("waits{until} for the provider's limit: {}", rows())
            }
            Doing::Comparing => "compares".to_owned(),
            Doing::Confirming => format!(
                "asks for absent keys: {} of {}",
                self.asked.unwrap_or(0),
                self.absent.unwrap_or(0)
            ),
            Doing::Publishing => "publishes".to_owned(),
        }
    }
}

/// The runs under way in this process. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct RunsUnderWay(Arc<RwLock<BTreeMap<RunId, RunProgress>>>);

impl RunsUnderWay {
    /// A run tells where it is.
    pub fn told(&self, run: &RunId, stage: Stage, now: Timestamp) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = all.remove(run).unwrap_or_else(|| RunProgress::begin(now));
        all.insert(run.clone(), before.after(stage, now));
    }

    /// A run has ended.
    pub fn ended(&self, run: &RunId) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(run);
    }

    /// Where the run is; `None` if it is not under way here.
    pub fn of(&self, run: &RunId) -> Option<RunProgress> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(run).cloned()
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<RunId, RunProgress> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_233_600 + second).unwrap()
    }

    #[test]
    fn rows_are_told_with_their_speed_and_waits_with_their_end() {
        let scanning = |rows, pages| Stage::Scanning {
            rows,
            pages,
            count: Some(4_000),
        };
        let run = RunProgress::begin(at(0)).after(Stage::Authorizing, at(1));
        let run = run.after(scanning(100, 1), at(3));
        let run = run.after(scanning(1_000, 10), at(11));
        assert_eq!(
            run.words(),
            "reads: 1000 of 4000 rows, 10 pages, 100 rows/s"
        );
        let run = run.after(Stage::Throttled { seconds: 90 }, at(12));
        assert_eq!(run.waits_until, Some(at(102)));
        let until = at(102).strftime("%H:%M:%SZ").to_string();
        let waits = format!(
            "waits until {until} for the provider's limit: 1000 of 4000 rows, 10 pages, 100 rows/s"
        );
        assert_eq!(run.words(), waits);
        let run = run.after(scanning(2_000, 20), at(101));
        assert_eq!((run.rows_a_second, run.waits_until), (Some(20.0), None));
        // The second scan has a speed of its own.
        let run = run.after(Stage::Comparing, at(201));
        let run = run.after(scanning(500, 5), at(211));
        assert_eq!(run.rows_a_second, Some(50.0));
        let run = run.after(Stage::Confirming { asked: 3, of: 7 }, at(300));
        assert_eq!(run.words(), "asks for absent keys: 3 of 7");
    }
}
