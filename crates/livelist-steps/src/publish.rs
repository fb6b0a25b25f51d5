//! `publish`: makes a proved result the head by compare-and-swap, or records why it is held. It
//! decides nothing: comparison and confirmation have decided. `make` merges the lists, `advance` moves
//! the head, `notify` puts the event into the outbox, and `tell` records the result.

mod advance;
mod clock;
mod gone;
mod make;
mod notify;
mod tell;
pub mod would;

use std::time::Duration;

use livelist_model::decision::{self, HeldReason};
use livelist_model::evidence::{Paging, ScanEvidence};
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::{ConfirmedBy, Head, Held, whole_seconds};
use livelist_model::layout;
use livelist_model::record::{ListRef, Resume};
use livelist_model::run::RunSpec;
use livelist_reso::dialect::Dialect;
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};
use serde::{Deserialize, Serialize};

use crate::progress::{Answers, Base, Compared, Confirmation, load, save};
use crate::{Env, StepError, ids, looks, stamps};
use make::Made;

/// The step's name.
pub const NAME: &str = "publish";

/// The step's input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// The document with the comparison.
    pub comparison: String,
    /// The document with the confirmation, if there was one.
    pub confirmation: Option<String>,
    /// Whether an operator has approved the held result.
    #[serde(default)]
    pub approved: bool,
}

/// The step's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The result.
    pub outcome: Outcome,
    /// The head's version.
    pub version: Option<String>,
    /// The head's sequence; 0 without a head.
    pub sequence: u64,
    /// The head's keys.
    pub count: u64,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
    /// Live keys that the run saw, published or not.
    pub live: u64,
    /// Keys of the former snapshot that the run did not find.
    pub absent: u64,
    /// Keys asked for one by one.
    pub confirmed: u64,
    /// Why the result waits.
    pub held_reason: Option<HeldReason>,
    /// What an operator should do about it.
    pub advice: Option<String>,
}

/// The result of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new head.
    Published,
    /// The head was right already.
    Unchanged,
    /// The result waits; the head stays.
    Held,
    /// Another run changed the head meanwhile: compare again.
    Stale,
}

/// Publishes, or holds.
pub async fn run(env: &Env, input: Input) -> Result<Output, StepError> {
    let Input {
        run,
        owner,
        comparison,
        confirmation,
        approved,
    } = input;
    env.renew(&run, &owner, Duration::ZERO).await?;
    let compared: Compared = load(&*env.objects, &run, &comparison).await?;
    let told: Option<Confirmation> = match &confirmation {
        Some(key) => Some(load(&*env.objects, &run, key).await?),
        None => None,
    };
    let head_key = layout::head(&run.feed.feed);
    let head = env.objects.read_json::<Head>(&head_key).await?;
    let (head, etag) = match head {
        Some((head, etag)) => (Some(head), Some(etag)),
        None => (None, None),
    };
    let hold = compared.hold.or(told.as_ref().and_then(|t| t.hold));
    let let_through = approved && hold.is_some_and(HeldReason::can_be_approved);
    let work = Work {
        run: &run,
        compared: &compared,
        told: told.as_ref(),
        hold: hold.filter(|_| !let_through),
        let_through,
    };
    // A publisher that died after it wrote the head is repeated: then the head already has the run's name.
    let is_same = head.as_ref().map(Base::of) == compared.base;
    // A held run also writes a head if it lists new keys; that head keeps the look of an earlier run.
    let is_done = |h: &&Head| !is_same || (h.checked_run == run.run && !let_through);
    let ours = head.as_ref().filter(|h| h.run == run.run).filter(is_done);
    if let Some(done) = ours {
        if let Some(reason) = work.hold {
            return wait(env, &work, done, reason, confirmation).await;
        }
        let output = work.output(Outcome::Published, Some(done), done.newest_change());
        return finish(env, &work, done, output).await;
    }
    // The same after it had found the head right.
    if let (Some(done), Some(base)) = (&head, &compared.base)
        && done.checked_run == run.run
        && base.checked_run != run.run
        && base.version == done.version
    {
        let output = work.output(Outcome::Unchanged, Some(done), (0, 0));
        return finish(env, &work, done, output).await;
    }
    let mut is_stale = !is_same;
    if approved {
        // A later run that is held as well has the newer look, which counts.
        let held = env
            .objects
            .read_json::<Held>(&layout::held(&run.feed.feed))
            .await?;
        is_stale |= held.is_none_or(|(held, _)| held.run != run.run);
    }
    if is_stale {
        return Ok(work.output(Outcome::Stale, head.as_ref(), (0, 0)));
    }
    let clock = clock::look(env, &run, &compared.absent.clock).await;
    for (server, seconds) in &clock.dissent {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, server, seconds,
            "the server's clock differs from this machine's, and no other source confirms it"
        );
    }
    let resume = Resume {
        comparison,
        confirmation: confirmation.clone(),
    };
    if let Some(seconds) = clock.behind {
        tracing::error!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, seconds,
            "this machine's clock is behind, or ahead where negative"
        );
        let reason = HeldReason::ClockWrong;
        return tell::hold_back(env, &work, head.as_ref(), reason, resume).await;
    }
    let waits = told.as_ref().and_then(|told| told.waiting.as_ref());
    if let Some(waiting) = waits.or(compared.waiting.as_ref())
        && !approved
        && !looks::write(env, &run, waiting).await?
    {
        return Ok(work.output(Outcome::Stale, head.as_ref(), (0, 0)));
    }
    let now = env.clock.now();
    let is_dated = head.as_ref().is_some_and(|head| head.is_from_future(now));
    if let Some(reason) = work.hold
        && (is_dated || !decision::adds_while_held(&compared.facts, &run.feed.guards))
    {
        return tell::hold_back(env, &work, head.as_ref(), reason, resume).await;
    }
    if is_dated {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
            "the head's times are in the future; a new version of the same list corrects them"
        );
    }
    let made = work.made(env, head.as_ref(), is_dated).await?;
    let condition = match etag {
        _ if is_off(Guard::ConditionalWrite) => Condition::Always,
        None => Condition::Absent,
        Some(etag) => Condition::Unchanged(etag),
    };
    let (outcome, new) = match (head.clone(), made) {
        (Some(head), None) => {
            let gone = gone::of_unchanged(env, &work, &head, now).await?;
            let checked = Head {
                as_of: work.as_of(Some(&head), now),
                checked_at: work.checked_at(Some(&head)),
                checked_run: run.run.clone(),
                next_expected_at: advance::next_expected(env, &work, now),
                gone,
                ..head
            };
            (Outcome::Unchanged, checked)
        }
        (head, Some(made)) => (
            Outcome::Published,
            advance::next_head(env, &work, head, made, now).await?,
        ),
        (None, None) => {
            let nothing = "there is neither a list nor anything to publish";
            return Err(StepError::Contradiction(nothing.to_owned()));
        }
    };
    let written = env
        .objects
        .write_json(&head_key, &new, condition, Retention::Keep)
        .await;
    match written {
        Ok(_) => {}
        Err(StoreError::ConditionFailed { .. }) => {
            return Ok(work.output(Outcome::Stale, head.as_ref(), (0, 0)));
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(reason) = work.hold {
        return wait(env, &work, &new, reason, confirmation).await;
    }
    let changes = if outcome == Outcome::Published {
        new.newest_change()
    } else {
        (0, 0)
    };
    let output = work.output(outcome, Some(&new), changes);
    let output = finish(env, &work, &new, output).await?;
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, outcome = ?output.outcome,
        version = output.version, count = output.count, added = output.added,
        removed = output.removed, "published"
    );
    Ok(output)
}

