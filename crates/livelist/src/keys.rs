//! `livelist keys`: makes, lists, rotates and revokes keys of sites and of operators in a registry's
//! directory. A key is shown once, on standard output, and kept nowhere.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use livelist_model::registry::{ADMINS_FILE, ApiKey};
use livelist_model::run::FeedSpec;
use livelist_model::{ClientId, FeedId};
use livelist_reso::Dialects;
use livelist_store::admin_keys::{AdminKeyError, AdminKeys};
use livelist_store::directory::DirectoryObjects;
use livelist_store::registry::{DocumentError, read_registry};
use livelist_store::site_keys::{NewKey, SiteKeyError, SiteKeys};
use livelist_store::{Clock, SystemClock, SystemEntropy};
use secrecy::{ExposeSecret, SecretString};
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

impl From<AdminKeyError> for Failed {
    fn from(error: AdminKeyError) -> Self {
        match &error {
            AdminKeyError::Document(DocumentError::Store(store)) => Failed::internal(store),
            _ => Failed::usage(error),
        }
    }
}

/// Whose key is meant; the command line has one of the two.
enum Whose {
    Site(ClientId),
    Admin(String),
}

fn whose(client: Option<ClientId>, admin: Option<String>) -> Result<Whose, Failed> {
    match (client, admin) {
        (Some(client), None) => Ok(Whose::Site(client)),
        (None, Some(name)) => Ok(Whose::Admin(name)),
        _ => Err(Failed::usage("name a client, or an operator by --admin")),
    }
}

fn named(id: Option<String>) -> Result<String, Failed> {
    id.ok_or_else(|| Failed::usage("name the key"))
}

/// Runs `livelist keys …`.
pub async fn run(command: KeysCommand) -> Result<Code, Failed> {
    let (now, entropy) = (SystemClock.now(), &SystemEntropy);
    match command {
        KeysCommand::Add {
            client,
            admin,
            id,
            feeds,
            days: valid,
            registry,
        } => {
            let objects = writable(&registry)?;
            let valid_for = valid.map(days);
            let client = match whose(client, admin)? {
                Whose::Site(client) => client,
                Whose::Admin(name) => {
                    let keys = admin_keys(&objects);
                    let made = keys.add(&name, valid_for, now, entropy).await?;
                    return show(&made.kept.id, &made.key);
                }
            };
            let feeds = (!feeds.is_empty()).then_some(feeds);
            if let Some(feeds) = &feeds {
                check_feeds(&objects, &client, feeds).await?;
            }
            let new = NewKey {
                id,
                feeds,
                valid_for,
            };
            let made = of(&objects, &client).add(&new, now, entropy).await?;
            show(&made.kept.id, &made.key)
        }
        KeysCommand::Rotate {
            client,
            id,
            admin,
            keep,
            registry,
        } => {
            let objects = writable(&registry)?;
            let keep = days(keep);
            match whose(client, admin)? {
                Whose::Site(client) => {
                    let keys = of(&objects, &client);
                    let made = keys.rotate(&named(id)?, keep, now, entropy).await?;
                    show(&made.kept.id, &made.key)
                }
                Whose::Admin(name) => {
                    let keys = admin_keys(&objects);
                    let made = keys.rotate(&name, keep, now, entropy).await?;
                    show(&made.kept.id, &made.key)
                }
            }
        }
        KeysCommand::Revoke {
            client,
            id,
            admin,
            registry,
        } => {
            let objects = writable(&registry)?;
            match whose(client, admin)? {
                Whose::Site(client) => of(&objects, &client).revoke(&named(id)?).await?,
                Whose::Admin(name) => admin_keys(&objects).revoke(&name).await?,
            }
            Ok(Code::Ok)
        }
        KeysCommand::List {
            admin: true,
            json,
            registry,
            ..
        } => list_admins(&registry, json).await,
        KeysCommand::List {
            client,
            json,
            registry,
            ..
        } => list(&registry, client, json).await,
    }
}

fn admin_keys(objects: &DirectoryObjects) -> AdminKeys<'_> {
    AdminKeys {
        objects,
        object: ADMINS_FILE.to_owned(),
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
fn show(id: &str, key: &SecretString) -> Result<Code, Failed> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", key.expose_secret())?;
    out.flush()?;
    writeln!(
        std::io::stderr(),
        "The key `{id}`. It is shown this once; only its hash is kept."
    )?;
    Ok(Code::Ok)
}

fn told(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_string())
}

fn state(expired: bool) -> &'static str {
    if expired { "expired" } else { "valid" }
}

#[derive(Serialize)]
struct AdminLine<'a> {
    admin: &'a str,
    state: &'static str,
    created: Option<Timestamp>,
    expires: Option<Timestamp>,
}

async fn list_admins(registry: &RegistryArgs, json: bool) -> Result<Code, Failed> {
    let objects = open_registry(&registry.registry)?;
    let keys = admin_keys(&objects).list().await;
    let keys = keys.map_err(AdminKeyError::from)?;
    let now = SystemClock.now();
    let lines = keys.iter().map(|key| AdminLine {
        admin: &key.id,
        state: state(key.is_expired(now)),
        created: key.created,
        expires: key.expires,
    });
    let mut out = std::io::stdout().lock();
    if json {
        for line in lines {
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        }
        return Ok(Code::Ok);
    }
    let mut table = TabWriter::new(&mut out).padding(2);
    writeln!(table, "admin\tstate\tcreated\texpires")?;
    for line in lines {
        let (created, expires) = (told(line.created), told(line.expires));
        writeln!(
            table,
            "{}\t{}\t{created}\t{expires}",
            line.admin, line.state
        )?;
    }
    table.flush()?;
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
            state: state(key.is_expired(now)),
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
        let feeds = line.feeds.map_or_else(
            || "all".to_owned(),
            |feeds| {
                let feeds: Vec<&str> = feeds.iter().map(FeedId::as_str).collect();
                feeds.join(",")
            },
        );
        let (created, expires) = (told(line.created), told(line.expires));
        writeln!(
            table,
            "{}\t{}\t{}\t{created}\t{expires}\t{feeds}",
            line.client, line.id, line.state
        )?;
    }
    table.flush()?;
    Ok(Code::Ok)
}
