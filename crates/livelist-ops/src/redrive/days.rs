//! Days that could not be planned. No message can call the planner, so the day is planned here, with the
//! operator's permissions: the pairs that were not scanned since are sent to the queue.

use std::collections::BTreeSet;

use jiff::civil::Date;
use livelist_model::head::Head;
use livelist_model::plan::{PairDue, Selection, plan};
use livelist_model::registry::Registry;
use livelist_model::{FeedId, layout};
use livelist_reso::Dialects;
use livelist_steps::plan::{Input, message};
use livelist_store::pauses::read_unpaused;
use livelist_store::{DeadLetter, DeadLetters, Objects, ObjectsExt, Queue};
use serde::Deserialize;

use super::{Kind, Outcome, Redriven, send, settle};
use crate::OpsError;

/// Lambda's message after the planner has failed: the event, and the error.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    request_payload: Input,
    request_context: Option<Context>,
    response_payload: Option<Response>,
}

#[derive(Deserialize)]
struct Context {
    condition: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    error_type: Option<String>,
}

/// The planner's task, and why it failed.
struct Asked {
    date: Date,
    only: Selection,
    was: Option<String>,
}

/// Parses Lambda's message, or the schedule's, which is the event itself. `None` if it names no day,
/// because then the intended day is unknown.
fn asked(letter: &DeadLetter) -> Option<Asked> {
    let failed = serde_json::from_str::<Failed>(&letter.body).ok();
    let (input, was) = match failed {
        Some(failed) => {
            let name = failed.response_payload.and_then(|r| r.error_type);
            let condition = failed.request_context.and_then(|c| c.condition);
            (failed.request_payload, name.or(condition))
        }
        None => (serde_json::from_str(&letter.body).ok()?, None),
    };
    Some(Asked {
        date: input.day()?,
        only: Selection {
            mls: input.mls,
            client: input.client,
        },
        was: letter.reason.clone().or(was),
    })
}

/// Processes all messages in `dead`, which belongs to the planner, the newest day first: a feed is sent for
/// one day only. With `dry` nothing is sent or deleted.
///
/// # Errors
/// A queue or the store is unavailable; messages that were not sent are still in `dead`.
pub async fn days(
    objects: &dyn Objects,
    dead: &dyn DeadLetters,
    pairs: &dyn Queue,
    dry: bool,
) -> Result<Vec<Redriven>, OpsError> {
    let mut letters: Vec<_> = dead
        .receive()
        .await?
        .into_iter()
        .map(|l| (asked(&l), l))
        .collect();
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    letters.sort_by_key(|(asked, _)| std::cmp::Reverse(asked.as_ref().map(|asked| asked.date)));
    let (registry, _) = read_unpaused(objects, &Dialects).await?;
    let mut sent = BTreeSet::new();
    let mut redriven = Vec::with_capacity(letters.len());
    for (asked, letter) in letters {
        let (outcome, now) = match &asked {
            None => (
                Outcome::Kept,
                "the message does not say which day".to_owned(),
            ),
            Some(asked) => {
                let due = left(objects, &registry, asked, &mut sent).await?;
                if !due.is_empty() && !dry {
                    let messages: Result<Vec<_>, _> = due.iter().map(message).collect();
                    send(pairs, &messages.map_err(|_| OpsError::Internal)?).await?;
                }
                match due.len() {
                    0 => (
                        Outcome::Done,
                        "all that was due was looked at since, or is sent for a later day"
                            .to_owned(),
                    ),
                    1 => (Outcome::Sent, "1 pair is due still".to_owned()),
                    all => (Outcome::Sent, format!("{all} pairs are due still")),
                }
            }
        };
        settle(dead, &letter, outcome, dry).await?;
        redriven.push(Redriven {
            queue: Kind::Days,
            run: None,
            client: None,
            date: asked.as_ref().map(|asked| asked.date),
            was: asked.and_then(|asked| asked.was).or(letter.reason),
            outcome,
            now,
        });
    }
    Ok(redriven)
}

/// The pairs of the day that no run of this day or a later one has covered, except feeds that are already
/// `sent`.
async fn left(
    objects: &dyn Objects,
    registry: &Registry,
    asked: &Asked,
    sent: &mut BTreeSet<FeedId>,
) -> Result<Vec<PairDue>, OpsError> {
    let mut left = Vec::new();
    let mut feeds = BTreeSet::new();
    for pair in plan(registry, asked.date, &asked.only).due {
        let head = objects.read_json::<Head>(&layout::head(&pair.feed)).await?;
        let looked = head.is_some_and(|(head, _)| head.checked_run.date() >= Some(asked.date));
        if !looked && !sent.contains(&pair.feed) {
            feeds.insert(pair.feed.clone());
            left.push(pair);
        }
    }
    sent.append(&mut feeds);
    Ok(left)
}
