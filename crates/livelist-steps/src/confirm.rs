//! `confirm`: asks the provider for the absent keys, in batches with keys that are known to be live
//! among them. A key is gone when two answers that did show the live ones did not show it.

use std::collections::BTreeSet;
use std::time::Duration;

use livelist_model::codec::Effort;
use livelist_model::decision::{self, Confirmed, HeldReason, Next};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::Held;
use livelist_model::layout;
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;
use livelist_reso::dialect::Dialect;
use livelist_reso::{Client, ClientError, Session, confirm};
use livelist_store::ObjectsExt;
use serde::{Deserialize, Serialize};

use crate::authorize::wait_seconds;
use crate::compare::read_whole;
use crate::env::patience;
use crate::progress::{Compared, Confirmation, Progress, load, note_lost, note_restored, save};
use crate::{Env, StepError, budget, lists};

/// The step's name.
pub const NAME: &str = "confirm";

/// What the step is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// The token, sealed for this run.
    pub token: String,
    /// What the comparison found.
    pub comparison: String,
    /// Where confirmation is; nothing at its beginning.
    pub confirmation: Option<String>,
}

/// What the step says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What became of it.
    pub outcome: Outcome,
    /// Seconds to wait before going on, when throttled.
    pub wait_seconds: u64,
    /// What was scanned; another document when a scan begins again.
    pub progress: String,
    /// Where confirmation is now.
    pub confirmation: String,
    /// Absent keys asked for so far.
    pub asked: u64,
    /// Of these, found to be live.
    pub restored: u64,
}

/// What became of a confirmation task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is more to ask for.
    More,
    /// The provider asks to wait.
    Throttled,
    /// The token is not accepted any more.
    Unauthorized,
    /// Scan once more: live keys were missing.
    Scan,
    /// Publish, or hold: the publisher knows.
    Publish,
}

/// Live keys in each request. An answer that loses rows must not miss just the keys in doubt: of
/// answers that lose every second row, one in 256 shows all of these.
const CONTROLS: usize = 8;
/// A batch whose controls are not found is asked again, with others, so often.
const TRIES: usize = 3;

/// Asks on.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    let Input {
        run,
        owner,
        token,
        comparison,
        confirmation,
    } = input;
    env.renew(&run, &owner, Duration::ZERO).await?;
    let session = Session::from_text(&env.sealer.open(run.run.as_str(), &token).await?);
    let compared: Compared = load(&*env.objects, &run, &comparison).await?;
    let mut told: Confirmation = match confirmation {
        Some(key) => load(&*env.objects, &run, &key).await?,
        None => Confirmation::default(),
    };
    let absent = read_whole(env, &compared.absent.list).await?;
    let pace = env.pace();
    let limits = Dialect::for_feed(&run.feed)?.limits_of(&run.feed);
    let ledger = budget::ledger(env, &run, &limits).await?;
    let mut client = Client::new(&*env.transport, &pace, &run.feed, &session, ledger)?;
    let before = (told.asked, told.round);
    let asked = ask_on(env, &run, &mut client, &compared, &absent, &mut told).await;
    let accounted = budget::keep(env, &run, &mut client).await;
    let (paused, wait) = match asked.and_then(|asked| accounted.map(|()| asked)) {
        Ok(asked) => asked,
        Err(error) => {
            let mut before = compared.traffic;
            before.add(told.traffic);
            note_lost(env, &run, before, client.traffic()).await;
            return Err(error);
        }
    };
    told.traffic.add(client.traffic());
    let is_stalled = paused == Some(Outcome::Throttled) && (told.asked, told.round) == before;
    told.stalled = if is_stalled { told.stalled + 1 } else { 0 };
    let wait = wait.max(patience(told.stalled));
    env.renew(&run, &owner, wait).await?;
    let mut progress = compared.progress.clone();
    let outcome = match paused {
        Some(outcome) => outcome,
        None => match conclude(env, &run, &compared, &absent, &mut told).await? {
            Next::ScanAgain => {
                let mut scanned: Progress = load(&*env.objects, &run, &progress).await?;
                scanned.traffic.add(told.traffic);
                note_restored(env, &run, told.restored.len() as u64).await;
                let again = scanned.again(&run, env.clock.now())?;
                progress = save(&*env.objects, &run, "scan", &again).await?;
                Outcome::Scan
            }
            Next::Hold(reason) => {
                told.hold = Some(reason);
                Outcome::Publish
            }
            Next::Confirm | Next::Publish => Outcome::Publish,
        },
    };
    let output = Output {
        outcome,
        wait_seconds: wait_seconds(wait),
        progress,
        confirmation: save(&*env.objects, &run, "confirmation", &told).await?,
        asked: told.asked,
        restored: told.restored.len() as u64,
    };
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, outcome = ?output.outcome,
        asked = output.asked, restored = output.restored, held = ?told.hold, "confirmed"
    );
    Ok(output)
}

