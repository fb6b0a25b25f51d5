//! A pause: an operator's order that an MLS or a client starts no new runs for now. It is stored
//! apart from the registry. The registry is usually kept in git and copied to where it is read, and
//! such a copy must not undo a pause.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, MlsId};
use crate::registry::Registry;

/// `paused/mls/{mls}.json`, `paused/clients/{client}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Version of this document's form.
    pub schema: u32,
    /// Since when.
    pub at: jiff::Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who ordered it.
    pub by: String,
}

impl Pause {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;
}

/// Everything that is paused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pauses {
    /// MLSs.
    pub mls: BTreeMap<MlsId, Pause>,
    /// Clients.
    pub clients: BTreeMap<ClientId, Pause>,
}

impl Pauses {
    /// The registry with everything that is paused disabled. Feeds that another client also has go on.
    pub fn apply(&self, registry: &mut Registry) {
        for (name, mls) in &mut registry.mls {
            mls.enabled &= !self.mls.contains_key(name);
        }
        for (name, client) in &mut registry.clients {
            if self.clients.contains_key(name) {
                for pair in &mut client.pairs {
                    pair.enabled = false;
                }
            }
        }
    }
}
