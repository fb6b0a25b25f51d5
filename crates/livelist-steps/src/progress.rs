//! Documents that the steps of one run pass to each other: the progress of the scan, the result of
//! the comparison, the result of the confirmation. They are stored beside the parts and named by
//! their content. Payloads carry only their names, so neither the size limit of a state nor the
//! content of a link matters.

use livelist_model::clock::ClockDoubt;
use std::collections::BTreeSet;

use livelist_model::asking::Asking;
use livelist_model::decision::{Comparison, Confirmed, HeldReason};
use livelist_model::evidence::ScanEvidence;
use livelist_model::head::Head;
use livelist_model::ids::RunId;
use livelist_model::layout;
use livelist_model::record::{ListRef, RunRecord, Traffic};
use livelist_model::run::RunSpec;
use livelist_model::waiting::Waiting;
use livelist_reso::{Admission, ClientError, ScanState};
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::lists::put_content;
use crate::stumble::Stumbles;
use crate::{Env, StepError};

/// The scans so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The scans that are complete.
    pub finished: Vec<ScanEvidence>,
    /// The current scan, or the one that has just ended.
    pub scan: ScanState,
    /// The parts of all scans.
    pub parts: Vec<Part>,
    /// The ids of their keys, if the MLS is asked by an id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<ListRef>,
    /// When their listings were modified, if the feed's records are copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamps: Vec<ListRef>,
    /// The head when the first scan began. The scans prove removals only against this head: a later one may
    /// list keys that were added when the scan had already passed their place.
    #[serde(default)]
    pub base: Option<Base>,
    /// That head's `as_of`: it has every key that was live at this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved_at: Option<jiff::Timestamp>,
    /// What is known about the token.
    #[serde(default, skip_serializing_if = "Admission::is_none")]
    pub admission: Admission,
    /// In documents of earlier versions: the position at which a token was refused.
    #[serde(default, skip_serializing)]
    pub refused_at: IgnoredAny,
    /// How often in a row it was told to wait, without progress in between.
    #[serde(default)]
    pub stalled: u32,
    /// What answers said about the clock, if it may be wrong.
    #[serde(default, skip_serializing_if = "ClockDoubt::is_none")]
    pub clock: ClockDoubt,
    /// How often a task ended early because a page failed.
    #[serde(default, skip_serializing_if = "Stumbles::is_none")]
    pub stumbles: Stumbles,
    /// The requests to the provider.
    pub traffic: Traffic,
}

/// Identifies a head and the last look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// Its version.
    pub version: String,
    /// The run that found it right last.
    pub checked_run: RunId,
}

impl Base {
    /// Identifies `head`.
    pub fn of(head: &Head) -> Base {
        Base {
            version: head.version.clone(),
            checked_run: head.checked_run.clone(),
        }
    }
}

/// Keys of one scan task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which scan of the run, from 0.
    pub scan: u32,
    /// The list.
    pub list: ListRef,
}

impl Progress {
    /// A run that begins to scan while the feed has this head.
    pub fn begin(
        run: &RunSpec,
        head: Option<&Head>,
        now: jiff::Timestamp,
    ) -> Result<Progress, ClientError> {
        Ok(Progress {
            finished: Vec::new(),
            scan: ScanState::begin(&run.feed, now)?,
            parts: Vec::new(),
            ids: Vec::new(),
            stamps: Vec::new(),
            base: head.map(Base::of),
            proved_at: head
                .filter(|head| !head.is_from_future(now))
                .map(|head| head.as_of),
            admission: Admission::default(),
            refused_at: IgnoredAny,
            stalled: 0,
            clock: ClockDoubt::default(),
            stumbles: Stumbles::default(),
            traffic: Traffic::default(),
        })
    }

    /// The same run, about to scan once more.
    pub fn again(self, run: &RunSpec, now: jiff::Timestamp) -> Result<Progress, ClientError> {
        let mut finished = self.finished;
        finished.push(self.scan.evidence);
        Ok(Progress {
            finished,
            scan: ScanState::begin(&run.feed, now)?,
            ..self
        })
    }

