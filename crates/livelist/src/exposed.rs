//! Checks file permissions: everybody may read the registry's documents, but only their owner may read
//! secrets.

use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use livelist_model::registry::{
    ADMINS_FILE, ALERTS_FILE, AlertsDocument, CredentialRef, Finding, Registry,
};

/// Others may read it; may enter it.
const READ: u32 = 0o004;
const GO_THROUGH: u32 = 0o001;

/// Documents that this process may not read.
pub fn unreadable(registry: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |path: PathBuf, file: String| {
        let opened = File::open(&path);
        if opened.is_err_and(|e| e.kind() == ErrorKind::PermissionDenied) {
            findings.push(Finding {
                remedy: format!(
                    "let everybody read it (`chmod a+r {}`): documents hold no secrets",
                    path.display()
                ),
                file,
                field: String::new(),
                problem: "this user may not read it".to_owned(),
            });
        }
    };
    look(registry.join(ADMINS_FILE), ADMINS_FILE.to_owned());
    look(registry.join(ALERTS_FILE), ALERTS_FILE.to_owned());
    for folder in ["mls", "clients"] {
        let path = registry.join(folder);
        let Ok(entries) = fs::read_dir(&path) else {
            look(path, folder.to_owned());
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".json") {
                look(entry.path(), format!("{folder}/{name}"));
            }
        }
    }
    findings
}

/// Secrets of the documents that others on this machine may read.
pub fn secrets(
    registry: &Path,
    documents: &Registry,
    alerts: Option<&AlertsDocument>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |file: String, field: &str, reference: &CredentialRef| {
        if let Some(remedy) = exposed(registry, reference) {
            findings.push(Finding {
                file,
                field: field.to_owned(),
                problem: PROBLEM.to_owned(),
                remedy,
            });
        }
    };
    if let Some(credential) = alerts.and_then(|alerts| alerts.email.as_ref()?.credential.as_ref()) {
        look(ALERTS_FILE.to_owned(), "email.credential", credential);
    }
    if let Some(webhook) = alerts.and_then(|alerts| alerts.webhook.as_ref()) {
        look(
            ALERTS_FILE.to_owned(),
            "webhook.credential",
            &webhook.credential,
        );
    }
    for (name, mls) in &documents.mls {
        look(format!("mls/{name}.json"), "credential", &mls.credential);
    }
    for (name, client) in &documents.clients {
        if let Some(notify) = &client.notify {
            let file = format!("clients/{name}.json");
            look(file, "notify.credential", &notify.credential);
        }
    }
    findings
}

/// The problem of an exposed secret.
pub const PROBLEM: &str = "others on this machine can read the secret";

/// Advice if others may read the secret; `None` if they may not, or if it is no file.
pub fn exposed(registry: &Path, reference: &CredentialRef) -> Option<String> {
    let ("file", path) = reference.parts() else {
        return None;
    };
    // A missing or unreadable secret is reported where it is needed.
    let path = fs::canonicalize(registry.join(path)).ok()?;
    let file = fs::metadata(&path).ok()?;
    let mut folders = path.ancestors().skip(1);
    let is_open = |folder: &Path| fs::metadata(folder).is_ok_and(|m| has(&m, GO_THROUGH));
    (has(&file, READ) && folders.all(is_open)).then(|| {
        let path = path.display();
        format!("give it to the user that runs Livelist, for that user alone: `chmod 600 {path}`")
    })
}

fn has(of: &Metadata, bits: u32) -> bool {
    of.permissions().mode() & bits != 0
}
