//! `compare`: merges the parts, compares them with the former snapshot, and asks the model what to do
//! next. It reads both lists once, and needs memory for one line of each list and for the absent keys.

use std::time::Duration;

use livelist_model::codec::{CodecError, Effort, KeyStream, ListSummary, NoKeys};
use livelist_model::decision::{self, Comparison, HeldReason, Next};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::Head;
use livelist_model::lately::{Groups, Lately};
use livelist_model::layout;
use livelist_model::merge::{Side, Union, difference};
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;
use livelist_store::ObjectsExt;
use serde::{Deserialize, Serialize};

use crate::lists::{self, Chunks};
use crate::looks::{Became, Watch, Watched};
use crate::progress::{Absent, Base, Compared, NextWaiting, Progress, load, save};
use crate::questions::{self, ForSites, Sieve};
use crate::{Env, StepError, ids, negatives};

/// The step's name.
pub const NAME: &str = "compare";

/// The step's input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// The progress document of the scan.
    pub progress: String,
}

/// The step's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The next step.
    pub outcome: Outcome,
    /// The progress document; another one if a new scan begins.
    pub progress: String,
    /// The document with the comparison.
    pub comparison: String,
    /// Distinct live keys.
    pub live: u64,
    /// Of these, not in the former snapshot.
    pub added: u64,
    /// Keys of the former snapshot that were not seen.
    pub absent: u64,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Scan once more.
    Scan,
    /// Ask for the absent keys, or for those that sites asked about.
    Confirm,
    /// Publish, or hold: the publisher knows.
    Publish,
}

/// At least this many controls are kept, if there are as many keys.
const CONTROLS: usize = 64;

/// Compares.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    let Input {
        run,
        owner,
        progress: progress_key,
    } = input;
    env.renew(&run, &owner, Duration::ZERO).await?;
    let progress: Progress = load(&*env.objects, &run, &progress_key).await?;
    let head = env
        .objects
        .read_json::<Head>(&layout::head(&run.feed.feed))
        .await?;
    let head = head.map(|(head, _)| head);
    let base = head.as_ref().map(Base::of);
    let is_overtaken = base != progress.base && !is_off(Guard::Overtaken);
    let by_key = ids::can_ask(env, &run).await?;
    let scans = progress.scans();
    let mut lately = match &head {
        Some(head) => Lately::of(head, env.clock.now()),
        None => Lately::default(),
    };
    let watch = match (ids::asks_by_key(&run)?, &head, scans.last()) {
        (false, Some(_), Some(scan)) => {
            Some(Watch::new(env, &run, scan.started_at, lately.is_distrusted).await?)
        }
        _ => None,
    };
    let for_sites = match &head {
        Some(head) if by_key && !is_overtaken => questions::open(env, &run, head).await,
        _ => ForSites::default(),
    };
    let sieve = Sieve::new(for_sites);
    let found = walk(env, &progress, head.as_ref(), watch, sieve).await?;
    let absent = lists::keep(
        &*env.objects,
        &run.feed.feed,
        &run.run,
        "absent",
        found.absent.0,
        found.absent.1,
    )
    .await?;
    let (vanished, group) = found.groups;
    if let Some(letters) = group {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, letters, keys = vanished,
            "all keys with this prefix are absent"
        );
    }
    if lately.is_distrusted {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
            "many removals that were confirmed lately are listed again; removals take one more day"
        );
    }
    lately.vanished = vanished;
    let facts = Comparison {
        former: head.as_ref().map(|h| h.count),
        live: found.live,
        added: found.added,
        absent: absent.summary.count,
        distinct: found.distinct,
        scans,
        looked: found.watched.as_ref().map(|watched| watched.looked),
        lately,
    };
    let next = if is_overtaken {
        Next::ScanAgain
    } else {
        decision::after_comparison(&facts, &run.feed.guards, by_key)
    };
    let (gone, waiting) = match found.watched {
        Some(watched) if !is_overtaken => judge(env, &run, watched, &facts, next).await?,
        _ => (None, None),
    };
    let is_asked = match next {
        Next::Confirm => true,
        Next::Publish => absent.summary.count == 0,
        Next::ScanAgain | Next::Hold(_) => false,
    };
    let questions = match is_asked && !found.for_sites.questions.is_empty() {
        true => Some(save(&*env.objects, &run, "questions", &found.for_sites).await?),
        false => None,
    };
    let has_questions = questions.is_some();
    let negatives = match &head {
        // The ids of removed keys are not known.
        Some(head) if next == Next::Confirm && ids::asks_by_key(&run)? => {
            negatives::of(env, &run, head).await
        }
        _ => Vec::new(),
    };
    let compared = Compared {
        progress: progress_key.clone(),
        base: base.clone(),
        facts,
        absent: Absent {
            list: absent,
            clock: progress.clock,
            questions,
            drops: head.as_ref().map(Head::drops).unwrap_or_default(),
        },
        controls: found.controls,
        gone,
        waiting,
        negatives,
        hold: match next {
            Next::Hold(reason) => Some(reason),
            _ => None,
        },
        traffic: progress.traffic,
    };
    let (outcome, progress_key) = match next {
        // Another run published meanwhile. Keys that it added may have been listed by the MLS after this
        // run had passed their position, so this run proves nothing about them.
        Next::ScanAgain if is_overtaken => {
            let mut anew = Progress::begin(&run, head.as_ref(), env.clock.now())?;
            anew.traffic = progress.traffic;
            (
                Outcome::Scan,
                save(&*env.objects, &run, "scan", &anew).await?,
            )
        }
        Next::ScanAgain => {
            let again = progress.again(&run, env.clock.now())?;
            (
                Outcome::Scan,
                save(&*env.objects, &run, "scan", &again).await?,
            )
        }
        Next::Confirm => (Outcome::Confirm, progress_key),
        Next::Publish if has_questions => (Outcome::Confirm, progress_key),
        Next::Publish | Next::Hold(_) => (Outcome::Publish, progress_key),
    };
    let output = Output {
        outcome,
        progress: progress_key,
        comparison: save(&*env.objects, &run, "comparison", &compared).await?,
        live: compared.facts.live,
        added: compared.facts.added,
        absent: compared.facts.absent,
    };
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, next = ?next,
        live = output.live, added = output.added, absent = output.absent, "compared"
    );
    Ok(output)
}