type Paused = (Option<Outcome>, Duration);

/// Asks until everything was asked for, or says why it pauses.
async fn ask_on(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
    compared: &Compared,
    absent: &[Vec<u8>],
    told: &mut Confirmation,
) -> Result<Paused, StepError> {
    let Some(size) = client.dialect().confirm.keys() else {
        return Err(StepError::InputInvalid(format!(
            "{} cannot be asked for single keys",
            client.feed().provider
        )));
    };
    let begun = env.clock.now();
    let mut batches = 0;
    while (told.asked as usize) < absent.len() && !told.controls_failed {
        let end = absent
            .len()
            .min(told.asked as usize + size.saturating_sub(CONTROLS).max(1));
        let wanted = match told.round {
            0 => absent[told.asked as usize..end].to_vec(),
            _ => told
                .missing
                .iter()
                .map(|k| k.clone().into_bytes())
                .collect(),
        };
        let here = Some((told.asked, told.round));
        match ask(client, &compared.controls, &wanted, &mut told.controls_used).await {
            Ok(Some(live)) => {
                note(told, &wanted, &live, end);
                told.refused_at = None;
            }
            Ok(None) => told.controls_failed = true,
            Err(ClientError::Throttled(wait)) => return Ok((Some(Outcome::Throttled), wait)),
            Err(ClientError::Unauthorized) if told.refused_at == here => {
                return Err(StepError::TokenRefused);
            }
            Err(ClientError::Unauthorized) => {
                told.refused_at = here;
                return Ok((Some(Outcome::Unauthorized), Duration::ZERO));
            }
            Err(error) => return Err(error.into()),
        }
        batches += 1;
        if budget::is_due(client) {
            budget::keep(env, run, client).await?;
        }
        let is_spent = env.limits.is_spent(begun, env.clock.now(), batches);
        if is_spent && (told.asked as usize) < absent.len() {
            return Ok((Some(Outcome::More), Duration::ZERO));
        }
    }
    Ok((None, Duration::ZERO))
}

/// Notes an answer about a batch that ends before `end`.
///
/// What was not found is asked for again, in another order and with other controls, until an answer
/// finds no further live key: one answer that lost rows is not enough to call a listing gone. Each
/// round is kept, so that a provider that asks to wait at every second request is not asked the same
/// for ever.
fn note(told: &mut Confirmation, wanted: &[Vec<u8>], live: &BTreeSet<Vec<u8>>, end: usize) {
    let text = |key: &Vec<u8>| String::from_utf8_lossy(key).into_owned();
    told.restored.extend(live.iter().map(text));
    let missing = wanted.iter().rev().filter(|key| !live.contains(*key));
    told.missing = missing.map(text).collect();
    told.round += 1;
    if told.missing.is_empty() || (told.round > 1 && live.is_empty()) {
        told.asked = end as u64;
        told.round = 0;
        told.missing.clear();
    }
}

