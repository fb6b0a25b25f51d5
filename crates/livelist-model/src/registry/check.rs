//! Reads registry documents and reports what is wrong with them: file, field, remedy. It collects all
//! findings, so that an operator can fix a registry in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::admin::{ADMINS_FILE, Admins, is_admin_id};
use super::alerts::AlertsDocument;
use super::{Client, DestinationDocument, LONGEST_WINDOW, Mls, Providers, Replication};
use crate::ids::{ClientId, DestinationId, MlsId, ReplicationId};
use crate::run::FeedSpec;

mod alerts;
mod copies;
mod document;
mod reading;

pub use alerts::parse_alerts;
pub use copies::{parse_destination, parse_replication};

use document::{Findings, check_file_name, is_identifier, is_secret_name, is_sha256};

/// Something wrong with a registry document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The document, e.g. `mls/abor.json`.
    pub file: String,
    /// The field, e.g. `pairs[0].mls`; empty when the whole document is meant.
    pub field: String,
    /// The error.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        let mut remedy = self.remedy.chars();
        let first = remedy.next().unwrap_or_default().to_uppercase();
        write!(f, ": {}. {first}{}.", self.problem, remedy.as_str())
    }
}

/// All documents of a registry that passed their checks.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// The MLSs by name.
    pub mls: BTreeMap<MlsId, Mls>,
    /// The clients by name.
    pub clients: BTreeMap<ClientId, Client>,
    /// The replications by name.
    pub replications: BTreeMap<ReplicationId, Replication>,
    /// The destinations by name.
    pub destinations: BTreeMap<DestinationId, DestinationDocument>,
}

/// Collects documents and findings; `finish` checks rules about more than one document.
pub struct RegistryBuilder<'a> {
    providers: &'a dyn Providers,
    registry: Registry,
    findings: Vec<Finding>,
}

/// Reads one MLS document; `file` is its name for the findings. What the document leaves to its
/// provider is completed, and the rest checked, by `providers`.
pub fn parse_mls(file: &str, text: &[u8], providers: &dyn Providers) -> Result<Mls, Vec<Finding>> {
    let mut findings = Findings::of(file);
    let Some(mut mls) = findings.read::<Mls>(text) else {
        return Err(findings.list);
    };
    check_file_name(&mut findings, "mls", mls.mls.as_str());
    findings.url("base_url", &mls.base_url);
    if let Some(url) = &mls.token_url {
        findings.url("token_url", url);
    }
    for (i, host) in mls.allow_hosts.iter().enumerate() {
        if host.is_empty() || host.contains(['/', ':', '@', '*']) {
            findings.add(
                &format!("allow_hosts[{i}]"),
                "this is not a host name",
                "give the bare host, e.g. `replication.example.com`, without scheme, port or `*`",
            );
        }
    }
    if !mls.guards.is_valid() {
        findings.add(
            "guards.removed_fraction",
            format!("{} is not a share", mls.guards.removed_fraction),
            "give a number from 0 to 1, e.g. 0.2 for 20 %",
        );
    }
    if mls.page_size.is_some_and(|n| n == 0 || n > 300_000) {
        findings.add(
            "page_size",
            "the number is out of range",
            "give 1 to 300000 rows, or leave it out for the provider's largest",
        );
    }
    if mls.pages_at_once.is_some_and(|n| !(1..=8).contains(&n)) {
        findings.add(
            "pages_at_once",
            "the number is out of range",
            "give 1 to 8 pages (1 asks for one after the other), or leave it out",
        );
    }
    if mls
        .max_requests
        .is_some_and(|n| !(100..=1_000_000).contains(&n))
    {
        findings.add(
            "max_requests",
            "the number is out of range",
            "give 100 to 1000000 requests a scan, or leave it out",
        );
    }
    if !is_identifier(&mls.key_field) {
        findings.add(
            "key_field",
            "this is not a field name",
            "give a Data Dictionary name such as `ListingKey`",
        );
    }
    if mls.originating_system.as_deref().is_some_and(str::is_empty) {
        findings.add(
            "originating_system",
            "the name is empty",
            "leave the field out",
        );
    }
    for (name, value) in &mls.parameters {
        let is_plain = is_identifier(name) && !value.bytes().any(|b| b.is_ascii_control());
        if !is_plain || is_secret_name(name) {
            findings.add(
                "parameters",
                format!("{name:?} is not an option that may stand in a URL"),
                "give plain names such as `class`; `$` options are Livelist's, and secrets belong \
                 behind `credential`",
            );
        }
    }
    if mls.confirm_keys.is_some_and(|n| !(9..=500).contains(&n)) {
        findings.add(
            "confirm_keys",
            "the number is out of range",
            "give 9 to 500 keys (eight of them are controls), or leave it out",
        );
    }
    for (i, limit) in mls.limits.iter().enumerate() {
        if limit.most == 0 || limit.seconds == 0 || limit.seconds > LONGEST_WINDOW {
            findings.add(
                &format!("limits[{i}]"),
                "the limit lets nothing through, or its window is not one second to one day",
                "give e.g. `{\"most\": 5000, \"of\": \"requests\", \"seconds\": 3600}`",
            );
        }
    }
    for problem in mls.schedule.problems() {
        let [field, problem, remedy] = problem.finding();
        findings.add(field, problem, remedy);
    }
    // Of a provider that cannot be read nothing is known.
    if findings.is_read("provider") {
        for finding in providers.complete(file, &mut mls) {
            findings.add(&finding.field, finding.problem, &finding.remedy);
        }
    }
    findings.result(mls)
}

