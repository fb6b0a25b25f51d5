//! `livelist live`, `runs` and `show`: what is published, what happened, and why.

use std::io::{BufReader, Read, Write};

use flate2::bufread::GzDecoder;
use livelist_model::evidence::ScanEvidence;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::record::RunRecord;
use livelist_model::{FeedId, RunId};
use livelist_store::directory::DirectoryObjects;
use livelist_store::{Objects, ObjectsExt};

use crate::cli::{FeedArgs, RunsArgs, ShowArgs};
use crate::context::open_data;
use crate::exit::{Code, Failed};

/// Runs `livelist live`.
pub async fn live(arguments: FeedArgs) -> Result<Code, Failed> {
    let objects = open_data(&arguments.data.data)?;
    let head = objects
        .read_json::<Head>(&layout::head(&arguments.feed))
        .await?;
    let Some((head, _)) = head else {
        return Err(Failed::usage(format!(
            "the feed {} has no published snapshot. `livelist runs --data {}` lists the feeds",
            arguments.feed,
            arguments.data.data.display()
        )));
    };
    let path = objects.root().join(&head.full.object);
    let copied = tokio::task::spawn_blocking(move || {
        let file = std::fs::File::open(path)?;
        let mut keys = GzDecoder::new(BufReader::new(file));
        let mut out = std::io::stdout().lock();
        let mut buffer = [0; 64 * 1024];
        loop {
            match keys.read(&mut buffer)? {
                0 => return out.flush(),
                n => out.write_all(&buffer[..n])?,
            }
        }
    })
    .await
    .map_err(|e| Failed::internal(&e))?;
    match copied {
        // `livelist live FEED | head` is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Code::Ok),
        other => Ok(other.map(|()| Code::Ok)?),
    }
}

/// Runs `livelist runs`.
pub async fn list(arguments: RunsArgs) -> Result<Code, Failed> {
    let objects = open_data(&arguments.data.data)?;
    let feeds = match &arguments.feed {
        Some(feed) => vec![feed.to_string()],
        None => objects.list_names(layout::FEEDS_PREFIX).await?,
    };
    let mut records = Vec::new();
    for feed in feeds {
        let Ok(feed) = feed.parse::<FeedId>() else {
            continue;
        };
        for run in objects.list_names(&layout::runs(&feed)).await? {
            let Ok(run) = run.parse::<RunId>() else {
                continue;
            };
            let key = layout::run_record(&feed, &run);
            if let Some((record, _)) = objects.read_json::<RunRecord>(&key).await? {
                records.push(record);
            }
        }
    }
    records.sort_by(|a, b| {
        b.started_at
            .cmp(&a.started_at)
            .then(b.spec.run.cmp(&a.spec.run))
    });
    records.truncate(arguments.most);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        for record in &records {
            writeln!(out, "{}", serde_json::to_string(record)?)?;
        }
        return Ok(Code::Ok);
    }
    if records.is_empty() {
        writeln!(out, "no runs yet")?;
        return Ok(Code::Ok);
    }
    let width = records
        .iter()
        .map(|r| r.spec.run.as_str().len())
        .max()
        .unwrap_or(3);
    writeln!(
        out,
        "{:width$}  {:10} {:>9} {:>7} {:>7}  WHY",
        "RUN", "STATE", "LIVE", "ADDED", "REMOVED"
    )?;
    for record in &records {
        let result = record.result.as_ref();
        let why = match (&record.held_reason, &record.error) {
            (Some(reason), _) => reason.as_str(),
            (_, Some(error)) => error.name.as_str(),
            _ => "",
        };
        // A run without a result says nothing about the list: a 0 would look like an empty one.
        let [live, added, removed] = match result {
            Some(r) => [r.count, r.added, r.removed].map(|n| n.to_string()),
            None => ["-"; 3].map(str::to_owned),
        };
        let row = format!(
            "{:width$}  {:10} {live:>9} {added:>7} {removed:>7}  {why}",
            record.spec.run.as_str(),
            record.state.as_str(),
        );
        writeln!(out, "{}", row.trim_end())?;
    }
    Ok(Code::Ok)
}

