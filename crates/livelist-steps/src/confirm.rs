//! `confirm`: asks the provider for the absent keys, in batches that also name controls (keys that
//! are known to be live). A key is gone when two answers showed their controls and did not show the
//! key.

mod asking;
mod settle;
mod sites;

use std::time::Duration;

use livelist_model::asking::Asking;
use livelist_model::decision::Next;
use livelist_model::run::RunSpec;
use livelist_reso::confirm;
use livelist_reso::dialect::Dialect;
use livelist_reso::{Admission, Client};
use serde::{Deserialize, Serialize};

use self::asking::{Paused, Questions};
use self::settle::conclude;
use crate::authorize::wait_seconds;
use crate::compare::read_whole;
use crate::env::patience;
use crate::progress::{Compared, Confirmation, Progress, load, note_lost, note_restored, save};
use crate::{Env, StepError, budget, endpoint, forms, ids};

/// The step's name.
pub const NAME: &str = "confirm";

/// The step's input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// The token, sealed for this run.
    pub token: String,
    /// The document with the comparison.
    pub comparison: String,
    /// The progress of the confirmation; `None` at its beginning.
    pub confirmation: Option<String>,
}

/// The step's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The result.
    pub outcome: Outcome,
    /// Seconds to wait before going on, when throttled.
    pub wait_seconds: u64,
    /// The progress document of the scan; another one if a new scan begins.
    pub progress: String,
    /// The progress of the confirmation.
    pub confirmation: String,
    /// Absent keys asked for so far.
    pub asked: u64,
    /// Of these, found to be live.
    pub restored: u64,
}

/// The result of a confirmation task.
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

