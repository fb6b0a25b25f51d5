//! `livelist-hostile`: plays worlds.
use livelist_hostile::{Cut, play};
use std::io::Write;
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout();
    if args[0] == "replay" {
        let cut: Cut = args[1].parse().unwrap();
        let level = args.get(2).map_or(1, |l| l.parse().unwrap());
        let report = play(&cut, Some(level)).unwrap();
        for line in &report.tale {
            let _ = writeln!(out, "{line}");
        }
        let _ = writeln!(out, "{:?} log {:x}", report.violations, report.log);
        return;
    }
    let (a, b): (u64, u64) = (args[0].parse().unwrap(), args[1].parse().unwrap());
    let mut tally = livelist_hostile::tally::Tally::default();
    for seed in a..b {
        let report = play(&Cut::from(seed), None).unwrap();
        tally.add(&report.tally);
        if !report.violations.is_empty() {
            let _ = writeln!(out, "{seed} {:?}", report.violations);
        }
    }
    let _ = writeln!(out, "{tally:#?}");
}
