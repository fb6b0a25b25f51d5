//! The records in a record's expansions: they are replaced as a set, with their record.

use std::collections::HashMap;
use std::ops::Range;

use livelist_records::columns::Budget;
use livelist_records::fields::quoted;
use livelist_records::{Cell, Fields, Schema};
use mysql_async::Error;

use super::connect::{Session, text};
use super::error::Fault;
use super::read::{KEYS, list};
use super::values::{holds, json, key as bytes_of, literal, name, string};
use super::views::{fields as columns_of, joined};
use crate::children::sets;
use crate::options::Options;
use crate::row::{Mapping, Row};
use crate::sql::{PARENT, Table};

/// How the records of an expansion become rows.
pub(super) fn mapping<'s>(options: &'s Options, parent: &'s Schema, nth: usize) -> Mapping<'s> {
    let mapping = Mapping::new(&parent.children[nth], options, holds, Budget::PAGE);
    mapping
        .of_child()
        .deriving(options.derives(&parent.resource))
}

/// The rows of the expansions of some records, as values of statements.
pub(super) struct Brood<'a> {
    options: &'a Options,
    schema: &'a Schema,
    tables: &'a [Table],
    keys: Vec<&'a str>,
    /// By expansion, then by table, then by record.
    values: Vec<Vec<Vec<Rows>>>,
}

/// Rows as `(…)`.
type Rows = Vec<Vec<u8>>;

/// What the expansions of one record are.
#[derive(Default)]
pub(super) struct Pushed {
    /// How many values did not fit.
    pub(super) overflow: u64,
    /// How many records stood there more than once.
    pub(super) repeated: u64,
    /// How many bytes the longest row takes.
    pub(super) longest: usize,
}

impl<'a> Brood<'a> {
    pub(super) fn new(options: &'a Options, schema: &'a Schema, tables: &'a [Table]) -> Brood<'a> {
        let values = tables
            .iter()
            .map(|table| vec![Vec::new(); table.parts().into()]);
        Brood {
            options,
            schema,
            tables,
            keys: Vec::new(),
            values: values.collect(),
        }
    }

    /// Adds the expansions of a record.
    pub(super) fn push(&mut self, key: &'a str, fields: &Fields<'_>) -> Pushed {
        let mut pushed = Pushed::default();
        self.keys.push(key);
        for part in self.values.iter_mut().flatten() {
            part.push(Vec::new());
        }
        let options = self.options;
        for set in sets(self.schema, fields, |name| options.columns.stores(name)) {
            let mapping = mapping(options, self.schema, set.nth);
            pushed.repeated += set.children.repeated;
            let table = &self.tables[set.nth];
            for child in &set.children.rows {
                let row = mapping.row(&table.columns, &child.fields);
                pushed.overflow += row.overflow;
                for nth in 1..=table.parts() {
                    let values = row_of(table, nth, key, &child.id, &row);
                    pushed.longest = pushed.longest.max(values.len());
                    let part = &mut self.values[set.nth][usize::from(nth - 1)];
                    if let Some(rows) = part.last_mut() {
                        rows.push(values);
                    }
                }
            }
        }
        pushed
    }

    /// Replaces the rows of those records.
    pub(super) async fn replace(&self, on: &mut Session, range: Range<usize>) -> Result<(), Error> {
        clear(on, self.tables, &self.keys[range.clone()]).await?;
        for (table, parts) in self.tables.iter().zip(&self.values) {
            for (nth, values) in (1..).zip(parts) {
                let rows = values[range.clone()].iter().flatten();
                insert(on, table, nth, rows).await?;
            }
        }
        Ok(())
    }
}

fn row_of(table: &Table, nth: u16, key: &str, id: &str, row: &Row<'_>) -> Vec<u8> {
    let mut cells = row.cells.iter().collect::<Vec<_>>();
    cells.sort_unstable_by_key(|(at, _)| *at);
    let mut out = format!("({},{}", bytes_of(key), bytes_of(id)).into_bytes();
    if nth == 1 {
        out.push(b',');
        string(key, &mut out);
        out.push(b',');
        match &row.rest {
            Some(rest) => string(rest, &mut out),
            None => out.extend_from_slice(b"NULL"),
        }
    }
    for (at, _) in table.on(nth) {
        out.push(b',');
        match cells.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(found) => literal(&cells[found].1, &mut out),
            Err(_) => literal(&Cell::Null, &mut out),
        }
    }
    out.push(b')');
    out
}

async fn insert(
    on: &mut Session,
    table: &Table,
    nth: u16,
    rows: impl Iterator<Item = &Vec<u8>>,
) -> Result<(), Error> {
    let own = ["_key", "_rest"].into_iter().filter(|_| nth == 1);
    let columns = table.on(nth).map(|(_, column)| column.name.as_str());
    let columns: Vec<String> = table
        .primary()
        .chain(own)
        .chain(columns)
        .map(name)
        .collect();
    let begin = format!(
        "INSERT INTO {} ({}) VALUES ",
        name(&table.part(nth)),
        columns.join(", ")
    );
    let cut = on.cut();
    let mut sql = Vec::new();
    for row in rows {
        if !sql.is_empty() && sql.len() + row.len() + 1 > cut {
            on.run(&sql).await?;
            sql.clear();
        }
        match sql.is_empty() {
            true => sql.extend_from_slice(begin.as_bytes()),
            false => sql.push(b','),
        }
        sql.extend_from_slice(row);
    }
    if !sql.is_empty() {
        on.run(&sql).await?;
    }
    Ok(())
}

/// Removes the rows of those records.
pub(super) async fn clear(on: &mut Session, tables: &[Table], keys: &[&str]) -> Result<(), Error> {
    for part in tables.iter().flat_map(Table::all_parts) {
        for keys in keys.chunks(KEYS) {
            let sql = format!(
                "DELETE FROM {} WHERE {PARENT} IN ({})",
                name(&part),
                list(keys)
            );
            on.run(sql).await?;
        }
    }
    Ok(())
}

/// Adds the rows of an expansion to the JSON objects of their records.
pub(super) async fn add_to(
    objects: &mut HashMap<String, String>,
    on: &mut Session,
    child: &Schema,
    table: &Table,
    keys: &[&str],
) -> Result<(), Fault> {
    let columns: Vec<String> = columns_of(table).iter().map(|c| format!(", {c}")).collect();
    let mut lists: HashMap<String, Vec<String>> = HashMap::new();
    for keys in keys.chunks(KEYS) {
        let sql = format!(
            "SELECT t1.{PARENT}, t1._rest{} FROM {} WHERE t1.{PARENT} IN ({})
             ORDER BY t1.{PARENT}, t1._child",
            columns.concat(),
            joined(table),
            list(keys)
        );
        for row in on.ask(sql).await? {
            let rest = text(&row, 1).map(|rest| format!("\"_rest\":{rest}"));
            let mut members: Vec<String> = rest.into_iter().collect();
            for (nth, (_, column)) in table.fields().enumerate() {
                if let value @ Some(_) = text(&row, nth + 2) {
                    members.push(format!(
                        "{}:{}",
                        quoted(&column.name),
                        json(column.kind, value)
                    ));
                }
            }
            let list = lists.entry(text(&row, 0).unwrap_or_default()).or_default();
            list.push(format!("{{{}}}", members.join(",")));
        }
    }
    for (key, list) in lists {
        if let Some(object) = objects.get_mut(&key) {
            object.pop();
            object.push_str(&format!(
                ",{}:[{}]}}",
                quoted(&child.resource),
                list.join(",")
            ));
        }
    }
    Ok(())
}
