//! A run in the night: what each of its tasks does and how long it takes.

use super::{Event, Held, SDK_PATIENCE, Sky};
use crate::account::Ended;
use crate::dice::quantile;
use crate::machine::{Machine, MachineError, Step};
use crate::settings::{Function, size, time};
use crate::steps;
use crate::usage::Ops;
use crate::walk::{Stop, Told, Walk};

/// The position of a run.
pub(super) struct Running<'t> {
    walk: Option<Walk<'t>>,
    stop: Stop,
    /// The outcome of the current task when it ends.
    told: Result<&'static str, &'static str>,
    wait: u64,
    /// Transitions that were counted already.
    counted: u64,
    /// Which scan, from 0.
    scan: u32,
    /// The next request of the scan, or of the confirmation.
    next: u64,
    first_scan: Option<u64>,
    stalled: u32,
    acquired: u64,
    leased: u64,
}

impl Running<'_> {
    pub(super) fn new() -> Self {
        Running {
            walk: None,
            stop: Stop::Wait,
            told: Ok(""),
            wait: 0,
            counted: 0,
            scan: 0,
            next: 0,
            first_scan: None,
            stalled: 0,
            acquired: 0,
            leased: 0,
        }
    }
}

/// A task on its way.
struct Task {
    ops: Ops,
    millis: f64,
    told: Result<&'static str, &'static str>,
    wait: u64,
}

fn tells(outcome: &'static str, ops: Ops) -> Task {
    Task {
        millis: steps::millis(&ops),
        ops,
        told: Ok(outcome),
        wait: 0,
    }
}

/// A task that was told to wait without progress waits longer each time (`livelist-steps`:
/// `env::patience`), in milliseconds.
fn patience(stalled: u32) -> u64 {
    match stalled {
        0 => 0,
        n => 5_000 << (n - 1).min(7),
    }
}

