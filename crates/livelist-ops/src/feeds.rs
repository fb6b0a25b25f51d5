//! The feeds of the registry: what each one reads, and which clients have it.

use std::collections::{BTreeMap, BTreeSet};

use livelist_model::pause::Pauses;
use livelist_model::registry::{Finding, Registry, parse_admins, parse_alerts};
use livelist_model::run::FeedSpec;
use livelist_model::{ClientId, FeedId, ReplicationId, agenda, layout};
use livelist_reso::Dialects;
use livelist_store::pauses::read_pauses;
use livelist_store::registry::read_registry_with_records;
use livelist_store::{Objects, ObjectsExt};

use crate::OpsError;

/// A feed, and its clients.
#[derive(Debug, Clone)]
pub struct Feed {
    /// What is read.
    pub spec: FeedSpec,
    /// The clients, by name.
    pub clients: Vec<Member>,
    /// The replication for which it is scanned where no client's pair has it.
    pub replication: Option<ReplicationId>,
    /// Why it is not reconciled; nothing where it is.
    pub disabled: Option<String>,
    /// Whether that is so because an operator paused it.
    pub is_paused: bool,
}

/// A client that has a feed.
#[derive(Debug, Clone)]
pub struct Member {
    /// The client.
    pub client: ClientId,
    /// Its site.
    pub site: Option<String>,
    /// Whether its pair is reconciled.
    pub enabled: bool,
}

/// The registry together with the operators' pauses.
#[derive(Debug)]
pub struct Wanted {
    /// The registry, with everything that is paused disabled.
    pub registry: Registry,
    /// The pauses.
    pub pauses: Pauses,
    /// The findings about the registry.
    pub findings: Vec<Finding>,
    /// The feeds.
    pub feeds: BTreeMap<FeedId, Feed>,
}

/// Reads what is wanted.
///
/// # Errors
/// The store cannot be used now.
pub async fn read(objects: &dyn Objects) -> Result<Wanted, OpsError> {
    let (mut registry, mut findings) = read_registry_with_records(objects, &Dialects).await?;
    findings.extend(admins(objects).await?);
    findings.extend(alerts(objects).await?);
    let pauses = read_pauses(objects).await?;
    let unpaused = registry.clone();
    pauses.apply(&mut registry);
    let feeds = gather(&unpaused, &registry, &pauses);
    Ok(Wanted {
        registry,
        pauses,
        findings,
        feeds,
    })
}

/// The findings about the document that says who is alerted.
async fn alerts(objects: &dyn Objects) -> Result<Vec<Finding>, OpsError> {
    let document = objects.read(layout::ALERTS_DOCUMENT).await?;
    Ok(document.map_or_else(Vec::new, |(bytes, _)| {
        parse_alerts(&bytes).err().unwrap_or_default()
    }))
}

/// The findings about the document of the operators.
async fn admins(objects: &dyn Objects) -> Result<Vec<Finding>, OpsError> {
    let document = objects.read(layout::ADMINS).await?;
    Ok(document.map_or_else(Vec::new, |(bytes, _)| {
        parse_admins(&bytes).err().unwrap_or_default()
    }))
}

fn gather(unpaused: &Registry, registry: &Registry, pauses: &Pauses) -> BTreeMap<FeedId, Feed> {
    let mut feeds: BTreeMap<FeedId, Feed> = BTreeMap::new();
    for client in registry.clients.values() {
        for pair in &client.pairs {
            let Some(mls) = registry.mls.get(&pair.mls) else {
                continue;
            };
            let spec = FeedSpec::resolve(mls, pair);
            let feed = feeds.entry(spec.feed.clone()).or_insert_with(|| Feed {
                spec,
                clients: Vec::new(),
                replication: None,
                disabled: None,
                is_paused: false,
            });
            feed.clients.push(Member {
                client: client.client.clone(),
                site: client.site.clone(),
                enabled: pair.enabled && mls.enabled,
            });
        }
    }
    let enabled: BTreeSet<FeedId> = agenda::copied(registry)
        .into_iter()
        .map(|(_, f)| f.feed)
        .collect();
    let copied = agenda::copied(unpaused).into_iter();
    for (replication, spec) in copied.chain(agenda::copied(registry)) {
        let feed = feeds.entry(spec.feed.clone()).or_insert_with(|| Feed {
            spec,
            clients: Vec::new(),
            replication: None,
            disabled: None,
            is_paused: false,
        });
        feed.replication = Some(replication);
    }
    for feed in feeds.values_mut() {
        if enabled.contains(&feed.spec.feed) {
            continue;
        }
        if !feed.clients.iter().any(|member| member.enabled) {
            let (why, is_paused) = why_disabled(feed, unpaused, pauses);
            feed.disabled = Some(why);
            feed.is_paused = is_paused;
        }
    }
    feeds
}

/// Why, and whether it is paused.
fn why_disabled(feed: &Feed, unpaused: &Registry, pauses: &Pauses) -> (String, bool) {
    let mls = &feed.spec.mls;
    if let Some(pause) = pauses.mls.get(mls) {
        let reason = pause.reason.as_deref().unwrap_or("no reason was given");
        let why = format!("the MLS {mls} was paused by {}: {reason}", pause.by);
        return (why, true);
    }
    if unpaused.mls.get(mls).is_some_and(|mls| !mls.enabled) {
        return (format!("the MLS {mls} is disabled in the registry"), false);
    }
    let paused = |member: &&Member| pauses.clients.contains_key(&member.client);
    if let Some(member) = feed.clients.iter().find(paused) {
        return (format!("the client {} is paused", member.client), true);
    }
    ("its pairs are disabled in the registry".to_owned(), false)
}
