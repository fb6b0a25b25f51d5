//! Twins in memory: for tests and for simulations.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::notice::FeedEvent;
use livelist_model::registry::CredentialRef;
use secrecy::SecretString;

use crate::objects::check_name;
use crate::{
    Body, Clock, Condition, DeadLetter, DeadLetters, Entropy, Executions, Link, Links, Listed,
    Message, Notices, Object, Objects, Outbox, Queue, Retention, SecretError, Secrets, SendFailure,
    Start, StoreError,
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone)]
struct Stored {
    etag: String,
    bytes: Arc<[u8]>,
    retired: bool,
}

/// Objects in memory.
#[derive(Default)]
pub struct MemoryObjects {
    objects: Mutex<BTreeMap<String, Stored>>,
    writes: AtomicU64,
}

impl MemoryObjects {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of everything that is stored, for assertions.
    pub fn dump(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.objects)
            .iter()
            .map(|(k, v)| (k.clone(), v.bytes.to_vec()))
            .collect()
    }

    /// The names that lifecycle rules may remove.
    pub fn retired(&self) -> Vec<String> {
        lock(&self.objects)
            .iter()
            .filter(|(_, v)| v.retired)
            .map(|(k, _)| k.clone())
            .collect()
    }

    fn check(present: Option<&Stored>, key: &str, condition: &Condition) -> Result<(), StoreError> {
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => present.is_none(),
            Condition::Unchanged(etag) => present.is_some_and(|p| p.etag == *etag),
        };
        if holds {
            return Ok(());
        }
        Err(StoreError::ConditionFailed {
            key: key.to_owned(),
        })
    }
}

#[async_trait]
impl Objects for MemoryObjects {
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        check_name(key)?;
        let stored = lock(&self.objects).get(key).cloned();
        Ok(stored.map(|s| Object {
            etag: s.etag,
            bytes: s.bytes.len() as u64,
            body: Box::new(std::io::Cursor::new(s.bytes)),
        }))
    }

    async fn put(
        &self,
        key: &str,
        body: Body,
        condition: Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        check_name(key)?;
        let bytes: Vec<u8> = body.chunks().concat();
        let mut objects = lock(&self.objects);
        Self::check(objects.get(key), key, &condition)?;
        let etag = format!("\"{}\"", self.writes.fetch_add(1, Ordering::Relaxed));
        let stored = Stored {
            etag: etag.clone(),
            bytes: bytes.into(),
            retired: retention == Retention::Scratch,
        };
        objects.insert(key.to_owned(), stored);
        Ok(etag)
    }

    async fn delete(&self, key: &str, condition: Condition) -> Result<(), StoreError> {
        let mut objects = lock(&self.objects);
        if objects.contains_key(key) {
            Self::check(objects.get(key), key, &condition)?;
            objects.remove(key);
        }
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        Ok(lock(&self.objects)
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, stored)| Listed {
                key: key.clone(),
                bytes: stored.bytes.len() as u64,
                etag: stored.etag.clone(),
            })
            .collect())
    }

    async fn list_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut names: Vec<String> = self
            .list(prefix)
            .await?
            .iter()
            .filter_map(|l| l.key[prefix.len()..].split('/').next().map(str::to_owned))
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn retire(&self, key: &str) -> Result<(), StoreError> {
        if let Some(stored) = lock(&self.objects).get_mut(key) {
            stored.retired = true;
        }
        Ok(())
    }
}

/// A queue in memory.
#[derive(Default)]
pub struct MemoryQueue {
    waiting: Mutex<VecDeque<Received>>,
    taken: Mutex<BTreeMap<String, Received>>,
    postponed: Mutex<Vec<(Duration, Received)>>,
    dead: Mutex<Vec<(String, String)>>,
    sent: AtomicU64,
}

/// A message as a reader of a [`MemoryQueue`] gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// The receipt for postponing or deleting it.
    pub receipt: String,
    /// How often it was received, this time included.
    pub count: u32,
}

impl MemoryQueue {
    /// Takes the next message, for good.
    pub fn take(&self) -> Option<Message> {
        lock(&self.waiting).pop_front().map(|r| r.message)
    }

    /// Receives the next message; it is gone for others until it is postponed.
    pub fn receive(&self) -> Option<Received> {
        let mut received = lock(&self.waiting).pop_front()?;
        received.count += 1;
        lock(&self.taken).insert(received.receipt.clone(), received.clone());
        Some(received)
    }

    /// The postponed messages, and how long each waits.
    pub fn postponed(&self) -> Vec<(Duration, Received)> {
        lock(&self.postponed).clone()
    }

    /// Makes every postponed message available again.
    pub fn pass(&self) {
        let postponed = std::mem::take(&mut *lock(&self.postponed));
        lock(&self.waiting).extend(postponed.into_iter().map(|(_, received)| received));
    }

