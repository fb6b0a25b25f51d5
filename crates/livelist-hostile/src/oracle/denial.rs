//! What an MLS denied: faults after which it cannot be known that a listing is live.

use std::collections::BTreeSet;

use livelist_mls::{Fault, RequestKind};
use livelist_reso::dialect::{Dialect, ScanForm};

use super::Window;
use crate::sim::Ms;
use crate::world::{DAY, MlsState, Strike};

/// The MLS's answers about a key in a window.
pub(super) struct Denial<'a> {
    pub(super) mls: &'a MlsState,
    pub(super) strikes: &'a [&'a Strike],
    pub(super) key: &'a String,
    /// Since when it lives.
    pub(super) since: Ms,
    /// When the last good look began.
    pub(super) looked_at: Ms,
}

/// Looks this far apart count as two.
pub(super) const BETWEEN_LOOKS: Ms = 18 * 3_600_000;
/// Looks farther apart than this do not belong together.
const LONGEST_WAIT: Ms = 8 * 86_400_000;

/// Rows that belong to a page are not in it.
fn leaves_out_rows(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::EmptyList | Fault::EmptyListCountKept | Fault::ConfirmFindsNothing | Fault::HalfPage
    )
}

/// Rows are not in a page, or the way to the next page is not.
fn hides_rows(fault: &Fault) -> bool {
    leaves_out_rows(fault)
        || matches!(
            fault,
            Fault::NoNextLink | Fault::NextLinkNull | Fault::Cap | Fault::PageTokenDies { .. }
        )
}

fn falsifies_count(strike: &Strike) -> bool {
    let fault = &strike.fault;
    strike.kind == RequestKind::Count
        && matches!(
            fault,
            Fault::WrongCount { .. }
                | Fault::EmptyList
                | Fault::ConfirmFindsNothing
                | Fault::OddCount { .. }
        )
}

impl Denial<'_> {
    fn denies(&self, strike: &Strike) -> bool {
        match strike.fault {
            Fault::DenyPartial { percent } => {
                self.mls.control.denied_keys(percent).contains(self.key)
            }
            Fault::Rebuilding { percent, salt } => {
                let hidden = self.mls.control.hidden_keys(percent, salt);
                hidden.contains(self.key)
            }
            _ => false,
        }
    }

    fn in_kind(&self, kind: RequestKind) -> bool {
        let mut strikes = self.strikes.iter().filter(|s| s.kind == kind);
        strikes.any(|s| self.denies(s) || falsifies_count(s))
    }

    /// Whether the MLS denied the key in pages, when it was asked for keys, and in counts, if it counts.
    pub(super) fn is_total(&self, window: &Window) -> bool {
        self.in_kind(RequestKind::Page)
            && self.in_kind(RequestKind::Confirm)
            && self.is_uncounted(window)
    }

    /// Whether no credible count included the key.
    fn is_uncounted(&self, window: &Window) -> bool {
        !window.counts || self.in_kind(RequestKind::Count)
    }

    /// Whether it denied the key in each scan of two days, and in counts, if pages are all that it has.
    pub(super) fn is_in_every_scan(&self, window: &Window) -> bool {
        let in_scan = |scan: &(Ms, Ms)| {
            self.strikes
                .iter()
                .filter(|s| s.at >= scan.0 && s.at <= scan.1 && s.kind == RequestKind::Page)
                .any(|s| leaves_out_rows(&s.fault) || self.denies(s))
        };
        (self.came_back(window) || self.was_hidden_before(window.from))
            && window.scans.iter().all(in_scan)
            && self.is_uncounted(window)
    }

    /// Whether the key cannot be asked for by its listing id: the MLS does not answer such questions, or
    /// listings got other ids lately.
    pub(super) fn is_without_id(&self, window: &Window) -> bool {
        self.mls.plan.spec.options.contrary.broker_only
            || self.mls.renumbered >= Some(window.from - LONGEST_WAIT)
    }

    /// Whether the MLS showed nothing at all, in pages and in answers by key, now and on an earlier day, on
    /// which the key may rightly have been missing: a list of a few keys may become empty by that, because
    /// there is no live key that could be a control.
    pub(super) fn is_of_everything(&self, window: &Window) -> bool {
        let hides = |kind| {
            let mut strikes = self.strikes.iter().filter(|s| s.kind == kind);
            strikes.any(|s| leaves_out_rows(&s.fault) || self.denies(s))
        };
        hides(RequestKind::Page)
            && hides(RequestKind::Confirm)
            && (self.came_back(window) || self.was_hidden_before(window.from))
    }

    /// Whether the key came back since the look before, in which it was rightly missing.
    fn came_back(&self, window: &Window) -> bool {
        self.since > self.looked_at.min(window.from - BETWEEN_LOOKS)
    }

    /// Whether the MLS denied the key when it was asked for keys, on two days: no control shows that.
    pub(super) fn by_key_twice(mls: &MlsState, key: &String, now: Ms) -> bool {
        let denial = Denial {
            mls,
            strikes: &[],
            key,
            since: Ms::MIN,
            looked_at: now,
        };
        let strikes = mls.strikes.iter();
        let denied: Vec<Ms> = strikes
            .filter(|s| s.kind == RequestKind::Confirm && s.at <= now && denial.denies(s))
            .map(|s| s.at)
            .collect();
        let (first, last) = (denied.iter().min(), denied.iter().max());
        first
            .zip(last)
            .is_some_and(|(first, last)| last - first >= BETWEEN_LOOKS)
    }

    /// Whether pages left out the key on two days since `from`, or showed records in other bytes than theirs.
    pub(super) fn hid_its_change(mls: &MlsState, key: &String, from: Ms) -> bool {
        let denial = Denial {
            mls,
            strikes: &[],
            key,
            since: Ms::MIN,
            looked_at: Ms::MIN,
        };
        let pages = mls.strikes.iter();
        let pages = pages.filter(|s| s.kind == RequestKind::Page && s.at >= from);
        let hid = pages
            .clone()
            .filter(|s| hides_rows(&s.fault) || denial.denies(s));
        let days: BTreeSet<Ms> = hid.map(|s| s.at.div_euclid(DAY)).collect();
        let is_odd = |s: &Strike| matches!(s.fault, Fault::Unreadable { .. });
        days.len() > 1
            || mls.plan.spec.options.contrary.bytes.is_some()
            || mls.strikes.iter().any(is_odd)
    }

    /// Whether pages hid the key on an earlier day as well: two scans at one moment count as one look.
    fn was_hidden_before(&self, from: Ms) -> bool {
        let mut strikes = self.mls.strikes.iter();
        strikes.any(|s| {
            let before = from - s.at;
            s.kind == RequestKind::Page
                && (BETWEEN_LOOKS..=LONGEST_WAIT).contains(&before)
                && (leaves_out_rows(&s.fault) || self.denies(s))
        })
    }

    /// Whether a key that was never listed may be late.
    pub(super) fn excuses_delay(&self, window: &Window, dialect: &Dialect) -> bool {
        let moved = self.mls.changes.last().is_some_and(|at| *at >= window.from);
        let hidden = self
            .strikes
            .iter()
            .any(|s| s.kind == RequestKind::Page && (hides_rows(&s.fault) || self.denies(s)));
        let uncounted = !window.counts || moved || self.in_kind(RequestKind::Count);
        let by_links =
            window.by_links && !matches!(dialect.scan, ScanForm::Links { skips: true, .. });
        (by_links && moved) || (hidden && uncounted)
    }
}
