//! Simulates the events of a night: the schedule fires, the planner sends the pairs, workers start runs,
//! and each run walks through the real state machine, limited by its credential, its provider's rate limits
//! and AWS's quotas. The same seed gives the same night.

mod quota;
mod run;
mod told;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::account::Account;
use livelist_model::plan::delay;

use crate::dice::Dice;
use crate::machine::{Machine, MachineError};
use crate::settings::{API, Function, Settings, Size, time};
use crate::steps;
use crate::town::Town;
use crate::usage::{Ops, Usage};

use quota::{Bucket, Peak, Rate};
use run::Running;
pub use told::{Held, Night, Run};

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A pair can be received from the queue.
    Sent(usize),
    /// A worker is done with its batch.
    WorkerDone,
    /// A pair's message is delivered again.
    Again(usize),
    /// A run's execution begins.
    Begin(usize),
    /// A task of a run is invoked.
    Invoke(usize),
    /// A task ends.
    Ended(usize),
    /// A wait, or a call of another service, is over.
    GoOn(usize),
    /// A batch of notices was gathered long enough.
    Gathered,
    /// A function of notices is done.
    NotifierDone(usize),
}

/// A refused pair is delivered again after the queue's visibility timeout.
const VISIBILITY: u64 = 360_000;
/// How long the SDK retries a throttled call.
const SDK_PATIENCE: u64 = 3_000;
/// Messages that the planner and the worker handle at once.
const AT_ONCE: u64 = 8;
/// Documents of the registry that are read at once.
const READ_AT_ONCE: u64 = 32;
/// A registry that `notify` compared with the store is used for this long (`livelist-notify`:
/// `queue::FRESH`).
const FRESH: u64 = 60_000;

/// An environment of `notify`.
#[derive(Default, Clone, Copy)]
struct Notifier {
    /// When it compared its registry with the store.
    looked: u64,
    /// When it ended its last batch; nothing while it is cold or at work.
    idle_since: Option<u64>,
    is_busy: bool,
}

/// The world on its way through the night.
struct Sky<'t> {
    town: &'t Town,
    settings: &'t Settings,
    dice: Dice,
    now: u64,
    seq: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    queue: VecDeque<usize>,
    idle_workers: usize,
    accounts: Vec<Account>,
    runs: Vec<Option<Running<'t>>>,
    /// Unprocessed events for the sites, by their time.
    outbox: VecDeque<u64>,
    notifiers: Vec<Notifier>,
    rate: Rate,
    is_watched: bool,
    /// Since when the sites' API has too little left.
    starves_since: Option<u64>,
    night: Night,
}

/// Plays a night. `is_watched` keeps every request and every lease, for checking the limits.
pub fn play(
    town: &Town,
    machine: &Machine,
    settings: &Settings,
    seed: u64,
    is_watched: bool,
) -> Result<Night, MachineError> {
    let night = Night {
        runs: vec![Run::default(); town.feeds.len()],
        front: Usage::default(),
        usage: Usage::default(),
        notices: Usage::default(),
        planned: 0,
        taken: 0,
        peaks: Default::default(),
        together: Peak::default(),
        turned_away: 0,
        looks: 0,
        starved: 0,
        starts: Bucket::new(settings.region.starts),
        parameters: Bucket::new(settings.parameters),
        transitions: Bucket::new(settings.region.transitions),
        transitions_a_second: 0,
        open: Peak::default(),
        held: Vec::new(),
        sent: Vec::new(),
    };
    let mut sky = Sky {
        town,
        settings,
        dice: Dice::new(seed),
        now: 0,
        seq: 0,
        events: BinaryHeap::new(),
        queue: VecDeque::new(),
        idle_workers: settings.workers,
        accounts: (0..town.credentials)
            .map(|_| Account::new(is_watched))
            .collect(),
        runs: town.feeds.iter().map(|_| None).collect(),
        outbox: VecDeque::new(),
        notifiers: vec![Notifier::default(); settings.notifiers],
        rate: Rate::default(),
        is_watched,
        starves_since: None,
        night,
    };
    sky.plan();
    while let Some(Reverse((at, _, event))) = sky.events.pop() {
        sky.now = at;
        sky.happen(machine, event)?;
    }
    sky.night.transitions_a_second = sky.rate.most;
    let sent = sky.accounts.into_iter().filter_map(|account| account.sent);
    sky.night.sent = sent.collect();
    Ok(sky.night)
}

