//! Helpers of tests for the local stack: separate resources, and inspection of what arrived.

use std::sync::Arc;

use aws_sdk_kms::Client as Kms;
use aws_sdk_s3::Client as S3;
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sns::Client as Sns;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::types::ParameterType;
use livelist_aws::{AwsClients, Place, S3Objects};
use livelist_store::{Entropy, SystemEntropy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The stack.
pub struct Stack {
    pub clients: AwsClients,
    s3: S3,
}

/// A message that arrived.
pub struct Received {
    pub body: String,
    pub group: String,
    pub reason: String,
}

fn unique(kind: &str) -> String {
    format!("livelist-{kind}-{:016x}", SystemEntropy.bits().unwrap())
}

impl Stack {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the test's process begins"
    )]
    pub async fn new() -> Stack {
        let url = std::env::var("LIVELIST_TEST_ENDPOINT")
            .expect("LIVELIST_TEST_ENDPOINT is the URL of a running local stack");
        let clients = AwsClients::new(Place::Local(url)).await;
        let config = aws_sdk_s3::config::Builder::from(clients.config())
            .force_path_style(true)
            .build();
        Stack {
            clients,
            s3: S3::from_conf(config),
        }
    }

    pub async fn bucket(&self) -> String {
        let bucket = unique("bucket");
        self.s3
            .create_bucket()
            .bucket(&bucket)
            .send()
            .await
            .unwrap();
        bucket
    }

    pub async fn objects(&self) -> S3Objects {
        let bucket = self.bucket().await;
        self.clients.objects(bucket, Arc::new(SystemEntropy))
    }

    pub async fn tags(&self, bucket: &str, key: &str) -> Vec<String> {
        let asked = self.s3.get_object_tagging().bucket(bucket).key(key);
        let tags = asked.send().await.unwrap().tag_set;
        tags.iter()
            .map(|tag| format!("{}={}", tag.key, tag.value))
            .collect()
    }

    pub async fn key(&self) -> String {
        let kms = Kms::new(self.clients.config());
        let made = kms.create_key().send().await.unwrap();
        made.key_metadata.unwrap().key_id
    }

    pub async fn machine(&self) -> String {
        let sfn = Sfn::new(self.clients.config());
        let definition =
            r#"{"StartAt":"Rest","States":{"Rest":{"Type":"Wait","Seconds":1,"End":true}}}"#;
        let made = sfn
            .create_state_machine()
            .name(unique("machine"))
            .role_arn("arn:aws:iam::000000000000:role/livelist")
            .definition(definition)
            .send()
            .await;
        made.unwrap().state_machine_arn
    }

    pub async fn queue(&self, kind: &str) -> String {
        let sqs = Sqs::new(self.clients.config());
        let made = sqs.create_queue().queue_name(unique(kind)).send().await;
        made.unwrap().queue_url.unwrap()
    }

    /// A topic, and the URL of a queue that hears it.
    pub async fn topic(&self) -> (String, String) {
        let sns = Sns::new(self.clients.config());
        let made = sns.create_topic().name(unique("topic")).send().await;
        let topic = made.unwrap().topic_arn.unwrap();
        let url = self.queue("inbox").await;
        let attributes = Sqs::new(self.clients.config())
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .unwrap()
            .attributes
            .unwrap();
        sns.subscribe()
            .topic_arn(&topic)
            .protocol("sqs")
            .endpoint(&attributes[&QueueAttributeName::QueueArn])
            .send()
            .await
            .unwrap();
        (topic, url)
    }

    pub async fn parameter(&self, value: &str) -> String {
        let name = format!("/{}", unique("parameter"));
        Ssm::new(self.clients.config())
            .put_parameter()
            .name(&name)
            .value(value)
            .r#type(ParameterType::SecureString)
            .send()
            .await
            .unwrap();
        name
    }

    /// Some of the messages that wait in a queue, which are gone then.
    pub async fn receive(&self, url: &str) -> Vec<Received> {
        let sqs = Sqs::new(self.clients.config());
        let got = sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .unwrap();
        let mut received = Vec::new();
        for message in got.messages.unwrap_or_default() {
            let handle = message.receipt_handle.unwrap();
            let done = sqs.delete_message().queue_url(url).receipt_handle(handle);
            done.send().await.unwrap();
            let mut system = message.attributes.unwrap_or_default();
            let mut own = message.message_attributes.unwrap_or_default();
            received.push(Received {
                body: message.body.unwrap(),
                group: system
                    .remove(&MessageSystemAttributeName::MessageGroupId)
                    .unwrap_or_default(),
                reason: own
                    .remove("reason")
                    .and_then(|value| value.string_value)
                    .unwrap_or_default(),
            });
        }
        received
    }

    /// Receives messages and leaves them: receipt, body, and how often each was received.
    pub async fn look(&self, url: &str) -> Vec<(String, String, u32)> {
        let sqs = Sqs::new(self.clients.config());
        let got = sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .unwrap();
        let messages = got.messages.unwrap_or_default().into_iter();
        messages
            .map(|message| {
                let system = message.attributes.unwrap();
                let count = &system[&MessageSystemAttributeName::ApproximateReceiveCount];
                let count = count.parse().unwrap();
                (
                    message.receipt_handle.unwrap(),
                    message.body.unwrap(),
                    count,
                )
            })
            .collect()
    }

    /// Fetches a link as a site does: plainly.
    pub async fn fetch(&self, url: &str) -> (u16, Vec<u8>) {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }
}