    /// Pages read in all scans.
    pub(crate) fn pages(&self) -> u64 {
        let finished = self.finished.iter().map(|scan| scan.pages);
        finished
            .sum::<u64>()
            .saturating_add(self.scan.evidence.pages)
    }

    /// Every scan, the last one included.
    pub fn scans(&self) -> Vec<ScanEvidence> {
        let mut scans = self.finished.clone();
        scans.push(self.scan.evidence.clone());
        scans
    }
}

/// The result of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The progress it was made from.
    pub progress: String,
    /// The head it was compared with.
    pub base: Option<Base>,
    /// The numbers.
    pub facts: Comparison,
    /// The absent keys.
    pub absent: Absent,
    /// Keys that this run saw alive, spread over the list: the controls of the confirmation.
    pub controls: Vec<String>,
    /// If keys cannot be asked for: the keys that the looks of two days missed, which are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<ListRef>,
    /// Also in that case: the keys that wait for another look from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<NextWaiting>,
    /// A few keys that were confirmed gone recently and are not listed. A provider that still shows them by
    /// key shows more than it lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negatives: Vec<String>,
    /// Why the result waits, if it does.
    pub hold: Option<HeldReason>,
    /// The requests to the provider.
    pub traffic: Traffic,
}

/// The keys that wait for another look, once the result is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextWaiting {
    /// The ETag of the document that the comparison read; `None` if there was none.
    pub etag: Option<String>,
    /// The new document.
    pub next: Waiting,
}

/// The absent keys, and what else the comparison notes. Newer fields are here, not in
/// [`Compared`], because older versions ignore unknown fields here but refuse them there. So runs continue
/// while a version is deployed or rolled back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Absent {
    /// The keys.
    #[serde(flatten)]
    pub list: ListRef,
    /// What the answers said against the clock.
    #[serde(default, skip_serializing_if = "ClockDoubt::is_none")]
    pub clock: ClockDoubt,
    /// The name of the document with the keys that sites asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<String>,
    /// Objects of the compared head that a new head does not need. A publisher that is repeated can no
    /// longer read the old head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops: Vec<String>,
}

/// The results for keys that sites asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Keys that the MLS has, but neither the list nor a scan of the run.
    pub listed: ListRef,
    /// Keys that two looks did not find.
    pub gone: ListRef,
}

/// The progress of the confirmation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Absent keys asked for, in their order.
    pub asked: u64,
    /// Of these, the live ones.
    pub restored: Vec<String>,
    /// Whether controls were found in every answer.
    pub controls_failed: bool,
    /// How many controls were used.
    pub controls_used: u64,
    /// How often the batch at hand was asked for.
    #[serde(default)]
    pub round: u32,
    /// The keys of the batch at hand that no answer has shown, after the first.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The end of the current batch, in the order of the absent keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_end: Option<u64>,
    /// How many questions of the batch at hand were answered in this round.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub question: u32,
    /// The live keys that these answers showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    /// How often in a row controls were not found in the batch at hand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// Answers with up to this many rows were complete in this run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub whole: u32,
    /// What was learned about the questions that the provider answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<Asking>,
    /// Whether a question was refused since the last answer, and not merely answered without its controls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_refused: bool,
    /// The same, with a status that denies access.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_forbidden: bool,
    /// Absent keys, and what an answer showed instead: the same key in another case, or another key with
    /// the id that was asked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub variants: BTreeSet<(String, String)>,
    /// Which of the comparison's negatives were shown; nothing before they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negatives_shown: Option<Vec<String>>,
    /// How often it was handed on after an error.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub handed_on: u32,
    /// What is known about the token; `None` before the first task, whose token has read the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<Admission>,
    /// Where a refusal that did not name the token was last treated as its expiry: number of keys asked
    /// for, and the round.
    #[serde(default)]
    pub refused_at: Option<(u64, u32)>,
    /// Where a token expired last, and how often in a row it was there: number of keys asked for, the
    /// round, the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<((u64, u32, u32), u32)>,
    /// How often in a row it was told to wait, without progress in between.
    #[serde(default)]
    pub stalled: u32,
    /// The confirmed removals, at the end.
    pub gone: Option<ListRef>,
    /// Whether any listing changed the id by which it is asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ids_changed: bool,
    /// Whether the MLS refused to be asked by an id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ids_refused: bool,
    /// The keys that wait for another look, if a question on one day is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<NextWaiting>,
    /// The results for keys that sites asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// The numbers, at the end.
    pub told: Option<Confirmed>,
    /// Why the result waits, if it does.
    pub hold: Option<HeldReason>,
    /// The requests to the provider.
    pub traffic: Traffic,
}