/// After an error, a task that had made progress hands its work on to the next task. A run does that at
/// most this often.
const MOST_HANDED_ON: u32 = 12;
/// That many questions are progress.
const PROGRESS: u64 = 10;
/// The next task waits this long after an error.
const PAUSE: Duration = Duration::from_secs(30);

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
    let session = endpoint::open(env, &run, &token).await?;
    let compared: Compared = load(&*env.objects, &run, &comparison).await?;
    let mut told: Confirmation = match confirmation {
        Some(key) => load(&*env.objects, &run, &key).await?,
        None => Confirmation::default(),
    };
    let absent = read_whole(env, &compared.absent.list).await?;
    let pace = env.pace();
    let limits = Dialect::for_feed(&run.feed)?.limits_of(&run.feed);
    let ledger = budget::ledger(env, &run, &limits).await?;
    let client = Client::new(&*env.transport, &pace, &run.feed, &session, ledger)?;
    let known = told.admission.clone();
    let client = client.admitted(known.unwrap_or_else(Admission::of_a_reader));
    let mut client = client.until(env.limits.deadline(env.clock.now()));
    let named = named(env, &run, &compared, &absent, &told).await?;
    if let Some(named) = &named {
        told.ids_changed |= named.changed > 0;
        client = client.asking_by(named.of.clone());
    }
    let askable = askable(&absent, named.as_ref());
    let before = place(&told);
    let mut answers = 0;
    let asked = ask_on(
        env,
        &run,
        &mut client,
        &compared,
        &askable,
        &mut told,
        &mut answers,
    )
    .await;
    let accounted = budget::keep(env, &run, &mut client).await;
    let (paused, wait) = match asked.and_then(|asked| accounted.map(|()| asked)) {
        // The same refusal as in an earlier task, which reported its error.
        Ok(asked) if named.is_some() && told.controls_failed && told.was_forbidden => {
            told.controls_failed = false;
            told.ids_refused = true;
            asked
        }
        Ok(asked) => asked,
        // The account may not ask by id: a later run has to agree.
        Err(StepError::Provider(error)) if named.is_some() && error.is_refusal() => {
            tracing::warn!(
                run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, %error,
                "the MLS refuses questions about single listings; absent keys wait for a later run"
            );
            told.ids_refused = true;
            (None, Duration::ZERO)
        }
        // Answers before the error are kept: the next task continues there.
        Err(StepError::Provider(error))
            if confirm::may_be_the_question(&error)
                && answers >= PROGRESS
                && told.handed_on < MOST_HANDED_ON =>
        {
            tracing::warn!(run = %run.run, %error, "a question about keys failed; the next task continues");
            told.handed_on += 1;
            (Some(Outcome::Throttled), PAUSE)
        }
        Err(error) => {
            let mut before = compared.traffic;
            before.add(told.traffic);
            note_lost(env, &run, before, client.traffic()).await;
            let manner = told.asking.map(|asking| asking.manner().describe());
            let manner = manner.unwrap_or_else(|| "by key".to_owned());
            return Err(error.asked_for(|| format!("a question about keys ({manner})")));
        }
    };
    told.admission = Some(client.admission());
    let is_stalled = paused == Some(Outcome::Throttled) && place(&told) == before;
    told.stalled = if is_stalled { told.stalled + 1 } else { 0 };
    let wait = wait.max(patience(told.stalled));
    env.renew(&run, &owner, wait).await?;
    let mut progress = compared.progress.clone();
    let outcome = match paused {
        Some(outcome) => outcome,
        // Nothing is absent: the run only asks for the keys of sites.
        None if absent.is_empty() => Outcome::Publish,
        None => match conclude(env, &run, &compared, &absent, &askable, &mut told).await? {
            Next::ScanAgain => {
                let mut scanned: Progress = load(&*env.objects, &run, &progress).await?;
                scanned.traffic.add(told.traffic);
                scanned.traffic.add(client.traffic());
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
    if outcome == Outcome::Publish && told.hold.is_none() && !told.ids_refused {
        client = sites::ask(env, &run, client, &compared, named.as_ref(), &mut told).await;
    }
    told.traffic.add(client.traffic());
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

/// The position, which changes with every answer.
fn place(told: &Confirmation) -> (u64, u32, u32, Option<Asking>) {
    (told.asked, told.round, told.question, told.asking)
}

/// If the MLS is asked by an id: the ids of the absent keys and of the controls. `None` if so many keys
/// have changed theirs that an answer by id proves nothing, or if the MLS refused such questions.
async fn named(
    env: &Env,
    run: &RunSpec,
    compared: &Compared,
    absent: &[Vec<u8>],
    told: &Confirmation,
) -> Result<Option<ids::Ids>, StepError> {
    if Dialect::for_feed(&run.feed)?.id_field(&run.feed).is_none() {
        return Ok(None);
    }
    if told.ids_refused {
        return Ok(Some(ids::Ids::default()));
    }
    let progress: Progress = load(&*env.objects, run, &compared.progress).await?;
    let controls = compared.controls.iter().map(|key| key.clone().into_bytes());
    let keys = absent.iter().cloned().chain(controls).collect();
    let found = ids::look_up(env, run, &progress, keys).await?;
    if found.changed > ids::MOST_CHANGED {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, changed = found.changed,
            "ids by which listings are asked for have changed; absent keys wait for a later run"
        );
        return Ok(Some(ids::Ids::default()));
    }
    Ok(Some(found))
}

/// The absent keys that can be asked for.
fn askable(absent: &[Vec<u8>], named: Option<&ids::Ids>) -> Vec<Vec<u8>> {
    let can_ask = |key: &&Vec<u8>| named.is_none_or(|named| named.of.contains_key(*key));
    absent.iter().filter(can_ask).cloned().collect()
}

/// Asks until all keys were asked for, or returns why it pauses. What was learned about the form of
/// questions is kept for the next run in any case.
async fn ask_on(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
    compared: &Compared,
    absent: &[Vec<u8>],
    told: &mut Confirmation,
    answers: &mut u64,
) -> Result<Paused, StepError> {
    let Some(set) = confirm::as_set(client.dialect()) else {
        return Err(StepError::InputInvalid(format!(
            "{} cannot be asked for single keys",
            client.feed().provider
        )));
    };
    let recalled = forms::recall(env, run, set).await;
    let asking = told.asking.or(recalled).unwrap_or(Asking::as_set(set));
    let before = recalled.unwrap_or(Asking::as_set(set)).manner();
    let controls: Vec<String> = compared
        .controls
        .iter()
        .filter(|key| client.can_ask(key.as_bytes()))
        .cloned()
        .collect();
    let mut questions = Questions {
        client,
        controls: &controls,
        has_tokens: true,
        shows_nothing: compared.facts.live == 0,
        absent,
        told,
        asking,
        answers,
        why: None,
    };
    let asked = questions.all(env, run, &compared.negatives).await;
    let asking = questions.asking;
    told.asking = Some(asking);
    if asking.has_learned(set) && asking.manner() != before {
        forms::keep(env, run, set, asking).await;
    }
    asked
}
