//! `livelist live`, `runs` and `show`: the published list, the runs, and one run explained.

use std::fmt::Write as _;
use std::io::Write;

use flate2::write::GzDecoder;
use livelist_model::head::Head;
use livelist_model::history::Past;
use livelist_model::layout;
use livelist_model::record::RunState;
use livelist_ops::explain::{RunTold, Scan};
use livelist_ops::removals::{self, Removals};
use livelist_ops::runs;
use livelist_store::{Clock, ObjectsExt, SystemClock};
use tokio::io::AsyncReadExt;

use crate::cli::{FeedArgs, Flags, RunsArgs, ShowArgs};
use crate::exit::{Code, Failed};
use crate::machine;
use crate::text::{or_none, out, table};
use crate::world::{Place, World};

/// At most this many of the listings that a held run would remove are shown.
const SHOWN: usize = 5;

/// Runs `livelist live`.
pub async fn live(arguments: FeedArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let world = World::open(&arguments.place, environment).await?;
    let objects = world.objects();
    let head = objects
        .read_json::<Head>(&layout::head(&arguments.feed))
        .await?;
    let Some((head, _)) = head else {
        return Err(Failed::usage(format!(
            "the feed {} has no published snapshot. `livelist runs` lists the feeds",
            arguments.feed
        )));
    };
    let list = objects.get(&head.full.object).await?;
    let mut list =
        list.ok_or_else(|| Failed::because(format!("{} is not in the store", head.full.object)))?;
    let mut keys = GzDecoder::new(std::io::stdout().lock());
    let mut buffer = [0; 64 * 1024];
    loop {
        match list.body.read(&mut buffer).await? {
            0 => break,
            n => keys.write_all(&buffer[..n])?,
        }
    }
    keys.try_finish()?;
    keys.get_mut().flush()?;
    Ok(Code::Ok)
}

/// Runs `livelist runs`.
pub async fn list(arguments: RunsArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let world = World::open(&arguments.place, environment).await?;
    let now = world.env.clock.now();
    let only = arguments.feed.as_ref();
    let lines = runs::list(world.objects(), only, arguments.most, now).await?;
    let mut out = out();
    if arguments.json {
        for line in &lines {
            writeln!(out, "{}", serde_json::to_string(line)?)?;
        }
        return Ok(Code::Ok);
    }
    if lines.is_empty() {
        writeln!(out, "no runs yet")?;
        return Ok(Code::Ok);
    }
    let rows = lines.iter().map(|line| {
        vec![
            line.run.to_string(),
            match line.superseded_by {
                Some(_) => "superseded".to_owned(),
                None => line.state.as_str().to_owned(),
            },
            // A run without a result says nothing about the list: a 0 would look like an empty one.
            or_none(line.live),
            or_none(line.added),
            or_none(line.removed),
            match (&line.superseded_by, &line.why) {
                (Some(by), Some(why)) => format!("{why}; by {by}"),
                (_, why) => why.clone().unwrap_or_default(),
            },
        ]
    });
    let head = ["RUN", "STATE", ">LIVE", ">ADDED", ">REMOVED", "WHY"];
    out.write_all(&table(&head, rows))?;
    Ok(Code::Ok)
}

/// Runs `livelist show`.
pub async fn show(arguments: ShowArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let flags = arguments.run.place.flags(&environment);
    let world = World::open(&arguments.run.place, environment).await?;
    let record = runs::record(world.objects(), &arguments.run.run).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&record)?)?;
    } else {
        let mut told = runs::told(world.objects(), &record).await?;
        if let (RunState::Running, Place::Machine(machine)) = (told.state, &world.place) {
            let mut under_way = machine::progress(machine.data.root(), SystemClock.now());
            told.progress = under_way.remove(&told.run);
        }
        let others = runs::attempts(world.objects(), &record).await?;
        let would_go = match told.state {
            // If the lists have expired, the rest is still shown.
            RunState::Held => removals::removals(world.objects(), &told.run, 0).await.ok(),
            _ => None,
        };
        let text = describe(&told, would_go.as_ref(), &others, &flags)?;
        out.write_all(text.as_bytes())?;
    }
    Ok(Code::Ok)
}

/// A run in plain words.
fn describe(
    run: &RunTold,
    would_go: Option<&Removals>,
    others: &[Past],
    flags: &Flags,
) -> Result<String, Failed> {
    let mut text = String::new();
    write_run(&mut text, run, would_go, flags)
        .and_then(|()| write_others(&mut text, others))
        .map_err(|e| Failed::internal(&e))?;
    Ok(text)
}

/// Which listings an approval would take out: a few, and how to see all.
fn write_removals(
    text: &mut String,
    removals: Option<&Removals>,
    flags: &Flags,
) -> std::fmt::Result {
    let Some(told) = removals.filter(|told| told.count > 0) else {
        return Ok(());
    };
    let some = told.sample.iter().take(SHOWN);
    let some: Vec<&str> = some.map(|listing| listing.key.as_str()).collect();
    let (feed, flags) = (&told.feed, &flags.data);
    writeln!(
        text,
        "would go   {} of the list, {} among them; all: livelist diff {feed} --held{flags}",
        told.count,
        some.join(", ")
    )
}

