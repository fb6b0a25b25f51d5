//! Decides what to do with the result of a scan: scan again, confirm, publish or hold. It is a pure
//! function of the facts. The steps carry out what it says and decide nothing themselves.
//!
//! The rules are asked in this order: Is the scan proved complete? Is it plausible? Is every removal
//! confirmed? Is it too much for one day?

use serde::{Deserialize, Serialize};

use crate::asking::Manner;
use crate::evidence::{Doubt, Paging, ScanEvidence};
use crate::guard_switch::{Guard, is_off};
use crate::guards::Guards;
use crate::lately::Lately;
use crate::waiting;

/// At most this many full scans in one run: the first, and a repetition.
pub const MAX_SCANS: usize = 2;
/// The most absent keys that one run asks for; with more, the run is held. At 50 keys a request that is
/// 1,000 requests, within the hourly limit of every provider that answers such questions.
pub const MAX_CONFIRMATIONS: u64 = 50_000;
/// A list of up to this many keys may become empty without an approval, if each key was asked for on two
/// days.
pub const FEW: u64 = 10;
/// How many keys that one look missed the next one may see: this many, or one in a thousand of the list.
/// Few listings come back within two days.
const MAX_BACK: u64 = 10;

/// Why a result waits for a second look or an operator. The names are stable: operators, the
/// documentation and programs rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldReason {
    /// No rows at all, while the former snapshot has keys (F1).
    EmptyScan,
    /// The first scan of a feed saw no rows; an empty list would empty a site that has copies.
    EmptyFirstScan,
    /// The keys do not fit the provider's own count, twice.
    CountMismatch,
    /// The provider's links jumped over rows, twice, and it does not count.
    RowsSkipped,
    /// Nothing proves that all rows were read: there was neither a link nor a count, and a question for
    /// rows after the last one proved nothing either, twice.
    EndUnproved,
    /// Most keys were removed and as many others added: the provider converted its keys, or this is another
    /// feed under the same name (F14).
    KeysReplaced,
    /// More removals than the guards let through, although each was confirmed (F7).
    MassRemoval,
    /// More removals than the guards let through that cannot be confirmed one by one.
    MassRemovalUnconfirmed,
    /// Asked for keys that are known to be live, the provider did not find them.
    ConfirmationBroken,
    /// This machine's clock is wrong: two sources agree against it (`clock`).
    ClockWrong,
}

impl HeldReason {
    /// Every reason there is.
    pub const ALL: [HeldReason; 10] = [
        HeldReason::EmptyScan,
        HeldReason::EmptyFirstScan,
        HeldReason::CountMismatch,
        HeldReason::RowsSkipped,
        HeldReason::EndUnproved,
        HeldReason::KeysReplaced,
        HeldReason::MassRemoval,
        HeldReason::MassRemovalUnconfirmed,
        HeldReason::ConfirmationBroken,
        HeldReason::ClockWrong,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            HeldReason::EmptyScan => "empty_scan",
            HeldReason::EmptyFirstScan => "empty_first_scan",
            HeldReason::CountMismatch => "count_mismatch",
            HeldReason::RowsSkipped => "rows_skipped",
            HeldReason::EndUnproved => "end_unproved",
            HeldReason::KeysReplaced => "keys_replaced",
            HeldReason::MassRemoval => "mass_removal",
            HeldReason::MassRemovalUnconfirmed => "mass_removal_unconfirmed",
            HeldReason::ConfirmationBroken => "confirmation_broken",
            HeldReason::ClockWrong => "clock_wrong",
        }
    }

    /// What an operator should do, in one or two sentences.
    pub fn advice(self) -> &'static str {
        match self {
            HeldReason::EmptyScan => {
                "The MLS showed no listing at all. Check the account's permissions and the filter; \
                 approve only if the MLS says that the feed is really empty."
            }
            HeldReason::EmptyFirstScan => {
                "The first scan of this feed saw nothing. Check filter, dataset and permissions; \
                 approve only if the feed is really empty."
            }
            HeldReason::CountMismatch => {
                "The keys read do not fit the number the MLS counts. It is usually over by the next \
                 run. If it stays, see with `livelist probe` whether the count heeds the filter: if it \
                 does not, set `\"count\": \"never\"` in the MLS's document; else ask the provider."
            }
            HeldReason::RowsSkipped => {
                "The provider's paging jumped over rows. It is usually over by the next run; if it \
                 stays, ask the provider or set a smaller page_size."
            }
            HeldReason::EndUnproved => {
                "The MLS gives no sign where its list ends: no next link, no count that can be \
                 believed, and no usable answer behind the last row. Try `\"count\": \"always\"`, \
                 a smaller page_size or another provider in the registry, with `livelist probe`; \
                 or ask the provider how the end is told."
            }
            HeldReason::KeysReplaced => {
                "Most keys of the feed were replaced. Ask the MLS whether it converted its keys; \
                 approve if it did, reject if the account shows another feed."
            }
            HeldReason::MassRemoval => {
                "An unusual share of the listings is gone, each one confirmed. A run of a later day, \
                 18 hours from now at the earliest, looks again and publishes what it confirms a \
                 second time; running it again today does not. Approve to publish now."
            }
            HeldReason::MassRemovalUnconfirmed => {
                "An unusual share of the listings is missing and could not be asked for one by one. \
                 Check with the MLS, then approve or reject."
            }
            HeldReason::ConfirmationBroken => {
                "The MLS does not find listings by key that it showed minutes ago. Check the \
                 account's permissions; the next run tries again."
            }
            HeldReason::ClockWrong => {
                "This machine's clock is wrong: the MLS and another source agree against it. Set it \
                 (NTP), then run the feed again."
            }
        }
    }

    /// Whether an operator may publish the result. Nobody may if the scan itself is not proved complete.
    pub fn can_be_approved(self) -> bool {
        !matches!(
            self,
            HeldReason::CountMismatch
                | HeldReason::RowsSkipped
                | HeldReason::EndUnproved
                | HeldReason::ConfirmationBroken
                | HeldReason::ClockWrong
        )
    }
}

