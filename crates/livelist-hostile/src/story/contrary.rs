//! Servers that contradict a client's assumptions. They are drawn into a story only on request, each from
//! separate random numbers. So a story without them stays the same, and leaving one out does not change the
//! others.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use livelist_mls::{
    Fault, FaultRule, KeyType, Odd, OddCount, Provider, Records, Refused, Shown, Ties,
};

use super::{Change, Event, MlsDay, MlsPlan, Story};
use crate::dice::{self, Dice, pair};

/// Errors in JSON that a strict parser rejects.
const ODD: [Odd; 5] = [
    Odd::ByteOrderMark,
    Odd::ControlCharacter,
    Odd::NotANumber,
    Odd::Latin1,
    Odd::HalfSurrogate,
];

/// Seconds of a day.
const DAY: u64 = 86_400;

/// A kind of contradiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contradiction {
    /// Rows of one instant have no order, and bulk changes give many rows one instant.
    Ties,
    /// Instants are shown coarser than they are compared.
    Stamps,
    /// New rows are missed under an offset, and the counts show it or not.
    Slips,
    /// Pages and counts leave out a part of the rows for a day.
    Rebuilding,
    /// Pages without a sign of the end, pages without end, and a last link that is refused.
    Ends,
    /// Tokens are refused with 403 or 400, and tokens of pages expire.
    Tokens,
    /// Questions may not be long, and their refusal does not say so.
    Questions,
    /// Keys are numbers or GUIDs, or are compared without regard to case.
    Types,
    /// Bytes that no strict reader takes.
    Bytes,
    /// Counts of something else.
    Counts,
    /// Answers by key show removed listings; ids change under their keys, and keys under their ids;
    /// listings leave a destination.
    ByKey,
    /// Machines' clocks are wrong by days and years; answers have a `Date`, some of them a wrong one.
    Clocks,
    /// The oracle asks the API about every live key.
    Check,
    /// None: the records of each feed are copied, by syncs that use the same credentials as the runs.
    Records,
}

/// Some of them.
pub type Contradictions = BTreeSet<Contradiction>;

impl Contradiction {
    /// Those that `all` stands for: without records, whose syncs would make each of these stories another.
    pub const ALL: [Contradiction; 13] = [
        Contradiction::Ties,
        Contradiction::Stamps,
        Contradiction::Slips,
        Contradiction::Rebuilding,
        Contradiction::Ends,
        Contradiction::Tokens,
        Contradiction::Questions,
        Contradiction::Types,
        Contradiction::Bytes,
        Contradiction::Counts,
        Contradiction::ByKey,
        Contradiction::Clocks,
        Contradiction::Check,
    ];

    /// Each that has a name.
    pub fn named() -> impl Iterator<Item = Contradiction> {
        Self::ALL.into_iter().chain([Contradiction::Records])
    }

    /// All of them, as a set.
    pub fn all() -> Contradictions {
        Self::ALL.into_iter().collect()
    }

    /// Its name in words.
    pub const fn name(self) -> &'static str {
        match self {
            Contradiction::Ties => "ties",
            Contradiction::Stamps => "stamps",
            Contradiction::Slips => "slips",
            Contradiction::Rebuilding => "rebuilding",
            Contradiction::Ends => "ends",
            Contradiction::Tokens => "tokens",
            Contradiction::Questions => "questions",
            Contradiction::Types => "types",
            Contradiction::Bytes => "bytes",
            Contradiction::Counts => "counts",
            Contradiction::ByKey => "by-key",
            Contradiction::Clocks => "clocks",
            Contradiction::Check => "check",
            Contradiction::Records => "records",
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Contradiction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::named().find(|known| known.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::named().map(Self::name).collect();
            let names = names.join(", ");
            format!("{text:?} is no contradiction; there are all, {names}")
        })
    }
}

/// Contradictions as they are written: `all`, or names joined by `+`.
pub fn written(some: &Contradictions) -> String {
    let all = Contradiction::all();
    let is_all = some.is_superset(&all);
    let rest = some.iter().filter(|one| !is_all || !all.contains(one));
    let names = is_all.then_some("all").into_iter();
    let names: Vec<&str> = names.chain(rest.map(|one| one.name())).collect();
    names.join("+")
}

