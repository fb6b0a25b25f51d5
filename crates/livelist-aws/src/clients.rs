//! The SDK's configuration (one HTTP client with rustls and ring, credentials, retries, time limits), and
//! the adapters made from it. Nothing here calls AWS before an adapter is used.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use livelist_store::{Clock, Entropy, Outbox};

use crate::dates::{Dates, Hear};
use crate::objects::RetryRaces;
use crate::{
    KmsSealer, S3Links, S3Objects, SfnExecutions, SnsNotices, SqsDeadLetters, SqsQueue, SsmSecrets,
};

/// Attempts of one call, the first included, with the SDK's jittered back-off between them.
const ATTEMPTS: u32 = 4;
/// To begin a connection.
const CONNECT: Duration = Duration::from_secs(4);
/// To the first byte of an answer.
const READ: Duration = Duration::from_secs(20);
/// For one call with all its attempts, up to the head of the answer. Uploads of the largest
/// snapshots take seconds; a Lambda function must not hang longer.
const CALL: Duration = Duration::from_secs(90);
/// Idle connections are closed before the services close them.
const IDLE: Duration = Duration::from_secs(15);

/// The endpoints and credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As the SDK finds it in the environment: region, role, `AWS_ENDPOINT_URL`.
    Environment,
    /// A local stack at this URL, which takes any credentials.
    Local(String),
}

/// Makes adapters that share one HTTP client.
#[derive(Debug, Clone)]
pub struct AwsClients {
    config: SdkConfig,
    dates: Option<Dates>,
}

impl AwsClients {
    /// Reads the configuration; connections are made when an adapter is used.
    pub async fn new(place: Place) -> AwsClients {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .pool_idle_timeout(IDLE)
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .read_timeout(READ)
            .operation_timeout(CALL)
            .build();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts);
        let loader = match place {
            Place::Environment => loader,
            Place::Local(url) => loader
                .endpoint_url(url)
                .region(Region::from_static("us-east-1"))
                .credentials_provider(Credentials::new("test", "test", None, None, "local stack")),
        };
        AwsClients {
            config: loader.load().await,
            dates: None,
        }
    }

    /// The same; `hear` receives the date of each of S3's answers.
    pub fn hearing(self, hear: Hear) -> AwsClients {
        AwsClients {
            dates: Some(Dates(hear)),
            ..self
        }
    }

    /// The SDK's configuration, for a client that has no adapter.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        // On AWS the bucket is a part of the host name; a local stack has no such names.
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .force_path_style(self.config.endpoint_url().is_some())
            .retry_classifier(RetryRaces);
        let config = match &self.dates {
            Some(dates) => config.interceptor(dates.clone()),
            None => config,
        };
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// Objects in `bucket`.
    pub fn objects(&self, bucket: impl Into<String>, entropy: Arc<dyn Entropy>) -> S3Objects {
        S3Objects::new(self.s3(), bucket, entropy)
    }

    /// Presigned links to objects in `bucket`.
    pub fn links(&self, bucket: impl Into<String>, clock: Arc<dyn Clock>) -> S3Links {
        S3Links::new(self.s3(), bucket, clock)
    }

    /// The queue at one URL, its dead-letter queue at another.
    pub fn queue(
        &self,
        url: impl Into<String>,
        dead_letter_url: impl Into<String>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> SqsQueue {
        let client = aws_sdk_sqs::Client::new(&self.config);
        SqsQueue::new(client, url, dead_letter_url, clock, entropy)
    }

    /// The dead-letter queue at this URL, for operators.
    pub fn dead_letters(&self, url: impl Into<String>) -> SqsDeadLetters {
        SqsDeadLetters::new(aws_sdk_sqs::Client::new(&self.config), url)
    }

    /// The queue of events at this URL, for putting events into it. Later failures are handled by its
    /// reader.
    pub fn outbox(
        &self,
        url: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> impl Outbox + 'static {
        self.queue(url, url, clock, entropy)
    }

    /// Executions of the state machine with this ARN.
    pub fn executions(&self, machine_arn: impl Into<String>) -> SfnExecutions {
        SfnExecutions::new(aws_sdk_sfn::Client::new(&self.config), machine_arn)
    }

    /// Notices on the topic with this ARN.
    pub fn notices(&self, topic_arn: impl Into<String>) -> SnsNotices {
        SnsNotices::new(aws_sdk_sns::Client::new(&self.config), topic_arn)
    }

    /// Secrets in the Parameter Store.
    pub fn secrets(&self) -> SsmSecrets {
        SsmSecrets::new(aws_sdk_ssm::Client::new(&self.config))
    }

    /// A sealer with this key: its id, ARN or alias.
    pub fn sealer(&self, key_id: impl Into<String>) -> KmsSealer {
        KmsSealer::new(aws_sdk_kms::Client::new(&self.config), key_id)
    }
}
