//! Reads stored lists as streams, on threads that may block. The number of such reads at once is
//! limited, and a read ends when its caller stops waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use livelist_model::codec::CodecError;
use livelist_model::head::ObjectRef;
use livelist_store::StoreError;
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use crate::error::ApiError;
use crate::state::ApiState;

/// A stored object, as a blocking reader. Use it only on threads that may block.
pub(crate) type Stored = SyncIoBridge<Box<dyn AsyncRead + Send + Unpin>>;

/// Waiting longer for one's turn is an answer too.
const TURN: Duration = Duration::from_secs(10);

/// Says whether anybody still waits for the result.
#[derive(Default)]
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// Whether the caller has disconnected, so that further reading is useless.
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn nobody() -> Waiting {
        Waiting(Arc::new(AtomicBool::new(true)))
    }
}

/// Says so when it is dropped.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Begins to read an object that a head points at.
pub(crate) async fn open(state: &ApiState, stored: &ObjectRef) -> Result<Stored, ApiError> {
    let found = state.objects.get(&stored.object).await?;
    let found = found.ok_or_else(|| StoreError::Missing {
        key: stored.object.clone(),
    })?;
    Ok(SyncIoBridge::new(found.body))
}

/// Runs `work`, which reads the list `object`, on a blocking thread when it is its turn.
pub(crate) async fn read<T, F>(state: &ApiState, object: &str, work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&Waiting) -> Result<T, CodecError> + Send + 'static,
{
    let turn = state.readers.clone().acquire_owned();
    let turn = tokio::time::timeout(TURN, turn)
        .await
        .map_err(|_| ApiError::Busy)?
        .map_err(|_| ApiError::Internal)?;
    let over = Arc::new(AtomicBool::new(false));
    let caller = Caller(over.clone());
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&Waiting(over));
        // Only when the thread is free again.
        drop(turn);
        done
    })
    .await;
    drop(caller);
    done.map_err(|_| ApiError::Internal)?
        .map_err(|error| ApiError::unreadable(object, error))
}