/// Parses the output of [`written`].
///
/// # Errors
/// An unknown name.
pub fn read(text: &str) -> Result<Contradictions, String> {
    let mut some = Contradictions::new();
    for name in text.split('+') {
        let named: Vec<Contradiction> = match name {
            "all" => Contradiction::ALL.to_vec(),
            name => vec![name.parse()?],
        };
        for one in named {
            if !some.insert(one) {
                return Err(format!("{text:?} names {one} twice"));
            }
        }
    }
    Ok(some)
}

/// How the servers of a world contradict in a campaign that has it all: as for [`lists`], and in every second
/// world records are copied.
pub fn mixed(seed: u64) -> Contradictions {
    let mut some = lists(seed);
    if seed % 2 == 1 {
        some.insert(Contradiction::Records);
    }
    some
}

/// How the servers of a world contradict in a campaign without copies of records: of three worlds one is
/// without, one has a single contradiction, each in turn, and one has all of them.
pub fn lists(seed: u64) -> Contradictions {
    let nth = (seed / 3) as usize % Contradiction::ALL.len();
    match seed % 3 {
        0 => Contradictions::new(),
        1 => [Contradiction::ALL[nth]].into(),
        _ => Contradiction::all(),
    }
}

impl Story {
    /// Lets the servers contradict.
    pub(super) fn contradict(&mut self, some: &Contradictions) {
        for one in some {
            let seed = pair(self.seed, dice::name(one.name()));
            for mls in 0..self.mlss.len() {
                let mut dice = Dice::new(pair(seed, mls as u64));
                let has_filter = self
                    .feeds
                    .iter()
                    .any(|feed| feed.mls == mls && feed.filter.is_some());
                one.change_mls(&mut self.mlss[mls], has_filter, &mut dice);
                let plan = self.mlss[mls].clone();
                let mut salt = None;
                for day in &mut self.days {
                    let Some(today) = day.mlss.get_mut(mls) else {
                        continue;
                    };
                    one.change_day(today, &plan, &mut salt, &mut dice);
                }
            }
        }
        if some.contains(&Contradiction::Clocks) {
            let mut dice = Dice::new(pair(self.seed, dice::name("wrong clocks")));
            for day in &mut self.days {
                if dice.chance(0.1) {
                    day.skew = *dice.pick(&[2 * DAY, 30 * DAY, 3_650 * DAY]);
                }
            }
        }
        self.tells_time = some.contains(&Contradiction::Clocks);
        self.asks_check = some.contains(&Contradiction::Check);
        self.replicates = some.contains(&Contradiction::Records);
    }
}