impl<'t> Sky<'t> {
    fn at(&mut self, at: u64, event: Event) {
        self.seq += 1;
        self.events.push(Reverse((at, self.seq, event)));
    }

    fn happen(&mut self, machine: &'t Machine, event: Event) -> Result<(), MachineError> {
        match event {
            Event::Sent(pair) => {
                self.queue.push_back(self.town.pairs[pair]);
                self.night.planned = self.now;
                self.take_pairs();
            }
            Event::WorkerDone => {
                self.idle_workers += 1;
                self.down(Function::Worker);
                self.take_pairs();
            }
            Event::Again(feed) => {
                self.queue.push_back(feed);
                self.take_pairs();
            }
            Event::Begin(feed) => self.begin(machine, feed)?,
            Event::Invoke(feed) => self.invoke(feed)?,
            Event::Ended(feed) => self.ended(feed)?,
            Event::GoOn(feed) => self.go_on(feed)?,
            Event::Gathered => self.tell(),
            Event::NotifierDone(nth) => {
                self.notifiers[nth].is_busy = false;
                self.notifiers[nth].idle_since = Some(self.now);
                self.down(Function::Notify);
                self.tell();
            }
        }
        Ok(())
    }

    fn up(&mut self, function: Function) {
        self.night.peaks.entry(function).or_default().up();
        if self.settings.reserve(function).is_none() {
            self.night.together.up();
            self.look_at_api();
        }
    }

    fn down(&mut self, function: Function) {
        self.night.peaks.entry(function).or_default().down();
        if self.settings.reserve(function).is_none() {
            self.night.together.down();
            self.look_at_api();
        }
    }

    /// Whether Lambda has room for another task of a function.
    fn has_room(&self, function: Function) -> bool {
        match self.settings.reserve(function) {
            Some(most) => self.night.peaks.get(&function).is_none_or(|p| p.now < most),
            None => self.night.together.now < self.settings.room(),
        }
    }

    /// Notes how long the sites' API has too little left.
    fn look_at_api(&mut self) {
        let starves = self.settings.size == Size::Small
            && self.night.together.now + API > self.settings.lambdas;
        match (starves, self.starves_since) {
            (true, None) => self.starves_since = Some(self.now),
            (false, Some(since)) => {
                self.night.starved += self.now - since;
                self.starves_since = None;
            }
            _ => {}
        }
    }

    /// The planner: reads the registry, and sends the pairs in batches, several at once, each pair with its
    /// delay; then it reads the head of each feed.
    fn plan(&mut self) {
        let documents = self.town.documents;
        let lists = documents.div_ceil(1_000) + 1;
        let read = documents.div_ceil(READ_AT_ONCE) as f64 * time::GET + lists as f64 * time::LIST;
        let batch = self.settings.batch.max(1);
        let pairs = self.town.pairs.len();
        let batches = pairs.div_ceil(batch);
        let each = time::CALL / AT_ONCE as f64;
        for pair in 0..pairs {
            let at = time::INVOKE + read + (pair / batch + 1) as f64 * each;
            let later = delay(pair, pairs, self.settings.pairs_a_second).as_millis();
            self.at(at as u64 + later as u64, Event::Sent(pair));
        }
        let heads = self.town.feeds.len() as u64;
        let look = heads.div_ceil(READ_AT_ONCE) as f64 * time::GET;
        let ops = Ops {
            gets: documents + heads,
            // Pauses are listed as well.
            lists: lists + 1,
            queue: batches as u64,
            ..Ops::default()
        };
        let millis = time::INVOKE + read + batches as f64 * each + look;
        self.night.front.invoked(Function::Planner, millis, ops);
        self.up(Function::Planner);
        self.down(Function::Planner);
    }

