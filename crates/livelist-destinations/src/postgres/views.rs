//! The views for users: one with the resource's name that shows live rows, and the tables and the view of
//! changes and removals.

use tokio_postgres::Transaction;

use super::connect::quote;
use super::error::Fault;
use super::layout::Place;
use crate::sql::Table;

/// The tables of a resource, joined by their keys; the first is `t1`.
pub(super) fn joined(place: Place<'_>, table: &Table) -> String {
    let mut sql = format!("{} t1", place.of(&table.part(1)));
    for nth in 2..=table.parts() {
        let name = place.of(&table.part(nth));
        let same = table
            .primary()
            .map(|key| format!("t{nth}.{0} = t1.{0}", quote(key)));
        let same = same.collect::<Vec<_>>().join(" AND ");
        sql.push_str(&format!(" LEFT JOIN {name} t{nth} ON {same}"));
    }
    sql
}

/// The columns of the fields, without the key, with the tables that they are in.
pub(super) fn fields(table: &Table) -> Vec<String> {
    table
        .fields()
        .map(|(_, column)| format!("t{}.{}", column.table, quote(&column.name)))
        .collect()
}

/// Makes the view of a resource's live rows, or adds its new columns to it. It only grows at its end, since
/// others may have built on it. That of an expansion shows what belongs to live rows of its parent.
pub(super) async fn show(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    parent: Option<&Table>,
) -> Result<(), Fault> {
    let mut columns: Vec<String> = table
        .primary()
        .map(|key| format!("t1.{}", quote(key)))
        .collect();
    let own: &[&str] = match parent {
        Some(_) => &["_rest"],
        None => &["_version", "_hash", "_stamp", "_synced_at", "_rest"],
    };
    columns.extend(own.iter().map(|name| format!("t1.{name}")));
    columns.extend(fields(table));
    let mut from = joined(place, table);
    let live = match parent {
        None => "t1",
        Some(parent) => {
            from.push_str(&format!(
                " JOIN {} p ON p.{} = t1.{}",
                place.of(&parent.part(1)),
                quote(parent.key()),
                quote(table.key())
            ));
            "p"
        }
    };
    let sql = format!(
        "CREATE OR REPLACE VIEW {} AS SELECT {} FROM {from} WHERE {live}._deleted_at IS NULL",
        place.of(&table.base),
        columns.join(", "),
    );
    on.batch_execute(&sql).await?;
    Ok(())
}

/// Makes the tables of removed rows and of changes, and the view of the status's changes.
pub(super) async fn beside(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
) -> Result<(), Fault> {
    let removed = place.of(&table.beside("removed"));
    let changes = place.of(&table.beside("changes"));
    let transitions = place.of(&table.beside("transitions"));
    if are_there(on, [&removed, &changes, &transitions]).await? {
        return Ok(());
    }
    on.batch_execute(&format!(
        "CREATE TABLE IF NOT EXISTS {removed} (key text COLLATE \"C\" NOT NULL, number bigint NOT NULL,
             at timestamptz NOT NULL, reason text NOT NULL, proof text NOT NULL, record jsonb,
             returned_at timestamptz, PRIMARY KEY (key, number));
         CREATE TABLE IF NOT EXISTS {changes} (key text COLLATE \"C\" NOT NULL, version bigint NOT NULL,
             field text NOT NULL, old text, new text, at timestamptz NOT NULL,
             PRIMARY KEY (key, version, field));
         CREATE OR REPLACE VIEW {transitions} AS
             SELECT key, version, old::jsonb #>> '{{}}' AS from_status,
                    new::jsonb #>> '{{}}' AS to_status, at
             FROM {changes} WHERE field = 'StandardStatus';"
    ))
    .await?;
    Ok(())
}

async fn are_there(on: &Transaction<'_>, names: [&str; 3]) -> Result<bool, Fault> {
    let names: Vec<&str> = names.to_vec();
    let sql = "SELECT bool_and(pg_catalog.to_regclass(n) IS NOT NULL) FROM unnest($1) n";
    let row = on
        .query_typed_one(sql, &[(&names, tokio_postgres::types::Type::TEXT_ARRAY)])
        .await?;
    Ok(row.try_get(0)?)
}
