//! The records in a record's expansions: they are replaced as a set, with their record.

use std::ops::Range;

use bytes::Bytes;
use futures::SinkExt;
use livelist_records::columns::Budget;
use livelist_records::{Fields, Schema};
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Transaction};

use super::connect::{literal, quote};
use super::layout::Place;
use super::values::{NULL, copy, copy_text, holds};
use super::views::{fields, joined};
use crate::children::sets;
use crate::row::{Mapping, Row};
use crate::sql::{PARENT, Table};

/// How much is given to the driver at once.
const CHUNK: usize = 256 * 1024;

/// How the records of an expansion become rows.
pub(super) fn mapping<'s>(place: Place<'s>, parent: &'s Schema, nth: usize) -> Mapping<'s> {
    let derives = place.options.derives(&parent.resource);
    let mapping = Mapping::new(&parent.children[nth], place.options, holds, Budget::PAGE);
    mapping.of_child().deriving(derives)
}

/// The rows of the expansions of some records, as lines of COPY.
pub(super) struct Brood<'a> {
    place: Place<'a>,
    schema: &'a Schema,
    tables: &'a [Table],
    keys: Vec<&'a str>,
    /// By expansion, then by table.
    lines: Vec<Vec<Lines>>,
}

/// Lines of one table.
#[derive(Default, Clone)]
struct Lines {
    text: Vec<u8>,
    /// Where those of each record end.
    ends: Vec<usize>,
}

impl<'a> Brood<'a> {
    pub(super) fn new(place: Place<'a>, schema: &'a Schema, tables: &'a [Table]) -> Brood<'a> {
        let lines = tables
            .iter()
            .map(|table| vec![Lines::default(); table.parts().into()]);
        Brood {
            place,
            schema,
            tables,
            keys: Vec::new(),
            lines: lines.collect(),
        }
    }

    /// Adds the expansions of a record. Gives how many values did not fit, and how many records stood there
    /// more than once.
    pub(super) fn push(&mut self, key: &'a str, fields: &Fields<'_>) -> (u64, u64) {
        let (mut overflow, mut repeated) = (0, 0);
        self.keys.push(key);
        let options = self.place.options;
        for set in sets(self.schema, fields, |name| options.columns.stores(name)) {
            let mapping = mapping(self.place, self.schema, set.nth);
            repeated += set.children.repeated;
            for child in &set.children.rows {
                let row = mapping.row(&self.tables[set.nth].columns, &child.fields);
                overflow += row.overflow;
                self.line(set.nth, key, &child.id, &row);
            }
        }
        for lines in self.lines.iter_mut().flatten() {
            lines.ends.push(lines.text.len());
        }
        (overflow, repeated)
    }

    fn line(&mut self, nth_child: usize, key: &str, id: &str, row: &Row<'_>) {
        let table = &self.tables[nth_child];
        let mut cells = row.cells.iter().collect::<Vec<_>>();
        cells.sort_unstable_by_key(|(at, _)| *at);
        for nth in 1..=table.parts() {
            let line = &mut self.lines[nth_child][usize::from(nth - 1)].text;
            copy_text(Some(key), line);
            line.push(b'\t');
            copy_text(Some(id), line);
            if nth == 1 {
                line.push(b'\t');
                copy_text(row.rest.as_deref(), line);
            }
            for (at, _) in table.on(nth) {
                line.push(b'\t');
                match cells.binary_search_by_key(&at, |(at, _)| *at) {
                    Ok(found) => copy(&cells[found].1, line),
                    Err(_) => line.extend_from_slice(NULL),
                }
            }
            line.push(b'\n');
        }
    }

    /// Replaces the rows of those records.
    pub(super) async fn replace(
        &self,
        on: &Transaction<'_>,
        range: Range<usize>,
    ) -> Result<(), Error> {
        clear(on, self.place, self.tables, &self.keys[range.clone()]).await?;
        for (table, parts) in self.tables.iter().zip(&self.lines) {
            for (nth, lines) in (1..).zip(parts) {
                let begin = match range.start {
                    0 => 0,
                    start => lines.ends[start - 1],
                };
                let text = &lines.text[begin..lines.ends[range.end - 1]];
                if !text.is_empty() {
                    self.copy(on, table, nth, text).await?;
                }
            }
        }
        Ok(())
    }

    async fn copy(
        &self,
        on: &Transaction<'_>,
        table: &Table,
        nth: u16,
        text: &[u8],
    ) -> Result<(), Error> {
        let own = ["_rest"].into_iter().filter(|_| nth == 1);
        let columns = table.on(nth).map(|(_, column)| column.name.as_str());
        let columns = table.primary().chain(own).chain(columns).map(quote);
        let sql = format!(
            "COPY {} ({}) FROM STDIN (FORMAT text, ENCODING 'UTF8')",
            self.place.of(&table.part(nth)),
            columns.collect::<Vec<_>>().join(", ")
        );
        let sink = on.copy_in::<_, Bytes>(&sql).await?;
        let mut sink = std::pin::pin!(sink);
        for chunk in text.chunks(CHUNK) {
            sink.feed(Bytes::copy_from_slice(chunk)).await?;
        }
        sink.finish().await?;
        Ok(())
    }
}

/// Removes the rows of those records.
pub(super) async fn clear(
    on: &Transaction<'_>,
    place: Place<'_>,
    tables: &[Table],
    keys: &[&str],
) -> Result<(), Error> {
    for part in tables.iter().flat_map(Table::all_parts) {
        let sql = format!("DELETE FROM {} WHERE {PARENT} = ANY($1)", place.of(&part));
        on.execute_typed(&sql, &[(&keys, Type::TEXT_ARRAY)]).await?;
    }
    Ok(())
}

/// SQL that adds to a JSON object of a record those of its expansions; `key` is SQL of its key.
pub(super) fn as_json(place: Place<'_>, schema: &Schema, tables: &[Table], key: &str) -> String {
    let each = schema.children.iter().zip(tables).map(|(child, table)| {
        let columns = std::iter::once("t1._rest".to_owned()).chain(fields(table));
        format!(
            " || jsonb_strip_nulls(jsonb_build_object({}::text,
                (SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(c)))
                 FROM (SELECT {} FROM {} WHERE t1.{PARENT} = {key} ORDER BY t1._child) c)))",
            literal(&child.resource),
            columns.collect::<Vec<_>>().join(", "),
            joined(place, table)
        )
    });
    each.collect()
}
