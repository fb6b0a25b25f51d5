//! The port for the outbox: an event of a feed is put here once it is true, and is then delivered to the
//! sites.

use async_trait::async_trait;
use livelist_model::layout;
use livelist_model::notice::{FeedEvent, NoticeMessage};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use crate::{Condition, Objects, ObjectsExt, Retention, StoreError};

/// Takes events. An event that was put is delivered at least once, even if this process dies now. After an
/// error the event may or may not have been put, and the caller may put it again.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Puts an event.
    async fn put(&self, event: &FeedEvent) -> Result<(), StoreError>;
}

/// The outbox of one machine: each event is an object until it was processed.
pub struct ObjectOutbox {
    objects: Arc<dyn Objects>,
}

/// An event in an [`ObjectOutbox`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its object.
    pub key: String,
    /// The event.
    pub event: FeedEvent,
}

impl ObjectOutbox {
    /// An outbox in `objects`.
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        ObjectOutbox { objects }
    }

    /// The events that were not processed yet. One that cannot be read is logged and stays.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        let mut waiting = Vec::new();
        for listed in self.objects.list(layout::OUTBOX_PREFIX).await? {
            match self.objects.read_json::<NoticeMessage>(&listed.key).await {
                Ok(Some((message, _))) => waiting.push(Waiting {
                    key: listed.key,
                    event: message.event,
                }),
                Ok(None) => {}
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(object = listed.key, %error, "an event cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(waiting)
    }

    /// Removes an event that was processed.
    pub async fn forget(&self, waiting: &Waiting) -> Result<(), StoreError> {
        self.objects.delete(&waiting.key, Condition::Always).await
    }
}

#[async_trait]
impl Outbox for ObjectOutbox {
    async fn put(&self, event: &FeedEvent) -> Result<(), StoreError> {
        // The body has no run, and two held runs of one instant would be one.
        let name = format!("{}\n{}", event.run, event.body());
        let digest = hex::encode(&Sha256::digest(name.as_bytes())[..8]);
        let key = layout::outbox(&format!("{}-{digest}", event.feed));
        let message = NoticeMessage::new(event.clone(), None);
        self.objects
            .write_json(&key, &message, Condition::Always, Retention::Keep)
            .await
            .map(drop)
    }
}
