//! The options of a destination.

use std::collections::BTreeMap;

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use livelist_records::columns::{Budget, Column, Columns};
use livelist_records::names::Names;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use livelist_records::{Kind, Schema};
use serde::{Deserialize, Serialize};

/// Which fields become columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Each field with its first value that is not null.
    #[default]
    Seen,
    /// All that the metadata names.
    All,
    /// These alone; others are not stored at all.
    #[serde(untagged)]
    Only(Vec<String>),
}

impl Wanted {
    /// Whether a field is stored at all.
    pub fn stores(&self, field: &str) -> bool {
        match self {
            Wanted::Only(fields) => field == MLS || fields.iter().any(|wanted| wanted == field),
            Wanted::Seen | Wanted::All => true,
        }
    }
}

/// How removed rows are handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removed {
    /// They move to `{resource}_removed`, with time, reason and last record.
    #[default]
    Table,
    /// They stay, with `_deleted_at`.
    Flag,
    /// They are deleted.
    Delete,
}

/// The key of a row where several MLSs share a table: the MLS's name, `:`, and the record's key.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) const ID: &str = "_id";
/// The MLS of such a row.
pub(crate) const MLS: &str = "_mls";

/// The first columns of a table: its key's, and whose row it is.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) fn first_columns(schema: &Schema, options: &Options, budget: Budget) -> Columns {
    let key = schema.key.first().map_or("Key", String::as_str);
    if options.shared.is_none() {
        let mut columns = Columns::default();
        columns.wanted(key, Kind::Text, options.names, budget);
        return columns;
    }
    // No field of a record has a name with `@`.
    let named = [("@id", ID), (MLS, MLS)].map(|(field, name)| Column {
        field: field.to_owned(),
        name: name.to_owned(),
        kind: Kind::Text,
        table: 1,
    });
    Columns::of(named.to_vec())
}

/// How a destination keeps its copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Which fields become columns.
    pub columns: Wanted,
    /// How fields are named.
    pub names: Names,
    /// The prefix of table names.
    pub prefix: String,
    /// The schema for the tables; by default the user's own. PostgreSQL only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// How removed rows are handled.
    pub removed: Removed,
    /// Fields whose changes are kept, by resource.
    pub history: BTreeMap<String, Vec<String>>,
    /// Whose records this is, where several MLSs share the tables: the rows' keys begin with it
    /// ([`crate::Shaped`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// Programs that change the records of a resource on their way ([`crate::Shaped`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transform: BTreeMap<String, String>,
    /// Fields that are stored without the prefix that the key has, by resource, and so is the key
    /// ([`crate::Shaped`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strip_prefix: BTreeMap<String, Vec<String>>,
}

/// Fields whose changes are kept if the configuration names none.
pub const HISTORY: [&str; 4] = ["StandardStatus", "MlsStatus", "ListPrice", "ClosePrice"];

impl Options {
    /// The fields of a resource whose changes are kept.
    pub fn history_of(&self, resource: &str) -> Vec<String> {
        match self.history.get(resource) {
            Some(fields) => fields.clone(),
            None => HISTORY.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    /// Whether a program changes the records of a resource.
    pub fn derives(&self, resource: &str) -> bool {
        self.transform.contains_key(resource)
    }

    /// What tells this MLS's rows from those of others in the same tables, as SQL behind another condition;
    /// nothing where the tables are not shared.
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn mine(&self) -> String {
        match &self.shared {
            // `;` follows `:`. Names of MLSs are letters, digits, `-` and `_`.
            Some(mls) => format!(" AND {ID} >= '{mls}:' AND {ID} < '{mls};'"),
            None => String::new(),
        }
    }

    /// What a table is written down as: where MLSs share it, each has its own schema.
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    pub(crate) fn noted(&self, table: &str) -> String {
        match &self.shared {
            Some(mls) => format!("{table} {mls}"),
            None => table.to_owned(),
        }
    }

    /// A fingerprint: if it changes, the copy is rebuilt from the log.
    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
