//! The tables of a resource and their view. Everything is added, nothing is dropped or rewritten.

use std::collections::HashMap;

use livelist_records::columns::{Budget, Column};
use livelist_records::{Kind, Schema};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::connect::quote;
use super::error::Fault;
use super::values::column_type;
use super::{catalog, state, views};
use crate::destination::Prepared;
use crate::layout::{Form, Layout};
use crate::options::Options;
use crate::sql::{CHILD, PARENT, Table, Whose};

/// Own columns of the first table. What is behind them is the fields'.
pub(super) const OWN: &str = "_version bigint NOT NULL, _hash bigint NOT NULL, _stamp text,
    _synced_at timestamptz NOT NULL, _deleted_at timestamptz, _rest jsonb";

/// With the default, 2 kB, PostgreSQL tries to compress each of some hundred short texts in turn.
pub(super) const STORAGE: &str = "WITH (toast_tuple_target = 8160)";

/// The place and form of the tables.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The database's schema.
    pub(super) schema: &'a str,
    /// How the destination keeps its copy.
    pub(super) options: &'a Options,
}

impl Place<'_> {
    /// A table or view with its schema.
    pub(super) fn of(&self, name: &str) -> String {
        format!("{}.{}", quote(self.schema), quote(name))
    }

    /// One of the destination's own tables.
    pub(super) fn own(&self, name: &str) -> String {
        format!("{}._livelist_{name}", quote(self.schema))
    }
}

