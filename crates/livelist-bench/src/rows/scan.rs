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
        "Why goals are missed: parsing the JSON and sorting the rows each take as long as \
         decompressing ([where the time goes](#where-the-time-goes)). For an identity page, the \
         limit only receives it. Over loopback an answer takes no time. A provider's answers do, \
         and then pages are prefetched if their links can be guessed ([pages at \
         once](#1b-pages-at-once))."
            .to_owned(),
    );
    Ok(Section {
        name: "scan",
        title: "1. Scan",
        what: "The scan step (count, pages, count; sorted parts on disk) over loopback HTTP. \
               Another process serves the pages from memory. Pages of 2,000 rows have AMPRE's form \
               (key and timestamp, ordered by time), pages of 300,000 Trestle's (key only, ordered \
               by key). *Dropping*: the same HTTP client requests the same pages one after the \
               other and drops the bytes. *Gunzip*: it also decompresses them with the same \
               library. For compressed pages, *gunzip* is the limit, because a page cannot be read \
               without decompressing it. CPU and wall are the minimum over the runs, each in a \
               separate process; the peak is the maximum."
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
