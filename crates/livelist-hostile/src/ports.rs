//! The product's ports over the simulated world. Each operation first passes a point, where it may die,
//! fail, stall or continue without its caller.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::notice::{EventKind, FeedEvent};
use livelist_model::registry::CredentialRef;
use livelist_steps::{Env, Limits};
use livelist_store::{
    Body, Clock, Condition, Entropy, Executions, Listed, Message, Object, Objects, Outbox, Queue,
    Retention, SealError, Sealer, SecretError, Secrets, SendFailure, Start, StoreError,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, ReadBuf};

use crate::dice::{self, Dice};
use crate::sim::{Got, Ms, Sim, TaskId};
use crate::transport::SimTransport;

/// A process that runs steps: a function's container, with its own clock.
pub struct Container {
    /// The ports and limits.
    pub env: Env,
    /// Its current work.
    pub place: Arc<Place>,
}

/// The place of an operation: the container, and the invocation that runs in it.
pub struct Place {
    pub(crate) sim: Arc<Sim>,
    /// The container's number. Its clock shows it as the nanoseconds of every time, so the oracle knows
    /// whose clock a time came from.
    pub id: u64,
    /// How far its clock is off.
    pub skew: Ms,
    task: AtomicU64,
    slot: AtomicU64,
    key: AtomicU64,
    operations: AtomicU64,
    work: Mutex<Work>,
}

/// The subject of an invocation.
#[derive(Debug, Clone, Default)]
pub struct Work {
    /// The step.
    pub step: &'static str,
    /// The execution.
    pub owner: String,
    /// The comparison that is published.
    pub comparison: Option<String>,
    /// Whether an operator approved it.
    pub is_approved: bool,
}

/// How an operation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Fine,
    Lost,
    Dead,
}

/// It did not happen.
pub(crate) struct Failed;

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Go,
    DieBefore,
    DieAfter,
    Fail,
    LoseAnswer,
    Stall(Ms),
    Abandoned(Ms),
}

impl Fate {
    fn name(self) -> &'static str {
        match self {
            Fate::Go => "nothing",
            Fate::DieBefore => "died before an operation",
            Fate::DieAfter => "died after an operation",
            Fate::Fail => "an operation failed",
            Fate::LoseAnswer => "the answer of an operation was lost",
            Fate::Stall(_) => "stood still for minutes",
            Fate::Abandoned(_) => "was given up, and went on later",
        }
    }
}

impl Container {
    /// A container with a clock that is `skew` off.
    pub fn new(sim: &Arc<Sim>, id: u64, skew: Ms) -> Container {
        let place = Arc::new(Place {
            sim: Arc::clone(sim),
            id,
            skew,
            task: AtomicU64::new(0),
            slot: AtomicU64::new(0),
            key: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            work: Mutex::default(),
        });
        let port = || Port(Arc::clone(&place));
        let objects: Arc<dyn Objects> = Arc::new(port());
        let clock: Arc<dyn Clock> = Arc::new(port());
        let (task_pages, part_bytes) = {
            let world = sim.world();
            (world.story.task_pages, world.story.part_bytes)
        };
        let env = Env {
            secrets: Arc::new(port()),
            sealer: Arc::new(port()),
            queue: Arc::new(port()),
            outbox: Arc::new(port()),
            executions: Arc::new(port()),
            limits: Limits {
                task_pages,
                part_bytes,
                ..Limits::default()
            },
            ..Env::over(
                objects,
                clock,
                Arc::new(port()),
                Arc::new(SimTransport(port())),
            )
        };
        Container { env, place }
    }

    /// Gives it to an invocation.
    pub fn begin(&self, task: TaskId, slot: u64, key: u64, work: Work) {
        let place = &self.place;
        place.task.store(task, Ordering::Relaxed);
        place.slot.store(slot, Ordering::Relaxed);
        place.key.store(key, Ordering::Relaxed);
        place.operations.store(0, Ordering::Relaxed);
        *place.work.lock().unwrap_or_else(PoisonError::into_inner) = work;
    }
}

