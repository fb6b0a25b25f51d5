//! The destination's records about its tables: their columns, their schemas, and pending work.

use livelist_records::columns::{Column, Columns};
use livelist_records::{Kind, Schema};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::connect::literal;
use super::error::Fault;
use super::layout::Place;
use crate::sql::{Table, Whose};

impl Place<'_> {
    /// The tables of a resource or an expansion, where they were made.
    pub(super) async fn find(
        &self,
        on: &Transaction<'_>,
        whose: &Whose,
    ) -> Result<Option<Table>, Fault> {
        let Some(base) = whose.base(self.options) else {
            return Err(Fault::Refused(format!(
                "the name of {} is too long",
                whose.shown()
            )));
        };
        let sql = format!(
            "SELECT field, name, kind, part FROM {} WHERE tbl = $1 ORDER BY nth",
            self.own("columns")
        );
        let rows = on.query_typed(&sql, &[(&base, Type::TEXT)]).await?;
        let mut columns = Vec::with_capacity(rows.len());
        for row in rows {
            let kind: String = row.try_get(2)?;
            let part: i32 = row.try_get(3)?;
            columns.push(Column {
                field: row.try_get(0)?,
                name: row.try_get(1)?,
                kind: Kind::parse(&kind).unwrap_or(Kind::Json),
                table: u16::try_from(part).unwrap_or(1),
            });
        }
        Ok((!columns.is_empty()).then(|| Table {
            base,
            columns: Columns::of(columns),
        }))
    }
}

/// Writes columns down from the `from`th on.
pub(super) async fn note(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    from: usize,
) -> Result<(), Fault> {
    let rows: Vec<String> = table
        .columns
        .all()
        .iter()
        .enumerate()
        .skip(from)
        .map(|(nth, column)| {
            format!(
                "({}, {}, {}, {}, {}, {nth})",
                literal(&table.base),
                literal(&column.field),
                literal(column.kind.as_str()),
                literal(&column.name),
                column.table
            )
        })
        .collect();
    if !rows.is_empty() {
        let sql = format!(
            "INSERT INTO {} (tbl, field, kind, name, part, nth) VALUES {}",
            place.own("columns"),
            rows.join(", ")
        );
        on.batch_execute(&sql).await?;
    }
    Ok(())
}

/// Writes the schema's fingerprint down. Gives whether it is another one, and which columns were wanted and
/// could not be made.
pub(super) async fn note_schema(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    schema: &Schema,
) -> Result<(bool, Vec<(String, Kind)>), Fault> {
    let tables = place.own("tables");
    let noted = place.options.noted(&table.base);
    let print = schema.print();
    let sql = format!("SELECT schema_print, pending FROM {tables} WHERE name = $1");
    let row = on.query_typed_opt(&sql, &[(&noted, Type::TEXT)]).await?;
    let (known, pending) = match row {
        Some(row) => (Some(row.try_get::<_, String>(0)?), row.try_get(1)?),
        None => (None, None),
    };
    if known.as_deref() != Some(&print) {
        let sql = format!(
            "INSERT INTO {tables} (name, schema_print) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET schema_print = $2"
        );
        on.execute_typed(&sql, &[(&noted, Type::TEXT), (&print, Type::TEXT)])
            .await?;
    }
    let pending: Option<String> = pending;
    let pending = pending.and_then(|json| serde_json::from_str(&json).ok());
    Ok((
        known.is_some_and(|known| known != print),
        pending.unwrap_or_default(),
    ))
}

/// Writes down which columns are wanted and could not be made.
pub(super) async fn wait(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    wanted: &[(String, Kind)],
) -> Result<(), Fault> {
    let tables = place.own("tables");
    let noted = place.options.noted(&table.base);
    let sql = format!("SELECT pending FROM {tables} WHERE name = $1");
    let row = on.query_typed_opt(&sql, &[(&noted, Type::TEXT)]).await?;
    let known: Option<String> = match row {
        Some(row) => row.try_get(0)?,
        None => None,
    };
    let known = known.and_then(|json| serde_json::from_str(&json).ok());
    let mut pending: Vec<(String, Kind)> = known.unwrap_or_default();
    pending.extend(wanted.iter().cloned());
    pending.sort_unstable_by(|a, b| (&a.0, a.1.as_str()).cmp(&(&b.0, b.1.as_str())));
    pending.dedup();
    let json = serde_json::to_string(&pending).unwrap_or_default();
    let sql = format!("UPDATE {tables} SET pending = $2 WHERE name = $1");
    on.execute_typed(&sql, &[(&noted, Type::TEXT), (&json, Type::TEXT)])
        .await?;
    Ok(())
}
