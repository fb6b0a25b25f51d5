//! The table of a campaign.

use std::fmt::Write;
use std::time::Duration;

use livelist_hostile::tally::{Counts, Tally};

/// The most common pairs of faults are shown; there are hundreds.
const PAIRS: usize = 12;

/// The counts of a campaign, for people.
pub fn table(
    tally: &Tally,
    wrong: &[(String, String)],
    taken: Duration,
    is_markdown: bool,
) -> String {
    let mut out = String::new();
    let rate = tally.days as f64 / taken.as_secs_f64().max(0.001);
    let all = [
        ("worlds".to_owned(), tally.worlds),
        ("days".to_owned(), tally.days),
        ("requests to providers".to_owned(), tally.requests),
        ("operations on our services".to_owned(), tally.operations),
        (
            "kinds of faults that struck".to_owned(),
            tally.faults.len() as u64,
        ),
        (
            "pairs of faults that met".to_owned(),
            tally.pairs.len() as u64,
        ),
        ("worlds that went wrong".to_owned(), wrong.len() as u64),
        ("days a second".to_owned(), rate as u64),
    ];
    section(&mut out, "Campaign", &all, is_markdown);
    section(&mut out, "Runs", &sorted(&tally.runs), is_markdown);
    if !tally.syncs.is_empty() {
        section(
            &mut out,
            "Syncs of records",
            &sorted(&tally.syncs),
            is_markdown,
        );
    }
    section(&mut out, "Lists", &sorted(&tally.lists), is_markdown);
    section(&mut out, "People", &sorted(&tally.people), is_markdown);
    section(
        &mut out,
        "Changes at the MLSs",
        &sorted(&tally.changes),
        is_markdown,
    );
    section(
        &mut out,
        "Faults of sources that struck",
        &sorted(&tally.faults),
        is_markdown,
    );
    let pairs: Vec<_> = sorted(&tally.pairs).into_iter().take(PAIRS).collect();
    section(&mut out, "Faults that met most often", &pairs, is_markdown);
    section(
        &mut out,
        "Crashes, errors and delays of ours",
        &sorted(&tally.strikes),
        is_markdown,
    );
    for (story, what) in wrong {
        let _ = writeln!(out, "{story}: {what}");
    }
    out
}

fn sorted(counts: &Counts) -> Vec<(String, u64)> {
    let mut sorted: Vec<_> = counts.iter().map(|(name, n)| (name.clone(), *n)).collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sorted
}

fn section(out: &mut String, title: &str, rows: &[(String, u64)], is_markdown: bool) {
    if is_markdown {
        let _ = writeln!(out, "| {title} | |\n|---|---:|");
        for (name, n) in rows {
            let _ = writeln!(out, "| {name} | {n} |");
        }
    } else {
        let _ = writeln!(out, "{title}");
        for (name, n) in rows {
            let _ = writeln!(out, "  {n:>10}  {name}");
        }
    }
    out.push('\n');
}
