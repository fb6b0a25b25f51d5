//! A month of `livelist serve` in accelerated time: its memory does not grow. `make month`.

use std::time::{Duration, Instant};

use livelist_mls::{MlsSpec, Provider};
use serde_json::json;

use crate::reader;
use crate::serve::Server;
use crate::town::Town;

const DAYS: usize = 30;
const FEEDS: usize = 24;
const LISTINGS: u64 = 3_000;
/// A day takes six seconds.
const FACTOR: u32 = 14_400;
/// Until then caches and pools fill.
const WARM: usize = 10;
/// Seconds of a day.
const DAY: i64 = 86_400;
const KEY: &str = "ll1.acme.0123456789abcdef";

/// `VmRSS` in KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

fn median(days: &[u64]) -> u64 {
    let mut days = days.to_vec();
    days.sort_unstable();
    days[days.len() / 2]
}

#[test]
#[ignore = "takes three minutes: make month"]
fn a_month_takes_no_more_memory_than_a_week() {
    let names: Vec<String> = (0..FEEDS).map(|n| format!("mls{n:02}")).collect();
    let spec = |mls: &String| MlsSpec::new(mls, Provider::Trestle, LISTINGS);
    let mut town = Town::of(names.iter().map(spec).collect());
    let pairs: Vec<_> = names
        .iter()
        .map(|mls| json!({"mls": mls, "resource": "Property"}))
        .collect();
    let digest = reader::digest(KEY.as_bytes());
    town.write(
        "clients/acme.json",
        &json!({"client": "acme", "pairs": pairs, "api_keys": [{"id": "site", "sha256": digest}]}),
    );
    // As in the unit of docs/one-machine.md: not a heap for each thread.
    town.set("MALLOC_ARENA_MAX", Some("2"));
    let lapse = FACTOR.to_string();
    let server = Server::with_schedule(&town, &["--lapse", &lapse, "--jobs", "4"]);
    // Looked at in the afternoon (UTC), when nothing runs.
    let begun = Instant::now();
    let hour = jiff::Timestamp::now().as_second().rem_euclid(DAY);
    let afternoon = u64::try_from((16 * 3_600 - hour).rem_euclid(DAY)).unwrap();
    let mut days = Vec::new();
    for day in 1..=DAYS {
        let until = Duration::from_secs(afternoon + day as u64 * 86_400) / FACTOR;
        std::thread::sleep(until.saturating_sub(begun.elapsed()));
        assert_eq!(server.get("/v1/feeds", Some(KEY), &[]).status, 200);
        days.push(resident(server.id()));
        println!("day {day}: {} KiB", days[day - 1]);
        for mls in &names {
            town.mls(mls).sell(40);
            town.mls(mls).add(40);
        }
    }
    server.stop().assert(0);
    let feeds = reader::feeds(&town.data());
    assert_eq!(feeds.len(), FEEDS);
    let mut published = 0;
    for feed in &feeds {
        let list = reader::list(&town.data(), feed).unwrap();
        assert_eq!(list.keys.len(), usize::try_from(LISTINGS).unwrap());
        published += list.head["sequence"].as_u64().unwrap();
    }
    let third = (DAYS - WARM) / 3;
    let first = median(&days[WARM..WARM + third]);
    let last = median(&days[DAYS - third..]);
    let disk = std::process::Command::new("du")
        .args(["-sk", town.data().to_str().unwrap()])
        .output()
        .unwrap();
    println!("on disk: {}", String::from_utf8_lossy(&disk.stdout));
    println!("{published} lists; first third {first} KiB, last third {last} KiB");
    assert!(published as usize >= FEEDS * DAYS * 3 / 4, "{published}");
    assert!(last <= first + first / 10, "{first} KiB became {last} KiB");
}
