//! `admins.json`: the operators who may use the admin API, and the hashes of their keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The document in which the registry keeps its operators.
pub const ADMINS_FILE: &str = "admins.json";
/// Characters of an operator's name.
const MAX_ID: usize = 64;

/// All operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admins {
    /// Version of this document's form.
    pub schema: u32,
    /// Their keys, as hashes.
    #[serde(default)]
    pub admins: Vec<AdminKey>,
}

/// An operator's key as it is kept: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminKey {
    /// The operator's name. During a rotation two keys have the same one.
    pub id: String,
    /// SHA-256 of the key's whole text, 64 hex digits.
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created: Option<jiff::Timestamp>,
    /// From when on it is refused; never when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires: Option<jiff::Timestamp>,
}

impl Admins {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;
}

impl Default for Admins {
    fn default() -> Self {
        Admins {
            schema: Self::SCHEMA,
            admins: Vec::new(),
        }
    }
}

impl AdminKey {
    /// Whether it is refused at `now` for its age.
    pub fn is_expired(&self, now: jiff::Timestamp) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}

/// Whether `id` can name an operator: 1 to 64 letters, digits, `-` and `_`, since a key names its
/// owner between dots, and so does every record of what the owner did.
pub fn is_admin_id(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
