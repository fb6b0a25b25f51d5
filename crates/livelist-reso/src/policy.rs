//! Classifies an answer: a pure function of status, headers, the beginning of the body and the time.
//! The client does the waiting and repeating.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that RFC 3986 leaves unencoded (2.3).
pub(crate) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The meaning of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is one; whether it is a page is for the reader to say.
    Accept,
    /// Retry after a while.
    Retry,
    /// Retry with a smaller page: the query is too slow for the provider.
    RetrySmaller,
    /// Wait as told (or as long as the dialect says), then continue at the same position.
    Throttled(Option<Duration>),
    /// Get a new token, then continue at the same position.
    Unauthorized,
    /// The account may not see this.
    Denied,
    /// The request is wrong; repeating it is useless.
    Rejected,
}

/// The same request is sent at most this many times in a row before the run fails.
pub const ATTEMPTS: u32 = 6;
/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Longer waits than ten years are cut to that.
pub const LONGEST_TOLD: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What the answer with `status` and `headers` means. `body` is the beginning of the body of an
/// answer that is not 200.
pub fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    vendor_wait: &[&str],
    now: jiff::Timestamp,
) -> Verdict {
    let told = || retry_after(headers, vendor_wait, now).or_else(|| wait_in_body(body));
    match status.as_u16() {
        200 => Verdict::Accept,
        401 => Verdict::Unauthorized,
        403 | 404 | 410 => Verdict::Denied,
        429 => Verdict::Throttled(told()),
        503 => match told() {
            Some(wait) => Verdict::Throttled(Some(wait)),
            None => Verdict::Retry,
        },
        504 => Verdict::RetrySmaller,
        408 | 425 | 500..=599 => Verdict::Retry,
        _ => Verdict::Rejected,
    }
}

/// The pause before attempt `attempt` (from 1): exponential, with full jitter, so that workers that failed
/// together do not retry together.
pub fn pause(attempt: u32, fraction: f64) -> Duration {
    let ceiling = FIRST_PAUSE
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_PAUSE);
    FIRST_PAUSE.max(ceiling.mul_f64(fraction.clamp(0.0, 1.0)))
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3), or a vendor's header in seconds.
fn retry_after(headers: &HeaderMap, vendor: &[&str], now: jiff::Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let standard = text(header::RETRY_AFTER.as_str()).and_then(|value| {
        seconds(value).or_else(|| {
            let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
            Some(Duration::try_from(at - now).unwrap_or(Duration::ZERO))
        })
    });
    standard
        .or_else(|| vendor.iter().find_map(|name| seconds(text(name)?)))
        .map(|wait| wait.clamp(Duration::from_secs(1), LONGEST_TOLD))
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0)
        .then(|| Duration::from_secs_f64(seconds.min(LONGEST_TOLD.as_secs_f64()).ceil()))
}

/// Some providers say it in the body: `{"retry-after": 5}`, on top or inside `error`.
fn wait_in_body(body: &[u8]) -> Option<Duration> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let of = |object: &serde_json::Value| {
        ["retry-after", "retry_after", "retryAfter", "Retry-After"]
            .iter()
            .find_map(|name| match object.get(name)? {
                serde_json::Value::String(text) => seconds(text),
                number => seconds(&number.to_string()),
            })
    };
    of(&json)
        .or_else(|| of(json.get("error")?))
        .map(|wait| wait.clamp(Duration::from_secs(1), LONGEST_TOLD))
}

/// The beginning of an error's text for a log: one line, printable, without `secrets`, neither plain nor
/// encoded as in a form, a URL or JSON.
pub fn readable(body: &[u8], secrets: &[&str]) -> String {
    // This comes first, so that removing other text cannot join the pieces of a secret.
    let text = without(&one_line(&String::from_utf8_lossy(body)), secrets);
    let short: String = text.chars().take(300).collect();
    if short.is_empty() {
        "no text".to_owned()
    } else {
        short
    }
}

/// Whether an error's text says that a token or a session is over.
pub(crate) fn speaks_of_a_token(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    has(&["token", "session"]) && has(&["expir", "invalid", "not valid", "revoked"])
}