/// The columns with their types of those names in the schema that are relations.
async fn relations(
    on: &Transaction<'_>,
    place: Place<'_>,
    names: &[String],
) -> Result<HashMap<String, HashMap<String, String>>, Fault> {
    let sql =
        "SELECT c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
               FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_catalog.pg_attribute a
                 ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               WHERE n.nspname = $1 AND c.relname = ANY($2)";
    let rows = on
        .query_typed(
            sql,
            &[(&place.schema, Type::TEXT), (&names, Type::TEXT_ARRAY)],
        )
        .await?;
    let mut found: HashMap<String, HashMap<String, String>> = HashMap::new();
    for row in rows {
        let columns = found.entry(row.try_get(0)?).or_default();
        let (name, of): (Option<String>, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
        if let (Some(name), Some(of)) = (name, of) {
            columns.insert(name, of);
        }
    }
    Ok(found)
}

/// Where the fields are, and what comes next.
pub(super) async fn layout(
    on: &Transaction<'_>,
    place: Place<'_>,
    schema: &Schema,
) -> Result<Layout, Fault> {
    let whose = Whose::of(&schema.resource);
    let table = match place.find(on, &whose).await? {
        Some(table) => table,
        None => {
            let base = whose.base(place.options).unwrap_or_default();
            Table::new(base, schema, place.options)
        }
    };
    let there = relations(on, place, &table.all_parts()).await?;
    let form = Form {
        name: table.base.clone(),
        options: place.options,
        budget: Budget::PAGE,
        table: &|nth| table.part(nth),
        of: column_type,
        has: &|name, column| there.get(name).is_some_and(|of| of.contains_key(column)),
    };
    Ok(form.layout(table.columns.clone(), schema))
}

/// Columns that tables ought to have and have not.
pub(super) type Wanted = Vec<(Whose, Vec<(String, Kind)>)>;

/// Makes the tables of a resource and of its expansions, and gives which columns they ought to have before a
/// value comes and have not.
///
/// What its owner dropped is made again, and filled from the log: its rows count as older than any change,
/// and every log is applied from its beginning. So are rows with values in `_rest` when the schema has
/// changed: what did not fit may fit now.
pub(super) async fn prepare(
    on: &Transaction<'_>,
    place: Place<'_>,
    schema: &Schema,
) -> Result<(Prepared, Wanted), Fault> {
    alone(on, place).await?;
    let mut prepared = Prepared::default();
    let whose = Whose::of(&schema.resource);
    let mut family = vec![make(on, place, schema, &whose, None, &mut prepared).await?];
    for child in &schema.children {
        let whose = whose.child(&child.resource);
        let parent = Some(family[0].table.clone());
        family.push(make(on, place, child, &whose, parent, &mut prepared).await?);
    }
    let parent = &family[0].table;
    let first = parent.part(1);
    let mut refilled = false;
    if family.iter().any(|made| made.is_altered) {
        state::reset(on, place.schema, &first, "_version <> 0").await?;
        refilled = true;
    } else {
        for made in family.iter().filter(|made| made.is_other) {
            let rows = with_rest(place, parent, &made.table);
            refilled |= state::reset(on, place.schema, &first, &rows).await? > 0;
        }
    }
    if refilled {
        state::begin_anew(on, place.schema).await?;
    }
    let wanted = family.into_iter().map(|made| (made.whose, made.wanted));
    Ok((
        prepared,
        wanted.filter(|(_, wanted)| !wanted.is_empty()).collect(),
    ))
}

/// Which rows of the resource have values that did not fit, in the row itself or in those of an expansion.
fn with_rest(place: Place<'_>, parent: &Table, table: &Table) -> String {
    let rows = match table.is_child() {
        false => "_rest IS NOT NULL".to_owned(),
        true => format!(
            "{} IN (SELECT {PARENT} FROM {} WHERE _rest IS NOT NULL)",
            quote(parent.key()),
            place.of(&table.part(1))
        ),
    };
    rows + &place.options.mine()
}

/// The tables of a resource or an expansion, as they were prepared.
struct Made {
    whose: Whose,
    table: Table,
    /// Somebody had dropped some of it.
    is_altered: bool,
    /// Its schema is another one.
    is_other: bool,
    wanted: Vec<(String, Kind)>,
}

async fn make(
    on: &Transaction<'_>,
    place: Place<'_>,
    schema: &Schema,
    whose: &Whose,
    parent: Option<Table>,
    prepared: &mut Prepared,
) -> Result<Made, Fault> {
    let known = place.find(on, whose).await?;
    let was_there = known.is_some();
    let base = whose.base(place.options).unwrap_or_default();
    let table = known.unwrap_or_else(|| match &parent {
        Some(_) => Table::new_child(base),
        None => Table::new(base, schema, place.options),
    });
    let mut names = table.all_parts();
    names.push(table.base.clone());
    let there = relations(on, place, &names).await?;
    if let Some(name) = names
        .iter()
        .find(|name| !was_there && there.contains_key(*name))
    {
        return Err(Fault::Refused(format!(
            "{name} is there already, and is not Livelist's: choose another schema or prefix"
        )));
    }
    let before = prepared.tables.len() + prepared.columns.len();
    for nth in 1..=table.parts() {
        let name = table.part(nth);
        match there.get(&name) {
            Some(columns) => {
                let lost = mend(on, place, &table, nth, columns).await?;
                prepared.columns.extend(lost);
            }
            None => {
                let columns: Vec<&Column> = table.on(nth).map(|(_, column)| column).collect();
                create(on, place, &table, nth, &columns).await?;
                prepared.tables.push(name);
            }
        }
    }
    if parent.is_none() {
        views::beside(on, place, &table).await?;
    }
    if !was_there {
        catalog::note(on, place, &table, 0).await?;
    }
    let shown = there.get(&table.base);
    if shown.is_none_or(|shown| {
        table
            .columns
            .all()
            .iter()
            .any(|c| !shown.contains_key(&c.name))
    }) {
        views::show(on, place, &table, parent.as_ref()).await?;
    }
    let is_altered = was_there && prepared.tables.len() + prepared.columns.len() > before;
    let (is_other, mut wanted) = catalog::note_schema(on, place, &table, schema).await?;
    if parent.is_none() {
        wanted.extend(table.configured(schema, place.options));
        wanted.dedup();
    }
    Ok(Made {
        whose: whose.clone(),
        table,
        is_altered,
        is_other,
        wanted,
    })
}

/// Makes the schema, if it is not there.
pub(super) async fn make_schema(on: &Transaction<'_>, schema: &str) -> Result<(), Fault> {
    let sql = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1";
    let row = on.query_typed_one(sql, &[(&schema, Type::TEXT)]).await?;
    if row.try_get::<_, i64>(0)? == 0 {
        let sql = format!("CREATE SCHEMA IF NOT EXISTS {}", quote(schema));
        on.batch_execute(&sql).await?;
    }
    Ok(())
}

/// One process at a time alters the tables of a schema.
pub(super) async fn alone(on: &Transaction<'_>, place: Place<'_>) -> Result<(), Fault> {
    let sql = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext($1))";
    let name = format!("livelist {}", place.schema);
    on.query_typed(sql, &[(&name, Type::TEXT)]).await?;
    Ok(())
}

