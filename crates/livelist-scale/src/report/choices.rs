//! The choices of an operator, and their effect on a night: how fast pairs start, the size, the region.

use super::{Facts, PAIRS, Played, ReportError, SEED, clock, number, table, texts, usd};
use crate::night::{Night, play};
use crate::settings::{API, Region, Settings, Size};
use crate::town::{Sharing, Town};

/// The tables of choices.
pub(super) fn choices(facts: &Facts<'_>) -> Result<String, ReportError> {
    Ok([helps(facts)?, sizes(facts)?, regions(facts)?].join("\n"))
}

/// The sharings for which a choice makes a difference.
const SHOWN: [Sharing; 2] = [Sharing::Nobody, Sharing::Four];

/// The nights of those, each once under each of the `settings`.
fn again<'f>(
    facts: &'f Facts<'_>,
    settings: [(&'static str, Settings); 2],
) -> Result<Vec<(&'f Played, &'static str, Night)>, ReportError> {
    let mut nights = Vec::new();
    for played in facts.nights.iter().filter(|n| SHOWN.contains(&n.sharing)) {
        for (words, settings) in &settings {
            let night = if *settings == facts.settings {
                played.night.clone()
            } else {
                play(&played.town, facts.machine, settings, SEED, false)?
            };
            nights.push((played, *words, night));
        }
    }
    Ok(nights)
}

/// The settings as deployed, changed.
fn with(facts: &Facts<'_>, change: impl Fn(&mut Settings)) -> Settings {
    let mut settings = facts.settings.clone();
    change(&mut settings);
    settings
}

fn failed(night: &Night) -> u64 {
    night.runs.iter().filter(|r| r.failed).count() as u64
}

/// The section on nights in which nobody shares.
fn helps(facts: &Facts<'_>) -> Result<String, ReportError> {
    let fast = (10_000.0, 10_000.0);
    let all_at_once = |s: &mut Settings| s.pairs_a_second = u32::MAX;
    let variants = [
        ("as deployed", facts.settings.clone()),
        (
            "`PairsPerSecond` 10",
            with(facts, |s| s.pairs_a_second = 10),
        ),
        (
            "`PairsPerSecond` 40",
            with(facts, |s| s.pairs_a_second = 40),
        ),
        ("all at once", with(facts, all_at_once)),
        (
            "all at once, higher throughput of the Parameter Store",
            with(facts, |s| {
                all_at_once(s);
                s.parameters = fast;
            }),
        ),
        (
            "all at once, and 5,000 tasks at once as well",
            with(facts, |s| {
                all_at_once(s);
                (s.parameters, s.lambdas) = (fast, 5_000);
            }),
        ),
    ];
    let mut rows = Vec::new();
    for (words, settings) in variants {
        let mut cells = vec![words.to_owned()];
        for times in [1, 2] {
            let Some(played) = facts.night(Sharing::Nobody, PAIRS * times) else {
                continue;
            };
            let night = play(&played.town, facts.machine, &settings, SEED, false)?;
            cells.extend([
                number(failed(&night)),
                clock(night.quantile(0.99)),
                usd(facts.prices.bill(&night.all()).total()),
            ]);
        }
        rows.push(cells);
    }
    let head = texts(&[
        "where nobody shares",
        "10,000: failed",
        "99 % ended",
        "$ a day",
        "20,000: failed",
        "99 % ended",
        "$ a day",
    ]);
    Ok(format!(
        "## What helps where nobody shares\n\nEach run that starts reads its secret, and the Parameter Store \
         answers {} a second. Throttled requests are retried for about three minutes. Then the run \
         fails with a notice, and its list stays. So the planner delays the messages of a large \
         plan (`PairsPerSecond`). The higher throughput of the Parameter Store is billed per \
         request (not in the bill).\n\n{}",
        facts.settings.parameters.1,
        table(&head, &rows)
    ))
}

/// `Size`, and the concurrency that is left for the sites' API.
fn sizes(facts: &Facts<'_>) -> Result<String, ReportError> {
    let sizes = [("small", Size::Small), ("large", Size::Large)];
    let sizes = sizes.map(|(words, size)| (words, with(facts, |s| s.size = size)));
    let row = |(played, size, night): &(&Played, &str, Night)| {
        vec![
            played.words(),
            (*size).to_owned(),
            number(night.together.most),
            clock(night.starved),
            number(night.turned_away),
            number(failed(night)),
            clock(night.quantile(0.99)),
            usd(facts.prices.bill(&night.all()).total()),
        ]
    };
    let rows: Vec<Vec<String>> = again(facts, sizes)?.iter().map(row).collect();
    let head = texts(&[
        "who shares, pairs",
        "`Size`",
        "tasks at once, without those reserved",
        "the API starves",
        "turned away",
        "failed",
        "99 % ended",
        "$ a day",
    ]);
    Ok(format!(
        "## What is left for the sites\n\nWith `Size=small` the sites' API shares Lambda's {} \
         concurrent tasks with the night's runs. It *starves* while fewer than {API} are left, \
         which is what `Size=large` reserves for \
         it.\n\n{}\n`small` does not starve the API up to {} pairs where nobody shares, and up to {} pairs where four \
         or five share.\n",
        number(facts.settings.lambdas),
        table(&head, &rows),
        number(most_pairs(facts, Sharing::Nobody)?),
        number(most_pairs(facts, Sharing::Four)?),
    ))
}

/// The most pairs, in thousands, with which `small` does not starve the API.
fn most_pairs(facts: &Facts<'_>, sharing: Sharing) -> Result<u64, ReportError> {
    let (mut good, mut bad) = (0, 100);
    while bad - good > 1 {
        let pairs = usize::midpoint(good, bad) * 1_000;
        let town = Town::build(SEED, super::MLS, pairs, sharing);
        let night = play(&town, facts.machine, &facts.settings, SEED, false)?;
        match night.starved {
            0 => good = pairs / 1_000,
            _ => bad = pairs / 1_000,
        }
    }
    Ok(good as u64 * 1_000)
}

/// The large regions, and all others.
fn regions(facts: &Facts<'_>) -> Result<String, ReportError> {
    let regions = [("large", Region::LARGE), ("other", Region::OTHER)];
    let regions = regions.map(|(words, region)| (words, with(facts, |s| s.region = region)));
    let row = |(played, region, night): &(&Played, &str, Night)| {
        vec![
            played.words(),
            (*region).to_owned(),
            number(night.transitions_a_second),
            number(night.transitions.waited),
            number(night.starts.waited),
            number(night.starts.refused),
            number(failed(night)),
            clock(night.quantile(0.99)),
            clock(night.end()),
        ]
    };
    let rows: Vec<Vec<String>> = again(facts, regions)?.iter().map(row).collect();
    let head = texts(&[
        "who shares, pairs",
        "region",
        "transitions asked for in the busiest second",
        "waited",
        "`StartExecution`: waited",
        "refused",
        "failed",
        "99 % ended",
        "last ended",
    ]);
    let (large, other) = (Region::LARGE, Region::OTHER);
    Ok(format!(
        "## Regions\n\nus-east-1, us-west-2 and eu-west-1 are *large*: {} state transitions and {} \
         `StartExecution` a second. The *others* have {} and {} \
         ([deploy.md](deploy.md#quotas-to-raise)). A transition that has to wait delays its run. \
         If a `StartExecution` is throttled, the queue delivers its message again six minutes \
         later.\n\n{}",
        number(large.transitions.1 as u64),
        large.starts.1,
        number(other.transitions.1 as u64),
        other.starts.1,
        table(&head, &rows)
    ))
}
