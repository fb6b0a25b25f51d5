//! The secrets that documents refer to by `file:`. They are in a backup only if somebody asks for that.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use livelist_model::registry::{AlertsDocument, CredentialRef, Registry};
use serde::{Deserialize, Serialize};

use super::SECRETS;
use super::files::Writer;

/// A secret in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The reference, such as `file:/etc/livelist/secrets/abor.json`.
    pub reference: String,
    /// The file of the backup.
    pub file: String,
}

/// The references of all documents.
pub fn referred(registry: &Registry, alerts: &AlertsDocument) -> BTreeSet<String> {
    let mls = registry.mls.values().map(|mls| &mls.credential);
    let notify = registry
        .clients
        .values()
        .filter_map(|client| client.notify.as_ref());
    let webhook = alerts.webhook.as_ref();
    let notify = notify.chain(webhook).map(|notify| &notify.credential);
    let email = alerts
        .email
        .as_ref()
        .and_then(|email| email.credential.as_ref());
    let destinations = registry
        .destinations
        .values()
        .filter_map(|destination| destination.url.as_ref());
    mls.chain(notify)
        .chain(email)
        .chain(destinations)
        .map(ToString::to_string)
        .collect()
}

/// The files that the references name.
pub fn places(registry: &Path, referred: &BTreeSet<String>) -> BTreeSet<PathBuf> {
    let paths = referred.iter().filter_map(|one| path(registry, one));
    paths
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect()
}

/// Where a `file:` reference leads to.
pub fn path(registry: &Path, reference: &str) -> Option<PathBuf> {
    let reference: CredentialRef = reference.parse().ok()?;
    match reference.parts() {
        ("file", path) => Some(registry.join(path)),
        _ => None,
    }
}

/// Copies the secrets in files. Returns those that are in the backup, and the references of the others.
pub fn keep(
    writer: &mut Writer,
    registry: &Path,
    referred: &BTreeSet<String>,
) -> io::Result<(Vec<Kept>, Vec<String>)> {
    let (mut kept, mut lacking) = (Vec::new(), Vec::new());
    for reference in referred {
        let from = path(registry, reference).filter(|path| path.is_file());
        let Some(from) = from else {
            lacking.push(reference.clone());
            continue;
        };
        let file = format!("{SECRETS}/{}", kept.len());
        writer.copy(&from, Path::new(&file), true)?;
        kept.push(Kept {
            reference: reference.clone(),
            file,
        });
    }
    Ok((kept, lacking))
}
