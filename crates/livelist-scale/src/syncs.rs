//! Records: what the syncs of a day cost. The calls of one sync are compared with those of a real one by a test of the
//! system (`drift/syncs.rs`).

use crate::prices::{Bill, Prices};
use crate::settings::{size, time};
use crate::usage::Ops;

/// What a sync found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing new.
    Nothing,
    /// Changes of one resource.
    Something,
}

/// Syncs of an MLS in a day: one every 15 minutes.
pub const SYNCS: u64 = 96;
/// So many syncs that found something end with a merge of the log's segments.
pub const A_MERGE: u64 = 5;
/// Writes of a merge: the new piece, and the tags of those that it replaces.
pub const MERGE: u64 = 15;
/// Reads of a merge.
const MERGED: u64 = 6;
/// Memory of `pull` and `apply`, in MB, as `template.yaml` has it.
pub const MEMORY: u64 = 512;
/// Writing some rows into a database and committing, in milliseconds.
const DATABASE: f64 = 150.0;

/// The calls of a sync of so many resources, without a merge.
pub fn sync(resources: u64, found: Found) -> Ops {
    let is_new = u64::from(found == Found::Something);
    Ops {
        gets: 9 + 7 * resources + is_new,
        puts: 2 + 2 * resources + 2 * is_new,
        deletes: 1,
        queue: 2 + is_new,
        ..Ops::default()
    }
}

/// The calls of the writing of one copy.
pub fn apply(resources: u64) -> Ops {
    Ops {
        gets: 5 + resources,
        puts: 1,
        queue: 2,
        parameters: 1,
        ..Ops::default()
    }
}

/// How long the calls take, in milliseconds.
fn millis(ops: &Ops) -> f64 {
    ops.gets as f64 * time::GET
        + (ops.puts + ops.deletes) as f64 * time::PUT
        + ops.parameters as f64 * time::CALL
        + time::INVOKE
}

/// The cost of a day of so many MLSs, of each of which so many resources are synced into one copy. `found` is the
/// share of syncs that find something, from 0 to 1.
pub fn day(prices: &Prices, mls: u64, resources: u64, found: f64) -> Bill {
    let syncs = (mls * SYNCS) as f64;
    let news = syncs * found;
    let quiet = sync(resources, Found::Nothing);
    let new = sync(resources, Found::Something);
    let copy = apply(resources);
    let sum = |of: fn(&Ops) -> u64| {
        (syncs - news) * of(&quiet) as f64 + news * (of(&new) + of(&copy)) as f64
    };
    let merges = news / A_MERGE as f64;
    // A token, and for each resource a page; a process that is warm may have a token yet, which is not counted.
    let asked = time::TOKEN + resources as f64 * time::ANSWER;
    let took = (syncs - news) * (millis(&quiet) + asked)
        + news * (millis(&new) + asked + millis(&copy) + DATABASE)
        + merges * (MERGED as f64 * time::GET + MERGE as f64 * time::PUT);
    let gb_seconds = took / 1_000.0 * MEMORY as f64 / 1_024.0;
    let calls = syncs + news;
    // The planner of syncs, every five minutes: its messages in batches of ten; small beside the rest.
    let sent = syncs / 10.0;
    let lines = vec![
        ("Step Functions", 0.0),
        ("Lambda, time", gb_seconds * prices.of("gb_second")),
        ("Lambda, calls", calls * prices.of("invocation")),
        (
            "S3, writes",
            (sum(|ops| ops.puts) + merges * MERGE as f64) * prices.of("put"),
        ),
        (
            "S3, reads",
            (sum(|ops| ops.gets) + merges * MERGED as f64) * prices.of("get"),
        ),
        (
            "SQS",
            (sum(|ops| ops.queue) + sent) * prices.of("queue_request"),
        ),
        ("Logs", calls * size::LOG as f64 / 1e9 * prices.of("log_gb")),
    ];
    Bill { lines }
}

/// What the same syncs would cost in transitions alone, each as an execution of as few states as a run has without a
/// confirmation: acquire, busy, pick, token, authorized, pull, more, release.
pub fn as_executions(prices: &Prices, mls: u64) -> f64 {
    const STATES: u64 = 8;
    (mls * SYNCS * STATES) as f64 * prices.of("transition")
}