/// The other attempts of the day.
fn write_others(text: &mut String, others: &[Past]) -> std::fmt::Result {
    for past in others {
        let why = past.why.as_ref().map(|why| format!(": {why}"));
        let (run, state) = (&past.run, past.state.as_str());
        writeln!(text, "same day   {run}  {state}{}", why.unwrap_or_default())?;
    }
    Ok(())
}

fn write_run(
    text: &mut String,
    run: &RunTold,
    would_go: Option<&Removals>,
    flags: &Flags,
) -> std::fmt::Result {
    writeln!(text, "run        {}", run.run)?;
    writeln!(
        text,
        "feed       {} ({} of {}, by {})",
        run.feed, run.resource, run.mls, run.provider
    )?;
    writeln!(
        text,
        "filter     {}",
        run.filter.as_deref().unwrap_or("none")
    )?;
    writeln!(text, "state      {}", run.state.as_str())?;
    writeln!(text, "started    {}", run.started_at)?;
    if let Some(progress) = &run.progress {
        writeln!(text, "now        {}", progress.words())?;
    }
    if let Some(decided) = &run.decided {
        let (what, by, at) = (decided.what.as_str(), &decided.by, decided.at);
        writeln!(text, "decided    {what} by {by} at {at:.0}")?;
    }
    if run.state == RunState::Running {
        writeln!(
            text,
            "next       livelist cancel {}{} ends it",
            run.run, flags.data
        )?;
    }
    if let (Some(at), Some(seconds)) = (run.finished_at, run.seconds) {
        writeln!(text, "finished   {at} (after {seconds:.1} s)")?;
    }
    for (i, scan) in run.scans.iter().enumerate() {
        writeln!(text, "scan {}     {}", i + 1, evidence(scan))?;
    }
    if let Some(c) = &run.comparison {
        let former = c
            .former
            .map_or("no snapshot".to_owned(), |n| format!("{n} keys"));
        writeln!(
            text,
            "compared   {} live with {former} before: {} new, {} absent",
            c.live, c.added, c.absent
        )?;
    }
    if let Some(c) = &run.confirmed {
        let controls = if c.controls_found {
            "found"
        } else {
            "NOT found"
        };
        writeln!(
            text,
            "confirmed  {} asked for, {} are live after all; live controls were {controls}",
            c.asked, c.restored
        )?;
        if let Some(learned) = &c.learned {
            writeln!(
                text,
                "learned    keys are asked for {learned}: the MLS does not answer as the settings have it"
            )?;
        }
        if c.variants > 0 {
            writeln!(
                text,
                "other key  {} of these are live under another key: in another case, or with the same id",
                c.variants
            )?;
        }
        if c.shows_gone {
            writeln!(
                text,
                "by key     the MLS still shows keys that were confirmed gone: it shows more by key than it lists"
            )?;
        }
    }
    if let Some(keys) = run.restored_before {
        writeln!(
            text,
            "restored   {keys} that no scan had shown were found by asking, before the last scan"
        )?;
    }
    if let Some(r) = &run.result {
        let version = r.version.as_deref().unwrap_or("none");
        writeln!(
            text,
            "head       {version}: {} keys, {} added, {} removed",
            r.count, r.added, r.removed
        )?;
    }
    let t = &run.traffic;
    writeln!(
        text,
        "asked      {} requests, {} repeated, {} throttled, {} bytes",
        t.requests, t.retries, t.throttled, t.bytes
    )?;
    if let Some(held) = &run.held {
        writeln!(text, "held       {}: {}", held.reason, held.advice)?;
        write_removals(text, would_go, flags)?;
        if let Some(by) = &held.superseded_by {
            writeln!(
                text,
                "superseded by {by}: that one looked later, and counts"
            )?;
        } else if held.can_be_approved {
            writeln!(
                text,
                "next       livelist approve {0}{1}, or livelist reject {0}{1}",
                run.run, flags.data
            )?;
        }
    }
    if let Some(error) = &run.error {
        let step = error.step.as_deref().unwrap_or("unknown");
        writeln!(
            text,
            "failed     {} in {step}: {}",
            error.name, error.message
        )?;
        writeln!(text, "advice     {}", error.advice)?;
        writeln!(text, "next       livelist rerun {}{}", run.feed, flags.both)?;
    }
    Ok(())
}

fn evidence(scan: &Scan) -> String {
    let count = match (scan.count_before, scan.count_after) {
        (Some(a), Some(b)) if a == b => format!("the MLS counts {a}"),
        (Some(a), Some(b)) => format!("the MLS counted {a}, then {b}"),
        _ => "the MLS does not count".to_owned(),
    };
    let took = scan.ended_at.map_or_else(String::new, |at| {
        let took = at.duration_since(scan.started_at);
        format!(" in {:.1} s", took.as_secs_f64())
    });
    let doubt = scan
        .doubt
        .map(|doubt| format!("; NOT believed: {doubt}"))
        .unwrap_or_default();
    format!(
        "{} pages, {} rows, {} keys{took}; {}; {count}{doubt}",
        scan.pages, scan.rows, scan.keys, scan.end
    )
}
