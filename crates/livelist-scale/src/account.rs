//! A credential in a night: its lease, its requests, and a task's conversation with its provider. The
//! request ledger is the one of the steps (`livelist_model::budget`), so the simulation waits when they do.

use std::time::Duration;

use livelist_model::budget::Ledger;
use livelist_model::registry::Limit;

/// The beginning of every night, in milliseconds since 1970: 2026-11-22T04:00:00Z.
const EPOCH: i64 = 1_795_320_000_000;
/// A wait up to this is waited out in the task (`livelist-reso`: `client::SHORT_WAIT`).
const SHORT_WAIT: Duration = Duration::from_secs(3);
/// The longest that a task asks the machine to wait at once (`policy::LONGEST_WAIT`).
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// A task stores its ledger after this part of its smallest window, or after this many requests
/// (`livelist-steps`: `budget::SHARE` and `LEAST`).
const SHARE: u64 = 20;
const LEAST: u64 = 25;

/// A request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When, in milliseconds of the night.
    pub at: u64,
    /// Bytes of its answer.
    pub bytes: u64,
}

/// A credential.
#[derive(Debug, Default)]
pub struct Account {
    /// The run that has it.
    pub holder: Option<usize>,
    /// When the last request with it was answered.
    pub last: u64,
    ledger: Ledger,
    /// Every request, if the rate limits are checked.
    pub sent: Option<Vec<Sent>>,
}

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All was asked.
    Done,
    /// The task's time is over.
    More,
    /// The provider's limits require a wait of this many milliseconds.
    Throttled(u64),
}

/// The result of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Talk {
    /// How it ended.
    pub ended: Ended,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// Requests.
    pub asked: u64,
    /// How often the account was written down on the way.
    pub kept: u64,
}

fn instant(at: u64) -> jiff::Timestamp {
    let at = EPOCH.saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
    jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX)
}

impl Account {
    /// A free credential; `is_watched` keeps every request.
    pub fn new(is_watched: bool) -> Account {
        Account {
            sent: is_watched.then(Vec::new),
            ..Account::default()
        }
    }

    /// Asks the requests from `next` to `of` as far as a task of `task` milliseconds gets that begins
    /// at `from`; `answer` says how long the nth takes and how many bytes it has.
    pub fn talk(
        &mut self,
        limits: &[Limit],
        from: u64,
        task: u64,
        next: &mut u64,
        of: u64,
        mut answer: impl FnMut(u64) -> (u64, u64),
    ) -> Talk {
        let smallest = limits
            .iter()
            .filter(|l| l.seconds >= 60)
            .map(|l| l.most / SHARE)
            .min();
        let due = smallest.map(|share| share.max(LEAST));
        let (mut now, mut asked, mut kept, mut unkept) = (from, 0, 0, 0);
        let mut ended = Ended::Done;
        while *next < of {
            if let Some(wait) = self.ledger.wait(instant(now), limits) {
                if wait > SHORT_WAIT {
                    let wait = wait.min(LONGEST_WAIT);
                    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                    ended = Ended::Throttled(seconds * 1_000);
                    break;
                }
                now += wait.as_millis() as u64;
            }
            let (millis, bytes) = answer(*next);
            if !limits.is_empty() {
                self.ledger.note(instant(now), 1, 0);
                self.ledger.note(instant(now + millis), 0, bytes);
            }
            if let Some(sent) = &mut self.sent {
                sent.push(Sent { at: now, bytes });
            }
            now += millis;
            *next += 1;
            asked += 1;
            unkept += 1;
            if due.is_some_and(|due| unkept >= due) {
                kept += 1;
                unkept = 0;
            }
            if *next < of && now - from >= task {
                ended = Ended::More;
                break;
            }
        }
        self.ledger.compact(instant(now));
        self.last = now;
        Talk {
            ended,
            millis: now - from,
            asked,
            kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_minute_is_waited_for_outside() {
        let limits = [Limit::requests(180, 60)];
        let mut account = Account::default();
        let mut next = 0;
        let talk = account.talk(&limits, 0, 600_000, &mut next, 400, |_| (100, 10));
        assert_eq!((next, talk.asked), (180, 180));
        let Ended::Throttled(wait) = talk.ended else {
            panic!("{talk:?}")
        };
        assert!((40_000..=46_000).contains(&wait), "{wait}");
        let from = talk.millis + wait;
        let talk = account.talk(&limits, from, 600_000, &mut next, 400, |_| (100, 10));
        assert!(talk.asked > 0, "waited long enough");
    }

    #[test]
    fn a_task_ends_when_its_time_is_over() {
        let mut account = Account::default();
        let mut next = 0;
        let talk = account.talk(&[], 0, 600_000, &mut next, 10_000, |_| (1_000, 0));
        assert_eq!((talk.ended, next), (Ended::More, 600));
    }
}
