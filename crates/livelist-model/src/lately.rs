//! What the last days say about a feed: how much of its list was removed, whether a whole group of
//! keys is absent, and how many confirmed removals were listed again. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::head::{ConfirmedBy, Head};

/// Removals within this time are counted together.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A group with fewer keys may be removed as a whole on any day.
const SMALLEST: u64 = 10;
/// A removal that is listed again within this many seconds counts as wrong: three days.
pub(crate) const BACK_WITHIN: i64 = 3 * 86_400;
/// Returns up to this number mean nothing: listings are sold and come back to the market.
const FEW_BACK: u64 = 10;
/// After too many returns, each removal takes one more day, for this long.
const DISTRUSTED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the last days say, in addition to the scans of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lately {
    /// Keys removed by the versions of the last seven days. Removals that an operator approved do not
    /// count.
    #[serde(skip_serializing_if = "is_zero")]
    pub removed: u64,
    /// Keys of groups of the list that are absent as a whole (see [`Groups`]).
    #[serde(skip_serializing_if = "is_zero")]
    pub vanished: u64,
    /// Whether many recently confirmed removals were listed again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_distrusted: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Lately {
    /// Whether they say nothing.
    pub fn is_quiet(&self) -> bool {
        *self == Lately::default()
    }

    /// The facts in a head at `now`.
    pub fn of(head: &Head, now: Timestamp) -> Lately {
        let is_near = |at: Timestamp, within| at <= now && now.duration_since(at) < within;
        let removed = head.deltas.iter().filter(|delta| {
            let at = delta.published_at.unwrap_or(Timestamp::UNIX_EPOCH);
            is_near(at, WEEK) && delta.confirmed != Some(ConfirmedBy::Operator)
        });
        let came_back = head.gone.as_ref().and_then(|gone| gone.came_back);
        Lately {
            removed: removed
                .map(|delta| delta.removed)
                .fold(0, u64::saturating_add),
            vanished: 0,
            is_distrusted: came_back.is_some_and(|at| is_near(at, DISTRUSTED)),
        }
    }
}

/// Whether `back` of `went` removals, all of the last three days, are too many: more than 5 %, and at least
/// ten.
pub(crate) fn is_much(back: u64, went: u64) -> bool {
    back >= FEW_BACK && back.saturating_mul(20) > went
}

/// Finds groups of keys that are absent as a whole. A group has the same letters at its beginning, as the
/// keys of an MLS have that brings together those of several boards; keys without letters are in none.
#[derive(Debug, Default)]
pub struct Groups {
    letters: Vec<u8>,
    keys: u64,
    absent: u64,
    listed: u64,
    vanished: u64,
    first: Option<String>,
}

impl Groups {
    /// Takes the next key of the former list, in their order.
    pub fn push(&mut self, key: &[u8], is_absent: bool) {
        let letters = key.iter().take_while(|byte| byte.is_ascii_alphabetic());
        let letters = letters.count();
        if self.letters != key[..letters] {
            self.end();
            self.letters.clear();
            self.letters.extend_from_slice(&key[..letters]);
        }
        self.listed += 1;
        self.keys += 1;
        self.absent += u64::from(is_absent);
    }

    fn end(&mut self) {
        if !self.letters.is_empty() && self.absent == self.keys && self.keys >= SMALLEST {
            self.vanished += self.keys;
            let name = || String::from_utf8_lossy(&self.letters).into_owned();
            self.first.get_or_insert_with(name);
        }
        (self.keys, self.absent) = (0, 0);
    }

    /// How many keys are in groups that are absent as a whole, and the name of the first group. If the
    /// whole list is one group, groups do not count.
    pub fn finish(mut self) -> (u64, Option<String>) {
        self.end();
        match self.vanished == self.listed {
            true => (0, None),
            false => (self.vanished, self.first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vanished(keys: &[(&str, u64, u64)]) -> (u64, Option<String>) {
        let mut groups = Groups::default();
        for (letters, from, absent) in keys {
            for n in 0..*from {
                groups.push(format!("{letters}{n:04}").as_bytes(), n < *absent);
            }
        }
        groups.finish()
    }

    #[test]
    fn a_group_that_is_absent_as_a_whole_is_found() {
        let found = vanished(&[("ACT", 300, 3), ("NTR", 12, 12), ("SAB", 100, 99)]);
        assert_eq!(found, (12, Some("NTR".to_owned())));
        assert_eq!(vanished(&[("ACT", 300, 3), ("NTR", 12, 11)]), (0, None));
    }

    #[test]
    fn few_keys_numbers_and_the_whole_list_are_no_group() {
        assert_eq!(vanished(&[("ACT", 300, 0), ("NTR", 9, 9)]), (0, None));
        assert_eq!(vanished(&[("", 300, 300), ("ACT", 300, 0)]), (0, None));
        assert_eq!(vanished(&[("ACT", 300, 300)]), (0, None));
    }

    #[test]
    fn five_of_a_hundred_come_back_on_any_day() {
        assert!(!is_much(9, 9));
        assert!(is_much(10, 10));
        assert!(!is_much(10, 200));
        assert!(is_much(11, 200));
    }
}
