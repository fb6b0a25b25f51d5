//! The evidence that a scan is complete: how it ended, what the provider counted before and after,
//! what was unusual on the way. It is stored with the run, so that a person can see why a list was
//! accepted.

use serde::{Deserialize, Serialize};

use crate::guard_switch::{Guard, is_off};

/// How a scan pages through the rows. This decides how changes of the source can affect it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// `key gt last`: rows that are added or removed elsewhere cannot make it skip others.
    Keyset,
    /// The provider's own links, which count rows or hide how they work: a row that vanishes can
    /// shift a later one past the reader (F8).
    Links,
}

/// The provider's sign that there is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndSign {
    /// A page without a link to a next one.
    NoNextLink,
    /// A page without rows after the last key.
    EmptyPage,
    /// There was neither a link nor a count, or the last link returned nothing. Asked for rows after the
    /// last one, the provider returned none, but did return the last row itself.
    Asked,
    /// The last link returned nothing, and the number of rows equals the provider's count.
    Counted,
    /// No sign: the provider showed nothing more, but nothing says that this was all.
    Unproved,
}

/// What one scan saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanEvidence {
    /// How it paged.
    pub paging: Paging,
    /// How it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<EndSign>,
    /// When it began. Rows that were added later may be missing.
    pub started_at: jiff::Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<jiff::Timestamp>,
    /// Pages read.
    pub pages: u64,
    /// Rows read, including rows that several pages repeat. A row that one page shows twice counts once.
    pub rows: u64,
    /// The provider's count before the scan, if it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_before: Option<u64>,
    /// The count after the scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count_after: Option<u64>,
    /// Rows that a link skipped, plus pages that did not join the page before.
    #[serde(default)]
    pub rows_skipped: u64,
}

/// Why a scan alone is not accepted as complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It did not reach the provider's end.
    NoEnd,
    /// The provider had nothing more to show, and gave no sign that this was all.
    EndUnproved,
    /// There are fewer distinct keys than the provider counted, before and after.
    CountMismatch,
    /// There are more keys than counted: rows were added and removed during the scan. So none is missing,
    /// but a second scan is cheap.
    MoreThanCounted,
    /// Links jumped over rows, or pages did not overlap as they should, and no count says that none
    /// is missing.
    RowsSkipped,
}

impl Doubt {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Doubt::NoEnd => "it did not reach the end",
            Doubt::EndUnproved => "nothing proves its end",
            Doubt::CountMismatch => "the MLS counts more",
            Doubt::MoreThanCounted => "the MLS counts fewer",
            Doubt::RowsSkipped => "rows were jumped over",
        }
    }
}

/// How much a feed with `rows` rows may change while it is read: a fifth, or 50 rows but at most half of a
/// small feed. If two counts are further apart, one of them is wrong.
fn most_changed(rows: u64) -> u64 {
    (rows / 5).max(50.min(rows / 2)).max(2)
}

impl ScanEvidence {
    /// A scan that begins.
    pub fn begin(paging: Paging, started_at: jiff::Timestamp) -> ScanEvidence {
        ScanEvidence {
            paging,
            end: None,
            started_at,
            ended_at: None,
            pages: 0,
            rows: 0,
            count_before: None,
            count_after: None,
            rows_skipped: 0,
        }
    }

    /// Why this scan, with `distinct` different keys, is not proved complete; nothing if it is.
    pub fn doubt(&self, distinct: u64) -> Option<Doubt> {
        match self.end {
            None => return Some(Doubt::NoEnd),
            Some(EndSign::Unproved) => return Some(Doubt::EndUnproved),
            Some(_) => {}
        }
        match (self.count_before, self.count_after) {
            (Some(before), Some(after)) if !is_off(Guard::Count) => {
                let (low, high) = (before.min(after), before.max(after));
                let is_exact = low == high && distinct == low;
                if distinct < low || high - low > most_changed(high) {
                    Some(Doubt::CountMismatch)
                } else if self.rows_skipped > 0 && !is_exact {
                    Some(Doubt::RowsSkipped)
                } else {
                    (distinct > high).then_some(Doubt::MoreThanCounted)
                }
            }
            _ => (self.rows_skipped > 0).then_some(Doubt::RowsSkipped),
        }
    }

    /// Whether the scan may have missed rows although its numbers agree: it followed links and saw some
    /// keys twice, which shows that rows moved while it read.
    pub fn is_unsteady(&self, distinct: u64) -> bool {
        self.paging == Paging::Links && self.rows > distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(before: Option<u64>, after: Option<u64>) -> ScanEvidence {
        ScanEvidence {
            end: Some(EndSign::NoNextLink),
            count_before: before,
            count_after: after,
            ..ScanEvidence::begin(Paging::Links, jiff::Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn a_scan_without_an_end_is_never_believed() {
        let scan = ScanEvidence {
            end: None,
            ..ended(Some(3), Some(3))
        };
        assert_eq!(scan.doubt(3), Some(Doubt::NoEnd));
    }

    #[test]
    fn an_end_without_a_proof_is_never_believed_whatever_is_counted() {
        for counted in [None, Some(3)] {
            let scan = ScanEvidence {
                end: Some(EndSign::Unproved),
                ..ended(counted, counted)
            };
            assert_eq!(scan.doubt(3), Some(Doubt::EndUnproved));
        }
    }

    #[test]
    fn distinct_keys_lie_between_the_counts() {
        assert_eq!(
            ended(Some(10), Some(12)).doubt(9),
            Some(Doubt::CountMismatch)
        );
        assert_eq!(ended(Some(12), Some(10)).doubt(11), None);
        assert_eq!(
            ended(Some(10), Some(12)).doubt(13),
            Some(Doubt::MoreThanCounted)
        );
    }

    #[test]
    fn counts_that_are_far_apart_prove_nothing() {
        assert_eq!(
            ended(Some(1_000), Some(0)).doubt(600),
            Some(Doubt::CountMismatch)
        );
        assert_eq!(ended(Some(1_000), Some(960)).doubt(970), None);
    }

    #[test]
    fn counts_that_are_far_apart_are_no_measure() {
        for (before, after, is_believed) in [
            (2, 1, true),
            (6, 3, true),
            (6, 1, false),
            (90, 50, true),
            (90, 40, false),
            (1_000, 850, true),
            (1_000, 700, false),
        ] {
            let doubt = ended(Some(before), Some(after)).doubt(before);
            assert_eq!(doubt.is_none(), is_believed, "{before} {after}");
        }
    }

    #[test]
    fn skipped_rows_matter_where_nobody_counts() {
        let scan = ScanEvidence {
            rows_skipped: 5,
            ..ended(None, None)
        };
        assert_eq!(scan.doubt(10), Some(Doubt::RowsSkipped));
        let counted = |before, after| ScanEvidence {
            rows_skipped: 5,
            ..ended(Some(before), Some(after))
        };
        assert_eq!(counted(10, 10).doubt(10), None);
        assert_eq!(counted(10, 12).doubt(11), Some(Doubt::RowsSkipped));
    }
}
