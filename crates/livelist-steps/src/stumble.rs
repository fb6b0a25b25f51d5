//! How a task handles a request that fails for now. It stores what it has read and ends, so that the next
//! task continues there instead of reading the same pages again. A run does that a few times at most, and
//! only if the task made progress. Without progress it is a failure, and the state machine waits before it
//! retries.

use livelist_reso::ClientError;
use serde::{Deserialize, Serialize};

use crate::StepError;

/// How often a run may end a task early because a request failed.
const MOST: u32 = 12;
/// … each after this many answers since the last time.
const ANSWERS: u64 = 10;

/// How often a run handed on because of a failed request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stumbles {
    /// So often.
    times: u32,
    /// Answers that it had the last time.
    at: u64,
}

impl Stumbles {
    /// Whether this is none, and need not be written down.
    pub(crate) fn is_none(&self) -> bool {
        *self == Stumbles::default()
    }

    /// Whether a task hands on at `error`; if so, it is recorded. `began` is the run's number of answers
    /// when the task began, `answers` the number now. This applies only to errors of the provider: if
    /// storage fails, the pages may not be stored.
    pub(crate) fn hand_on(&mut self, error: &StepError, began: u64, answers: u64) -> bool {
        let is_passing = matches!(
            error,
            StepError::Provider(ClientError::Unavailable { .. } | ClientError::Page(_))
        );
        let got_on = answers > began && answers.saturating_sub(self.at) >= ANSWERS;
        if !is_passing || !got_on || self.times >= MOST {
            return false;
        }
        self.times += 1;
        self.at = answers;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down() -> StepError {
        StepError::Provider(ClientError::Unavailable {
            what: "status 500".into(),
            source: None,
        })
    }

    #[test]
    fn a_task_hands_on_where_it_got_on() {
        let mut stumbles = Stumbles::default();
        assert!(!stumbles.hand_on(&down(), 0, 9), "too little");
        assert!(stumbles.is_none());
        assert!(stumbles.hand_on(&down(), 0, 10));
        assert!(!stumbles.hand_on(&down(), 10, 10), "nothing moved");
        assert!(!stumbles.hand_on(&down(), 10, 19));
        assert!(!stumbles.hand_on(&down(), 25, 25), "nothing moved");
        assert!(stumbles.hand_on(&down(), 24, 25));
    }

    #[test]
    fn it_does_so_twelve_times_a_run() {
        let mut stumbles = Stumbles::default();
        let times = (1..100).filter(|n| stumbles.hand_on(&down(), n * 10 - 10, n * 10));
        assert_eq!(times.count(), 12);
    }

    #[test]
    fn what_does_not_pass_is_no_reason_to_hand_on() {
        let store = livelist_store::StoreError::unavailable("the store", "down");
        for error in [StepError::TokenRefused, store.into()] {
            assert!(!Stumbles::default().hand_on(&error, 0, 50), "{error}");
        }
    }
}
