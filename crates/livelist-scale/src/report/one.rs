//! One run, by size and provider.

use super::{Facts, ReportError, number, table, texts, usd};
use crate::night::play;
use crate::settings::Settings;
use crate::steps;
use crate::town::{CHANGE, Town};
use crate::work::Feed;

const RUNS: [(&str, u64); 13] = [
    ("trestle", 1_000),
    ("trestle", 9_000),
    ("trestle", 100_000),
    ("trestle", 2_000_000),
    ("bridge", 9_000),
    ("bridge", 2_000_000),
    ("mlsgrid", 9_000),
    ("mlsgrid", 2_000_000),
    ("spark", 9_000),
    ("spark", 500_000),
    ("realtyna", 9_000),
    ("realtyna", 500_000),
    ("reso", 9_000),
];

/// The table of runs.
pub(super) fn runs(facts: &Facts<'_>) -> Result<String, ReportError> {
    let mut rows = Vec::new();
    for (provider, keys) in RUNS {
        let change = (keys * CHANGE).div_ceil(1_000);
        let feed = Feed {
            provider,
            page: None,
            keys,
            gone: change,
            came: change,
        };
        let Some(town) = Town::single(feed) else {
            continue;
        };
        let settings = Settings::default();
        let night = play(&town, facts.machine, &settings, super::SEED, false)?;
        let run = night.runs[0];
        let place = &town.feeds[0];
        let (below, lists) = steps::objects(&place.work, run.tasks.0, run.tasks.1, run.parts);
        let usage = &night.usage;
        let bill = facts.prices.bill(usage);
        rows.push(vec![
            format!("{provider}, {}", number(keys)),
            number(run.requests),
            number(run.transitions),
            number(run.events),
            number(run.tasks.0 + run.tasks.1),
            number(usage.invocations()),
            number(run.millis / 1_000),
            number(usage.gb_seconds() as u64),
            number(usage.ops.gets),
            number(usage.ops.puts),
            number(below + lists),
            usd(bill.line("Step Functions")),
            usd(bill.total()),
        ]);
    }
    let head = texts(&[
        "provider, keys",
        "requests",
        "transitions",
        "events",
        "tasks that ask",
        "invocations",
        "task seconds",
        "GB-s",
        "GETs",
        "PUTs",
        "new objects",
        "transitions $",
        "all $",
    ]);
    Ok(format!(
        "## One run\n\nA day on which {} % of the keys are removed and as many are added, in the \
         units that AWS bills. A page costs no state transition: their number depends on the \
         provider's waits and the task's ten minutes, not on the size. Events are those of the \
         longest execution; the limit is 25,000.\n\n{}",
        CHANGE as f64 / 10.0,
        table(&head, &rows)
    ))
}
