//! The requests of a run to its provider: those of a scan and of the confirmation, by dialect and size.

use livelist_model::registry::{AuthKind, Limit};
use livelist_reso::dialect::{CountForm, Dialect, ScanForm};

/// A feed on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// The provider's dialect.
    pub provider: &'static str,
    /// Rows per page, if the registry says fewer than the provider allows.
    pub page: Option<u32>,
    /// Live keys.
    pub keys: u64,
    /// Of yesterday's keys, those that are gone.
    pub gone: u64,
    /// Keys that are new.
    pub came: u64,
}

/// A feed's work on an ordinary day.
#[derive(Debug, Clone)]
pub struct Work {
    /// The dialect.
    pub dialect: Dialect,
    /// How it authenticates, as the machine says it.
    pub auth: &'static str,
    /// The credential's rate limits.
    pub limits: Vec<Limit>,
    /// Full scans.
    pub scans: u32,
    /// Pages of a scan.
    pub pages: u64,
    /// Rows of a full page that no other page shows.
    pub page: u64,
    /// Pages that are asked for at the same time.
    pub at_once: u64,
    /// Requests for counts, before and after a scan together.
    pub counts: u64,
    /// Requests that ask for absent keys.
    pub questions: u64,
    /// Whether anything changed.
    pub changes: bool,
    /// Whether absent keys are asked for.
    pub confirms: bool,
}

/// Controls in each question (`livelist-steps`: `confirm::CONTROLS`).
const CONTROLS: u64 = 8;
/// Pages of fewer rows leave no marks (`livelist-reso`: `scan::guide`).
const LEAST_ROWS: u64 = 20;

/// Rows between two marks of a scan by an order, which are the rows of a page that are its own.
fn stride(page: u64) -> u64 {
    page * 19 / 20
}

/// Rows that a page by `$skip` repeats (`livelist-reso`: `scan::overlap`).
fn overlap(rows: u64) -> u64 {
    (rows / 10).max(10).min(rows / 2).clamp(1, 50)
}

impl Work {
    /// The work of `feed`; nothing if no dialect has the provider's name.
    pub fn of(feed: &Feed) -> Option<Work> {
        let dialect = Dialect::of(feed.provider)?;
        let page = u64::from(
            feed.page
                .unwrap_or(dialect.page_max)
                .min(dialect.page_max)
                .max(1),
        );
        let at_once = match dialect.scan {
            ScanForm::Keyset(_) if page < LEAST_ROWS => 1,
            _ => u64::from(dialect.pages_at_once),
        };
        let is_marked = dialect.scan.is_by_order() && at_once > 1;
        let pages = match dialect.scan {
            // An empty page after the last key marks the end.
            ScanForm::Keyset(_) if is_marked && feed.keys > page => {
                (feed.keys - page).div_ceil(stride(page)) + 2
            }
            ScanForm::Keyset(_) => feed.keys.div_ceil(page) + 1,
            ScanForm::Links { skips: false, .. } => feed.keys.div_ceil(page).max(1),
            ScanForm::Links { skips: true, .. } => by_skip(feed.keys, page),
            ScanForm::List => 1,
        };
        let by_key = dialect.confirm.keys().map(|n| n.min(page as usize) as u64);
        let confirms = feed.gone > 0 && by_key.is_some();
        let questions = match by_key {
            // Each batch is asked for until an answer shows no further live key: twice. Once the
            // controls are asked for alone.
            Some(keys) if feed.gone > 0 => {
                1 + 2 * feed.gone.div_ceil(keys.saturating_sub(CONTROLS).max(1))
            }
            Some(_) => 0,
            None => 0,
        };
        let auth = match dialect.auth.first() {
            Some(AuthKind::ClientCredentials) => "client_credentials",
            Some(AuthKind::Password) => "password",
            Some(AuthKind::ServerToken) | None => "server_token",
        };
        let scans = if feed.gone > 0 && by_key.is_none() {
            2
        } else {
            1
        };
        let changes = feed.gone + feed.came > 0;
        Some(Work {
            auth,
            limits: dialect.limits.to_vec(),
            scans,
            pages,
            page: match dialect.scan {
                ScanForm::List => feed.keys,
                _ if is_marked && feed.keys > page => stride(page),
                _ => page,
            },
            at_once,
            counts: if dialect.count == CountForm::Never {
                0
            } else {
                2
            },
            questions,
            changes,
            confirms,
            dialect,
        })
    }

    /// Requests of a scan.
    pub fn requests_of_a_scan(&self) -> u64 {
        self.pages + self.counts
    }

    /// All requests for data; those for tokens are not among them.
    pub fn requests(&self) -> u64 {
        u64::from(self.scans) * self.requests_of_a_scan() + self.questions
    }

    /// Rows of the answer to the `nth` request of a scan of `keys`, from 0.
    pub fn rows(&self, nth: u64, keys: u64) -> u64 {
        let before = self.counts / 2;
        if nth < before || nth >= before + self.pages {
            return 1;
        }
        self.page
            .min(keys.saturating_sub((nth - before) * self.page))
    }
}

/// Pages of a scan by `$skip`, each of which begins among the last rows of the one before: as in
/// `ScanState::move_on_by_skip` if nothing moves.
fn by_skip(keys: u64, page: u64) -> u64 {
    let (mut skip, mut pages, mut fullest, mut ends) = (0u64, 0u64, 0u64, 0u32);
    let mut read = 0u64;
    loop {
        let rows = page.min(keys.saturating_sub(skip));
        pages += 1;
        if rows == 0 {
            return pages;
        }
        let has_link = skip + rows < keys;
        let fresh = (skip + rows).saturating_sub(read);
        let is_still = pages > 1 && fresh == 0;
        let has_room = rows < fullest || pages == 1;
        ends = if is_still || (!has_link && has_room) {
            ends + 1
        } else {
            0
        };
        if ends >= if is_still { 2 } else { 3 } {
            return pages;
        }
        read = read.max(skip + rows);
        fullest = fullest.max(rows);
        let like = if has_link { rows } else { fullest };
        skip = (skip + rows).saturating_sub(overlap(like));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(provider: &'static str, keys: u64, gone: u64) -> Work {
        Work::of(&Feed {
            provider,
            page: None,
            keys,
            gone,
            came: 0,
        })
        .unwrap()
    }

    #[test]
    fn a_scan_by_key_ends_with_an_empty_page() {
        let of = |keys| work("utahrealestate", keys, 0).pages;
        // 190 rows of a page of 200 lie between two marks.
        assert_eq!([0, 1, 200, 201, 390, 391].map(of), [1, 2, 2, 3, 3, 4]);
    }

    #[test]
    fn every_dialect_has_its_work() {
        for dialect in Dialect::all() {
            let work = work(dialect.name, 9_000, 90);
            assert!(work.pages > 0, "{}", dialect.name);
            assert_eq!(
                work.confirms,
                dialect.confirm.is_by_key(),
                "{}",
                dialect.name
            );
            assert_eq!(
                work.scans,
                if work.confirms { 1 } else { 2 },
                "{}",
                dialect.name
            );
        }
    }

    #[test]
    fn the_rows_of_a_scan_are_its_keys() {
        for (provider, keys) in [
            ("trestle", 650_000),
            ("spark", 9_500),
            ("crea", 31_000),
            ("bridge", 4_000),
        ] {
            let work = work(provider, keys, 0);
            let rows: u64 = (0..work.requests_of_a_scan())
                .map(|n| work.rows(n, keys))
                .sum();
            assert_eq!(rows, keys + work.counts, "{provider}");
        }
    }
}
