//! The destination's own tables: positions, tables, columns, rejects.

use livelist_records::Place;
use livelist_records::fields::quoted;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Transaction};

use super::connect::quote;
use super::error::Fault;
use super::layout;
use super::values::instant;
use crate::destination::{Batch, LogId, Pass, Position};

/// The names of its own tables.
const OWN: [&str; 4] = [
    "_livelist_state",
    "_livelist_tables",
    "_livelist_columns",
    "_livelist_rejects",
];

/// Creates the missing ones of its own tables.
pub(super) async fn make(on: &Transaction<'_>, schema: &str) -> Result<(), Fault> {
    let sql = "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n
               ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY($2)";
    let own: Vec<&str> = OWN.to_vec();
    let row = on
        .query_typed_one(sql, &[(&schema, Type::TEXT), (&own, Type::TEXT_ARRAY)])
        .await?;
    let there: i64 = row.try_get(0)?;
    if there == 4 {
        return Ok(());
    }
    let schema = quote(schema);
    on.batch_execute(&format!(
        "CREATE TABLE IF NOT EXISTS {schema}._livelist_state (
             log text COLLATE \"C\" PRIMARY KEY, generation text NOT NULL, number bigint NOT NULL,
             pass_to bigint, pass_resource text, pass_key text,
             config text NOT NULL, updated_at timestamptz NOT NULL);
         CREATE TABLE IF NOT EXISTS {schema}._livelist_tables (
             name text COLLATE \"C\" PRIMARY KEY, log text, schema_print text NOT NULL,
             pending text);
         CREATE TABLE IF NOT EXISTS {schema}._livelist_columns (
             tbl text COLLATE \"C\" NOT NULL, field text COLLATE \"C\" NOT NULL, kind text NOT NULL,
             name text NOT NULL, part int NOT NULL, nth int NOT NULL, PRIMARY KEY (tbl, field, kind));
         CREATE TABLE IF NOT EXISTS {schema}._livelist_rejects (
             log text COLLATE \"C\" NOT NULL, resource text COLLATE \"C\" NOT NULL,
             key text COLLATE \"C\" NOT NULL, number bigint NOT NULL, reason text NOT NULL,
             first_at timestamptz NOT NULL, last_at timestamptz NOT NULL, times bigint NOT NULL,
             PRIMARY KEY (log, resource, key));"
    ))
    .await?;
    Ok(())
}

/// How far the log was applied. `None` with another configuration, because then the copy is rebuilt from
/// the beginning of the log.
pub(super) async fn position(
    on: &Transaction<'_>,
    schema: &str,
    log: &LogId,
    config: &str,
    is_for_update: bool,
) -> Result<Option<Position>, Error> {
    let schema = quote(schema);
    let lock = if is_for_update { "FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT generation, number, pass_to, pass_resource, pass_key, config
         FROM {schema}._livelist_state WHERE log = $1 {lock}"
    );
    let row = on
        .query_typed_opt(&sql, &[(&log.replication, Type::TEXT)])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let to: Option<i64> = row.try_get(2)?;
    let resource: Option<String> = row.try_get(3)?;
    let key: Option<String> = row.try_get(4)?;
    // A key may contain U+0000, which PostgreSQL does not allow in texts, so it is stored as JSON.
    let key = key.and_then(|key| serde_json::from_str(&key).ok());
    let pass = match (to, resource, key) {
        (Some(to), Some(resource), Some(key)) => Some(Pass {
            to: to.cast_unsigned(),
            behind: Place { resource, key },
        }),
        _ => None,
    };
    let position = Position {
        generation: row.try_get(0)?,
        number: row.try_get::<_, i64>(1)?.cast_unsigned(),
        pass,
    };
    let known: String = row.try_get(5)?;
    let is_ours = position.generation == log.generation && known == config;
    Ok(is_ours.then_some(position))
}

/// Locks the log's row until the transaction ends, and creates it if it is missing.
pub(super) async fn lock(on: &Transaction<'_>, schema: &str, log: &LogId) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO {}._livelist_state (log, generation, number, config, updated_at)
         VALUES ($1, '', 0, '', now()) ON CONFLICT (log) DO NOTHING",
        quote(schema)
    );
    on.execute_typed(&sql, &[(&log.replication, Type::TEXT)])
        .await?;
    Ok(())
}

/// Prepares for applying the log from its beginning. The numbers in rows belong to another log or
/// configuration, and no longer count. Rows that the log does not have stay.
pub(super) async fn forget(
    on: &Transaction<'_>,
    place: layout::Place<'_>,
    log: &LogId,
) -> Result<(), Error> {
    let schema = place.schema;
    let sql = format!(
        "SELECT name FROM {}._livelist_tables WHERE log = $1",
        quote(schema)
    );
    let names = on
        .query_typed(&sql, &[(&log.replication, Type::TEXT)])
        .await?;
    for name in names {
        let name: String = name.try_get(0)?;
        let table = name.split(' ').next().unwrap_or_default();
        let rows = format!("_version <> 0{}", place.options.mine());
        reset(on, schema, &format!("{table}__1"), &rows).await?;
    }
    Ok(())
}

/// Makes the rows of a table that match `rows` look older than any change and different from any record, so
/// that the next change writes them.
pub(super) async fn reset(
    on: &Transaction<'_>,
    schema: &str,
    table: &str,
    rows: &str,
) -> Result<u64, Error> {
    let sql = format!(
        "UPDATE {}.{} SET _version = 0, _hash = 0 WHERE {rows}",
        quote(schema),
        quote(table)
    );
    on.execute_typed(&sql, &[]).await
}

/// Every log is applied from its beginning with the next pass.
pub(super) async fn begin_anew(on: &Transaction<'_>, schema: &str) -> Result<(), Error> {
    let sql = format!("DELETE FROM {}._livelist_state", quote(schema));
    on.execute_typed(&sql, &[]).await?;
    Ok(())
}

/// Moves the position.
pub(super) async fn advance(
    on: &Transaction<'_>,
    schema: &str,
    log: &LogId,
    batch: &Batch,
    config: &str,
) -> Result<(), Error> {
    let position = &batch.position;
    let behind = position.pass.as_ref();
    let sql = format!(
        "UPDATE {}._livelist_state SET generation = $2, number = $3, pass_to = $4,
             pass_resource = $5, pass_key = $6, config = $7, updated_at = $8::timestamptz
         WHERE log = $1",
        quote(schema)
    );
    let to = behind.map(|pass| pass.to.cast_signed());
    let resource = behind.map(|pass| pass.behind.resource.as_str());
    let key = behind.map(|pass| quoted(&pass.behind.key));
    on.execute_typed(
        &sql,
        &[
            (&log.replication, Type::TEXT),
            (&position.generation, Type::TEXT),
            (&position.number.cast_signed(), Type::INT8),
            (&to, Type::INT8),
            (&resource, Type::TEXT),
            (&key, Type::TEXT),
            (&config, Type::TEXT),
            (&instant(batch.now), Type::TEXT),
        ],
    )
    .await?;
    Ok(())
}
