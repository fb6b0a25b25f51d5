//! Listening to the topic of notices.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Stack, eventually, scope};

/// A listener of a topic.
pub struct Notices<'a> {
    stack: &'a Stack,
    queue: String,
}

/// A notice.
#[derive(Debug)]
pub struct Notice {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub message: String,
}

impl Notices<'_> {
    /// The notices that came so far and speak of `about`.
    pub async fn so_far(&self, about: &str) -> Vec<Notice> {
        let messages = self.stack.peek(&self.queue).await.into_iter();
        let notices = messages.map(|m| {
            let envelope: Value = serde_json::from_str(m["Body"].as_str().unwrap()).unwrap();
            let text = |field: &str| envelope[field].as_str().unwrap_or_default().to_owned();
            Notice {
                subject: text("Subject"),
                message: text("Message"),
            }
        });
        notices.filter(|n| n.message.contains(about)).collect()
    }

    /// Waits for the notice that speaks of `about`.
    pub async fn of(&self, about: &str) -> Notice {
        eventually(&format!("a notice of {about}"), || async {
            self.so_far(about).await.pop()
        })
        .await
    }
}

impl Stack {
    /// Collects the notices of a topic from now on, in a new queue.
    pub async fn listen(&self, topic: &str, listener: &str) -> Notices<'_> {
        let account = topic.split(':').nth(4).unwrap();
        let arn = format!("arn:aws:sqs:{}:{account}:{listener}", self.at("/region"));
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            }],
        });
        let asked =
            json!({ "QueueName": listener, "Attributes": { "Policy": policy.to_string() } });
        let told = self
            .ask("sqs", "AmazonSQS.CreateQueue", asked)
            .await
            .unwrap();
        let fields = [
            ("Action", "Subscribe"),
            ("TopicArn", topic),
            ("Protocol", "sqs"),
            ("Endpoint", &arn),
        ];
        self.ask_sns(&fields).await;
        let queue = told["QueueUrl"].as_str().unwrap().to_owned();
        Notices { stack: self, queue }
    }

    /// Asks SNS, which speaks forms.
    async fn ask_sns(&self, fields: &[(&str, &str)]) {
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)));
        let form = fields.collect::<Vec<_>>().join("&");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", &scope("sns")),
        ];
        let answer = self.send(Method::POST, "/", &headers, form).await;
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
    }
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let bytes = text.bytes().map(|b| match b {
        b if plain(b) => (b as char).to_string(),
        b => format!("%{b:02X}"),
    });
    bytes.collect()
}
