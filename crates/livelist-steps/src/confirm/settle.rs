//! Decides, from the answers about keys, which absent keys are gone, which are live, and which wait.

use std::collections::BTreeSet;

use livelist_model::asking::Manner;
use livelist_model::codec::{CodecError, Effort, KeyStream};
use livelist_model::decision::{self, Confirmed, HeldReason, Next};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::Held;
use livelist_model::layout;
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;
use livelist_model::waiting::{Before, Look};
use livelist_reso::confirm;
use livelist_reso::dialect::Dialect;
use livelist_store::ObjectsExt;

use super::asking::few_of;
use crate::compare::read_whole;
use crate::progress::{Compared, Confirmation, NextWaiting, Progress, load};
use crate::{Env, StepError, lists, looks};

/// Rows in answers that were not asked for, compared with the run's scans: absent keys that are live under
/// another key, and whether the MLS shows keys that are gone.
///
/// A server that ignores case answers a question about `abc1` with the row `ABC1`. A server that is asked
/// by an id answers with the row that has the id, whatever its key is now. If the scans saw that key, it is
/// another listing and says nothing. If they did not, it may be the absent listing itself.
async fn beside(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
    told: &mut Confirmation,
) -> Result<Confirmed, StepError> {
    let shown = told.negatives_shown.clone().unwrap_or_default();
    let variants = std::mem::take(&mut told.variants);
    let wanted: BTreeSet<Vec<u8>> = variants
        .iter()
        .map(|(_, variant)| variant)
        .chain(&shown)
        .map(|key| key.clone().into_bytes())
        .collect();
    let seen = match wanted.is_empty() {
        true => BTreeSet::new(),
        false => seen(env, run, compared, wanted).await?,
    };
    let is_unseen = |key: &&String| !seen.contains(key.as_bytes());
    let mut restored: BTreeSet<String> = told.restored.iter().cloned().collect();
    let before = restored.len();
    for (key, _) in variants.iter().filter(|(_, variant)| is_unseen(&variant)) {
        if restored.insert(key.clone()) {
            told.restored.push(key.clone());
        }
    }
    told.variants = variants;
    let variants = (restored.len() - before) as u64;
    if variants > 0 {
        tracing::warn!(run = %run.run, variants, "absent keys are live in another case, or under another key with the same id");
    }
    let asked = match told.asking {
        Some(asking) => few_of(&compared.negatives, asking.manner()).len(),
        None => 0,
    };
    let shows_gone = asked > 0 && shown.iter().filter(is_unseen).count() * 2 > asked;
    if shows_gone {
        tracing::warn!(run = %run.run, "the provider still shows keys that were confirmed gone; its answers list nothing");
    }
    Ok(Confirmed {
        variants,
        shows_gone,
        ..Confirmed::default()
    })
}

/// Which of `wanted` the scans of the run saw.
pub(super) async fn seen(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
    wanted: BTreeSet<Vec<u8>>,
) -> Result<BTreeSet<Vec<u8>>, StepError> {
    let progress: Progress = load(&*env.objects, run, &compared.progress).await?;
    let mut seen = BTreeSet::new();
    for part in &progress.parts {
        let summary = part.list.summary.clone();
        let mut list = lists::open(&*env.objects, &part.list.object, summary).await?;
        let wanted = wanted.clone();
        let found = livelist_blocking::run(move || {
            let mut found = Vec::new();
            while list.advance()? {
                if wanted.contains(list.key()) {
                    found.push(list.key().to_vec());
                }
            }
            Ok::<_, CodecError>(found)
        })
        .await?;
        seen.extend(found.map_err(lists::in_object(&part.list.object))?);
    }
    Ok(seen)
}

/// Ends the confirmation: stores the list of gone keys, and asks the model what to do next.
pub(super) async fn conclude(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
    absent: &[Vec<u8>],
    askable: &[Vec<u8>],
    told: &mut Confirmation,
) -> Result<Next, StepError> {
    let beside = beside(env, run, compared, told).await?;
    let was_asked = told.ids_refused || told.asked == askable.len() as u64;
    let seen_before = held_before(env, run, compared).await?;
    let settled = match was_asked {
        true => settle(env, run, compared, absent, askable, told, &seen_before).await?,
        false => Settled::default(),
    };
    let fresh = settled
        .gone
        .iter()
        .filter(|key| !seen_before.contains(**key));
    let fresh = fresh.count() as u64;
    let mut list = lists::writer(Effort::Stored);
    for key in &settled.gone {
        list.push(key).map_err(lists::in_object("gone"))?;
    }
    let (chunks, summary) = list.finish().map_err(lists::in_object("gone"))?;
    let (feed, id) = (&run.feed.feed, &run.run);
    let kept: ListRef = lists::keep(&*env.objects, feed, id, "gone", chunks, summary).await?;
    let gone = kept.summary.count;
    told.gone = Some(kept);
    told.waiting = settled.waiting;
    let restored = settled.restored;
    let numbers = Confirmed {
        asked: match was_asked {
            true => absent.len() as u64,
            false => told.asked,
        },
        restored,
        waits: match was_asked {
            true => (absent.len() as u64).saturating_sub(gone.saturating_add(restored)),
            false => 0,
        },
        controls_found: !told.controls_failed,
        fresh,
        learned: learned(run, told)?,
        ..beside
    };
    told.told = Some(numbers);
    Ok(decision::after_confirmation(
        &compared.facts,
        &numbers,
        &run.feed.guards,
    ))
}

