//! Timestamps as providers write them: with `Z`, `-00:00` or an offset, with up to seven decimals, without
//! a zone, or with a blank instead of `T`. They are parsed here, and written in one form.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The instant that `text` names; one without a zone is UTC, as RESO's Data Dictionary has it
/// (Edm.DateTimeOffset is required to have one; servers that leave it out mean UTC).
pub fn instant(text: &str) -> Option<jiff::Timestamp> {
    let text = text.trim();
    text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// Whether `text` is not earlier than `before`, if both are in UTC and have the same number of digits. Such
/// texts sort like their instants, and comparing them takes a tenth of the time of parsing. `false` means
/// unknown.
pub(crate) fn goes_on(before: &[u8], text: &[u8]) -> bool {
    let is_alike = |(a, b): (&u8, &u8)| a == b || (a.is_ascii_digit() && b.is_ascii_digit());
    before.len() == text.len()
        && text.last() == Some(&b'Z')
        && before.iter().zip(text).all(is_alike)
        && before <= text
}

/// The instant as an OData literal: in UTC, with seconds and `Z` (AMPRE takes no other form), and
/// with as many decimals as it has.
pub fn literal(at: jiff::Timestamp) -> String {
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_was_seen_names_its_instant() {
        let expected: jiff::Timestamp = "2026-02-05T14:24:45.5Z".parse().unwrap();
        for text in [
            "2026-02-05T14:24:45.5Z",
            "2026-02-05T14:24:45.5000000Z",
            "2026-02-05T14:24:45.500-00:00",
            "2026-02-05T09:24:45.5-05:00",
            "2026-02-05T14:24:45.5",
            "2026-02-05 14:24:45.5",
            "2026-02-05 14:24:45.500Z",
        ] {
            assert_eq!(instant(text), Some(expected), "{text}");
        }
        assert_eq!(
            instant("2026-02-05T14:24:45Z").unwrap().subsec_nanosecond(),
            0
        );
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1770301485"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn texts_that_are_alike_need_not_be_read() {
        let goes_on = |a: &str, b: &str| goes_on(a.as_bytes(), b.as_bytes());
        let at = "2026-02-05T14:24:45.5Z";
        assert!(goes_on(at, at) && goes_on(at, "2026-12-05T04:24:45.5Z"));
        for other in [
            "2026-02-05T14:24:45.4Z",
            "2026-02-05T14:24:45.50Z",
            "2026-02-05T15:24:45.5",
            "2026-02-05T15-24:45.5Z",
            "2026-02-05 15:24:45.5Z",
        ] {
            assert!(!goes_on(at, other), "{other}");
        }
        let zoned = "2026-02-05T14:24:45-05:00";
        assert!(!goes_on(zoned, "2026-02-05T15:24:45-09:00"));
    }

    #[test]
    fn literals_have_seconds_and_a_zone() {
        let of = |text: &str| literal(instant(text).unwrap());
        assert_eq!(
            of("2026-02-05T14:24:45.1230000-00:00"),
            "2026-02-05T14:24:45.123Z"
        );
        assert_eq!(of("2026-02-05 14:24"), "2026-02-05T14:24:00Z");
    }
}
