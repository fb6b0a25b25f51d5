//! The options of a destination.

use std::collections::BTreeMap;

use livelist_records::names::Names;
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
            Wanted::Only(fields) => fields.iter().any(|wanted| wanted == field),
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

    /// A fingerprint: if it changes, the copy is rebuilt from the log.
    pub fn print(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