/// Reads one client document; `file` is its name for the findings.
pub fn parse_client(file: &str, text: &[u8]) -> Result<Client, Vec<Finding>> {
    let mut findings = Findings::of(file);
    let Some(client) = findings.read::<Client>(text) else {
        return Err(findings.list);
    };
    check_file_name(&mut findings, "client", client.client.as_str());
    if let Some(site) = &client.site {
        findings.url("site", site);
    }
    if let Some(notify) = &client.notify {
        findings.notice_url("notify.url", &notify.url);
    }
    let mut ids = BTreeSet::new();
    for (i, key) in client.api_keys.iter().enumerate() {
        if !ids.insert(&key.id) {
            findings.add(
                &format!("api_keys[{i}].id"),
                "another key has this id",
                "give each key its own id",
            );
        }
        if !is_sha256(&key.sha256) {
            findings.add(
                &format!("api_keys[{i}].sha256"),
                "this is not a SHA-256",
                "give the 64 hex digits of `printf %s KEY | sha256sum`, never the key itself",
            );
        }
    }
    let mut seen = BTreeSet::new();
    for (i, pair) in client.pairs.iter().enumerate() {
        let filter = pair.filter.as_deref().unwrap_or("").trim();
        // A value that cannot be read is replaced, possibly by the same value in several pairs.
        let is_read = ["mls", "resource", "filter"]
            .iter()
            .all(|member| findings.is_read(&format!("pairs[{i}].{member}")));
        if is_read && !seen.insert((&pair.mls, &pair.resource, filter)) {
            findings.add(
                &format!("pairs[{i}]"),
                format!("the pair {} {} is there twice", pair.mls, pair.resource),
                "remove one, or give it another filter",
            );
        }
        if filter.bytes().any(|b| b.is_ascii_control()) {
            findings.add(
                &format!("pairs[{i}].filter"),
                "the filter holds a control character",
                "write the OData filter on one line",
            );
        }
    }
    findings.result(client)
}

