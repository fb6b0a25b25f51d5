//! The views for users: one with the resource's name that shows live rows, and the tables and the view of
//! changes and removals.

use super::connect::Session;
use super::error::Fault;
use super::state::STORAGE;
use super::values::name;
use crate::sql::{CHILD, Table};

/// The tables of a resource, joined by their keys; the first is `t1`.
pub(super) fn joined(table: &Table) -> String {
    let mut sql = format!("{} t1", name(&table.part(1)));
    for nth in 2..=table.parts() {
        let part = name(&table.part(nth));
        let same = table
            .primary()
            .map(|key| format!("t{nth}.{0} = t1.{0}", name(key)));
        let same = same.collect::<Vec<_>>().join(" AND ");
        sql.push_str(&format!(" LEFT JOIN {part} t{nth} ON {same}"));
    }
    sql
}

/// The columns of the fields, without the key, with the tables that they are in.
pub(super) fn fields(table: &Table) -> Vec<String> {
    table
        .fields()
        .map(|(_, column)| format!("t{}.{}", column.table, name(&column.name)))
        .collect()
}

/// Makes the view of a resource's live rows, or adds its new columns to it. It only grows at its end, since
/// others may have built on it. The key is shown as text, with an index of its own. That of an expansion
/// shows what belongs to live rows of its parent.
pub(super) async fn show(
    on: &mut Session,
    table: &Table,
    parent: Option<&Table>,
) -> Result<(), Fault> {
    let mut columns = vec![format!("t1._key AS {}", name(table.key()))];
    let own: &[&str] = match parent {
        Some(_) => &["_rest"],
        None => &["_version", "_hash", "_stamp", "_synced_at", "_rest"],
    };
    if parent.is_some() {
        columns.push(format!("CONVERT(t1.{CHILD} USING utf8mb4) AS {CHILD}"));
    }
    columns.extend(own.iter().map(|name| format!("t1.{name}")));
    columns.extend(fields(table));
    let mut from = joined(table);
    let live = match parent {
        None => "t1",
        Some(parent) => {
            from.push_str(&format!(
                " JOIN {} p ON p.{} = t1.{}",
                name(&parent.part(1)),
                name(parent.key()),
                name(table.key())
            ));
            "p"
        }
    };
    let sql = format!(
        "CREATE OR REPLACE VIEW {} AS SELECT {} FROM {from} WHERE {live}._deleted_at IS NULL",
        name(&table.base),
        columns.join(", "),
    );
    on.run(sql).await?;
    Ok(())
}

/// Makes the tables of removed rows and of changes, and the view of the status's changes, unless `there` is
/// all of them.
pub(super) async fn beside(
    on: &mut Session,
    table: &Table,
    there: impl Fn(&str) -> bool,
) -> Result<(), Fault> {
    let [removed, changes, transitions] =
        ["removed", "changes", "transitions"].map(|what| table.beside(what));
    if there(&removed) && there(&changes) && there(&transitions) {
        return Ok(());
    }
    let (removed, changes) = (name(&removed), name(&changes));
    on.run(format!(
        "CREATE TABLE IF NOT EXISTS {removed} (`key` VARCHAR(512) NOT NULL, number BIGINT NOT NULL,
             at DATETIME(6) NOT NULL, reason VARCHAR(64) NOT NULL, proof TEXT NOT NULL, record LONGTEXT,
             returned_at DATETIME(6), PRIMARY KEY (`key`, number)) {STORAGE}"
    ))
    .await?;
    on.run(format!(
        "CREATE TABLE IF NOT EXISTS {changes} (`key` VARCHAR(512) NOT NULL, version BIGINT NOT NULL,
             field VARCHAR(128) NOT NULL, old LONGTEXT, new LONGTEXT, at DATETIME(6) NOT NULL,
             PRIMARY KEY (`key`, version, field)) {STORAGE}"
    ))
    .await?;
    on.run(format!(
        "CREATE OR REPLACE VIEW {} AS SELECT `key`, version,
             NULLIF(JSON_UNQUOTE(old), 'null') AS from_status,
             NULLIF(JSON_UNQUOTE(new), 'null') AS to_status, at
         FROM {changes} WHERE field = 'StandardStatus'",
        name(&transitions)
    ))
    .await?;
    Ok(())
}
