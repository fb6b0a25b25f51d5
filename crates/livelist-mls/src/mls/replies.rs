//! Answers of a fault in place of the MLS's own: throttles, errors, and answers with status 200 that are no
//! page.

use hyper::StatusCode;
use serde_json::json;

use super::Mls;
use crate::answer::Answer;
use crate::clock;
use crate::fault::board::Due;
use crate::fault::{Fault, RetryAfter};

/// Longer than any client should wait: 31 years.
const HUGE_SECONDS: &str = "999999999";

impl Mls {
    /// The answer of the first fault that replaces it.
    pub(super) fn instead(&mut self, due: &[Due]) -> Option<Answer> {
        for fault in due {
            if let Some(answer) = self.replacement(&fault.fault) {
                self.board.strike(fault);
                return Some(answer);
            }
        }
        None
    }

    fn replacement(&self, fault: &Fault) -> Option<Answer> {
        let ok = StatusCode::OK;
        Some(match fault {
            Fault::ErrorObject200 => Answer::json(
                ok,
                &json!({"error": {"code": "500", "message": "An error occurred."}}),
            ),
            Fault::Html200 => html(),
            Fault::PlainText200 => Answer::text(ok, "text/plain", "Service temporarily offline"),
            Fault::EmptyObject200 => Answer::json(ok, &json!({})),
            Fault::ValueNotArray => Answer::json(ok, &json!({"value": {"ListingKey": "1"}})),
            Fault::Throttle {
                status,
                retry_after,
                seconds,
            } => self.throttle(code(*status), *retry_after, *seconds),
            Fault::RetryAfterHuge => self
                .throttle(StatusCode::TOO_MANY_REQUESTS, RetryAfter::None, 0)
                .with("retry-after", HUGE_SECONDS),
            Fault::Status { code: 401 } => self.dialect.unauthorized(),
            Fault::Status { code: status } => {
                let status = code(*status);
                let reason = status.canonical_reason().unwrap_or("Error");
                self.dialect.refusal(status, reason)
            }
            _ => return None,
        })
    }

    fn throttle(&self, status: StatusCode, retry_after: RetryAfter, seconds: u64) -> Answer {
        let message = "Too many requests";
        let told = seconds.to_string();
        let answer = self.dialect.refusal(status, message);
        match retry_after {
            RetryAfter::None => answer,
            RetryAfter::Seconds => answer.with("retry-after", told),
            RetryAfter::HttpDate => {
                let until = self.clock.now() + std::time::Duration::from_secs(seconds);
                answer.with("retry-after", clock::http_date(until))
            }
            RetryAfter::VendorHeader => answer.with("x-rate-limit-retry-after-seconds", told),
            RetryAfter::BodyKey => {
                let error = json!({"error": {"message": message}, "retry-after": seconds});
                Answer::json(status, &error)
            }
        }
    }
}

/// The HTML of a proxy or a maintenance page.
pub(super) fn html() -> Answer {
    let page = "<!DOCTYPE html><html><body><h1>We'll be back soon</h1></body></html>";
    Answer::text(StatusCode::OK, "text/html; charset=utf-8", page)
}

pub(super) fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
