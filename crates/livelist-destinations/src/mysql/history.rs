//! The history of tracked fields: compares the values of existing rows with new ones.

use livelist_records::{Change, Schema};
use mysql_async::Error;

use super::connect::Session;
use super::error::Fault;
use super::read;
use super::values::{json, json_of, name, text};
use crate::options::Options;
use crate::row::Row;
use crate::sql::Table;

/// A step of one field.
pub(super) struct Step {
    key: String,
    version: u64,
    field: String,
    old: String,
    new: String,
}

/// The tracked fields that have a column, with its place.
fn fields(options: &Options, schema: &Schema, table: &Table) -> Vec<(String, usize)> {
    let fields = options.history_of(&schema.resource).into_iter();
    let places = fields.filter_map(|field| {
        let kind = schema.field(&field)?.kind;
        let at = table.columns.position(&field, kind)?;
        (at > 0).then_some((field, at))
    });
    places.collect()
}

/// The new values of the tracked fields, as JSON.
pub(super) fn tracked(
    options: &Options,
    schema: &Schema,
    table: &Table,
    row: &Row<'_>,
) -> Vec<String> {
    let fields = fields(options, schema, table).into_iter();
    let values = fields.map(|(_, at)| {
        let cell = row.cells.iter().find(|(place, _)| *place == at);
        json_of(table.columns.all()[at].kind, cell.map(|(_, cell)| cell))
    });
    values.collect()
}

/// The tracked changes of each change. The first sight of a record has none.
pub(super) async fn steps(
    on: &mut Session,
    options: &Options,
    schema: &Schema,
    table: &Table,
    changes: &[&Change],
    news: Vec<Vec<String>>,
) -> Result<Vec<Vec<Step>>, Fault> {
    let fields = fields(options, schema, table);
    let places: Vec<usize> = fields.iter().map(|(_, at)| *at).collect();
    let keys: Vec<&str> = changes.iter().map(|c| c.place.key.as_str()).collect();
    let mut olds = match places.is_empty() {
        true => Default::default(),
        false => read::values(on, table, &places, &keys).await?,
    };
    let of = changes.iter().zip(news).map(|(change, news)| {
        let Some(olds) = olds.remove(&change.place.key) else {
            return Vec::new();
        };
        let values = fields.iter().zip(olds.into_iter().skip(1)).zip(news);
        let steps = values.filter_map(|(((field, at), old), new)| {
            let old = json(table.columns.all()[*at].kind, old);
            (old != new).then(|| Step {
                key: change.place.key.clone(),
                version: change.number,
                field: field.clone(),
                old,
                new,
            })
        });
        steps.collect()
    });
    Ok(of.collect())
}

/// Notes steps.
pub(super) async fn note(
    on: &mut Session,
    table: &Table,
    steps: &[Vec<Step>],
    now: &str,
) -> Result<(), Error> {
    let rows: Vec<String> = steps
        .iter()
        .flatten()
        .map(|step| {
            format!(
                "({}, {}, {}, {}, {}, '{now}')",
                text(Some(&step.key)),
                step.version,
                text(Some(&step.field)),
                text(Some(&step.old)),
                text(Some(&step.new))
            )
        })
        .collect();
    // A tracked field may be a long text, so each statement has few rows.
    for rows in rows.chunks(50) {
        let sql = format!(
            "REPLACE INTO {} (`key`, version, field, old, new, at) VALUES {}",
            name(&table.beside("changes")),
            rows.join(", ")
        );
        on.run(sql).await?;
    }
    Ok(())
}