impl Place {
    /// The current work.
    pub fn work(&self) -> Work {
        self.work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn task(&self) -> TaskId {
        self.task.load(Ordering::Relaxed)
    }

    /// The numbers of the next operation.
    pub(crate) fn dice(&self) -> Dice {
        let nth = self.operations.fetch_add(1, Ordering::Relaxed);
        Dice::new(dice::pair(self.key.load(Ordering::Relaxed), nth))
    }

    /// Passes the point before an operation. `ms` is how long it takes when all is well.
    pub(crate) async fn pass(&self, what: &str, ms: (u64, u64)) -> Result<After, Failed> {
        let mut dice = self.dice();
        let takes = dice.within(ms.0, ms.1) as Ms;
        let fate = self.fate(&mut dice, what);
        let task = self.task();
        let now = self.sim.now();
        let after = match fate {
            Fate::Go => After::Fine,
            Fate::Fail => {
                self.sim.point(task, Some(now + takes)).await;
                return Err(Failed);
            }
            Fate::LoseAnswer => After::Lost,
            Fate::DieAfter => After::Dead,
            Fate::DieBefore => {
                self.die(now + takes).await;
                After::Dead
            }
            Fate::Stall(ms) => {
                self.sim.point(task, Some(now + ms)).await;
                After::Fine
            }
            Fate::Abandoned(ms) => {
                let slot = self.slot.load(Ordering::Relaxed);
                self.sim.settle(slot, Got::TimedOut, 0);
                self.sim.point(task, Some(now + ms)).await;
                After::Fine
            }
        };
        self.sim.point(task, Some(self.sim.now() + takes)).await;
        Ok(after)
    }

    /// Passes the point after an operation.
    pub(crate) async fn end(&self, after: After) -> Result<(), Failed> {
        match after {
            After::Fine => Ok(()),
            After::Lost => Err(Failed),
            After::Dead => {
                self.die(self.sim.now()).await;
                Ok(())
            }
        }
    }

    async fn die(&self, at: Ms) {
        self.sim.kill(self.task(), at);
        self.sim.point(self.task(), None).await;
    }

    fn fate(&self, dice: &mut Dice, what: &str) -> Fate {
        let number = dice.roll();
        let draw = dice.fraction();
        let mut world = self.sim.world();
        world.tally.operations += 1;
        world.note(self.id, number ^ dice::name(what));
        let strikes = world.strikes();
        if draw >= strikes || world.story.spared.contains(&number) {
            return Fate::Go;
        }
        let fate = match dice.below(16) {
            0..3 => Fate::DieBefore,
            3..6 => Fate::DieAfter,
            6..9 => Fate::Fail,
            9..12 => Fate::LoseAnswer,
            12..14 => Fate::Stall(dice.within(10, 2_400) as Ms * 1_000),
            _ => Fate::Abandoned(dice.within(1, 3_000) as Ms * 1_000),
        };
        let work = self.work();
        world.struck(number, &work, fate.name(), what);
        fate
    }
}

/// One port; all of them know only the place.
#[derive(Clone)]
pub struct Port(pub(crate) Arc<Place>);

const STORE: (u64, u64) = (4, 40);

fn broken(what: &str) -> StoreError {
    StoreError::unavailable(what, "the simulated service failed")
}

impl Port {
    async fn store<T>(
        &self,
        what: &str,
        key: &str,
        apply: impl FnOnce(&Sim, &Place) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failed = |_: Failed| broken(key);
        let after = self.0.pass(what, STORE).await.map_err(failed)?;
        let done = apply(&self.0.sim, &self.0);
        self.0.end(after).await.map_err(failed)?;
        done
    }
}

#[async_trait]
impl Objects for Port {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let found = self
            .store("get", key, |sim, _| Ok(sim.world().store.get(key).cloned()))
            .await?;
        Ok(found.map(|stored| Object {
            etag: stored.etag.to_string(),
            bytes: stored.bytes.len() as u64,
            body: Box::new(Reading(stored.bytes)),
        }))
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        // A copy: a chunk may be a small part of a large buffer.
        let bytes = Bytes::from(body.chunks().concat());
        self.store("put", key, |sim, place| {
            let now = sim.now();
            sim.world()
                .put(now, place, key, bytes, &condition, retention)
        })
        .await
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        self.store("delete", key, |sim, _| sim.world().delete(key, &condition))
            .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        self.store("list", prefix, |sim, _| {
            let world = sim.world();
            let listed = world.store.under(prefix).map(|(key, stored)| Listed {
                key: key.clone(),
                bytes: stored.bytes.len() as u64,
                etag: stored.etag.to_string(),
            });
            Ok(listed.collect())
        })
        .await
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let listed = self.list(prefix).await?;
        let names = listed
            .iter()
            .filter_map(|l| l.key[prefix.len()..].split('/').next().map(str::to_owned));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        self.store("retire", key, |sim, _| {
            let now = sim.now();
            sim.world().store.retire(key, now);
            Ok(())
        })
        .await
    }
}

/// An object's bytes.
struct Reading(Bytes);

