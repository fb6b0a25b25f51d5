//! When an MLS is due. On one machine that is an instant, which `livelist serve` waits for. On AWS it
//! is a date, because the planner runs once a day. Time zones come from built-in tables, not from the
//! machine's files, so that all machines compute the same times.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions, parse_crontab_with};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::MlsId;

/// Days without an hour: on one machine they begin at four o'clock (UTC), spread over this.
const SPREAD: u64 = 3_600;
/// The hour (UTC) at which AWS's planner runs unless told otherwise.
const HOUR: i8 = 4;
/// Whoever asks more often than this learns nothing that was worth a scan of all pages.
const CLOSEST: SignedDuration = SignedDuration::from_hours(1);
/// Half a day: more would make one day's run the next day's.
const MOST_JITTER: u16 = 720;
/// Clocks are set by less than this.
const CLOCK_CHANGE: SignedDuration = SignedDuration::from_hours(3);

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// When an MLS is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Schedule {
    /// On certain days.
    On(Days),
    /// At the times of a cron expression.
    At(Cron),
}

/// On which days (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Days {
    /// Every day.
    #[default]
    Daily,
    /// Monday to Friday.
    Weekdays,
    /// Sundays.
    Weekly,
}

/// Times by a cron expression. Where the planner runs once a day, it says on which days (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cron {
    /// Minute, hour, day of month, month, day of week, e.g. `30 4 * * 1-5`. Not more often than once
    /// an hour.
    pub cron: String,
    /// The time zone of the expression, e.g. `America/Chicago`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Begins up to so many minutes later, always the same for one MLS, so that MLSs with one
    /// expression do not begin at once.
    #[serde(default)]
    #[schemars(range(max = 720))]
    pub jitter_minutes: u16,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Who starts runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planner {
    /// Somebody who comes by once a day, at an hour that is not known here.
    #[default]
    OnceADay,
    /// Somebody who waits for the very instant.
    AtTheTime,
}

/// What is wrong with a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleProblem {
    /// It is no cron expression of five fields.
    Expression,
    /// There is no such day.
    Never,
    /// More often than once an hour.
    TooOften,
    /// There is no such time zone.
    TimeZone,
    /// The jitter is half a day or more.
    Jitter,
}

impl ScheduleProblem {
    /// The field, what is wrong with it, and what to do.
    pub fn finding(self) -> [&'static str; 3] {
        match self {
            ScheduleProblem::Expression => [
                "schedule.cron",
                "this is not a cron expression",
                "give five fields: minute, hour, day of month, month, day of week, e.g. \
                 `30 4 * * 1-5`; a time zone belongs in `time_zone`",
            ],
            ScheduleProblem::Never => [
                "schedule.cron",
                "there is no such time within four years",
                "give a day that the months have",
            ],
            ScheduleProblem::TooOften => [
                "schedule.cron",
                "the times are less than an hour apart",
                "give one or a few times a day, e.g. `30 4,16 * * *`; the first field is the minute",
            ],
            ScheduleProblem::TimeZone => [
                "schedule.time_zone",
                "this is not a time zone",
                "give its name in the IANA database, e.g. `America/Chicago`",
            ],
            ScheduleProblem::Jitter => [
                "schedule.jitter_minutes",
                "the number is out of range",
                "give 0 to 720 minutes",
            ],
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule::On(Days::Daily)
    }
}

impl Schedule {
    /// Whether it is the schedule of those who name none.
    pub fn is_daily(&self) -> bool {
        *self == Schedule::default()
    }

    /// Whether an MLS with this schedule is due on `date` (UTC), for those who come by once a day.
    pub fn is_due(&self, date: Date) -> bool {
        match self {
            Schedule::On(days) => days.has(date),
            Schedule::At(cron) => {
                let Ok(day) = date.to_zoned(TimeZone::UTC).map(|day| day.timestamp()) else {
                    return false;
                };
                cron.times()
                    .and_then(|times| times.next_after(day - 1.second()))
                    .is_some_and(|at| utc_date(at) == date)
            }
        }
    }

    /// The first instant after `now` at which `mls` is due. Nothing where a cron expression has
    /// none, which the registry's check refuses.
    pub fn next_after(&self, mls: &MlsId, now: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::On(days) => {
                let later = seconds(share(mls, SPREAD));
                let mut date = utc_date(now);
                loop {
                    let at = date.at(HOUR, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?;
                    let at = at.timestamp().checked_add(later).ok()?;
                    if at > now && days.has(date) {
                        return Some(at);
                    }
                    date = date.tomorrow().ok()?;
                }
            }
            Schedule::At(cron) => {
                let later = seconds(share(mls, u64::from(cron.jitter_minutes) * 60));
                let before = now.checked_sub(later).ok()?;
                cron.times()?.next_after(before)?.checked_add(later).ok()
            }
        }
    }

