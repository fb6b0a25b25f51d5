//! `livelist prove`: each destination against its log.

use std::io::Write;

use livelist_log::Log;
use livelist_model::registry::{DestinationDocument, Replication};
use livelist_model::syncs::Proved;
use livelist_model::with_causes;
use livelist_steps::records::prove::{self, Proof, noted};
use livelist_steps::records::{RecordsError, syncs};
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
        for document in opened.registry.destinations_of(&replication) {
            let name = document.destination.to_string();
            let only = arguments.destination.as_ref();
            if only.is_some_and(|only| *only != document.destination) {
                continue;
            }
            found = true;
            let proved = proved(&opened, &replication, &document).await;
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

/// Compares one copy with its log, mends it, and writes down what was found.
pub async fn proved(
    opened: &Opened,
    replication: &Replication,
    document: &DestinationDocument,
) -> Result<Option<Proof>, RecordsError> {
    let env = &opened.env;
    let now = env.clock.now();
    let proved = compared(opened, replication, document, now).await;
    let name = &replication.replication;
    let mut syncs = syncs::read(&*env.objects, name).await?;
    let copy = syncs.copies.entry(document.destination.clone());
    copy.or_default().proof = Some(noted(&proved, now));
    syncs::write(&*env.objects, name, &syncs).await?;
    proved
}

async fn compared(
    opened: &Opened,
    replication: &Replication,
    document: &DestinationDocument,
    now: jiff::Timestamp,
) -> Result<Option<Proof>, RecordsError> {
    let name = &replication.replication;
    let log = Log::open(&*opened.env.objects, name, "", now).await?;
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
    let proof = noted(proved, jiff::Timestamp::UNIX_EPOCH);
    let outcome = proof.outcome.as_str();
    let code = match proof.outcome {
        Proved::Equal => Code::Ok,
        Proved::Differs | Proved::NotProved => Code::Held,
        Proved::Failed => Code::Failed,
    };
    let mended = proof.mended;
    let error = proved
        .as_ref()
        .err()
        .map(|error| (error.name(), with_causes(error)));
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
            let told = proved.iter().flatten().flat_map(|proof| &proof.told);
            for (place, what) in told {
                writeln!(out, "  {what}: {} {}", place.resource, place.key)?;
            }
        }
    }
    Ok(code)
}
