//! The destination's own tables: positions, columns, rejects.

use livelist_records::Place;
use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::destination::{Batch, LogId, Pass, Position};
use crate::options::Options;

/// Makes the tables.
pub(super) fn make(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS _livelist_state (
             log TEXT PRIMARY KEY, generation TEXT NOT NULL, number INTEGER NOT NULL,
             pass_to INTEGER, pass_resource TEXT, pass_key TEXT,
             config TEXT NOT NULL, updated_at TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS _livelist_tables (
             name TEXT PRIMARY KEY, log TEXT, schema_print TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS _livelist_columns (
             tbl TEXT NOT NULL, field TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
             PRIMARY KEY (tbl, field, kind));
         CREATE TABLE IF NOT EXISTS _livelist_rejects (
             log TEXT NOT NULL, resource TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,
             reason TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, times INTEGER NOT NULL,
             PRIMARY KEY (log, resource, key));",
    )
}

/// How far the log was applied. `None` with another configuration, because then the copy is rebuilt from
/// the beginning of the log.
pub(super) fn position(
    connection: &Connection,
    log: &LogId,
    config: &str,
) -> Result<Option<Position>> {
    let sql = "SELECT generation, number, pass_to, pass_resource, pass_key, config
               FROM _livelist_state WHERE log = ?1";
    let row = connection.query_row(sql, [&log.replication], |row| {
        let to: Option<u64> = row.get(2)?;
        let resource: Option<String> = row.get(3)?;
        let key: Option<String> = row.get(4)?;
        let pass = match (to, resource, key) {
            (Some(to), Some(resource), Some(key)) => Some(Pass {
                to,
                behind: Place { resource, key },
            }),
            _ => None,
        };
        let position = Position {
            generation: row.get(0)?,
            number: row.get(1)?,
            pass,
        };
        Ok((position, row.get::<_, String>(5)?))
    });
    let row = row.optional()?;
    Ok(row
        .filter(|(position, known)| position.generation == log.generation && known == config)
        .map(|(position, _)| position))
}

/// Prepares for applying the log from its beginning. The numbers in rows belong to another log or
/// configuration, and no longer count. Rows that the log does not have stay.
pub(super) fn forget(connection: &Connection, log: &LogId, options: &Options) -> Result<()> {
    let sql = "SELECT name FROM _livelist_tables WHERE log = ?1";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([&log.replication], |row| row.get::<_, String>(0))?;
    let names: Vec<String> = names.collect::<Result<_>>()?;
    for name in names {
        let table = name.split(' ').next().unwrap_or_default();
        reset(connection, table, &format!("TRUE{}", options.mine()))?;
    }
    Ok(())
}

/// Makes the rows of a table that match `rows` look older than any change and different from any record, so
/// that the next change writes them.
pub(super) fn reset(connection: &Connection, table: &str, rows: &str) -> Result<usize> {
    let table = super::layout::quote(table);
    let sql = format!("UPDATE {table} SET _version = 0, _hash = 0 WHERE {rows}");
    connection.execute(&sql, [])
}

/// Every log is applied from its beginning with the next pass.
pub(super) fn begin_anew(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM _livelist_state", [])?;
    Ok(())
}

/// Moves the position.
pub(super) fn advance(
    connection: &Connection,
    log: &LogId,
    batch: &Batch,
    config: &str,
) -> Result<()> {
    let position = &batch.position;
    let behind = position.pass.as_ref();
    connection.execute(
        "INSERT INTO _livelist_state
             (log, generation, number, pass_to, pass_resource, pass_key, config, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (log) DO UPDATE SET generation = ?2, number = ?3, pass_to = ?4,
             pass_resource = ?5, pass_key = ?6, config = ?7, updated_at = ?8",
        params![
            log.replication,
            position.generation,
            position.number,
            behind.map(|pass| pass.to),
            behind.map(|pass| &pass.behind.resource),
            behind.map(|pass| &pass.behind.key),
            config,
            batch.now.to_string(),
        ],
    )?;
    Ok(())
}