impl Contradiction {
    /// Sets permanent properties of a server.
    fn change_mls(self, mls: &mut MlsPlan, has_filter: bool, dice: &mut Dice) {
        let provider = mls.spec.provider;
        let ways = &mut mls.spec.options.contrary;
        match self {
            Contradiction::Ties if dice.chance(0.6) => {
                ways.ties = *dice.pick(&[Ties::Changing, Ties::OfThePlace]);
            }
            Contradiction::Stamps if dice.chance(0.5) => {
                ways.shown = *dice.pick(&[
                    Shown::Cut(1),
                    Shown::Rounded(1),
                    Shown::Cut(1_000),
                    Shown::Rounded(1_000),
                ]);
            }
            // If rows of one timestamp come in any order, nothing else shows which row is the last.
            Contradiction::Ends if dice.chance(0.2) && ways.ties == Ties::default() => {
                ways.dead_end = Some(*dice.pick(&[404, 400, 416, 204]));
            }
            Contradiction::Tokens if dice.chance(0.5) => {
                ways.ended_token = Some(*dice.pick(&[403, 400]));
                ways.token_requests = dice.chance(0.5).then(|| dice.within(8, 20));
            }
            Contradiction::Bytes if dice.chance(0.3) => {
                ways.bytes = Some(*dice.pick(&ODD));
            }
            Contradiction::Questions if dice.chance(0.6) => {
                // One key has to fit, besides the feed's filter.
                ways.question.longest = dice.chance(0.6).then(|| dice.within(700, 2_100) as usize);
                ways.question.most_values = dice.chance(0.5).then(|| dice.within(6, 24) as usize);
                ways.question.refused = *dice.pick(&[
                    Refused::Status(404),
                    Refused::Status(403),
                    Refused::Status(500),
                    Refused::CutJson,
                ]);
                ways.question.in_status = dice.chance(0.3).then_some(500);
            }
            Contradiction::Types => {
                let by_number = matches!(provider, Provider::Rmls | Provider::UtahRealEstate);
                ways.keys = match dice.below(6) {
                    0 => KeyType::Int64,
                    1 if !by_number => KeyType::Guid,
                    _ => KeyType::Text,
                };
                ways.blind = dice.chance(0.3);
            }
            Contradiction::Records => {
                mls.spec.options.records = Some(Records {
                    fields: dice.within(5, 12) as u16,
                    photos: 0,
                    odd_records: dice.chance(0.5),
                    ..Records::default()
                });
            }
            Contradiction::Clocks if dice.chance(0.15) => {
                mls.date_off = *dice.pick(&[-3, 1, 400]) * DAY as i64;
            }
            Contradiction::ByKey => {
                ways.broker_only = provider == Provider::MlsGrid && !has_filter && dice.chance(0.3);
                if ways.broker_only {
                    // One broker's own listings fit on one of its pages of 5,000, and nothing distinguishes
                    // those with one timestamp.
                    (mls.spec.page_limit, mls.page_size) = (None, None);
                    mls.spec.options.contrary.ties = Ties::default();
                }
            }
            _ => {}
        }
    }

    /// Sets the events of a day.
    fn change_day(self, day: &mut MlsDay, mls: &MlsPlan, salt: &mut Option<u64>, dice: &mut Dice) {
        let page = mls.spec.page_limit.unwrap_or(50);
        let pages = mls.spec.listings / page.max(1) + 1;
        let at_dawn = |change| Event {
            request: None,
            change,
        };
        match self {
            Contradiction::Ties if dice.chance(0.2) => {
                day.events
                    .push(at_dawn(Change::TouchAtOnce(dice.within(10, 90))));
            }
            Contradiction::Slips if dice.chance(0.2) => {
                let n = dice.within(1, 5);
                let edge = dice.within(1, pages);
                let at = edge * page;
                day.events.push(at_dawn(Change::AddAt { n, at }));
                let mut rules = vec![Fault::SellDuringScan { n }];
                if dice.chance(0.5) {
                    rules.push(Fault::AddDuringScan { n });
                }
                let rules = rules.into_iter().map(FaultRule::new);
                day.rules
                    .extend(rules.map(|rule| rule.after(edge).times(1)));
            }
            Contradiction::Rebuilding => {
                let lasts = salt.is_some() && dice.chance(0.3);
                if !lasts {
                    *salt = dice.chance(0.12).then(|| dice.roll());
                }
                if let Some(salt) = *salt {
                    let percent = *dice.pick(&[2, 5, 15, 30, 60]);
                    day.rules.push(Fault::Rebuilding { percent, salt }.into());
                }
            }
            Contradiction::Ends if dice.chance(0.12) => {
                let fault = dice
                    .pick(&[
                        Fault::Cap,
                        Fault::Cap,
                        Fault::EmptyPagesForEver,
                        Fault::LastPageForEver,
                    ])
                    .clone();
                day.rules.push(sometimes(fault, pages, dice));
            }
            Contradiction::Tokens => {
                if dice.chance(0.1) {
                    let code = *dice.pick(&[410, 404, 400]);
                    day.rules
                        .push(sometimes(Fault::PageTokenDies { code }, pages, dice));
                }
                if dice.chance(0.1) {
                    day.rules.push(sometimes(Fault::ExpireToken, pages, dice));
                }
            }
            Contradiction::Bytes if dice.chance(0.15) => {
                let what = *dice.pick(&ODD);
                day.rules
                    .push(sometimes(Fault::Unreadable { what }, pages, dice));
            }
            Contradiction::Counts if dice.chance(0.12) => {
                let what = *dice.pick(&[
                    OddCount::OfAll,
                    OddCount::Capped(page),
                    OddCount::Negative,
                    OddCount::Text,
                    OddCount::OfThePage,
                ]);
                day.rules
                    .push(sometimes(Fault::OddCount { what }, pages, dice));
            }
            Contradiction::ByKey => {
                if dice.chance(0.06) {
                    day.rules.push(Fault::ConfirmFindsGone.into());
                }
                if mls.spec.provider == Provider::Crea && dice.chance(0.2) {
                    day.events.push(at_dawn(Change::Leave(dice.within(1, 4))));
                }
                if mls.spec.provider == Provider::MlsGrid && dice.chance(0.15) {
                    let n = if dice.chance(0.7) {
                        dice.within(1, 3)
                    } else {
                        dice.within(20, 200)
                    };
                    day.events.push(at_dawn(Change::Renumber(n)));
                }
                if mls.spec.provider == Provider::MlsGrid && dice.chance(0.1) {
                    let n = dice.within(1, 4);
                    day.events.push(at_dawn(Change::RekeySome(n)));
                }
            }
            _ => {}
        }
    }
}