/// One question may take this many tokens in turn: as many as the search for a form takes.
const MOST_TOKENS: u32 = 25;

impl Confirmation {
    /// Notes that a token has ended. Whether too many have in a row, without any progress: an answer of
    /// ever more pages outlives each of them.
    pub fn ended_again(&mut self) -> bool {
        let here = (self.asked, self.round, self.question);
        let before = self.ended_at.filter(|(there, _)| *there == here);
        let times = before.map_or(0, |(_, times)| times) + 1;
        self.ended_at = Some((here, times));
        times > MOST_TOKENS
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Writes a document and gives its name.
pub(crate) async fn save<T: Serialize>(
    objects: &dyn Objects,
    run: &RunSpec,
    name: &str,
    document: &T,
) -> Result<String, StepError> {
    let text = serde_json::to_vec(document).map_err(|e| StepError::Internal(e.into()))?;
    let digest = livelist_model::codec::digest(&text);
    let key = layout::run_object(&run.feed.feed, &run.run, name, &digest, ".json");
    put_content(objects, &key, text.into(), Retention::Scratch).await?;
    Ok(key)
}

/// The prefix of the names of a run's own objects.
pub(crate) fn own(run: &RunSpec) -> String {
    format!("{}{}/", layout::runs(&run.feed.feed), run.run)
}

/// Reads a document of this run.
pub(crate) async fn load<T: DeserializeOwned>(
    objects: &dyn Objects,
    run: &RunSpec,
    key: &str,
) -> Result<T, StepError> {
    if !key.starts_with(&own(run)) {
        return Err(StepError::InputInvalid(format!(
            "{key} is not an object of this run"
        )));
    }
    let found = objects.read_json(key).await?;
    let (document, _) = found.ok_or_else(|| StoreError::Missing {
        key: key.to_owned(),
    })?;
    Ok(document)
}

/// Adds to the run's record what a failing task asked of the provider. `before` is the traffic of the tasks
/// whose work is kept.
pub(crate) async fn note_lost(env: &Env, run: &RunSpec, before: Traffic, asked: Traffic) {
    note(env, run, |record| {
        record.lost.add(asked);
        record.traffic = before;
        record.traffic.add(record.lost);
    })
    .await;
}

/// Notes in the run's record how many keys were found by asking for them, before it scans once more.
pub(crate) async fn note_restored(env: &Env, run: &RunSpec, restored: u64) {
    note(env, run, |record| record.restored_before = restored).await;
}

/// Changes the run's record, for people: one that cannot be written now fails nothing.
async fn note(env: &Env, run: &RunSpec, change: impl FnOnce(&mut RunRecord)) {
    let key = layout::run_record(&run.feed.feed, &run.run);
    let noted = match env.objects.read_json::<RunRecord>(&key).await {
        Ok(Some((mut record, etag))) => {
            change(&mut record);
            let unchanged = Condition::Unchanged(etag);
            let scratch = Retention::Scratch;
            env.objects
                .write_json(&key, &record, unchanged, scratch)
                .await
                .map(|_| ())
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        tracing::warn!(run = %run.run, %error, "the record of the run could not be updated");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_asked_with_so_many_tokens_unless_something_moves() {
        let mut told = Confirmation::default();
        for _ in 0..MOST_TOKENS {
            assert!(!told.ended_again());
        }
        let mut moved = told.clone();
        assert!(told.ended_again());
        moved.question += 1;
        assert!(!moved.ended_again());
    }
}