/// The result for the absent keys.
#[derive(Default)]
struct Settled<'k> {
    gone: Vec<&'k [u8]>,
    /// How many live.
    restored: u64,
    waiting: Option<NextWaiting>,
}

/// Decides about the absent keys. Usually a key that was not found is gone. Exceptions:
/// - A key that cannot be asked for is gone if the looks of two days missed it.
/// - If recently confirmed removals were listed again, each removal takes two days.
/// - If the MLS is asked by an id, a question on one day is not enough if any id changed in this run or in
///   the days before, or if the scan is in doubt or lost a row that was found. The id may have changed, and
///   the scan may have lost the row.
/// - If answers by key show more than the feed lists (CREA), a key that was found is still gone from this
///   list if the looks of two days missed it.
async fn settle<'k>(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
    absent: &'k [Vec<u8>],
    askable: &[Vec<u8>],
    told: &Confirmation,
    held: &BTreeSet<Vec<u8>>,
) -> Result<Settled<'k>, StepError> {
    let dialect = Dialect::for_feed(&run.feed)?;
    let missed_twice: BTreeSet<Vec<u8>> = match &compared.gone {
        Some(list) => read_whole(env, list).await?.into_iter().collect(),
        None => BTreeSet::new(),
    };
    let restored: BTreeSet<&[u8]> = told.restored.iter().map(|k| k.as_bytes()).collect();
    let by_id = dialect.id_field(&run.feed).is_some();
    let lost_rows = by_id && !restored.is_empty();
    let began = compared.facts.scans.last().map(|scan| scan.started_at);
    let ids_change = match began {
        Some(began) if by_id => looks::read(env, run).await?.0.ids_changed_lately(began),
        _ => false,
    };
    let is_doubtful = compared.facts.lately.is_distrusted
        || ((told.ids_changed || ids_change) && !is_off(Guard::Ids))
        || lost_rows
        || (by_id && decision::doubt(&compared.facts, false).is_some());
    let askable = if told.ids_refused { &[] } else { askable };
    let mut settled = Settled::default();
    let mut doubtful: Vec<&[u8]> = Vec::new();
    for key in absent {
        let was_missed_twice = missed_twice.contains(key);
        let is_gone = match (askable.binary_search(key), restored.contains(&key[..])) {
            // A scan that lost other rows proves nothing about this one.
            (Err(_), _) => was_missed_twice && !lost_rows,
            (Ok(_), true) => {
                // A key that was not found by key before, and is found now, has come back.
                let has_left = dialect.shows_more && was_missed_twice && !held.contains(key);
                settled.restored += u64::from(!has_left);
                has_left
            }
            (Ok(_), false) if is_doubtful => {
                doubtful.push(key);
                false
            }
            (Ok(_), false) => true,
        };
        if is_gone {
            settled.gone.push(key);
        }
    }
    let waits = !doubtful.is_empty() || compared.waiting.is_some();
    if let (true, Some(began)) = (waits, began) {
        // A key that was found waits for nothing, unless its answer says nothing about the list. A key that
        // could not be asked for waits as the comparison noted.
        let doubted: BTreeSet<&[u8]> = doubtful.iter().copied().collect();
        let was_found = |key: &str| restored.contains(key.as_bytes()) && !dialect.shows_more;
        let noted = |key: &str| !doubted.contains(key.as_bytes()) && !was_found(key);
        let (gone, waiting) = looks::ask_twice(env, run, began, &doubtful).await?;
        let waiting = match &compared.waiting {
            Some(compared) if lost_rows => waiting.beside(&compared.without(&run.run), noted),
            Some(compared) => waiting.beside(compared, noted),
            None => waiting,
        };
        let gone: BTreeSet<Vec<u8>> = gone.into_iter().collect();
        settled
            .gone
            .extend(doubtful.into_iter().filter(|key| gone.contains(*key)));
        settled.gone.sort_unstable();
        settled.waiting = Some(waiting);
    }
    Ok(settled)
}

/// The form of question that worked, if it is not the configured one.
fn learned(run: &RunSpec, told: &Confirmation) -> Result<Option<Manner>, StepError> {
    let set = confirm::as_set(&Dialect::for_feed(&run.feed)?);
    let learned = set
        .zip(told.asking)
        .filter(|(set, asking)| asking.has_learned(*set));
    Ok(learned.map(|(_, asking)| asking.manner()))
}

/// The removals that a run of an earlier day confirmed, and that were held because of their number: this
/// was their first look. Only keys count, whatever the list has become since.
async fn held_before(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
) -> Result<BTreeSet<Vec<u8>>, StepError> {
    let held = env
        .objects
        .read_json::<Held>(&layout::held(&run.feed.feed))
        .await?;
    let Some((held, _)) = held else {
        return Ok(BTreeSet::new());
    };
    let (Some(date), Some(began)) = (
        held.run.date(),
        compared.facts.scans.last().map(|scan| scan.started_at),
    ) else {
        return Ok(BTreeSet::new());
    };
    // Notes of earlier versions do not say when the run began.
    let look = Look::new(held.run.clone(), date, held.began.unwrap_or(held.at));
    let is_another = look.before(&run.feed.schedule, run.date, began) == Before::Another;
    if held.reason != HeldReason::MassRemoval || !is_another {
        return Ok(BTreeSet::new());
    }
    let Some(list) = held.removals else {
        return Ok(BTreeSet::new());
    };
    match read_whole(env, &list).await {
        Ok(keys) => Ok(keys.into_iter().collect()),
        // Lifecycle rules may have deleted it; then this is the first look again.
        Err(StepError::Store(livelist_store::StoreError::Missing { .. })) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}
