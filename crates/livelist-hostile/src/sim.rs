//! The scheduler of a simulation: simulated time, tasks, and the points at which they can be stopped. One
//! task runs at a time, from one point to the next. What happens at a point is derived from the seed and
//! the point's name, so a seed gives the same story each time.
//!
//! The product's code uses blocking threads inside its steps. The scheduler waits for them before it
//! chooses the next task, so that they cannot change the order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crate::dice;
use crate::world::World;

/// Milliseconds since 1970.
pub type Ms = i64;
/// A task's number.
pub type TaskId = u64;

pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time, tasks and everything simulated.
pub struct Sim {
    room: Mutex<Room>,
    world: Mutex<World>,
}

#[derive(Default)]
struct Room {
    now: Ms,
    serial: u64,
    seed: u64,
    due: BinaryHeap<Reverse<Due>>,
    points: BTreeMap<u64, PointState>,
    waiting: BTreeMap<TaskId, usize>,
    spawned: Vec<(TaskId, Work)>,
    slots: BTreeMap<u64, SlotState>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Ms,
    tie: u64,
    serial: u64,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Fire(u64),
    Begin(TaskId),
    Kill(TaskId),
    Deadline(u64, TaskId),
}

struct PointState {
    task: TaskId,
    fired: bool,
    waker: Option<Waker>,
}

struct SlotState {
    point: u64,
    got: Option<Got>,
}

/// The result of an invocation for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// It answered.
    Done,
    /// It died.
    Crashed,
    /// Nothing was heard of it for too long.
    TimedOut,
}

impl Sim {
    /// A room at `now`.
    pub fn new(seed: u64, now: Ms, world: World) -> Arc<Sim> {
        Arc::new(Sim {
            room: Mutex::new(Room {
                now,
                seed,
                ..Room::default()
            }),
            world: Mutex::new(world),
        })
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything simulated. Never held across a point.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now.
    pub fn now(&self) -> Ms {
        self.room().now
    }

    /// Begins a task at `at`.
    pub fn spawn(&self, at: Ms, make: impl FnOnce(TaskId) -> Work) -> TaskId {
        let mut room = self.room();
        let id = room.next();
        room.push(at, What::Begin(id));
        drop(room);
        let work = make(id);
        self.room().spawned.push((id, work));
        id
    }

    /// A point that fires at `at`; without a time, when another task fires it.
    pub fn point(self: &Arc<Self>, task: TaskId, at: Option<Ms>) -> Point {
        let mut room = self.room();
        let id = room.next();
        room.points.insert(
            id,
            PointState {
                task,
                fired: false,
                waker: None,
            },
        );
        *room.waiting.entry(task).or_default() += 1;
        if let Some(at) = at {
            room.push(at, What::Fire(id));
        }
        Point {
            sim: Arc::clone(self),
            id,
        }
    }

    /// Ends a task at `at`, wherever it is.
    pub fn kill(&self, task: TaskId, at: Ms) {
        self.room().push(at, What::Kill(task));
    }

    /// A slot for the result of an invocation, and the point at which its caller waits.
    pub fn slot(self: &Arc<Self>, caller: TaskId) -> (u64, Point) {
        let point = self.point(caller, None);
        let mut room = self.room();
        let slot = room.next();
        let state = SlotState {
            point: point.id,
            got: None,
        };
        room.slots.insert(slot, state);
        (slot, point)
    }

    /// If `task` has not answered at `at`, its caller abandons it, and it ends.
    pub fn deadline(&self, slot: u64, task: TaskId, at: Ms) {
        self.room().push(at, What::Deadline(slot, task));
    }

    /// Gives the caller the result of an invocation, unless it has one; returns whether it was given now.
    pub fn settle(&self, slot: u64, got: Got, after: Ms) -> bool {
        let mut room = self.room();
        let at = room.now + after;
        let Some(state) = room.slots.get_mut(&slot).filter(|s| s.got.is_none()) else {
            return false;
        };
        state.got = Some(got);
        let point = state.point;
        room.push(at, What::Fire(point));
        true
    }

    /// The result that the caller got.
    pub fn told(&self, slot: u64) -> Got {
        let state = self.room().slots.remove(&slot);
        state.and_then(|s| s.got).unwrap_or(Got::TimedOut)
    }

    fn take_spawned(&self) -> Vec<(TaskId, Work)> {
        std::mem::take(&mut self.room().spawned)
    }

    fn is_waiting(&self, task: TaskId) -> bool {
        self.room().waiting.get(&task).is_some_and(|n| *n > 0)
    }

    /// The next thing that is due until `until`, with the clock moved on to it.
    fn next_due(&self, until: Ms) -> Option<What> {
        let mut room = self.room();
        let next = room.due.peek()?.0;
        if next.at > until {
            return None;
        }
        room.due.pop();
        room.now = room.now.max(next.at);
        Some(next.what)
    }

    fn fire(&self, point: u64) -> Option<TaskId> {
        let mut room = self.room();
        let state = room.points.get_mut(&point)?;
        if state.fired {
            return None;
        }
        state.fired = true;
        let (task, waker) = (state.task, state.waker.take());
        if let Some(waiting) = room.waiting.get_mut(&task) {
            *waiting -= 1;
        }
        drop(room);
        if let Some(waker) = waker {
            waker.wake();
        }
        Some(task)
    }
}

impl Room {
    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn push(&mut self, at: Ms, what: What) {
        let serial = self.next();
        let due = Due {
            at: at.max(self.now),
            tie: dice::pair(self.seed, serial),
            serial,
            what,
        };
        self.due.push(Reverse(due));
    }
}

/// A point at which a task waits until the scheduler continues it.
pub struct Point {
    sim: Arc<Sim>,
    id: u64,
}

impl Future for Point {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut room = self.sim.room();
        match room.points.get_mut(&self.id) {
            Some(state) if !state.fired => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        let mut room = self.sim.room();
        if let Some(state) = room.points.remove(&self.id)
            && !state.fired
            && let Some(waiting) = room.waiting.get_mut(&state.task)
        {
            *waiting -= 1;
        }
    }
}

/// Wakes the thread on which tasks are polled, when a blocking thread has finished.
struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// Polls the tasks of one room.
pub struct Scheduler {
    sim: Arc<Sim>,
    tasks: BTreeMap<TaskId, Work>,
    unpark: Arc<Unpark>,
}

impl Scheduler {
    /// A scheduler on this thread.
    pub fn new(sim: Arc<Sim>) -> Scheduler {
        Scheduler {
            sim,
            tasks: BTreeMap::new(),
            unpark: Arc::new(Unpark {
                thread: std::thread::current(),
                woken: AtomicBool::new(false),
            }),
        }
    }

