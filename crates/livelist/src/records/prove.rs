//! `livelist prove`: each destination against its log.

use std::io::Write;

use livelist_log::Log;
use livelist_model::with_causes;
use livelist_steps::records::RecordsError;
use livelist_steps::records::prove::{self, Proof};
use serde_json::json;

use super::open::{Opened, open};
use crate::cli::ProveArgs;
use crate::exit::{Code, Failed};

/// Runs `livelist prove`.
pub async fn prove(
    arguments: ProveArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let opened = open(&arguments.registry, &arguments.data, environment).await?;
    let mut worst = match opened.is_sound {
        true => Code::Ok,
        false => Code::Usage,
    };
    let mut found = false;
    for replication in opened.replications(None)? {
        for document in opened.destinations_of(&replication) {
            let name = document.destination.to_string();
            let only = arguments.destination.as_ref();
            if only.is_some_and(|only| *only != document.destination) {
                continue;
            }
            found = true;
            let proved = one(&opened, &replication, &document).await;
            let of = replication.replication.as_str();
            worst = worst.max(tell(of, &name, &proved, arguments.json)?);
        }
    }
    match (&arguments.destination, found) {
        (Some(name), false) => Err(Failed::usage(format!(
            "no enabled replication has the destination `{name}`"
        ))),
        _ => Ok(worst),
    }
}

async fn one(
    opened: &Opened,
    replication: &livelist_model::registry::Replication,
    document: &livelist_model::registry::DestinationDocument,
) -> Result<Option<Proof>, RecordsError> {
    let env = &opened.env;
    let now = env.clock.now();
    let name = &replication.replication;
    let log = Log::open(&*env.objects, name, "", now).await?;
    let mut destination = opened.destination(document, &replication.mls).await?;
    prove::prove(&log, name.as_str(), &mut *destination, now).await
}

fn tell(
    replication: &str,
    destination: &str,
    proved: &Result<Option<Proof>, RecordsError>,
    as_json: bool,
) -> Result<Code, Failed> {
    let mut out = std::io::stdout().lock();
    let (code, outcome) = match proved {
        Ok(Some(proof)) if proof.is_equal() => (Code::Ok, "equal"),
        Ok(Some(_)) => (Code::Held, "differs"),
        Ok(None) => (Code::Held, "not_proved"),
        Err(_) => (Code::Failed, "failed"),
    };
    let proof = proved.as_ref().ok().cloned().flatten().unwrap_or_default();
    let error = proved
        .as_ref()
        .err()
        .map(|error| (error.name(), with_causes(error)));
    let mended = proof.mended.upserts + proof.mended.removals;
    if as_json {
        let line = json!({
            "replication": replication, "destination": destination, "outcome": outcome,
            "number": proof.number, "records": proof.records, "missing": proof.missing,
            "stale": proof.stale, "extra": proof.extra, "mended": mended,
            "error": error.map(|(name, message)| json!({"name": name, "message": message})),
        });
        writeln!(out, "{line}")?;
        return Ok(code);
    }
    match (proved, error) {
        (_, Some((name, message))) => {
            writeln!(out, "{replication} → {destination}: {name}: {message}")?
        }
        (Ok(None), None) => writeln!(
            out,
            "{replication} → {destination}: not proved: nothing was applied yet, or a pass has not ended; \
             run `livelist replicate`"
        )?,
        _ => {
            writeln!(
                out,
                "{replication} → {destination}: {outcome} at {}: {} records, {} missing, {} stale, {} extra, {mended} mended",
                proof.number, proof.records, proof.missing, proof.stale, proof.extra
            )?;
            for (place, what) in &proof.told {
                writeln!(out, "  {what}: {} {}", place.resource, place.key)?;
            }
        }
    }
    Ok(code)
}
