//! `livelist keys`: makes, lists, rotates and revokes site keys in a registry's directory. A key is
//! shown once, on standard output, and kept nowhere.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use livelist_model::registry::ApiKey;
use livelist_model::run::FeedSpec;
use livelist_model::{ClientId, FeedId};
use livelist_reso::Dialects;
use livelist_store::directory::DirectoryObjects;
use livelist_store::registry::{DocumentError, read_registry};
use livelist_store::site_keys::{MadeKey, NewKey, SiteKeyError, SiteKeys};
use livelist_store::{Clock, SystemClock, SystemEntropy};
use secrecy::ExposeSecret;
use serde::Serialize;
use tabwriter::TabWriter;

use crate::cli::{KeysCommand, RegistryArgs};
use crate::context::open_registry;
use crate::exit::{Code, Failed};
use crate::overlay::Overlay;

impl From<SiteKeyError> for Failed {
    fn from(error: SiteKeyError) -> Self {
        match &error {
            SiteKeyError::Document(DocumentError::Store(store)) => Failed::internal(store),
            _ => Failed::usage(error),
        }
    }
}

/// Runs `livelist keys …`.
pub async fn run(command: KeysCommand) -> Result<Code, Failed> {
    match command {
        KeysCommand::Add {
            client,
            id,
            feeds,
            days: valid,
            registry,
        } => {
            let objects = writable(&registry)?;
            let feeds = (!feeds.is_empty()).then_some(feeds);
            if let Some(feeds) = &feeds {
                check_feeds(&objects, &client, feeds).await?;
            }
            let valid_for = valid.map(days);
            let new = NewKey {
                id,
                feeds,
                valid_for,
            };
            let keys = of(&objects, &client);
            let made = keys.add(&new, SystemClock.now(), &SystemEntropy).await?;
            show(&made)
        }
        KeysCommand::Rotate {
            client,
            id,
            keep,
            registry,
        } => {
            let objects = writable(&registry)?;
            let now = SystemClock.now();
            let keys = of(&objects, &client);
            let made = keys.rotate(&id, days(keep), now, &SystemEntropy).await?;
            show(&made)
        }
        KeysCommand::Revoke {
            client,
            id,
            registry,
        } => {
            let objects = writable(&registry)?;
            of(&objects, &client).revoke(&id).await?;
            Ok(Code::Ok)
        }
        KeysCommand::List {
            client,
            json,
            registry,
        } => list(&registry, client, json).await,
    }
}

/// The registry's directory, to be written: documents change by rename, under a lock.
fn writable(registry: &RegistryArgs) -> Result<DirectoryObjects, Failed> {
    open_registry(&registry.registry)?;
    Ok(DirectoryObjects::open(&registry.registry)?)
}

fn of<'a>(objects: &'a DirectoryObjects, client: &ClientId) -> SiteKeys<'a> {
    SiteKeys {
        objects,
        object: format!("clients/{client}.json"),
        client: client.clone(),
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3_600)
}

/// A key for a feed that the client does not have would open nothing.
async fn check_feeds(
    objects: &DirectoryObjects,
    client: &ClientId,
    feeds: &[FeedId],
) -> Result<(), Failed> {
    let overlay = Overlay {
        registry: objects.clone(),
        data: objects.clone(),
    };
    let (registry, _) = read_registry(&overlay, &Dialects).await?;
    let pairs = registry.clients.get(client).map(|client| &client.pairs);
    let known: Vec<FeedId> = pairs
        .into_iter()
        .flatten()
        .filter_map(|pair| Some(FeedSpec::resolve(registry.mls.get(&pair.mls)?, pair).feed))
        .collect();
    let Some(other) = feeds.iter().find(|feed| !known.contains(feed)) else {
        return Ok(());
    };
    let known: Vec<&str> = known.iter().map(FeedId::as_str).collect();
    Err(Failed::usage(format!(
        "the client {client} has no feed {other}; it has {}",
        known.join(", ")
    )))
}

/// The key on standard output, so that it can be piped; what is to be known of it beside.
fn show(made: &MadeKey) -> Result<Code, Failed> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", made.key.expose_secret())?;
    out.flush()?;
    writeln!(
        std::io::stderr(),
        "The key `{}`. It is shown this once; only its hash is kept.",
        made.kept.id
    )?;
    Ok(Code::Ok)
}

#[derive(Serialize)]
struct Line<'a> {
    client: &'a ClientId,
    id: &'a str,
    state: &'static str,
    created: Option<Timestamp>,
    expires: Option<Timestamp>,
    feeds: Option<&'a [FeedId]>,
}

async fn list(registry: &RegistryArgs, only: Option<ClientId>, json: bool) -> Result<Code, Failed> {
    let objects = open_registry(&registry.registry)?;
    let clients: Vec<(ClientId, Vec<ApiKey>)> = match only {
        Some(client) => {
            let keys = of(&objects, &client).list().await?;
            vec![(client, keys)]
        }
        None => {
            let overlay = Overlay {
                registry: objects.clone(),
                data: objects,
            };
            let (registry, findings) = read_registry(&overlay, &Dialects).await?;
            for finding in findings {
                tracing::warn!("{finding}");
            }
            let clients = registry.clients.into_iter();
            clients.map(|(name, c)| (name, c.api_keys)).collect()
        }
    };
    let now = SystemClock.now();
    let lines = clients.iter().flat_map(|(client, keys)| {
        keys.iter().map(move |key| Line {
            client,
            id: &key.id,
            state: if key.is_expired(now) {
                "expired"
            } else {
                "valid"
            },
            created: key.created,
            expires: key.expires,
            feeds: key.feeds.as_deref(),
        })
    });
    let mut out = std::io::stdout().lock();
    if json {
        for line in lines {
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        }
        return Ok(Code::Ok);
    }
    let mut table = TabWriter::new(&mut out).padding(2);
    writeln!(table, "client\tid\tstate\tcreated\texpires\tfeeds")?;
    for line in lines {
        let at = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let feeds = line.feeds.map_or_else(
            || "all".to_owned(),
            |feeds| {
                let feeds: Vec<&str> = feeds.iter().map(FeedId::as_str).collect();
                feeds.join(",")
            },
        );
        let (created, expires) = (at(line.created), at(line.expires));
        writeln!(
            table,
            "{}\t{}\t{}\t{created}\t{expires}\t{feeds}",
            line.client, line.id, line.state
        )?;
    }
    table.flush()?;
    Ok(Code::Ok)
}
