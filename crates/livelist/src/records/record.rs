//! `livelist record`: one record in the log and in each destination.

use std::io::Write;

use livelist_copies::key_form;
use livelist_log::{Log, Span};
use livelist_model::registry::Replication;
use livelist_records::{Change, Fields, Place, What};

use super::open::{Opened, open};
use crate::cli::RecordArgs;
use crate::exit::{Code, Failed};

/// Runs `livelist record`.
pub async fn record(
    arguments: RecordArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let opened = open(&arguments.registry, &arguments.data, environment).await?;
    let place = Place {
        resource: arguments.resource.to_string(),
        key: arguments.key.clone(),
    };
    let mut is_known = false;
    for replication in opened.replications(None)? {
        let resources = replication.resources.iter();
        let has_it = resources
            .map(|r| &r.resource)
            .any(|r| *r == arguments.resource);
        if replication.mls != arguments.mls || !has_it {
            continue;
        }
        is_known = true;
        let env = &opened.env;
        let log = Log::open(&*env.objects, &replication.replication, "", env.clock.now());
        let log = log.await.map_err(|e| Failed::internal(&e))?;
        let place = match log.entry(&place).await.map_err(|e| Failed::internal(&e))? {
            Some(_) => place.clone(),
            None => by_another_form(&opened, &replication, &log, &place).await?,
        };
        let change = newest(&log, &place).await?;
        in_log(replication.replication.as_str(), change.as_ref())?;
        for document in opened.registry.destinations_of(&replication) {
            in_destination(&opened, &replication, &document, &place, change.as_ref()).await?;
        }
    }
    match is_known {
        true => Ok(Code::Ok),
        false => Err(Failed::usage(format!(
            "no enabled replication copies {} of {}",
            arguments.resource, arguments.mls
        ))),
    }
}

/// The place of a key that is the log's in a destination's form; as it is where there is none.
async fn by_another_form(
    opened: &Opened,
    replication: &Replication,
    log: &Log<'_>,
    place: &Place,
) -> Result<Place, Failed> {
    let documents = opened.registry.destinations_of(replication);
    let forms: Vec<_> = documents
        .iter()
        .map(|document| key_form(document, &replication.mls))
        .collect();
    let span = Span {
        behind: Some(Place {
            resource: place.resource.clone(),
            key: String::new(),
        }),
        ..log.whole()
    };
    let failed = |e: livelist_log::LogError| Failed::internal(&e);
    let mut entries = log.entries(span).await.map_err(failed)?;
    while let Some(entry) = entries.next().await.map_err(failed)? {
        if entry.place.resource != place.resource {
            break;
        }
        let key = &entry.place.key;
        if forms
            .iter()
            .any(|form| form.key_of(&place.resource, key) == place.key)
        {
            return Ok(entry.place);
        }
    }
    Ok(place.clone())
}

async fn newest(log: &Log<'_>, place: &Place) -> Result<Option<Change>, Failed> {
    let failed = |e: livelist_log::LogError| Failed::internal(&e);
    let Some(entry) = log.entry(place).await.map_err(failed)? else {
        return Ok(None);
    };
    let span = Span {
        above: entry.number - 1,
        to: entry.number,
        behind: None,
    };
    let mut changes = log.changes(span).await.map_err(failed)?;
    while let Some(change) = changes.next().await.map_err(failed)? {
        if change.place == *place {
            return Ok(Some(change));
        }
    }
    Ok(None)
}

fn in_log(replication: &str, change: Option<&Change>) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let Some(change) = change else {
        writeln!(out, "log of {replication}: it was never seen")?;
        return Ok(());
    };
    match &change.what {
        What::Removal(removal) => writeln!(
            out,
            "log of {replication}: removed by change {} at {}: {}, proved by {}",
            change.number,
            removal.at,
            removal.reason.as_str(),
            removal.proof
        )?,
        What::Upsert { stamp, record, .. } => {
            let stamp = stamp.as_deref().unwrap_or("none");
            writeln!(
                out,
                "log of {replication}: live, change {}, modified {stamp}",
                change.number
            )?;
            let record = record.as_deref().map_or("{}", |record| record.get());
            if let Ok(fields) = Fields::read(record) {
                for (name, value) in fields.iter().filter(|(_, value)| *value != "null") {
                    writeln!(out, "  {name}: {value}")?;
                }
            }
        }
    }
    Ok(())
}

async fn in_destination(
    opened: &Opened,
    replication: &Replication,
    document: &livelist_model::registry::DestinationDocument,
    place: &Place,
    change: Option<&Change>,
) -> Result<(), Failed> {
    let name = &document.destination;
    let held = match opened.destination(document, &replication.mls).await {
        Ok(mut destination) => destination.record(&place.resource, &place.key).await,
        Err(error) => Err(error),
    };
    let mut out = std::io::stdout().lock();
    let live = change.filter(|change| change.is_live());
    match (held, live) {
        (Err(error), _) => writeln!(out, "{name}: {}: {error}", error.name())?,
        (Ok(None), None) => writeln!(out, "{name}: it has no such row")?,
        (Ok(None), Some(_)) => writeln!(out, "{name}: the row is missing")?,
        (Ok(Some(held)), live) => {
            let is_same = live.is_some_and(|live| live.hash() == Some(held.row.hash));
            let how = if is_same {
                "as in the log"
            } else {
                "another content than in the log"
            };
            writeln!(out, "{name}: a row of change {}, {how}", held.row.version)?;
            if !is_same {
                for (column, value) in &held.values {
                    if let Some(value) = value {
                        writeln!(out, "  {column}: {value}")?;
                    }
                }
            }
        }
    }
    Ok(())
}
