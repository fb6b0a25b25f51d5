//! When nights end, and what delays them.

use super::{Facts, PAIRS, Played, clock, number, table, texts};
use crate::settings::Function;
use crate::town::{Sharing, Town};

/// The tables of nights.
pub(super) fn nights(facts: &Facts<'_>) -> String {
    [ends(facts), picture(facts), providers(facts), quotas(facts)].join("\n")
}

fn ends(facts: &Facts<'_>) -> String {
    let head = texts(&[
        "who shares, pairs",
        "feeds",
        "credentials",
        "all started after",
        "half ended",
        "99 %",
        "last ended",
        "failed",
        "open at most",
        "tasks at once",
        "credential busy",
    ]);
    let row = |played: &Played| {
        let night = &played.night;
        let busy: u64 = night.runs.iter().map(|r| r.busy).sum();
        let failed = night.runs.iter().filter(|r| r.failed).count() as u64;
        vec![
            played.words(),
            number(played.town.feeds.len() as u64),
            number(played.town.credentials as u64),
            clock(night.taken),
            clock(night.quantile(0.5)),
            clock(night.quantile(0.99)),
            clock(night.end()),
            number(failed),
            number(night.open.most),
            number(night.together.most),
            number(busy),
        ]
    };
    let rows: Vec<Vec<String>> = facts.nights.iter().map(row).collect();
    let mut functions = texts(&["tasks at once"]);
    let shown: Vec<&Played> = facts.nights.iter().filter(|n| n.pairs == PAIRS).collect();
    functions.extend(shown.iter().map(|n| n.sharing.words().to_owned()));
    let peaks: Vec<Vec<String>> = Function::ALL
        .iter()
        .map(|function| {
            let of = |n: &&Played| n.night.peaks.get(function).map_or(0, |p| p.most);
            let cells = shown.iter().map(|n| number(of(n)));
            std::iter::once(function.name().to_owned())
                .chain(cells)
                .collect()
        })
        .collect();
    format!(
        "## When the night ends\n\nThe schedule fires at 04:00 (UTC, and up to a quarter of an hour later, \
         which is ignored here). Times are hours, minutes and seconds after that. {} pairs start \
         in a \
         second (`PairsPerSecond`), or more if needed to start all within 15 minutes. {} workers, \
         {} tasks at \
         once in the account, `Size=small`.\n\n{}\nThe most tasks at once of each function, {} pairs:\n\n{}",
        facts.settings.pairs_a_second,
        facts.settings.workers,
        number(facts.settings.lambdas),
        table(&head, &rows),
        number(PAIRS as u64),
        table(&functions, &peaks)
    )
}

/// The progress of a night: bars of runs that have ended.
fn picture(facts: &Facts<'_>) -> String {
    const WIDTH: f64 = 50.0;
    const MINUTES: [u64; 12] = [1, 2, 3, 5, 10, 15, 20, 25, 30, 60, 120, 240];
    let mut text = String::new();
    for sharing in [Sharing::Nobody, Sharing::Mls, Sharing::Provider] {
        let Some(played) = facts.night(sharing, PAIRS) else {
            continue;
        };
        let runs = &played.night.runs;
        text += &format!("{}\n", sharing.words());
        for minute in MINUTES {
            let ended = runs
                .iter()
                .filter(|r| r.ended.is_some_and(|at| at <= minute * 60_000))
                .count();
            let share = ended as f64 / runs.len().max(1) as f64;
            let bar = "#".repeat((share * WIDTH) as usize);
            text += &format!("  {minute:>3} min |{bar:<50}| {:>5.1} %\n", share * 100.0);
            if ended == runs.len() {
                break;
            }
        }
    }
    format!(
        "Runs that have ended, {} pairs:\n\n```text\n{text}```\n",
        number(PAIRS as u64)
    )
}

fn providers(facts: &Facts<'_>) -> String {
    let shown = [Sharing::Nobody, Sharing::Mls, Sharing::Provider];
    let mut head = texts(&["provider", "MLSs"]);
    head.extend(shown.iter().map(|s| format!("last ended: {}", s.words())));
    head.push("why".to_owned());
    let Some(base) = facts.night(Sharing::Mls, PAIRS) else {
        return String::new();
    };
    let mut names: Vec<&str> = base.town.feeds.iter().map(|p| p.feed.provider).collect();
    names.sort_unstable();
    names.dedup();
    let mut rows = Vec::new();
    for name in names {
        let mut cells = vec![Town::title(name).to_owned()];
        cells.push(number(
            base.town
                .feeds
                .iter()
                .filter(|p| p.feed.provider == name)
                .count() as u64,
        ));
        for sharing in shown {
            let last = facts.night(sharing, PAIRS).map_or(0, |played| {
                let runs = played.town.feeds.iter().zip(&played.night.runs);
                let here = runs.filter(|(place, _)| place.feed.provider == name);
                here.filter_map(|(_, run)| run.ended).max().unwrap_or(0)
            });
            cells.push(clock(last));
        }
        cells.push(why(base, name));
        rows.push(cells);
    }
    format!(
        "By provider, {} pairs:\n\n{}",
        number(PAIRS as u64),
        table(&head, &rows)
    )
}

/// What delayed the last feed of a provider, if all pairs of an MLS share.
fn why(played: &Played, name: &str) -> String {
    let runs = played.town.feeds.iter().zip(&played.night.runs);
    let here = runs.filter(|(place, _)| place.feed.provider == name);
    let Some((place, run)) = here.max_by_key(|(_, run)| run.ended) else {
        return String::new();
    };
    let all = run.ended.unwrap_or(0) - run.started;
    let queued = run.acquired.saturating_sub(run.started);
    let waited = all.saturating_sub(queued).saturating_sub(run.millis);
    let most = queued.max(waited).max(run.millis);
    let keys = number(place.feed.keys);
    let requests = number(run.requests);
    match most {
        most if most == queued => format!("{keys} keys: its credential was busy {}", clock(queued)),
        most if most == waited && !place.work.dialect.lag.is_zero() => {
            format!("{keys} keys: the second scan waits for the provider's cache")
        }
        most if most == waited => {
            format!("{keys} keys, {requests} requests: the provider's limits")
        }
        _ => format!("{keys} keys, {requests} requests: its answers"),
    }
}

fn quotas(facts: &Facts<'_>) -> String {
    let head = texts(&[
        "who shares, pairs",
        "Lambda: tasks at once, of the room",
        "turned away",
        "`GetParameter`: waited",
        "refused",
        "`StartExecution`: waited",
        "refused",
        "transitions in the busiest second, of 5,000",
        "binds first",
    ]);
    let room = facts.settings.room();
    let row = |played: &Played| {
        let night = &played.night;
        let first = match () {
            () if night.parameters.waited + night.parameters.refused > 0 => "`GetParameter`",
            () if night.turned_away > 0 => "Lambda",
            () if night.starts.waited + night.starts.refused > 0 => "`StartExecution`",
            () if night.runs.iter().any(|r| r.busy > 0) => "the credential: one run at a time",
            () => "the provider",
        };
        vec![
            played.words(),
            format!("{:.0} %", night.together.most as f64 / room as f64 * 100.0),
            number(night.turned_away),
            number(night.parameters.waited),
            number(night.parameters.refused),
            number(night.starts.waited),
            number(night.starts.refused),
            number(night.transitions_a_second),
            first.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = facts.nights.iter().map(row).collect();
    format!(
        "## Which quota binds first\n\nLambda has {} tasks at once for all functions.\n\n{}",
        number(room),
        table(&head, &rows),
    )
}
