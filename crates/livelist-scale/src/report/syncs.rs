//! What a day of records costs.

use super::{Facts, MLS, number, table, texts, usd};
use crate::syncs::{SYNCS, as_executions, day};

/// The goal for Livelist's own part of a day.
const GOAL: f64 = 5.0;

/// The bill of a day of syncs, by resources and by how many find something.
pub(super) fn syncs(facts: &Facts<'_>) -> String {
    let mls = MLS as u64;
    let prices = &facts.prices;
    let worlds = [
        ("Property, each sync finds something", 1, 1.0),
        ("Property, half of them do", 1, 0.5),
        ("three resources, each finds something", 3, 1.0),
        ("three resources, half of them do", 3, 0.5),
    ];
    let bills = worlds.map(|(_, resources, found)| day(prices, mls, resources, found));
    let mut head = texts(&["$ a day"]);
    head.extend(worlds.iter().map(|(words, ..)| (*words).to_owned()));
    let mut rows = Vec::new();
    for (name, _) in &bills[0].lines {
        let mut row = vec![(*name).to_owned()];
        row.extend(bills.iter().map(|bill| usd(bill.line(name))));
        rows.push(row);
    }
    let mut row = vec!["**a day**".to_owned()];
    row.extend(
        bills
            .iter()
            .map(|bill| format!("**{}**", usd(bill.total()))),
    );
    rows.push(row);
    let met = |nth: usize| match bills[nth].total() <= GOAL {
        true => "met",
        false => "not met",
    };
    format!(
        "## Records\n\n{} MLSs, a sync of each every 15 minutes ({} a day), one copy of each in a database. A sync is a \
         call of `pull`, and where it found something one of `apply`; no state machine is started. The calls of \
         storage are those that a real sync makes (`tests/system/drift/syncs.rs`). The databases are not included, \
         nor is a network for `apply`.\n\n{}\nGoal: at most ${GOAL:.0} a day for Livelist's own part. With `Property` \
         alone it is **{}** even if each sync finds something; with three resources it is **{}** if half of them do, \
         and **{}** if all do. Writes to S3 are the largest part: for each resource its cursor and its requests, and \
         for each change a segment, its index, and later the tags of both.\n\nAs executions of a state machine with \
         eight states the same syncs would cost ${} in transitions alone.\n",
        number(mls),
        number(mls * SYNCS),
        table(&head, &rows),
        met(0),
        met(3),
        met(2),
        usd(as_executions(prices, mls)),
    )
}