/// The work after the head is written. If a publisher dies during it, the step is repeated and does it
/// again.
async fn finish(
    env: &Env,
    work: &Work<'_>,
    head: &Head,
    output: Output,
) -> Result<Output, StepError> {
    work.keep_beside(env).await?;
    notify::changed(env, head).await?;
    tell::finish(env, work, &output, None).await?;
    advance::clean_up(env, work, head).await;
    advance::forget_held(env, head).await;
    Ok(output)
}

/// The work after a held run's new keys were listed: its removals are recorded. An approval compares with
/// the new list.
async fn wait(
    env: &Env,
    work: &Work<'_>,
    new: &Head,
    reason: HeldReason,
    confirmation: Option<String>,
) -> Result<Output, StepError> {
    let mut compared = work.compared.clone();
    compared.base = Some(Base::of(new));
    compared.facts.former = Some(new.count);
    compared.facts.added = 0;
    compared.absent.drops = new.drops();
    let resume = Resume {
        comparison: save(&*env.objects, work.run, "comparison", &compared).await?,
        confirmation,
    };
    work.keep_beside(env).await?;
    let output = tell::hold_back(env, work, Some(new), reason, resume).await?;
    advance::clean_up(env, work, new).await;
    Ok(output)
}

/// Which absent keys are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes<'a> {
    /// Each one.
    All,
    /// None.
    Nothing,
    /// These.
    These(&'a ListRef),
}

/// What the run knows.
struct Work<'a> {
    run: &'a RunSpec,
    compared: &'a Compared,
    told: Option<&'a Confirmation>,
    /// Why its removals wait.
    hold: Option<HeldReason>,
    /// It was held, and an operator approved it.
    let_through: bool,
}

