//! The checks of time and amount: the server's clock, and whether the requests of a run fit into the
//! budgets. Pure: from facts to a check.

use std::time::Duration;

use livelist_model::budget::least_time;
use livelist_model::registry::Limit;

use super::check::{Check, Name};
use crate::confirm::Plan;
use crate::dialect::{ConfirmForm, Dialect, ScanForm};
use crate::heard::Heard;

/// A larger difference of clocks is reported: tokens and quotas depend on the time.
const MOST_SKEW: Duration = Duration::from_secs(60);
/// For the estimate, one in this many listings is removed per day.
const LEAVING: u64 = 100;
/// A run ends after 20 hours at the latest.
const LONGEST_RUN: Duration = Duration::from_secs(20 * 3_600);
/// A longer run is reported.
const LONG_RUN: Duration = Duration::from_secs(4 * 3_600);
/// The size of a feed for the estimate, if it is not known.
const EXAMPLE: u64 = 100_000;

/// The check of the server's clock.
pub fn clock(heard: Option<&Heard>) -> Check {
    let Some(heard) = heard else {
        return Check::skipped(Name::Clock, "no answer came");
    };
    let Some(date) = heard.date else {
        return Check::skipped(Name::Clock, "the server says no `Date`");
    };
    let skew = date.duration_since(heard.answered_at);
    let apart = Duration::try_from(skew.abs()).unwrap_or_default();
    let check = Check::ok(Name::Clock);
    if apart <= MOST_SKEW {
        return check.saw("the server's clock and this machine's agree to the minute");
    }
    let side = match skew.is_negative() {
        true => "behind",
        false => "ahead of",
    };
    check
        .warn(format!(
            "the server's clock is {} s {side} this machine's",
            apart.as_secs()
        ))
        .advise(
            "see that this machine's clock is right; if it is, tell the provider: the life of \
             tokens and the reset of quotas are told in its time",
        )
}

/// The facts for the estimate.
#[derive(Debug, Clone)]
pub struct Amount<'a> {
    /// The dialect as the feed uses it.
    pub dialect: &'a Dialect,
    /// The budgets that are kept.
    pub limits: &'a [Limit],
    /// Rows of the feed, if anybody knows.
    pub rows: Option<u64>,
    /// Rows a page in a run.
    pub page_size: u64,
    /// Requests for counts in one scan.
    pub counts: u64,
    /// Bytes and rows of the page.
    pub sample: (u64, u64),
    /// How long that took.
    pub took: Duration,
    /// Headers about quotas.
    pub quota: &'a [(String, String)],
    /// How often the server asked to wait.
    pub throttled: u64,
}

/// The requests of a scan and of a day's confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    pages: u64,
    scan: u64,
    leaving: u64,
    confirmation: u64,
    bytes: u64,
}

fn need(amount: &Amount<'_>, rows: u64) -> Need {
    let read = rows.div_ceil(amount.page_size.max(1));
    let pages = match amount.dialect.scan {
        ScanForm::List => 1,
        // The end is an empty page.
        ScanForm::Keyset(_) => read + 1,
        // At most a tenth of each page is repeated, and the end twice.
        ScanForm::Links { skips: true, .. } => read + read / 9 + 2,
        ScanForm::Links { skips: false, .. } => read.max(1),
    };
    let scan = pages + amount.counts;
    let leaving = rows.div_ceil(LEAVING);
    let confirmation = match amount.dialect.confirm {
        // A later run confirms.
        ConfirmForm::SecondScan => 0,
        ConfirmForm::In(keys) | ConfirmForm::Or(keys) => {
            let plan = Plan::of(keys);
            let batches = leaving.div_ceil(plan.room() as u64);
            // Keys that the first answer does not show are asked for once more. Once, the controls are
            // asked for alone.
            1 + 2 * batches * plan.requests() as u64
        }
    };
    let (bytes, of) = amount.sample;
    let bytes = (bytes as f64 / of.max(1) as f64 * rows as f64) as u64;
    Need {
        pages,
        scan,
        leaving,
        confirmation,
        bytes,
    }
}

/// The check of the budgets.
pub fn budget(amount: &Amount<'_>) -> Check {
    let check = Check::ok(Name::Budget);
    let limits: Vec<String> = amount.limits.iter().map(Limit::to_string).collect();
    let check = match limits.is_empty() {
        true => check.saw("no budget is kept: neither the dialect nor `limits` names one"),
        false => check.saw(format!("kept: {}", limits.join(", "))),
    };
    let quota: Vec<String> = amount
        .quota
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let check = match quota.is_empty() {
        true => check.saw("the server's headers say nothing of quotas"),
        false => check.saw(format!("the server says {}", quota.join(", "))),
    };
    let check = match amount.throttled {
        0 => check,
        n => check
            .warn(format!(
                "the server asked to wait {n} times within this probe"
            ))
            .change(
                "limits",
                "give the account's budget, so that it is kept and not overdrawn",
            ),
    };
    let rows = amount.rows.unwrap_or(EXAMPLE);
    let need = need(amount, rows);
    let total = need.scan + need.confirmation;
    let held_up = least_time(total, need.bytes, amount.limits);
    let all = held_up.max(
        amount
            .took
            .saturating_mul(u32::try_from(total).unwrap_or(u32::MAX)),
    );
    let check = match amount.rows {
        Some(_) => check,
        None => check.saw(format!(
            "nobody says how many rows there are; {EXAMPLE} would need this:"
        )),
    };
    let confirmed = match amount.dialect.confirm {
        ConfirmForm::SecondScan => "a later run confirms".to_owned(),
        _ => format!(
            "to confirm {} removals (1 in {LEAVING} a day)",
            need.leaving
        ),
    };
    let check = check.saw(format!(
        "a scan of {rows} rows: {} requests (pages: {}, counts: {}); {confirmed}: {}",
        need.scan, need.pages, amount.counts, need.confirmation
    ));
    let minutes = |time: Duration| time.as_secs().div_ceil(60).max(1);
    let fits = match amount.limits.is_empty() {
        true => String::new(),
        false if held_up < Duration::from_secs(60) => ", which the budget lets through".to_owned(),
        false => format!(
            ", for which the budget asks {} min: runs wait for it",
            minutes(held_up)
        ),
    };
    let words = format!(
        "{total} requests a day{fits}; about {} min in all",
        minutes(all)
    );
    match all {
        all if all > LONGEST_RUN => check
            .fail(format!(
                "{words}: more than the 20 hours that a run may last"
            ))
            .change("page_size", "give a larger one if the provider allows it")
            .change(
                "limits",
                "see that they are the account's; ask the provider for more",
            ),
        all if all > LONG_RUN => check.warn(words).change(
            "page_size",
            "a larger one makes fewer requests, if the provider allows it",
        ),
        _ => check.saw(words),
    }
}
