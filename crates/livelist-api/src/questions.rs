//! Notes the unknown keys that a site asked about. The feed's next run asks the MLS for them
//! (`livelist_model::questions`). If a key cannot be noted, the answer does not fail: the key stays
//! unknown, and is noted when it is asked for again.

use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::questions::{Noted, Question, Questions, Shape, is_anew};
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};

use crate::access::Asked;
use crate::error::ApiError;
use crate::lookup::{Copy, Known, look_up};
use crate::state::ApiState;

/// Notes unknown keys, and keys that were proved gone long ago and are still asked about. Returns for how
/// many of them the MLS will be asked.
pub(crate) async fn note(
    state: &ApiState,
    asked: &Asked,
    head: &Head,
    known: &Known,
    shape: Shape,
) -> usize {
    let now = state.clock.now();
    let anew = known
        .gone
        .iter()
        .filter(|(_, since)| is_anew(since.as_second(), now))
        .map(|(copy, _)| copy);
    let fits = |copy: &&Copy| shape.fits(copy.key.as_bytes());
    let wanted: Vec<Question> = known
        .unknown
        .iter()
        .chain(anew)
        .filter(fits)
        .cloned()
        .map(|copy| Question::new(copy.key, copy.id, copy.got, now))
        .collect();
    if wanted.is_empty() {
        return 0;
    }
    let client = &asked.caller.client.client;
    match keep(state, asked, head, known, wanted).await {
        Ok(noted) => {
            if noted.left_out > 0 {
                tracing::warn!(
                    %client, feed = %asked.feed, open = noted.open, left_out = noted.left_out,
                    "a site asks about more unknown keys than are recorded"
                );
            }
            noted.open
        }
        Err(error) => {
            let error = livelist_model::with_causes(&error);
            tracing::warn!(%client, feed = %asked.feed, error, "the keys that a site asked about could not be recorded");
            0
        }
    }
}

async fn keep(
    state: &ApiState,
    asked: &Asked,
    head: &Head,
    known: &Known,
    wanted: Vec<Question>,
) -> Result<Noted, ApiError> {
    let now = state.clock.now();
    let client = &asked.caller.client.client;
    let object = layout::questions_of(&asked.feed, client);
    let anew = || Questions::new(asked.feed.clone(), client.clone());
    let (mut questions, condition) = match state.objects.read_json::<Questions>(&object).await {
        Ok(Some((found, etag))) if found.schema == Questions::SCHEMA => {
            (found, Condition::Unchanged(etag))
        }
        Ok(None) => (anew(), Condition::Absent),
        // No loss: sites ask again.
        Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => (anew(), Condition::Always),
        Err(error) => return Err(error.into()),
    };
    questions.expire(now);
    // Earlier questions about keys that the answer calls gone are answered.
    questions.open.retain(|open| !is_answered(known, open));
    let mut next = questions.clone();
    let noted = next.note(wanted.clone(), now);
    let nothing = Noted {
        open: noted.open - noted.new,
        new: 0,
        left_out: noted.left_out + noted.new,
    };
    // Usually most keys that a site asks about are open already.
    if noted.new == 0 && noted.left_out == 0 || !questions.may_be_written(now) {
        return Ok(nothing);
    }
    // Removing questions that were answered since makes room.
    questions.open = unanswered(state, head, questions.open).await?;
    let noted = questions.note(wanted, now);
    if noted.new == 0 {
        return Ok(noted);
    }
    questions.at = now;
    let written = state
        .objects
        .write_json(&object, &questions, condition, Retention::Keep);
    match written.await {
        Ok(_) => Ok(noted),
        // Another process has just written, so it is the next hour's turn.
        Err(StoreError::ConditionFailed { .. }) => Ok(nothing),
        Err(error) => Err(error.into()),
    }
}

/// Whether the keys known to be gone answer a question.
fn is_answered(known: &Known, question: &Question) -> bool {
    let since = known.since(&question.key);
    since.is_some_and(|since| question.is_answered_by(since.as_second()))
}

/// The open questions that neither the list nor the gone record answers.
async fn unanswered(
    state: &ApiState,
    head: &Head,
    open: Vec<Question>,
) -> Result<Vec<Question>, ApiError> {
    if open.is_empty() {
        return Ok(open);
    }
    let mut copies: Vec<Copy> = open
        .iter()
        .map(|question| Copy {
            key: question.key.clone(),
            got: question.got,
            id: None,
        })
        .collect();
    copies.sort_unstable();
    let (known, _) = look_up(state, head, copies).await?;
    let is_open = |question: &Question| {
        let is_unknown = known
            .unknown
            .binary_search_by(|copy| copy.key.cmp(&question.key))
            .is_ok();
        let is_gone = known.since(&question.key).is_some();
        is_unknown || (is_gone && !is_answered(&known, question))
    };
    Ok(open.into_iter().filter(is_open).collect())
}