fn one_line(text: &str) -> String {
    let printable = |c: &char| !c.is_control() || c.is_whitespace();
    let text: String = text.chars().filter(printable).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text without `secrets`, plain or encoded as in a form, a URL or JSON.
pub(crate) fn without(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|s| !s.is_empty()) {
        let strict = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        let loose = utf8_percent_encode(secret, UNRESERVED).to_string();
        let json = serde_json::Value::from(*secret).to_string();
        let json = json.get(1..json.len() - 1).unwrap_or("").to_owned();
        // Some write a slash as it is, some escape it.
        let slashes = json.replace('/', "\\/");
        for form in [strict, loose, slashes, json, one_line(secret)] {
            if !form.is_empty() {
                text = text.replace(&form, "***");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> jiff::Timestamp {
        "2026-11-21T04:00:00Z".parse().unwrap()
    }

    fn judged(status: u16, header: &[(&'static str, &str)], body: &str) -> Verdict {
        let headers = header
            .iter()
            .map(|(n, v)| (http::HeaderName::from_static(n), v.parse().unwrap()))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        judge(
            status,
            &headers,
            body.as_bytes(),
            &["x-rate-limit-retry-after-seconds"],
            now(),
        )
    }

    fn wait(seconds: u64) -> Verdict {
        Verdict::Throttled(Some(Duration::from_secs(seconds)))
    }

    #[test]
    fn throttling_is_told_in_many_ways() {
        assert_eq!(judged(429, &[], ""), Verdict::Throttled(None));
        assert_eq!(judged(429, &[("retry-after", "7")], ""), wait(7));
        assert_eq!(
            judged(429, &[("retry-after", "Sat, 21 Nov 2026 04:01:30 GMT")], ""),
            wait(90)
        );
        assert_eq!(
            judged(429, &[("retry-after", "Sat, 21 Nov 2026 03:00:00 GMT")], ""),
            wait(1)
        );
        assert_eq!(
            judged(429, &[("x-rate-limit-retry-after-seconds", "12.5")], ""),
            wait(13)
        );
        assert_eq!(
            judged(429, &[], r#"{"error":{"retry-after":"9"}}"#),
            wait(9)
        );
        assert_eq!(judged(429, &[], r#"{"retry_after":5}"#), wait(5));
        assert_eq!(judged(503, &[("retry-after", "30")], ""), wait(30));
        assert_eq!(
            judged(429, &[("retry-after", "999999999")], ""),
            Verdict::Throttled(Some(LONGEST_TOLD))
        );
        assert_eq!(
            judged(429, &[("retry-after", "soon")], ""),
            Verdict::Throttled(None)
        );
        assert_eq!(
            judged(429, &[("retry-after", "-5")], ""),
            Verdict::Throttled(None)
        );
    }

    #[test]
    fn losing_access_is_not_an_answer() {
        assert_eq!(judged(401, &[], ""), Verdict::Unauthorized);
        for status in [403, 404, 410] {
            assert_eq!(judged(status, &[], ""), Verdict::Denied);
        }
        for status in [204, 206, 301, 302, 400, 414] {
            assert_eq!(judged(status, &[], ""), Verdict::Rejected, "{status}");
        }
    }

    #[test]
    fn errors_of_the_server_are_tried_again_and_slow_queries_with_less() {
        for status in [500, 502, 503, 408] {
            assert_eq!(judged(status, &[], ""), Verdict::Retry, "{status}");
        }
        assert_eq!(judged(504, &[], ""), Verdict::RetrySmaller);
    }

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pause(1, 0.0), FIRST_PAUSE);
        assert!(pause(3, 0.9) > pause(1, 0.9));
        assert_eq!(pause(40, 1.0), LONGEST_PAUSE);
    }

    #[test]
    fn error_texts_lose_secrets_and_line_ends() {
        let shown = readable(b"bad token\r\nabc123 was\x07 refused", &["abc123"]);
        assert_eq!(shown, "bad token *** was refused");
        let form = readable(b"client_secret=a%2Db%2F1&x=a-b%2F1", &["a-b/1"]);
        assert_eq!(form, "client_secret=***&x=***");
        let json = readable(br#"{"error":"no client a-b\/1\"c"}"#, &["a-b/1\"c"]);
        assert_eq!(json, r#"{"error":"no client ***"}"#);
        assert_eq!(readable(b"ab\x01c12\x7f3", &["abc123"]), "***");
        assert_eq!(readable(b"", &["x"]), "no text");
    }
}
