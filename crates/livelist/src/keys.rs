//! `livelist keys`: creates, lists, rotates and revokes keys of sites and of operators in a registry's
//! directory. A key is shown once, on standard output, and stored nowhere.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use livelist_model::registry::{ADMINS_FILE, ApiKey};
use livelist_model::run::FeedSpec;
use livelist_model::{ClientId, FeedId};
use livelist_reso::Dialects;
use livelist_store::admin_keys::{AdminKeys, unknown};
use livelist_store::directory::DirectoryObjects;
use livelist_store::keys::KeyError;
use livelist_store::registry::{DocumentError, read_registry};
use livelist_store::site_keys::{NewKey, SiteKeys};
use livelist_store::{Clock, Objects, SystemClock, SystemEntropy};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tabwriter::TabWriter;

use crate::cli::{KeysCommand, SourceArgs};
use crate::context::open_registry;
use crate::exit::{Code, Failed};
use crate::overlay::REGISTRY;
use crate::world::Documents;

impl From<KeyError> for Failed {
    fn from(error: KeyError) -> Self {
        match &error {
            KeyError::Document(DocumentError::Store(store)) => Failed::internal(store),
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
pub async fn run(command: KeysCommand, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let (now, entropy) = (SystemClock.now(), &SystemEntropy);
    match command {
        KeysCommand::Add {
            client,
            admin,
            id,
            feeds,
            days: valid,
            source,
        } => {
            let registry = Written::open(&source, environment.clone()).await?;
            let valid_for = valid.map(days);
            let client = match whose(client, admin)? {
                Whose::Site(client) => client,
                Whose::Admin(name) => {
                    let keys = registry.admins();
                    let made = keys.add(&name, valid_for, now, entropy).await?;
                    return show(&made.kept.id, &made.key);
                }
            };
            let feeds = (!feeds.is_empty()).then_some(feeds);
            if let Some(feeds) = &feeds {
                check_feeds(&documents(&source, environment).await?, &client, feeds).await?;
            }
            let new = NewKey {
                id,
                feeds,
                valid_for,
            };
            let made = registry.keys_of(&client).add(&new, now, entropy).await?;
            show(&made.kept.id, &made.key)
        }
        KeysCommand::Rotate {
            client,
            id,
            admin,
            keep,
            source,
        } => {
            let registry = Written::open(&source, environment).await?;
            let keep = days(keep);
            match whose(client, admin)? {
                Whose::Site(client) => {
                    let keys = registry.keys_of(&client);
                    let made = keys.rotate(&named(id)?, keep, now, entropy).await?;
                    show(&made.kept.id, &made.key)
                }
                Whose::Admin(name) => {
                    let keys = registry.admins();
                    let made = keys.rotate(&name, keep, now, entropy).await?;
                    show(&made.kept.id, &made.key)
                }
            }
        }
        KeysCommand::Revoke {
            client,
            id,
            admin,
            source,
        } => {
            let registry = Written::open(&source, environment).await?;
            match whose(client, admin)? {
                Whose::Site(client) => registry.keys_of(&client).revoke(&named(id)?).await?,
                Whose::Admin(name) => registry.admins().revoke(&name).await?,
            }
            Ok(Code::Ok)
        }
        KeysCommand::List {
            admin: Some(name),
            json,
            source,
            ..
        } => list_admins(&source, environment, name, json).await,
        KeysCommand::List {
            client,
            json,
            source,
            ..
        } => list(&source, environment, client, json).await,
    }
}

/// A registry whose documents are changed: by rename under a lock in a directory, by conditional write
/// in a bucket.
struct Written {
    objects: Arc<dyn Objects>,
    /// The prefix of the documents' names.
    prefix: &'static str,
}

impl Written {
    async fn open(
        source: &SourceArgs,
        environment: Vec<(String, String)>,
    ) -> Result<Written, Failed> {
        if let (None, Some(registry)) = (&source.stack, &source.registry) {
            open_registry(registry)?;
            return Ok(Written {
                objects: Arc::new(DirectoryObjects::open(registry)?.public()),
                prefix: "",
            });
        }
        let documents = Documents::open(None, source.stack.as_deref(), environment).await?;
        Ok(Written {
            objects: documents.objects,
            prefix: REGISTRY,
        })
    }

    fn admins(&self) -> AdminKeys<'_> {
        AdminKeys {
            objects: &*self.objects,
            object: format!("{}{ADMINS_FILE}", self.prefix),
        }
    }

    fn keys_of(&self, client: &ClientId) -> SiteKeys<'_> {
        SiteKeys {
            objects: &*self.objects,
            object: format!("{}clients/{client}.json", self.prefix),
            client: client.clone(),
        }
    }
}

async fn documents(
    source: &SourceArgs,
    environment: Vec<(String, String)>,
) -> Result<Documents, Failed> {
    Documents::open(
        source.registry.as_deref(),
        source.stack.as_deref(),
        environment,
    )
    .await
}

/// The registry for reading.
fn read(documents: Documents) -> Written {
    Written {
        objects: documents.objects,
        prefix: REGISTRY,
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 3_600)
}

/// A key for a feed that the client does not have would open nothing.
async fn check_feeds(
    documents: &Documents,
    client: &ClientId,
    feeds: &[FeedId],
) -> Result<(), Failed> {
    let (registry, _) = read_registry(&*documents.objects, &Dialects).await?;
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

/// Prints the key on standard output, so that it can be piped, and everything else on standard error.
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

async fn list_admins(
    source: &SourceArgs,
    environment: Vec<(String, String)>,
    only: Option<String>,
    json: bool,
) -> Result<Code, Failed> {
    let registry = read(documents(source, environment).await?);
    let mut keys = registry.admins().list().await?;
    if let Some(name) = only {
        keys.retain(|key| key.id == name);
        if keys.is_empty() {
            return Err(unknown(&name).into());
        }
    }
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

async fn list(
    source: &SourceArgs,
    environment: Vec<(String, String)>,
    only: Option<ClientId>,
    json: bool,
) -> Result<Code, Failed> {
    let registry = read(documents(source, environment).await?);
    let clients: Vec<(ClientId, Vec<ApiKey>)> = match only {
        Some(client) => {
            let keys = registry.keys_of(&client).list().await?;
            vec![(client, keys)]
        }
        None => {
            let (registry, findings) = read_registry(&*registry.objects, &Dialects).await?;
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
