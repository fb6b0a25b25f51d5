//! Row 1, continued: several pages at once, from a slow provider.

use livelist_mls::Provider;

use super::{Plan, Provided};
use crate::Failed;
use crate::child::limits::{Drain, Drained};
use crate::child::steps::Scanned;
use crate::machine::Usage;
use crate::process::child;
use crate::report::{Section, count, seconds, times, verdict};

const WALL: f64 = 1.15;
/// The time of each answer, in milliseconds: a fraction of real providers' times.
const LATENCY: u64 = 50;

struct Case {
    provider: Provider,
    keys: u64,
    page: u64,
}

const CASES: [Case; 4] = [
    Case {
        provider: Provider::Ampre,
        keys: 100_000,
        page: 2_000,
    },
    Case {
        provider: Provider::Trestle,
        keys: 100_000,
        page: 2_000,
    },
    Case {
        provider: Provider::UtahRealEstate,
        keys: 20_000,
        page: 200,
    },
    Case {
        provider: Provider::Realtyna,
        keys: 20_000,
        page: 200,
    },
];

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let mut rows = Vec::new();
    let mut shows = Vec::new();
    for case in &CASES {
        let (row, shown) = one(plan, case)?;
        rows.push(row);
        shows.push(shown);
    }
    shows.push(
        "A scan by links requests a page when the one before has given its link. Other scans have \
         at most as many pages in flight as the dialect or the registry says, and keep the rate \
         limits. With marks and with `$skip`, 5 % to 10 % of the rows are requested twice."
            .to_owned(),
    );
    Ok(Section {
        name: "overlap",
        title: "1b. Pages at once",
        what: format!(
            "The same scan step as in row 1, on the second day of a feed, gzip, from a provider that \
             takes {LATENCY} ms for each answer. *Dropping* requests the pages of the scan without \
             prefetch, one after the other, decompresses them and drops them. The scan has one \
             page at once, the dialect's number, and eight."
        ),
        head: vec![
            "dialect, keys, rows a page",
            "dropping: requests",
            "wall",
            "one at once: wall",
            "÷ limit",
            "as the dialect has it: at once",
            "pages",
            "wall",
            "÷ limit",
            "eight at once: wall",
            "÷ limit",
            "peak",
        ],
        rows,
        shows,
    })
}

fn one(plan: &Plan, case: &Case) -> Result<(Vec<String>, String), Failed> {
    let provided = Provided::slow(case.provider, plan.keys(case.keys), LATENCY)?;
    let feed = provided.feed(Some(case.page))?;
    let data = plan.fresh("overlap")?;
    let scan = |at_once: Option<u8>, day: i8| -> Result<Scanned, Failed> {
        let mut feed = feed.clone();
        feed.spec.pages_at_once = at_once;
        // The account of requests would make one scan wait for the others.
        let account = data.join("budgets");
        if account.exists() {
            std::fs::remove_dir_all(account)?;
        }
        child("scan", &feed.job(&data, day))
    };
    // The first day leaves the marks of the second.
    let alone = scan(Some(1), 1)?;
    let targets = provided.targets()?;
    let drain = Drain {
        url: provided.url.clone(),
        targets: targets.clone(),
        gunzip: true,
    };
    let dropped = plan.several(|| Ok(child::<Drained>("drain", &drain)?.usage))?;
    let limit = Usage::best(&dropped).wall;
    let mut day = 1;
    let mut several = |at_once| -> Result<(Usage, Scanned), Failed> {
        let mut used = Vec::new();
        // The first one leaves marks, or finds pages that were not made yet.
        for nth in 0..plan.repeat + 2 {
            day += 1;
            let scanned = scan(at_once, day)?;
            if nth >= 2 {
                used.push(scanned.usage);
            }
            if nth > plan.repeat {
                return Ok((Usage::best(&used), scanned));
            }
        }
        Err("nothing was measured".into())
    };
    let (one_at_once, _) = several(Some(1))?;
    let (usual, scanned) = several(None)?;
    let (eight, _) = several(Some(8))?;
    if scanned.rows != alone.rows {
        return Err(format!("{} rows of {}", scanned.rows, alone.rows).into());
    }
    let dialect = livelist_reso::dialect::Dialect::for_feed(&feed.spec)?;
    let name = format!(
        "{}, {}, {}",
        dialect.name,
        count(plan.keys(case.keys)),
        count(case.page)
    );
    let cells = vec![
        name.clone(),
        targets.len().to_string(),
        seconds(limit),
        seconds(one_at_once.wall),
        times(one_at_once.wall, limit),
        dialect.pages_at_once.to_string(),
        (scanned.pages
            + if alone.pages < targets.len() as u64 {
                2
            } else {
                0
            })
        .to_string(),
        seconds(usual.wall),
        times(usual.wall, limit),
        seconds(eight.wall),
        times(eight.wall, limit),
        format!("{:.0} MB", usual.peak.max(eight.peak)),
    ];
    let shown = format!("{name}: wall {}", verdict(usual.wall / limit, WALL, " ×"));
    Ok((cells, shown))
}
