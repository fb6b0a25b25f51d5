//! `poll`: changes by the provider's modification timestamp.
//!
//! A resource is read in three phases. The *backfill* reads all records; its start is stored first. The
//! *catch-up* reads the changes since then, and the *tail* those since the last pass. Both read a *window*
//! of timestamps that is closed on both sides. It ends two minutes before the server's own clock, so that
//! it includes rows whose timestamps were set before they became visible, and begins before the end of the
//! last one (the dialect's overlap). A window is read like a scan, page by page in the dialect's way, and
//! has to prove its end; only then does the cursor move. Rows that are read twice cost a look-up.
//!
//! The nightly scan finds changes that no timestamp shows: removed rows, and rows whose timestamp did not
//! change.

mod arrivals;
mod cursor;

pub use arrivals::{Nested, Page, Reading, Rejected};
pub use cursor::{Cursor, Span, Task};
