//! The forms in which providers write instants.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::clock;

/// A form of instants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stamp {
    /// `2021-02-05T14:24:45.323` and the zone, `Z` or `-00:00`.
    Millis(&'static str),
    /// `2020-07-30T08:55:07Z`.
    Seconds,
    /// `2024-10-24T10:27:55-05:00`: local time and its distance in hours.
    Local(i8),
}

impl Stamp {
    /// Milliseconds since 1970 in this form.
    pub fn write(self, ms: i64) -> String {
        let Ok(at) = Timestamp::from_millisecond(ms) else {
            return String::new();
        };
        match self {
            Self::Millis(zone) => clock::iso(ms, zone),
            Self::Seconds => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            Self::Local(hours) => {
                let local = Offset::constant(hours).to_datetime(at);
                let sign = if hours < 0 { '-' } else { '+' };
                let hours = hours.unsigned_abs();
                format!("{}{sign}{hours:02}:00", local.strftime("%Y-%m-%dT%H:%M:%S"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_look_as_recorded() {
        for (stamp, expected) in [
            (Stamp::Millis("-00:00"), "2021-02-05T14:24:45.323-00:00"),
            (Stamp::Millis("Z"), "2021-02-05T14:24:45.323Z"),
            (Stamp::Seconds, "2021-02-05T14:24:45Z"),
            (Stamp::Local(-5), "2021-02-05T09:24:45-05:00"),
        ] {
            assert_eq!(stamp.write(1_612_535_085_323), expected);
        }
    }
}
