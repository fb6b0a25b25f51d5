//! Reading rows back: for a batch, and for the proof.

use std::collections::HashMap;

use tokio_postgres::types::Type;
use tokio_postgres::{Error, Transaction};

use super::connect::quote;
use super::layout::Place;
use super::views::{fields, joined};
use crate::destination::{Held, KeyStamp};
use crate::sql::{Before, Table};

/// The state of the rows of these keys.
pub(super) async fn before(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    keys: &[&str],
) -> Result<HashMap<String, Before>, Error> {
    let key = quote(table.key());
    let sql = format!(
        "SELECT {key}, _version, _hash, _deleted_at IS NOT NULL FROM {} WHERE {key} = ANY($1)",
        place.of(&table.part(1))
    );
    let rows = on.query_typed(&sql, &[(&keys, Type::TEXT_ARRAY)]).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let before = Before {
            version: row.try_get::<_, i64>(1)?.cast_unsigned(),
            hash: row.try_get::<_, i64>(2)?.cast_unsigned(),
            is_deleted: row.try_get(3)?,
        };
        found.insert(row.try_get(0)?, before);
    }
    Ok(found)
}

/// Live rows after a key, in byte order.
pub(super) async fn keys(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    behind: &str,
    most: usize,
) -> Result<Vec<KeyStamp>, Error> {
    let key = quote(table.key());
    let sql = format!(
        "SELECT {key}, _version, _hash FROM {} WHERE {key} > $1 AND _deleted_at IS NULL
         ORDER BY {key} LIMIT $2",
        place.of(&table.part(1))
    );
    // No key here contains U+0000, so the keys after `a\0b` are those after `a`.
    let behind = behind.split('\0').next().unwrap_or_default();
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = on
        .query_typed(&sql, &[(&behind, Type::TEXT), (&most, Type::INT8)])
        .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(KeyStamp {
            key: row.try_get(0)?,
            version: row.try_get::<_, i64>(1)?.cast_unsigned(),
            hash: row.try_get::<_, i64>(2)?.cast_unsigned(),
        })
    });
    rows.collect()
}

/// A live row with its values as text.
pub(super) async fn record(
    on: &Transaction<'_>,
    place: Place<'_>,
    table: &Table,
    key: &str,
) -> Result<Option<Held>, Error> {
    if key.contains('\0') {
        return Ok(None);
    }
    let texts: Vec<String> = fields(table)
        .iter()
        .map(|name| format!("{name}::text"))
        .collect();
    let mut columns = vec![
        "t1._version".to_owned(),
        "t1._hash".to_owned(),
        "t1._rest::text".to_owned(),
    ];
    columns.extend(texts);
    let sql = format!(
        "SELECT {} FROM {} WHERE t1.{} = $1 AND t1._deleted_at IS NULL",
        columns.join(", "),
        joined(place, table),
        quote(table.key())
    );
    let Some(row) = on.query_typed_opt(&sql, &[(&key, Type::TEXT)]).await? else {
        return Ok(None);
    };
    let mut values = vec![(table.key().to_owned(), Some(key.to_owned()))];
    for (nth, (_, column)) in table.fields().enumerate() {
        values.push((column.name.clone(), row.try_get(nth + 3)?));
    }
    values.push(("_rest".to_owned(), row.try_get(2)?));
    Ok(Some(Held {
        row: KeyStamp {
            key: key.to_owned(),
            version: row.try_get::<_, i64>(0)?.cast_unsigned(),
            hash: row.try_get::<_, i64>(1)?.cast_unsigned(),
        },
        values,
    }))
}
