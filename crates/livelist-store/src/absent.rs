//! Ports that a process does not have, because it has no permission or no need. Using one is a bug, and the
//! error says what is missing.

use std::time::Duration;

use async_trait::async_trait;
use livelist_model::notice::FeedEvent;
use livelist_model::registry::CredentialRef;
use secrecy::SecretString;

use crate::{
    Executions, Message, Outbox, Queue, SealError, Sealer, SecretError, Secrets, SendFailure,
    Start, StoreError,
};

/// A port that is not configured, by the setting that it needs.
#[derive(Debug, Clone, Copy)]
pub struct Absent(pub &'static str);

impl Absent {
    fn refuse<T>(&self) -> Result<T, StoreError> {
        let why = format!("{} is not set for this process", self.0);
        Err(StoreError::refused("what this process does not have", why))
    }
}

#[async_trait]
impl Queue for Absent {
    async fn send(&self, _: &[Message]) -> Result<Vec<SendFailure>, StoreError> {
        self.refuse()
    }

    async fn dead_letter(&self, _: &str, _: &str) -> Result<(), StoreError> {
        self.refuse()
    }

    async fn postpone(&self, _: &str, _: Duration) -> Result<(), StoreError> {
        self.refuse()
    }
}

#[async_trait]
impl Outbox for Absent {
    async fn put(&self, _: &FeedEvent) -> Result<(), StoreError> {
        self.refuse()
    }
}

#[async_trait]
impl Executions for Absent {
    async fn start(&self, _: &str, _: String) -> Result<Start, StoreError> {
        self.refuse()
    }
}

#[async_trait]
impl Sealer for Absent {
    async fn seal(&self, _: &str, _: &SecretString) -> Result<String, SealError> {
        Ok(self.refuse()?)
    }

    async fn open(&self, _: &str, _: &str) -> Result<SecretString, SealError> {
        Ok(self.refuse()?)
    }
}

#[async_trait]
impl Secrets for Absent {
    async fn get(&self, reference: &CredentialRef) -> Result<SecretString, SecretError> {
        Err(SecretError::Unsupported(
            reference.clone(),
            "this process reads no secrets",
        ))
    }
}
