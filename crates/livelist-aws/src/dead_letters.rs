//! A dead-letter queue in SQS, for operators.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use livelist_store::{DeadLetter, DeadLetters, StoreError};

use crate::failure::store_error;
use crate::queue::REASON_ATTRIBUTE;

/// Messages of one call; SQS gives no more.
const AT_ONCE: i32 = 10;
/// Received messages are invisible to others for this long: enough to process thousands.
const INVISIBLE: i32 = 300;
/// The limit of calls for one pass: 10,000 messages.
const MOST_CALLS: usize = 1_000;

/// The queue at one URL.
#[derive(Clone)]
pub struct SqsDeadLetters {
    client: Client,
    url: String,
}

impl SqsDeadLetters {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        SqsDeadLetters {
            client,
            url: url.into(),
        }
    }
}

#[async_trait]
impl DeadLetters for SqsDeadLetters {
    async fn receive(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let mut letters = Vec::new();
        for _ in 0..MOST_CALLS {
            let asked = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(AT_ONCE)
                .visibility_timeout(INVISIBLE)
                // Long polling asks all of SQS's servers: an empty answer means that it is empty.
                .wait_time_seconds(2)
                .message_attribute_names(REASON_ATTRIBUTE);
            let answer = asked.send().await;
            let answer =
                answer.map_err(|e| store_error(format!("receiving from {}", self.url), e))?;
            let messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            letters.extend(messages.into_iter().filter_map(|message| {
                let reason = message
                    .message_attributes
                    .and_then(|mut all| all.remove(REASON_ATTRIBUTE))
                    .and_then(|reason| reason.string_value);
                Some(DeadLetter {
                    body: message.body?,
                    receipt: message.receipt_handle?,
                    reason,
                })
            }));
        }
        Ok(letters)
    }

    async fn delete(&self, receipt: &str) -> Result<(), StoreError> {
        let asked = self.client.delete_message().queue_url(&self.url);
        let answer = asked.receipt_handle(receipt).send().await;
        answer.map_err(|e| store_error(format!("deleting from {}", self.url), e))?;
        Ok(())
    }

    async fn put_back(&self, receipt: &str) -> Result<(), StoreError> {
        let asked = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(0);
        let what = || format!("putting a message back into {}", self.url);
        asked.send().await.map_err(|e| store_error(what(), e))?;
        Ok(())
    }
}
