//! Storage in memory: plain objects, written only by the simulated ports, and read directly by the oracle.

use std::collections::BTreeMap;

use bytes::Bytes;
use livelist_store::{Condition, Retention};

use crate::sim::Ms;

/// One object.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Changes with every write.
    pub etag: u64,
    /// Its content.
    pub bytes: Bytes,
    /// Since when lifecycle rules may count its days, if they may.
    pub expires: Option<Ms>,
}

/// All objects.
#[derive(Debug, Default)]
pub struct Store {
    objects: BTreeMap<String, Stored>,
    writes: u64,
}

/// Lifecycle rules delete retired objects after this many days. It is shorter than in production, so that
/// it occurs within a world of some weeks.
const KEPT_DAYS: i64 = 14;

impl Store {
    /// An object.
    pub fn get(&self, key: &str) -> Option<&Stored> {
        self.objects.get(key)
    }

    /// Objects by the beginning of their names.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Stored)> {
        self.objects
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Whether a write under this condition may happen.
    pub fn allows(&self, key: &str, condition: &Condition) -> bool {
        let present = self.objects.get(key);
        match condition {
            Condition::Always => true,
            Condition::Absent => present.is_none(),
            Condition::Unchanged(etag) => present.is_some_and(|p| p.etag.to_string() == *etag),
        }
    }

    /// Writes an object.
    pub fn put(&mut self, key: &str, bytes: Bytes, retention: Retention, now: Ms) -> u64 {
        self.writes += 1;
        let stored = Stored {
            etag: self.writes,
            bytes,
            expires: (retention == Retention::Scratch).then_some(now),
        };
        self.objects.insert(key.to_owned(), stored);
        self.writes
    }

    /// Removes an object.
    pub fn delete(&mut self, key: &str) {
        self.objects.remove(key);
    }

    /// Marks an object as no longer needed.
    pub fn retire(&mut self, key: &str, now: Ms) {
        if let Some(stored) = self.objects.get_mut(key) {
            stored.expires.get_or_insert(now);
        }
    }

    /// The daily work of the lifecycle rules.
    pub fn expire(&mut self, now: Ms) {
        let kept = KEPT_DAYS * 86_400_000;
        self.objects
            .retain(|_, stored| stored.expires.is_none_or(|since| now - since < kept));
    }
}
