//! Facts about an answer for operators who set up an MLS: status, date, encoding, duration, and quota
//! headers. Pure, over headers and given times.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

/// Facts about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its status.
    pub status: u16,
    /// When its request was sent.
    pub sent_at: jiff::Timestamp,
    /// When its headers arrived.
    pub answered_at: jiff::Timestamp,
    /// From sending the request to the end of the answer, as far as it was read.
    pub took: Duration,
    /// The server's clock (RFC 9110, 6.6.1), in whole seconds.
    pub date: Option<jiff::Timestamp>,
    /// Whether a cache may have kept it since (RFC 9111, 5.1): then its date is not of now.
    pub is_aged: bool,
    /// Its `Content-Encoding`.
    pub encoding: Option<String>,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Headers about quotas and waits, by name.
    pub quota: Vec<(String, String)>,
    /// The beginning of a refusal's text, without the session's secrets.
    pub refusal: Option<String>,
}

/// Parts of the names of such headers, which include `Retry-After` and similar ones.
const QUOTA_NAMES: [&str; 6] = [
    "ratelimit",
    "rate-limit",
    "quota",
    "retry-after",
    "throttl",
    "requests-remaining",
];
/// A header's value is shown up to this many characters.
const LONGEST_VALUE: usize = 80;

impl Heard {
    /// The facts that are known when the headers have arrived.
    pub(crate) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        sent_at: jiff::Timestamp,
        answered_at: jiff::Timestamp,
    ) -> Heard {
        let text = |name: header::HeaderName| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.trim().chars().take(LONGEST_VALUE).collect::<String>())
        };
        let is_of_quota = |name: &str| QUOTA_NAMES.iter().any(|part| name.contains(part));
        let mut quota: Vec<(String, String)> = headers
            .iter()
            .filter(|(name, _)| is_of_quota(name.as_str()))
            .filter_map(|(name, value)| {
                let value = value.to_str().ok()?.chars().take(LONGEST_VALUE);
                Some((name.to_string(), value.collect()))
            })
            .collect();
        quota.sort();
        Heard {
            status: status.as_u16(),
            sent_at,
            answered_at,
            took: between(sent_at, answered_at),
            date: text(header::DATE)
                .and_then(|date| Some(jiff::fmt::rfc2822::parse(&date).ok()?.timestamp())),
            is_aged: headers.contains_key(header::AGE),
            encoding: text(header::CONTENT_ENCODING),
            content_type: text(header::CONTENT_TYPE),
            quota,
            refusal: None,
        }
    }

    /// By how many seconds our clock is behind the server's (negative: ahead): 0 if its date is between
    /// question and answer. `None` if it gives no current date.
    pub fn behind(&self) -> Option<i64> {
        let date = self.date.filter(|_| !self.is_aged)?;
        let (sent, answered) = (self.sent_at.as_second(), self.answered_at.as_second());
        let (first, last) = (sent.min(answered) - 1, sent.max(answered) + 1);
        let date = date.as_second();
        Some((date - last).max(0) + (date - first).min(0))
    }

    /// The body has been read.
    pub(crate) fn ended(&mut self, now: jiff::Timestamp) {
        self.took = between(self.sent_at, now);
    }
}

fn between(from: jiff::Timestamp, to: jiff::Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_says_how_far_our_clock_is_off() {
        let at = |second: i64| jiff::Timestamp::from_second(1_795_233_600 + second).unwrap();
        let behind = |second: i64, aged: bool| {
            let mut headers = HeaderMap::new();
            let date = at(second).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            headers.insert(header::DATE, date.parse().unwrap());
            if aged {
                headers.insert(header::AGE, "7".parse().unwrap());
            }
            Heard::of(StatusCode::OK, &headers, at(0), at(20)).behind()
        };
        let told = [-3_601, -1, 10, 21, 3_621].map(|second| behind(second, false));
        assert_eq!(told, [Some(-3_600), Some(0), Some(0), Some(0), Some(3_600)]);
        assert_eq!(behind(3_621, true), None, "a cache's");
        let none = Heard::of(StatusCode::OK, &HeaderMap::new(), at(0), at(20));
        assert_eq!(none.behind(), None);
    }

    #[test]
    fn what_an_operator_wants_to_know_is_taken_from_the_headers() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("date", "Sat, 21 Nov 2026 04:01:30 GMT"),
            ("content-encoding", "gzip"),
            ("minute-quota-available", "178.0"),
            ("burst-ratelimit-reset", "2026-11-21T04:02:00.000Z"),
            ("x-rate-limit-retry-after-seconds", "3"),
            ("set-cookie", "session=abc"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let at = |ms: i64| jiff::Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap();
        let mut heard = Heard::of(StatusCode::OK, &headers, at(0), at(120));
        assert_eq!(heard.took, Duration::from_millis(120));
        heard.ended(at(200));
        assert_eq!(heard.took, Duration::from_millis(200));
        assert_eq!(heard.date, "2026-11-21T04:01:30Z".parse().ok());
        assert_eq!(heard.encoding.as_deref(), Some("gzip"));
        let names: Vec<&str> = heard.quota.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "burst-ratelimit-reset",
                "minute-quota-available",
                "x-rate-limit-retry-after-seconds"
            ]
        );
    }
}
