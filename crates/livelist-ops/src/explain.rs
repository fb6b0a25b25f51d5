//! Explains a run: what happened and why, in a form for people.

use jiff::Timestamp;
use livelist_model::evidence::{EndSign, ScanEvidence};
use livelist_model::record::{Decided, Failure, RunRecord, RunResult, RunState, Traffic};
use livelist_model::registry::Provider;
use livelist_model::{FeedId, MlsId, ResourceName, RunId};
use serde::Serialize;

use crate::progress::RunProgress;

/// A run, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunTold {
    /// The run.
    pub run: RunId,
    /// Its feed.
    pub feed: FeedId,
    /// The MLS.
    pub mls: MlsId,
    /// The provider.
    pub provider: Provider,
    /// The RESO resource.
    pub resource: ResourceName,
    /// The filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Its state.
    pub state: RunState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What happened when, as far as it is recorded.
    pub timeline: Vec<Moment>,
    /// What each scan saw.
    pub scans: Vec<Scan>,
    /// The comparison with the former snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Compared>,
    /// The result of the confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Asked>,
    /// Keys that were found by asking for them before the last scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_before: Option<u64>,
    /// The head after the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// Its requests to the provider.
    pub traffic: Traffic,
    /// Why its result waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Waits>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Who approved, rejected or cancelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
    /// How far it is, if it is under way and its process tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<RunProgress>,
    /// The section of docs/operations.md about the error or reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// The event.
    pub what: String,
}

/// What a scan saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scan {
    /// Pages read.
    pub pages: u64,
    /// Rows read, repeated ones included.
    pub rows: u64,
    /// Distinct keys.
    pub keys: u64,
    /// How it ended.
    pub end: &'static str,
    /// The provider's count before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count_before: Option<u64>,
    /// The count after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count_after: Option<u64>,
    /// Why it is not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<&'static str>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// The comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Keys of the former snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former: Option<u64>,
    /// Distinct keys of all scans.
    pub live: u64,
    /// Keys that are new.
    pub added: u64,
    /// Keys of the former snapshot that no scan saw.
    pub absent: u64,
}

/// The confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Absent keys asked for.
    pub asked: u64,
    /// Of these, live after all.
    pub restored: u64,
    /// Whether live controls were found.
    pub controls_found: bool,
    /// Of the restored, those that the provider shows under another key: in another case, or with the same id.
    #[serde(skip_serializing_if = "is_zero")]
    pub variants: u64,
    /// Whether the provider shows keys by key that are gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shows_gone: bool,
    /// The form of question that worked, if it is not the configured one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learned: Option<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A result that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// Why.
    pub reason: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// Whether an operator may publish it.
    pub can_be_approved: bool,
    /// A later run whose result counts instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<RunId>,
}

/// Explains a run.
pub fn explain(record: &RunRecord) -> RunTold {
    let feed = &record.spec.feed;
    let comparison = record.comparison.as_ref();
    let scans: Vec<Scan> = comparison
        .map(|c| {
            let distinct = c.distinct.iter().copied().chain(std::iter::repeat(0));
            c.scans.iter().zip(distinct).map(scan).collect()
        })
        .unwrap_or_default();
    let reason = record.held_reason;
    let help = reason
        .map(|reason| reason.as_str().to_owned())
        .or_else(|| record.error.as_ref().map(|e| e.name.to_lowercase()));
    RunTold {
        run: record.spec.run.clone(),
        feed: feed.feed.clone(),
        mls: feed.mls.clone(),
        provider: feed.provider.clone(),
        resource: feed.resource.clone(),
        filter: feed.filter.clone(),
        state: record.state,
        started_at: record.started_at,
        finished_at: record.finished_at,
        seconds: record
            .finished_at
            .map(|at| at.duration_since(record.started_at).as_secs_f64()),
        timeline: timeline(record, &scans),
        scans,
        comparison: comparison.map(|c| Compared {
            former: c.former,
            live: c.live,
            added: c.added,
            absent: c.absent,
        }),
        confirmed: record.confirmed.map(|c| Asked {
            asked: c.asked,
            restored: c.restored,
            controls_found: c.controls_found,
            variants: c.variants,
            shows_gone: c.shows_gone,
            learned: c.learned.map(|manner| manner.describe()),
        }),
        restored_before: Some(record.restored_before).filter(|keys| *keys > 0),
        result: record.result.clone(),
        traffic: record.traffic,
        held: reason.map(|reason| Waits {
            reason: reason.as_str(),
            advice: reason.advice(),
            can_be_approved: reason.can_be_approved() && record.state == RunState::Held,
            superseded_by: None,
        }),
        error: record.error.clone(),
        decided: record.decided.clone(),
        progress: None,
        help,
    }
}

fn scan((seen, keys): (&ScanEvidence, u64)) -> Scan {
    Scan {
        pages: seen.pages,
        rows: seen.rows,
        keys,
        end: match seen.end {
            Some(EndSign::NoNextLink) => "ended by the last link",
            Some(EndSign::EmptyPage) => "ended by an empty page",
            Some(EndSign::Asked) => "ended: nothing comes behind the last row",
            Some(EndSign::Counted) => "ended by the count",
            Some(EndSign::Unproved) => "nothing proves its end",
            None => "did not reach the end",
        },
        count_before: seen.count_before,
        count_after: seen.count_after,
        doubt: seen.doubt(keys).map(|doubt| doubt.as_str()),
        started_at: seen.started_at,
        ended_at: seen.ended_at,
    }
}

fn timeline(record: &RunRecord, scans: &[Scan]) -> Vec<Moment> {
    let mut moments = vec![Moment {
        at: record.started_at,
        what: "the run began".to_owned(),
    }];
    for (i, scan) in scans.iter().enumerate() {
        let nth = i + 1;
        moments.push(Moment {
            at: scan.started_at,
            what: format!("scan {nth} began"),
        });
        if let Some(at) = scan.ended_at {
            let what = format!("scan {nth} ended: {} pages, {} keys", scan.pages, scan.keys);
            moments.push(Moment { at, what });
        }
    }
    if let Some(at) = record.finished_at {
        let what = match (&record.held_reason, &record.error) {
            (Some(reason), _) => format!("{}: {}", record.state.as_str(), reason.as_str()),
            (None, Some(error)) => format!("{}: {}", record.state.as_str(), error.name),
            (None, None) => record.state.as_str().to_owned(),
        };
        moments.push(Moment { at, what });
    }
    if let Some(decided) = &record.decided {
        let what = format!("{} by {}", decided.what.as_str(), decided.by);
        moments.push(Moment {
            at: decided.at,
            what,
        });
    }
    moments.sort_by_key(|moment| moment.at);
    moments
}
