//! Ports that this function was not given, because it has no right to use what stands behind them.
//! Using one is a mistake in the template, and the error names the missing variable.

use std::time::Duration;

use async_trait::async_trait;
use livelist_model::notice::FeedEvent;
use livelist_store::{
    Executions, Message, Outbox, Queue, SealError, Sealer, SendFailure, Start, StoreError,
};
use secrecy::SecretString;

/// A port whose variable is not set.
pub(crate) struct Absent(pub(crate) &'static str);

impl Absent {
    fn refuse<T>(&self) -> Result<T, StoreError> {
        let why = format!("{} is not set for this function", self.0);
        Err(StoreError::refused("what this function does not have", why))
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
