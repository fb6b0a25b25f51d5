//! The units that AWS counts and bills.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::settings::Function;

/// Invocations of a function.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Calls {
    /// How many.
    pub calls: u64,
    /// How long they took together, in milliseconds.
    pub millis: f64,
}

/// Calls of storage and of small services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ops {
    /// Objects read.
    pub gets: u64,
    /// Objects written or tagged.
    pub puts: u64,
    /// Pages of listings.
    pub lists: u64,
    /// Objects deleted, which costs nothing.
    pub deletes: u64,
    /// Calls of KMS.
    pub kms: u64,
    /// Parameters read, which costs nothing.
    pub parameters: u64,
    /// Requests of SQS.
    pub queue: u64,
    /// Executions started, which costs nothing.
    pub starts: u64,
}

impl AddAssign for Ops {
    fn add_assign(&mut self, other: Ops) {
        self.gets += other.gets;
        self.puts += other.puts;
        self.lists += other.lists;
        self.deletes += other.deletes;
        self.kms += other.kms;
        self.parameters += other.parameters;
        self.queue += other.queue;
        self.starts += other.starts;
    }
}

/// The usage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// State transitions.
    pub transitions: u64,
    /// Invocations by function.
    pub functions: BTreeMap<Function, Calls>,
    /// Calls of the other services.
    pub ops: Ops,
    /// Bytes of objects that were written and stay for some weeks.
    pub stored: u64,
    /// Bytes written to logs.
    pub logs: u64,
}

impl Usage {
    /// Notes an invocation.
    pub fn invoked(&mut self, function: Function, millis: f64, ops: Ops) {
        let calls = self.functions.entry(function).or_default();
        calls.calls += 1;
        calls.millis += millis;
        self.ops += ops;
        self.logs += crate::settings::size::LOG;
    }

    /// Invocations of all functions.
    pub fn invocations(&self) -> u64 {
        self.functions.values().map(|c| c.calls).sum()
    }

    /// Memory times time of all functions, in GB-seconds.
    pub fn gb_seconds(&self) -> f64 {
        let of = |(function, calls): (&Function, &Calls)| {
            function.memory() as f64 / 1_024.0 * calls.millis / 1_000.0
        };
        self.functions.iter().map(of).sum()
    }

    /// Adds another usage.
    pub fn add(&mut self, other: &Usage) {
        self.transitions += other.transitions;
        for (function, calls) in &other.functions {
            let sum = self.functions.entry(*function).or_default();
            sum.calls += calls.calls;
            sum.millis += calls.millis;
        }
        self.ops += other.ops;
        self.stored += other.stored;
        self.logs += other.logs;
    }
}