/// Creates columns of a table that were dropped; a column of another type is reported.
async fn mend(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    nth: u16,
    there: &HashMap<String, String>,
) -> Result<Vec<String>, Fault> {
    let name = table.part(nth);
    let mut lost = Vec::new();
    for (_, column) in table.on(nth) {
        match there.get(&column.name).map(String::as_str) {
            Some(is) if is == column_type(column.kind) => {}
            Some(is) => {
                return Err(Fault::Altered(format!(
                    "{name}.{} is {is}, and was {}",
                    column.name,
                    column_type(column.kind)
                )));
            }
            None => lost.push(column),
        }
    }
    let own: &[&str] = match (table.is_child(), nth) {
        (true, 1) => &[CHILD, "_rest"],
        (true, _) => &[CHILD],
        (false, 1) => &[
            "_version",
            "_hash",
            "_stamp",
            "_synced_at",
            "_deleted_at",
            "_rest",
        ],
        (false, _) => &[],
    };
    let needed = own.iter().copied().chain([table.key()]);
    if let Some(gone) = needed.into_iter().find(|own| !there.contains_key(*own)) {
        return Err(Fault::Altered(format!(
            "{name} has no {gone}: drop the table, and it is made again"
        )));
    }
    add(on, place, &name, &lost).await?;
    let lost = lost.iter().map(|column| format!("{name}.{}", column.name));
    Ok(lost.collect())
}

async fn add(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &str,
    columns: &[&Column],
) -> Result<(), Fault> {
    if columns.is_empty() {
        return Ok(());
    }
    let adds: Vec<String> = columns
        .iter()
        .map(|column| format!("ADD COLUMN {}", declared(column)))
        .collect();
    let sql = format!("ALTER TABLE {} {}", place.of(table), adds.join(", "));
    on.batch_execute(&sql).await?;
    Ok(())
}

/// A column as a table declares it.
pub(super) fn declared(column: &Column) -> String {
    format!("{} {}", quote(&column.name), column_type(column.kind))
}

async fn create(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    nth: u16,
    columns: &[&Column],
) -> Result<(), Fault> {
    let mut all = vec![format!(
        "{} text COLLATE \"C\" NOT NULL",
        quote(table.key())
    )];
    if table.is_child() {
        all.push(format!("{CHILD} text COLLATE \"C\" NOT NULL"));
    }
    if nth == 1 {
        all.push(if table.is_child() { "_rest jsonb" } else { OWN }.to_owned());
    }
    all.extend(columns.iter().map(|column| declared(column)));
    let primary: Vec<String> = table.primary().map(quote).collect();
    all.push(format!("PRIMARY KEY ({})", primary.join(", ")));
    let sql = format!(
        "CREATE TABLE {} ({}) {STORAGE}",
        place.of(&table.part(nth)),
        all.join(", ")
    );
    on.batch_execute(&sql).await?;
    Ok(())
}

/// Makes columns. Rows whose values had to wait for one in `_rest` are written again by the next pass.
pub(super) async fn grow(
    on: &Transaction<'_>,
    place: Place<'_>,
    whose: &Whose,
    wanted: &[(String, Kind)],
) -> Result<Vec<String>, Fault> {
    alone(on, place).await?;
    let found = (
        place.find(on, whose).await?,
        place.find(on, &Whose::of(&whose.resource)).await?,
    );
    let (Some(mut table), Some(parent)) = found else {
        return Err(Fault::Altered(format!(
            "it has no table for {}",
            whose.shown()
        )));
    };
    let (from, parts) = (table.columns.all().len(), table.parts());
    for (field, kind) in wanted {
        table
            .columns
            .wanted(field, *kind, place.options.names, Budget::PAGE);
    }
    let mut made = Vec::new();
    if table.columns.all().len() > from {
        for nth in 1..=table.parts() {
            let new: Vec<&Column> = table
                .on(nth)
                .filter(|(at, _)| *at >= from)
                .map(|(_, column)| column)
                .collect();
            match nth > parts {
                true => create(on, place, &table, nth, &new).await?,
                false => add(on, place, &table.part(nth), &new).await?,
            }
            let names = new
                .iter()
                .map(|c| format!("{}.{}", table.part(nth), c.name));
            made.extend(names);
        }
        catalog::note(on, place, &table, from).await?;
        let of = whose.child.as_ref().map(|_| &parent);
        views::show(on, place, &table, of).await?;
    }
    let sql = format!(
        "UPDATE {} SET pending = NULL WHERE name = $1 AND pending IS NOT NULL",
        place.own("tables")
    );
    let noted = place.options.noted(&table.base);
    let waited = on.execute_typed(&sql, &[(&noted, Type::TEXT)]).await?;
    if waited > 0 {
        let rows = with_rest(place, &parent, &table);
        state::reset(on, place.schema, &parent.part(1), &rows).await?;
        state::begin_anew(on, place.schema).await?;
    }
    Ok(made)
}
