//! The tables of expansions: the records that came with a record, under its key.

use livelist_records::columns::{Budget, Column, Columns};
use livelist_records::{Fields, Kind, Schema};
use rusqlite::types::Value;
use rusqlite::{Connection, Result, Transaction, params_from_iter};

use super::layout::{Table, column_names, quote};
use super::values::{holds, value};
use crate::children::{Set, sets};
use crate::destination::Prepared;
use crate::options::Options;
use crate::row::Mapping;
use crate::sql::{CHILD, PARENT, PARENT_FIELD};

/// The name of an expansion's table.
pub(super) fn name(options: &Options, parent: &Table, child: &Schema) -> String {
    format!("{}_{}", parent.name, options.names.of(&child.resource))
}

/// Makes an expansion's table, or what somebody dropped of it. Gives whether somebody did.
pub(super) fn prepare(
    transaction: &Transaction<'_>,
    options: &Options,
    parent: &Table,
    child: &Schema,
    prepared: &mut Prepared,
) -> Result<bool> {
    let name = name(options, parent, child);
    let known = Table::named(transaction, &name)?;
    let was_there = known.is_some();
    let columns = vec![Column {
        field: PARENT_FIELD.to_owned(),
        name: PARENT.to_owned(),
        kind: Kind::Text,
        table: 1,
    }];
    let table = known.unwrap_or_else(|| Table {
        name,
        columns: Columns::of(columns),
    });
    let there = column_names(transaction, &table.name)?;
    let is_missing = there.is_empty();
    // A table of another owner's is refused by this.
    if is_missing || !was_there {
        transaction.execute_batch(&format!(
            "CREATE TABLE {} ({PARENT} TEXT NOT NULL, {CHILD} TEXT NOT NULL, _rest TEXT,
                 PRIMARY KEY ({PARENT}, {CHILD}))",
            quote(&table.name)
        ))?;
        prepared.tables.push(table.name.clone());
    }
    let lost = table.add(transaction, 0)?;
    let is_altered = was_there && (is_missing || !lost.is_empty());
    prepared.columns.extend(lost);
    Ok(is_altered)
}

/// The tables of a resource's expansions, in the order of its schema.
pub(super) fn find(
    connection: &Connection,
    options: &Options,
    parent: &Table,
    schema: &Schema,
) -> Result<Vec<Table>> {
    let named = schema.children.iter().map(|child| {
        let name = name(options, parent, child);
        let found = Table::named(connection, &name)?;
        Ok(found.unwrap_or_else(|| Table {
            name,
            columns: Columns::default(),
        }))
    });
    named.collect()
}

/// The expansions of a record, as rows.
pub(super) struct Family<'a> {
    options: &'a Options,
    schema: &'a Schema,
    tables: &'a mut [Table],
}

impl<'a> Family<'a> {
    pub(super) fn new(
        options: &'a Options,
        schema: &'a Schema,
        tables: &'a mut [Table],
    ) -> Family<'a> {
        Family {
            options,
            schema,
            tables,
        }
    }

    /// Replaces the rows of a record by those that it has now. Gives how many values did not fit, and how many
    /// records stood there more than once.
    pub(super) fn replace(
        &mut self,
        transaction: &Transaction<'_>,
        key: &str,
        fields: &Fields<'_>,
    ) -> Result<(u64, u64)> {
        self.clear(transaction, key)?;
        let (mut overflow, mut repeated) = (0, 0);
        for set in sets(self.schema, fields, |name| {
            self.options.columns.stores(name)
        }) {
            overflow += self.insert(transaction, key, &set)?;
            repeated += set.children.repeated;
        }
        Ok((overflow, repeated))
    }

    /// Removes the rows of a record.
    pub(super) fn clear(&self, transaction: &Transaction<'_>, key: &str) -> Result<()> {
        for table in &*self.tables {
            let sql = format!("DELETE FROM {} WHERE {PARENT} = ?1", quote(&table.name));
            transaction.prepare_cached(&sql)?.execute([key])?;
        }
        Ok(())
    }

    fn insert(&mut self, transaction: &Transaction<'_>, key: &str, set: &Set<'_>) -> Result<u64> {
        let (Some(schema), Some(table)) = (
            self.schema.children.get(set.nth),
            self.tables.get_mut(set.nth),
        ) else {
            return Ok(0);
        };
        let mapping = Mapping::new(schema, self.options, holds, Budget::WIDE).of_child();
        let mapping = mapping.deriving(self.options.derives(&self.schema.resource));
        let from = table.columns.all().len();
        for child in &set.children.rows {
            mapping.wanted(&mut table.columns, std::slice::from_ref(&child.fields));
        }
        table.add(transaction, from)?;
        let names = table
            .columns
            .all()
            .iter()
            .skip(1)
            .map(|column| quote(&column.name));
        let own = [PARENT, CHILD, "_rest"].map(str::to_owned);
        let names: Vec<String> = own.into_iter().chain(names).collect();
        let places: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            quote(&table.name),
            names.join(", "),
            places.join(", ")
        );
        let mut overflow = 0;
        for child in &set.children.rows {
            let row = mapping.row(&table.columns, &child.fields);
            overflow += row.overflow;
            let mut values = vec![Value::Null; names.len()];
            values[0] = Value::Text(key.to_owned());
            values[1] = Value::Text(child.id.clone().into_owned());
            values[2] = row.rest.clone().map_or(Value::Null, Value::Text);
            for (at, cell) in &row.cells {
                values[at + 2] = value(cell);
            }
            let mut statement = transaction.prepare_cached(&sql)?;
            statement.execute(params_from_iter(values))?;
        }
        Ok(overflow)
    }

    /// The rows of a record as JSON, by expansion; those without any are left out.
    pub(super) fn objects(
        &self,
        transaction: &Transaction<'_>,
        key: &str,
    ) -> Result<Vec<(String, serde_json::Value)>> {
        let mut found = Vec::new();
        for (child, table) in self.schema.children.iter().zip(&*self.tables) {
            let columns: Vec<&Column> = table.columns.all().iter().skip(1).collect();
            let texts: Vec<String> = columns
                .iter()
                .map(|column| format!(", CAST({} AS TEXT)", quote(&column.name)))
                .collect();
            let sql = format!(
                "SELECT _rest{} FROM {} WHERE {PARENT} = ?1 ORDER BY rowid",
                texts.concat(),
                quote(&table.name)
            );
            let names = ["_rest"]
                .into_iter()
                .chain(columns.iter().map(|c| c.name.as_str()));
            let names: Vec<&str> = names.collect();
            let mut statement = transaction.prepare_cached(&sql)?;
            let rows = statement.query_map([key], |row| {
                let mut object = serde_json::Map::new();
                for (nth, name) in names.iter().enumerate() {
                    if let Some(text) = row.get::<_, Option<String>>(nth)? {
                        object.insert((*name).to_owned(), text.into());
                    }
                }
                Ok(serde_json::Value::Object(object))
            })?;
            let rows: Vec<serde_json::Value> = rows.collect::<Result<_>>()?;
            if !rows.is_empty() {
                found.push((child.resource.clone(), rows.into()));
            }
        }
        Ok(found)
    }
}
