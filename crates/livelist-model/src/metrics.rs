//! The metrics of runs and heads, for graphs and alarms. No decision depends on them. The port that
//! reports them is in `livelist-store`.

use std::time::Duration;

use crate::decision::HeldReason;
use crate::ids::{FeedId, MlsId, RunId};
use crate::record::{RunRecord, RunState, Traffic};
use crate::registry::Provider;

/// The metrics of a run that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunMetrics {
    /// When it ended.
    pub at: jiff::Timestamp,
    /// The run.
    pub run: RunId,
    /// Its feed.
    pub feed: FeedId,
    /// The MLS of the feed.
    pub mls: MlsId,
    /// The provider of the MLS.
    pub provider: Provider,
    /// How it ended.
    pub state: RunState,
    /// Why its result waits.
    pub held: Option<HeldReason>,
    /// The error's name, of a run that failed.
    pub error: Option<String>,
    /// Keys in the published list after the run; `None` for a failed run.
    pub live: Option<u64>,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
    /// Absent keys that were asked for one by one.
    pub asked: u64,
    /// Of these, found after all.
    pub restored: u64,
    /// How long its scans took together, waits included.
    pub scan: Duration,
    /// How long the run took.
    pub took: Duration,
    /// Its requests to the provider.
    pub traffic: Traffic,
}

impl RunMetrics {
    /// The metrics of a run by its record; `None` while it runs, and for a decision of an
    /// operator, which is no result of the run.
    pub fn of(record: &RunRecord) -> Option<RunMetrics> {
        if matches!(
            record.state,
            RunState::Running | RunState::Rejected | RunState::Cancelled
        ) {
            return None;
        }
        let at = record.finished_at.unwrap_or(record.started_at);
        let feed = &record.spec.feed;
        let scans = record.comparison.iter().flat_map(|facts| &facts.scans);
        let result = record.result.as_ref();
        Some(RunMetrics {
            at,
            run: record.spec.run.clone(),
            feed: feed.feed.clone(),
            mls: feed.mls.clone(),
            provider: feed.provider.clone(),
            state: record.state,
            held: record.held_reason,
            error: record.error.as_ref().map(|error| error.name.clone()),
            live: result.map(|result| result.count),
            added: result.map_or(0, |result| result.added),
            removed: result.map_or(0, |result| result.removed),
            asked: record.confirmed.map_or(0, |confirmed| confirmed.asked),
            restored: record.confirmed.map_or(0, |confirmed| confirmed.restored),
            scan: scans
                .map(|scan| between(scan.started_at, scan.ended_at.unwrap_or(scan.started_at)))
                .sum(),
            took: between(record.started_at, at),
            traffic: record.traffic,
        })
    }
}

fn between(from: jiff::Timestamp, to: jiff::Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The state of an installation's heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadMetrics {
    /// When they were read.
    pub at: jiff::Timestamp,
    /// Feeds that some enabled pair sees.
    pub feeds: u64,
    /// Of these, feeds whose head is older than their schedule explains, or cannot be read.
    pub old: u64,
}

/// The state of an installation's copies of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMetrics {
    /// When it was looked up.
    pub at: jiff::Timestamp,
    /// Copies of the registry's replications.
    pub copies: u64,
    /// Of these, copies that are behind for too long.
    pub behind: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Comparison, Confirmed};
    use crate::evidence::{Paging, ScanEvidence};
    use crate::record::{Failure, RunResult};
    use crate::registry::{AnyProvider, parse_client, parse_mls};
    use crate::run::{FeedSpec, RunSpec};

    fn at(second: u32) -> jiff::Timestamp {
        format!("2026-11-21T04:00:{second:02}Z").parse().unwrap()
    }

    fn started() -> RunRecord {
        let mls = br#"{"mls":"abor","provider":"reso","base_url":"https://x.example/odata",
            "credential":"env:X"}"#;
        let client = br#"{"client":"acme","pairs":[{"mls":"abor","resource":"Property"}]}"#;
        let mls = parse_mls("mls/abor.json", mls, &AnyProvider).unwrap();
        let client = parse_client("clients/acme.json", client).unwrap();
        let feed = FeedSpec::resolve(&mls, &client.pairs[0]);
        RunRecord::started(RunSpec::of(jiff::civil::date(2026, 11, 21), feed), at(0))
    }

    fn scan(from: u32, to: u32) -> ScanEvidence {
        ScanEvidence {
            ended_at: Some(at(to)),
            ..ScanEvidence::begin(Paging::Keyset, at(from))
        }
    }

    #[test]
    fn a_published_run_tells_what_it_changed_and_what_it_took() {
        let record = RunRecord {
            state: RunState::Published,
            finished_at: Some(at(30)),
            comparison: Some(Comparison {
                former: Some(100),
                live: 99,
                added: 4,
                absent: 6,
                distinct: vec![99, 98],
                scans: vec![scan(1, 11), scan(12, 17)],
                looked: None,
                lately: Default::default(),
            }),
            confirmed: Some(Confirmed {
                asked: 6,
                restored: 1,
                controls_found: true,
                fresh: 5,
                ..Confirmed::default()
            }),
            result: Some(RunResult {
                version: None,
                sequence: 2,
                count: 99,
                added: 4,
                removed: 5,
            }),
            ..started()
        };
        let told = RunMetrics::of(&record).unwrap();
        assert_eq!((told.live, told.added, told.removed), (Some(99), 4, 5));
        assert_eq!((told.asked, told.restored), (6, 1));
        assert_eq!((told.scan.as_secs(), told.took.as_secs()), (15, 30));
        assert_eq!((told.at, told.mls.as_str()), (at(30), "abor"));
    }

    #[test]
    fn a_failed_run_tells_its_error_and_no_list() {
        let record = RunRecord {
            state: RunState::Failed,
            finished_at: Some(at(9)),
            error: Some(Failure {
                name: "AccessDenied".to_owned(),
                message: String::new(),
                advice: String::new(),
                step: None,
            }),
            traffic: Traffic {
                requests: 7,
                ..Traffic::default()
            },
            ..started()
        };
        let told = RunMetrics::of(&record).unwrap();
        assert_eq!(told.error.as_deref(), Some("AccessDenied"));
        assert_eq!((told.live, told.traffic.requests), (None, 7));
    }

    #[test]
    fn a_run_that_goes_on_tells_nothing_and_neither_does_a_rejection() {
        assert_eq!(RunMetrics::of(&started()), None);
        let rejected = RunRecord {
            state: RunState::Rejected,
            ..started()
        };
        assert_eq!(RunMetrics::of(&rejected), None);
    }
}
