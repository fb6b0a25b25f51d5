//! What PostgreSQL says of itself, and of what its user may do.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::connect::{Address, quote};
use super::error::Fault;
use super::layout::Place;
use crate::layout::Checked;
use crate::options::Options;

/// The oldest version that has what is used.
const OLDEST: i32 = 120_000;

/// The version, whether it can be written, and the rights that are missing.
pub(super) async fn check(address: &Address, options: &Options) -> Result<Checked, Fault> {
    let mut client = address.connect().await?;
    let on = client.transaction().await?;
    let sql =
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int,
                      pg_is_in_recovery(), current_user::text, current_database()::text,
                      has_database_privilege(current_database(), 'TEMP'),
                      has_database_privilege(current_database(), 'CREATE'),
                      current_setting('server_encoding'), current_schema()::text";
    let row = on.query_typed_one(sql, &[]).await?;
    let version: String = row.try_get(0)?;
    let mut checked = Checked::of(format!("PostgreSQL {version}"));
    if row.try_get::<_, i32>(1)? < OLDEST {
        checked.fault(
            "its version is older than 12",
            "take PostgreSQL 12 or newer",
        );
    }
    if row.try_get::<_, bool>(2)? {
        checked.fault(
            "it is a standby, which only reads",
            "give the address of the primary server",
        );
    }
    let encoding: String = row.try_get(7)?;
    if encoding != "UTF8" {
        checked.fault(
            format!("the database's encoding is {encoding}"),
            "make a database with ENCODING 'UTF8'",
        );
    }
    let (user, database): (String, String) = (row.try_get(3)?, row.try_get(4)?);
    let (user, database) = (quote(&user), quote(&database));
    if !row.try_get::<_, bool>(5)? {
        checked.fault(
            "the user may not make temporary tables, through which rows are written",
            format!("GRANT TEMPORARY ON DATABASE {database} TO {user};"),
        );
    }
    let own: Option<String> = row.try_get(8)?;
    let Some(schema) = options.schema.clone().or(own) else {
        checked.fault(
            "the user has no schema",
            "name one in the destination's document (`schema`)",
        );
        return Ok(checked);
    };
    let place = Place {
        schema: &schema,
        options,
    };
    let may_create = row.try_get::<_, bool>(6)?;
    schema_of(&on, place, &user, may_create, &database, &mut checked).await?;
    on.rollback().await?;
    Ok(checked)
}

/// What the user may do in the schema.
async fn schema_of(
    on: &Transaction<'_>,
    place: Place<'_>,
    user: &str,
    may_create: bool,
    database: &str,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let schema = quote(place.schema);
    let sql = "SELECT has_schema_privilege(oid, 'CREATE'), has_schema_privilege(oid, 'USAGE'),
                      EXISTS (SELECT FROM pg_catalog.pg_class
                              WHERE relnamespace = n.oid AND relname = '_livelist_columns')
               FROM pg_catalog.pg_namespace n WHERE nspname = $1";
    let row = on
        .query_typed_opt(sql, &[(&place.schema, Type::TEXT)])
        .await?;
    let Some(row) = row else {
        if !may_create {
            checked.fault(
                format!("there is no schema {schema}, and the user may not make it"),
                format!("CREATE SCHEMA {schema} AUTHORIZATION {user}; as the owner of {database}"),
            );
        }
        return Ok(());
    };
    for (at, right) in [(0, "CREATE"), (1, "USAGE")] {
        if !row.try_get::<_, bool>(at)? {
            checked.fault(
                format!("the user may not {right} in the schema {schema}"),
                format!("GRANT {right} ON SCHEMA {schema} TO {user};"),
            );
        }
    }
    if !row.try_get::<_, bool>(2)? || checked.findings.iter().any(|f| f.is_fault) {
        return Ok(());
    }
    // Livelist's own tables have one owner with those of the resources, unless somebody changed that.
    let sql = "SELECT c.relname::text, pg_catalog.pg_get_userbyid(c.relowner)::text
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
                 AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
                 AND starts_with(c.relname::text, '_livelist_')
               ORDER BY 1";
    for row in on.query_typed(sql, &[(&place.schema, Type::TEXT)]).await? {
        let (name, owner): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        checked.fault(
            format!("{name} belongs to {owner}, so it cannot be altered"),
            format!("ALTER TABLE {} OWNER TO {user};", place.of(&name)),
        );
    }
    Ok(())
}

/// Whether a pool gives each transaction whatever connection is free: then two sessions have one process, or
/// a session changes its own.
pub(super) async fn is_pooled(address: &Address) -> Result<bool, Fault> {
    let sql = "SELECT pg_backend_pid()";
    let first = address.connect().await?;
    let its: i32 = first.query_typed_one(sql, &[]).await?.try_get(0)?;
    let mut second = address.connect().await?;
    let transaction = second.transaction().await?;
    let other: i32 = transaction.query_typed_one(sql, &[]).await?.try_get(0)?;
    let again: i32 = first.query_typed_one(sql, &[]).await?.try_get(0)?;
    transaction.rollback().await?;
    Ok(its == other || its != again)
}
