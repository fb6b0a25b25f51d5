//! What MySQL or MariaDB says of itself, and of what its user may do.

use super::connect::{Session, number, text};
use super::error::Fault;
use super::values::{name, text as literal};
use crate::layout::Checked;

/// A record that is longer than half of this is rejected.
const PACKET: u64 = 16 * 1024 * 1024;
/// What a pass needs to do. Nothing is ever dropped but views, when they are made anew (`OR REPLACE`).
const RIGHTS: [&str; 9] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "ALTER",
    "DROP",
    "INDEX",
    "CREATE VIEW",
];

/// The version, whether it can be written, the rights that are missing, and its limits.
pub(super) async fn check(on: &mut Session, database: &str) -> Result<Checked, Fault> {
    let rows = on
        .ask(
            "SELECT VERSION(), @@version_comment, @@read_only, @@max_allowed_packet, CURRENT_USER(),
                 @@innodb_page_size",
        )
        .await?;
    let Some(row) = rows.first() else {
        return Err(Fault::Refused("it says nothing of itself".to_owned()));
    };
    let version = text(row, 0).unwrap_or_default();
    let is_maria = version.contains("MariaDB");
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    let mut next = || {
        numbers
            .next()
            .and_then(|n| n.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let has = (next(), next());
    let (name_of, oldest) = match is_maria {
        true => ("MariaDB", (10, 6)),
        false => ("MySQL", (8, 0)),
    };
    let plain = version.split('-').next().unwrap_or_default();
    let mut checked = Checked::of(format!("{name_of} {plain}"));
    if has < oldest {
        checked.fault(
            format!("its version is older than {}.{}", oldest.0, oldest.1),
            format!("take {name_of} {}.{} or newer", oldest.0, oldest.1),
        );
    }
    if text(row, 2).is_some_and(|is| is != "0" && is != "OFF") {
        checked.fault(
            "it only reads (`read_only`)",
            "give the address of the server that is written to",
        );
    }
    if let Some(packet) = number::<u64>(row, 3).filter(|packet| *packet < PACKET) {
        let long = packet / 2 / 1024;
        checked.note(
            format!(
                "`max_allowed_packet` is {} kB: a record of more than about {long} kB is rejected",
                packet / 1024
            ),
            format!("SET GLOBAL max_allowed_packet = {PACKET}; and the same in the server's configuration"),
        );
    }
    if number::<u64>(row, 5).is_some_and(|page| page < 16_384) {
        checked.fault(
            "its `innodb_page_size` is less than 16 kB: wide rows do not fit",
            "take a server with pages of 16 kB, which is the default",
        );
    }
    let user = text(row, 4).unwrap_or_default();
    let given = rights(on, database).await?;
    let missing: Vec<&str> = RIGHTS
        .into_iter()
        .filter(|right| {
            given
                .as_ref()
                .is_some_and(|given| !given.iter().any(|g| g == right))
        })
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let (user, host) = user.rsplit_once('@').unwrap_or((&user, "%"));
        checked.fault(
            format!("the user may not {missing} in the database {database}"),
            format!(
                "GRANT {missing} ON {}.* TO {}@{};",
                name(database),
                literal(Some(user)),
                literal(Some(host))
            ),
        );
    }
    Ok(checked)
}

/// What the user may do in the database; nothing where that depends on a role, whose rights are told elsewhere.
async fn rights(on: &mut Session, database: &str) -> Result<Option<Vec<String>>, Fault> {
    let role = on.ask("SELECT CURRENT_ROLE()").await?;
    let role = role.first().and_then(|row| text(row, 0));
    if role.is_some_and(|role| role != "NONE") {
        return Ok(None);
    }
    let grantee = "CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@',
                          QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))";
    // A database's name there may be a pattern, whose `_` and `%` are escaped where they are meant.
    let sql = format!(
        "SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = {grantee}
         UNION SELECT privilege_type FROM information_schema.schema_privileges
         WHERE grantee = {grantee} AND {} LIKE table_schema",
        literal(Some(database))
    );
    let rows = on.ask(sql).await?;
    Ok(Some(rows.iter().filter_map(|row| text(row, 0)).collect()))
}
