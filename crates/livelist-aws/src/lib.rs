//! Adapters of the ports to AWS: S3, SQS, Step Functions, SNS, SSM, KMS.
//!
//! The only crate that names `aws-sdk-*`. Each file has one adapter; `clients` makes the SDK's
//! configuration, and only `failure` looks at SDK errors. Leases need no adapter: they are
//! `livelist_store::leases::ObjectLeases` over [`S3Objects`].

mod batch;
mod clients;
mod dates;
mod dead_letters;
mod executions;
mod failure;
mod links;
#[cfg(feature = "operators")]
mod logs;
mod notices;
mod objects;
mod queue;
mod sealer;
mod secrets;
#[cfg(test)]
mod stub;

pub use clients::{AwsClients, Place};
pub use dates::Hear;
pub use dead_letters::SqsDeadLetters;
pub use executions::SfnExecutions;
pub use failure::Failure;
pub use links::S3Links;
#[cfg(feature = "operators")]
pub use logs::{CloudWatchLogs, LogLine};
pub use notices::SnsNotices;
pub use objects::S3Objects;
pub use queue::SqsQueue;
pub use sealer::KmsSealer;
pub use secrets::SsmSecrets;
