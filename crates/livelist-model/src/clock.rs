//! Decides whether this machine's clock can be trusted. The clock is compared with other sources of
//! time, such as the `Date` of answers. One source that disagrees may itself be wrong. Two sources
//! that agree with each other and contradict the clock prove that the clock is wrong. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::decision::HeldReason;
use crate::head::GRACE;
use crate::history::History;
use crate::instant::TOLERANCE;
use crate::registry::Planner;
use crate::run::FeedSpec;

/// A source of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A server, by the `Date` of its answers.
    Server(String),
    /// This process: by how much the wall clock was set since it was right.
    Process,
    /// The feed's history: the schedule explains a run between these times.
    History,
}

/// What one source says: by how many seconds, at least and at most, the clock is behind. Negative if it is
/// ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The source.
    pub source: Source,
    /// At least this many seconds.
    pub from: i64,
    /// At most this many seconds.
    pub to: i64,
}

impl Witness {
    /// A source that is exact to the second.
    pub fn exact(source: Source, behind: i64) -> Witness {
        Witness {
            source,
            from: behind,
            to: behind,
        }
    }

    fn is_against(&self) -> bool {
        let most = TOLERANCE.as_secs();
        self.from > most || self.to < -most
    }

    fn agrees(&self, other: &Witness) -> bool {
        let most = TOLERANCE.as_secs();
        self.from <= other.to.saturating_add(most) && other.from <= self.to.saturating_add(most)
    }
}

/// The verdict on the clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Two sources agree that the clock is behind by this many seconds (negative: ahead).
    pub behind: Option<i64>,
    /// Servers that disagree with the clock, confirmed by no other source, each with its difference.
    pub dissent: Vec<(String, i64)>,
}

/// Judges the clock. It is wrong if two sources agree against it, and if they are more than the servers
/// that agree with it. The feed's history never counts alone. No other rule applies.
pub fn judge(witnesses: &[Witness]) -> Verdict {
    let is_server = |w: &&Witness| matches!(w.source, Source::Server(_));
    let against: Vec<&Witness> = witnesses.iter().filter(|w| w.is_against()).collect();
    let with = witnesses.iter().filter(is_server).count()
        - against.iter().filter(|w| is_server(w)).count();
    // Each exact source, and how many sources agree with it.
    let known = against.iter().rev().filter(|w| w.source != Source::History);
    let agreed = known.map(|one| (against.iter().filter(|w| w.agrees(one)).count(), one));
    let most = agreed.max_by_key(|(agreed, _)| *agreed);
    if let Some((agreed, one)) = most
        && agreed >= 2
        && agreed > with
    {
        return Verdict {
            behind: Some(one.from),
            dissent: Vec::new(),
        };
    }
    let dissent = against.iter().filter_map(|w| match &w.source {
        Source::Server(host) => Some((host.clone(), w.from)),
        Source::Process | Source::History => None,
    });
    Verdict {
        behind: None,
        dissent: dissent.collect(),
    }
}

/// What a feed's history says: now must be after its last run, and not long after the next expected run.
/// Runs that were held because of the clock only prove the days that they took.
pub fn by_history(
    history: &History,
    feed: &FeedSpec,
    planner: Planner,
    now: Timestamp,
) -> Option<Witness> {
    let doubted = Some(HeldReason::ClockWrong.as_str());
    let mut runs = history.runs.iter().rev();
    let mut lost = 0;
    let last = loop {
        let past = runs.next()?;
        if past.why.as_deref() != doubted {
            break past.finished_at;
        }
        lost += 1;
    };
    let mut expected = last;
    for _ in 0..=lost {
        expected = feed.schedule.next_expected(&feed.mls, expected, planner)?;
    }
    let seconds = |span: SignedDuration| span.as_secs();
    Some(Witness {
        source: Source::History,
        from: seconds(last.duration_since(now)),
        to: seconds(expected.duration_since(now).saturating_add(GRACE)),
    })
}

/// What a run learned about the time, if it raises a doubt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockDoubt {
    /// The clock is behind by this many seconds, by the newest answer of the MLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mls: Option<i64>,
    /// During the scan, two sources agreed that it was behind by this many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<i64>,
}

impl ClockDoubt {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == ClockDoubt::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, behind: i64) -> Witness {
        Witness::exact(Source::Server(host.to_owned()), behind)
    }

    fn process(behind: i64) -> Witness {
        Witness::exact(Source::Process, behind)
    }

    fn history(from: i64, to: i64) -> Witness {
        Witness {
            source: Source::History,
            from,
            to,
        }
    }

    #[test]
    fn two_who_agree_are_believed_against_the_clock_and_one_is_told() {
        const DAY: i64 = 86_400;
        let (one, two, three) = ("one", "two", "three");
        for (what, witnesses, behind, dissent) in [
            ("nobody", vec![], None, 0),
            (
                "all is well",
                vec![server(one, 2), process(0), history(-DAY, 43_200)],
                None,
                0,
            ),
            (
                "within five minutes",
                vec![server(one, 300), server(two, -300)],
                None,
                0,
            ),
            ("one server", vec![server(one, 3_600), process(0)], None, 1),
            (
                "two that disagree",
                vec![server(one, 3_600), server(two, -7_200)],
                None,
                2,
            ),
            (
                "two that agree",
                vec![server(one, 3_600), server(two, 3_500)],
                Some(3_600),
                0,
            ),
            (
                "two that agree, and two that do not",
                vec![
                    server(one, 3_600),
                    server(two, 3_600),
                    server(three, 0),
                    server("four", 9),
                ],
                None,
                2,
            ),
            (
                "two of three",
                vec![server(one, -3_600), server(two, -3_600), server(three, 0)],
                Some(-3_600),
                0,
            ),
            ("a jump alone", vec![process(-2 * DAY)], None, 0),
            (
                "a jump that the server denies",
                vec![server(one, 0), process(-DAY)],
                None,
                0,
            ),
            (
                "a jump that the server confirms",
                vec![server(one, -2 * DAY), process(-2 * DAY - 1)],
                Some(-2 * DAY),
                0,
            ),
            (
                "a gap alone",
                vec![history(-3 * DAY, -DAY - 43_200)],
                None,
                0,
            ),
            (
                "a gap that the server denies",
                vec![server(one, 0), history(-3 * DAY, -DAY)],
                None,
                0,
            ),
            (
                "a gap that the server explains",
                vec![
                    server(one, -2 * DAY),
                    process(0),
                    history(-3 * DAY, -2 * DAY + 43_200),
                ],
                Some(-2 * DAY),
                0,
            ),
            (
                "a gap that the server does not explain",
                vec![server(one, -3_600), history(-3 * DAY, -DAY)],
                None,
                1,
            ),
            (
                "a clock that went back behind the last run",
                vec![server(one, 5 * DAY), history(4 * DAY, 6 * DAY)],
                Some(5 * DAY),
                0,
            ),
        ] {
            let verdict = judge(&witnesses);
            assert_eq!(verdict.behind, behind, "{what}");
            assert_eq!(verdict.dissent.len(), dissent, "{what}");
        }
    }
}
