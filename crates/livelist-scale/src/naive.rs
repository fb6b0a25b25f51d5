//! The obvious design, for comparison: an execution for each pair, a state for each page of at most 1,000
//! rows, and waits for the provider's limits inside the function.

use livelist_model::budget::least_time;

use crate::machine::Step;
use crate::settings::{Function, size, time};
use crate::steps;
use crate::town::Town;
use crate::usage::{Ops, Usage};
use crate::work::{Feed, Work};

/// The most rows of its pages.
const PAGE: u32 = 1_000;
/// States of a page: the task, and the Choice that asks for more.
const STATES_A_PAGE: u64 = 2;
/// History events of them.
const EVENTS_A_PAGE: u64 = 7;
/// The other states of an execution.
const OTHER_STATES: u64 = 8;

/// The usage of a day, and the most history events of an execution.
pub fn day(town: &Town) -> (Usage, u64) {
    let mut usage = Usage::default();
    let mut most = 0;
    for pair in &town.pairs {
        let feed = &town.feeds[*pair].feed;
        let feed = Feed {
            page: Some(PAGE.min(feed.page.unwrap_or(PAGE))),
            ..feed.clone()
        };
        let Some(work) = Work::of(&feed) else {
            continue;
        };
        let requests = work.requests();
        usage.transitions += requests * STATES_A_PAGE + OTHER_STATES;
        most = most.max(requests * EVENTS_A_PAGE + OTHER_STATES * 4);
        let rows = u64::from(work.scans) * feed.keys;
        let pause = least_time(requests, rows * size::ROW, &work.limits).as_millis() as f64;
        let asked = requests as f64 * time::ANSWER + rows as f64 * (time::ROW + time::SCAN_KEY);
        // A page is an object.
        let page = steps::millis(&Ops {
            puts: 1,
            ..Ops::default()
        });
        let millis = asked.max(pause) + requests as f64 * page;
        let ops = Ops {
            puts: requests,
            kms: requests,
            ..Ops::default()
        };
        usage.invoked(Function::Step(Step::Scan), millis, ops);
        if let Some(calls) = usage.functions.get_mut(&Function::Step(Step::Scan)) {
            calls.calls += requests - 1;
        }
        usage.logs += (requests - 1) * size::LOG;
        for (step, ops, key) in [
            (
                Step::Compare,
                steps::compare(work.pages, false),
                time::COMPARE_KEY,
            ),
            (
                Step::Publish,
                steps::publish(&work, work.pages),
                time::PUBLISH_KEY,
            ),
        ] {
            let millis = steps::millis(&ops) + 2.0 * feed.keys as f64 * key;
            usage.invoked(Function::Step(step), millis, ops);
        }
        usage.stored += steps::stored(&feed, &work);
    }
    (usage, most)
}
