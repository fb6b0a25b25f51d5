//! The events of a world, as data drawn from its seed before it begins: the MLSs, the feeds, and for each
//! day the changes of listings, the active faults and how often machines fail. A story can be cut: without
//! a day, a feed, a rule, an event or a single crash.

pub mod contrary;
mod cut;
mod draw;
mod faults;

use std::collections::BTreeSet;

use livelist_mls::{FaultRule, MlsSpec};

pub use contrary::{Contradiction, Contradictions};
pub use cut::{Cut, Without};

/// Days at the end in which nothing happens, so that everything has to become right.
pub const QUIET_DAYS: usize = 3;
/// A host that belongs to no feed.
pub const STRANGER: &str = "stranger.example";

/// A world and its events.
#[derive(Debug, Clone)]
pub struct Story {
    /// Everything follows from it.
    pub seed: u64,
    /// The MLSs.
    pub mlss: Vec<MlsPlan>,
    /// The feeds.
    pub feeds: Vec<FeedPlan>,
    /// The days, without the quiet ones at the end.
    pub days: Vec<DayPlan>,
    /// Crashes and errors of ours that are left out, by their number.
    pub spared: BTreeSet<u64>,
    /// A scan task reads this many pages.
    pub task_pages: Option<u32>,
    /// A part holds this many bytes.
    pub part_bytes: usize,
    /// The oracle asks the API about every live key.
    pub asks_check: bool,
    /// The records of each feed are copied.
    pub replicates: bool,
    /// What answers says what time it is.
    pub tells_time: bool,
}

/// One MLS.
#[derive(Debug, Clone)]
pub struct MlsPlan {
    /// The simulator's specification.
    pub spec: MlsSpec,
    /// Its host.
    pub host: String,
    /// Whether the registry names the MLS's system though the provider does not demand it.
    pub names_system: bool,
    /// The guards in the registry, when not the defaults.
    pub guards: Option<(f64, u64)>,
    /// The page size in the registry.
    pub page_size: Option<u32>,
    /// The error of its `Date`, in seconds.
    pub date_off: i64,
}

/// One feed.
#[derive(Debug, Clone)]
pub struct FeedPlan {
    /// Whose.
    pub mls: usize,
    /// Whether another client has it as well.
    pub shared: bool,
    /// Through which filter.
    pub filter: Option<String>,
    /// Left out.
    pub is_cut: bool,
}

/// One day.
#[derive(Debug, Clone, Default)]
pub struct DayPlan {
    /// How often one of our operations fails.
    pub strikes: f64,
    /// The events at each MLS.
    pub mlss: Vec<MlsDay>,
    /// An operator starts another run of each feed after this many minutes.
    pub again_after: Option<u64>,
    /// Whether an operator looks at held results.
    pub operator: bool,
    /// Whether the schedule fires twice, and messages are delivered twice and late.
    pub twice: bool,
    /// Clocks are wrong by up to this many seconds.
    pub skew: u64,
    /// The nth comparison of each run begins half an hour late, its lease expires, and another run
    /// overtakes it.
    pub slow_compare: Option<u64>,
}

/// One day of an MLS.
#[derive(Debug, Clone, Default)]
pub struct MlsDay {
    /// Changes.
    pub events: Vec<Event>,
    /// Faults in force.
    pub rules: Vec<FaultRule>,
}

impl MlsDay {
    /// Whether nothing is wrong there.
    pub fn is_calm(&self) -> bool {
        self.rules.is_empty() && self.events.iter().all(|event| event.request.is_none())
    }
}

/// A change of a book or a credential.
#[derive(Debug, Clone)]
pub struct Event {
    /// Just before this request of the day; at dawn when absent.
    pub request: Option<u64>,
    /// The change.
    pub change: Change,
}

/// A change of listings.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Listings are sold.
    Sell(u64),
    /// This percentage of all listings is removed at once.
    Expire(u64),
    /// Listings are added.
    Add(u64),
    /// Sold listings come back under their old keys.
    Relist(u64),
    /// Listings are modified.
    Touch(u64),
    /// All are modified at one instant.
    TouchAll,
    /// A share of them is, in percent.
    TouchAtOnce(u64),
    /// Listings are added after this many others.
    AddAt {
        /// How many.
        n: u64,
        /// After how many.
        at: u64,
    },
    /// Listings leave the account's list, and live on elsewhere.
    Leave(u64),
    /// Listings get other listing ids under their keys.
    Renumber(u64),
    /// Listings get other keys under their listing ids.
    RekeySome(u64),
    /// Every key changes.
    Rekey,
    /// The credential is refused, or accepted again.
    Revoke(bool),
    /// All tokens expire.
    ExpireTokens,
}

impl Story {
    /// The story of a seed, without the parts that are cut.
    pub fn of(cut: &Cut) -> Story {
        let mut story = Story::draw(cut.seed);
        story.contradict(&cut.contradictions());
        for without in &cut.without {
            story.leave_out(*without);
        }
        story
    }

    /// How many days it has.
    pub fn length(&self) -> usize {
        self.days.len() + QUIET_DAYS
    }
}
