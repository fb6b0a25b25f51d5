//! `kill -9` at any moment: published lists are whole, and the next run finishes the work.

use std::fs;
use std::path::Path;

use livelist_mls::{Fault, FaultRule, MlsSpec, On, Options, Provider, RequestKind, RetryAfter};
use serde_json::json;

use crate::reader::{self, List};
use crate::town::Town;

/// Answers take a moment, so that there are moments in between.
fn town(provider: Provider) -> Town {
    let options = Options {
        latency_ms: 4,
        ..Options::default()
    };
    let town = Town::one(MlsSpec {
        options,
        ..MlsSpec::new("abor", provider, 1_000)
    });
    town.mls_document("abor", &json!({"page_size": 50}));
    town
}

const DAY: [&str; 4] = ["reconcile", "--json", "--date", "2026-11-21"];
const NEXT: [&str; 4] = ["reconcile", "--json", "--date", "2026-11-22"];

/// Kills the command as soon as `moment` has come; whether it was in time.
fn kill_when(town: &Town, arguments: &[&str], moment: impl FnMut() -> bool) -> bool {
    town.mls("abor").clear_log();
    let mut started = town.start(&town.data(), arguments);
    started.until(moment);
    started.kill()
}

/// Runs the command again on what the dead left, and checks that it did all there is to do. Had it
/// to wait for the lease of the dead, it would run into the limit of these tests.
fn assert_finishes(town: &Town, arguments: &[&str]) {
    town.livelist(arguments).assert(0);
    let list = reader::only(&town.data()).expect("a list");
    assert_eq!(list.keys, town.mls("abor").live_keys());
}

/// Whether there is a file or folder with `part` in its name.
fn has_file(folder: &Path, part: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| (entry.file_name(), entry.path()));
    names.any(|(name, path)| {
        let name = name.to_str().unwrap();
        (name.contains(part) && !name.ends_with(".retired")) || has_file(&path, part)
    })
}

/// Files that mark how far publishing has come.
const MARKS: [&str; 5] = ["part-", "comparison-", "snapshots", ".txt.gz", "head.json"];

/// The moments to kill at: after so many requests. The last ones fall into publishing.
fn moments(requests: usize) -> impl Iterator<Item = usize> {
    let spread = (1..=9).map(move |ninth| requests * ninth / 9);
    spread.chain([requests; 2])
}

fn first_day(provider: Provider) {
    let dry = town(provider);
    assert_finishes(&dry, &DAY);
    let requests = dry.mls("abor").log().len();
    assert!(requests >= 22, "{requests}");
    let check = |town: &Town| {
        if let Some(list) = reader::only(&town.data()) {
            assert_eq!(list.keys, town.mls("abor").live_keys());
        }
        assert_finishes(town, &DAY);
    };
    let mut killed = 0;
    for moment in moments(requests) {
        let town = town(provider);
        let control = town.mls("abor");
        killed += u32::from(kill_when(&town, &DAY, || control.log().len() >= moment));
        check(&town);
    }
    for mark in MARKS {
        let town = town(provider);
        killed += u32::from(kill_when(&town, &DAY, || has_file(&town.data(), mark)));
        check(&town);
    }
    assert!(killed >= 8, "{killed} were killed in time");
}

#[test]
fn a_first_scan_by_key_can_be_killed() {
    first_day(Provider::Trestle);
}

#[test]
fn a_first_scan_by_links_can_be_killed() {
    first_day(Provider::Bridge);
}

/// A town with a published list, after a night of sales.
fn morning(provider: Provider) -> (Town, List) {
    let town = town(provider);
    town.only("2026-11-21", 0);
    let control = town.mls("abor");
    control.sell(150);
    control.add(20);
    let list = reader::only(&town.data()).unwrap();
    (town, list)
}

/// With a list to protect: after the kill it is the old one or the new one, whole.
fn later_day(provider: Provider) {
    let (dry, _) = morning(provider);
    dry.mls("abor").clear_log();
    assert_finishes(&dry, &NEXT);
    let requests = dry.mls("abor").log().len();
    let check = |town: &Town, before: &List| {
        let list = reader::only(&town.data()).expect("the list stays");
        if list.head["sequence"] == 1 {
            assert_eq!(list, *before);
        } else {
            assert_eq!(list.keys, town.mls("abor").live_keys());
        }
        assert_finishes(town, &NEXT);
        assert_eq!(reader::only(&town.data()).unwrap().head["sequence"], 2);
    };
    let mut killed = 0;
    for moment in moments(requests) {
        let (town, before) = morning(provider);
        let control = town.mls("abor");
        killed += u32::from(kill_when(&town, &NEXT, || control.log().len() >= moment));
        check(&town, &before);
    }
    for mark in ["confirmation-", "000002-", "000001-000002"] {
        let (town, before) = morning(provider);
        killed += u32::from(kill_when(&town, &NEXT, || has_file(&town.data(), mark)));
        check(&town, &before);
    }
    assert!(killed >= 8, "{killed} were killed in time");
}

#[test]
fn a_later_day_can_be_killed_while_keys_are_confirmed() {
    later_day(Provider::Trestle);
}

#[test]
fn a_later_day_by_links_can_be_killed() {
    later_day(Provider::Reso);
}

/// (O9) What the provider said on how long to wait outlives the process that heard it; an operator may
/// take it out.
#[test]
fn a_providers_wait_survives_a_kill() {
    for (seconds, on) in [(12, On::Page), (7_200, On::Page), (7_200, On::Token)] {
        let town = town(Provider::Trestle);
        let told = Fault::Throttle {
            status: 429,
            retry_after: RetryAfter::Seconds,
            seconds,
        };
        let control = town.mls("abor");
        control.set_faults(vec![FaultRule::new(told).on(on).times(1)]);
        let refused = || control.log().iter().any(|request| request.status == 429);
        let noted = || {
            let files = fs::read_dir(town.data().join("budgets"));
            let mut files = files.into_iter().flatten().flatten();
            files.any(|file| {
                let text = fs::read_to_string(file.path());
                text.is_ok_and(|text| text.contains("\"told\""))
            })
        };
        assert!(kill_when(&town, &DAY, || refused() && noted()));
        let asked = control.log().len();
        let begun = std::time::Instant::now();
        let mut again = town.start(&town.data(), &DAY);
        if seconds > 3_600 {
            std::thread::sleep(std::time::Duration::from_secs(2));
            assert_eq!(control.log().len(), asked, "nobody is asked");
            again.child.kill().unwrap();
            let said = town.livelist(&["resume", "abor"]).assert(0).out.clone();
            assert!(said.contains("the provider had asked to wait"), "{said}");
            again = town.start(&town.data(), &DAY);
        }
        again.done().assert(0);
        let pages = control.log().into_iter().skip(asked);
        assert!(pages.filter(|r| r.kind == RequestKind::Page).count() > 0);
        if seconds < 3_600 {
            assert!(begun.elapsed().as_secs() >= 9, "{:?}", begun.elapsed());
        }
    }
}
