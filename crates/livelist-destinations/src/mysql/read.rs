//! Reading rows back: for a batch, and for the proof.

use std::collections::{HashMap, HashSet};

use livelist_records::fields::quoted;

use super::connect::{Session, number, text};
use super::error::Fault;
use super::values::{json, key as literal, name, shown};
use super::views::{fields, joined};
use crate::destination::{Held, KeyStamp};
use crate::sql::{Before, Table};

/// How many keys a question names.
pub(super) const KEYS: usize = 500;

/// Keys as a list of literals.
pub(super) fn list(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| literal(key)).collect();
    keys.join(", ")
}

/// The state of the rows of these keys. They are locked until the transaction ends.
pub(super) async fn before(
    on: &mut Session,
    table: &Table,
    keys: &[&str],
) -> Result<HashMap<String, Before>, Fault> {
    let key = name(table.key());
    let mut found = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(KEYS) {
        let sql = format!(
            "SELECT {key}, _version, _hash, _deleted_at IS NOT NULL FROM {} WHERE {key} IN ({})
             FOR UPDATE",
            name(&table.part(1)),
            list(keys)
        );
        for row in on.ask(sql).await? {
            let before = Before {
                version: number(&row, 1).unwrap_or_default(),
                hash: number::<i64>(&row, 2).unwrap_or_default().cast_unsigned(),
                is_deleted: number(&row, 3) == Some(1),
            };
            found.insert(text(&row, 0).unwrap_or_default(), before);
        }
    }
    Ok(found)
}

/// Which of these keys the `nth` table has. Their rows are locked until the transaction ends.
pub(super) async fn existing(
    on: &mut Session,
    table: &Table,
    nth: u16,
    keys: &[&str],
) -> Result<HashSet<String>, Fault> {
    let key = name(table.key());
    let mut found = HashSet::with_capacity(keys.len());
    for keys in keys.chunks(KEYS) {
        let sql = format!(
            "SELECT {key} FROM {} WHERE {key} IN ({}) FOR UPDATE",
            name(&table.part(nth)),
            list(keys)
        );
        let rows = on.ask(sql).await?;
        found.extend(rows.iter().filter_map(|row| text(row, 0)));
    }
    Ok(found)
}

/// The columns of these places of live and flagged rows, as text by key.
pub(super) async fn values(
    on: &mut Session,
    table: &Table,
    places: &[usize],
    keys: &[&str],
) -> Result<HashMap<String, Vec<Option<String>>>, Fault> {
    let key = name(table.key());
    let all = table.columns.all();
    let columns: Vec<String> = places
        .iter()
        .map(|at| format!(", t{}.{}", all[*at].table, name(&all[*at].name)))
        .collect();
    let mut found = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(KEYS) {
        let sql = format!(
            "SELECT t1.{key}, t1._rest{} FROM {} WHERE t1.{key} IN ({})",
            columns.join(""),
            joined(table),
            list(keys)
        );
        for row in on.ask(sql).await? {
            let values = (0..=places.len()).map(|nth| text(&row, nth + 1));
            found.insert(text(&row, 0).unwrap_or_default(), values.collect());
        }
    }
    Ok(found)
}

/// Rows as JSON objects, by key.
pub(super) async fn objects(
    on: &mut Session,
    table: &Table,
    keys: &[&str],
) -> Result<HashMap<String, String>, Fault> {
    let places: Vec<usize> = table.fields().map(|(at, _)| at).collect();
    let rows = values(on, table, &places, keys).await?;
    let objects = rows.into_iter().map(|(key, mut values)| {
        let mut members = vec![format!("{}:{}", quoted(table.key()), quoted(&key))];
        if let Some(rest) = values.first_mut().and_then(Option::take) {
            members.push(format!("\"_rest\":{rest}"));
        }
        for ((_, column), value) in table.fields().zip(values.into_iter().skip(1)) {
            if value.is_some() {
                members.push(format!(
                    "{}:{}",
                    quoted(&column.name),
                    json(column.kind, value)
                ));
            }
        }
        (key, format!("{{{}}}", members.join(",")))
    });
    Ok(objects.collect())
}

/// Live rows after a key, in byte order.
pub(super) async fn keys(
    on: &mut Session,
    table: &Table,
    behind: &str,
    most: usize,
) -> Result<Vec<KeyStamp>, Fault> {
    let key = name(table.key());
    let sql = format!(
        "SELECT {key}, _version, _hash FROM {} WHERE {key} > {} AND _deleted_at IS NULL
         ORDER BY {key} LIMIT {most}",
        name(&table.part(1)),
        literal(behind)
    );
    let rows = on.ask(sql).await?;
    let rows = rows.iter().map(|row| KeyStamp {
        key: text(row, 0).unwrap_or_default(),
        version: number(row, 1).unwrap_or_default(),
        hash: number::<i64>(row, 2).unwrap_or_default().cast_unsigned(),
    });
    Ok(rows.collect())
}

/// A live row with its values as text.
pub(super) async fn record(
    on: &mut Session,
    table: &Table,
    key: &str,
) -> Result<Option<Held>, Fault> {
    let columns: Vec<String> = fields(table).iter().map(|f| format!(", {f}")).collect();
    let sql = format!(
        "SELECT t1._version, t1._hash, t1._rest{} FROM {} WHERE t1.{} = {}
         AND t1._deleted_at IS NULL",
        columns.join(""),
        joined(table),
        name(table.key()),
        literal(key)
    );
    let rows = on.ask(sql).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let mut values = vec![(table.key().to_owned(), Some(key.to_owned()))];
    for (nth, (_, column)) in table.fields().enumerate() {
        let value = text(row, nth + 3).map(|value| shown(column.kind, value));
        values.push((column.name.clone(), value));
    }
    values.push(("_rest".to_owned(), text(row, 2)));
    Ok(Some(Held {
        row: KeyStamp {
            key: key.to_owned(),
            version: number(row, 0).unwrap_or_default(),
            hash: number::<i64>(row, 1).unwrap_or_default().cast_unsigned(),
        },
        values,
    }))
}
