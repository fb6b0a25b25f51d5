//! `livelist registry`: checks documents, and prints their schemas.

use std::io::Write;

use livelist_model::layout;
use livelist_model::registry::{Finding, parse_admins, parse_alerts};
use livelist_reso::Dialects;
use livelist_reso::catalog::schema;
use livelist_store::ObjectsExt;
use livelist_store::registry::read_registry_with_records;

use crate::cli::RegistryCommand;
use crate::context::open_registry;
use crate::exit::{Code, Failed};
use crate::exposed;
use crate::overlay::Overlay;

/// Runs `livelist registry …`.
pub async fn run(command: RegistryCommand) -> Result<Code, Failed> {
    let mut out = std::io::stdout().lock();
    match command {
        RegistryCommand::Schema { kind } => {
            let schema = schema(&kind).ok_or_else(|| Failed::usage("there is no such schema"))?;
            writeln!(out, "{schema:#}")?;
            Ok(Code::Ok)
        }
        RegistryCommand::Check { dir, json } => {
            let documents = open_registry(&dir)?;
            let unreadable = exposed::unreadable(&dir);
            if !unreadable.is_empty() {
                tell(&mut out, &unreadable, json)?;
                return Ok(Code::Usage);
            }
            let overlay = Overlay {
                registry: documents.clone(),
                data: documents,
            };
            let (registry, mut findings) = read_registry_with_records(&overlay, &Dialects).await?;
            if let Some((bytes, _)) = overlay.read(layout::ADMINS).await? {
                findings.extend(parse_admins(&bytes).err().unwrap_or_default());
            }
            let mut alerts = None;
            if let Some((bytes, _)) = overlay.read(layout::ALERTS_DOCUMENT).await? {
                match parse_alerts(&bytes) {
                    Ok(document) => alerts = Some(document),
                    Err(found) => findings.extend(found),
                }
            }
            findings.extend(exposed::secrets(&dir, &registry, alerts.as_ref()));
            findings.extend(livelist_copies::findings(&registry));
            tell(&mut out, &findings, json)?;
            if !findings.is_empty() {
                return Ok(Code::Usage);
            }
            if !json {
                let pairs: usize = registry.clients.values().map(|c| c.pairs.len()).sum();
                let (mls, clients) = (registry.mls.len(), registry.clients.len());
                writeln!(
                    out,
                    "sound; MLSs: {mls}, clients: {clients}, pairs: {pairs}"
                )?;
            }
            Ok(Code::Ok)
        }
    }
}

fn tell(out: &mut impl Write, findings: &[Finding], json: bool) -> Result<(), Failed> {
    for finding in findings {
        if json {
            writeln!(out, "{}", serde_json::to_string(finding)?)?;
        } else {
            writeln!(out, "{finding}")?;
        }
    }
    Ok(())
}
