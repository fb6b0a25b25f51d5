//! Processes the dead-letter queues again. Messages that can be processed now are sent, messages that
//! another run has made obsolete are deleted, and the rest stays with its reason.

mod days;
mod notices;

use livelist_model::head::Head;
use livelist_model::plan::PairDue;
use livelist_model::{ClientId, layout};
use livelist_steps::start::resolve;
use livelist_store::{DeadLetter, DeadLetters, Message, Objects, ObjectsExt, Queue};
use serde::Serialize;

pub use days::days;
pub use notices::{GivenUp, notices};

use crate::OpsError;

/// The kind of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Pairs that could not be started.
    Pairs,
    /// Notices to sites that could not be delivered.
    Notices,
    /// Days that could not be planned.
    Days,
}

impl Kind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Pairs => "pairs",
            Kind::Notices => "notices",
            Kind::Days => "days",
        }
    }
}

/// A dead letter, and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// Its kind.
    pub queue: Kind,
    /// Its run; `None` if it names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The client whose site should be notified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The day that was to be planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<jiff::civil::Date>,
    /// Why it was put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The result.
    pub outcome: Outcome,
    /// What is different now, or why nothing is.
    pub now: String,
}

impl Redriven {
    /// Its subject, for people.
    pub fn about(&self) -> Option<String> {
        match (&self.run, &self.client, &self.date) {
            (Some(run), Some(client), _) => Some(format!("{run}, for {client}")),
            (Some(run), None, _) => Some(run.clone()),
            (None, _, date) => date.map(|date| date.to_string()),
        }
    }
}

/// The result of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was sent again.
    Sent,
    /// Its work has been done since; it is deleted.
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

/// Processes all messages in `dead`, which belongs to the queue of pairs `queue`. With `dry` nothing is
/// sent or deleted.
///
/// # Errors
/// A queue or the store is unavailable; messages that were not sent are still in `dead`.
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
            let message = Message::new(
                &letter.body,
                due.as_ref().map_or_else(String::new, |d| d.mls.to_string()),
            );
            send(queue, &[message]).await?;
        }
        settle(dead, &letter, outcome, dry).await?;
        redriven.push(Redriven {
            queue: Kind::Pairs,
            run: due.map(|due| due.run.to_string()),
            client: None,
            date: None,
            was: letter.reason,
            outcome,
            now,
        });
    }
    Ok(redriven)
}

/// Sends all, or says why one was not taken.
async fn send(queue: &dyn Queue, messages: &[Message]) -> Result<(), OpsError> {
    match queue.send(messages).await?.first() {
        None => Ok(()),
        Some(failure) => Err(OpsError::Invalid(format!(
            "a message could not be sent: {}",
            failure.reason
        ))),
    }
}

/// Deletes after sending: a duplicate is processed once, but a message deleted first could be lost.
async fn settle(
    dead: &dyn DeadLetters,
    letter: &DeadLetter,
    outcome: Outcome,
    dry: bool,
) -> Result<(), OpsError> {
    if dry || outcome == Outcome::Kept {
        dead.put_back(&letter.receipt).await?;
    } else {
        dead.delete(&letter.receipt).await?;
    }
    Ok(())
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