/// What a run knows after its keys were compared with the former snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Keys of the former snapshot; absent if there is none.
    pub former: Option<u64>,
    /// Distinct keys of all scans of the run together.
    pub live: u64,
    /// Live keys that the former snapshot has not.
    pub added: u64,
    /// Keys of the former snapshot that no scan saw.
    pub absent: u64,
    /// The distinct keys of each scan.
    pub distinct: Vec<u64>,
    /// What each scan saw.
    pub scans: Vec<ScanEvidence>,
    /// If keys cannot be asked for: how earlier looks relate to the absent keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked: Option<Looked>,
    /// What the last days say.
    #[serde(default, skip_serializing_if = "Lately::is_quiet")]
    pub lately: Lately,
}

/// How the looks of earlier days relate to this one, if keys cannot be asked for one by one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// Absent keys that another look, at least a day ago, missed as well.
    pub again: u64,
    /// Absent keys that an earlier look of the same day missed.
    pub early: u64,
    /// Absent keys that this look is the first to miss.
    pub fresh: u64,
    /// Keys that another look had missed, and that this run sees.
    pub back: u64,
}

impl Comparison {
    /// Whether `gone` removals are too many for one day although they are below the limit: a whole group of
    /// the list would be removed, or too many were removed in the days before.
    fn is_too_much(&self, gone: u64, guards: &Guards) -> bool {
        let week = guards.week(self.former.unwrap_or(0));
        let is_group = self.lately.vanished > 0 && gone >= self.lately.vanished;
        gone > 0 && (is_group || self.lately.removed.saturating_add(gone) > week)
    }

    /// Whether this look and the one before agree as a whole, so that keys that both missed are gone.
    ///
    /// There are three reasons against it. Many keys that the earlier look missed are back: then rows were
    /// hidden from it, and may be hidden from this one, some of them twice by chance. Many rows that the
    /// MLS counted before or after were not seen: they may have been removed meanwhile, or be hidden. Many
    /// more keys than usual are newly absent: the rows hidden today may include those hidden yesterday.
    pub fn agrees(&self) -> bool {
        let looked = self.looked.unwrap_or_default();
        let most = MAX_BACK.max(self.former.unwrap_or(0) / 1_000);
        let is_back = looked.back > most || (looked.back >= 2 && looked.back > looked.again);
        let scan = self.scans.last().zip(self.distinct.last());
        let is_hidden = scan.is_some_and(|(scan, distinct)| {
            let counted = scan.count_before.max(scan.count_after).unwrap_or(0);
            let most = most.min((counted / 20).max(2));
            counted.saturating_sub(*distinct) > most
        });
        let before = looked.again.saturating_add(looked.early);
        let usual = MAX_BACK
            .max(self.former.unwrap_or(0) / 50)
            .max(before.saturating_mul(2));
        !(is_back || is_hidden || looked.fresh > usual) || is_off(Guard::SecondLook)
    }
}

