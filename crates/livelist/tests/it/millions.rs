//! Two million listings in little memory.

use livelist_mls::{MlsSpec, Provider};

use crate::reader;
use crate::stranger::{Links, Manners, PLAIN, Stranger};
use crate::strangers::town_of;
use crate::town::{Started, Town};

const LISTINGS: u64 = 2_000_000;
/// Half of what the smallest function has, in kilobytes.
const MOST_MEMORY: u64 = 128 * 1024;

/// The most memory that a process has had so far, in kilobytes; nothing once it has ended.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Waits for the end of a process, and tells the most memory it had.
fn watched(mut process: Started) -> u64 {
    let id = process.child.id();
    let mut most = 0;
    // The peak never falls, so that the last look before the end has seen it.
    process.until(|| {
        most = peak(id).unwrap_or(0).max(most);
        false
    });
    process.done().assert(0);
    most
}

/// Reconciles, and checks memory and keys.
fn reconciled(town: &Town, date: &str, live: &[String]) {
    let day = ["reconcile", "--json", "--date", date];
    let most = watched(town.start(&town.data(), &day));
    println!("{date}: {} MiB", most / 1024);
    assert!(most > 0 && most < MOST_MEMORY, "{most} KiB");
    assert!(reader::only(&town.data()).unwrap().keys == live);
}

#[test]
fn two_millions_in_large_pages_need_little_memory() {
    let town = Town::one(MlsSpec::new("abor", Provider::Trestle, LISTINGS));
    let control = town.mls("abor");
    reconciled(&town, "2026-11-21", &control.live_keys());
    control.sell(1_000);
    reconciled(&town, "2026-11-22", &control.live_keys());
}

/// Paragon's pages are Bridge's, without its budget of 334 requests a minute, which the command
/// keeps.
#[test]
fn two_millions_in_a_thousand_pages_need_little_memory() {
    let manners = Manners {
        links: Links::Opaque,
        page: 2_000,
        top_is_total: false,
        counts: true,
        ..PLAIN
    };
    let key = |n| format!("{n:07}");
    // Far from sorted, as replication comes by time.
    let rows = (0..LISTINGS).map(|n| key(n * 7_368_787 % LISTINGS));
    let stranger = Stranger::start(rows, manners.clone());
    let town = town_of(&stranger, &manners, "paragon");
    let mut live: Vec<String> = (0..LISTINGS).map(key).collect();
    reconciled(&town, "2026-11-21", &live);
    let sold = stranger.book.lock().unwrap().sell(5_000..6_000);
    live.retain(|key| !sold.contains(key));
    reconciled(&town, "2026-11-22", &live);
}
