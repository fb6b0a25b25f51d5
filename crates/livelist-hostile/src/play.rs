//! Plays a story from its first day to its last, and reports the result.

use std::sync::Arc;

use jiff::Timestamp;

use crate::daily;
use crate::sim::{Ms, Scheduler, Sim};
use crate::story::{Cut, Story};
use crate::tally::{Tally, count};
use crate::world::{BEGAN, DAY, World};

const HOUR: Ms = 3_600_000;
/// A day's changes happen at this hour; the day ends at the next one.
const DAWN: Ms = 3 * HOUR + HOUR / 2;
/// The schedule fires.
const PLAN: Ms = 4 * HOUR;
/// Records are copied at these hours, the last time when all else of the day is over.
const SYNCS: [Ms; 4] = [5, 9, 15, 24];
/// A person looks at what is held.
const EVENING: Ms = 20 * HOUR;

/// The result of a story.
#[derive(Debug, Clone)]
pub struct Report {
    /// Broken rules; the story ends at the first.
    pub violations: Vec<String>,
    /// The day of the first violation, from 1.
    pub failed_on: Option<usize>,
    /// The counts.
    pub tally: Tally,
    /// The same for the same story.
    pub log: u64,
    /// The crashes and errors of ours that struck.
    pub struck: Vec<u64>,
    /// The story in lines, if it was asked for.
    pub tale: Vec<String>,
}

/// Plays the story of a seed. `tells` is the level of detail: 1 for events, 2 also for errors of steps, 3
/// for every request.
///
/// # Errors
/// The story cannot be played at all.
pub fn play(cut: &Cut, tells: Option<u8>) -> Result<Report, String> {
    let story = Arc::new(Story::of(cut));
    livelist_blocking::in_place_on_this_thread();
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let world = World::new(Arc::clone(&story), tells)?;
    let sim = Sim::new(story.seed, BEGAN, world);
    let mut scheduler = Scheduler::new(Arc::clone(&sim));
    let mut failed_on = None;
    for day in 0..story.length() {
        play_day(&sim, &mut scheduler, day);
        if !sim.world().violations.is_empty() {
            failed_on = Some(day + 1);
            break;
        }
    }
    drop(scheduler);
    let mut world = sim.world();
    world.close();
    world.tally.worlds = 1;
    let mut tally = std::mem::take(&mut world.tally);
    if failed_on.is_some() {
        count(&mut tally.lists, "VIOLATIONS");
    }
    Ok(Report {
        violations: std::mem::take(&mut world.violations),
        failed_on,
        tally,
        log: world.log,
        struck: std::mem::take(&mut world.struck_numbers),
        tale: world.take_tale(),
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|e| e.to_string())
}

fn play_day(sim: &Arc<Sim>, scheduler: &mut Scheduler, day: usize) {
    let midnight = BEGAN + day as Ms * DAY;
    let is_wrong = |world: &World| !world.violations.is_empty();
    scheduler.run_until(midnight + DAWN, is_wrong);
    if is_wrong(&sim.world()) {
        return;
    }
    sim.world().begin_day(day, midnight + DAWN);
    daily::schedule(sim, day, midnight + PLAN, 0);
    let plan = sim.world().story.days.get(day).cloned();
    let is_last_quiet = plan.is_none();
    let plan = plan.unwrap_or_default();
    if plan.twice {
        daily::schedule(sim, day, midnight + PLAN + 1_000, 1);
    }
    if sim.world().story.replicates {
        for (nth, hour) in SYNCS.into_iter().enumerate() {
            daily::sync(sim, day, nth, midnight + hour * HOUR);
        }
    }
    if let Some(minutes) = plan.again_after {
        daily::again(sim, midnight + PLAN + minutes as Ms * 60_000);
    }
    if plan.slow_compare.is_some() {
        let now = midnight + PLAN + HOUR / 4;
        scheduler.run_until(now, is_wrong);
        sim.world().list_new(now);
    }
    scheduler.run_until(midnight + EVENING, is_wrong);
    if plan.operator {
        daily::decide(sim, day);
    }
    scheduler.run_until(midnight + DAY + DAWN - HOUR, is_wrong);
    let date = Timestamp::from_millisecond(midnight).map(|at| at.strftime("%Y-%m-%d").to_string());
    {
        let mut world = sim.world();
        if !is_wrong(&world) {
            world.count_pairs();
            world.check_evening(&date.unwrap_or_default());
        }
    }
    if is_last_quiet && !is_wrong(&sim.world()) {
        // In the quiet days an operator decides about everything that waits.
        let has_waited = day + 2 > sim.world().story.days.len();
        if has_waited {
            daily::decide(sim, day);
        }
    }
}