/// The result of the confirmation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// Absent keys asked for.
    pub asked: u64,
    /// Of these, found after all: they are live.
    pub restored: u64,
    /// Whether keys known to be live were found in every answer.
    pub controls_found: bool,
    /// Removals that an earlier run, held for its mass removal, had not confirmed already.
    pub fresh: u64,
    /// Absent keys that stay listed and wait for another look, because they cannot be asked for, or because
    /// a question on one day is not enough.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waits: u64,
    /// Restored keys that the provider shows under another key, which the scan did not see: in another case,
    /// or with the id that was asked for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub variants: u64,
    /// Whether the provider still shows keys that were confirmed gone (negative controls). Then a key that it
    /// shows by key may be outside the feed, and is not listed because of that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shows_gone: bool,
    /// The form of question that worked, if it is not the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Manner>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The next action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Scan once more; the keys of both scans count.
    ScanAgain,
    /// Ask for the absent keys one by one.
    Confirm,
    /// Publish.
    Publish,
    /// Keep the head and notify operators.
    Hold(HeldReason),
}

/// Why the newest scan is not accepted as complete; `None` if it is. The run scans once more before it is
/// held for that reason.
pub fn doubt(facts: &Comparison, confirms_by_key: bool) -> Option<HeldReason> {
    let (Some(scan), Some(distinct)) = (facts.scans.last(), facts.distinct.last().copied()) else {
        return Some(HeldReason::EmptyScan);
    };
    match scan.doubt(distinct) {
        Some(Doubt::NoEnd | Doubt::CountMismatch) => return Some(HeldReason::CountMismatch),
        Some(Doubt::RowsSkipped) => return Some(HeldReason::RowsSkipped),
        Some(Doubt::EndUnproved) => return Some(HeldReason::EndUnproved),
        Some(Doubt::MoreThanCounted) | None => {}
    }
    // Rows moved while they were read, so the scan may have missed others. That loses nothing if each
    // absent key is asked for. If keys cannot be asked for, the scan may miss the same rows every night.
    (!confirms_by_key && scan.is_unsteady(distinct)).then_some(HeldReason::RowsSkipped)
}

/// What to do after the comparison. `confirms_by_key` says whether the provider answers questions about
/// single keys.
///
/// ```
/// use livelist_model::decision::{Comparison, HeldReason, Next, after_comparison};
/// use livelist_model::evidence::{EndSign, Paging, ScanEvidence};
/// use livelist_model::guards::Guards;
///
/// // A scan that read 990 rows to the provider's end; the provider counts 990 as well.
/// let scan = ScanEvidence {
///     end: Some(EndSign::EmptyPage),
///     rows: 990,
///     pages: 2,
///     count_before: Some(990),
///     count_after: Some(990),
///     ..ScanEvidence::begin(Paging::Keyset, jiff::Timestamp::UNIX_EPOCH)
/// };
/// let mut facts = Comparison {
///     former: Some(1_000),
///     live: 990,
///     added: 0,
///     absent: 10,
///     distinct: vec![990],
///     scans: vec![scan.clone()],
///     looked: None,
///     lately: Default::default(),
/// };
/// // Ten keys are missing: the provider is asked for each of them before anything is published.
/// assert_eq!(after_comparison(&facts, &Guards::default(), true), Next::Confirm);
///
/// // The provider counts 1,000: rows are missing from the scan. It is repeated once, then held.
/// facts.scans[0].count_before = Some(1_000);
/// facts.scans[0].count_after = Some(1_000);
/// assert_eq!(after_comparison(&facts, &Guards::default(), true), Next::ScanAgain);
/// facts.scans.push(facts.scans[0].clone());
/// facts.distinct.push(990);
/// let next = after_comparison(&facts, &Guards::default(), true);
/// assert_eq!(next, Next::Hold(HeldReason::CountMismatch));
/// ```
pub fn after_comparison(facts: &Comparison, guards: &Guards, confirms_by_key: bool) -> Next {
    let may_scan = facts.scans.len() < MAX_SCANS;
    let look_again = |reason| match may_scan {
        true => Next::ScanAgain,
        false => Next::Hold(reason),
    };
    if let Some(reason) = doubt(facts, confirms_by_key) {
        return look_again(reason);
    }
    let (Some(scan), Some(distinct)) = (facts.scans.last(), facts.distinct.last().copied()) else {
        return Next::Hold(HeldReason::EmptyScan);
    };
    if may_scan && scan.doubt(distinct) == Some(Doubt::MoreThanCounted) {
        return Next::ScanAgain;
    }
    if facts.live == 0 && !is_off(Guard::EmptyScan) {
        match facts.former {
            Some(0) => return Next::Publish,
            Some(former) if confirms_by_key && former <= FEW && !may_scan => return Next::Confirm,
            Some(_) => return look_again(HeldReason::EmptyScan),
            None => return look_again(HeldReason::EmptyFirstScan),
        }
    }
    // A first snapshot has no former keys by which rows that slipped past the reader are found.
    let is_unsteady =
        scan.is_unsteady(distinct) || (facts.former.is_none() && scan.paging == Paging::Links);
    if is_unsteady && may_scan {
        return Next::ScanAgain;
    }
    if facts.absent == 0 {
        return Next::Publish;
    }
    let former = facts.former.unwrap_or(0);
    let limit = guards.limit(former);
    if facts.absent > limit && are_keys_replaced(facts) {
        return look_again(HeldReason::KeysReplaced);
    }
    if !confirms_by_key {
        // Keys that this look is the first to miss stay listed; a later run decides.
        let most = limit.min(waiting::MOST as u64);
        let is_much = facts.absent > most || facts.is_too_much(facts.absent, guards);
        let is_mass = is_much && !is_off(Guard::MassRemoval);
        return match is_mass {
            true => Next::Hold(HeldReason::MassRemovalUnconfirmed),
            false => Next::Publish,
        };
    }
    if facts.absent > limit && may_scan {
        // A second scan is cheaper than asking for thousands of keys that one lost page hides.
        return Next::ScanAgain;
    }
    if is_off(Guard::Confirmation) {
        return Next::Publish;
    }
    if facts.absent > limit.max(MAX_CONFIRMATIONS) {
        Next::Hold(HeldReason::MassRemovalUnconfirmed)
    } else {
        Next::Confirm
    }
}

