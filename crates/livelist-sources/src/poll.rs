//! `poll`: what changed, by the provider's modification timestamp.
//!
//! A resource is read in three phases. The *backfill* reads all records; when it began is noted first. The
//! *catch-up* reads what changed since then, and the *tail* what changed since the last pass. Catch-up and
//! tail are the same: a *window* of stamps that is closed on both sides. It ends two minutes before the
//! server's own clock, so that rows whose stamps were set before they could be seen are in it, and begins
//! before the end of the last one (the dialect's overlap). A window is read like a scan, page by page in
//! the dialect's own way, and has to prove its end; only then does the cursor move on. Rows that are read
//! twice cost a look-up.
//!
//! What no stamp tells (rows that are gone, rows whose stamp did not move) is found by the nightly scan.

mod arrivals;
mod cursor;

pub use arrivals::{Nested, Page, Reading, Rejected};
pub use cursor::{Cursor, Span, Task};
