//! The registry, cached between events.

use std::sync::Arc;
use std::time::Duration;

use livelist_model::registry::{AnyProvider, Registry};
use livelist_store::registry::Documents;
use livelist_store::{Clock, Objects, StoreError};

/// A registry that was checked after an event is used for this event for at most this long, because the
/// events of a night come close together. A registry that was checked before the event may lack a client
/// that was registered in between, which would never be notified.
const FRESH: Duration = Duration::from_secs(60);

/// A registry, and when it was compared with the store. Unchanged documents are not read again: reading
/// thousands of documents for the events of each minute would cost more than the scans.
#[derive(Default)]
pub(crate) struct KnownRegistry {
    at: Option<jiff::Timestamp>,
    documents: Documents,
    registry: Arc<Registry>,
}

impl KnownRegistry {
    /// The registry as it was at `since` or later.
    pub(crate) async fn since(
        &mut self,
        since: jiff::Timestamp,
        objects: &dyn Objects,
        clock: &dyn Clock,
    ) -> Result<Arc<Registry>, StoreError> {
        let now = clock.now();
        let is_good = self.at.is_some_and(|at| {
            let age = Duration::try_from(now.duration_since(at));
            at >= since && age.is_ok_and(|age| age < FRESH)
        });
        if is_good {
            return Ok(self.registry.clone());
        }
        if self.documents.refresh(objects).await? {
            // The feed of a pair does not depend on the dialect, and the planner reports invalid documents.
            self.registry = Arc::new(self.documents.registry(&AnyProvider).0);
        }
        self.at = Some(now);
        Ok(self.registry.clone())
    }
}