    /// Workers that have nothing to do take batches of pairs.
    fn take_pairs(&mut self) {
        while self.idle_workers > 0 && !self.queue.is_empty() {
            self.idle_workers -= 1;
            self.up(Function::Worker);
            self.night.taken = self.now;
            let many = self.settings.batch.min(self.queue.len());
            let batch: Vec<usize> = self.queue.drain(..many).collect();
            let one = steps::millis(&steps::start()) - time::INVOKE;
            let rounds = (many as u64).div_ceil(AT_ONCE);
            let mut waited = 0;
            // A batch is received and deleted with a request each.
            let mut ops = Ops {
                queue: 2,
                ..Ops::default()
            };
            let mut begun = Vec::new();
            for feed in batch {
                ops += steps::start();
                match self.night.starts.take(self.now, SDK_PATIENCE) {
                    Some(wait) => {
                        waited = waited.max(wait);
                        begun.push(feed);
                    }
                    None => {
                        waited = SDK_PATIENCE;
                        self.at(self.now + VISIBILITY, Event::Again(feed));
                    }
                }
            }
            let millis = time::INVOKE + rounds as f64 * one + waited as f64;
            self.night.front.invoked(Function::Worker, millis, ops);
            let done = self.now + millis as u64;
            for feed in begun {
                // Pairs of one feed start the same run: only the first does.
                if self.runs[feed].is_none() {
                    self.runs[feed] = Some(Running::new());
                    self.at(done, Event::Begin(feed));
                }
            }
            self.at(done, Event::WorkerDone);
        }
    }

    /// An event for the sites, to be fanned out. Finding the clients has a cost as well.
    fn publish_event(&mut self) {
        self.outbox.push_back(self.now);
        self.at(self.now + self.settings.window, Event::Gathered);
        self.tell();
    }

    fn tell(&mut self) {
        // One that is warm is taken first.
        while let Some(nth) = (0..self.notifiers.len())
            .filter(|nth| !self.notifiers[*nth].is_busy)
            .max_by_key(|nth| self.notifiers[*nth].idle_since)
        {
            let is_old = |at: &u64| at + self.settings.window <= self.now;
            if self.outbox.len() < self.settings.batch && !self.outbox.front().is_some_and(is_old) {
                return;
            }
            let many = self.settings.batch.min(self.outbox.len());
            let newest = self.outbox.drain(..many).max().unwrap_or(0);
            let mut ops = Ops {
                queue: 2,
                ..Ops::default()
            };
            let mut millis = time::INVOKE + 2.0 * time::CALL;
            let now = self.now;
            let notifier = &mut self.notifiers[nth];
            let idle = notifier.idle_since.take();
            let is_warm = idle.is_some_and(|since| now - since < time::WARM);
            let is_good = is_warm && notifier.looked >= newest && now - notifier.looked < FRESH;
            if !is_good {
                notifier.looked = now;
                // The registry does not change in this night.
                let documents = if is_warm { 0 } else { self.town.documents };
                let lists = self.town.documents.div_ceil(1_000) + 1;
                ops.gets = documents;
                ops.lists = lists;
                millis +=
                    documents.div_ceil(READ_AT_ONCE) as f64 * time::GET + lists as f64 * time::LIST;
                self.night.looks += 1;
            }
            notifier.is_busy = true;
            self.up(Function::Notify);
            self.night.notices.invoked(Function::Notify, millis, ops);
            self.at(self.now + millis as u64, Event::NotifierDone(nth));
        }
    }
}
