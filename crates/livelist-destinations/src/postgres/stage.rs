//! Writes rows: COPY as text into a temporary table, then one statement per table that inserts or updates
//! by our key only.

use std::ops::Range;

use bytes::Bytes;
use futures::SinkExt;
use livelist_records::{Change, Schema};
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Transaction};

use super::connect::{literal, quote};
use super::layout::{Place, STORAGE, declared};
use super::values::{NULL, copy, copy_text};
use crate::row::Row;
use crate::sql::Table;

/// How much is given to the driver at once.
const CHUNK: usize = 256 * 1024;

/// The own columns of the first table, in the order of COPY.
const OWN: [&str; 5] = ["_version", "_hash", "_stamp", "_synced_at", "_rest"];

/// The rows of one resource, as lines of COPY for each of its tables.
pub(super) struct Stage<'a> {
    place: Place<'a>,
    table: &'a Table,
    schema: &'a Schema,
    lines: Vec<Vec<u8>>,
    /// The ends of the lines.
    ends: Vec<Vec<usize>>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(place: Place<'a>, table: &'a Table, schema: &'a Schema) -> Stage<'a> {
        let parts = usize::from(table.parts());
        Stage {
            place,
            table,
            schema,
            lines: vec![Vec::new(); parts],
            ends: vec![Vec::new(); parts],
        }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, change: &Change, row: &Row<'_>, now: &str) {
        let mut cells = row.cells.iter().collect::<Vec<_>>();
        cells.sort_unstable_by_key(|(at, _)| *at);
        for nth in 1..=self.table.parts() {
            let part = usize::from(nth - 1);
            let line = &mut self.lines[part];
            copy_text(Some(&change.place.key), line);
            if nth == 1 {
                line.push(b'\t');
                line.extend_from_slice(change.number.to_string().as_bytes());
                line.push(b'\t');
                let hash = change.hash().unwrap_or_default().cast_signed();
                line.extend_from_slice(hash.to_string().as_bytes());
                line.push(b'\t');
                copy_text(change.stamp(), line);
                line.push(b'\t');
                copy_text(Some(now), line);
                line.push(b'\t');
                copy_text(row.rest.as_deref(), line);
            }
            for (at, _) in self.table.on(nth) {
                line.push(b'\t');
                match cells.binary_search_by_key(&at, |(at, _)| *at) {
                    Ok(found) => copy(&cells[found].1, line),
                    Err(_) => line.extend_from_slice(NULL),
                }
            }
            line.push(b'\n');
            self.ends[part].push(line.len());
        }
    }

    /// The temporary table of the `nth` table.
    fn temporary(nth: u16) -> String {
        format!("pg_temp._livelist_stage_{nth}")
    }

    /// The names of the columns of the `nth` table, but the key's.
    fn columns(&self, nth: u16) -> Vec<String> {
        let own = OWN.iter().filter(|_| nth == 1).map(|name| quote(name));
        let fields = self.table.on(nth).map(|(_, column)| quote(&column.name));
        own.chain(fields).collect()
    }

    /// Makes the temporary tables.
    pub(super) async fn create(&self, on: &Transaction<'_>) -> Result<(), Error> {
        for nth in 1..=self.table.parts() {
            let mut columns = vec![format!("{} text COLLATE \"C\"", quote(self.table.key()))];
            if nth == 1 {
                let own = "_version bigint, _hash bigint, _stamp text, _synced_at timestamptz, _rest jsonb";
                columns.push(own.to_owned());
            }
            columns.extend(self.table.on(nth).map(|(_, column)| declared(column)));
            let sql = format!(
                "CREATE TEMPORARY TABLE {} ({}) {STORAGE} ON COMMIT DROP",
                Self::temporary(nth),
                columns.join(", ")
            );
            on.batch_execute(&sql).await?;
        }
        Ok(())
    }

    /// Drops them, for the next resource of the batch.
    pub(super) async fn drop(&self, on: &Transaction<'_>) -> Result<(), Error> {
        let names: Vec<String> = (1..=self.table.parts()).map(Self::temporary).collect();
        let sql = format!("DROP TABLE {}", names.join(", "));
        on.batch_execute(&sql).await
    }

    /// Empties them, if rows were written before.
    pub(super) async fn clear(&self, on: &Transaction<'_>) -> Result<(), Error> {
        let names: Vec<String> = (1..=self.table.parts()).map(Self::temporary).collect();
        let sql = format!("TRUNCATE {}", names.join(", "));
        on.batch_execute(&sql).await
    }

    /// Writes those rows.
    pub(super) async fn merge(
        &self,
        on: &Transaction<'_>,
        rows: Range<usize>,
        now: &str,
    ) -> Result<(), Error> {
        for nth in 1..=self.table.parts() {
            self.copy(on, nth, rows.clone()).await?;
        }
        self.changes(on, now).await?;
        let key = quote(self.table.key());
        for nth in 1..=self.table.parts() {
            let columns = self.columns(nth);
            let mut sets: Vec<String> = columns
                .iter()
                .map(|name| format!("{name} = excluded.{name}"))
                .collect();
            if nth == 1 {
                sets.push("_deleted_at = NULL".to_owned());
            }
            let names = [std::slice::from_ref(&key), &columns].concat().join(", ");
            // Our key alone: another unique index of the owner's is no reason to overwrite another row.
            let then = match sets.is_empty() {
                true => "NOTHING".to_owned(),
                false => format!("UPDATE SET {}", sets.join(", ")),
            };
            let sql = format!(
                "INSERT INTO {} ({names}) SELECT {names} FROM {} ON CONFLICT ({key}) DO {then}",
                self.place.of(&self.table.part(nth)),
                Self::temporary(nth)
            );
            on.execute_typed(&sql, &[]).await?;
        }
        Ok(())
    }

    async fn copy(&self, on: &Transaction<'_>, nth: u16, rows: Range<usize>) -> Result<(), Error> {
        let part = usize::from(nth - 1);
        let ends = &self.ends[part];
        let begin = match rows.start {
            0 => 0,
            start => ends[start - 1],
        };
        let lines = &self.lines[part][begin..ends[rows.end - 1]];
        let columns = [vec![quote(self.table.key())], self.columns(nth)].concat();
        let sql = format!(
            "COPY {} ({}) FROM STDIN (FORMAT text, ENCODING 'UTF8')",
            Self::temporary(nth),
            columns.join(", ")
        );
        let sink = on.copy_in::<_, Bytes>(&sql).await?;
        let mut sink = std::pin::pin!(sink);
        for chunk in lines.chunks(CHUNK) {
            sink.feed(Bytes::copy_from_slice(chunk)).await?;
        }
        sink.finish().await?;
        Ok(())
    }

    /// Notes how tracked fields change. At the first sight of a record there is nothing to note.
    async fn changes(&self, on: &Transaction<'_>, now: &str) -> Result<(), Error> {
        let key = quote(self.table.key());
        for field in self.place.options.history_of(&self.schema.resource) {
            let kind = self.schema.field(&field).map(|field| field.kind);
            let column = kind.and_then(|kind| self.table.columns.get(&field, kind));
            let Some(column) = column.filter(|column| column.name != self.table.key()) else {
                continue;
            };
            let name = quote(&column.name);
            let joined = match column.table {
                1 => String::new(),
                nth => format!("LEFT JOIN {} n ON n.{key} = s.{key}", Self::temporary(nth)),
            };
            let old = match column.table {
                1 => String::new(),
                nth => format!(
                    "LEFT JOIN {} o ON o.{key} = s.{key}",
                    self.place.of(&self.table.part(nth))
                ),
            };
            let (new_of, old_of) = match column.table {
                1 => ("s", "t"),
                _ => ("n", "o"),
            };
            let sql = format!(
                "INSERT INTO {} (key, version, field, old, new, at)
                 SELECT s.{key}, s._version, {}, coalesce(to_jsonb({old_of}.{name})::text, 'null'),
                     coalesce(to_jsonb({new_of}.{name})::text, 'null'), $1::timestamptz
                 FROM {} s JOIN {} t ON t.{key} = s.{key} {joined} {old}
                 WHERE {old_of}.{name} IS DISTINCT FROM {new_of}.{name}
                 ON CONFLICT (key, version, field) DO UPDATE
                     SET old = excluded.old, new = excluded.new, at = excluded.at",
                self.place.of(&self.table.beside("changes")),
                literal(&field),
                Self::temporary(1),
                self.place.of(&self.table.part(1)),
            );
            on.execute_typed(&sql, &[(&now, Type::TEXT)]).await?;
        }
        Ok(())
    }
}