/// What to do after absent keys were asked for one by one.
pub fn after_confirmation(facts: &Comparison, confirmed: &Confirmed, guards: &Guards) -> Next {
    if !confirmed.controls_found || confirmed.asked < facts.absent {
        return Next::Hold(HeldReason::ConfirmationBroken);
    }
    let by_links = facts.scans.last().is_none_or(|s| s.paging == Paging::Links);
    if confirmed.restored > 0 && by_links && facts.scans.len() < MAX_SCANS {
        // The scan lost live keys of the former snapshot, so it may have lost new ones as well.
        return Next::ScanAgain;
    }
    let limit = guards.limit(facts.former.unwrap_or(0));
    if confirmed.restored > limit {
        // So many live keys were missing that the scan cannot be trusted, whatever its counts say.
        return Next::Hold(HeldReason::RowsSkipped);
    }
    let kept = confirmed.restored.saturating_add(confirmed.waits);
    let gone = confirmed.asked.saturating_sub(kept);
    // An empty list needs two days however short the former one was.
    let is_all = gone == facts.former.unwrap_or(0) && facts.live == 0;
    let pass = if is_all || facts.is_too_much(gone, guards) {
        0
    } else {
        limit
    };
    if gone > pass && confirmed.fresh > pass && !is_off(Guard::MassRemoval) {
        return Next::Hold(HeldReason::MassRemoval);
    }
    Next::Publish
}

/// Whether a held run may add the keys that it saw for the first time, because these are live. Not if it
/// looks like another feed (F14): hardly any key of the list was seen, or more keys are new than the guards
/// allow to be removed.
pub fn adds_while_held(facts: &Comparison, guards: &Guards) -> bool {
    let Some(former) = facts.former else {
        return false;
    };
    let seen = former.saturating_sub(facts.absent);
    let is_this_feed = seen.saturating_mul(10) >= former;
    facts.added > 0 && facts.added <= guards.limit(former) && is_this_feed
}

/// At least half of the former keys were removed, and at least half as many others added.
fn are_keys_replaced(facts: &Comparison) -> bool {
    let former = facts.former.unwrap_or(0);
    facts.absent.saturating_mul(2) >= former && facts.added.saturating_mul(2) >= facts.absent
}

#[cfg(test)]
#[path = "decision/tests.rs"]
mod tests;
