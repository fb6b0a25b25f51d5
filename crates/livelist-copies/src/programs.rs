//! The programs of a destination.

use std::collections::BTreeMap;

use livelist_destinations::Shaper;
use livelist_jq::Program;
use livelist_model::registry::{DestinationDocument, Finding, Registry};

/// The programs of a destination, compiled, by resource.
pub struct Programs(BTreeMap<String, Program>);

impl Programs {
    /// Compiles them; the error says of each that is none why.
    pub fn of(document: &DestinationDocument) -> Result<Programs, Vec<String>> {
        let mut programs = BTreeMap::new();
        let mut problems = Vec::new();
        for (resource, text) in &document.transform {
            match Program::compile(text) {
                Ok(program) => {
                    programs.insert(resource.to_string(), program);
                }
                Err(error) => problems.push(format!("transform.{resource}: {error}")),
            }
        }
        match problems.is_empty() {
            true => Ok(Programs(programs)),
            false => Err(problems),
        }
    }
}

impl Shaper for Programs {
    fn shape(&self, resource: &str, record: &str) -> Result<Option<String>, String> {
        match self.0.get(resource) {
            Some(program) => {
                let shaped = program.run(record);
                shaped.map_err(|reason| format!("transform.{resource}: {reason}"))
            }
            None => Ok(Some(record.to_owned())),
        }
    }
}

/// What is wrong with the programs of a registry's destinations.
pub fn findings(registry: &Registry) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, document) in &registry.destinations {
        for (resource, text) in &document.transform {
            if let Err(error) = Program::compile(text) {
                findings.push(Finding {
                    file: format!("destinations/{id}.json"),
                    field: format!("transform.{resource}"),
                    problem: format!("it is no program of jq: {error}"),
                    remedy: "mend it, e.g. `select(.StandardStatus != \"Closed\") | del(.PrivateRemarks)`"
                        .to_owned(),
                });
            }
        }
    }
    findings
}
