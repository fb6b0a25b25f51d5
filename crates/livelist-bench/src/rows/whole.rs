//! Row 3: a whole run in one process, from small feeds to huge ones.

use livelist_mls::Provider;

use super::{Plan, Provided};
use crate::Failed;
use crate::child::steps::Whole;
use crate::machine::Usage;
use crate::process::child;
use crate::report::{Section, count, seconds, verdict};

const SMALL_PAGES: f64 = 0.5;
const LARGE_PAGES: f64 = 0.6;
const PEAK: f64 = 64.0;
const FLAT: f64 = 128.0;
const EXPONENT: f64 = 1.05;

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let mut rows = Vec::new();
    let mut shows = Vec::new();
    let mut curve = Vec::new();
    let cases = [
        (500_000, 2_000),
        (100_000, 300_000),
        (500_000, 300_000),
        (1_000_000, 300_000),
        (3_000_000, 300_000),
        (10_000_000, 300_000),
    ];
    for (keys, page) in cases {
        let keys = plan.keys(keys);
        let (usage, row) = one(plan, keys, page)?;
        rows.push(row);
        let name = format!("{} keys, pages of {}", count(keys), count(page));
        if keys == plan.keys(500_000) {
            let goal = if page == 2_000 {
                SMALL_PAGES
            } else {
                LARGE_PAGES
            };
            shows.push(format!("{name}: CPU {}", verdict(usage.cpu, goal, " s")));
            if page == 2_000 {
                shows.push(format!("{name}: peak {}", verdict(usage.peak, PEAK, " MB")));
            }
        }
        if page == 300_000 {
            curve.push((keys as f64, usage.cpu));
        }
        if keys == plan.keys(10_000_000) {
            shows.push(format!("{name}: peak {}", verdict(usage.peak, FLAT, " MB")));
        }
    }
    shows.push(format!(
        "CPU grows with the exponent {} over {} to {} keys",
        verdict(slope(&curve), EXPONENT, ""),
        count(plan.keys(100_000)),
        count(plan.keys(10_000_000)),
    ));
    Ok(Section {
        name: "whole",
        title: "3. A whole run in one process",
        what: "Acquire, authorize, scan, compare, confirm, publish, release on a directory, over loopback \
               HTTP from another process: the second day of a feed of which half a percent went and half \
               a percent came. Each absent key is asked for. Pages and answers as in row 1, gzip."
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

fn one(plan: &Plan, keys: u64, page: u64) -> Result<(Usage, Vec<String>), Failed> {
    let provider = if page > 10_000 {
        Provider::Trestle
    } else {
        Provider::Ampre
    };
    let provided = Provided::start(provider, keys, true)?;
    let feed = provided.feed(Some(page))?;
    let data = plan.folder("whole");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let _: Whole = child("whole", &feed.job(&data, 20))?;
    provided.change(keys / 200)?;
    let job = feed.job(&data, 21);
    let copy = plan.folder("whole-copy");
    // The first one makes the pages.
    let _: Whole = child("whole", &job.copy_to(&copy)?)?;
    let runs = plan.several(|| child::<Whole>("whole", &job.copy_to(&copy)?))?;
    let usage = Usage::best(&runs.iter().map(|r| r.usage).collect::<Vec<_>>());
    let step = |name: &str| {
        let all = runs.iter().filter_map(|r| r.steps.get(name));
        seconds(all.copied().fold(f64::INFINITY, f64::min))
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
        step("scan"),
        step("compare"),
        step("confirm"),
        step("publish"),
    ];
    Ok((usage, cells))
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_line_through_powers_has_their_exponent() {
        let points = [1.0, 10.0, 100.0].map(|x: f64| (x, 3.0 * x.powf(1.5)));
        assert!((slope(&points) - 1.5).abs() < 1e-9);
    }
}
