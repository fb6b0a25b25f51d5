//! `confirm`: asks the provider for the absent keys, in batches with keys that are known to be live
//! among them. A key is gone when two answers that did show the live ones did not show it.

mod sites;

use std::collections::BTreeSet;
use std::time::Duration;

use livelist_model::asking::{After, Asking, Manner, can_be_bare};
use livelist_model::codec::{CodecError, Effort, KeyStream};
use livelist_model::decision::{self, Confirmed, HeldReason, Next};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::Held;
use livelist_model::layout;
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;
use livelist_model::waiting::{Before, Look};
use livelist_reso::client::Patience;
use livelist_reso::confirm::{self, CONTROLS, Plan, Question, Shown};
use livelist_reso::dialect::Dialect;
use livelist_reso::{Admission, Client, ClientError, Session};
use livelist_store::ObjectsExt;
use serde::{Deserialize, Serialize};

use crate::authorize::wait_seconds;
use crate::compare::read_whole;
use crate::env::patience;
use crate::progress::{
    Compared, Confirmation, NextWaiting, Progress, load, note_lost, note_restored, save,
};
use crate::{Env, StepError, budget, forms, ids, lists, looks};

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

/// A batch whose controls are not found is asked again, with others, so often.
const TRIES: u32 = 3;
/// So often in one run a task that had made progress hands on what it has after an error.
const MOST_HANDED_ON: u32 = 12;
/// That many questions are progress.
const PROGRESS: u64 = 10;
/// After an error the next task waits so long.
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
        // The same refusal, whose error was told in a task that is over.
        Ok(asked) if named.is_some() && told.controls_failed && told.was_refused => {
            told.controls_failed = false;
            told.ids_refused = true;
            asked
        }
        Ok(asked) => asked,
        // The account may not ask by id: a later run has to agree.
        Err(StepError::Provider(
            error @ (ClientError::Rejected { .. } | ClientError::Denied { .. }),
        )) if named.is_some() => {
            tracing::warn!(
                run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, %error,
                "the MLS refuses to be asked for listings: what is absent waits for a later run"
            );
            told.ids_refused = true;
            (None, Duration::ZERO)
        }
        // What was answered before the error is kept: the next task goes on there.
        Err(StepError::Provider(error))
            if confirm::may_be_the_question(&error)
                && answers >= PROGRESS
                && told.handed_on < MOST_HANDED_ON =>
        {
            tracing::warn!(run = %run.run, %error, "a question about keys failed; the next task goes on");
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
    let asked_before = told.traffic;
    told.admission = Some(client.admission());
    told.traffic.add(client.traffic());
    let is_stalled = paused == Some(Outcome::Throttled) && place(&told) == before;
    told.stalled = if is_stalled { told.stalled + 1 } else { 0 };
    let wait = wait.max(patience(told.stalled));
    env.renew(&run, &owner, wait).await?;
    let mut progress = compared.progress.clone();
    let outcome = match paused {
        Some(outcome) => outcome,
        // Nothing is absent: the run is here for what sites asked about.
        None if absent.is_empty() => Outcome::Publish,
        None => match conclude(env, &run, &compared, &absent, &askable, &mut told).await? {
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
    if outcome == Outcome::Publish && told.hold.is_none() && !told.ids_refused {
        client = sites::ask(env, &run, client, &compared, named.as_ref(), &mut told).await;
        told.traffic = asked_before;
        told.traffic.add(client.traffic());
    }
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

/// Where it is: what moves with every answer.
fn place(told: &Confirmation) -> (u64, u32, u32, Option<Asking>) {
    (told.asked, told.round, told.question, told.asking)
}

/// Where the MLS is asked by an id: the ids of the absent keys and of the controls. None where so many
/// keys changed theirs that an answer by id proves nothing, or where the MLS refused to be asked.
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
            "listings changed the ids by which they are asked for: what is absent waits for a later run"
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

type Paused = (Option<Outcome>, Duration);

/// Asks until everything was asked for, or says why it pauses. What was learned on the way of the
/// questions that are answered is kept for the next run, whatever becomes of this one.
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

/// The questions of one task.
struct Questions<'q, 'c> {
    client: &'q mut Client<'c>,
    controls: &'q [String],
    /// A feed that shows nothing has no live key to ask for beside. It is asked on two days.
    shows_nothing: bool,
    absent: &'q [Vec<u8>],
    told: &'q mut Confirmation,
    asking: Asking,
    /// Questions of this task that were answered.
    answers: &'q mut u64,
    /// The error that the doubt began with.
    why: Option<ClientError>,
}

impl Questions<'_, '_> {
    async fn all(
        &mut self,
        env: &Env,
        run: &RunSpec,
        negatives: &[String],
    ) -> Result<Paused, StepError> {
        let begun = env.clock.now();
        let mut batches = 0;
        loop {
            let is_done =
                self.told.asked as usize >= self.absent.len() || self.told.controls_failed;
            let has_negatives = !negatives.is_empty() && !self.told.controls_failed;
            if is_done && (!has_negatives || self.told.negatives_shown.is_some()) {
                return Ok((None, Duration::ZERO));
            }
            let asked = match (is_done, self.asking.is_in_doubt()) {
                (true, _) => self.negatives(negatives).await,
                (false, true) => self.trial().await,
                (false, false) => self.batch().await,
            };
            match asked {
                Ok(()) => {}
                Err(ClientError::Throttled(wait)) => return Ok((Some(Outcome::Throttled), wait)),
                // The next task has time for it.
                Err(ClientError::OutOfTime) if batches > 0 => {
                    return Ok((Some(Outcome::More), Duration::ZERO));
                }
                Err(ClientError::Unauthorized) => {
                    return match self.client.admission().is_over() {
                        true => Err(StepError::TokenRefused),
                        false => Ok((Some(Outcome::Unauthorized), Duration::ZERO)),
                    };
                }
                Err(error) => return Err(error.into()),
            }
            batches += 1;
            if budget::is_due(self.client) {
                budget::keep(env, run, self.client).await?;
            }
            let is_spent = env.limits.is_spent(begun, env.clock.now(), batches);
            if is_spent && (self.told.asked as usize) < self.absent.len() {
                return Ok((Some(Outcome::More), Duration::ZERO));
            }
        }
    }

    /// Asks for the next absent keys, or once more for those of them that no answer has shown. Each
    /// answer that came is kept, so that a provider that asks to wait at every second request is not
    /// asked the same for ever.
    async fn batch(&mut self) -> Result<(), ClientError> {
        if self.controls.is_empty() && !self.shows_nothing {
            self.told.controls_failed = true;
            return Ok(());
        }
        let manner = self.asking.manner();
        let from = self.told.asked as usize;
        let most = from + Plan::of(manner.keys as usize).room();
        // A version that does not note where a batch ends began it: it is begun anew.
        let end = self.told.batch_end.unwrap_or(most as u64);
        if self.told.batch_end.is_none() {
            self.told.round = 0;
            self.told.missing.clear();
        }
        let end = (end as usize).min(self.absent.len());
        self.told.batch_end = Some(end as u64);
        let wanted: Vec<Vec<u8>> = match self.told.round {
            0 => self.absent[from..end].to_vec(),
            _ => bytes_of(&self.told.missing),
        };
        let chosen = choose(self.controls, self.told.controls_used);
        let turn = self.told.round;
        let questions = confirm::questions(self.client, manner, &chosen, &wanted, turn);
        for question in questions.iter().skip(self.told.question as usize) {
            let keys = question.keys.len() as u32;
            self.client.be_patient(match self.asking.is_attempt(keys) {
                true => confirm::SEARCHING,
                false => Patience::default(),
            });
            match confirm::ask(self.client, manner, &question.keys).await {
                Ok(shown) if shown.is_answer(&question.controls) || is_off(Guard::Controls) => {
                    self.note(question, &shown);
                }
                Ok(_) => return self.missed(keys),
                Err(error) if confirm::may_be_the_question(&error) => {
                    return self.refused(keys, Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        let largest = questions.iter().map(|q| q.keys.len()).max().unwrap_or(0);
        let alone = self.alone(&chosen, largest);
        for asked in alone.chunks(manner.keys as usize) {
            let keys = asked.len() as u32;
            match confirm::ask(self.client, manner, asked).await {
                Ok(shown) if is_whole(&shown, asked, self.controls.len()) => {}
                Ok(_) => return self.missed(keys),
                Err(error) if confirm::may_be_the_question(&error) => {
                    return self.refused(keys, Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        self.told.whole = self.told.whole.max(largest as u32);
        // Only now: the questions of a batch stay what they are, wherever it is taken up again.
        self.asking.answered(largest as u32);
        self.told.was_refused = false;
        self.why = None;
        let found: BTreeSet<Vec<u8>> = bytes_of(&self.told.found).into_iter().collect();
        round(self.told, &wanted, &found, end);
        self.begin_again();
        Ok(())
    }

    /// The controls that are asked for alone, to see that as large an answer comes whole: in the order
    /// in which the provider answers, all controls of a question may stand before all that its answer
    /// loses. Once for each size, but each time where there are few.
    fn alone(&self, chosen: &[Vec<u8>], largest: usize) -> Vec<Vec<u8>> {
        let few = self.controls.len() <= CONTROLS;
        match () {
            () if is_off(Guard::Controls) => Vec::new(),
            () if few => chosen.to_vec(),
            () if largest <= 1 || self.told.whole as usize >= largest => Vec::new(),
            () => {
                let many = largest.min(self.controls.len());
                let from = self.told.controls_used as usize;
                let at = (0..many)
                    .map(|i| (from + i * self.controls.len() / many) % self.controls.len());
                at.map(|at| self.controls[at].clone().into_bytes())
                    .collect()
            }
        }
    }

    /// Notes what an answer shows of a question's keys.
    fn note(&mut self, question: &Question, shown: &Shown) {
        let asked = question
            .keys
            .iter()
            .filter(|key| !question.controls.contains(key));
        for key in asked {
            if shown.keys.contains(key) {
                self.told.found.push(text(key));
            } else if let Some(variant) = shown.variant_of(key, &question.keys) {
                self.told.variants.insert((text(key), text(variant)));
            }
        }
        self.told.question += 1;
        self.told.refused_at = None;
        *self.answers += 1;
    }

    /// An answer did not show all of its controls. Where that stays so with others, it may be the
    /// question.
    fn missed(&mut self, keys: u32) -> Result<(), ClientError> {
        self.told.tries += 1;
        if self.told.tries < TRIES && !self.asking.is_attempt(keys) {
            let tries = self.told.tries;
            self.begin_again();
            self.told.tries = tries;
            return Ok(());
        }
        self.refused(keys, None)
    }

    /// A question was not answered.
    fn refused(&mut self, keys: u32, error: Option<ClientError>) -> Result<(), ClientError> {
        self.begin_again();
        if self.told.round == 0 {
            self.told.batch_end = None;
        }
        let after = self.asking.refused(keys);
        self.told.was_refused |= error.is_some();
        self.why = self.why.take().or(error);
        self.go_on(after, None)
    }

    /// Asks for one key that is known to be live, to learn whether it was the question.
    async fn trial(&mut self) -> Result<(), ClientError> {
        self.client.be_patient(confirm::SEARCHING);
        let here = Some((self.told.asked, self.told.round));
        let mut failed = None;
        // One may have been sold a moment ago.
        for _ in 0..2 {
            let at = self.told.controls_used as usize % self.controls.len().max(1);
            self.told.controls_used += 1;
            let Some(control) = self.controls.get(at) else {
                break;
            };
            let Some(manner) = self.asking.trial(can_be_bare(control)) else {
                break;
            };
            let control = [control.clone().into_bytes()];
            match confirm::ask(self.client, manner, &control).await {
                Ok(shown) if shown.is_answer(&control) => {
                    let after = self.asking.tried(true);
                    return self.go_on(after, None);
                }
                Ok(_) => {}
                Err(error) if confirm::is_down(&error) => {
                    return Err(self.why.take().unwrap_or(error));
                }
                // One live key alone: what was refused may be the token, and not the question.
                Err(error)
                    if self.told.refused_at != here && self.client.may_be_the_token(&error) =>
                {
                    self.told.refused_at = here;
                    self.asking.forget_doubt();
                    self.why = None;
                    return Err(self.client.doubt_token());
                }
                Err(error) if confirm::may_be_the_question(&error) => {
                    failed = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let after = self.asking.tried(false);
        self.go_on(after, failed)
    }

    /// Where nothing more is to be tried, the error that the doubt began with stands; without one it is the
    /// controls that were not found, whatever another form of the question came to.
    fn go_on(&mut self, after: After, error: Option<ClientError>) -> Result<(), ClientError> {
        match (after, self.why.take(), error) {
            (After::GoOn, why, _) => {
                self.why = why;
                Ok(())
            }
            (After::GiveUp, Some(error), _) => Err(error),
            // It began in a task that is over.
            (After::GiveUp, None, Some(error)) if self.told.was_refused => Err(error),
            (After::GiveUp, None, error) => {
                if let Some(error) = error {
                    tracing::warn!(%error, "another form of the question is refused");
                }
                self.told.controls_failed = true;
                Ok(())
            }
        }
    }

    /// The batch at hand is asked for from its beginning, with other controls.
    fn begin_again(&mut self) {
        self.told.controls_used += 1;
        self.told.question = 0;
        self.told.found.clear();
        self.told.tries = 0;
    }

    /// Asks for a few keys that were confirmed gone lately. That this fails says nothing.
    async fn negatives(&mut self, negatives: &[String]) -> Result<(), ClientError> {
        let manner = self.asking.manner();
        let chosen = choose(self.controls, self.told.controls_used);
        let few = bytes_of(few_of(negatives, manner));
        if few.is_empty() {
            self.told.negatives_shown = Some(Vec::new());
            return Ok(());
        }
        let mut shown = Vec::new();
        for question in confirm::questions(self.client, manner, &chosen, &few, 0) {
            match confirm::ask(self.client, manner, &question.keys).await {
                Ok(answer) if answer.is_answer(&question.controls) => {
                    let others = few.iter().filter(|key| question.keys.contains(key));
                    shown.extend(others.filter(|key| answer.keys.contains(*key)).map(text));
                }
                Err(error @ (ClientError::Throttled(_) | ClientError::Unauthorized)) => {
                    return Err(error);
                }
                Ok(_) | Err(_) => break,
            }
        }
        self.told.negatives_shown = Some(shown);
        Ok(())
    }
}

/// As many of them as one question holds; none where each key is a question, and its controls are others.
fn few_of(negatives: &[String], manner: Manner) -> &[String] {
    let most = match manner.keys {
        ..=1 => 0,
        keys => negatives.len().min(keys as usize),
    };
    negatives.get(..most).unwrap_or_default()
}

/// Whether an answer about controls alone came whole. Of many, one or the other may have been sold since
/// they were seen.
fn is_whole(shown: &Shown, asked: &[Vec<u8>], controls: usize) -> bool {
    let missing = asked
        .iter()
        .filter(|key| !shown.keys.contains(*key))
        .count();
    let may_miss = match controls <= CONTROLS {
        true => 0,
        false => asked.len() / 16,
    };
    !shown.is_full && missing <= may_miss
}

fn text(key: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(key.as_ref()).into_owned()
}

fn bytes_of(keys: &[String]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.clone().into_bytes()).collect()
}

/// Ends a round about a batch that ends before `end`, in which `live` was found of `wanted`.
///
/// What was not found is asked for again, in another order and with other controls, until a round
/// finds no further live key: one answer that lost rows is not enough to call a listing gone.
fn round(told: &mut Confirmation, wanted: &[Vec<u8>], live: &BTreeSet<Vec<u8>>, end: usize) {
    // A batch that is begun anew finds again what it had found.
    let known: BTreeSet<String> = told.restored.iter().cloned().collect();
    let fresh = live.iter().map(text).filter(|key| !known.contains(key));
    told.restored.extend(fresh);
    let missing = wanted.iter().rev().filter(|key| !live.contains(*key));
    told.missing = missing.map(text).collect();
    told.round += 1;
    if told.missing.is_empty() || (told.round > 1 && live.is_empty()) {
        told.asked = end as u64;
        told.round = 0;
        told.batch_end = None;
        told.missing.clear();
    }
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

/// What answers showed beside what was asked for, held against what the run's scans saw: absent keys
/// that live in another case, and whether keys are shown that are gone.
///
/// A server that compares without case answers a question about `abc1` with the row `ABC1`. If the
/// scans saw that one, it is a listing of its own and says nothing about the other. If they did not,
/// it is the listing itself.
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
        tracing::warn!(run = %run.run, variants, "absent keys are live in another case");
    }
    let asked = match told.asking {
        Some(asking) => few_of(&compared.negatives, asking.manner()).len(),
        None => 0,
    };
    let shows_gone = asked > 0 && shown.iter().filter(is_unseen).count() * 2 > asked;
    if shows_gone {
        tracing::warn!(run = %run.run, "the provider shows keys by key that are gone");
    }
    Ok(Confirmed {
        variants,
        shows_gone,
        ..Confirmed::default()
    })
}

/// Which of `wanted` the scans of the run saw.
async fn seen(
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
        let found = livelist_reso::blocking::run(move || {
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

/// Ends the confirmation: lists what is gone and asks the model what to do.
async fn conclude(
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

/// What became of the absent keys.
#[derive(Default)]
struct Settled<'k> {
    gone: Vec<&'k [u8]>,
    /// How many live.
    restored: u64,
    waiting: Option<NextWaiting>,
}

/// Settles what the answers make of the absent keys. Mostly a key that was not found is gone. But:
/// - a key that cannot be asked for is gone if looks of two days missed it;
/// - where removals that were confirmed lately came back, each takes two days;
/// - where the MLS is asked by an id, and any id changed or the scan is in doubt or lost a row that was
///   found, a question of one day is not enough: the id may have changed, and the scan may have lost the row;
/// - where an answer by key shows more than the feed lists (CREA), what is found is gone from this list
///   all the same if looks of two days missed it.
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
    let is_doubtful = compared.facts.lately.is_distrusted
        || told.ids_changed
        || lost_rows
        || (by_id && decision::doubt(&compared.facts, false).is_some());
    let askable = if told.ids_refused { &[] } else { askable };
    let mut settled = Settled::default();
    let mut doubtful: Vec<&[u8]> = Vec::new();
    for key in absent {
        let was_missed_twice = missed_twice.contains(key);
        let is_gone = match (askable.binary_search(key), restored.contains(&key[..])) {
            // A scan that lost other rows is no look at this one.
            (Err(_), _) => was_missed_twice && !lost_rows,
            (Ok(_), true) => {
                // One that was not found by key either, and is now, has come back.
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
    if let (false, Some(scan)) = (doubtful.is_empty(), compared.facts.scans.last()) {
        let (gone, waiting) = looks::ask_twice(env, run, scan.started_at, &doubtful).await?;
        let gone: BTreeSet<Vec<u8>> = gone.into_iter().collect();
        settled
            .gone
            .extend(doubtful.into_iter().filter(|key| gone.contains(*key)));
        settled.gone.sort_unstable();
        settled.waiting = Some(waiting);
    }
    Ok(settled)
}

/// How the provider was asked, where that is not as the settings say.
fn learned(run: &RunSpec, told: &Confirmation) -> Result<Option<Manner>, StepError> {
    let set = confirm::as_set(&Dialect::for_feed(&run.feed)?);
    let learned = set
        .zip(told.asking)
        .filter(|(set, asking)| asking.has_learned(*set));
    Ok(learned.map(|(_, asking)| asking.manner()))
}

/// The removals that a run of an earlier day confirmed and held for their number: they were looked at
/// once before. Keys count, whatever the list has become since.
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
        // Lifecycle rules may have removed it; then this is the first look again.
        Err(StepError::Store(livelist_store::StoreError::Missing { .. })) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}
