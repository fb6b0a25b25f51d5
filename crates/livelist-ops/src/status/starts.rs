//! What starts runs, and therefore when the next one begins.

use jiff::Timestamp;
use livelist_model::head::Head;
use livelist_model::registry::Planner;

use super::LastRun;
use crate::feeds::Feed;

/// What starts runs, and therefore when the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starts {
    /// A process that waits for the instant (`livelist serve`).
    AtTheTime,
    /// A planner that runs once a day (on AWS): each run records when the next one is expected.
    OnceADay,
    /// Not known: the time that the last run recorded is a guess.
    Computed,
}

impl Starts {
    /// By the planner.
    pub fn by(planner: Planner) -> Starts {
        match planner {
            Planner::AtTheTime => Starts::AtTheTime,
            Planner::OnceADay => Starts::OnceADay,
        }
    }

    pub(super) fn next(
        self,
        feed: &Feed,
        last: Option<&LastRun>,
        head: Option<&Head>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self != Starts::AtTheTime {
            return head.and_then(|head| head.next_expected_at);
        }
        // The agenda of `livelist serve`: a feed without a run is due.
        let Some(last) = last else {
            return Some(now);
        };
        let began = last.started_at.min(now);
        let next = feed.spec.schedule.next_after(&feed.spec.mls, began);
        next.map(|next| next.max(now))
    }
}