impl AsyncRead for Reading {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = buffer.remaining().min(self.0.len());
        buffer.put_slice(&self.0.split_to(n));
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Clock for Port {
    fn now(&self) -> jiff::Timestamp {
        let shown = self.0.sim.now() + self.0.skew;
        let nanos = i128::from(shown) * 1_000_000 + i128::from(self.0.id % 1_000_000);
        jiff::Timestamp::from_nanosecond(nanos).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        let ms = duration.as_millis() as u64;
        // A sleep does not fail; its task may die, or be abandoned.
        let _ = self.0.pass("sleep", (ms, ms)).await;
    }
}

impl Entropy for Port {
    fn bits(&self) -> Result<u64, StoreError> {
        Ok(self.0.dice().roll())
    }
}

#[async_trait]
impl Secrets for Port {
    async fn get(&self, reference: &CredentialRef) -> Result<SecretString, SecretError> {
        let unreadable = |_: Failed| SecretError::Unreadable {
            reference: reference.clone(),
            source: Box::new(broken("secrets")),
        };
        let after = self.0.pass("secret", STORE).await.map_err(unreadable)?;
        let secret = self.0.sim.world().secret(reference.as_str());
        self.0.end(after).await.map_err(unreadable)?;
        secret
            .map(SecretString::from)
            .ok_or_else(|| SecretError::Missing(reference.clone()))
    }
}

/// Encrypted texts are numbers: the world stores their content.
#[async_trait]
impl Sealer for Port {
    async fn seal(&self, context: &str, secret: &SecretString) -> Result<String, SealError> {
        let failed = |_: Failed| SealError::Store(broken("sealer"));
        let after = self.0.pass("seal", STORE).await.map_err(failed)?;
        let sealed = {
            let mut world = self.0.sim.world();
            let number = world.sealed.len();
            let text = secret.expose_secret().to_owned();
            world.sealed.push((context.to_owned(), text));
            format!("sealed:{number}")
        };
        self.0.end(after).await.map_err(failed)?;
        Ok(sealed)
    }

    async fn open(&self, context: &str, sealed: &str) -> Result<SecretString, SealError> {
        let failed = |_: Failed| SealError::Store(broken("sealer"));
        let after = self.0.pass("open", STORE).await.map_err(failed)?;
        let opened = {
            let world = self.0.sim.world();
            let number = sealed.strip_prefix("sealed:");
            let number: Option<usize> = number.and_then(|n| n.parse().ok());
            let found = number.and_then(|n| world.sealed.get(n));
            found
                .filter(|(of, _)| of == context)
                .map(|(_, secret)| SecretString::from(secret.clone()))
        };
        self.0.end(after).await.map_err(failed)?;
        opened.ok_or(SealError::NotOurs)
    }
}

#[async_trait]
impl Queue for Port {
    async fn send(&self, messages: &[Message]) -> Result<Vec<SendFailure>, StoreError> {
        let failed = |_: Failed| broken("queue");
        let after = self.0.pass("send", STORE).await.map_err(failed)?;
        for message in messages {
            crate::daily::deliver(&self.0.sim, &message.body, &mut self.0.dice());
        }
        self.0.end(after).await.map_err(failed)?;
        Ok(Vec::new())
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), StoreError> {
        let failed = |_: Failed| broken("queue");
        let after = self.0.pass("dead_letter", STORE).await.map_err(failed)?;
        self.0
            .sim
            .world()
            .wrong(format!("a message was put aside: {reason}: {body}"));
        self.0.end(after).await.map_err(failed)
    }

    async fn postpone(&self, receipt: &str, _: Duration) -> Result<(), StoreError> {
        Err(StoreError::Missing {
            key: format!("the message {receipt}"),
        })
    }
}

/// Sites may only be notified of published facts.
#[async_trait]
impl Outbox for Port {
    async fn put(&self, event: &FeedEvent) -> Result<(), StoreError> {
        let failed = |_: Failed| broken("outbox");
        let after = self.0.pass("tell", STORE).await.map_err(failed)?;
        {
            let mut world = self.0.sim.world();
            let head = world.store.get(&layout::head(&event.feed));
            let head = head.and_then(|stored| serde_json::from_slice::<Head>(&stored.bytes).ok());
            let is_published = head.is_some_and(|head| {
                head.sequence > event.sequence || Some(&head.version) == event.version.as_ref()
            });
            if event.kind == EventKind::Changed && !is_published {
                world.wrong(format!("told of what is not published: {event:?}"));
            }
        }
        self.0.end(after).await.map_err(failed)
    }
}

#[async_trait]
impl Executions for Port {
    async fn start(&self, name: &str, input: String) -> Result<Start, StoreError> {
        let failed = |_: Failed| broken("executions");
        let after = self.0.pass("start", STORE).await.map_err(failed)?;
        let started = crate::daily::start(&self.0.sim, name, &input);
        self.0.end(after).await.map_err(failed)?;
        Ok(started)
    }
}
