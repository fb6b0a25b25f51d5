//! Queues in SQS: of pairs, and of events for the sites.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures::{StreamExt, stream};
use livelist_model::notice::{FeedEvent, NoticeMessage};
use livelist_model::plan::LONGEST_DELAY;
use livelist_model::with_causes;
use livelist_store::{Clock, Entropy, Message, Outbox, Queue, SendFailure, StoreError};

use crate::batch;
use crate::failure::{Failure, store_error};

/// Batch calls under way at once: 10,000 pairs are 1,000 calls.
const AT_ONCE: usize = 8;
/// Attempts of a message that SQS refuses for now; the SDK's own attempts are of whole calls.
const ATTEMPTS: u32 = 4;
/// Before the second attempt; doubled before each further one, and spread.
const PAUSE: Duration = Duration::from_millis(250);
/// After this many calls that failed completely, SQS is considered down and the rest is not tried.
const FAILED_CALLS: usize = 3;
/// Holds why a message was put aside.
pub(crate) const REASON_ATTRIBUTE: &str = "reason";
/// Characters of a reason that fit beside any body.
const REASON: usize = 1_000;

/// SQS lets a message be invisible for twelve hours, counted from when it was received; a minute
/// less, for that was before now.
const LONGEST_WAIT: i32 = 12 * 3_600 - 60;

/// A standard queue and its dead-letter queue. `MessageGroupId` on a standard queue makes it a fair queue:
/// no group waits for another's backlog.
#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    dead_letter_url: String,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A message to send, with its index in the caller's list.
type Pending<'a> = (usize, &'a Message);

/// The result of one batch.
#[derive(Default)]
struct Outcome {
    failures: Vec<SendFailure>,
    /// The error of the call as a whole.
    error: Option<StoreError>,
}

impl SqsQueue {
    /// The queues at these URLs; `clock` and `entropy` space the attempts.
    pub fn new(
        client: Client,
        url: impl Into<String>,
        dead_letter_url: impl Into<String>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        SqsQueue {
            client,
            url: url.into(),
            dead_letter_url: dead_letter_url.into(),
            clock,
            entropy,
        }
    }

    /// Sends one batch, and repeats the messages that SQS refuses for now.
    async fn send_batch(&self, batch: &[Pending<'_>], failed_calls: &AtomicUsize) -> Outcome {
        let mut outcome = Outcome::default();
        let mut left = batch.to_vec();
        for attempt in 1.. {
            if failed_calls.load(Ordering::Relaxed) >= FAILED_CALLS {
                outcome.fail(&left, "not tried, since sending failed before");
                return outcome;
            }
            let refused = match self.call(&left).await {
                Ok(refused) => refused,
                Err(error) => {
                    failed_calls.fetch_add(1, Ordering::Relaxed);
                    outcome.fail(&left, &with_causes(&error));
                    outcome.error = Some(error);
                    return outcome;
                }
            };
            let mut again = Vec::new();
            for Refused { id, ours, reason } in refused {
                let Some(&pending) = left.iter().find(|(i, _)| i.to_string() == id) else {
                    continue;
                };
                if ours || attempt == ATTEMPTS {
                    outcome.fail(&[pending], &reason);
                } else {
                    again.push(pending);
                }
            }
            if again.is_empty() {
                break;
            }
            left = again;
            let pause = PAUSE * (1 << (attempt - 1));
            let spread = 0.5 + self.entropy.fraction();
            self.clock.sleep(pause.mul_f64(spread)).await;
        }
        outcome
    }

    /// One call. Returns the refused messages.
    async fn call(&self, batch: &[Pending<'_>]) -> Result<Vec<Refused>, StoreError> {
        let what = || format!("sending to {}", self.url);
        let entries = batch.iter().map(|(index, message)| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(&message.body)
                .set_delay_seconds(delay(message))
                .set_message_group_id((!message.group.is_empty()).then(|| message.group.clone()))
                .build()
        });
        let entries: Vec<_> = entries
            .collect::<Result<_, _>>()
            .map_err(|e| StoreError::refused(what(), e))?;
        let asked = self.client.send_message_batch().queue_url(&self.url);
        let answer = asked.set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|e| store_error(what(), e))?;
        let refused = answer.failed.into_iter().map(|failed| Refused {
            ours: failed.sender_fault,
            reason: format!(
                "{}: {}",
                failed.code,
                failed.message.as_deref().unwrap_or("no reason given")
            ),
            id: failed.id,
        });
        Ok(refused.collect())
    }
}

