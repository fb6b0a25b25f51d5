//! Runs CPU-bound work (parsing, compressing, merging) on a separate thread, so that it does not
//! block async tasks. A simulation can ask for it to run in place on its own thread, so that it
//! controls the order of everything. Depends on nothing here: the client and the steps both use it.

use std::cell::Cell;

use tokio::task::JoinError;

thread_local! {
    static IN_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// From here on, work that this thread begins runs in place.
pub fn in_place_on_this_thread() {
    IN_PLACE.set(true);
}

/// Runs `work` where it blocks no async task.
///
/// # Errors
/// It panicked on its thread, or the runtime ends.
pub async fn run<T, F>(work: F) -> Result<T, JoinError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if IN_PLACE.get() {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await
}
