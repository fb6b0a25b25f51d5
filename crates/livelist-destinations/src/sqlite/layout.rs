//! The tables of a resource: the rows, those that were removed, the changes of tracked fields, and a view
//! of the status's changes.

use livelist_records::columns::{Budget, Column, Columns};
use livelist_records::names::fold;
use livelist_records::{Kind, Schema};
use rusqlite::{Connection, OptionalExtension, Result, TransactionBehavior, params};

use super::values::column_type;
use super::{children, state};
use crate::destination::{Held, KeyStamp, Prepared};
use crate::layout::{Form, Layout};
use crate::options::{Options, Wanted, first_columns};

/// Columns that every table has besides those of the fields.
pub(super) const OWN: &str = "_version INTEGER NOT NULL, _hash INTEGER NOT NULL, _stamp TEXT,
    _synced_at TEXT NOT NULL, _deleted_at TEXT, _rest TEXT";

/// The tables of one resource.
pub(super) struct Table {
    /// The table's name, not quoted.
    pub(super) name: String,
    /// The columns of the fields; the first is the key's.
    pub(super) columns: Columns,
}

/// A name as SQL has it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    /// The tables of a resource, if they exist.
    pub(super) fn find(
        connection: &Connection,
        options: &Options,
        resource: &str,
    ) -> Result<Option<Table>> {
        Self::named(connection, &Self::name_of(options, resource))
    }

    fn name_of(options: &Options, resource: &str) -> String {
        format!("{}{}", options.prefix, options.names.of(resource))
    }

    /// The table of this name, where it was made.
    pub(super) fn named(connection: &Connection, name: &str) -> Result<Option<Table>> {
        let sql = "SELECT field, name, kind FROM _livelist_columns WHERE tbl = ?1 ORDER BY rowid";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([name], |row| {
            let kind: String = row.get(2)?;
            Ok(Column {
                field: row.get(0)?,
                name: row.get(1)?,
                kind: Kind::parse(&kind).unwrap_or(Kind::Json),
                table: 1,
            })
        })?;
        let columns: Vec<Column> = rows.collect::<Result<_>>()?;
        Ok((!columns.is_empty()).then(|| Table {
            name: name.to_owned(),
            columns: Columns::of(columns),
        }))
    }

    /// The key's column.
    pub(super) fn key(&self) -> String {
        let key = self.columns.all().first();
        quote(key.map_or("", |column| column.name.as_str()))
    }

    /// A table beside it, quoted.
    pub(super) fn beside(&self, what: &str) -> String {
        quote(&format!("{}_{what}", self.name))
    }

    /// Makes those columns that the table lacks, and writes all of them down from the `from`th on.
    pub(super) fn add(&self, connection: &Connection, from: usize) -> Result<Vec<String>> {
        let mut made = Vec::new();
        if from >= self.columns.all().len() {
            return Ok(made);
        }
        let known = column_names(connection, &self.name)?;
        for column in self.columns.all().iter().skip(from) {
            if !known.contains(&fold(&column.name)) {
                let sql = format!(
                    "ALTER TABLE {} ADD COLUMN {} {}",
                    quote(&self.name),
                    quote(&column.name),
                    column_type(column.kind)
                );
                connection.execute(&sql, [])?;
                made.push(format!("{}.{}", self.name, column.name));
            }
            self.note(connection, column)?;
        }
        Ok(made)
    }

    fn note(&self, connection: &Connection, column: &Column) -> Result<()> {
        connection.execute(
            "INSERT OR IGNORE INTO _livelist_columns (tbl, field, kind, name) VALUES (?1, ?2, ?3, ?4)",
            params![self.name, column.field, column.kind.as_str(), column.name],
        )?;
        Ok(())
    }

    /// Live rows after a key, in byte order.
    pub(super) fn keys(
        &self,
        connection: &Connection,
        behind: &str,
        most: usize,
    ) -> Result<Vec<KeyStamp>> {
        let key = self.key();
        let sql = format!(
            "SELECT {key}, _version, _hash FROM {} WHERE {key} > ?1 AND _deleted_at IS NULL
             ORDER BY {key} LIMIT ?2",
            quote(&self.name)
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![behind, most as u64], |row| {
            Ok(KeyStamp {
                key: row.get(0)?,
                version: row.get(1)?,
                hash: row.get::<_, i64>(2)?.cast_unsigned(),
            })
        })?;
        rows.collect()
    }

    /// A live row with its values as text.
    pub(super) fn record(&self, connection: &Connection, key: &str) -> Result<Option<Held>> {
        let columns = self.columns.all();
        let texts: Vec<String> = columns
            .iter()
            .map(|column| format!("CAST({} AS TEXT)", quote(&column.name)))
            .collect();
        let sql = format!(
            "SELECT _version, _hash, _rest, {} FROM {} WHERE {} = ?1 AND _deleted_at IS NULL",
            texts.join(", "),
            quote(&self.name),
            self.key()
        );
        let held = connection.query_row(&sql, [key], |row| {
            let mut values = Vec::with_capacity(columns.len() + 1);
            for (at, column) in columns.iter().enumerate() {
                values.push((column.name.clone(), row.get(at + 3)?));
            }
            values.push(("_rest".to_owned(), row.get(2)?));
            Ok(Held {
                row: KeyStamp {
                    key: key.to_owned(),
                    version: row.get(0)?,
                    hash: row.get::<_, i64>(1)?.cast_unsigned(),
                },
                values,
            })
        });
        held.optional()
    }
}

