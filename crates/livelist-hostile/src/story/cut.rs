//! The parts that are left out of a story, as text, for replaying a failing seed that was shortened.

use std::fmt;
use std::str::FromStr;

use livelist_mls::{Fault, FaultRule};

use super::contrary::{self, Contradiction, Contradictions};
use super::{Change, DayPlan, MlsDay, Story};

/// A seed, its contradictions, and the parts that are left out of its story: `7`, `7/all`,
/// `7/ties+slips:n12,f1,r3.0.1,e2.1.0,s9f3a,b2`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cut {
    /// The seed.
    pub seed: u64,
    /// How the servers contradict.
    pub contrary: Contradictions,
    /// The parts that are left out.
    pub without: Vec<Without>,
}

/// Something that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// Days from this one on.
    DaysFrom(usize),
    /// The events of a day.
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
    /// The second start, the operator, repeated deliveries, and the wrong clocks of a day.
    Extras(usize),
    /// The books are divided by this.
    Books(u64),
    /// A contradiction.
    Contradiction(Contradiction),
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
            Without::Contradiction(one) => write!(f, "c{one}"),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seed)?;
        if !self.contrary.is_empty() {
            write!(f, "/{}", contrary::written(&self.contrary))?;
        }
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
            ("c", _) => Without::Contradiction(rest.parse()?),
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
        let (seed, contrary) = match seed.split_once('/') {
            Some((seed, some)) => (seed, contrary::read(some)?),
            None => (seed, Contradictions::new()),
        };
        let seed = seed.parse().map_err(|_| format!("{seed:?} is no seed"))?;
        let without = without.split(',').filter(|part| !part.is_empty());
        Ok(Cut {
            seed,
            contrary,
            without: without.map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}

impl From<u64> for Cut {
    fn from(seed: u64) -> Self {
        Cut {
            seed,
            ..Cut::default()
        }
    }
}

impl Cut {
    /// The same with servers that contradict.
    #[must_use]
    pub fn contradicted(mut self, by: Contradictions) -> Cut {
        self.contrary = by;
        self
    }

    /// The contradictions that are left.
    pub fn contradictions(&self) -> Contradictions {
        let is_left = |one: &Contradiction| !self.without.contains(&Without::Contradiction(*one));
        self.contrary.iter().copied().filter(is_left).collect()
    }
}

impl Story {
    pub(super) fn leave_out(&mut self, without: Without) {
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
            // Left out before the story is drawn.
            Without::Contradiction(_) => {}
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_can_be_written_and_read() {
        let text = "7/ties+slips:n12,d3,f1,r3.0.1,e2.1.0,s9f3a,S,x4,b2,cslips";
        let cut: Cut = text.parse().unwrap();
        assert_eq!(cut.without.len(), 10);
        assert_eq!(cut.to_string(), text);
        assert_eq!(cut.contradictions(), [Contradiction::Ties].into());
        for text in ["7", "7/all", "7:S"] {
            assert_eq!(text.parse::<Cut>().unwrap().to_string(), text);
        }
        assert!("7/tie".parse::<Cut>().is_err());
        assert!("7:q1".parse::<Cut>().is_err() && "x".parse::<Cut>().is_err());
    }
}
