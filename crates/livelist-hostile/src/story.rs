//! What happens in a world, as data drawn from its seed before it begins: the MLSs, the feeds, and
//! for each day what changes in the books, which faults are in force and how often machines fail.
//! A story can be cut: without a day, a feed, a rule, an event or a single crash.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use livelist_mls::{
    Auth, Credential, Envelope, Fault, FaultRule, MlsSpec, NextIn, On, Paging, Provider,
    RefreshReuse, RetryAfter, TokenReuse,
};

use crate::dice::{Dice, pair};

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
    /// Every key changes.
    Rekey,
    /// The credential is refused, or accepted again.
    Revoke(bool),
    /// All tokens end.
    ExpireTokens,
}

/// How a day is at one MLS.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Temper {
    Quiet,
    Rough,
    Hostile,
}

/// What is left out of a story, and its seed: `7`, `7:n12,f1,r3.0.1,e2.1.0,s9f3a,b2`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cut {
    /// The seed.
    pub seed: u64,
    /// What is left out.
    pub without: Vec<Without>,
}

/// Something that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// Days from this one on.
    DaysFrom(usize),
    /// What happens on a day.
    Day(usize),
    /// A feed.
    Feed(usize),
    /// A fault: day, MLS, rule.
    Rule(usize, usize, usize),
    /// A change: day, MLS, event.
    Event(usize, usize, usize),
    /// A crash or an error of ours.
    Strike(u64),
    /// All of them.
    Strikes,
    /// The second start, the operator, what comes twice, and the wrong clocks of a day.
    Extras(usize),
    /// The books are divided by this.
    Books(u64),
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Without::DaysFrom(day) => write!(f, "n{day}"),
            Without::Day(day) => write!(f, "d{day}"),
            Without::Feed(feed) => write!(f, "f{feed}"),
            Without::Rule(day, mls, rule) => write!(f, "r{day}.{mls}.{rule}"),
            Without::Event(day, mls, event) => write!(f, "e{day}.{mls}.{event}"),
            Without::Strike(strike) => write!(f, "s{strike:x}"),
            Without::Strikes => write!(f, "S"),
            Without::Extras(day) => write!(f, "x{day}"),
            Without::Books(by) => write!(f, "b{by}"),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        for (at, without) in self.without.iter().enumerate() {
            write!(f, "{}{without}", if at == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Without {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is nothing that can be left out of a story");
        let rest = text.get(1..).ok_or_else(bad)?;
        let numbers: Vec<usize> = rest.split('.').flat_map(str::parse).collect();
        Ok(match (&text[..1], &numbers[..]) {
            ("n", [day]) => Without::DaysFrom(*day),
            ("d", [day]) => Without::Day(*day),
            ("f", [feed]) => Without::Feed(*feed),
            ("x", [day]) => Without::Extras(*day),
            ("b", [by]) => Without::Books(*by as u64),
            ("r", [day, mls, rule]) => Without::Rule(*day, *mls, *rule),
            ("e", [day, mls, event]) => Without::Event(*day, *mls, *event),
            ("S", _) if rest.is_empty() => Without::Strikes,
            ("s", _) => Without::Strike(u64::from_str_radix(rest, 16).map_err(|_| bad())?),
            _ => return Err(bad()),
        })
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (seed, without) = text.split_once(':').unwrap_or((text, ""));
        let seed = seed.parse().map_err(|_| format!("{seed:?} is no seed"))?;
        let without = without.split(',').filter(|part| !part.is_empty());
        Ok(Cut {
            seed,
            without: without.map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}

impl From<u64> for Cut {
    fn from(seed: u64) -> Self {
        Cut {
            seed,
            without: Vec::new(),
        }
    }
}

impl Story {
    /// The story of a seed, without what is cut.
    pub fn of(cut: &Cut) -> Story {
        let mut story = Story::draw(cut.seed);
        for without in &cut.without {
            story.leave_out(*without);
        }
        story
    }

    /// How many days it has.
    pub fn length(&self) -> usize {
        self.days.len() + QUIET_DAYS
    }

    fn leave_out(&mut self, without: Without) {
        let mls_day = |days: &mut Vec<DayPlan>, day: usize, mls: usize| {
            days.get_mut(day)
                .and_then(|day| day.mlss.get_mut(mls))
                .map(std::mem::take)
        };
        match without {
            Without::DaysFrom(day) => self.days.truncate(day),
            Without::Day(day) => {
                if let Some(day) = self.days.get_mut(day) {
                    *day = DayPlan {
                        mlss: vec![MlsDay::default(); day.mlss.len()],
                        ..DayPlan::default()
                    };
                }
            }
            Without::Feed(feed) => {
                if let Some(feed) = self.feeds.get_mut(feed) {
                    feed.is_cut = true;
                }
            }
            Without::Rule(day, mls, rule) => {
                if let Some(mut taken) = mls_day(&mut self.days, day, mls) {
                    if rule < taken.rules.len() {
                        // Rules keep their places, so that others keep their names.
                        taken.rules[rule] = FaultRule::new(Fault::Slow { ms: 0 }).times(0);
                    }
                    self.days[day].mlss[mls] = taken;
                }
            }
            Without::Event(day, mls, event) => {
                if let Some(mut taken) = mls_day(&mut self.days, day, mls) {
                    if event < taken.events.len() {
                        taken.events[event].change = Change::Sell(0);
                    }
                    self.days[day].mlss[mls] = taken;
                }
            }
            Without::Strike(strike) => {
                self.spared.insert(strike);
            }
            Without::Strikes => {
                for day in &mut self.days {
                    day.strikes = 0.0;
                }
            }
            Without::Extras(day) => {
                if let Some(day) = self.days.get_mut(day) {
                    day.again_after = None;
                    day.operator = false;
                    day.twice = false;
                    day.skew = 0;
                    day.slow_compare = None;
                }
            }
            Without::Books(by) => {
                for mls in &mut self.mlss {
                    mls.spec.listings /= by.max(1);
                }
            }
        }
    }

    fn draw(seed: u64) -> Story {
        let mut dice = Dice::new(pair(seed, 1));
        let mlss: Vec<MlsPlan> = (0..dice.within(1, 4))
            .map(|at| MlsPlan::draw(at, seed, &mut dice))
            .collect();
        let mut feeds = Vec::new();
        for (mls, plan) in mlss.iter().enumerate() {
            // What these two give cannot be narrowed.
            let provider = plan.spec.provider;
            let is_whole = matches!(provider, Provider::Crea | Provider::Spark);
            feeds.push(FeedPlan {
                mls,
                shared: dice.chance(0.3),
                filter: (dice.chance(0.1) && !is_whole)
                    .then(|| "StandardStatus eq 'Active'".to_owned()),
                is_cut: false,
            });
            if dice.chance(0.3) && !is_whole {
                feeds.push(FeedPlan {
                    mls,
                    shared: false,
                    filter: Some("StandardStatus eq 'Pending'".to_owned()),
                    is_cut: false,
                });
            }
        }
        // In half of the worlds the same few faults meet again and again.
        let theme: Vec<Fault> = match dice.below(6) {
            0..3 => Vec::new(),
            3 => (0..dice.within(1, 3)).map(|_| fault(&mut dice)).collect(),
            _ => conspiracy(&mut dice),
        };
        let mut tempers = vec![Temper::Quiet; mlss.len()];
        let mut days: Vec<DayPlan> = Vec::new();
        for _ in 0..dice.within(17, 50) {
            for temper in &mut tempers {
                *temper = match dice.below(10) {
                    0..4 => Temper::Quiet,
                    4..7 => Temper::Rough,
                    7 => Temper::Hostile,
                    _ => *temper,
                };
            }
            let before = days.last();
            let drawn = (0..mlss.len()).map(|mls| {
                let yesterday = before.and_then(|day| day.mlss.get(mls));
                MlsDay::draw(tempers[mls], &mlss[mls], yesterday, &theme, &mut dice)
            });
            let drawn = drawn.collect();
            let strikes = match dice.below(10) {
                0..5 => 0.0,
                5..9 => 0.0005 * (1.0 + 15.0 * dice.fraction()),
                _ => 0.01 * (1.0 + 3.0 * dice.fraction()),
            };
            days.push(DayPlan {
                strikes,
                mlss: drawn,
                again_after: dice.chance(0.12).then(|| dice.below(180)),
                slow_compare: None,
                operator: dice.chance(0.25),
                twice: dice.chance(0.3),
                skew: match dice.below(8) {
                    0 => 3_600,
                    1..3 => 120,
                    _ => 0,
                },
            });
        }
        for day in &mut days {
            if dice.chance(0.04) {
                day.slow_compare = Some(dice.below(2));
                day.again_after = Some(dice.within(2, 20));
            }
        }
        Story {
            seed,
            mlss,
            feeds,
            days,
            spared: BTreeSet::new(),
            task_pages: dice.chance(0.7).then(|| dice.within(1, 12) as u32),
            part_bytes: dice.within(100, 4_000) as usize,
        }
    }
}

impl MlsPlan {
    fn draw(at: u64, seed: u64, dice: &mut Dice) -> MlsPlan {
        let provider = *dice.pick(&Provider::ALL);
        let listings = match dice.below(12) {
            0 => dice.below(3),
            1..5 => dice.within(3, 40),
            5..11 => dice.within(40, 160),
            _ => dice.within(160, 320),
        };
        let mut spec = MlsSpec::new(format!("mls{at}"), provider, listings);
        spec.seed = pair(seed, at);
        // Where a page that is cut has no link, an answer about 25 keys has to fit on one, and where
        // pages overlap, they are longer than what changes between two of them, as it
        // does at the true servers.
        let goes_by_links = !matches!(
            provider,
            Provider::Rmls
                | Provider::UtahRealEstate
                | Provider::Realtyna
                | Provider::Ampre
                | Provider::MlsGrid
        );
        spec.page_limit = Some(match dice.below(4) {
            _ if !goes_by_links => dice.within(26, 60),
            0 => dice.within(3, 9),
            _ => dice.within(10, 60),
        });
        spec.rate_limited = dice.chance(0.2);
        spec.token_seconds = *dice.pick(&[6, 10, 3_600, 28_800]);
        spec.options.tokens =
            *dice.pick(&[TokenReuse::Fresh, TokenReuse::Cached, TokenReuse::Single]);
        if provider == Provider::Reso {
            spec.options.paging = *dice.pick(&[
                Paging::NextSkip,
                Paging::NextOpaqueId,
                Paging::NextSkiptoken,
                Paging::LinkHeader,
                Paging::RelativeLink,
            ]);
            spec.options.count = dice.chance(0.75);
            spec.options.count_as_string = dice.chance(0.2);
            spec.options.top_is_total = dice.chance(0.3);
            if dice.chance(0.5) {
                spec.options.auth = Some(Auth::ClientCredentials);
                spec.credential = Credential::ClientCredentials {
                    client_id: format!("{}-client", spec.mls),
                    client_secret: format!("{}-client-secret-5f1c9a7e", spec.mls),
                };
            }
        }
        spec.options.envelope = *dice.pick(&[Envelope::Reso, Envelope::Spark]);
        spec.options.cache_seconds = *dice.pick(&[0, 300, 1_200]);
        spec.options.refresh = *dice.pick(&[
            RefreshReuse::Once,
            RefreshReuse::UntilNextIsUsed,
            RefreshReuse::Lasting,
        ]);
        spec.options.skip_window = dice.chance(0.3).then(|| dice.within(5, 200));
        spec.options.destination = dice.chance(0.5).then(|| dice.within(1, 99_999));
        if provider == Provider::Paragon && dice.chance(0.5) {
            spec.credential = Credential::ClientCredentials {
                client_id: format!("{}-client", spec.mls),
                client_secret: format!("{}-client-secret-5f1c9a7e", spec.mls),
            };
        }
        spec.options.next_in = *dice.pick(&[NextIn::Both, NextIn::Body, NextIn::Header]);
        MlsPlan {
            host: format!("{}.example", spec.mls),
            names_system: dice.chance(0.3)
                && matches!(provider, Provider::Trestle | Provider::Bridge),
            guards: match dice.below(3) {
                0 => Some((0.2, 5)),
                1 => Some((0.1, dice.within(0, 20))),
                _ => None,
            },
            page_size: dice.chance(0.3).then(|| dice.within(2, 80) as u32),
            spec,
        }
    }
}

impl MlsDay {
    fn draw(
        temper: Temper,
        mls: &MlsPlan,
        yesterday: Option<&MlsDay>,
        theme: &[Fault],
        dice: &mut Dice,
    ) -> MlsDay {
        let mut day = MlsDay::default();
        let pages = mls.spec.listings / mls.spec.page_limit.unwrap_or(50).max(1) + 3;
        let few = |dice: &mut Dice| dice.within(1, 6);
        // An ordinary day of an MLS.
        for change in [
            Change::Sell(few(dice)),
            Change::Add(few(dice)),
            Change::Relist(dice.within(1, 3)),
            Change::Touch(few(dice)),
        ] {
            if dice.chance(0.5) {
                day.events.push(Event {
                    request: None,
                    change,
                });
            }
        }
        if dice.chance(0.06) {
            let change = match dice.below(4) {
                0 => Change::Expire(dice.within(20, 100)),
                1 => Change::Rekey,
                2 => Change::Add(dice.within(20, 100)),
                _ => Change::TouchAll,
            };
            day.events.push(Event {
                request: None,
                change,
            });
        }
        if temper == Temper::Quiet {
            return day;
        }
        let (rules, events) = match temper {
            Temper::Hostile => (dice.within(1, 4), dice.within(0, 4)),
            _ => (dice.within(0, 1), dice.within(0, 2)),
        };
        for _ in 0..events {
            let change = match dice.below(14) {
                0..4 => Change::Sell(few(dice)),
                4..7 => Change::Add(few(dice)),
                7..9 => Change::Relist(few(dice)),
                9 => Change::Touch(few(dice)),
                10 => Change::ExpireTokens,
                11 => Change::Expire(dice.within(10, 60)),
                12 => Change::TouchAll,
                _ if temper == Temper::Hostile => Change::Rekey,
                _ => Change::Revoke(dice.chance(0.5)),
            };
            day.events.push(Event {
                request: Some(dice.below(pages * 3)),
                change,
            });
        }
        for _ in 0..rules {
            day.rules.push(rule(pages, dice));
        }
        if !theme.is_empty() && dice.chance(0.7) {
            for fault in theme {
                let mut rule = FaultRule::new(fault.clone());
                if dice.chance(0.4) {
                    rule.skip = dice.below(pages);
                }
                if dice.chance(0.3) {
                    rule.times = Some(dice.within(1, 3));
                }
                day.rules.push(rule);
            }
        }
        // Some faults last for days.
        if let Some(rule) = yesterday.and_then(|day| day.rules.first())
            && dice.chance(0.4)
        {
            day.rules.push(rule.clone());
        }
        for rule in &mut day.rules {
            // A book that grows, or moves ahead, as fast as it is read has no end.
            let moves = matches!(
                rule.fault,
                Fault::AddDuringScan { .. } | Fault::TouchDuringScan { .. }
            );
            if moves {
                rule.times = Some(rule.times.unwrap_or(10));
            }
        }
        day
    }
}

/// Faults that hide rows, and others that hide that they do.
fn conspiracy(dice: &mut Dice) -> Vec<Fault> {
    let hides = [
        Fault::HalfPage,
        Fault::EmptyList,
        Fault::EmptyListCountKept,
        Fault::NoNextLink,
        Fault::SellDuringScan { n: 1 },
        Fault::Html200,
        Fault::DenyPartial { percent: 30 },
    ];
    let covers = [
        Fault::ConfirmFindsNothing,
        Fault::ConfirmFindsNothing,
        Fault::WrongCount { delta: -3 },
        Fault::ExpireToken,
    ];
    vec![dice.pick(&hides).clone(), dice.pick(&covers).clone()]
}

/// A fault on any kind of request, from any request on.
fn rule(pages: u64, dice: &mut Dice) -> FaultRule {
    let mut rule = FaultRule::new(fault(dice));
    if dice.chance(0.4) {
        rule.on = Some(*dice.pick(&[
            On::Any,
            On::Any,
            On::Page,
            On::Count,
            On::Confirm,
            On::Token,
        ]));
    }
    if dice.chance(0.6) {
        rule.skip = dice.below(pages * 2);
    }
    if dice.chance(0.6) {
        rule.times = Some(dice.within(1, 3));
    }
    rule
}

fn fault(dice: &mut Dice) -> Fault {
    let seconds = dice.within(0, 600);
    let few = dice.within(1, 5);
    let told = *dice.pick(&[
        RetryAfter::None,
        RetryAfter::Seconds,
        RetryAfter::HttpDate,
        RetryAfter::VendorHeader,
        RetryAfter::BodyKey,
    ]);
    let code = *dice.pick(&[400, 401, 403, 404, 408, 410, 500, 502, 503, 504]);
    let delta = few as i64 * if dice.chance(0.5) { 1 } else { -1 };
    let percent = *dice.pick(&[5, 10, 30, 50, 90, 100]);
    let all = [
        Fault::EmptyList,
        Fault::EmptyListCountKept,
        Fault::NoNextLink,
        Fault::ErrorObject200,
        Fault::Html200,
        Fault::PlainText200,
        Fault::EmptyObject200,
        Fault::ValueNotArray,
        Fault::Throttle {
            status: if dice.chance(0.7) { 429 } else { 503 },
            retry_after: told,
            seconds,
        },
        Fault::RetryAfterHuge,
        Fault::Status { code },
        Fault::TruncateJson,
        Fault::Reset,
        Fault::ShortContentLength,
        Fault::GzipTruncated,
        Fault::HalfPage,
        Fault::NextLinkLoop,
        Fault::NextLinkOtherHost {
            host: format!("https://{STRANGER}"),
        },
        Fault::NextLinkHttp,
        Fault::NextLinkNull,
        Fault::FullLastPageThenEmpty,
        Fault::RowsWithoutKey,
        Fault::DuplicateRows,
        Fault::NumericKeys,
        Fault::CountAsString,
        Fault::WrongCount { delta },
        Fault::Slow {
            ms: seconds * 1_000,
        },
        Fault::SellDuringScan { n: few.min(2) },
        Fault::AddDuringScan { n: few },
        Fault::TouchDuringScan { n: few },
        Fault::ExpireToken,
        Fault::Revoke,
        Fault::DenyPartial { percent },
        Fault::TokenError200,
        Fault::TokenHtml,
        Fault::TokenNoExpiresIn,
        Fault::TokenExpiresInString,
        Fault::ConfirmFindsNothing,
    ];
    dice.pick(&all).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_can_be_written_and_read() {
        let text = "7:n12,d3,f1,r3.0.1,e2.1.0,s9f3a,S,x4,b2";
        let cut: Cut = text.parse().unwrap();
        assert_eq!(cut.without.len(), 9);
        assert_eq!(cut.to_string(), text);
        assert!("7:q1".parse::<Cut>().is_err() && "x".parse::<Cut>().is_err());
    }

    #[test]
    fn every_fault_is_drawn() {
        let mut dice = Dice::new(1);
        let mut names = BTreeSet::new();
        for _ in 0..5_000 {
            names.insert(fault(&mut dice).name());
        }
        assert_eq!(names.len(), 38);
    }
}