/// A message that SQS did not take.
struct Refused {
    id: String,
    /// Whether it is the sender's fault, so that another attempt is no use.
    ours: bool,
    reason: String,
}

impl Outcome {
    fn fail(&mut self, messages: &[Pending<'_>], reason: &str) {
        self.failures
            .extend(messages.iter().map(|(index, _)| SendFailure {
                index: *index,
                reason: reason.to_owned(),
            }));
    }
}

/// A delay for SQS in whole seconds; `None` if there is none.
fn delay(message: &Message) -> Option<i32> {
    let seconds = message.delay.as_secs().min(LONGEST_DELAY);
    i32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
}

/// A reason as SQS takes it: some text, without control characters.
fn reason(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .take(REASON)
        .collect();
    if text.trim().is_empty() {
        return "no reason given".to_owned();
    }
    text
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, messages: &[Message]) -> Result<Vec<SendFailure>, StoreError> {
        let mut failures = Vec::new();
        let mut sendable: Vec<Pending<'_>> = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            match batch::unsendable(message) {
                Some(reason) => failures.push(SendFailure { index, reason }),
                None => sendable.push((index, message)),
            }
        }
        let failed_calls = AtomicUsize::new(0);
        let batches = batch::cut(&sendable, |(_, message)| message.body.len());
        let outcomes: Vec<Outcome> = stream::iter(batches)
            .map(|range| self.send_batch(&sendable[range], &failed_calls))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut error = None;
        for outcome in outcomes {
            failures.extend(outcome.failures);
            error = error.or(outcome.error);
        }
        match error {
            Some(error) if failures.len() == messages.len() => Err(error),
            _ => {
                failures.sort_by_key(|failure| failure.index);
                Ok(failures)
            }
        }
    }

    async fn dead_letter(&self, body: &str, why: &str) -> Result<(), StoreError> {
        let what = || format!("sending to {}", self.dead_letter_url);
        if body.len() + REASON * 4 > batch::MAX_BYTES {
            let cause = Failure::Found(format!("the message has {} bytes", body.len()));
            return Err(StoreError::refused(what(), cause));
        }
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason(why))
            .build()
            .map_err(|e| StoreError::refused(what(), e))?;
        self.client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .message_body(body)
            .message_attributes(REASON_ATTRIBUTE, attribute)
            .send()
            .await
            .map(drop)
            .map_err(|e| store_error(what(), e))
    }

    async fn postpone(&self, receipt: &str, wait: Duration) -> Result<(), StoreError> {
        let seconds = i32::try_from(wait.as_secs()).unwrap_or(LONGEST_WAIT);
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(seconds.min(LONGEST_WAIT))
            .send()
            .await
            .map(drop)
            .map_err(|e| store_error(format!("postponing a message of {}", self.url), e))
    }
}

/// The queue of events, for those who put events into it.
#[async_trait]
impl Outbox for SqsQueue {
    async fn put(&self, event: &FeedEvent) -> Result<(), StoreError> {
        let what = || format!("sending to {}", self.url);
        let message = NoticeMessage::new(event.clone(), None);
        let body = serde_json::to_string(&message).map_err(|e| StoreError::refused(what(), e))?;
        let group = event.feed.to_string();
        let failed = self.send(&[Message::new(body, group)]).await?;
        match failed.into_iter().next() {
            None => Ok(()),
            Some(failure) => Err(StoreError::unavailable(what(), failure.reason)),
        }
    }
}

#[cfg(test)]
mod tests;