    /// The messages that were put aside, with their reasons.
    pub fn dead(&self) -> Vec<(String, String)> {
        lock(&self.dead).clone()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn send(&self, messages: &[Message]) -> Result<Vec<SendFailure>, StoreError> {
        let received = messages.iter().map(|message| Received {
            message: message.clone(),
            receipt: format!("r{}", self.sent.fetch_add(1, Ordering::Relaxed)),
            count: 0,
        });
        lock(&self.waiting).extend(received);
        Ok(Vec::new())
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), StoreError> {
        lock(&self.dead).push((body.to_owned(), reason.to_owned()));
        Ok(())
    }

    async fn postpone(&self, receipt: &str, wait: Duration) -> Result<(), StoreError> {
        let Some(received) = lock(&self.taken).remove(receipt) else {
            return Err(StoreError::Missing {
                key: format!("the message {receipt}"),
            });
        };
        if wait.is_zero() {
            lock(&self.waiting).push_back(received);
        } else {
            lock(&self.postponed).push((wait, received));
        }
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for MemoryQueue {
    async fn receive(&self) -> Result<Vec<DeadLetter>, StoreError> {
        let dead = lock(&self.dead);
        let letter = |(body, reason): &(String, String)| DeadLetter {
            body: body.clone(),
            reason: Some(reason.clone()),
            receipt: body.clone(),
        };
        Ok(dead.iter().map(letter).collect())
    }

    async fn delete(&self, receipt: &str) -> Result<(), StoreError> {
        lock(&self.dead).retain(|(body, _)| body != receipt);
        Ok(())
    }

    async fn put_back(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// An outbox in memory that keeps its events.
#[derive(Default)]
pub struct MemoryOutbox {
    events: Mutex<Vec<FeedEvent>>,
}

impl MemoryOutbox {
    /// The events, in order.
    pub fn events(&self) -> Vec<FeedEvent> {
        lock(&self.events).clone()
    }
}

#[async_trait]
impl Outbox for MemoryOutbox {
    async fn put(&self, event: &FeedEvent) -> Result<(), StoreError> {
        lock(&self.events).push(event.clone());
        Ok(())
    }
}

/// Executions in memory that keep their starts.
#[derive(Default)]
pub struct MemoryExecutions {
    started: Mutex<BTreeMap<String, String>>,
}

impl MemoryExecutions {
    /// Names and inputs of the started executions.
    pub fn started(&self) -> BTreeMap<String, String> {
        lock(&self.started).clone()
    }
}

#[async_trait]
impl Executions for MemoryExecutions {
    async fn start(&self, name: &str, input: String) -> Result<Start, StoreError> {
        let mut started = lock(&self.started);
        if started.contains_key(name) {
            return Ok(Start::AlreadyExists);
        }
        started.insert(name.to_owned(), input);
        Ok(Start::Started)
    }
}

/// Notices in memory.
#[derive(Default)]
pub struct MemoryNotices {
    published: Mutex<Vec<(String, String)>>,
}

impl MemoryNotices {
    /// Subjects and messages.
    pub fn published(&self) -> Vec<(String, String)> {
        lock(&self.published).clone()
    }
}

#[async_trait]
impl Notices for MemoryNotices {
    async fn publish(&self, subject: &str, message: &str) -> Result<(), StoreError> {
        lock(&self.published).push((subject.to_owned(), message.to_owned()));
        Ok(())
    }
}

/// Secrets in memory.
#[derive(Default)]
pub struct MemorySecrets {
    secrets: Mutex<BTreeMap<CredentialRef, SecretString>>,
}

impl MemorySecrets {
    /// Stores `secret` for `reference`.
    pub fn set(&self, reference: CredentialRef, secret: impl Into<SecretString>) {
        lock(&self.secrets).insert(reference, secret.into());
    }
}

#[async_trait]
impl Secrets for MemorySecrets {
    async fn get(&self, reference: &CredentialRef) -> Result<SecretString, SecretError> {
        lock(&self.secrets)
            .get(reference)
            .cloned()
            .ok_or_else(|| SecretError::Missing(reference.clone()))
    }
}

/// Links that lead nowhere, for tests of their callers.
pub struct MemoryLinks {
    clock: Arc<dyn Clock>,
}

impl MemoryLinks {
    /// Links that expire by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        MemoryLinks { clock }
    }
}

#[async_trait]
impl Links for MemoryLinks {
    async fn link(&self, key: &str, valid_for: Duration) -> Result<Link, StoreError> {
        let now = self.clock.now();
        Ok(Link {
            url: format!("memory:///{key}"),
            expires_at: now.saturating_add(valid_for).unwrap_or(now),
        })
    }
}

/// A clock that a test sets. Sleeping returns at once and moves it on.
pub struct ManualClock {
    now: Mutex<jiff::Timestamp>,
    /// The elapsed time, if it is counted.
    passed: Mutex<Option<Duration>>,
    slept: Mutex<Vec<Duration>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: jiff::Timestamp) -> Self {
        ManualClock {
            now: Mutex::new(now),
            passed: Mutex::default(),
            slept: Mutex::default(),
        }
    }

    /// From now on it counts elapsed time, independent of the time that it is set to.
    pub fn count_time(&self) {
        lock(&self.passed).get_or_insert_default();
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        if let Some(passed) = &mut *lock(&self.passed) {
            *passed += by;
        }
        let mut now = lock(&self.now);
        *now = now.saturating_add(by).unwrap_or(*now);
    }

    /// Sets it.
    pub fn set(&self, to: jiff::Timestamp) {
        *lock(&self.now) = to;
    }

    /// The lengths of all sleeps.
    pub fn slept(&self) -> Vec<Duration> {
        lock(&self.slept).clone()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> jiff::Timestamp {
        *lock(&self.now)
    }

    fn passed(&self) -> Option<Duration> {
        *lock(&self.passed)
    }

    async fn sleep(&self, duration: Duration) {
        lock(&self.slept).push(duration);
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}

/// Pseudo-random numbers: the same from the same seed.
pub struct SeededEntropy {
    state: AtomicU64,
}

impl SeededEntropy {
    /// Numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        SeededEntropy {
            state: AtomicU64::new(seed),
        }
    }
}

impl Entropy for SeededEntropy {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn bits(&self) -> Result<u64, StoreError> {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self
            .state
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Ok(z ^ (z >> 31))
    }
}
