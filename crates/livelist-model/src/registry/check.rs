//! Reading registry documents and telling what is wrong with them: file, field, remedy. All
//! findings are gathered, so that an operator mends a registry in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::admin::{ADMINS_FILE, Admins, is_admin_id};
use super::{Client, LONGEST_WINDOW, Mls, Providers};
use crate::ids::{ClientId, MlsId};
use crate::notice::is_public;
use crate::run::FeedSpec;

/// Something wrong with a registry document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The document, e.g. `mls/abor.json`.
    pub file: String,
    /// The field, e.g. `pairs[0].mls`; empty when the whole document is meant.
    pub field: String,
    /// What is wrong.
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
}

/// Gathers documents and findings; `finish` checks what concerns more than one document.
pub struct RegistryBuilder<'a> {
    providers: &'a dyn Providers,
    registry: Registry,
    findings: Vec<Finding>,
}

/// Reads one MLS document; `file` is its name for the findings. What the document leaves to its
/// provider is completed, and the rest checked, by `providers`.
pub fn parse_mls(file: &str, text: &[u8], providers: &dyn Providers) -> Result<Mls, Vec<Finding>> {
    let mut mls: Mls = parse(file, text)?;
    let mut findings = Findings {
        file,
        list: Vec::new(),
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
    let completed = providers.complete(file, &mut mls);
    findings.list.extend(completed);
    findings.result(mls)
}

/// Reads one client document; `file` is its name for the findings.
pub fn parse_client(file: &str, text: &[u8]) -> Result<Client, Vec<Finding>> {
    let client: Client = parse(file, text)?;
    let mut findings = Findings {
        file,
        list: Vec::new(),
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
        if !seen.insert((&pair.mls, &pair.resource, filter)) {
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
    let admins: Admins = parse(ADMINS_FILE, text)?;
    let mut findings = Findings {
        file: ADMINS_FILE,
        list: Vec::new(),
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

/// The JSON Schema of `mls`, `client` or `admins` documents.
pub fn schema(kind: &str) -> Option<serde_json::Value> {
    let schema = match kind {
        "mls" => schemars::schema_for!(Mls),
        "client" => schemars::schema_for!(Client),
        "admins" => schemars::schema_for!(Admins),
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

    /// Adds a finding of the caller's, e.g. a file that cannot be read.
    pub fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The registry as far as it is sound, and everything that is wrong with the rest. A pair whose
    /// MLS is missing is left out, so that one bad document does not stop the others (F15).
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
}

struct Findings<'a> {
    file: &'a str,
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, field: &str, problem: impl Into<String>, remedy: &str) {
        self.list.push(Finding {
            file: self.file.to_owned(),
            field: field.to_owned(),
            problem: problem.into(),
            remedy: remedy.to_owned(),
        });
    }

    fn url(&mut self, field: &str, text: &str) {
        let Some(url) = self.plain_url(field, text) else {
            return;
        };
        if url.query().is_some() || url.fragment().is_some() {
            self.add(
                field,
                "the URL holds a query or a fragment",
                "give the bare URL; a token belongs behind `credential`",
            );
        }
    }

    /// A URL that notices are sent to: its query is the site's (WordPress: `?rest_route=`), and a
    /// literal address has to be one that a notice may be sent to.
    fn notice_url(&mut self, field: &str, text: &str) {
        let Some(url) = self.plain_url(field, text) else {
            return;
        };
        if url.fragment().is_some() {
            self.add(
                field,
                "the URL holds a fragment",
                "give the URL without what begins with `#`",
            );
        }
        let address: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if address.is_some_and(|a| !a.is_loopback() && !is_public(a)) {
            self.add(
                field,
                "this is not a public address, so nothing is sent to it",
                "give the name under which the internet knows the site",
            );
        }
    }

    /// A URL without a user, over an encrypted connection.
    fn plain_url(&mut self, field: &str, text: &str) -> Option<Url> {
        let Ok(url) = Url::parse(text) else {
            self.add(field, "this is not a URL", "give an absolute https URL");
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.add(
                field,
                "the URL holds a user name or password",
                "put secrets behind `credential`",
            );
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => self.add(
                field,
                "the connection would not be encrypted",
                "use https; http is for loopback addresses only",
            ),
        }
        Some(url)
    }

    fn result<T>(self, value: T) -> Result<T, Vec<Finding>> {
        if self.list.is_empty() {
            Ok(value)
        } else {
            Err(self.list)
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A name under which people are used to putting a secret into a URL.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "key", "auth"]
        .iter()
        .any(|word| name.contains(word))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.as_bytes()[0].is_ascii_digit()
}

fn check_file_name(findings: &mut Findings<'_>, field: &str, name: &str) {
    let stem = findings
        .file
        .rsplit('/')
        .next()
        .unwrap_or("")
        .trim_end_matches(".json");
    if stem != name {
        findings.add(
            field,
            format!("the document says `{name}`, its file `{stem}`"),
            "name the file after the document",
        );
    }
}

fn parse<T: DeserializeOwned>(file: &str, text: &[u8]) -> Result<T, Vec<Finding>> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let (path, error) = match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => return Ok(value),
            Err(error) => (String::new(), error),
        },
        Err(error) => (error.path().to_string(), error.into_inner()),
    };
    let remedy = if error.is_data() {
        "See docs/registry.md for the fields and their forms"
    } else {
        "Mend the JSON syntax"
    };
    Err(vec![Finding {
        file: file.to_owned(),
        field: if matches!(path.as_str(), "." | "?") {
            String::new()
        } else {
            path
        },
        problem: without_values(&error),
        remedy: remedy.to_owned(),
    }])
}

/// serde_json quotes strings of the wrong type: a secret pasted into the wrong field must not reach
/// a log. What it says behind the value is its own, so that is looked for from the end: the value
/// may hold the same words.
fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    if !error.is_data() {
        return message;
    }
    let message = message
        .rsplit_once(" at line ")
        .map_or(&*message, |(m, _)| m);
    let expected = || message.rsplit_once(", expected ").map_or("", |(_, e)| e);
    if message.starts_with("unknown variant `") {
        return format!("the value is not a known one, expected {}", expected());
    }
    if message.starts_with("invalid type: string \"") {
        return format!("invalid type: a string, expected {}", expected());
    }
    message.to_owned()
}

#[cfg(test)]
mod tests;