impl Work<'_> {
    /// Stores the ids that the run saw, if keys are asked for by an id, and the stamps, if records are copied.
    async fn keep_beside(&self, env: &Env) -> Result<(), StepError> {
        let went = match self.goes() {
            Goes::All => Some(&self.compared.absent.list),
            Goes::These(gone) => Some(gone),
            Goes::Nothing => None,
        };
        let began = self.compared.facts.scans.last().map(|scan| scan.started_at);
        let progress = &self.compared.progress;
        stamps::keep(env, self.run, progress).await?;
        ids::keep(env, self.run, progress, began, went).await
    }

    /// The lists to publish; `None` if the head's list is right, and only its times change. `anew` makes
    /// them all the same.
    async fn made(
        &self,
        env: &Env,
        head: Option<&Head>,
        anew: bool,
    ) -> Result<Option<Made>, StepError> {
        if !anew && self.changes_nothing(head.map(|head| head.count)) {
            return Ok(None);
        }
        let made = make::make(env, self, head).await?;
        let differs = (made.added, made.removed) != (0, 0);
        Ok((differs || anew || head.is_none()).then_some(made))
    }

    /// Whether the list with `former` keys is right as it is. Then no list is read.
    fn changes_nothing(&self, former: Option<u64>) -> bool {
        let (facts, kept) = (&self.compared.facts, self.kept());
        self.found().is_none()
            && facts.added == 0
            && facts.absent == kept
            && former == Some(facts.live.saturating_add(kept))
    }

    /// Which absent keys are removed.
    fn goes(&self) -> Goes<'_> {
        match (self.told, &self.compared.gone) {
            _ if self.hold.is_some() => Goes::Nothing,
            (Some(told), _) => told.gone.as_ref().map_or(Goes::Nothing, Goes::These),
            // An operator lets all of it through.
            (None, Some(gone)) if !self.let_through => Goes::These(gone),
            (None, _) => Goes::All,
        }
    }

    /// The results for keys that sites asked about. A held run's results are not used later: the keys are
    /// asked for again.
    fn answers(&self) -> Option<&Answers> {
        let answers = self.told?.answers.as_ref();
        answers.filter(|_| self.hold.is_none() && !self.let_through)
    }

    /// Keys that neither the list nor a scan showed, and that were found for sites.
    fn found(&self) -> Option<&ListRef> {
        let found = &self.answers()?.listed;
        (found.summary.count > 0).then_some(found)
    }

    /// How many of the absent keys stay listed.
    fn kept(&self) -> u64 {
        let absent = self.compared.facts.absent;
        match self.goes() {
            Goes::All => 0,
            Goes::Nothing => absent,
            Goes::These(gone) => absent.saturating_sub(gone.summary.count),
        }
    }

    /// The proof of the removals.
    fn confirmed_by(&self) -> ConfirmedBy {
        match self.told {
            _ if self.let_through => ConfirmedBy::Operator,
            Some(_) => ConfirmedBy::Key,
            None => ConfirmedBy::Scans,
        }
    }

    /// When the run's last scan began, minus the possible age of the provider's cache. Earlier scans of the
    /// run only add keys.
    fn began(&self) -> jiff::Timestamp {
        self.since(self.compared.facts.scans.last())
    }

    fn since(&self, scan: Option<&ScanEvidence>) -> jiff::Timestamp {
        let began = scan.map_or(jiff::Timestamp::UNIX_EPOCH, |s| s.started_at);
        let lag = Dialect::for_feed(&self.run.feed).map_or(Duration::ZERO, |d| d.lag);
        whole_seconds(began.saturating_sub(lag).unwrap_or(began))
    }

    /// Whether the last scan raised no doubt.
    fn is_good_look(&self) -> bool {
        let by_key = self.compared.facts.looked.is_none();
        decision::doubt(&self.compared.facts, by_key).is_none()
    }

    /// When the last good look began.
    fn checked_at(&self, head: Option<&Head>) -> Option<jiff::Timestamp> {
        match head {
            Some(head) if !self.is_good_look() => head.checked_at,
            _ => Some(self.began()),
        }
    }

    /// The list contains every key that was live at this instant and stayed live. If pages follow links, a
    /// scan can miss a new key while rows move. So this is the beginning of the look before, because the
    /// key would have to be missed twice. A scan of one page cannot miss keys that way.
    fn as_of(&self, head: Option<&Head>, now: jiff::Timestamp) -> jiff::Timestamp {
        let scans = &self.compared.facts.scans;
        let slips = scans
            .last()
            .is_some_and(|scan| scan.paging == Paging::Links && scan.pages > 1);
        // A head from the future proves nothing: then this look is like a first one.
        match head.filter(|head| !head.is_from_future(now)) {
            Some(head) if !self.is_good_look() => head.as_of,
            Some(head) if slips => head.as_of.max(head.looked_at().min(self.began())),
            Some(_) => self.began(),
            None if slips => self.since(scans.first()),
            None => self.began(),
        }
    }

    fn output(&self, outcome: Outcome, head: Option<&Head>, changes: (u64, u64)) -> Output {
        Output {
            outcome,
            version: head.map(|h| h.version.clone()),
            sequence: head.map_or(0, |h| h.sequence),
            count: head.map_or(0, |h| h.count),
            added: changes.0,
            removed: changes.1,
            live: self.compared.facts.live,
            absent: (self.compared.facts.absent)
                .saturating_sub(self.told.map_or(0, |t| t.restored.len() as u64)),
            confirmed: self.told.map_or(0, |t| t.asked),
            held_reason: None,
            advice: None,
        }
    }
}
