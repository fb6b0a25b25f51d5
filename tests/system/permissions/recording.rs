//! Ports that record their calls, as the actions that AWS checks when `livelist-aws` makes them. Such an
//! adapter needs more than its port says: a tag is a separate permission, a condition on an ETag reads,
//! and S3 reports a missing object only to roles that may list.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::notice::FeedEvent;
use livelist_model::registry::CredentialRef;
use livelist_store::{
    Body, Condition, Executions, Link, Links, Listed, Message, Object, Objects, Outbox, Queue,
    Retention, SealError, Sealer, SecretError, Secrets, SendFailure, Start, StoreError,
};
use secrecy::SecretString;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    pub function: String,
    pub action: &'static str,
    pub on: On,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// What the function knows by this variable of its environment.
    Variable(&'static str),
    /// An object of the bucket.
    Object(String),
    /// A parameter of SSM.
    Parameter(String),
    /// A resource of the template.
    Arn(String),
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            On::Variable(text) => f.write_str(text),
            On::Object(text) | On::Parameter(text) | On::Arn(text) => f.write_str(text),
        }
    }
}

/// The accesses of all functions.
pub type Notes = Arc<Mutex<BTreeSet<Access>>>;

/// A port as one function uses it.
pub struct Recording<P: ?Sized> {
    inner: Arc<P>,
    function: &'static str,
    notes: Notes,
}

impl<P: ?Sized> Recording<P> {
    pub fn of(inner: Arc<P>, function: &'static str, notes: &Notes) -> Arc<Self> {
        Arc::new(Recording {
            inner,
            function,
            notes: notes.clone(),
        })
    }

    fn note(&self, action: &'static str, on: On) {
        self.notes.lock().unwrap().insert(Access {
            function: self.function.to_owned(),
            action,
            on,
        });
    }
}

impl<P: Objects + ?Sized> Recording<P> {
    fn note_object(&self, action: &'static str, key: &str) {
        self.note(action, On::Object(key.to_owned()));
    }

    fn note_listing(&self) {
        self.note("s3:ListBucket", On::Variable("LIVELIST_BUCKET"));
    }

    /// `GetObject` or `HeadObject`.
    async fn look(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.note_object("s3:GetObject", key);
        let found = self.inner.get(key).await?;
        if found.is_none() {
            self.note_listing();
        }
        Ok(found)
    }

    /// S3 reads for a condition on an ETag; and where a condition fails, or the answer was lost and
    /// the write is tried again, the adapter looks who won.
    async fn look_for(&self, key: &str, condition: &Condition) -> Result<(), StoreError> {
        match condition {
            Condition::Always => Ok(()),
            Condition::Absent => {
                self.note_object("s3:GetObject", key);
                Ok(())
            }
            Condition::Unchanged(_) => self.look(key).await.map(drop),
        }
    }
}

#[async_trait]
impl<P: Objects + ?Sized> Objects for Recording<P> {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        self.look(key).await
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        self.note_object("s3:PutObject", key);
        if retention == Retention::Scratch {
            self.note_object("s3:PutObjectTagging", key);
        }
        self.look_for(key, &condition).await?;
        self.inner.put(key, body, condition, retention).await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        self.note_object("s3:DeleteObject", key);
        self.look_for(key, &condition).await?;
        self.inner.delete(key, condition).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.note_listing();
        self.inner.list(prefix).await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.note_listing();
        self.inner.list_names(prefix).await
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        self.note_object("s3:PutObjectTagging", key);
        self.inner.retire(key).await
    }
}

#[async_trait]
impl<P: Links + ?Sized> Links for Recording<P> {
    /// A link can do what the role that signed it can.
    async fn link(&self, key: &str, valid_for: Duration) -> Result<Link, StoreError> {
        self.note("s3:GetObject", On::Object(key.to_owned()));
        self.inner.link(key, valid_for).await
    }
}

#[async_trait]
impl<P: Queue + ?Sized> Queue for Recording<P> {
    async fn send(&self, messages: &[Message]) -> Result<Vec<SendFailure>, StoreError> {
        self.note("sqs:SendMessage", On::Variable("LIVELIST_QUEUE_URL"));
        self.inner.send(messages).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), StoreError> {
        self.note("sqs:SendMessage", On::Variable("LIVELIST_DLQ_URL"));
        self.inner.dead_letter(body, reason).await
    }

    async fn postpone(&self, receipt: &str, wait: Duration) -> Result<(), StoreError> {
        self.note(
            "sqs:ChangeMessageVisibility",
            On::Variable("LIVELIST_QUEUE_URL"),
        );
        self.inner.postpone(receipt, wait).await
    }
}

#[async_trait]
impl<P: Outbox + ?Sized> Outbox for Recording<P> {
    async fn put(&self, event: &FeedEvent) -> Result<(), StoreError> {
        self.note("sqs:SendMessage", On::Variable("LIVELIST_OUTBOX_URL"));
        self.inner.put(event).await
    }
}

#[async_trait]
impl<P: Executions + ?Sized> Executions for Recording<P> {
    async fn start(&self, name: &str, input: String) -> Result<Start, StoreError> {
        self.note(
            "states:StartExecution",
            On::Variable("LIVELIST_MACHINE_ARN"),
        );
        self.inner.start(name, input).await
    }
}

#[async_trait]
impl<P: Sealer + ?Sized> Sealer for Recording<P> {
    async fn seal(&self, context: &str, secret: &SecretString) -> Result<String, SealError> {
        self.note("kms:Encrypt", On::Variable("LIVELIST_KEY_ID"));
        self.inner.seal(context, secret).await
    }

    async fn open(&self, context: &str, sealed: &str) -> Result<SecretString, SealError> {
        self.note("kms:Decrypt", On::Variable("LIVELIST_KEY_ID"));
        self.inner.open(context, sealed).await
    }
}

#[async_trait]
impl<P: Secrets + ?Sized> Secrets for Recording<P> {
    async fn get(&self, reference: &CredentialRef) -> Result<SecretString, SecretError> {
        let path = reference.parts().1.to_owned();
        self.note("ssm:GetParameter", On::Parameter(path));
        self.inner.get(reference).await
    }
}
