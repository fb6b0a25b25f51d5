//! Shortens a story that goes wrong: leaves out everything without which it still goes wrong.

use crate::play::{Report, play};
use crate::story::{Cut, Story, Without};

/// A story is tried at most this often.
const TRIES: usize = 600;

/// The shortest cut of `cut` that still goes wrong, and its report.
///
/// # Errors
/// The story cannot be played, or does not go wrong.
pub fn shrink(cut: &Cut) -> Result<(Cut, Report), String> {
    let mut best = play(cut, Some(1))?;
    if best.violations.is_empty() {
        return Err(format!("the story {cut} does not go wrong"));
    }
    let mut cut = cut.clone();
    let mut tries = 0;
    let mut attempt =
        |cut: &mut Cut, best: &mut Report, without: Without| -> Result<bool, String> {
            if tries >= TRIES || cut.without.contains(&without) {
                return Ok(false);
            }
            tries += 1;
            let mut shorter = cut.clone();
            shorter.without.push(without);
            let report = play(&shorter, Some(1))?;
            if report.violations.is_empty() {
                return Ok(false);
            }
            *cut = shorter;
            *best = report;
            Ok(true)
        };
    for one in cut.contradictions() {
        attempt(&mut cut, &mut best, Without::Contradiction(one))?;
    }
    let story = Story::of(&cut);
    // Try an earlier start of the final quiet days: the fewest days first.
    let days = story.days.len();
    for kept in [0, 1, 2, 4, 8, 12, 16, 24, 32, 40] {
        if kept < days && attempt(&mut cut, &mut best, Without::DaysFrom(kept))? {
            break;
        }
    }
    attempt(&mut cut, &mut best, Without::Strikes)?;
    for feed in 0..story.feeds.len() {
        attempt(&mut cut, &mut best, Without::Feed(feed))?;
    }
    for day in (0..Story::of(&cut).days.len()).rev() {
        attempt(&mut cut, &mut best, Without::Day(day))?;
    }
    for by in [8, 4, 2] {
        if attempt(&mut cut, &mut best, Without::Books(by))? {
            break;
        }
    }
    let left = Story::of(&cut);
    for (day, plan) in left.days.iter().enumerate() {
        if cut.without.contains(&Without::Day(day)) {
            continue;
        }
        attempt(&mut cut, &mut best, Without::Extras(day))?;
        for (mls, plan) in plan.mlss.iter().enumerate() {
            for rule in 0..plan.rules.len() {
                attempt(&mut cut, &mut best, Without::Rule(day, mls, rule))?;
            }
            for event in 0..plan.events.len() {
                attempt(&mut cut, &mut best, Without::Event(day, mls, event))?;
            }
        }
    }
    loop {
        let struck = best.struck.clone();
        let mut found = false;
        for strike in struck {
            found |= attempt(&mut cut, &mut best, Without::Strike(strike))?;
        }
        if !found {
            return Ok((cut, best));
        }
    }
}
