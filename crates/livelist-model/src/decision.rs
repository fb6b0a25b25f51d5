//! The decision: what to do with a scan's result. A pure function of the facts; the steps carry it
//! out and decide nothing themselves.
//!
//! The order of the rules is the order of the questions: is the scan proved complete? Is it
//! plausible? Is every removal confirmed? Is it too much for one day?

use serde::{Deserialize, Serialize};

use crate::asking::Manner;
use crate::evidence::{Doubt, Paging, ScanEvidence};
use crate::guard_switch::{Guard, is_off};
use crate::guards::Guards;

/// At most so many full scans in one run: the first, and a second look.
pub const MAX_SCANS: usize = 2;
/// At most so many removals are asked for one by one in one run; above, the run is held. At 50 keys
/// a request that is 1,000 requests, within the hourly limit of every provider that can be asked.
pub const MAX_CONFIRMATIONS: u64 = 50_000;

/// Where two scans have to agree, a third may stand in for one that was none.
pub const MAX_LOOKS: usize = 3;
/// So many keys that one scan of a run saw another may miss, or one of a thousand: listings are sold
/// between two scans, but few.
pub const MAX_STRAYS: u64 = 10;

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
    /// Most keys went and as many others came: a conversion of the provider's, or another feed
    /// under the same name (F14).
    KeysReplaced,
    /// More removals than the guards let through, although each was confirmed (F7).
    MassRemoval,
    /// More removals than the guards let through that cannot be confirmed one by one.
    MassRemovalUnconfirmed,
    /// Asked for keys that are known to be live, the provider did not find them.
    ConfirmationBroken,
}

impl HeldReason {
    /// Every reason there is.
    pub const ALL: [HeldReason; 8] = [
        HeldReason::EmptyScan,
        HeldReason::EmptyFirstScan,
        HeldReason::CountMismatch,
        HeldReason::RowsSkipped,
        HeldReason::KeysReplaced,
        HeldReason::MassRemoval,
        HeldReason::MassRemovalUnconfirmed,
        HeldReason::ConfirmationBroken,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            HeldReason::EmptyScan => "empty_scan",
            HeldReason::EmptyFirstScan => "empty_first_scan",
            HeldReason::CountMismatch => "count_mismatch",
            HeldReason::RowsSkipped => "rows_skipped",
            HeldReason::KeysReplaced => "keys_replaced",
            HeldReason::MassRemoval => "mass_removal",
            HeldReason::MassRemovalUnconfirmed => "mass_removal_unconfirmed",
            HeldReason::ConfirmationBroken => "confirmation_broken",
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
            HeldReason::KeysReplaced => {
                "Most keys of the feed were replaced. Ask the MLS whether it converted its keys; \
                 approve if it did, reject if the account shows another feed."
            }
            HeldReason::MassRemoval => {
                "An unusual share of the listings is gone, each one confirmed. The next run looks \
                 again and publishes what it confirms a second time; approve to publish now."
            }
            HeldReason::MassRemovalUnconfirmed => {
                "An unusual share of the listings is missing and could not be asked for one by one. \
                 Check with the MLS, then approve or reject."
            }
            HeldReason::ConfirmationBroken => {
                "The MLS does not find listings by key that it showed minutes ago. Check the \
                 account's permissions; the next run tries again."
            }
        }
    }

    /// Whether an operator may publish the result all the same. Where the scan itself is not proved
    /// complete nobody may.
    pub fn can_be_approved(self) -> bool {
        !matches!(
            self,
            HeldReason::CountMismatch | HeldReason::RowsSkipped | HeldReason::ConfirmationBroken
        )
    }
}

/// What a run knows after its keys were compared with the former snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Keys of the former snapshot; absent where there is none.
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
}

/// What confirmation told.
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
    /// Of the restored, those that the provider shows in another case: it compares without it, and the
    /// scan saw no such key.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub variants: u64,
    /// Whether the provider shows keys by key that were confirmed gone: what it shows so may be more
    /// than what the feed lists, and lists nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shows_gone: bool,
    /// How it was asked, where that is not as the settings say: what it answers was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Manner>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Scan once more; the keys of both scans count.
    ScanAgain,
    /// Ask for the absent keys one by one.
    Confirm,
    /// Publish.
    Publish,
    /// Keep the head and tell.
    Hold(HeldReason),
}

