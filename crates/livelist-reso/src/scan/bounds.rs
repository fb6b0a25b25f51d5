//! Upper limits of a scan besides its rows: the number of requests, and of pages that show nothing new.

use livelist_model::guard_switch::{Guard, is_off};
use serde::{Deserialize, Serialize};

use super::ScanState;
use crate::error::ClientError;
use crate::loops::LoopProbe;

/// The most pages in a row that are empty, and the most pages that repeat earlier ones.
const MOST_IDLE: u32 = 50;
/// How many requests a scan may take beyond those that its rows explain.
const SPARE: u64 = 100;

/// Pages that showed nothing new, each reached by a new link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Idle {
    /// Empty ones in a row.
    empty: u32,
    /// Those that were there before.
    repeated: u32,
    prints: LoopProbe,
}

impl Idle {
    /// Records a page with this hash and number of rows.
    pub(super) fn pass(&mut self, print: u64, rows: u64) -> Result<(), ClientError> {
        if rows == 0 {
            self.empty += 1;
        } else {
            self.empty = 0;
            self.repeated += u32::from(self.prints.is_circle(&print.to_be_bytes()));
        }
        let told = |many, what| {
            Err(ClientError::Endless(format!(
                "{many} pages {what}, each with a link to the next"
            )))
        };
        match self {
            _ if is_off(Guard::Bounds) => Ok(()),
            Idle { empty, .. } if *empty >= MOST_IDLE => told(empty, "without a row in a row"),
            Idle { repeated, .. } if *repeated >= MOST_IDLE => {
                told(repeated, "showed the rows of another one")
            }
            _ => Ok(()),
        }
    }
}

/// Whether rows were returned in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ascending {
    last: Option<String>,
    is_broken: bool,
}

impl Ascending {
    /// Continues with the keys of a page.
    pub(super) fn pass<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        let last = self.last.take();
        let mut before = last.as_deref().unwrap_or("").as_bytes();
        for key in keys {
            self.is_broken |= key <= before;
            if self.is_broken {
                return;
            }
            before = key;
        }
        self.last = std::str::from_utf8(before).ok().map(str::to_owned);
    }

    /// The last key, if they have.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }
}

impl ScanState {
    /// Fails if the scan has taken more requests than three times what count and page size explain.
    /// `allowed` raises the limit.
    pub(super) fn is_within_bounds(&self, allowed: Option<u32>) -> Result<(), ClientError> {
        let Some(count) = self.evidence.count_before.filter(|_| self.fullest > 0) else {
            return Ok(());
        };
        let explained = (count.saturating_mul(3) / self.fullest).saturating_add(SPARE);
        let most = explained.max(allowed.map_or(0, u64::from));
        if self.requests < most || is_off(Guard::Bounds) {
            return Ok(());
        }
        Err(ClientError::Endless(format!(
            "{} requests were sent, and {count} rows in pages of {} explain a third of them at most; \
             `max_requests` raises the bound",
            self.requests, self.fullest
        )))
    }
}
