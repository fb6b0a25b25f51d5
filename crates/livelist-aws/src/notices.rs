//! Notices to operators through SNS.

use async_trait::async_trait;
use aws_sdk_sns::Client;
use livelist_store::{Notices, StoreError};

use crate::failure::store_error;

/// SNS: "less than 100 characters".
const SUBJECT: usize = 99;
/// SNS takes 256 KiB; an operator reads less.
const MESSAGE: usize = 64 * 1024;

/// Notices on one topic.
#[derive(Clone)]
pub struct SnsNotices {
    client: Client,
    topic_arn: String,
}

impl SnsNotices {
    /// Notices on the topic with this ARN.
    pub fn new(client: Client, topic_arn: impl Into<String>) -> Self {
        SnsNotices {
            client,
            topic_arn: topic_arn.into(),
        }
    }
}

/// The subject as SNS takes it: one line of printable ASCII.
fn subject(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let printable = line.chars().map(|c| match c {
        ' '..='~' => c,
        _ => '?',
    });
    printable.take(SUBJECT).collect()
}

#[async_trait]
impl Notices for SnsNotices {
    async fn publish(&self, about: &str, message: &str) -> Result<(), StoreError> {
        let subject = subject(about);
        let mut end = message.len().min(MESSAGE);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        self.client
            .publish()
            .topic_arn(&self.topic_arn)
            .set_subject((!subject.is_empty()).then_some(subject))
            .message(&message[..end])
            .send()
            .await
            .map(drop)
            .map_err(|e| store_error(format!("publishing to {}", self.topic_arn), e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_short_line_of_ascii() {
        assert_eq!(subject("held: abor\nmore"), "held: abor");
        assert_eq!(subject("Größe\t1"), "Gr??e?1");
        assert_eq!(subject(&"x".repeat(200)).len(), SUBJECT);
        assert_eq!(subject(""), "");
    }
}
