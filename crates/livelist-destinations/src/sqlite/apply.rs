//! Applying changes in a transaction.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use livelist_records::columns::Budget;
use livelist_records::{Change, Fields, Removal, Schema, What};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Result, Transaction, params, params_from_iter};

use super::children::{self, Family};
use super::error::failed;
use super::layout::{Table, quote, stored};
use super::values::{holds, value};
use crate::destination::{Batch, LogId, Written};
use crate::error::DestinationError;
use crate::options::{Options, Removed};
use crate::row::{Mapping, Row};

/// Applies the changes of a batch.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    path: &Path,
    options: &Options,
    schemas: &BTreeMap<String, Schema>,
    log: &LogId,
    batch: &Batch,
) -> std::result::Result<Written, DestinationError> {
    let (of, older) = batch.by_resource();
    let mut written = Written {
        unchanged: older,
        ..Written::default()
    };
    for (resource, changes) in of {
        let found = Table::find(transaction, options, resource).map_err(failed(path))?;
        let (Some(table), Some(schema)) = (found, schemas.get(resource)) else {
            return Err(DestinationError::Altered {
                destination: path.display().to_string(),
                reason: format!("it has no table for {resource}"),
            });
        };
        note_log(transaction, &options.noted(&table.name), log).map_err(failed(path))?;
        let children = children::find(transaction, options, &table, schema);
        let mut applying = Applying {
            transaction,
            options,
            log,
            now: batch.now.to_string(),
            schema,
            history: options.history_of(resource),
            children: children.map_err(failed(path))?,
            table,
            written: &mut written,
        };
        applying.all(&changes).map_err(failed(path))?;
    }
    for (change, reason) in &batch.refused {
        let now = batch.now.to_string();
        reject(transaction, log, change, reason, &now).map_err(failed(path))?;
        written.rejected += 1;
    }
    Ok(written)
}

/// Says which log a table belongs to.
fn note_log(transaction: &Transaction<'_>, table: &str, log: &LogId) -> Result<()> {
    let sql = "UPDATE _livelist_tables SET log = ?1 WHERE name = ?2 AND log IS NOT ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    statement.execute([&*log.replication, table])?;
    Ok(())
}

/// The rows of one resource on their way.
struct Applying<'a> {
    transaction: &'a Transaction<'a>,
    options: &'a Options,
    log: &'a LogId,
    now: String,
    schema: &'a Schema,
    history: Vec<String>,
    table: Table,
    /// The tables of its expansions, in the order of the schema.
    children: Vec<Table>,
    written: &'a mut Written,
}

/// What a row is before a change.
#[derive(Clone, Copy)]
struct Before {
    version: u64,
    hash: i64,
    is_deleted: bool,
}

