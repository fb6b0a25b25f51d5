//! The tables of a resource and their view. Everything is added, nothing is dropped or rewritten. Every
//! statement here ends a transaction, so it is executed before one; after a crash between two of them the
//! next pass continues.

use std::collections::HashMap;

use livelist_records::columns::{Budget, Column};
use livelist_records::{Kind, Schema};

use super::connect::{Session, text};
use super::error::{Fault, code, is_locked};
use super::state::{self, STORAGE};
use super::values::{column_type, data_type, name, text as literal};
use super::{catalog, views};
use crate::destination::Prepared;
use crate::layout::{Form, Layout};
use crate::options::Options;
use crate::sql::{CHILD, PARENT, Table, Whose};

/// Own columns of the first table. The key is bytes, since every comparison of texts takes some keys for
/// the same; `_key` is the same as text, which the view shows.
const OWN: &str = "_key VARCHAR(512) NOT NULL, _version BIGINT NOT NULL, _hash BIGINT NOT NULL,
    _stamp VARCHAR(255), _synced_at DATETIME(6) NOT NULL, _deleted_at DATETIME(6), _rest LONGTEXT,
    INDEX _key (_key)";

/// Those of an expansion's first table; `_key` is its parent's.
const OWN_OF_CHILD: &str = "_key VARCHAR(512) NOT NULL, _rest LONGTEXT, INDEX _key (_key)";

/// The names of the own columns.
const OWN_NAMES: [&str; 7] = [
    "_key",
    "_version",
    "_hash",
    "_stamp",
    "_synced_at",
    "_deleted_at",
    "_rest",
];

/// A table or view of the database.
#[derive(Default)]
struct Relation {
    engine: Option<String>,
    /// Its columns with their types.
    columns: HashMap<String, String>,
}

/// Those of the names that are tables or views.
async fn relations(on: &mut Session, names: &[String]) -> Result<HashMap<String, Relation>, Fault> {
    let names: Vec<String> = names.iter().map(|name| literal(Some(name))).collect();
    let names = names.join(", ");
    let mut found: HashMap<String, Relation> = HashMap::new();
    let sql = format!(
        "SELECT table_name, engine FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_name IN ({names})"
    );
    for row in on.ask(sql).await? {
        let relation = Relation {
            engine: text(&row, 1),
            ..Relation::default()
        };
        found.insert(text(&row, 0).unwrap_or_default(), relation);
    }
    let sql = format!(
        "SELECT table_name, column_name,
             IF(data_type IN ('decimal', 'time', 'datetime'), column_type, data_type)
         FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name IN ({names})"
    );
    for row in on.ask(sql).await? {
        if let (Some(table), Some(column), Some(of)) = (text(&row, 0), text(&row, 1), text(&row, 2))
            && let Some(relation) = found.get_mut(&table)
        {
            relation.columns.insert(column, of);
        }
    }
    Ok(found)
}

