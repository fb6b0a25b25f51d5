//! How an answer came, as far as an operator who sets up an MLS wants to know: status, date, encoding,
//! time, and what the headers say of quotas. Pure, over headers and given times.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

/// How an answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its status.
    pub status: u16,
    /// When its request was sent.
    pub sent_at: jiff::Timestamp,
    /// When its headers had come.
    pub answered_at: jiff::Timestamp,
    /// From sending the request to the end of the answer, as far as it was read.
    pub took: Duration,
    /// The server's clock (RFC 9110, 6.6.1), in whole seconds.
    pub date: Option<jiff::Timestamp>,
    /// Its `Content-Encoding`.
    pub encoding: Option<String>,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Headers that tell of quotas and waits, by name.
    pub quota: Vec<(String, String)>,
    /// The beginning of what a refusal says, without the session's secrets.
    pub refusal: Option<String>,
}

/// What the names of such headers hold; `Retry-After` and its cousins among them.
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
    /// What is to be known when the headers have come.
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
            encoding: text(header::CONTENT_ENCODING),
            content_type: text(header::CONTENT_TYPE),
            quota,
            refusal: None,
        }
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
