//! Row 1: a scan against the download of the same pages.

use super::{Plan, Provided};
use crate::Failed;
use crate::child::limits::{Drain, Drained};
use crate::child::steps::Scanned;
use crate::machine::Usage;
use crate::process::child;
use crate::report::{Section, count, seconds, times, verdict};

const WALL: f64 = 1.15;
const CPU: f64 = 1.5;

struct Case {
    keys: u64,
    page: u64,
    gzip: bool,
}

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let mut rows = Vec::new();
    let mut shows = Vec::new();
    for keys in [500_000, 2_000_000] {
        for page in [2_000, 300_000] {
            for gzip in [true, false] {
                let case = Case {
                    keys: plan.keys(keys),
                    page,
                    gzip,
                };
                let (row, shown) = one(plan, &case)?;
                rows.push(row);
                shows.extend(shown);
            }
        }
    }
    shows.push(
        "What binds where goals are missed: reading the JSON, and getting the rows into order, each take as \
         long as decompressing ([where the time goes](#where-the-time-goes)). The limit of an identity page \
         does nothing but receive it. Over loopback no answer takes time; a provider's does, and then pages \
         overlap where they can be guessed ([pages at once](#1b-pages-at-once))."
            .to_owned(),
    );
    Ok(Section {
        name: "scan",
        title: "1. Scan",
        what: "The scan step (count, pages, count; sorted parts on disk) over loopback \
               HTTP, from pages that another process made before and has in memory. Pages of 2,000 rows \
               are AMPRE's (key and timestamp, in the order of time), pages of 300,000 Trestle's (key \
               alone, in the order of the key). *Dropping* is the same HTTP client asking for the same \
               pages one after the other and dropping the bytes as they come; *gunzip* decompresses them \
               before they are dropped, with the same library. The limit of a compressed page is the \
               second: nobody knows what is on a page without decompressing it. CPU and wall are the \
               least of the runs, each in a process of its own; the peak is the highest."
            .to_owned(),
        head: vec![
            "keys, rows a page, encoding",
            "requests",
            "CPU",
            "wall",
            "peak",
            "dropping: CPU",
            "wall",
            "gunzip: CPU",
            "wall",
            "CPU ÷ limit",
            "wall ÷ limit",
            "CPU ÷ dropping",
        ],
        rows,
        shows,
    })
}

fn one(plan: &Plan, case: &Case) -> Result<(Vec<String>, Vec<String>), Failed> {
    let provided = Provided::by_pages(case.page, case.keys, case.gzip)?;
    let feed = provided.feed(Some(case.page))?;
    let fresh =
        || -> Result<Scanned, Failed> { child("scan", &feed.job(&plan.fresh("scan")?, 20)) };
    // The first one makes the pages.
    let first = fresh()?;
    if first.rows != case.keys {
        return Err(format!("{} rows of {}", first.rows, case.keys).into());
    }
    let targets = provided.targets()?;
    let drain = |gunzip: bool| -> Result<Vec<Usage>, Failed> {
        let input = Drain {
            url: provided.url.clone(),
            targets: targets.clone(),
            gunzip,
        };
        plan.several(|| Ok(child::<Drained>("drain", &input)?.usage))
    };
    let scans = plan.several(|| Ok(fresh()?.usage))?;
    let scan = Usage::best(&scans);
    let dropped = Usage::best(&drain(false)?);
    let unpacked = Usage::best(&drain(true)?);
    let limit = if case.gzip { unpacked } else { dropped };
    let encoding = if case.gzip { "gzip" } else { "identity" };
    let name = format!("{}, {}, {encoding}", count(case.keys), count(case.page));
    let cells = vec![
        name.clone(),
        targets.len().to_string(),
        seconds(scan.cpu),
        seconds(scan.wall),
        format!("{:.0} MB", scan.peak),
        seconds(dropped.cpu),
        seconds(dropped.wall),
        seconds(unpacked.cpu),
        seconds(unpacked.wall),
        times(scan.cpu, limit.cpu),
        times(scan.wall, limit.wall),
        times(scan.cpu, dropped.cpu),
    ];
    let mut shows = vec![format!(
        "{name}: wall {}",
        verdict(scan.wall / limit.wall, WALL, " ×")
    )];
    if case.gzip {
        let cpu = verdict(scan.cpu / limit.cpu, CPU, " ×");
        shows = vec![format!("{}; CPU {cpu}", shows.concat())];
    }
    Ok((cells, shows))
}
