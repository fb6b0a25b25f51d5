//! The calls of each step to the store and the small services, taken from `livelist-steps`, and their
//! duration. A test on the local stack checks the objects (`tests/system/local_stack/scale.rs`).

use crate::settings::{size, time};
use crate::usage::Ops;
use crate::work::{Feed, Work};

/// Renewing a lease reads it; its writes are counted where the time is known.
const RENEW: Ops = Ops { gets: 1, ..NONE };
/// Writing it.
pub const WRITE_LEASE: Ops = Ops { puts: 1, ..NONE };
const NONE: Ops = Ops {
    gets: 0,
    puts: 0,
    lists: 0,
    deletes: 0,
    kms: 0,
    parameters: 0,
    queue: 0,
    starts: 0,
};

fn with(ops: &[Ops]) -> Ops {
    let mut sum = NONE;
    for op in ops {
        sum += *op;
    }
    sum
}

fn get(n: u64) -> Ops {
    Ops { gets: n, ..NONE }
}

fn put(n: u64) -> Ops {
    Ops { puts: n, ..NONE }
}

/// How long calls take one after the other, in milliseconds.
pub fn millis(ops: &Ops) -> f64 {
    let calls = (ops.kms + ops.parameters + ops.queue + ops.starts) as f64;
    time::INVOKE
        + ops.gets as f64 * time::GET
        + (ops.puts + ops.deletes) as f64 * time::PUT
        + ops.lists as f64 * time::LIST
        + calls * time::CALL
}

/// `acquire` that found another's lease.
pub fn busy() -> Ops {
    get(1)
}

/// `acquire` that got the credential: the lease, and the run's record.
pub fn acquire() -> Ops {
    with(&[RENEW, get(1), put(1)])
}

/// `authorize`: the registry's document, the secret, and the token sealed. A token that this process has is not asked for.
pub fn authorize() -> Ops {
    with(&[
        RENEW,
        get(1),
        Ops {
            parameters: 1,
            kms: 1,
            ..NONE
        },
    ])
}

/// Parts that a scan task writes for this many keys.
pub fn parts(keys: u64) -> u64 {
    (keys * size::HELD_KEY).div_ceil(size::PART)
}

/// A scan task: its progress, the ledger (with `kept` entries besides the last), and its parts; if it goes
/// by an order, the marks of the last scan, and at its end its own.
pub fn scan(work: &Work, asked: u64, kept: u64, parts: u64, ended: bool) -> Ops {
    let account = if work.limits.is_empty() {
        NONE
    } else {
        account(asked, kept)
    };
    let marks = match work.dialect.scan.is_by_order() && work.at_once > 1 {
        true => with(&[get(1), put(u64::from(ended && work.pages > 2))]),
        false => NONE,
    };
    let before_and_after = [RENEW, RENEW, Ops { kms: 1, ..NONE }];
    with(&[
        with(&before_and_after),
        get(1),
        account,
        marks,
        put(parts),
        put(1),
    ])
}

fn account(asked: u64, kept: u64) -> Ops {
    let writes = kept + u64::from(asked > 0);
    Ops {
        gets: 1 + writes,
        puts: writes,
        ..NONE
    }
}

/// A comparison: progress, head, parts and former snapshot; the absent keys and the result. One that asks
/// for another scan writes that, too.
pub fn compare(parts: u64, again: bool) -> Ops {
    with(&[RENEW, get(3 + parts), put(2 + u64::from(again))])
}

/// A confirmation task: the comparison, the absent keys and the learned form of questions; at the end the
/// list of gone keys.
pub fn confirm(work: &Work, asked: u64, kept: u64, resumed: bool, ended: bool) -> Ops {
    let account = if work.limits.is_empty() {
        NONE
    } else {
        account(asked, kept)
    };
    let conclusion = if ended { with(&[get(1), put(1)]) } else { NONE };
    let documents = with(&[get(3 + u64::from(resumed)), put(1)]);
    with(&[
        RENEW,
        RENEW,
        Ops { kms: 1, ..NONE },
        account,
        documents,
        conclusion,
    ])
}

/// `publish`: the documents and, if something changed, the progress, the parts and the former snapshot;
/// the new lists, the head, the run's record; and if something changed, the event with its note,
/// and tags for objects that are no longer needed: the former snapshot, and the delta that is older than
/// the newest thirty.
pub fn publish(work: &Work, parts: u64) -> Ops {
    let lists = if work.changes { 1 + parts + 1 } else { 0 };
    let read = get(1 + u64::from(work.confirms) + 1 + lists);
    let record = with(&[get(1), put(1)]);
    let told = match work.changes {
        true => with(&[get(1), put(1), Ops { queue: 1, ..NONE }]),
        false => get(1),
    };
    let lists = if work.changes { put(2) } else { NONE };
    let retired = if work.changes { put(2) } else { NONE };
    with(&[
        RENEW,
        read,
        lists,
        put(1),
        told,
        record,
        retired,
        Ops { deletes: 1, ..NONE },
    ])
}

/// `release`: the run's record and the feed's history are read, the history is written; the lease is
/// read and deleted.
pub fn release() -> Ops {
    let history = with(&[get(2), put(1)]);
    with(&[history, get(1), Ops { deletes: 1, ..NONE }])
}

/// The worker for one pair: the documents of MLS and client, and the start.
pub fn start() -> Ops {
    with(&[get(2), Ops { starts: 1, ..NONE }])
}

/// Objects that a run leaves below its feed on a day with changes, without overwritten ones: `(below the
/// run, lists)`.
pub fn objects(work: &Work, scan_tasks: u64, confirm_tasks: u64, parts: u64) -> (u64, u64) {
    let again = u64::from(work.scans - 1);
    // A progress for each task and for each new scan; a comparison for each scan. The list of absent keys
    // is the same if two scans miss the same keys.
    let scan = parts + scan_tasks + again;
    let compare = 1 + u64::from(work.scans);
    let confirm = confirm_tasks + u64::from(work.confirms);
    let lists = if work.changes { 2 } else { 0 };
    (1 + scan + compare + confirm, lists)
}

/// Bytes that a run writes and that are kept for weeks.
pub fn stored(feed: &Feed, work: &Work) -> u64 {
    let parts = u64::from(work.scans) * feed.keys * size::KEY;
    let lists = if work.changes {
        (feed.keys + feed.gone + feed.came) * size::KEY
    } else {
        0
    };
    parts + lists + 8 * size::DOCUMENT
}
