//! Known problems of this process or its machine, such as a full disk or a wrong clock. Another task checks
//! for them; reading them costs nothing, so health can be asked often.

use std::sync::{Arc, PoisonError, RwLock};

/// Sentences for operators, the newest findings. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<RwLock<Vec<String>>>);

impl Troubles {
    /// The current problems.
    pub fn now(&self) -> Vec<String> {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    /// Whether nothing is.
    pub fn are_none(&self) -> bool {
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner);
        found.is_empty()
    }

    /// Replaces the problems found before. Returns whether they differ.
    pub fn found(&self, troubles: Vec<String>) -> bool {
        let mut found = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = *found != troubles;
        *found = troubles;
        is_new
    }
}