impl Applying<'_> {
    fn all(&mut self, changes: &[&Change]) -> Result<()> {
        let before = self.before(changes)?;
        let mut news = Vec::new();
        for change in changes {
            let is = before.get(change.place.key.as_str()).copied();
            if is.is_some_and(|is| is.version >= change.number) {
                self.written.unchanged += 1;
                continue;
            }
            match &change.what {
                What::Removal(removal) => self.remove(change, removal, is)?,
                What::Upsert { hash, .. }
                    if is.is_some_and(|is| is.hash == stored(*hash) && !is.is_deleted) =>
                {
                    self.touch(change)?;
                }
                What::Upsert { .. } => news.push((*change, is)),
            }
        }
        self.upserts(&news)
    }

    fn before(&self, changes: &[&Change]) -> Result<HashMap<String, Before>> {
        let sql = format!(
            "SELECT _version, _hash, _deleted_at IS NOT NULL FROM {} WHERE {} = ?1",
            quote(&self.table.name),
            self.table.key()
        );
        let mut statement = self.transaction.prepare_cached(&sql)?;
        let mut found = HashMap::with_capacity(changes.len());
        for change in changes {
            let key = &change.place.key;
            let row = statement.query_row([key], |row| {
                Ok(Before {
                    version: row.get(0)?,
                    hash: row.get(1)?,
                    is_deleted: row.get(2)?,
                })
            });
            if let Some(row) = row.optional()? {
                found.insert(key.clone(), row);
            }
        }
        Ok(found)
    }

    /// The content is the same: only the number moves.
    fn touch(&mut self, change: &Change) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET _version = ?1, _stamp = ?2 WHERE {} = ?3",
            quote(&self.table.name),
            self.table.key()
        );
        let mut statement = self.transaction.prepare_cached(&sql)?;
        statement.execute(params![change.number, change.stamp(), change.place.key])?;
        self.written.unchanged += 1;
        Ok(())
    }

    fn remove(&mut self, change: &Change, removal: &Removal, is: Option<Before>) -> Result<()> {
        let key = &change.place.key;
        let transaction = self.transaction;
        let (table, key_column) = (quote(&self.table.name), self.table.key());
        let Some(_) = is.filter(|is| !is.is_deleted) else {
            self.written.unchanged += 1;
            return Ok(());
        };
        match self.options.removed {
            Removed::Delete => {}
            Removed::Flag => {
                let sql = format!(
                    "UPDATE {table} SET _deleted_at = ?1, _version = ?2, _synced_at = ?3 WHERE {key_column} = ?4"
                );
                let at = removal.at.to_string();
                let mut statement = self.transaction.prepare_cached(&sql)?;
                statement.execute(params![at, change.number, self.now, key])?;
                self.written.removals += 1;
                return Ok(());
            }
            Removed::Table => {
                let held = self.table.record(self.transaction, key)?;
                let children = self.family().objects(transaction, key)?;
                let record = held.map(|held| {
                    let values = held.values.into_iter();
                    let filled = values.filter_map(|(name, value)| Some((name, value?.into())));
                    serde_json::Value::Object(filled.chain(children).collect()).to_string()
                });
                let sql = format!(
                    "INSERT OR REPLACE INTO {} (key, number, at, reason, proof, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    self.table.beside("removed")
                );
                let mut statement = self.transaction.prepare_cached(&sql)?;
                statement.execute(params![
                    key,
                    change.number,
                    removal.at.to_string(),
                    removal.reason.as_str(),
                    removal.proof,
                    record
                ])?;
            }
        }
        self.family().clear(transaction, key)?;
        let sql = format!("DELETE FROM {table} WHERE {key_column} = ?1");
        self.transaction.prepare_cached(&sql)?.execute([key])?;
        self.written.removals += 1;
        Ok(())
    }

    fn family(&mut self) -> Family<'_> {
        Family::new(self.options, self.schema, &mut self.children)
    }

    /// Writes a row with those of its expansions, all of them or none.
    fn store(
        &mut self,
        change: &Change,
        row: &Row<'_>,
        fields: &Fields<'_>,
    ) -> Result<std::result::Result<(), String>> {
        if self.children.is_empty() {
            return self.upsert(change, row);
        }
        let transaction = self.transaction;
        transaction.execute_batch("SAVEPOINT livelist")?;
        let mut stored = self.upsert(change, row)?;
        if stored.is_ok() {
            let replaced = self
                .family()
                .replace(transaction, &change.place.key, fields);
            match replaced {
                Ok((overflow, repeated)) => {
                    self.written.overflow += overflow;
                    self.written.repeated += repeated;
                }
                Err(error) if is_constraint(&error) => stored = Err(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        if stored.is_err() {
            transaction.execute_batch("ROLLBACK TO livelist")?;
            // Columns that were made for it are gone as well.
            self.children = children::find(transaction, self.options, &self.table, self.schema)?;
        }
        transaction.execute_batch("RELEASE livelist")?;
        Ok(stored)
    }

    fn upserts(&mut self, news: &[(&Change, Option<Before>)]) -> Result<()> {
        let mut readable = Vec::with_capacity(news.len());
        for (change, is) in news {
            let What::Upsert {
                record: Some(record),
                ..
            } = &change.what
            else {
                continue;
            };
            match Fields::read(record.get()) {
                Ok(fields) => readable.push((*change, *is, fields)),
                Err(error) => self.reject(change, &error.to_string())?,
            }
        }
        let derives = self.options.derives(&self.schema.resource);
        let mapping =
            Mapping::new(self.schema, self.options, holds, Budget::WIDE).deriving(derives);
        let from = self.table.columns.all().len();
        for (_, _, fields) in &readable {
            mapping.wanted(&mut self.table.columns, std::slice::from_ref(fields));
        }
        self.table.add(self.transaction, from)?;
        for (change, is, fields) in &readable {
            let row = mapping.row(&self.table.columns, fields);
            self.changes(change, *is, &row)?;
            match self.store(change, &row, fields)? {
                Ok(()) => {
                    if self.options.removed == Removed::Table && is.is_none() {
                        self.returned(change)?;
                    }
                    self.written.upserts += 1;
                    self.written.overflow += row.overflow;
                    self.accept(change)?;
                }
                Err(reason) => self.reject(change, &reason)?,
            }
        }
        Ok(())
    }

    /// Writes a row; the inner error is a constraint or a trigger of the owner's.
    fn upsert(&self, change: &Change, row: &Row<'_>) -> Result<std::result::Result<(), String>> {
        let columns = self.table.columns.all();
        let mut values = vec![Value::Null; columns.len()];
        for (at, cell) in &row.cells {
            values[*at] = value(cell);
        }
        values[0] = Value::Text(change.place.key.clone());
        let own = [
            Value::Integer(change.number.cast_signed()),
            Value::Integer(stored(change.hash().unwrap_or_default())),
            change
                .stamp()
                .map_or(Value::Null, |stamp| Value::Text(stamp.to_owned())),
            Value::Text(self.now.clone()),
            Value::Null,
            row.rest.clone().map_or(Value::Null, Value::Text),
        ];
        values.extend(own);
        let names: Vec<String> = columns
            .iter()
            .map(|column| quote(&column.name))
            .chain(
                [
                    "_version",
                    "_hash",
                    "_stamp",
                    "_synced_at",
                    "_deleted_at",
                    "_rest",
                ]
                .map(str::to_owned),
            )
            .collect();
        let places: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
        let sets: Vec<String> = names
            .iter()
            .skip(1)
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        // Our key alone: another unique index of the owner's is no reason to overwrite another row.
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
            quote(&self.table.name),
            names.join(", "),
            places.join(", "),
            self.table.key(),
            sets.join(", ")
        );
        let mut statement = self.transaction.prepare_cached(&sql)?;
        match statement.execute(params_from_iter(values)) {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_constraint(&error) => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Notes how tracked fields changed. At the first sight of a record there is nothing to note.
    fn changes(&self, change: &Change, is: Option<Before>, row: &Row<'_>) -> Result<()> {
        if is.is_none() || self.history.is_empty() {
            return Ok(());
        }
        for field in &self.history {
            let column = self.schema.field(field);
            let at = column.and_then(|column| self.table.columns.position(field, column.kind));
            let Some(at) = at else { continue };
            let name = quote(&self.table.columns.all()[at].name);
            let new = row.cells.iter().find(|(place, _)| *place == at);
            let new = new.map_or(Value::Null, |(_, cell)| value(cell));
            let sql = format!(
                "INSERT OR REPLACE INTO {changes} (key, version, field, old, new, at)
                 SELECT ?1, ?2, ?3, json_quote(t.{name}), json_quote(n.{name}), ?5
                 FROM {table} t, (SELECT CAST(?4 AS {affinity}) AS {name}) n
                 WHERE t.{key} = ?1 AND t.{name} IS NOT n.{name}",
                changes = self.table.beside("changes"),
                table = quote(&self.table.name),
                key = self.table.key(),
                affinity = super::values::column_type(self.table.columns.all()[at].kind),
            );
            let mut statement = self.transaction.prepare_cached(&sql)?;
            statement.execute(params![
                change.place.key,
                change.number,
                field,
                new,
                self.now
            ])?;
        }
        Ok(())
    }

    /// A record that was removed is there again.
    fn returned(&self, change: &Change) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET returned_at = ?1 WHERE key = ?2 AND returned_at IS NULL",
            self.table.beside("removed")
        );
        let mut statement = self.transaction.prepare_cached(&sql)?;
        statement.execute(params![self.now, change.place.key])?;
        Ok(())
    }

    /// A record that was rejected before is there now.
    fn accept(&self, change: &Change) -> Result<()> {
        let sql = "DELETE FROM _livelist_rejects WHERE log = ?1 AND resource = ?2 AND key = ?3";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let place = &change.place;
        statement.execute([&self.log.replication, &place.resource, &place.key])?;
        Ok(())
    }

    fn reject(&mut self, change: &Change, reason: &str) -> Result<()> {
        reject(self.transaction, self.log, change, reason, &self.now)?;
        // History entries of its fields from before it was refused.
        let sql = format!(
            "DELETE FROM {} WHERE key = ?1 AND version = ?2",
            self.table.beside("changes")
        );
        let mut statement = self.transaction.prepare_cached(&sql)?;
        statement.execute(params![change.place.key, change.number])?;
        self.written.rejected += 1;
        Ok(())
    }
}

/// Counts a record that cannot be stored.
fn reject(
    transaction: &Transaction<'_>,
    log: &LogId,
    change: &Change,
    reason: &str,
    now: &str,
) -> Result<()> {
    let place = &change.place;
    transaction.execute(
        "INSERT INTO _livelist_rejects (log, resource, key, number, reason, first_at, last_at, times)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)
         ON CONFLICT (log, resource, key) DO UPDATE SET number = ?4, reason = ?5, last_at = ?6, times = times + 1",
        params![log.replication, place.resource, place.key, change.number, reason, now],
    )?;
    Ok(())
}

/// Whether a statement broke a rule that its owner made.
fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}
