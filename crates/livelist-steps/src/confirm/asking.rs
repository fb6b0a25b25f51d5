//! The questions of a task about keys: in batches, with controls, in the form that the provider answers.

use std::collections::BTreeSet;
use std::time::Duration;

use livelist_model::asking::{After, Asking, Manner, can_be_bare};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::run::RunSpec;
use livelist_reso::client::Patience;
use livelist_reso::confirm::{self, CONTROLS, Plan, Question, Shown};
use livelist_reso::{Client, ClientError};

use super::Outcome;
use crate::progress::Confirmation;
use crate::{Env, StepError, budget};

/// A batch whose controls are not found is repeated with others, up to this often.
const TRIES: u32 = 3;

/// Why it pauses, if it does, and for how long.
pub(super) type Paused = (Option<Outcome>, Duration);

/// The questions of one task.
pub(super) struct Questions<'q, 'c> {
    pub(super) client: &'q mut Client<'c>,
    pub(super) controls: &'q [String],
    /// Whether a new token can be had, should it be the token that is refused.
    pub(super) has_tokens: bool,
    /// A feed that shows nothing has no live key to ask for beside. It is asked on two days.
    pub(super) shows_nothing: bool,
    pub(super) absent: &'q [Vec<u8>],
    pub(super) told: &'q mut Confirmation,
    pub(super) asking: Asking,
    /// Questions of this task that were answered.
    pub(super) answers: &'q mut u64,
    /// The error that the doubt began with.
    pub(super) why: Option<ClientError>,
}

impl Questions<'_, '_> {
    pub(super) async fn all(
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
                    let is_over = self.client.admission().is_over() || self.told.ended_again();
                    return match is_over {
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

    /// Asks for the next absent keys, or again for those that no answer has shown. Each answer is kept, so
    /// a provider that throttles every second request is not asked the same for ever.
    pub(super) async fn batch(&mut self) -> Result<(), ClientError> {
        if self.controls.is_empty() && !self.shows_nothing {
            self.told.controls_failed = true;
            return Ok(());
        }
        let mut manner = self.asking.manner();
        if self.told.round > 0 && self.controls.len() < CONTROLS {
            // With few controls, an answer that loses rows may still show all of them. So each key is asked
            // for alone.
            manner.keys = 1;
        }
        let from = self.told.asked as usize;
        let most = from + Plan::of(manner.keys as usize).room();
        // An earlier version, which did not store the end of a batch, began it: begin it again.
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
        // Only now: the questions of a batch do not change if another task continues it.
        self.asking.answered(largest as u32);
        (self.told.was_refused, self.told.was_forbidden) = (false, false);
        self.why = None;
        let found: BTreeSet<Vec<u8>> = bytes_of(&self.told.found).into_iter().collect();
        round(self.told, &wanted, &found, end);
        self.begin_again();
        Ok(())
    }

    /// Controls that are asked for alone, to check that an answer of this size is complete. Reason: in the
    /// provider's order, all controls of a question may come before the rows that its answer loses. Done
    /// once for each size, and each time if there are few controls.
    fn alone(&self, chosen: &[Vec<u8>], largest: usize) -> Vec<Vec<u8>> {
        let few = self.controls.len() <= CONTROLS;
        match () {
            () if is_off(Guard::Controls) => Vec::new(),
            // Each of them was a question.
            () if largest <= 1 => Vec::new(),
            () if few => chosen.to_vec(),
            () if self.told.whole as usize >= largest => Vec::new(),
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

    /// Records which keys of a question the answer shows.
    fn note(&mut self, question: &Question, shown: &Shown) {
        let asked = question
            .keys
            .iter()
            .filter(|key| !question.controls.contains(key));
        for key in asked {
            if shown.keys.contains(key) {
                self.told.found.push(text(key));
                continue;
            }
            // A listing may have another key now under the id by which it was asked for.
            let of_case = shown.variant_of(key, &question.keys);
            let of_id = shown.others_with(self.client.asked_as(key), &question.keys);
            let variants = of_case.into_iter().chain(of_id);
            let variants = variants.map(|variant| (text(key), text(variant)));
            self.told.variants.extend(variants);
        }
        self.told.question += 1;
        self.told.refused_at = None;
        *self.answers += 1;
    }

    /// An answer did not show all of its controls. If other controls are missing as well, the question may
    /// be the reason.
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
        self.told.was_forbidden |= error.as_ref().is_some_and(ClientError::is_refusal);
        self.why = self.why.take().or(error);
        self.go_on(after, None)
    }

    /// Asks for one key that is known to be live, to find out whether the question was the reason. If the
    /// scan saw no row, there is no such key: then it asks for an absent one, and any answer shows that the
    /// form is understood.
    pub(super) async fn trial(&mut self) -> Result<(), ClientError> {
        self.client.be_patient(confirm::SEARCHING);
        let here = Some((self.told.asked, self.told.round));
        let mut failed = None;
        let stand_in = self.absent.first().filter(|_| self.shows_nothing).map(text);
        // One may have been sold a moment ago.
        for _ in 0..2 {
            let at = self.told.controls_used as usize % self.controls.len().max(1);
            self.told.controls_used += 1;
            let Some(control) = self.controls.get(at).or(stand_in.as_ref()) else {
                break;
            };
            let Some(manner) = self.asking.trial(can_be_bare(control)) else {
                break;
            };
            let control = [control.clone().into_bytes()];
            match confirm::ask(self.client, manner, &control).await {
                Ok(shown) if self.controls.is_empty() || shown.is_answer(&control) => {
                    let after = self.asking.tried(true);
                    return self.go_on(after, None);
                }
                Ok(_) => {}
                Err(error) if confirm::is_down(&error) => {
                    return Err(self.why.take().unwrap_or(error));
                }
                // A question with one live key was refused: the token may be the reason, not the question.
                Err(error)
                    if self.has_tokens
                        && self.told.refused_at != here
                        && self.client.may_be_the_token(&error) =>
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

    /// If no trial is left, the error that raised the doubt counts; without one, the controls that were not
    /// found, whatever another form resulted in.
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

    /// Asks for a few recently removed keys. A failure here means nothing.
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

/// As many of them as fit into one question; none if each key is a question of its own, which has other
/// controls.
pub(super) fn few_of(negatives: &[String], manner: Manner) -> &[String] {
    let most = match manner.keys {
        ..=1 => 0,
        keys => negatives.len().min(keys as usize),
    };
    negatives.get(..most).unwrap_or_default()
}

/// Whether an answer with controls alone is complete. If there are many, a few may have been sold since the
/// scan.
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

/// Ends a round of a batch that ends before `end`, in which `live` was found of `wanted`.
///
/// Keys that were not found are asked for again, in another order and with other controls, until a round
/// finds no further live key. One answer may lose rows, so it is not enough to call a listing gone.
fn round(told: &mut Confirmation, wanted: &[Vec<u8>], live: &BTreeSet<Vec<u8>>, end: usize) {
    // A batch that is repeated finds the same keys again.
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

/// Controls from the whole list, different ones each time. If there are few, another one is left out each
/// time: a server that hides every second row might show exactly all of them.
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