/// The record of a run.
pub async fn record_of(objects: &DirectoryObjects, run: &RunId) -> Result<RunRecord, Failed> {
    // The feed is what follows the date, but for the number of a later attempt.
    let name = run.as_str().get(11..).unwrap_or("");
    for feed in objects.list_names(layout::FEEDS_PREFIX).await? {
        if let Ok(feed) = feed.parse::<FeedId>()
            && name.starts_with(feed.as_str())
        {
            let found = objects.read_json(&layout::run_record(&feed, run)).await?;
            if let Some((record, _)) = found {
                return Ok(record);
            }
        }
    }
    Err(Failed::usage(format!(
        "there is no run {run}. `livelist runs` lists them"
    )))
}

/// Runs `livelist show`.
pub async fn show(arguments: ShowArgs) -> Result<Code, Failed> {
    let objects = open_data(&arguments.run.data.data)?;
    let record = record_of(&objects, &arguments.run.run).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&record)?)?;
    } else {
        out.write_all(describe(&record).as_bytes())?;
    }
    Ok(Code::Ok)
}

/// A run in plain words.
fn describe(record: &RunRecord) -> String {
    let feed = &record.spec.feed;
    let mut lines = vec![
        format!("run        {}", record.spec.run),
        format!(
            "feed       {} ({} of {}, by {})",
            feed.feed, feed.resource, feed.mls, feed.provider
        ),
        format!("filter     {}", feed.filter.as_deref().unwrap_or("none")),
        format!("state      {}", record.state.as_str()),
        format!("started    {}", record.started_at),
    ];
    if let Some(at) = record.finished_at {
        let seconds = at.duration_since(record.started_at).as_secs_f64();
        lines.push(format!("finished   {at} (after {seconds:.1} s)"));
    }
    if let Some(comparison) = &record.comparison {
        for (i, scan) in comparison.scans.iter().enumerate() {
            let distinct = comparison.distinct.get(i).copied().unwrap_or(0);
            lines.push(format!("scan {}     {}", i + 1, evidence(scan, distinct)));
        }
        let former = comparison
            .former
            .map_or("no snapshot".to_owned(), |n| format!("{n} keys"));
        lines.push(format!(
            "compared   {} live with {former} before: {} new, {} absent",
            comparison.live, comparison.added, comparison.absent
        ));
    }
    if let Some(c) = &record.confirmed {
        let controls = if c.controls_found {
            "found"
        } else {
            "NOT found"
        };
        lines.push(format!(
            "confirmed  {} asked for, {} are live after all; live controls were {controls}",
            c.asked, c.restored
        ));
    }
    if let Some(r) = &record.result {
        let version = r.version.as_deref().unwrap_or("none");
        lines.push(format!(
            "head       {version}: {} keys, {} added, {} removed",
            r.count, r.added, r.removed
        ));
    }
    let t = &record.traffic;
    lines.push(format!(
        "asked      {} requests, {} repeated, {} throttled, {} bytes",
        t.requests, t.retries, t.throttled, t.bytes
    ));
    if let Some(reason) = record.held_reason {
        lines.push(format!(
            "held       {}: {}",
            reason.as_str(),
            reason.advice()
        ));
    }
    if let Some(error) = &record.error {
        let step = error.step.as_deref().unwrap_or("unknown");
        lines.push(format!(
            "failed     {} in {step}: {}",
            error.name, error.message
        ));
        lines.push(format!("advice     {}", error.advice));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn evidence(scan: &ScanEvidence, distinct: u64) -> String {
    let count = match (scan.count_before, scan.count_after) {
        (Some(a), Some(b)) if a == b => format!("the MLS counts {a}"),
        (Some(a), Some(b)) => format!("the MLS counted {a}, then {b}"),
        _ => "the MLS does not count".to_owned(),
    };
    let end = match scan.end {
        Some(livelist_model::evidence::EndSign::NoNextLink) => "ended by the last link",
        Some(livelist_model::evidence::EndSign::EmptyPage) => "ended by an empty page",
        None => "did not reach the end",
    };
    let doubt = scan
        .doubt(distinct)
        .map(|d| format!("; NOT believed: {d:?}"))
        .unwrap_or_default();
    format!(
        "{} pages, {} rows, {distinct} keys; {end}; {count}{doubt}",
        scan.pages, scan.rows
    )
}
