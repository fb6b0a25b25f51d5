//! Refusals: their status, their waits, their texts.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use livelist_reso::policy::{self, Verdict};

/// The first line is `Retry-After` and a vendor's header, the second a secret that the provider
/// knows, the rest a body. A wait is from a second to an hour, and the words never hold the secret.
pub fn refusal(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |b| *b == b'\n');
    let (wait, secret) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let body = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(wait) {
        headers.insert(RETRY_AFTER, value.clone());
        headers.insert("x-wait", value);
    }
    for status in [200, 302, 400, 401, 403, 404, 408, 410, 429, 500, 503, 504] {
        let status = StatusCode::from_u16(status).expect("a status");
        let verdict = policy::judge(status, &headers, body, &["x-wait"], Timestamp::UNIX_EPOCH);
        match verdict {
            Verdict::Throttled(Some(wait)) => {
                assert!(wait >= Duration::from_secs(1) && wait <= policy::LONGEST_TOLD);
            }
            Verdict::Accept => assert_eq!(status, StatusCode::OK),
            _ => assert_ne!(status, StatusCode::OK),
        }
    }
    let Ok(secret) = std::str::from_utf8(secret) else {
        return;
    };
    let shown = policy::readable(body, &[secret]);
    assert!(shown.chars().count() <= 300 && !shown.contains(char::is_control));
    // Three characters may be a word by coincidence; a star may belong to the placeholder.
    let is_sendable = secret.bytes().all(|b| b.is_ascii_graphic() && b != b'*');
    if secret.len() > 3 && is_sendable && shown != "no text" {
        let json = serde_json::Value::from(secret).to_string();
        let slashed = json[1..json.len() - 1].replace('/', "\\/");
        assert!(
            !shown.contains(secret) && !shown.contains(&slashed),
            "{shown:?}"
        );
    }
}
