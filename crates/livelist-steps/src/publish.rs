//! `publish`: makes a proved result the head, by conditional write; or records why it waits. It
//! decides nothing: the comparison and the confirmation have. It takes the draft that the comparison
//! wrote, or `make` merges the lists; `advance` moves the head, `notify` hands what is true to the
//! sites' outbox, `tell` writes down what came of it.

mod advance;
mod make;
mod notify;
mod tell;

use std::time::Duration;

use livelist_model::decision::HeldReason;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::head::{ConfirmedBy, Head, Held, whole_seconds};
use livelist_model::layout;
use livelist_model::record::Resume;
use livelist_model::run::RunSpec;
use livelist_reso::dialect::Dialect;
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};
use serde::{Deserialize, Serialize};

use crate::draft::{self, Made, Source};
use crate::progress::{Base, Compared, Confirmation, load};
use crate::{Env, StepError, watch};

/// The step's name.
pub const NAME: &str = "publish";

/// What the step is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The run.
    pub run: RunSpec,
    /// The execution that asks.
    pub owner: String,
    /// What the comparison found.
    pub comparison: String,
    /// What confirmation told, if it was asked.
    pub confirmation: Option<String>,
    /// Whether an operator said that a held result may be published.
    #[serde(default)]
    pub approved: bool,
}

/// What the step says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What became of it.
    pub outcome: Outcome,
    /// The head's version.
    pub version: Option<String>,
    /// The head's sequence; 0 without a head.
    pub sequence: u64,
    /// The head's keys.
    pub count: u64,
    /// Keys that came.
    pub added: u64,
    /// Keys that went.
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

/// What became of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new head.
    Published,
    /// The head was right already.
    Unchanged,
    /// The result waits; the head stays.
    Held,
    /// Another run published or looked meanwhile: compare again.
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
    let work = Work {
        run: &run,
        compared: &compared,
        told: told.as_ref(),
        let_through: approved && hold.is_some(),
    };
    // A publisher that died after the head was written is repeated: the head says that it is done.
    if let Some(done) = head.as_ref().filter(|h| h.run == run.run) {
        let output = work.output(Outcome::Published, Some(done), done.newest_change());
        notify::changed(env, done).await?;
        tell::finish(env, &work, &output, None).await?;
        advance::clean_up(env, &work, done).await;
        return Ok(output);
    }
    // The same after it had found the head right.
    if let (Some(done), Some(base)) = (&head, &compared.base)
        && done.checked_run == run.run
        && base.checked_run != run.run
        && base.version == done.version
    {
        let output = work.output(Outcome::Unchanged, Some(done), (0, 0));
        notify::changed(env, done).await?;
        tell::finish(env, &work, &output, None).await?;
        advance::clean_up(env, &work, done).await;
        return Ok(output);
    }
    let mut is_stale = head.as_ref().map(Base::of) != compared.base;
    if approved {
        // A later run that waits as well looked after this one: its look counts.
        let held = env
            .objects
            .read_json::<Held>(&layout::held(&run.feed.feed))
            .await?;
        is_stale |= held.is_none_or(|(held, _)| held.run != run.run);
    }
    if is_stale {
        return Ok(work.output(Outcome::Stale, head.as_ref(), (0, 0)));
    }
    let clock = watch::look(env, &run, &compared.absent.clock).await;
    for (server, seconds) in &clock.dissent {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, server, seconds,
            "the server's clock differs from this machine's, and nobody confirms it"
        );
    }
    if let Some(seconds) = clock.behind {
        tracing::error!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, seconds,
            "this machine's clock is behind, or ahead where negative"
        );
    }
    let hold = clock.behind.map(|_| HeldReason::ClockWrong).or(hold);
    if let Some(reason) = hold
        && !(approved && reason.can_be_approved())
    {
        let resume = Resume {
            comparison,
            confirmation,
        };
        return tell::hold_back(env, &work, head.as_ref(), reason, resume).await;
    }
    let now = env.clock.now();
    let is_dated = head.as_ref().is_some_and(|head| head.is_from_future(now));
    if is_dated {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
            "the head's times are from the future: a new version of the same list tells true ones"
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
            let checked = Head {
                as_of: work.as_of(),
                checked_run: run.run.clone(),
                next_expected_at: advance::next_expected(env, &work, now),
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
    let changes = if outcome == Outcome::Published {
        new.newest_change()
    } else {
        (0, 0)
    };
    let output = work.output(outcome, Some(&new), changes);
    notify::changed(env, &new).await?;
    tell::finish(env, &work, &output, None).await?;
    advance::clean_up(env, &work, &new).await;
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, outcome = ?output.outcome,
        version = output.version, count = output.count, added = output.added,
        removed = output.removed, "published"
    );
    Ok(output)
}

/// What the run knows.
struct Work<'a> {
    run: &'a RunSpec,
    compared: &'a Compared,
    told: Option<&'a Confirmation>,
    /// It was held, and an operator said that it may be published.
    let_through: bool,
}

impl Work<'_> {
    /// The lists to publish; nothing if the head is right as it is, but for its times where `anew`. A
    /// draft that cannot be taken is none: the parts tell the same.
    async fn made(
        &self,
        env: &Env,
        head: Option<&Head>,
        anew: bool,
    ) -> Result<Option<Made>, StepError> {
        let made = match draft::source(self.compared, self.told, head.map(|h| h.count)) {
            Source::Head if !anew => return Ok(None),
            Source::Head | Source::Lists => make::make(env, self, head).await?,
            Source::Draft(draft) => {
                match draft::take(env, self.run, self.compared, draft, head).await {
                    Ok(made) => made,
                    Err(unfit) => {
                        let error = livelist_model::with_causes(&unfit);
                        tracing::warn!(
                            run = %self.run.run, feed = %self.run.feed.feed, object = draft.object,
                            error, "the draft cannot be taken; the lists are merged once more"
                        );
                        make::make(env, self, head).await?
                    }
                }
            }
        };
        let differs = (made.added, made.removed) != (0, 0);
        Ok((differs || anew || head.is_none()).then_some(made))
    }

    /// What the removals rest on.
    fn confirmed_by(&self) -> ConfirmedBy {
        match self.told {
            _ if self.let_through => ConfirmedBy::Operator,
            Some(_) => ConfirmedBy::Key,
            None => ConfirmedBy::Scan,
        }
    }

    /// The snapshot holds all that was live through the last scan: earlier ones only add to it.
    /// What the provider answers may be older by its cache.
    fn as_of(&self) -> jiff::Timestamp {
        let scan = self.compared.facts.scans.last();
        let began = scan.map_or(jiff::Timestamp::UNIX_EPOCH, |s| s.started_at);
        let lag = Dialect::for_feed(&self.run.feed).map_or(Duration::ZERO, |d| d.lag);
        whole_seconds(began.saturating_sub(lag).unwrap_or(began))
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
