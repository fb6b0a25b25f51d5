//! What SQLite says of a file.

use std::path::Path;

use rusqlite::{Connection, Result};

use crate::layout::Checked;

/// Whether the file is sound and can be written, and whether others can read it meanwhile.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<Checked> {
    let version: String = connection.query_row("SELECT sqlite_version()", [], |row| row.get(0))?;
    let mut checked = Checked::of(format!("SQLite {version}"));
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        checked.fault(
            format!("the file is damaged: {sound}"),
            format!(
                "move {} away: the next pass fills a new one from the log",
                path.display()
            ),
        );
    }
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode != "wal" {
        checked.note(
            format!("its journal is `{mode}`, so readers wait while a pass writes"),
            "put the file on a local disk: SQLite's WAL does not work over a network",
        );
    }
    Ok(checked)
}