/// Which keys are gone and which keep waiting, if keys cannot be asked for.
async fn judge(
    env: &Env,
    run: &RunSpec,
    watched: Watched,
    facts: &Comparison,
    next: Next,
) -> Result<(Option<ListRef>, Option<NextWaiting>), StepError> {
    let became = match (decision::doubt(facts, false), next) {
        (Some(_), _) | (_, Next::ScanAgain) => Became::Doubted,
        // A scan without rows, or with entirely other keys, does not count as a look at this list.
        (_, Next::Hold(reason)) if reason != HeldReason::MassRemovalUnconfirmed => Became::Doubted,
        _ if facts.agrees() => Became::Counts,
        _ => Became::Void,
    };
    let (chunks, summary) = match (became, next) {
        (Became::Counts, Next::Publish | Next::Confirm) => watched.again(),
        _ => lists::writer(Effort::Stored)
            .finish()
            .map_err(lists::in_object("gone"))?,
    };
    let (feed, id) = (&run.feed.feed, &run.run);
    let gone = lists::keep(&*env.objects, feed, id, "gone", chunks, summary).await?;
    Ok((Some(gone), Some(watched.next(became))))
}

struct Found {
    live: u64,
    added: u64,
    distinct: Vec<u64>,
    absent: (Chunks, ListSummary),
    controls: Vec<String>,
    watched: Option<Watched>,
    groups: (u64, Option<String>),
    for_sites: ForSites,
}

/// The union of a run's parts.
pub(crate) async fn union(
    env: &Env,
    progress: &Progress,
) -> Result<Vec<(lists::StoredList, u32)>, StepError> {
    let mut parts = Vec::with_capacity(progress.parts.len());
    for part in &progress.parts {
        let list = &part.list;
        let open = lists::open(&*env.objects, &list.object, list.summary.clone()).await?;
        parts.push((open, part.scan));
    }
    Ok(parts)
}

/// The keys of the former snapshot.
pub(crate) async fn former(
    env: &Env,
    head: Option<&Head>,
) -> Result<Box<dyn KeyStream + Send>, StepError> {
    let Some(head) = head else {
        return Ok(Box::new(NoKeys));
    };
    let expected = ListSummary {
        count: head.count,
        sha256: head.sha256.clone(),
    };
    Ok(Box::new(
        lists::open(&*env.objects, &head.full.object, expected).await?,
    ))
}

