//! What is wrong with this process or its machine, as whoever looks after it has found last: a disk that
//! is full, a clock that is wrong. Reading it costs nothing, so that health can be asked often.

use std::sync::{Arc, PoisonError, RwLock};

/// Sentences for operators, the newest findings. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<RwLock<Vec<String>>>);

impl Troubles {
    /// What is wrong now.
    pub fn now(&self) -> Vec<String> {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    /// Whether nothing is.
    pub fn are_none(&self) -> bool {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner);
        found.is_empty()
    }

    /// Takes the place of what was found before. Tells whether that is another.
    pub fn found(&self, troubles: Vec<String>) -> bool {
        let mut found = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = *found != troubles;
        *found = troubles;
        is_new
    }
}