    /// When the run after the one that ends `now` is to be expected. Whoever comes by once a day
    /// comes at the same hour, on the next day that is due.
    pub fn next_expected(
        &self,
        mls: &MlsId,
        now: Timestamp,
        planner: Planner,
    ) -> Option<Timestamp> {
        match planner {
            Planner::AtTheTime => self.next_after(mls, now),
            Planner::OnceADay => (1..=366 * 5)
                .map_while(|days| now.checked_add(SignedDuration::from_hours(24 * days)).ok())
                .find(|at| self.is_due(utc_date(*at))),
        }
    }

    /// What is wrong with it.
    pub fn problems(&self) -> Vec<ScheduleProblem> {
        let Schedule::At(cron) = self else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        match cron.crontab() {
            None => problems.push(ScheduleProblem::Expression),
            Some(crontab) => problems.extend(frequency(&crontab, CLOSEST)),
        }
        if cron.zone().is_none() {
            problems.push(ScheduleProblem::TimeZone);
        }
        if cron.jitter_minutes > MOST_JITTER {
            problems.push(ScheduleProblem::Jitter);
        }
        problems
    }
}

impl Days {
    fn has(self, date: Date) -> bool {
        match self {
            Days::Daily => true,
            Days::Weekdays => !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday),
            Days::Weekly => date.weekday() == Weekday::Sunday,
        }
    }
}

impl Cron {
    /// The expression; its times are read as if all zones were UTC.
    pub(super) fn crontab(&self) -> Option<Crontab> {
        let fields: Vec<&str> = self.cron.split_whitespace().collect();
        if fields.len() != 5 {
            return None;
        }
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        parse_crontab_with(&fields.join(" "), options).ok()
    }

    fn zone(&self) -> Option<TimeZone> {
        ZONES.get(&self.time_zone).ok()
    }

    pub(super) fn times(&self) -> Option<Times> {
        Some(Times {
            crontab: self.crontab()?,
            zone: self.zone()?,
        })
    }
}

/// Whether the times come at all, and not closer than `closest`, whatever the zone: a look at four hundred of
/// them and at four years.
pub(super) fn frequency(crontab: &Crontab, closest: SignedDuration) -> Option<ScheduleProblem> {
    let mut at = DateTime::constant(2026, 1, 1, 0, 0, 0, 0);
    for nth in 0..400 {
        let Some(next) = next_civil(crontab, at) else {
            return (nth == 0).then_some(ScheduleProblem::Never);
        };
        if nth > 0 && next.duration_since(at) < closest {
            return Some(ScheduleProblem::TooOften);
        }
        at = next;
    }
    None
}

/// The expression's times in its zone. It is asked about the clock on the wall, and the zone says
/// when the wall shows that: a time that the clock jumps over comes as much later, one that it shows
/// twice comes once.
pub(super) struct Times {
    crontab: Crontab,
    zone: TimeZone,
}

impl Times {
    pub(super) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        // What the clock jumped over stands behind `now` on the wall and before it in truth.
        let mut wall = self.zone.to_datetime(now).checked_sub(CLOCK_CHANGE).ok()?;
        loop {
            wall = next_civil(&self.crontab, wall)?;
            let at = self.zone.to_zoned(wall).ok()?.timestamp();
            if at > now {
                return Some(at);
            }
        }
    }
}

fn next_civil(crontab: &Crontab, after: DateTime) -> Option<DateTime> {
    let after = after.to_zoned(TimeZone::UTC).ok()?.timestamp();
    crontab.find_next(after).ok().map(|next| next.datetime())
}

fn utc_date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Less than `most`, by the MLS's name alone: a restart keeps it.
fn share(mls: &MlsId, most: u64) -> u64 {
    let digest = Sha256::digest(mls.as_str().as_bytes());
    let mut bits = [0; 8];
    bits.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(bits).checked_rem(most).unwrap_or(0)
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrObject)
    }
}

/// Reads each of the two forms by itself: an untagged enum would not say what is wrong.
struct TextOrObject;

impl<'de> Visitor<'de> for TextOrObject {
    type Value = Schedule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`daily`, `weekdays`, `weekly` or an object with `cron`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Schedule, E> {
        Days::deserialize(StrDeserializer::new(text)).map(Schedule::On)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Schedule, A::Error> {
        Cron::deserialize(MapAccessDeserializer::new(map)).map(Schedule::At)
    }
}

impl JsonSchema for Schedule {
    fn schema_name() -> Cow<'static, str> {
        "Schedule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "When an MLS is due: on certain days, or at the times of a cron expression.",
            "anyOf": [generator.subschema_for::<Days>(), generator.subschema_for::<Cron>()],
        })
    }
}

#[cfg(test)]
mod tests;
