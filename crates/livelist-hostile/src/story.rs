//! What happens in a world, as data drawn from its seed before it begins: the MLSs, the feeds, and
//! for each day what changes in the books, which faults are in force and how often machines fail.
//! A story can be cut: without a day, a feed, a rule, an event or a single crash.

pub mod contrary;
mod cut;
mod draw;
mod faults;

use std::collections::BTreeSet;

use livelist_mls::{FaultRule, MlsSpec};

pub use contrary::{Contradiction, Contradictions};
pub use cut::{Cut, Without};

/// Days at the end in which nothing happens, for what must come right by itself.
pub const QUIET_DAYS: usize = 3;
/// A host that belongs to nobody's feed.
pub const STRANGER: &str = "stranger.example";

/// A world and what happens in it.
#[derive(Debug, Clone)]
pub struct Story {
    /// Everything follows from it.
    pub seed: u64,
    /// The MLSs.
    pub mlss: Vec<MlsPlan>,
    /// The feeds.
    pub feeds: Vec<FeedPlan>,
    /// The days, the quiet ones at the end not included.
    pub days: Vec<DayPlan>,
    /// Crashes and errors of ours that are left out, by their number.
    pub spared: BTreeSet<u64>,
    /// A scan task reads so many pages.
    pub task_pages: Option<u32>,
    /// A part holds so many bytes.
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
    /// What the simulator is told.
    pub spec: MlsSpec,
    /// Where it is reached.
    pub host: String,
    /// Whether the registry names the MLS's system though the provider does not demand it.
    pub names_system: bool,
    /// The guards in the registry, when not the defaults.
    pub guards: Option<(f64, u64)>,
    /// The page size in the registry.
    pub page_size: Option<u32>,
    /// How wrong the time is that it tells, in seconds.
    pub date_off: i64,
}

/// One feed.
#[derive(Debug, Clone)]
pub struct FeedPlan {
    /// Whose.
    pub mls: usize,
    /// For which client, besides the first.
    pub shared: bool,
    /// Through which filter.
    pub filter: Option<String>,
    /// Left out.
    pub is_cut: bool,
}

/// One day.
#[derive(Debug, Clone, Default)]
pub struct DayPlan {
    /// How often an operation of ours goes wrong.
    pub strikes: f64,
    /// What happens at each MLS.
    pub mlss: Vec<MlsDay>,
    /// A person starts each feed's run once more after so many minutes.
    pub again_after: Option<u64>,
    /// Whether a person looks at what is held.
    pub operator: bool,
    /// Whether the schedule fires twice, messages come twice and late.
    pub twice: bool,
    /// Clocks are wrong by up to so many seconds.
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
    /// Whether nothing goes wrong there.
    pub fn is_calm(&self) -> bool {
        self.rules.is_empty() && self.events.iter().all(|event| event.request.is_none())
    }
}

/// A change of a book or a credential.
#[derive(Debug, Clone)]
pub struct Event {
    /// Just before this request of the day; at dawn when absent.
    pub request: Option<u64>,
    /// What.
    pub change: Change,
}

/// What changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Listings are sold.
    Sell(u64),
    /// A share of all listings goes at once, in percent.
    Expire(u64),
    /// Listings come.
    Add(u64),
    /// Sold listings come back under their old keys.
    Relist(u64),
    /// Listings are modified.
    Touch(u64),
    /// All are modified at one instant.
    TouchAll,
    /// A share of them is, in percent.
    TouchAtOnce(u64),
    /// Listings come that stand behind so many others.
    AddAt {
        /// How many.
        n: u64,
        /// Behind how many.
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
    /// All tokens end.
    ExpireTokens,
}

impl Story {
    /// The story of a seed, without what is cut.
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
