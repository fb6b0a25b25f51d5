//! The bill of a day.

use super::{Facts, PAIRS, number, table, texts, usd};
use crate::naive;
use crate::prices::{Bill, Prices};
use crate::settings::{Function, size, time};
use crate::steps;
use crate::town::Sharing;
use crate::usage::{Ops, Usage};

/// The goal for the cost of a day with shared feeds.
const GOAL: f64 = 0.30;

/// The bill by sharing, with the naive design beside it, and further costs.
pub(super) fn bills(facts: &Facts<'_>) -> String {
    let mut columns: Vec<(String, Bill, u64)> = Vec::new();
    for sharing in [Sharing::Nobody, Sharing::Four, Sharing::Mls] {
        let Some(played) = facts.night(sharing, PAIRS) else {
            continue;
        };
        let bill = facts.prices.bill(&played.night.all());
        columns.push((
            sharing.words().to_owned(),
            bill,
            played.town.feeds.len() as u64,
        ));
    }
    let mut naive_events = 0;
    if let Some(played) = facts.night(Sharing::Nobody, PAIRS) {
        let (usage, most) = naive::day(&played.town);
        naive_events = most;
        let feeds = played.town.feeds.len() as u64;
        columns.push((
            "a state a page, nobody shares".to_owned(),
            facts.prices.bill(&usage),
            feeds,
        ));
    }
    let mut head = texts(&["$ a day"]);
    head.extend(columns.iter().map(|(words, _, _)| words.clone()));
    let names = columns
        .first()
        .map(|(_, bill, _)| bill.lines.clone())
        .unwrap_or_default();
    let mut rows = vec![row("feeds", &columns, |(_, _, feeds)| number(*feeds))];
    for (name, _) in names {
        rows.push(row(name, &columns, |(_, bill, _)| usd(bill.line(name))));
    }
    rows.push(row("**a day**", &columns, |(_, bill, _)| {
        format!("**{}**", usd(bill.total()))
    }));
    rows.push(row("a month", &columns, |(_, bill, _)| {
        usd(Prices::month(bill.total()))
    }));
    rows.push(row("a pair and month, cents", &columns, |(_, bill, _)| {
        format!("{:.2}", Prices::month(bill.total()) / PAIRS as f64 * 100.0)
    }));
    format!(
        "## The bill of a day\n\n{} pairs. Pairs share a scan if provider, credential, filter and resource \
         are the same. For example, an agency that holds an MLS's licence for its clients has one \
         credential for all their sites.\n\n{}\n{}\n{}",
        number(PAIRS as u64),
        table(&head, &rows),
        verdict(facts, &columns, naive_events),
        beside(facts),
    )
}

fn row<T>(name: &str, columns: &[T], of: impl Fn(&T) -> String) -> Vec<String> {
    std::iter::once(name.to_owned())
        .chain(columns.iter().map(of))
        .collect()
}

/// Whether the goal is met, and the largest costs.
fn verdict(facts: &Facts<'_>, columns: &[(String, Bill, u64)], naive_events: u64) -> String {
    let Some((_, bill, feeds)) = columns.get(2) else {
        return String::new();
    };
    let total = bill.total();
    let is_met = if total <= GOAL { "met" } else { "not met" };
    let mut lines = bill.lines.clone();
    lines.sort_by(|a, b| b.1.total_cmp(&a.1));
    let largest: Vec<String> = lines
        .iter()
        .take(3)
        .map(|(name, usd)| format!("{name} {:.0} %", usd / total * 100.0))
        .collect();
    let mut text = format!(
        "Goal: at most ${GOAL:.2} a day where all pairs of an MLS share; it is ${}, **{is_met}**. Of it: {}. ",
        usd(total),
        largest.join(", "),
    );
    if let Some(played) = facts.night(Sharing::Mls, PAIRS) {
        let runs = &played.night.runs;
        let transitions: u64 = runs.iter().map(|r| r.transitions).sum();
        let busy: u64 = runs.iter().map(|r| r.busy).sum();
        let shortest = runs.iter().map(|r| r.transitions).min().unwrap_or(0);
        let least = shortest * feeds;
        text += &format!(
            "The {} runs make {} transitions. {} of them are the {shortest} that every run with a \
             confirmation needs: ${} by themselves, so the goal needs fewer states, or fewer runs. \
             {} are the \
             {} times that a run found its credential busy (three each); the others are second \
             scans and waits. To find the sites to notify, `notify` lists the registry {} times \
             and reads {} \
             objects.\n\n",
            number(*feeds),
            number(transitions),
            number(least),
            usd(least as f64 * facts.prices.of("transition")),
            number(3 * busy),
            number(busy),
            number(played.night.looks),
            number(played.night.notices.ops.gets),
        );
    }
    text += &format!(
        "A state for each page would also exceed the history of an execution: the largest feed \
         would need {} events.\n",
        number(naive_events)
    );
    text
}

