//! What is deployed (a test compares it with `template.yaml`), AWS's default quotas, and assumed times.
//! This crate measures none of it.

use crate::machine::Step;

/// A Lambda function that a night needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Sends the pairs that are due.
    Planner,
    /// Starts runs.
    Worker,
    /// A step of a run.
    Step(Step),
    /// Notifies the sites.
    Notify,
}

impl Function {
    /// All of them, in the order of a night.
    pub const ALL: [Function; 10] = [
        Function::Planner,
        Function::Worker,
        Function::Step(Step::Acquire),
        Function::Step(Step::Authorize),
        Function::Step(Step::Scan),
        Function::Step(Step::Compare),
        Function::Step(Step::Confirm),
        Function::Step(Step::Publish),
        Function::Step(Step::Release),
        Function::Notify,
    ];

    /// Its handler's name.
    pub fn name(self) -> &'static str {
        match self {
            Function::Planner => "planner",
            Function::Worker => "worker",
            Function::Step(Step::Acquire) => "acquire",
            Function::Step(Step::Authorize) => "authorize",
            Function::Step(Step::Scan) => "scan",
            Function::Step(Step::Compare) => "compare",
            Function::Step(Step::Confirm) => "confirm",
            Function::Step(Step::Publish) => "publish",
            Function::Step(Step::Release) => "release",
            Function::Notify => "notify",
        }
    }

    /// Its memory in MB, as `template.yaml` has it.
    pub fn memory(self) -> u64 {
        match self {
            Function::Planner | Function::Step(Step::Compare | Step::Publish) => 512,
            Function::Worker | Function::Notify | Function::Step(_) => 256,
        }
    }
}

/// The size of an installation, as `template.yaml` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Nothing is reserved.
    Small,
    /// The sites' API has a reserve, and the steps that ask the MLSs have caps.
    Large,
}

/// What `Size=large` reserves for the sites' API. If nothing is reserved, the sites starve when less than
/// this is left.
pub const API: u64 = 100;

/// Step Functions' token buckets in a region: their size, and their refill per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// State transitions.
    pub transitions: (f64, f64),
    /// `StartExecution`.
    pub starts: (f64, f64),
}

impl Region {
    /// us-east-1, us-west-2, eu-west-1.
    pub const LARGE: Region = Region {
        transitions: (5_000.0, 5_000.0),
        starts: (1_300.0, 300.0),
    };
    /// All others.
    pub const OTHER: Region = Region {
        transitions: (800.0, 800.0),
        starts: (800.0, 150.0),
    };
}

/// The settings of the deployment or of AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `ScanSeconds`.
    pub scan_seconds: u64,
    /// `MaxHops`.
    pub max_hops: u64,
    /// `WorkerConcurrency`: the trigger's `MaximumConcurrency`.
    pub workers: usize,
    /// `BatchSize` of both triggers.
    pub batch: usize,
    /// `MaximumConcurrency` of the trigger of notices.
    pub notifiers: usize,
    /// How long that trigger gathers a batch, in milliseconds.
    pub window: u64,
    /// Lambda's quota of concurrent executions in the account.
    pub lambdas: u64,
    /// Step Functions' quotas.
    pub region: Region,
    /// `Size`.
    pub size: Size,
    /// Parameter Store's `GetParameter` a second.
    pub parameters: (f64, f64),
    /// How long a run waits that finds its credential busy, in milliseconds (`Limits::busy_wait`).
    pub busy_wait: u64,
    /// `PairsPerSecond`: the planner lets this many pairs start per second.
    pub pairs_a_second: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            scan_seconds: 600,
            max_hops: 1_200,
            workers: 5,
            batch: 10,
            notifiers: 5,
            window: 20_000,
            lambdas: 1_000,
            region: Region::LARGE,
            size: Size::Small,
            parameters: (40.0, 40.0),
            busy_wait: 120_000,
            pairs_a_second: 20,
        }
    }
}

impl Settings {
    /// The reserved concurrency of a function, which is also its upper limit.
    pub fn reserve(&self, function: Function) -> Option<u64> {
        let of = match function {
            Function::Planner => 1,
            Function::Worker => self.workers as u64,
            Function::Step(Step::Authorize) => 100,
            Function::Step(Step::Scan) => 350,
            Function::Step(Step::Confirm) => 200,
            Function::Step(_) | Function::Notify => return None,
        };
        (self.size == Size::Large).then_some(of)
    }

    /// Concurrent tasks of all functions without a reservation, including the sites' API if it has none.
    pub fn room(&self) -> u64 {
        let reserved = Function::ALL.iter().filter_map(|f| self.reserve(*f));
        let api = if self.size == Size::Large { API } else { 0 };
        self.lambdas.saturating_sub(reserved.sum::<u64>() + api)
    }
}

/// Durations in milliseconds. Those of AWS are typical inside a region; those of providers are a guess that
/// a probe (`livelist probe`) can replace.
pub mod time {
    /// Reading a small object.
    pub const GET: f64 = 20.0;
    /// Writing, tagging or deleting one.
    pub const PUT: f64 = 35.0;
    /// A page of a listing.
    pub const LIST: f64 = 60.0;
    /// A call of KMS, the Parameter Store, SQS or Step Functions.
    pub const CALL: f64 = 20.0;
    /// The overhead of an invocation: the runtime, and its share of cold starts.
    pub const INVOKE: f64 = 12.0;
    /// How long a lease is asked for (`Limits::lease_ttl`).
    pub const LEASE: u64 = 1_200_000;
    /// A lease that ends this close to that is not rewritten (`livelist-store`: `leases::NEAR`).
    pub const NEAR: u64 = 120_000;
    /// An idle environment of Lambda is kept for this long; AWS promises nothing.
    pub const WARM: u64 = 600_000;
    /// The time of a state before a task begins.
    pub const STATE: u64 = 60;
    /// A provider's answer before its first row; times the luck of the request.
    pub const ANSWER: f64 = 350.0;
    /// A row of it.
    pub const ROW: f64 = 0.1;
    /// A request for a token.
    pub const TOKEN: f64 = 500.0;
    /// Unpacking, reading and sorting a key in `scan`: 1.1 µs of a processor with pages of 2,000 rows
    /// (docs/benchmarks.md), of which 256 MB bring a seventh.
    pub const SCAN_KEY: f64 = 0.007_5;
    /// A key in `compare`, for each list.
    pub const COMPARE_KEY: f64 = 0.000_4;
    /// A key in `publish` if something changed, for each list that it merges.
    pub const PUBLISH_KEY: f64 = 0.000_8;
    /// Sending a notice to a site.
    pub const NOTICE: f64 = 400.0;
    /// The duration of a request relative to the usual one, by share of all requests.
    pub const LUCK: [(f64, f64); 8] = [
        (0.0, 0.3),
        (0.1, 0.53),
        (0.25, 0.71),
        (0.5, 1.0),
        (0.75, 1.4),
        (0.9, 1.9),
        (0.99, 3.2),
        (1.0, 12.0),
    ];
}

/// Bytes that things have.
pub mod size {
    /// A row on the wire, compressed.
    pub const ROW: u64 = 12;
    /// A key in a part or a snapshot, compressed.
    pub const KEY: u64 = 6;
    /// A key in a scan's memory.
    pub const HELD_KEY: u64 = 36;
    /// Keys of a scan's memory are written out at so much (`Limits::part_bytes`).
    pub const PART: u64 = 16 * 1024 * 1024;
    /// A small document.
    pub const DOCUMENT: u64 = 1_500;
    /// The log of an invocation: its start, its line, its report.
    pub const LOG: u64 = 1_300;
}
