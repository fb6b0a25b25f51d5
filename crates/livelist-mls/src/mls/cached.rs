//! A server cache: pages and counts show the book as it was some time ago, confirmations its current state.

use super::Mls;
use crate::incoming::RequestKind;

impl Mls {
    /// Whether a request is answered from the cache; a cache that is too old is refreshed.
    pub(super) fn stale(&mut self, kind: RequestKind) -> bool {
        let life = self.dialect.cache();
        if life.is_zero() || !matches!(kind, RequestKind::Page | RequestKind::Count) {
            return false;
        }
        let now = self.clock.instant();
        let lives = self.cached_at.is_some_and(|at| now < at + life);
        if !(lives && self.book.has_snapshot()) {
            self.book.take_snapshot();
            self.cached_at = Some(now);
        }
        true
    }
}