async fn walk(
    env: &Env,
    progress: &Progress,
    head: Option<&Head>,
    mut watch: Option<Watch>,
    mut sieve: Sieve,
) -> Result<Found, StepError> {
    let parts = union(env, progress).await?;
    let mut former = former(env, head).await?;
    let scans = progress.finished.len() + 1;
    let found = livelist_blocking::run(move || {
        let mut live = Counted {
            union: Union::new(parts)?,
            live: 0,
            distinct: vec![0; scans],
            controls: Sample::default(),
        };
        let mut absent = lists::writer(Effort::Stored);
        let mut added = 0;
        let mut groups = Groups::default();
        difference::<CodecError>(&mut former, &mut live, |key, side| {
            match side {
                Side::Former => absent.push(key)?,
                Side::Present => added += 1,
                Side::Both => {}
            }
            if side != Side::Present {
                groups.push(key, side == Side::Former);
            }
            if let Some(watch) = &mut watch {
                watch.push(key, side)?;
            }
            sieve.push(key);
            Ok(())
        })?;
        Ok::<_, CodecError>(Found {
            live: live.live,
            added,
            distinct: live.distinct,
            absent: absent.finish()?,
            controls: live.controls.keys,
            watched: watch.map(Watch::finish).transpose()?,
            groups: groups.finish(),
            for_sites: sieve.finish(),
        })
    })
    .await?;
    found.map_err(lists::in_object("of a part or of the former snapshot"))
}

/// The union of the parts, counted on the way.
struct Counted {
    union: Union<lists::StoredList>,
    live: u64,
    distinct: Vec<u64>,
    controls: Sample,
}

impl KeyStream for Counted {
    fn advance(&mut self) -> Result<bool, CodecError> {
        if !self.union.advance()? {
            return Ok(false);
        }
        self.live += 1;
        for (scan, distinct) in self.distinct.iter_mut().enumerate() {
            *distinct += u64::from(self.union.seen_in() >> scan & 1);
        }
        // Only keys of the newest scan are known to be live now.
        if self.union.seen_in() >> (self.distinct.len() - 1) & 1 == 1 {
            self.controls.offer(self.union.key());
        }
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        self.union.key()
    }
}

/// Keys spread evenly over a list of unknown length: every `step`-th, with the step doubled and
/// every second one dropped whenever there are too many.
struct Sample {
    keys: Vec<String>,
    seen: u64,
    /// Which one is taken next.
    next: u64,
    step: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Sample {
            keys: Vec::new(),
            seen: 0,
            next: 0,
            step: 1,
        }
    }
}

impl Sample {
    fn offer(&mut self, key: &[u8]) {
        if self.seen == self.next {
            self.take(key);
        }
        self.seen += 1;
    }

    fn take(&mut self, key: &[u8]) {
        if let Ok(key) = std::str::from_utf8(key) {
            self.keys.push(key.to_owned());
        }
        if self.keys.len() >= 2 * CONTROLS {
            let mut index = 0;
            self.keys.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.step *= 2;
        }
        self.next = (self.seen / self.step + 1) * self.step;
    }
}

/// The list of a reference, whole, for lists that are known to be small.
pub(crate) async fn read_whole(env: &Env, list: &ListRef) -> Result<Vec<Vec<u8>>, StepError> {
    let mut stored = lists::open(&*env.objects, &list.object, list.summary.clone()).await?;
    let keys = livelist_blocking::run(move || {
        let mut keys = Vec::new();
        while stored.advance()? {
            keys.push(stored.key().to_vec());
        }
        Ok::<_, CodecError>(keys)
    })
    .await?;
    keys.map_err(lists::in_object(&list.object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_spread_over_the_list() {
        for n in [1u64, 10, 64, 1_000, 100_000] {
            let mut sample = Sample::default();
            for i in 0..n {
                sample.offer(format!("{i:06}").as_bytes());
            }
            let got = sample.keys.len() as u64;
            assert!(
                got >= n.min(CONTROLS as u64) && got < 2 * CONTROLS as u64,
                "{n} {got}"
            );
            let last: u64 = sample.keys.last().unwrap().parse().unwrap();
            assert!(last >= n / 2, "{n} {last}");
        }
    }
}