/// Which of `keys` are live; nothing if the provider does not even find the controls.
async fn ask(
    client: &mut Client<'_>,
    controls: &[String],
    keys: &[Vec<u8>],
    used: &mut u64,
) -> Result<Option<BTreeSet<Vec<u8>>>, ClientError> {
    if controls.is_empty() {
        return Ok(None);
    }
    for _ in 0..TRIES {
        let chosen = choose(controls, *used);
        *used += 1;
        // Controls at both ends and in between: wherever an answer is cut, it loses one.
        let gap = keys.len().div_ceil((chosen.len() - 1).max(1)).max(1);
        let mut rest = keys.chunks(gap);
        let mut asked = Vec::with_capacity(keys.len() + chosen.len());
        for control in &chosen {
            asked.push(control.clone());
            asked.extend_from_slice(rest.next().unwrap_or_default());
        }
        let mut found = confirm::find(client, &asked).await?;
        let shown = chosen.iter().filter(|key| found.remove(*key)).count();
        if is_off(Guard::Controls) {
            return Ok(Some(found));
        }
        // Where there are few controls, they may stand before all that an answer loses. Asked for
        // alone they show whether answers lose a share of their rows.
        let are_found = shown == chosen.len();
        let are_few = controls.len() <= CONTROLS;
        let are_shown = match are_found && are_few {
            true => confirm::find(client, &chosen).await?.len() == chosen.len(),
            false => are_found,
        };
        if are_shown {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Controls from all over the list, others each time. Where there are few, another one is left out
/// each time: all of them might be just the rows that a server shows which hides every second one.
fn choose(controls: &[String], used: u64) -> Vec<Vec<u8>> {
    let n = CONTROLS.min(controls.len());
    if (2..=CONTROLS).contains(&controls.len()) {
        let out = used as usize % controls.len();
        let others = controls.iter().enumerate().filter(|(at, _)| *at != out);
        return others.map(|(_, key)| key.clone().into_bytes()).collect();
    }
    (0..n)
        .map(|i| (used as usize + i * controls.len() / n) % controls.len())
        .map(|at| controls[at].clone().into_bytes())
        .collect()
}

/// Ends the confirmation: lists what is gone and asks the model what to do.
async fn conclude(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
    absent: &[Vec<u8>],
    told: &mut Confirmation,
) -> Result<Next, StepError> {
    let restored: BTreeSet<&[u8]> = told.restored.iter().map(|k| k.as_bytes()).collect();
    let gone = || absent.iter().filter(|k| !restored.contains(k.as_slice()));
    let seen_before = held_before(env, run, compared).await?;
    let fresh = gone().filter(|k| !seen_before.contains(*k)).count() as u64;
    let mut list = lists::writer(Effort::Stored);
    if told.asked == compared.facts.absent {
        for key in gone() {
            list.push(key).map_err(lists::in_object("gone"))?;
        }
    }
    let (chunks, summary) = list.finish().map_err(lists::in_object("gone"))?;
    let kept: ListRef = lists::keep(
        &*env.objects,
        &run.feed.feed,
        &run.run,
        "gone",
        chunks,
        summary,
    )
    .await?;
    told.gone = Some(kept);
    let numbers = Confirmed {
        asked: told.asked,
        restored: told.restored.len() as u64,
        controls_found: !told.controls_failed,
        fresh,
    };
    told.told = Some(numbers);
    Ok(decision::after_confirmation(
        &compared.facts,
        &numbers,
        &run.feed.guards,
    ))
}

/// The removals that an earlier run confirmed and held for their number, if the head is still the
/// one it compared with: they were looked at once before.
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
    let another_day = held.run.date().is_some_and(|date| date < run.date);
    if held.reason != HeldReason::MassRemoval
        || held.head_version.as_ref() != compared.base.as_ref().map(|b| &b.version)
        || !another_day
    {
        return Ok(BTreeSet::new());
    }
    let Some(list) = held.removals else {
        return Ok(BTreeSet::new());
    };
    match read_whole(env, &list).await {
        Ok(keys) => Ok(keys.into_iter().collect()),
        // Lifecycle rules may have removed it; then this is the first look again.
        Err(StepError::Store(livelist_store::StoreError::Missing { .. })) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}
