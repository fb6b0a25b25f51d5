//! `livelist destinations check` and `livelist schema`: what the databases are, and where a copy has which field.

use std::io::Write;

use livelist_destinations::{Checked, ColumnPlace, DestinationError, Layout};
use livelist_log::Log;
use livelist_model::registry::{DestinationDocument, Replication};
use livelist_steps::records::RecordsError;
use livelist_steps::records::error::advice;
use serde_json::{Value, json};

use super::open::{Opened, open};
use super::pass::Problem;
use crate::cli::{DestinationsCheckArgs, SchemaArgs};
use crate::exit::{Code, Failed};
use crate::text;

/// Runs `livelist destinations check`.
pub async fn check(
    arguments: DestinationsCheckArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let opened = open(&arguments.registry, &arguments.data, environment).await?;
    let mut worst = match opened.is_sound {
        true => Code::Ok,
        false => Code::Usage,
    };
    let documents = opened.destinations();
    if documents.is_empty() {
        return Err(Failed::usage("the registry has no enabled destination"));
    }
    for document in documents {
        let checked = checked(&opened, &document).await;
        worst = worst.max(match &checked {
            Ok(checked) if checked.findings.iter().any(|f| f.is_fault) => Code::Held,
            Ok(_) => Code::Ok,
            Err(_) => Code::Failed,
        });
        let checked = checked.map_err(|error| Problem::of(&error.into()));
        match arguments.json {
            true => tell_json(&document, &checked)?,
            false => tell(&document, &checked)?,
        }
    }
    Ok(worst)
}

async fn checked(
    opened: &Opened,
    document: &DestinationDocument,
) -> Result<Checked, DestinationError> {
    opened.unopened(document).await?.check().await
}

fn tell(document: &DestinationDocument, checked: &Result<Checked, Problem>) -> Result<(), Failed> {
    let name = &document.destination;
    let mut out = std::io::stdout().lock();
    match checked {
        Err(problem) => {
            writeln!(out, "{name}: {}: {}", problem.name, problem.message)?;
            writeln!(out, "  {}", advice(problem.name))?;
        }
        Ok(checked) => {
            let is_good = checked.findings.iter().all(|finding| !finding.is_fault);
            let word = if is_good { "ok" } else { "cannot be used" };
            writeln!(out, "{name}: {}: {word}", checked.version)?;
            for finding in &checked.findings {
                writeln!(out, "  {}\n    {}", finding.what, finding.remedy)?;
            }
        }
    }
    Ok(())
}

fn tell_json(
    document: &DestinationDocument,
    checked: &Result<Checked, Problem>,
) -> Result<(), Failed> {
    let known = checked.as_ref().ok();
    let findings = known.map(|checked| {
        let findings = checked.findings.iter();
        let findings = findings.map(|finding| {
            json!({"fault": finding.is_fault, "what": finding.what, "remedy": finding.remedy})
        });
        findings.collect::<Vec<Value>>()
    });
    let line = json!({
        "destination": document.destination, "kind": document.kind,
        "version": known.map(|checked| &checked.version),
        "findings": findings.unwrap_or_default(), "error": checked.as_ref().err(),
    });
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// Runs `livelist schema`.
pub async fn schema(
    arguments: SchemaArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let opened = open(&arguments.registry, &arguments.data, environment).await?;
    let documents = opened.destinations().into_iter();
    let document = documents
        .into_iter()
        .find(|document| document.destination == arguments.destination);
    let Some(document) = document else {
        return Err(Failed::usage(format!(
            "the registry has no enabled destination `{}`",
            arguments.destination
        )));
    };
    let mut found = false;
    for replication in opened.replications(None)? {
        let mut of = opened.registry.destinations_of(&replication).into_iter();
        if !of.any(|of| of.destination == document.destination) {
            continue;
        }
        found = true;
        let layouts = layouts(&opened, &replication, &document).await;
        let layouts = layouts.map_err(|error| {
            Failed::because(format!(
                "{}: {}. {}",
                error.name(),
                livelist_model::with_causes(&error),
                advice(error.name())
            ))
        })?;
        for (resource, layout) in layouts {
            match arguments.json {
                true => {
                    let name = replication.replication.as_str();
                    layout_json(name, &document, &resource, layout.as_ref())?;
                }
                false => layout_text(&replication, &resource, layout.as_ref())?,
            }
        }
    }
    match found {
        true => Ok(Code::Ok),
        false => Err(Failed::usage(format!(
            "no enabled replication has the destination `{}`",
            arguments.destination
        ))),
    }
}

/// The layout of each resource; nothing where its metadata was not read yet.
async fn layouts(
    opened: &Opened,
    replication: &Replication,
    document: &DestinationDocument,
) -> Result<Vec<(String, Option<Layout>)>, RecordsError> {
    let env = &opened.env;
    let log = Log::open(&*env.objects, &replication.replication, "", env.clock.now()).await?;
    let mut destination = opened.destination(document, &replication.mls).await?;
    let mut layouts = Vec::new();
    for resource in &replication.resources {
        let name = resource.resource.to_string();
        let layout = match log.schema(&name).await? {
            Some(schema) => Some(destination.layout(&schema).await?),
            None => None,
        };
        layouts.push((name, layout));
    }
    Ok(layouts)
}

fn layout_text(
    replication: &Replication,
    resource: &str,
    layout: Option<&Layout>,
) -> Result<(), Failed> {
    let name = &replication.replication;
    let mut out = std::io::stdout().lock();
    let Some(layout) = layout else {
        writeln!(
            out,
            "{name} {resource}: its metadata was not read yet: run `livelist replicate`\n"
        )?;
        return Ok(());
    };
    writeln!(out, "{name} {resource}: query {}", layout.name)?;
    let rows = |places: &[ColumnPlace]| {
        let rows = places.iter().map(|place| {
            vec![
                place.field.clone(),
                place.column.clone(),
                place.of.to_owned(),
                place.table.clone(),
            ]
        });
        text::table(&["FIELD", "COLUMN", "TYPE", "TABLE"], rows)
    };
    if !layout.columns.is_empty() {
        out.write_all(&rows(&layout.columns))?;
    }
    if !layout.next.is_empty() {
        writeln!(out, "\nthe next pass makes:")?;
        out.write_all(&rows(&layout.next))?;
    }
    if !layout.unseen.is_empty() {
        let fields: Vec<&str> = layout
            .unseen
            .iter()
            .map(|place| place.field.as_str())
            .collect();
        writeln!(
            out,
            "\n{} fields get their columns with their first values: {}",
            fields.len(),
            fields.join(", ")
        )?;
    }
    writeln!(out)?;
    Ok(())
}

fn layout_json(
    replication: &str,
    document: &DestinationDocument,
    resource: &str,
    layout: Option<&Layout>,
) -> Result<(), Failed> {
    let places = |of: fn(&Layout) -> &Vec<ColumnPlace>| {
        let places = layout.into_iter().flat_map(of);
        let places = places.map(|place| {
            json!({"field": place.field, "column": place.column, "type": place.of, "table": place.table})
        });
        places.collect::<Vec<Value>>()
    };
    let line = json!({
        "replication": replication, "destination": document.destination, "resource": resource,
        "name": layout.map(|layout| &layout.name), "columns": places(|l| &l.columns),
        "next": places(|l| &l.next), "unseen": places(|l| &l.unseen),
    });
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}
