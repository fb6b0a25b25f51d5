//! The destination's own tables: positions, tables, columns, rejects.

use livelist_records::Place;
use livelist_records::fields::quoted;

use super::connect::{Session, number, text};
use super::error::Fault;
use super::values::{instant, name, text as literal};
use crate::destination::{Batch, LogId, Pass, Position};
use crate::options::Options;

/// The options of every table, so that nothing depends on the server's defaults.
pub(super) const STORAGE: &str =
    "ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin ROW_FORMAT = DYNAMIC";

/// Creates the missing ones of its own tables.
pub(super) async fn make(on: &mut Session) -> Result<(), Fault> {
    let there = on
        .ask(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()
             AND table_name IN ('_livelist_state', '_livelist_tables', '_livelist_columns', '_livelist_rejects')",
        )
        .await?;
    if there.first().and_then(|row| number::<u64>(row, 0)) == Some(4) {
        return Ok(());
    }
    for table in [
        "_livelist_state (log VARCHAR(255) PRIMARY KEY, generation TEXT NOT NULL, number BIGINT NOT NULL,
             pass_to BIGINT, pass_resource TEXT, pass_key LONGTEXT, config LONGTEXT NOT NULL,
             updated_at DATETIME(6) NOT NULL)",
        "_livelist_tables (name VARCHAR(64) PRIMARY KEY, log VARCHAR(255), schema_print TEXT NOT NULL,
             pending LONGTEXT)",
        "_livelist_columns (tbl VARCHAR(64) NOT NULL, field VARCHAR(256) NOT NULL,
             kind VARCHAR(16) NOT NULL, name VARCHAR(64) NOT NULL, part INT NOT NULL, nth INT NOT NULL,
             PRIMARY KEY (tbl, field, kind))",
        "_livelist_rejects (log VARCHAR(200) NOT NULL, resource VARCHAR(100) NOT NULL,
             `key` VARBINARY(1024) NOT NULL, number BIGINT NOT NULL, reason LONGTEXT NOT NULL,
             first_at DATETIME(6) NOT NULL, last_at DATETIME(6) NOT NULL, times BIGINT NOT NULL,
             PRIMARY KEY (log, resource, `key`))",
    ] {
        on.run(format!("CREATE TABLE IF NOT EXISTS {table} {STORAGE}"))
            .await?;
    }
    Ok(())
}

/// How far the log was applied. `None` with another configuration, because then the copy is rebuilt from
/// the beginning of the log.
pub(super) async fn position(
    on: &mut Session,
    log: &LogId,
    config: &str,
    is_for_update: bool,
) -> Result<Option<Position>, Fault> {
    let lock = if is_for_update { "FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT generation, number, pass_to, pass_resource, pass_key, config
         FROM _livelist_state WHERE log = {} {lock}",
        literal(Some(&log.replication))
    );
    let rows = on.ask(sql).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    // As JSON: the same form as in the other databases.
    let key = text(row, 4).and_then(|key| serde_json::from_str(&key).ok());
    let pass = match (number(row, 2), text(row, 3), key) {
        (Some(to), Some(resource), Some(key)) => Some(Pass {
            to,
            behind: Place { resource, key },
        }),
        _ => None,
    };
    let position = Position {
        generation: text(row, 0).unwrap_or_default(),
        number: number(row, 1).unwrap_or_default(),
        pass,
    };
    let is_ours = position.generation == log.generation && text(row, 5).as_deref() == Some(config);
    Ok(is_ours.then_some(position))
}

/// Locks the log's row until the transaction ends, and creates it if it is missing.
pub(super) async fn lock(on: &mut Session, log: &LogId) -> Result<(), Fault> {
    let sql = format!(
        "INSERT INTO _livelist_state (log, generation, number, config, updated_at)
         VALUES ({}, '', 0, '', '1970-01-01') ON DUPLICATE KEY UPDATE log = log",
        literal(Some(&log.replication))
    );
    on.run(sql).await?;
    Ok(())
}

/// Prepares for applying the log from its beginning. The numbers in rows belong to another log or
/// configuration, and no longer count. Rows that the log does not have stay.
pub(super) async fn forget(on: &mut Session, options: &Options, log: &LogId) -> Result<(), Fault> {
    let sql = format!(
        "SELECT name FROM _livelist_tables WHERE log = {}",
        literal(Some(&log.replication))
    );
    for row in on.ask(sql).await? {
        let noted = text(&row, 0).unwrap_or_default();
        let table = format!("{}__1", noted.split(' ').next().unwrap_or_default());
        reset(on, &table, &format!("_version <> 0{}", options.mine())).await?;
    }
    Ok(())
}

/// Makes the rows of a table that match `rows` look older than any change and different from any record, so
/// that the next change writes them.
pub(super) async fn reset(on: &mut Session, table: &str, rows: &str) -> Result<u64, Fault> {
    let sql = format!(
        "UPDATE {} SET _version = 0, _hash = 0 WHERE {rows}",
        name(table)
    );
    Ok(on.run(sql).await?)
}

/// Every log is applied from its beginning with the next pass.
pub(super) async fn begin_anew(on: &mut Session) -> Result<(), Fault> {
    on.run("DELETE FROM _livelist_state").await?;
    Ok(())
}

/// Moves the position.
pub(super) async fn advance(
    on: &mut Session,
    log: &LogId,
    batch: &Batch,
    config: &str,
) -> Result<(), Fault> {
    let position = &batch.position;
    let behind = position.pass.as_ref();
    let sql = format!(
        "UPDATE _livelist_state SET generation = {}, number = {}, pass_to = {}, pass_resource = {},
             pass_key = {}, config = {}, updated_at = '{}' WHERE log = {}",
        literal(Some(&position.generation)),
        position.number,
        behind.map_or("NULL".to_owned(), |pass| pass.to.to_string()),
        literal(behind.map(|pass| pass.behind.resource.as_str())),
        literal(behind.map(|pass| quoted(&pass.behind.key)).as_deref()),
        literal(Some(config)),
        instant(batch.now),
        literal(Some(&log.replication)),
    );
    on.run(sql).await?;
    Ok(())
}
