//! The documents of replications and destinations.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Findings, check_file_name, is_identifier};
use super::{Finding, Registry};
use crate::registry::{ColumnsWanted, DestinationDocument, DestinationKind, Replication};

/// Reads the document of a replication; `file` is its name for the findings.
pub fn parse_replication(file: &str, text: &[u8]) -> Result<Replication, Vec<Finding>> {
    let mut findings = Findings::of(file);
    let Some(replication) = findings.read::<Replication>(text) else {
        return Err(findings.list);
    };
    check_file_name(
        &mut findings,
        "replication",
        replication.replication.as_str(),
    );
    if replication.resources.is_empty() {
        findings.add(
            "resources",
            "there is none",
            "give at least one, e.g. {\"resource\": \"Property\"}",
        );
    }
    if let Some([field, problem, remedy]) = replication.sync.finding() {
        findings.add(field, problem, remedy);
    }
    let mut seen = BTreeSet::new();
    for (i, resource) in replication.resources.iter().enumerate() {
        if !seen.insert(&resource.resource) {
            findings.add(
                &format!("resources[{i}].resource"),
                format!("{} is there twice", resource.resource),
                "remove one, or make another replication of it",
            );
        }
        let filter = resource.filter.as_deref().unwrap_or_default();
        if filter.bytes().any(|b| b.is_ascii_control()) {
            findings.add(
                &format!("resources[{i}].filter"),
                "the filter holds a control character",
                "write the OData filter on one line",
            );
        }
        fields(
            &mut findings,
            &format!("resources[{i}].select"),
            &resource.select,
        );
        expansions(&mut findings, i, &replication);
    }
    findings.result(replication)
}

/// The names that stand behind a resource's in Livelist's own tables.
const OWN: [&str; 3] = ["removed", "changes", "transitions"];

fn expansions(findings: &mut Findings<'_>, nth: usize, replication: &Replication) {
    let resource = &replication.resources[nth];
    let mut seen = BTreeSet::new();
    for (i, expand) in resource.expand.iter().enumerate() {
        let field = format!("resources[{nth}].expand[{i}].name");
        let name = &expand.name;
        if !seen.insert(name) {
            findings.add(&field, format!("{name} is there twice"), "remove one");
        }
        if !expand.owned {
            continue;
        }
        let table = format!("{}_{name}", resource.resource);
        if OWN
            .iter()
            .any(|own| name.as_str().eq_ignore_ascii_case(own))
        {
            findings.add(
                &field,
                format!("`{table}` is a table of Livelist's own"),
                "leave `owned` out: then it is a column of JSON",
            );
        }
        for other in &replication.resources {
            if other.resource == *name {
                findings.add(
                    &field,
                    format!("{name} is replicated by itself as well"),
                    "remove one: an owned expansion comes and goes with its record",
                );
            }
            if other.resource.as_str().eq_ignore_ascii_case(&table) {
                findings.add(
                    &field,
                    format!(
                        "its table would be `{table}`, which is that of {}",
                        other.resource
                    ),
                    "replicate one of the two into another destination",
                );
            }
        }
    }
}

/// Reads the document of a destination.
pub fn parse_destination(file: &str, text: &[u8]) -> Result<DestinationDocument, Vec<Finding>> {
    let mut findings = Findings::of(file);
    let Some(destination) = findings.read::<DestinationDocument>(text) else {
        return Err(findings.list);
    };
    check_file_name(
        &mut findings,
        "destination",
        destination.destination.as_str(),
    );
    let path = destination.path.as_deref().unwrap_or_default();
    match destination.kind {
        DestinationKind::Sqlite if path.is_empty() => findings.add(
            "path",
            "a SQLite destination has no file",
            "give one, e.g. `listings.sqlite`",
        ),
        DestinationKind::Sqlite if path.split('/').any(|part| part == "..") => findings.add(
            "path",
            "it leads out of the data directory",
            "give a name below it, or an absolute path",
        ),
        DestinationKind::Sqlite => {}
        DestinationKind::Postgres | DestinationKind::Mysql if destination.url.is_none() => {
            findings.add(
                "url",
                "a database has no address",
                "give a reference to its URL, e.g. `env:SITE_DB`",
            );
        }
        DestinationKind::Postgres | DestinationKind::Mysql => {}
    }
    if destination
        .schema
        .as_deref()
        .is_some_and(|name| !is_identifier(name))
    {
        findings.add(
            "schema",
            "this is not the name of a schema",
            "use letters, digits and `_`, or leave it out",
        );
    }
    let is_prefix = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let prefix = &destination.prefix;
    if !prefix.bytes().all(is_prefix) || prefix.starts_with('_') || prefix.len() > 16 {
        findings.add(
            "prefix",
            "it cannot stand before the names of tables",
            "give at most 16 lower-case letters, digits and `_`, e.g. `abor_`",
        );
    }
    if let ColumnsWanted::Only(columns) = &destination.columns {
        fields(&mut findings, "columns", columns);
    }
    for (resource, tracked) in &destination.history {
        fields(&mut findings, &format!("history.{resource}"), tracked);
    }
    for (resource, stripped) in &destination.strip_prefix {
        fields(&mut findings, &format!("strip_prefix.{resource}"), stripped);
    }
    findings.result(destination)
}

fn fields(findings: &mut Findings<'_>, field: &str, names: &[String]) {
    for (i, name) in names.iter().enumerate() {
        if !is_identifier(name) {
            findings.add(
                &format!("{field}[{i}]"),
                "this is not a field name",
                "give a Data Dictionary name such as `ListPrice`",
            );
        }
    }
}

/// What concerns more than one document.
pub(super) fn check(registry: &Registry) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tables: BTreeMap<_, _> = BTreeMap::new();
    for (id, replication) in &registry.replications {
        let file = format!("replications/{id}.json");
        let mut add = |field: String, problem: String, remedy: String| {
            findings.push(Finding {
                file: file.clone(),
                field,
                problem,
                remedy,
            });
        };
        if !registry.mls.contains_key(&replication.mls) {
            add(
                "mls".to_owned(),
                format!(
                    "there is no sound document for the MLS `{}`",
                    replication.mls
                ),
                format!(
                    "add or mend mls/{}.json, or disable the replication",
                    replication.mls
                ),
            );
        }
        for (i, destination) in replication.destinations.iter().enumerate() {
            if !registry.destinations.contains_key(destination) {
                add(
                    format!("destinations[{i}]"),
                    format!("there is no sound document for the destination `{destination}`"),
                    format!("add or mend destinations/{destination}.json"),
                );
            }
            for resource in &replication.resources {
                let document = registry.destinations.get(destination);
                let is_shared = document.is_some_and(|document| document.shared);
                let mls = is_shared.then_some(&replication.mls);
                let table = (destination, &resource.resource, mls);
                if let Some(other) = tables.insert(table, id) {
                    add(
                        format!("destinations[{i}]"),
                        format!(
                            "`{other}` has a table for {} there as well",
                            resource.resource
                        ),
                        "give one of the two a destination of its own, with another prefix; or let MLSs \
                         share it (`shared`)"
                            .to_owned(),
                    );
                }
            }
        }
    }
    findings
}