/// What to do after the comparison.
pub fn after_comparison(facts: &Comparison, guards: &Guards, confirms_by_key: bool) -> Next {
    let look_again = |reason| {
        if facts.scans.len() < MAX_SCANS {
            Next::ScanAgain
        } else {
            Next::Hold(reason)
        }
    };
    let (Some(scan), Some(distinct)) = (facts.scans.last(), facts.distinct.last().copied()) else {
        return Next::Hold(HeldReason::EmptyScan);
    };
    match scan.doubt(distinct) {
        Some(Doubt::NoEnd | Doubt::CountMismatch) => return look_again(HeldReason::CountMismatch),
        Some(Doubt::RowsSkipped) => return look_again(HeldReason::RowsSkipped),
        Some(Doubt::MoreThanCounted) if facts.scans.len() < MAX_SCANS => return Next::ScanAgain,
        Some(Doubt::MoreThanCounted) => {}
        None => {}
    }
    if facts.live == 0 && !is_off(Guard::EmptyScan) {
        match facts.former {
            Some(0) => return Next::Publish,
            Some(_) => return look_again(HeldReason::EmptyScan),
            None => return look_again(HeldReason::EmptyFirstScan),
        }
    }
    // A first snapshot has no former keys by which rows that slipped past the reader are found.
    let is_unsteady =
        scan.is_unsteady(distinct) || (facts.former.is_none() && scan.paging == Paging::Links);
    if is_unsteady && facts.scans.len() < MAX_SCANS {
        return Next::ScanAgain;
    }
    if facts.absent == 0 {
        return Next::Publish;
    }
    let former = facts.former.unwrap_or(0);
    let limit = guards.limit(former);
    if facts.absent > limit {
        if are_keys_replaced(facts) {
            return look_again(HeldReason::KeysReplaced);
        }
        if facts.scans.len() < MAX_SCANS {
            // A second scan is cheaper than asking for thousands of keys that one lost page hides.
            return Next::ScanAgain;
        }
    }
    if confirms_by_key {
        if is_off(Guard::Confirmation) {
            return Next::Publish;
        }
        return if facts.absent > limit.max(MAX_CONFIRMATIONS) {
            Next::Hold(HeldReason::MassRemovalUnconfirmed)
        } else {
            Next::Confirm
        };
    }
    if looks(facts) < 2 && !is_off(Guard::SecondLook) {
        return second_look(facts);
    }
    if facts.absent > limit && !is_off(Guard::MassRemoval) {
        Next::Hold(HeldReason::MassRemovalUnconfirmed)
    } else {
        Next::Publish
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
        // So many live keys were missing that the scan is none, whatever its numbers say.
        return Next::Hold(HeldReason::RowsSkipped);
    }
    let is_mass = confirmed.asked - confirmed.restored > limit && confirmed.fresh > limit;
    if is_mass && !is_off(Guard::MassRemoval) {
        return Next::Hold(HeldReason::MassRemoval);
    }
    Next::Publish
}

/// How many scans of the run can be believed: undoubted by themselves, and without keys missing that
/// another scan of the run saw. Where keys cannot be asked for, such a scan is the confirmation of
/// another, and what the other saw is its control. Rows that slip past one scan of a moving source
/// do not slip past both.
fn looks(facts: &Comparison) -> usize {
    let strays = MAX_STRAYS.max(facts.live / 1_000);
    let scans = facts.scans.iter().zip(&facts.distinct);
    scans
        .filter(|(scan, distinct)| {
            let is_doubted = !matches!(scan.doubt(**distinct), None | Some(Doubt::MoreThanCounted));
            !is_doubted && facts.live - **distinct <= strays
        })
        .count()
}

fn second_look(facts: &Comparison) -> Next {
    if facts.scans.len() < MAX_LOOKS {
        Next::ScanAgain
    } else {
        Next::Hold(HeldReason::RowsSkipped)
    }
}

/// Half of the former keys or more went, and at least half as many others came in their place.
fn are_keys_replaced(facts: &Comparison) -> bool {
    let former = facts.former.unwrap_or(0);
    facts.absent.saturating_mul(2) >= former && facts.added.saturating_mul(2) >= facts.absent
}

#[cfg(test)]
#[path = "decision/tests.rs"]
mod tests;
