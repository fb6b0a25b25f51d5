//! Bodies of errors that more than one provider uses.

use hyper::StatusCode;
use serde_json::json;

use crate::answer::Answer;

/// `{"error":{"code":401,"message":"…"}}`, the status as an integer.
pub(super) fn with_number(status: StatusCode, message: &str) -> Answer {
    let error = json!({"error": {"code": status.as_u16(), "message": message}});
    Answer::json(status, &error)
}

/// `{"error":{"code":"401","message":"…"}}`, the status as a string (OData 4.01 JSON, 21.1: a code
/// is a string).
pub(super) fn with_text(status: StatusCode, message: &str) -> Answer {
    let error = json!({"error": {"code": status.as_str(), "message": message}});
    Answer::json(status, &error)
}

/// A token endpoint's answer to a wrong secret (RFC 6749, 5.2).
pub(super) fn invalid_client() -> Answer {
    let error = json!({"error": "invalid_client"});
    Answer::json(StatusCode::UNAUTHORIZED, &error)
}