/// A hash as SQLite stores it.
pub(super) fn stored(hash: u64) -> i64 {
    hash.cast_signed()
}

/// The folded names of a table's columns; empty if there is no table.
pub(super) fn column_names(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get::<_, String>(0))?;
    names.map(|name| Ok(fold(&name?))).collect()
}

/// Creates the tables of a resource, and the columns that are wanted before a value arrives.
///
/// Tables and columns that the owner dropped are created again and filled from the log: their rows count as
/// older than any change, and every log is applied from its beginning. The same is done for rows with
/// values in `_rest` if the schema has changed, because the values may fit now.
/// changed: what did not fit may fit now.
pub(super) fn prepare(
    connection: &mut Connection,
    schema: &Schema,
    options: &Options,
) -> Result<Prepared> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut prepared = Prepared::default();
    let known = Table::find(&transaction, options, &schema.resource)?;
    let was_there = known.is_some();
    let mut table = known.unwrap_or_else(|| Table::new(schema, options));
    let key = table.key();
    let is_missing = column_names(&transaction, &table.name)?.is_empty();
    if is_missing {
        transaction.execute_batch(&format!(
            "CREATE TABLE {} ({key} TEXT NOT NULL PRIMARY KEY, {OWN})",
            quote(&table.name)
        ))?;
        prepared.tables.push(table.name.clone());
    }
    transaction.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {removed} (key TEXT NOT NULL, number INTEGER NOT NULL,
             at TEXT NOT NULL, reason TEXT NOT NULL, proof TEXT NOT NULL, record TEXT, returned_at TEXT,
             PRIMARY KEY (key, number));
         CREATE TABLE IF NOT EXISTS {changes} (key TEXT NOT NULL, version INTEGER NOT NULL,
             field TEXT NOT NULL, old TEXT, new TEXT, at TEXT NOT NULL, PRIMARY KEY (key, version, field));
         CREATE VIEW IF NOT EXISTS {transitions} AS
             SELECT key, version, old ->> '$' AS from_status, new ->> '$' AS to_status, at
             FROM {changes} WHERE field = 'StandardStatus';",
        removed = table.beside("removed"),
        changes = table.beside("changes"),
        transitions = table.beside("transitions"),
    ))?;
    let lost = table.add(&transaction, 0)?;
    let mut is_altered = was_there && (is_missing || !lost.is_empty());
    for child in &schema.children {
        is_altered |= children::prepare(&transaction, options, &table, child, &mut prepared)?;
    }
    let before = table.columns.all().len();
    for field in &schema.fields {
        let is_wanted = match &options.columns {
            Wanted::Seen => false,
            Wanted::All => true,
            Wanted::Only(fields) => fields.contains(&field.name),
        };
        if is_wanted {
            table
                .columns
                .wanted(&field.name, field.kind, options.names, Budget::WIDE);
        }
    }
    prepared.columns.extend(lost);
    prepared.columns.extend(table.add(&transaction, before)?);
    let refilled = match is_altered {
        true => state::reset(&transaction, &table.name, "TRUE").map(|_| true)?,
        false => table.note_schema(&transaction, schema, options)?,
    };
    if is_altered || refilled {
        state::begin_anew(&transaction)?;
    }
    transaction.commit()?;
    Ok(prepared)
}

/// Where the fields are, and what comes next.
pub(super) fn layout(
    connection: &Connection,
    schema: &Schema,
    options: &Options,
) -> Result<Layout> {
    let table = Table::find(connection, options, &schema.resource)?;
    let table = table.unwrap_or_else(|| Table::new(schema, options));
    let there = column_names(connection, &table.name)?;
    let form = Form {
        name: table.name.clone(),
        options,
        budget: Budget::WIDE,
        table: &|_| table.name.clone(),
        of: column_type,
        has: &|_, column| there.contains(&fold(column)),
    };
    Ok(form.layout(table.columns.clone(), schema))
}

impl Table {
    fn new(schema: &Schema, options: &Options) -> Table {
        Table {
            name: Self::name_of(options, &schema.resource),
            columns: first_columns(schema, options, Budget::WIDE),
        }
    }

    /// Writes the schema's fingerprint down. Where it is another one, rows with values that did not fit are
    /// reset; gives whether there are any.
    fn note_schema(
        &self,
        connection: &Connection,
        schema: &Schema,
        options: &Options,
    ) -> Result<bool> {
        let print = schema.print();
        let sql = "SELECT schema_print FROM _livelist_tables WHERE name = ?1";
        let noted = options.noted(&self.name);
        let known = connection.query_row(sql, [&noted], |row| row.get::<_, String>(0));
        let known = known.optional()?;
        connection.execute(
            "INSERT INTO _livelist_tables (name, schema_print) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET schema_print = ?2",
            [&noted, &print],
        )?;
        match known {
            Some(known) if known != print => {
                let of_children = schema.children.iter().map(|child| {
                    format!(
                        "OR {} IN (SELECT _parent FROM {} WHERE _rest IS NOT NULL)",
                        self.key(),
                        quote(&children::name(options, self, child))
                    )
                });
                let of_children = of_children.collect::<String>();
                let rows = format!("(_rest IS NOT NULL {of_children}){}", options.mine());
                Ok(state::reset(connection, &self.name, &rows)? > 0)
            }
            _ => Ok(false),
        }
    }
}