impl<'t> Sky<'t> {
    fn running(&mut self, feed: usize) -> Result<&mut Running<'t>, MachineError> {
        let running = self.runs.get_mut(feed).and_then(Option::as_mut);
        running.ok_or_else(|| MachineError::NoWay("no run".to_owned()))
    }

    fn walk(&mut self, feed: usize) -> Result<&mut Walk<'t>, MachineError> {
        let walk = self.running(feed)?.walk.as_mut();
        walk.ok_or_else(|| MachineError::NoWay("no execution".to_owned()))
    }

    pub(super) fn begin(&mut self, machine: &'t Machine, feed: usize) -> Result<(), MachineError> {
        let auth = self.town.feeds[feed].work.auth;
        let (walk, stop) = Walk::begin(machine, auth, self.settings.max_hops)?;
        self.running(feed)?.walk = Some(walk);
        self.night.runs[feed].started = self.now;
        self.night.runs[feed].executions = 1;
        self.night.open.up();
        self.reach(feed, stop)
    }

    /// Counts the passed states, and waits for the next event.
    fn reach(&mut self, feed: usize, stop: Stop) -> Result<(), MachineError> {
        let now = self.now + self.count(feed)?;
        let wait = self.running(feed)?.wait;
        self.running(feed)?.stop = stop;
        match stop {
            Stop::Invoke(_) => self.at(now + time::STATE, Event::Invoke(feed)),
            Stop::Notify | Stop::StartContinuation => {
                self.at(now + time::STATE + time::CALL as u64, Event::GoOn(feed));
            }
            Stop::Wait => self.at(now + wait, Event::GoOn(feed)),
            Stop::HandedOver => {
                let (walk, stop) = Walk::carry_on(self.walk(feed)?)?;
                let running = self.running(feed)?;
                running.walk = Some(walk);
                running.counted = 0;
                self.night.runs[feed].executions += 1;
                self.reach(feed, stop)?;
            }
            Stop::Succeeded | Stop::Failed => {
                self.night.runs[feed].ended = Some(now);
                self.night.runs[feed].failed = stop == Stop::Failed;
                self.night.open.down();
            }
        }
        Ok(())
    }

    /// Counts new transitions; returns the milliseconds of delay by Step Functions' quota.
    fn count(&mut self, feed: usize) -> Result<u64, MachineError> {
        let walk = self.walk(feed)?;
        let (transitions, events) = (walk.transitions(), walk.events());
        let running = self.running(feed)?;
        let new = transitions - running.counted;
        running.counted = transitions;
        let run = &mut self.night.runs[feed];
        run.transitions += new;
        run.events = run.events.max(events);
        self.night.usage.transitions += new;
        self.rate.note(self.now, new);
        Ok(self.night.transitions.draw(self.now, new))
    }

    pub(super) fn go_on(&mut self, feed: usize) -> Result<(), MachineError> {
        let stop = self.walk(feed)?.go_on(Told::Outcome(""))?;
        self.reach(feed, stop)
    }

    /// Lambda is asked for a function.
    pub(super) fn invoke(&mut self, feed: usize) -> Result<(), MachineError> {
        let Stop::Invoke(step) = self.running(feed)?.stop else {
            return Ok(());
        };
        if !self.has_room(Function::Step(step)) {
            self.night.turned_away += 1;
            return self.fails(feed, "Lambda.TooManyRequestsException");
        }
        let mut task = self.task(feed, step)?;
        self.renew(feed, step, &mut task)?;
        let millis = task.millis.ceil().max(1.0);
        self.night
            .usage
            .invoked(Function::Step(step), millis, task.ops);
        self.night.runs[feed].millis += millis as u64;
        let running = self.running(feed)?;
        running.told = task.told;
        running.wait = task.wait;
        self.up(Function::Step(step));
        self.at(self.now + millis as u64, Event::Ended(feed));
        Ok(())
    }

    pub(super) fn ended(&mut self, feed: usize) -> Result<(), MachineError> {
        let running = self.running(feed)?;
        let (stop, told) = (running.stop, running.told);
        if let Stop::Invoke(step) = stop {
            self.down(Function::Step(step));
            if step == Step::Release {
                self.free(feed)?;
            }
            if step == Step::Publish && told == Ok("published") {
                self.publish_event();
            }
        }
        match told {
            Ok(outcome) => {
                let stop = self.walk(feed)?.go_on(Told::Outcome(outcome))?;
                self.reach(feed, stop)
            }
            Err(error) => self.fails(feed, error),
        }
    }

    /// The machine retries, or fails.
    fn fails(&mut self, feed: usize, error: &'static str) -> Result<(), MachineError> {
        let fraction = self.dice.fraction();
        match self.walk(feed)?.retry(error, fraction)? {
            Some(seconds) => {
                let throttled = self.count(feed)?;
                let pause = (seconds * 1_000.0) as u64;
                self.at(self.now + throttled + pause, Event::Invoke(feed));
                Ok(())
            }
            None => {
                let stop = self.walk(feed)?.go_on(Told::Error(error))?;
                self.reach(feed, stop)
            }
        }
    }

    fn free(&mut self, feed: usize) -> Result<(), MachineError> {
        let credential = self.town.feeds[feed].credential;
        if self.accounts[credential].holder == Some(feed) {
            self.accounts[credential].holder = None;
            let from = self.running(feed)?.acquired;
            if self.is_watched {
                self.night.held.push(Held {
                    credential,
                    from,
                    to: self.now,
                });
            }
        }
        Ok(())
    }

    /// What a task does, and how long it takes.
    fn task(&mut self, feed: usize, step: Step) -> Result<Task, MachineError> {
        match step {
            Step::Acquire => self.acquire(feed),
            Step::Authorize => Ok(self.authorize(feed)),
            Step::Scan => self.scan(feed),
            Step::Compare => self.compare(feed),
            Step::Confirm => self.confirm(feed),
            Step::Publish => Ok(self.publish(feed)),
            Step::Release => Ok(tells("", steps::release())),
        }
    }

    /// The lease is rewritten if it would end too early or too late: by every step except `release` at its
    /// beginning, and by `scan` and `confirm` at their ends, so that it outlasts the wait.
    fn renew(&mut self, feed: usize, step: Step, task: &mut Task) -> Result<(), MachineError> {
        let begins = self.now;
        let ends = begins + task.millis as u64 + task.wait;
        let points = match step {
            Step::Release => return Ok(()),
            Step::Acquire if task.told != Ok("acquired") => return Ok(()),
            Step::Scan | Step::Confirm => vec![begins, ends],
            Step::Acquire | Step::Authorize | Step::Compare | Step::Publish => vec![begins],
        };
        let running = self.running(feed)?;
        for point in points {
            let until = point + time::LEASE;
            if running.leased.abs_diff(until) > time::NEAR {
                running.leased = until;
                task.ops += steps::WRITE_LEASE;
                task.millis += time::PUT;
            }
        }
        Ok(())
    }

    fn acquire(&mut self, feed: usize) -> Result<Task, MachineError> {
        let credential = self.town.feeds[feed].credential;
        let holder = self.accounts[credential].holder;
        if holder.is_some_and(|holder| holder != feed) {
            self.night.runs[feed].busy += 1;
            // From half of it to one and a half, in whole seconds.
            let wait = self.settings.busy_wait as f64 * (0.5 + self.dice.fraction());
            return Ok(Task {
                wait: (wait / 1_000.0) as u64 * 1_000,
                ..tells("busy", steps::busy())
            });
        }
        if holder.is_none() {
            self.accounts[credential].holder = Some(feed);
            self.running(feed)?.acquired = self.now;
            self.night.runs[feed].acquired = self.now;
        }
        Ok(tells("acquired", steps::acquire()))
    }

    fn authorize(&mut self, feed: usize) -> Task {
        let ops = steps::authorize();
        match self.night.parameters.take(self.now, SDK_PATIENCE) {
            None => Task {
                millis: steps::millis(&ops) + SDK_PATIENCE as f64,
                ops,
                told: Err("StoreUnavailable"),
                wait: 0,
            },
            Some(wait) => {
                let asks = self.town.feeds[feed].work.auth != "server_token";
                let mut task = tells("authorized", ops);
                task.millis += wait as f64 + if asks { time::TOKEN } else { 0.0 };
                task
            }
        }
    }

    fn scan(&mut self, feed: usize) -> Result<Task, MachineError> {
        let town = self.town;
        let place = &town.feeds[feed];
        let work = &place.work;
        self.night.runs[feed].tasks.0 += 1;
        let now = self.now;
        let running = self.running(feed)?;
        let begun = *running.first_scan.get_or_insert(now);
        // A second scan shows what was live when the first began only after the cache has expired.
        let earliest = begun + work.dialect.lag.as_millis() as u64;
        if running.scan > 0 && running.next == 0 && now < earliest {
            running.stalled += 1;
            let wait = (earliest - now).max(patience(running.stalled));
            let ops = steps::scan(work, 0, 0, 0, false);
            return Ok(Task {
                wait: wait.div_ceil(1_000) * 1_000,
                ..tells("throttled", ops)
            });
        }
        let mut next = running.next;
        let first = next;
        let settings = self.settings;
        let dice = &mut self.dice;
        let keys = place.feed.keys;
        let answer = |nth: u64| {
            let rows = work.rows(nth, keys);
            let luck = quantile(&time::LUCK, dice.fraction());
            let answer = (time::ANSWER + rows as f64 * time::ROW) * luck;
            let millis = answer / work.at_once as f64 + rows as f64 * time::SCAN_KEY;
            (millis as u64, rows * size::ROW)
        };
        let of = work.requests_of_a_scan();
        let task = settings.scan_seconds * 1_000;
        let talk =
            self.accounts[place.credential].talk(&work.limits, now, task, &mut next, of, answer);
        let rows: u64 = (first..next).map(|nth| work.rows(nth, keys)).sum();
        let rows = if work.counts > 0 && first == 0 {
            rows.saturating_sub(1)
        } else {
            rows
        };
        let parts = steps::parts(rows);
        let (outcome, wait) = match talk.ended {
            Ended::Done => ("done", 0),
            Ended::More => ("more", 0),
            Ended::Throttled(wait) => ("throttled", wait),
        };
        let run = &mut self.night.runs[feed];
        run.requests += talk.asked;
        run.parts += parts;
        let running = self.running(feed)?;
        running.next = next;
        running.stalled = if outcome == "throttled" && talk.asked == 0 {
            running.stalled + 1
        } else {
            0
        };
        let wait = wait.max(patience(running.stalled));
        let ops = steps::scan(work, talk.asked, talk.kept, parts, outcome == "done");
        Ok(Task {
            millis: steps::millis(&ops) + talk.millis as f64,
            ops,
            told: Ok(outcome),
            wait,
        })
    }

    fn compare(&mut self, feed: usize) -> Result<Task, MachineError> {
        let town = self.town;
        let place = &town.feeds[feed];
        let parts = self.night.runs[feed].parts;
        let running = self.running(feed)?;
        let again = running.scan + 1 < place.work.scans;
        let scans = running.scan + 1;
        running.next = 0;
        let outcome = match () {
            () if again => "scan",
            () if place.work.confirms => "confirm",
            () => "publish",
        };
        running.scan += u32::from(again);
        let keys = place.feed.keys;
        let mut task = tells(outcome, steps::compare(parts, again));
        task.millis += (u64::from(scans + 1) * keys) as f64 * time::COMPARE_KEY;
        Ok(task)
    }

    fn confirm(&mut self, feed: usize) -> Result<Task, MachineError> {
        let town = self.town;
        let place = &town.feeds[feed];
        let work = &place.work;
        self.night.runs[feed].tasks.1 += 1;
        let now = self.now;
        let mut next = self.running(feed)?.next;
        let resumed = next > 0;
        let settings = self.settings;
        let dice = &mut self.dice;
        let answer = |_| {
            let luck = quantile(&time::LUCK, dice.fraction());
            ((time::ANSWER * luck) as u64, 10 * size::ROW)
        };
        let task = settings.scan_seconds * 1_000;
        let talk = self.accounts[place.credential].talk(
            &work.limits,
            now,
            task,
            &mut next,
            work.questions,
            answer,
        );
        let (outcome, wait) = match talk.ended {
            Ended::Done => ("publish", 0),
            Ended::More => ("more", 0),
            Ended::Throttled(wait) => ("throttled", wait),
        };
        self.night.runs[feed].requests += talk.asked;
        let running = self.running(feed)?;
        running.next = next;
        running.stalled = if outcome == "throttled" && talk.asked == 0 {
            running.stalled + 1
        } else {
            0
        };
        let wait = wait.max(patience(running.stalled));
        let ops = steps::confirm(work, talk.asked, talk.kept, resumed, outcome == "publish");
        Ok(Task {
            millis: steps::millis(&ops) + talk.millis as f64,
            ops,
            told: Ok(outcome),
            wait,
        })
    }

    fn publish(&mut self, feed: usize) -> Task {
        let place = &self.town.feeds[feed];
        let parts = self.night.runs[feed].parts;
        let outcome = if place.work.changes {
            "published"
        } else {
            "unchanged"
        };
        self.night.usage.stored += steps::stored(&place.feed, &place.work);
        let mut task = tells(outcome, steps::publish(&place.work, parts));
        if place.work.changes {
            let keys = u64::from(place.work.scans + 1) * place.feed.keys;
            task.millis += keys as f64 * time::PUBLISH_KEY;
        }
        task
    }
}
