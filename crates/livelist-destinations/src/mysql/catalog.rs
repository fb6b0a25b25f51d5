//! The destination's records about its tables: their columns, their schemas, and pending work.

use livelist_records::columns::{Column, Columns};
use livelist_records::{Kind, Schema};

use super::connect::{Session, number, text};
use super::error::Fault;
use super::values::text as literal;
use crate::options::Options;
use crate::sql::{Table, Whose};

/// The tables of a resource or an expansion, where they were made.
pub(super) async fn find(
    on: &mut Session,
    options: &Options,
    whose: &Whose,
) -> Result<Option<Table>, Fault> {
    let Some(base) = whose.base(options) else {
        return Err(Fault::Refused(format!(
            "the name of {} is too long",
            whose.shown()
        )));
    };
    let sql = format!(
        "SELECT field, name, kind, part FROM _livelist_columns WHERE tbl = {} ORDER BY nth",
        literal(Some(&base))
    );
    let rows = on.ask(sql).await?;
    let columns: Vec<Column> = rows
        .iter()
        .map(|row| Column {
            field: text(row, 0).unwrap_or_default(),
            name: text(row, 1).unwrap_or_default(),
            kind: text(row, 2)
                .and_then(|kind| Kind::parse(&kind))
                .unwrap_or(Kind::Json),
            table: number(row, 3).unwrap_or(1),
        })
        .collect();
    Ok((!columns.is_empty()).then(|| Table {
        base,
        columns: Columns::of(columns),
    }))
}

/// Writes columns down from the `from`th on.
pub(super) async fn note(on: &mut Session, table: &Table, from: usize) -> Result<(), Fault> {
    let rows: Vec<String> = table
        .columns
        .all()
        .iter()
        .enumerate()
        .skip(from)
        .map(|(nth, column)| {
            format!(
                "({}, {}, '{}', {}, {}, {nth})",
                literal(Some(&table.base)),
                literal(Some(&column.field)),
                column.kind.as_str(),
                literal(Some(&column.name)),
                column.table
            )
        })
        .collect();
    if !rows.is_empty() {
        let sql = format!(
            "INSERT INTO _livelist_columns (tbl, field, kind, name, part, nth) VALUES {}",
            rows.join(", ")
        );
        on.run(sql).await?;
    }
    Ok(())
}

/// Writes the schema's fingerprint down. Gives whether it is another one, and which columns were wanted and
/// could not be made.
pub(super) async fn note_schema(
    on: &mut Session,
    options: &Options,
    table: &Table,
    schema: &Schema,
) -> Result<(bool, Vec<(String, Kind)>), Fault> {
    let print = schema.print();
    let base = literal(Some(&options.noted(&table.base)));
    let sql = format!("SELECT schema_print, pending FROM _livelist_tables WHERE name = {base}");
    let rows = on.ask(sql).await?;
    let known = rows.first().and_then(|row| text(row, 0));
    if known.as_deref() != Some(&print) {
        let sql = format!(
            "INSERT INTO _livelist_tables (name, schema_print) VALUES ({base}, '{print}')
             ON DUPLICATE KEY UPDATE schema_print = '{print}'"
        );
        on.run(sql).await?;
    }
    let pending = rows.first().and_then(|row| text(row, 1));
    let pending = pending.and_then(|json| serde_json::from_str(&json).ok());
    Ok((
        known.is_some_and(|known| known != print),
        pending.unwrap_or_default(),
    ))
}

/// Says which log a table belongs to.
pub(super) async fn note_log(
    on: &mut Session,
    options: &Options,
    table: &Table,
    log: &str,
) -> Result<(), Fault> {
    let sql = format!(
        "UPDATE _livelist_tables SET log = {log} WHERE name = {} AND NOT log <=> {log}",
        literal(Some(&options.noted(&table.base))),
        log = literal(Some(log)),
    );
    on.run(sql).await?;
    Ok(())
}

/// Writes down which columns are wanted and could not be made.
pub(super) async fn wait(
    on: &mut Session,
    options: &Options,
    table: &Table,
    wanted: &[(String, Kind)],
) -> Result<(), Fault> {
    let base = literal(Some(&options.noted(&table.base)));
    let sql = format!("SELECT pending FROM _livelist_tables WHERE name = {base}");
    let rows = on.ask(sql).await?;
    let known = rows.first().and_then(|row| text(row, 0));
    let known = known.and_then(|json| serde_json::from_str(&json).ok());
    let mut pending: Vec<(String, Kind)> = known.unwrap_or_default();
    pending.extend(wanted.iter().cloned());
    pending.sort_unstable_by(|a, b| (&a.0, a.1.as_str()).cmp(&(&b.0, b.1.as_str())));
    pending.dedup();
    let json = serde_json::to_string(&pending).unwrap_or_default();
    let sql = format!(
        "UPDATE _livelist_tables SET pending = {} WHERE name = {base}",
        literal(Some(&json))
    );
    on.run(sql).await?;
    Ok(())
}

/// Nothing waits any more; gives whether something did.
pub(super) async fn go_on(
    on: &mut Session,
    options: &Options,
    table: &Table,
) -> Result<bool, Fault> {
    let sql = format!(
        "UPDATE _livelist_tables SET pending = NULL WHERE name = {} AND pending IS NOT NULL",
        literal(Some(&options.noted(&table.base)))
    );
    Ok(on.run(sql).await? > 0)
}