/// The costs that sites cause.
fn beside(facts: &Facts<'_>) -> String {
    let prices = &facts.prices;
    let pairs = PAIRS as u64;
    // A separate message, received and deleted in batches; the client's document, the delivery record, the
    // secret.
    let each = Ops {
        gets: 2,
        puts: 1,
        parameters: 1,
        ..Ops::default()
    };
    let mut told = Usage::default();
    for _ in 0..pairs {
        told.invoked(
            Function::Notify,
            steps::millis(&each) - time::INVOKE + time::NOTICE,
            each,
        );
    }
    if let Some(calls) = told.functions.get_mut(&Function::Notify) {
        // Ten a batch, eight at once.
        calls.calls = pairs.div_ceil(10);
        calls.millis = calls.millis / 5.0 + calls.calls as f64 * time::INVOKE;
    }
    told.logs = pairs * 400;
    told.ops.queue = pairs.div_ceil(10) * 3;
    let told = prices.bill(&told).total();
    let changed = facts.night(Sharing::Nobody, PAIRS).map_or(0, |p| {
        p.town
            .feeds
            .iter()
            .map(|f| f.feed.gone + f.feed.came)
            .sum::<u64>()
    });
    let look_millis = steps::millis(&Ops {
        gets: 2,
        ..Ops::default()
    });
    let api = 0.5 * look_millis / 1_000.0 * prices.of("gb_second") + prices.of("invocation");
    let reads = 3.0 * prices.of("get") + prices.of("http_request");
    let logs = (size::LOG + 300) as f64 / 1e9 * prices.of("log_gb");
    let transfer = (changed * 2 * size::KEY + pairs * size::DOCUMENT) as f64 / 1e9;
    let looked = pairs as f64 * (api + reads + logs) + transfer * prices.of("transfer_gb");
    let rows = vec![
        vec![
            "a notice to each pair's site, delivered at once".to_owned(),
            usd(told),
        ],
        vec![
            "a look of each site: manifest, and the changes of the day".to_owned(),
            usd(looked),
        ],
        vec![
            "a look every quarter of an hour, without changes".to_owned(),
            usd(96.0 * pairs as f64 * (api + reads + logs)),
        ],
    ];
    let head = texts(&["not in the bill: what the sites ask for", "$ a day"]);
    table(&head, &rows)
}

/// The prices and their sources.
pub(super) fn prices(facts: &Facts<'_>) -> String {
    let mut rows = Vec::new();
    for (name, price) in &facts.prices.prices {
        let usd = format!("{:.10}", price.usd);
        let usd = usd.trim_end_matches('0').trim_end_matches('.').to_owned();
        rows.push(vec![
            name.clone(),
            usd,
            price.unit.clone(),
            format!("[{}]({})", price.seen, price.page),
        ]);
    }
    let head = texts(&["price", "$", "for a", "looked up in"]);
    format!(
        "## Prices\n\nList prices of {}, as of {} (`crates/livelist-scale/prices.json`). Look \
         again before you quote them, first those from memory.\n\n{}",
        facts.prices.region,
        facts.prices.read,
        table(&head, &rows)
    )
}
