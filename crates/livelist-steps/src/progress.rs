//! Documents that the steps of one run hand to each other: what was scanned so far, what the
//! comparison found, what confirmation told. They live beside the parts, named by their content;
//! payloads carry only the names, so that neither the size of a state nor a link's content matters.

use livelist_model::clock::ClockDoubt;
use livelist_model::decision::{Comparison, Confirmed, HeldReason};
use livelist_model::evidence::ScanEvidence;
use livelist_model::head::Head;
use livelist_model::ids::RunId;
use livelist_model::layout;
use livelist_model::record::{ListRef, RunRecord, Traffic};
use livelist_model::run::RunSpec;
use livelist_reso::{ClientError, ScanState};
use livelist_store::{Condition, Objects, ObjectsExt, Retention, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::lists::put_content;
use crate::stumble::Stumbles;
use crate::{Env, StepError};

/// What was scanned so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The scans that are complete.
    pub finished: Vec<ScanEvidence>,
    /// The scan that goes on, or has just ended.
    pub scan: ScanState,
    /// The parts of all scans.
    pub parts: Vec<Part>,
    /// The head as it was when the first scan began: the only one that the scans can judge. Keys of
    /// a later one may have come behind the reader's back.
    #[serde(default)]
    pub base: Option<Base>,
    /// Where a token was refused last: refused there again, it is not the token's age.
    #[serde(default)]
    pub refused_at: Option<String>,
    /// How often in a row it was told to wait without anything in between.
    #[serde(default)]
    pub stalled: u32,
    /// What its answers said against the clock.
    #[serde(default, skip_serializing_if = "ClockDoubt::is_none")]
    pub clock: ClockDoubt,
    /// How often it handed on at a page that failed.
    #[serde(default, skip_serializing_if = "Stumbles::is_none")]
    pub stumbles: Stumbles,
    /// What was asked of the provider.
    pub traffic: Traffic,
}

/// A head and the last look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// Its version.
    pub version: String,
    /// The run that found it right last.
    pub checked_run: RunId,
}

impl Base {
    /// What `head` is.
    pub fn of(head: &Head) -> Base {
        Base {
            version: head.version.clone(),
            checked_run: head.checked_run.clone(),
        }
    }

    /// What the feed's head is now.
    pub(crate) async fn now(
        objects: &dyn Objects,
        run: &RunSpec,
    ) -> Result<Option<Base>, StoreError> {
        let head = objects
            .read_json::<Head>(&layout::head(&run.feed.feed))
            .await?;
        Ok(head.map(|(head, _)| Base::of(&head)))
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
    /// A run that begins to scan while the head is `base`.
    pub fn begin(
        run: &RunSpec,
        base: Option<Base>,
        now: jiff::Timestamp,
    ) -> Result<Progress, ClientError> {
        Ok(Progress {
            finished: Vec::new(),
            scan: ScanState::begin(&run.feed, now)?,
            parts: Vec::new(),
            base,
            refused_at: None,
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

/// What the comparison found.
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
    /// Why the result waits, if it does.
    pub hold: Option<HeldReason>,
    /// What was asked of the provider.
    pub traffic: Traffic,
}

/// The absent keys, and what to publish if they are all gone. The rest is noted here and not in
/// [`Compared`] because a version that knows of none passes over it here and would refuse it there: so
/// runs that are under way while a version is deployed, or taken back, go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Absent {
    /// The keys.
    #[serde(flatten)]
    pub list: ListRef,
    /// The draft, if one was worth while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Draft>,
    /// What the answers said against the clock.
    #[serde(default, skip_serializing_if = "ClockDoubt::is_none")]
    pub clock: ClockDoubt,
    /// What the head that was compared with needs, and a next one does not: a publisher that is
    /// repeated finds only the new head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops: Vec<String>,
}

/// What confirmation told so far.
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
    /// Where a token was refused last: keys asked for, and the round.
    #[serde(default)]
    pub refused_at: Option<(u64, u32)>,
    /// How often in a row it was told to wait without anything in between.
    #[serde(default)]
    pub stalled: u32,
    /// The confirmed removals, at the end.
    pub gone: Option<ListRef>,
    /// The numbers, at the end.
    pub told: Option<Confirmed>,
    /// Why the result waits, if it does.
    pub hold: Option<HeldReason>,
    /// What was asked of the provider.
    pub traffic: Traffic,
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

/// What the names of a run's own objects begin with.
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

/// Notes in the run's record what a failing task asked of the provider, where `before` is what those
/// asked whose work is kept.
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
        tracing::warn!(run = %run.run, %error, "the record of the run was not changed");
    }
}