/// A rule from some page on, once or for the whole day.
fn sometimes(fault: Fault, pages: u64, dice: &mut Dice) -> FaultRule {
    let mut rule = FaultRule::new(fault);
    if dice.chance(0.5) {
        rule = rule.after(dice.below(pages * 2));
    }
    if dice.chance(0.6) {
        rule = rule.times(dice.within(1, 3));
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_without_contradictions_is_as_it_was() {
        let plain = Story::draw(11);
        let mut same = Story::draw(11);
        same.contradict(&Contradictions::new());
        assert_eq!(format!("{plain:?}"), format!("{same:?}"));
    }

    /// Leaving one out moves no other.
    #[test]
    fn each_is_drawn_from_numbers_of_its_own() {
        for one in Contradiction::ALL {
            let mut alone = Story::draw(11);
            alone.contradict(&[one].into());
            let mut rest = Contradiction::all();
            rest.remove(&one);
            let mut without = Story::draw(11);
            without.contradict(&rest);
            let mut both = Story::draw(11);
            both.contradict(&Contradiction::all());
            let rules = |story: &Story| -> usize {
                let days = story.days.iter().flat_map(|day| &day.mlss);
                days.map(|day| day.rules.len() + day.events.len()).sum()
            };
            let plain = rules(&Story::draw(11));
            assert_eq!(
                rules(&alone) + rules(&without),
                rules(&both) + plain,
                "{one}"
            );
        }
    }

    #[test]
    fn every_kind_does_something() {
        for one in Contradiction::ALL {
            let changes = (0..30).any(|seed| {
                let plain = format!("{:?}", Story::draw(seed));
                let mut story = Story::draw(seed);
                story.contradict(&[one].into());
                format!("{story:?}") != plain
            });
            assert!(changes, "{one}");
        }
    }

    #[test]
    fn a_mixed_campaign_has_each_alone() {
        let alone: Contradictions = (0..6 * Contradiction::ALL.len() as u64)
            .map(mixed)
            .filter(|some| some.len() == 1)
            .flatten()
            .collect();
        assert_eq!(alone, Contradiction::named().collect());
        assert!(mixed(6).is_empty());
        assert_eq!(mixed(2), Contradiction::all());
        assert_eq!(mixed(5), Contradiction::named().collect());
    }

    #[test]
    fn contradictions_can_be_written_and_read() {
        let some: Contradictions = [Contradiction::Ties, Contradiction::ByKey].into();
        assert_eq!(written(&some), "ties+by-key");
        assert_eq!(read("ties+by-key"), Ok(some));
        assert_eq!(
            read(&written(&Contradiction::all())),
            Ok(Contradiction::all())
        );
        let with_records = read("all+records").unwrap();
        assert_eq!(written(&with_records), "all+records");
        assert_eq!(with_records.len(), 14);
        assert!(read("all+ties").is_err() && read("tie").is_err());
    }
}
