//! What was put aside, looked at again: what can be done by now is sent on its way, what was done by
//! another run meanwhile is forgotten, the rest stays with its reason.

use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::plan::PairDue;
use livelist_steps::start::resolve;
use livelist_store::{DeadLetters, Message, Objects, ObjectsExt, Queue};
use serde::Serialize;

use crate::OpsError;

/// A message that was put aside, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// The run it is about; nothing where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Why it was put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// What is different now, or why nothing is.
    pub now: String,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is on its way again.
    Sent,
    /// What it asks for was done since; it is deleted.
    Done,
    /// It would fail again; it stays.
    Kept,
}

impl Outcome {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Sent => "sent",
            Outcome::Done => "done",
            Outcome::Kept => "kept",
        }
    }
}

/// Looks at everything in `dead`, which belongs to the queue of pairs `queue`. With `dry` nothing is
/// sent or deleted.
///
/// # Errors
/// A queue or the store cannot be used now; what was not sent is still in `dead`.
pub async fn pairs(
    objects: &dyn Objects,
    dead: &dyn DeadLetters,
    queue: &dyn Queue,
    dry: bool,
) -> Result<Vec<Redriven>, OpsError> {
    let mut redriven = Vec::new();
    for letter in dead.receive().await? {
        let due: Option<PairDue> = serde_json::from_str(&letter.body).ok();
        let (outcome, now) = match &due {
            None => (Outcome::Kept, "the message is not a pair".to_owned()),
            Some(due) => judge(objects, due, &letter.body).await?,
        };
        if outcome == Outcome::Sent && !dry {
            let message = Message {
                body: letter.body,
                group: due.as_ref().map_or_else(String::new, |d| d.mls.to_string()),
            };
            let failed = queue.send(&[message]).await?;
            if let Some(failure) = failed.first() {
                return Err(OpsError::Invalid(format!(
                    "a message could not be sent: {}",
                    failure.reason
                )));
            }
        }
        // First sent, then deleted: a message that is there twice starts one run.
        if dry || outcome == Outcome::Kept {
            dead.put_back(&letter.receipt).await?;
        } else {
            dead.delete(&letter.receipt).await?;
        }
        redriven.push(Redriven {
            run: due.map(|due| due.run.to_string()),
            was: letter.reason,
            outcome,
            now,
        });
    }
    Ok(redriven)
}

async fn judge(
    objects: &dyn Objects,
    due: &PairDue,
    body: &str,
) -> Result<(Outcome, String), OpsError> {
    let head = objects
        .read_json::<Head>(&layout::head(&due.feed))
        .await?
        .map(|(head, _)| head);
    if let Some(head) = head
        && head.checked_run.date() >= Some(due.date)
    {
        let now = format!("the run {} has reconciled the feed since", head.checked_run);
        return Ok((Outcome::Done, now));
    }
    Ok(match resolve(objects, body).await? {
        Ok(run) => (Outcome::Sent, format!("the run {} can be started", run.run)),
        Err(reason) => (Outcome::Kept, reason),
    })
}
