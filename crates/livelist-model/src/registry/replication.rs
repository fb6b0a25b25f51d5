//! `replications/{replication}.json`: which records of an MLS are copied, and where to.
//! `destinations/{destination}.json`: where copies of records are kept, and how.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialRef, Sync};
use crate::ids::{DestinationId, MlsId, ReplicationId, ResourceName};

/// One replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replication {
    /// The replication's name; the same as the file's.
    pub replication: ReplicationId,
    /// The MLS whose records are copied.
    pub mls: MlsId,
    /// The resources that are copied.
    pub resources: Vec<ReplicatedResource>,
    /// Where to; a SQLite file `listings.sqlite` among the data when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<DestinationId>,
    /// When `livelist serve` reads what changed; every 15 minutes when left out.
    #[serde(default)]
    pub sync: Sync,
    /// Whether the resources that no client's pair has are scanned by the MLS's schedule, so that removals are
    /// found.
    #[serde(default = "super::mls::enabled")]
    pub reconcile: bool,
    /// How often all records are read again, besides what changed: `never` or `weekly`.
    #[serde(default, skip_serializing_if = "Full::is_never")]
    pub full: Full,
    /// Whether it is replicated at all.
    #[serde(default = "super::mls::enabled")]
    pub enabled: bool,
}

/// How often all records of a replication are read again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// Only when somebody asks for it.
    #[default]
    Never,
    /// A week after all were read last.
    Weekly,
}

impl Full {
    fn is_never(&self) -> bool {
        *self == Full::Never
    }
}

/// One resource of a replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicatedResource {
    /// The RESO resource.
    pub resource: ResourceName,
    /// An OData filter. A resource with the filter of a client's pair is scanned once for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The fields to ask for; all when left out. Key and modification timestamp come in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub select: Vec<String>,
    /// What records are expanded with: records of other resources that come with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expand: Vec<Expand>,
}

/// An expansion of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// The navigation property, e.g. `Media`.
    pub name: ResourceName,
    /// Whether its records belong to this one alone: then they have a table of their own, and come and go
    /// with it. Else they stand in a column as JSON.
    #[serde(default)]
    pub owned: bool,
}

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationDocument {
    /// The destination's name; the same as the file's.
    pub destination: DestinationId,
    /// What it is.
    pub kind: DestinationKind,
    /// `sqlite`: the file, below the data directory unless it is absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `postgres`, `mysql`: reference to the secret whose text is the URL of the database, e.g.
    /// `postgres://user:password@host:5432/database`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<CredentialRef>,
    /// `postgres`: the schema of the tables; the user's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Which fields become columns.
    #[serde(default)]
    pub columns: ColumnsWanted,
    /// How tables and columns are named.
    #[serde(default)]
    pub names: NameStyle,
    /// What stands before the names of tables: lower-case letters, digits and `_`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// What becomes of removed rows.
    #[serde(default)]
    pub removed: RemovedRows,
    /// The fields whose changes are kept, by resource; StandardStatus, MlsStatus, ListPrice and ClosePrice
    /// when left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub history: BTreeMap<ResourceName, Vec<String>>,
    /// Whether several MLSs share its tables: then each row says whose it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Programs in the language of jq that change the records of a resource on their way: one object out, or
    /// nothing where the record is not wanted here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transform: BTreeMap<ResourceName, String>,
    /// MLS Grid: fields that are stored without the letters that their key begins with, by resource; the key
    /// is always among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strip_prefix: BTreeMap<ResourceName, Vec<String>>,
    /// Whether it is written.
    #[serde(default = "super::mls::enabled")]
    pub enabled: bool,
}

/// What a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// A SQLite file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

/// Which fields become columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnsWanted {
    /// Each field with its first value that is not null.
    #[default]
    Seen,
    /// All that the metadata names.
    All,
    /// These alone; others are not stored at all.
    #[serde(untagged)]
    Only(Vec<String>),
}

/// How tables and columns are named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameStyle {
    /// As the provider spells them.
    #[default]
    AsIs,
    /// In snake case.
    SnakeCase,
}

/// What becomes of removed rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovedRows {
    /// They move to `{resource}_removed`, with time, reason and last record.
    #[default]
    Table,
    /// They stay, with `_deleted_at`.
    Flag,
    /// They are deleted.
    Delete,
}

impl DestinationDocument {
    /// The destination of a replication that names none: a SQLite file among the data.
    pub fn default_one() -> Option<DestinationDocument> {
        Some(DestinationDocument {
            destination: "listings".parse().ok()?,
            kind: DestinationKind::Sqlite,
            path: Some("listings.sqlite".to_owned()),
            url: None,
            schema: None,
            columns: ColumnsWanted::default(),
            names: NameStyle::default(),
            prefix: String::new(),
            removed: RemovedRows::default(),
            history: BTreeMap::new(),
            shared: false,
            transform: BTreeMap::new(),
            strip_prefix: BTreeMap::new(),
            enabled: true,
        })
    }
}