/// Where the fields are, and what comes next.
pub(super) async fn layout(
    on: &mut Session,
    options: &Options,
    schema: &Schema,
) -> Result<Layout, Fault> {
    let whose = Whose::of(&schema.resource);
    let table = match catalog::find(on, options, &whose).await? {
        Some(table) => table,
        None => {
            let base = whose.base(options).unwrap_or_default();
            Table::new(base, schema, options)
        }
    };
    let there = relations(on, &table.all_parts()).await?;
    let form = Form {
        name: table.base.clone(),
        options,
        budget: Budget::PAGE,
        table: &|nth| table.part(nth),
        of: column_type,
        has: &|name, column| {
            let relation = there.get(name);
            relation.is_some_and(|relation| relation.columns.contains_key(column))
        },
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
    on: &mut Session,
    options: &Options,
    schema: &Schema,
) -> Result<(Prepared, Wanted), Fault> {
    let mut prepared = Prepared::default();
    let whose = Whose::of(&schema.resource);
    let mut family = vec![make(on, options, schema, &whose, None, &mut prepared).await?];
    for child in &schema.children {
        let whose = whose.child(&child.resource);
        let parent = Some(family[0].table.clone());
        family.push(make(on, options, child, &whose, parent, &mut prepared).await?);
    }
    let parent = &family[0].table;
    let first = parent.part(1);
    let mut refilled = false;
    if family.iter().any(|made| made.is_altered) {
        state::reset(on, &first, "_version <> 0").await?;
        refilled = true;
    } else {
        for made in family.iter().filter(|made| made.is_other) {
            refilled |=
                state::reset(on, &first, &with_rest(options, parent, &made.table)).await? > 0;
        }
    }
    if refilled {
        state::begin_anew(on).await?;
    }
    let wanted = family.into_iter().map(|made| (made.whose, made.wanted));
    Ok((
        prepared,
        wanted.filter(|(_, wanted)| !wanted.is_empty()).collect(),
    ))
}

/// Which rows of the resource have values that did not fit, in the row itself or in those of an expansion.
fn with_rest(options: &Options, parent: &Table, table: &Table) -> String {
    let rows = match table.is_child() {
        false => "_rest IS NOT NULL".to_owned(),
        true => format!(
            "{} IN (SELECT {PARENT} FROM {} WHERE _rest IS NOT NULL)",
            name(parent.key()),
            name(&table.part(1))
        ),
    };
    rows + &options.mine()
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
    on: &mut Session,
    options: &Options,
    schema: &Schema,
    whose: &Whose,
    parent: Option<Table>,
    prepared: &mut Prepared,
) -> Result<Made, Fault> {
    let known = catalog::find(on, options, whose).await?;
    let was_there = known.is_some();
    let base = whose.base(options).unwrap_or_default();
    let table = known.unwrap_or_else(|| match &parent {
        Some(_) => Table::new_child(base),
        None => Table::new(base, schema, options),
    });
    let mut names = table.all_parts();
    names.push(table.base.clone());
    if parent.is_none() {
        names.extend(["removed", "changes", "transitions"].map(|what| table.beside(what)));
    }
    let there = relations(on, &names).await?;
    if let Some(name) = names
        .iter()
        .find(|name| !was_there && there.contains_key(*name))
    {
        return Err(Fault::Refused(format!(
            "{name} is there already, and is not Livelist's: choose another database or prefix"
        )));
    }
    // Written down first: a table that is not written down is not ours.
    if !was_there {
        catalog::note(on, &table, 0).await?;
    }
    let before = prepared.tables.len() + prepared.columns.len();
    for nth in 1..=table.parts() {
        let part = table.part(nth);
        match there.get(&part) {
            Some(relation) => {
                let lost = mend(on, &table, nth, relation).await?;
                prepared.columns.extend(lost);
            }
            None => {
                let columns: Vec<&Column> = table.on(nth).map(|(_, column)| column).collect();
                create(on, &table, nth, &columns).await?;
                prepared.tables.push(part);
            }
        }
    }
    if parent.is_none() {
        views::beside(on, &table, |name| there.contains_key(name)).await?;
    }
    let shown = there.get(&table.base);
    let is_shown = |c: &Column| shown.is_some_and(|shown| shown.columns.contains_key(&c.name));
    if !table.columns.all().iter().all(is_shown) {
        views::show(on, &table, parent.as_ref()).await?;
    }
    let is_altered = was_there && prepared.tables.len() + prepared.columns.len() > before;
    let (is_other, mut wanted) = catalog::note_schema(on, options, &table, schema).await?;
    if parent.is_none() {
        wanted.extend(table.configured(schema, options));
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

/// Makes the columns of a table that somebody dropped; a column of another type is told.
async fn mend(
    on: &mut Session,
    table: &Table,
    nth: u16,
    there: &Relation,
) -> Result<Vec<String>, Fault> {
    let part = table.part(nth);
    if there.engine.as_deref() != Some("InnoDB") {
        let engine = there.engine.as_deref().unwrap_or("a view");
        return Err(Fault::Altered(format!(
            "{part} is {engine}, which has no transactions, and was InnoDB"
        )));
    }
    let mut lost = Vec::new();
    for (_, column) in table.on(nth) {
        match there.columns.get(&column.name).map(String::as_str) {
            Some(is) if is == data_type(column.kind) => {}
            Some(is) => {
                return Err(Fault::Altered(format!(
                    "{part}.{} is {is}, and was {}",
                    column.name,
                    data_type(column.kind)
                )));
            }
            None => lost.push(column),
        }
    }
    let own: &[&str] = match (table.is_child(), nth) {
        (true, 1) => &[CHILD, "_key", "_rest"],
        (true, _) => &[CHILD],
        (false, 1) => &OWN_NAMES,
        (false, _) => &[],
    };
    let mut needed = own.iter().copied().chain([table.key()]);
    if let Some(gone) = needed.find(|own| !there.columns.contains_key(*own)) {
        return Err(Fault::Altered(format!(
            "{part} has no {gone}: drop the table, and it is made again"
        )));
    }
    add(on, &part, &lost).await?;
    let lost = lost.iter().map(|column| format!("{part}.{}", column.name));
    Ok(lost.collect())
}

async fn add(on: &mut Session, table: &str, columns: &[&Column]) -> Result<(), Fault> {
    if columns.is_empty() {
        return Ok(());
    }
    let adds: Vec<String> = columns
        .iter()
        .map(|column| format!("ADD COLUMN {}", declared(column)))
        .collect();
    let sql = format!("ALTER TABLE {} {}", name(table), adds.join(", "));
    // Instantly if the server can, else in any way.
    match on.run(format!("{sql}, ALGORITHM = INSTANT")).await {
        Err(error) if code(&error) > 0 && !is_locked(&error) => on.run(sql).await?,
        done => done?,
    };
    Ok(())
}

fn declared(column: &Column) -> String {
    format!("{} {}", name(&column.name), column_type(column.kind))
}

async fn create(
    on: &mut Session,
    table: &Table,
    nth: u16,
    columns: &[&Column],
) -> Result<(), Fault> {
    let keys = table
        .primary()
        .map(|key| format!("{} VARBINARY(512) NOT NULL", name(key)));
    let mut all: Vec<String> = keys.collect();
    if nth == 1 {
        all.push(if table.is_child() { OWN_OF_CHILD } else { OWN }.to_owned());
    }
    all.extend(columns.iter().map(|column| declared(column)));
    let primary: Vec<String> = table.primary().map(name).collect();
    all.push(format!("PRIMARY KEY ({})", primary.join(", ")));
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} ({}) {STORAGE}",
        name(&table.part(nth)),
        all.join(", ")
    );
    on.run(sql).await?;
    Ok(())
}

/// Makes columns. Rows whose values had to wait for one in `_rest` are written again by the next pass.
pub(super) async fn grow(
    on: &mut Session,
    options: &Options,
    whose: &Whose,
    wanted: &[(String, Kind)],
) -> Result<Vec<String>, Fault> {
    let found = (
        catalog::find(on, options, whose).await?,
        catalog::find(on, options, &Whose::of(&whose.resource)).await?,
    );
    let (Some(mut table), Some(parent)) = found else {
        return Err(Fault::Altered(format!(
            "it has no table for {}",
            whose.shown()
        )));
    };
    let from = table.columns.all().len();
    for (field, kind) in wanted {
        table
            .columns
            .wanted(field, *kind, options.names, Budget::PAGE);
    }
    let mut made = Vec::new();
    if table.columns.all().len() > from {
        let mut names = table.all_parts();
        names.push(table.base.clone());
        let there = relations(on, &names).await?;
        for nth in 1..=table.parts() {
            let part = table.part(nth);
            let relation = there.get(&part);
            let new: Vec<&Column> = table
                .on(nth)
                .filter(|(at, _)| *at >= from)
                .map(|(_, column)| column)
                // A pass that was cut off may have made some of them.
                .filter(|c| relation.is_none_or(|there| !there.columns.contains_key(&c.name)))
                .collect();
            match relation {
                None => create(on, &table, nth, &new).await?,
                Some(_) => add(on, &part, &new).await?,
            }
            made.extend(new.iter().map(|column| format!("{part}.{}", column.name)));
        }
        catalog::note(on, &table, from).await?;
    }
    views::show(on, &table, whose.child.as_ref().map(|_| &parent)).await?;
    if catalog::go_on(on, options, &table).await? {
        state::reset(on, &parent.part(1), &with_rest(options, &parent, &table)).await?;
        state::begin_anew(on).await?;
    }
    Ok(made)
}