/// Reads the document of the operators.
pub fn parse_admins(text: &[u8]) -> Result<Admins, Vec<Finding>> {
    let mut findings = Findings::of(ADMINS_FILE);
    let Some(admins) = findings.read::<Admins>(text) else {
        return Err(findings.list);
    };
    if admins.schema != Admins::SCHEMA {
        findings.add(
            "schema",
            format!("{} is not a form that this version knows", admins.schema),
            "give 1, or use the version of Livelist that wrote the document",
        );
    }
    let (mut ids, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    for (i, key) in admins.admins.iter().enumerate() {
        if !is_admin_id(&key.id) {
            findings.add(
                &format!("admins[{i}].id"),
                "this is not an operator's name",
                "use 1 to 64 letters, digits, `-` and `_`",
            );
        }
        if key.expires.is_none() && !ids.insert(&key.id) {
            findings.add(
                &format!("admins[{i}].id"),
                "another key without an end has this name",
                "give each operator a name, or let the former key of one expire",
            );
        }
        if !is_sha256(&key.sha256) {
            findings.add(
                &format!("admins[{i}].sha256"),
                "this is not a SHA-256",
                "make keys with `livelist keys add --admin NAME`; never put the key itself here",
            );
        } else if !hashes.insert(key.sha256.to_ascii_lowercase()) {
            findings.add(
                &format!("admins[{i}].sha256"),
                "the key is there twice",
                "remove one of the two",
            );
        }
    }
    findings.result(admins)
}

/// The JSON Schema of `mls`, `client`, `replication`, `destination`, `admins` or `alerts` documents.
pub fn schema(kind: &str) -> Option<serde_json::Value> {
    let schema = match kind {
        "mls" => schemars::schema_for!(Mls),
        "client" => schemars::schema_for!(Client),
        "admins" => schemars::schema_for!(Admins),
        "alerts" => schemars::schema_for!(AlertsDocument),
        "replication" => schemars::schema_for!(Replication),
        "destination" => schemars::schema_for!(DestinationDocument),
        _ => return None,
    };
    Some(schema.to_value())
}

impl<'a> RegistryBuilder<'a> {
    /// Gathers documents of `providers`.
    pub fn new(providers: &'a dyn Providers) -> Self {
        RegistryBuilder {
            providers,
            registry: Registry::default(),
            findings: Vec::new(),
        }
    }

    /// Adds `mls/{name}.json`.
    pub fn mls(&mut self, file: &str, text: &[u8]) {
        match parse_mls(file, text, self.providers) {
            Ok(mls) => {
                self.registry.mls.insert(mls.mls.clone(), mls);
            }
            Err(findings) => self.findings.extend(findings),
        }
    }

    /// Adds `clients/{name}.json`.
    pub fn client(&mut self, file: &str, text: &[u8]) {
        match parse_client(file, text) {
            Ok(client) => {
                self.registry.clients.insert(client.client.clone(), client);
            }
            Err(findings) => self.findings.extend(findings),
        }
    }

    /// Adds `replications/{name}.json`.
    pub fn replication(&mut self, file: &str, text: &[u8]) {
        match parse_replication(file, text) {
            Ok(replication) => {
                let name = replication.replication.clone();
                self.registry.replications.insert(name, replication);
            }
            Err(findings) => self.findings.extend(findings),
        }
    }

    /// Adds `destinations/{name}.json`.
    pub fn destination(&mut self, file: &str, text: &[u8]) {
        match parse_destination(file, text) {
            Ok(destination) => {
                let name = destination.destination.clone();
                self.registry.destinations.insert(name, destination);
            }
            Err(findings) => self.findings.extend(findings),
        }
    }

    /// Adds a finding of the caller's, e.g. a file that cannot be read.
    pub fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The valid part of the registry, and the findings about the rest. A pair whose MLS is missing is left
    /// out, so that one bad document does not affect the others (F15).
    pub fn finish(mut self) -> (Registry, Vec<Finding>) {
        let mut hashes: BTreeMap<String, ClientId> = BTreeMap::new();
        for (id, client) in &self.registry.clients {
            let file = format!("clients/{id}.json");
            for (i, pair) in client.pairs.iter().enumerate() {
                if !self.registry.mls.contains_key(&pair.mls) {
                    self.findings.push(Finding {
                        file: file.clone(),
                        field: format!("pairs[{i}].mls"),
                        problem: format!("there is no sound document for the MLS `{}`", pair.mls),
                        remedy: format!("add or mend mls/{}.json, or disable the pair", pair.mls),
                    });
                }
            }
            for (i, key) in client.api_keys.iter().enumerate() {
                let hash = key.sha256.to_ascii_lowercase();
                if let Some(other) = hashes.insert(hash, id.clone()) {
                    self.findings.push(Finding {
                        file: file.clone(),
                        field: format!("api_keys[{i}].sha256"),
                        problem: format!("the client `{other}` has the same key"),
                        remedy: "give each client its own key".to_owned(),
                    });
                }
            }
        }
        self.findings.extend(copies::check(&self.registry));
        self.findings.sort();
        (self.registry, self.findings)
    }
}

impl Registry {
    /// The feeds of `client` whose MLS is known, in the order of its pairs.
    pub fn feeds_of<'a>(&'a self, client: &'a Client) -> impl Iterator<Item = FeedSpec> + 'a {
        client
            .pairs
            .iter()
            .filter_map(|pair| Some(FeedSpec::resolve(self.mls.get(&pair.mls)?, pair)))
    }

    /// The destinations of a replication, those that are written. Where it names none, a SQLite file among
    /// the data.
    pub fn destinations_of(&self, replication: &Replication) -> Vec<DestinationDocument> {
        if replication.destinations.is_empty() {
            return DestinationDocument::default_one().into_iter().collect();
        }
        let names = replication.destinations.iter();
        let known = names.filter_map(|name| self.destinations.get(name));
        known.filter(|document| document.enabled).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
