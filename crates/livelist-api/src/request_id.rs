//! The id that identifies a request in the log: the caller's own if it is short and harmless, else
//! API Gateway's, else a new one.

use axum::http::HeaderMap;
use livelist_store::{Clock, Entropy};

/// The header that carries the id, both ways.
pub const REQUEST_ID: &str = "x-request-id";
/// The header in which the Lambda adapter passes API Gateway's id.
pub const GATEWAY_REQUEST_ID: &str = "apigw-requestid";

const MAX_ID: usize = 64;

/// The id of a request with these headers.
pub(crate) fn request_id(headers: &HeaderMap, entropy: &dyn Entropy, clock: &dyn Clock) -> String {
    [REQUEST_ID, GATEWAY_REQUEST_ID]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .find(|id| is_harmless(id))
        .map_or_else(|| new_id(entropy, clock), str::to_owned)
}

/// Nothing that could break a line of a log, a JSON text or a shell command.
fn is_harmless(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_ID
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'='))
}

/// It only has to be different from others of the same hours: without entropy the time will do.
fn new_id(entropy: &dyn Entropy, clock: &dyn Clock) -> String {
    let bits = entropy
        .bits()
        .unwrap_or_else(|_| clock.now().as_nanosecond() as u64);
    format!("{bits:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_and_harmless_ids_are_taken() {
        assert!(is_harmless("JKJaXmPLvHcESHA="));
        assert!(is_harmless("8f14e45f-ceea-467f-a8d2-000000000001"));
        for bad in ["", "a b", "a\"b", "a\nb", "$(x)", "ä", &"a".repeat(65)] {
            assert!(!is_harmless(bad), "{bad:?}");
        }
    }
}