    /// Runs everything that is due until `until`, or until `stop` says so, and moves the clock there.
    pub fn run_until(&mut self, until: Ms, stop: impl Fn(&World) -> bool) {
        while let Some(what) = self.sim.next_due(until) {
            match what {
                What::Begin(task) => self.poll(task),
                What::Fire(point) => {
                    if let Some(task) = self.sim.fire(point) {
                        self.poll(task);
                    }
                }
                What::Kill(task) => self.end(task),
                What::Deadline(slot, task) => {
                    if self.sim.settle(slot, Got::TimedOut, 0) {
                        self.end(task);
                    }
                }
            }
            if stop(&self.sim.world()) {
                return;
            }
        }
        let mut room = self.sim.room();
        room.now = room.now.max(until);
    }

    fn adopt(&mut self) {
        self.tasks.extend(self.sim.take_spawned());
    }

    fn end(&mut self, task: TaskId) {
        self.adopt();
        // Dropping it may inform its caller.
        drop(self.tasks.remove(&task));
        self.sim.room().waiting.remove(&task);
    }

    fn poll(&mut self, id: TaskId) {
        self.adopt();
        let waker = Waker::from(Arc::clone(&self.unpark));
        let mut context = Context::from_waker(&waker);
        let Some(mut task) = self.tasks.remove(&id) else {
            return;
        };
        loop {
            self.unpark.woken.store(false, Ordering::SeqCst);
            if task.as_mut().poll(&mut context).is_ready() {
                self.sim.room().waiting.remove(&id);
                return;
            }
            if self.sim.is_waiting(id) {
                break;
            }
            // A blocking thread works for it.
            while !self.unpark.woken.load(Ordering::SeqCst) {
                std::thread::park();
            }
        }
        self.tasks.insert(id, task);
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.adopt();
        self.tasks.clear();
    }
}
