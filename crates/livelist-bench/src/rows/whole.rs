//! Row 3: a whole run in one process, from small feeds to huge ones.

use super::{Plan, Provided};
use crate::Failed;
use crate::child::steps::Whole;
use crate::machine::Usage;
use crate::process::child;
use crate::report::{Section, count, seconds, verdict};

const PEAK: f64 = 64.0;
const FLAT: f64 = 128.0;
const EXPONENT: f64 = 1.05;

const SMALL_PAGES: u64 = 2_000;
const LARGE_PAGES: u64 = 300_000;
/// The feed of the goals for a run's CPU.
const ORDINARY: u64 = 500_000;
const HUGE: u64 = 10_000_000;

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let mut rows = Vec::new();
    let mut shows = Vec::new();
    let mut curve = Vec::new();
    let cases = [
        (ORDINARY, SMALL_PAGES),
        (100_000, LARGE_PAGES),
        (ORDINARY, LARGE_PAGES),
        (1_000_000, LARGE_PAGES),
        (2_000_000, LARGE_PAGES),
        (5_000_000, LARGE_PAGES),
        (HUGE, LARGE_PAGES),
    ];
    for (full, page) in cases {
        let keys = plan.keys(full);
        let run = one(plan, keys, page)?;
        let name = format!("{} keys, pages of {}", count(keys), count(page));
        let peak = |goal| {
            let verdict = goal_of(run.usage.peak, goal, " MB", &run.highest);
            format!("{name}: peak {verdict}")
        };
        if full == ORDINARY {
            let goal = if page == SMALL_PAGES { 0.5 } else { 0.6 };
            let verdict = goal_of(run.usage.cpu, goal, " s", &run.longest);
            shows.push(format!("{name}: CPU {verdict}"));
        }
        if full == ORDINARY && page == SMALL_PAGES {
            shows.push(peak(PEAK));
        }
        if full == HUGE {
            shows.push(peak(FLAT));
        }
        if page == LARGE_PAGES {
            curve.push((keys as f64, run.usage.cpu));
        }
        rows.push(run.cells);
    }
    shows.push(format!(
        "CPU grows with the exponent {} over {} to {} keys",
        verdict(slope(&curve), EXPONENT, ""),
        count(plan.keys(100_000)),
        count(plan.keys(HUGE)),
    ));
    Ok(Section {
        name: "whole",
        title: "3. A whole run in one process",
        what: "Acquire, authorize, scan, compare, confirm, publish, release on a directory, over loopback \
               HTTP from another process: the second day of a feed, with half a percent of the \
               keys removed and half a percent added. Each absent key is asked for. Waits for rate \
               limits are skipped by a clock that jumps. Pages and answers as in row 1, gzip; \
               feeds of \
               2,000,000 keys and more are measured less often. The columns after the peak are the \
               CPU of each step. The exponent is that of the CPU with pages of 300,000, by least \
               squares on the logarithms."
            .to_owned(),
        head: vec![
            "keys, rows a page",
            "requests",
            "CPU",
            "wall",
            "peak",
            "scan",
            "compare",
            "confirm",
            "publish",
        ],
        rows,
        shows,
    })
}

/// Whether a goal is met, and if not, why.
fn goal_of(value: f64, goal: f64, unit: &str, binds: &str) -> String {
    let told = verdict(value, goal, unit);
    if value <= goal {
        told
    } else {
        format!("{told}: {binds}")
    }
}

/// How often a feed of this many keys is measured: long runs vary less, and take time.
fn repeats(plan: &Plan, keys: u64) -> usize {
    let most = match keys {
        ..2_000_000 => usize::MAX,
        2_000_000..5_000_000 => 3,
        _ => 2,
    };
    plan.repeat.min(most)
}

/// The slope of the logarithms, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let n = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let above: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let below: f64 = logs.iter().map(|p| (p.0 - x).powi(2)).sum();
    above / below
}

/// The usage of a run.
struct Run {
    usage: Usage,
    cells: Vec<String>,
    /// Which step took most of the CPU.
    longest: String,
    /// In which step the memory was highest.
    highest: String,
}

fn one(plan: &Plan, keys: u64, page: u64) -> Result<Run, Failed> {
    let provided = Provided::by_pages(page, keys, true)?;
    let feed = provided.feed(Some(page))?;
    let data = plan.fresh("whole")?;
    let _: Whole = child("counted", &feed.job(&data, 20))?;
    provided.change(keys / 200)?;
    let job = feed.job(&data, 21);
    let copy = plan.folder("whole-copy");
    let again = || child::<Whole>("counted", &job.copy_to(&copy)?);
    // During the first one the other process makes the pages: its wall time is too long, and the
    // least counts.
    let mut runs = vec![again()?];
    for _ in 1..repeats(plan, keys).max(2) {
        runs.push(again()?);
    }
    let usage = Usage::best(&runs.iter().map(|r| r.usage).collect::<Vec<_>>());
    let step = |name: &str| {
        let all = runs.iter().filter_map(|r| r.steps.get(name));
        all.copied().fold(f64::INFINITY, f64::min)
    };
    let last = runs.last().ok_or("measured no run")?;
    if last.removed != keys / 200 || last.added != keys / 200 || last.count != keys {
        return Err(format!("not what was changed: {last:?}").into());
    }
    let cells = vec![
        format!("{}, {}", count(keys), count(page)),
        last.requests.to_string(),
        seconds(usage.cpu),
        seconds(usage.wall),
        format!("{:.0} MB", usage.peak),
        seconds(step("scan")),
        seconds(step("compare")),
        seconds(step("confirm")),
        seconds(step("publish")),
    ];
    let highest = last.highest.as_deref().unwrap_or("no step");
    let longest = last.steps.keys().map(|name| (name, step(name)));
    let (name, cpu) = longest
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .ok_or("no step was measured")?;
    Ok(Run {
        usage,
        cells,
        longest: format!("{name} takes {:.0} % of it", cpu / usage.cpu * 100.0),
        highest: format!("reached in {highest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_says_what_binds() {
        assert!(!goal_of(1.0, 2.0, " s", "scan").contains("scan"));
        assert!(goal_of(3.0, 2.0, " s", "scan").ends_with(": scan"));
    }

    #[test]
    fn a_line_through_powers_has_their_exponent() {
        let points = [1.0, 10.0, 100.0].map(|x: f64| (x, 3.0 * x.powf(1.5)));
        assert!((slope(&points) - 1.5).abs() < 1e-9);
    }
}
