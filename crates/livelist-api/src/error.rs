//! All errors. A handler returns an [`ApiError`]. The envelope turns it into a JSON body, because only the
//! envelope knows the request's id, and logs its cause, which the caller never sees.

use std::error::Error as StdError;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use livelist_model::codec::CodecError;
use livelist_store::StoreError;
use livelist_store::registry::DocumentError;
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says it in its message")]
pub enum ApiError {
    #[error("The site key is missing or not valid.")]
    Unauthorized,
    #[error("The admin key is missing or not valid.")]
    NotAnAdmin,
    #[error("{0}")]
    Conflict(String),
    #[error("There is no {0}.")]
    Unknown(String),
    #[error("{told}")]
    Failed {
        told: String,
        #[source]
        cause: Cause,
    },
    #[error("This feed is not open to this site key: it belongs to others, or it is suspended.")]
    Forbidden,
    #[error("This link has expired. Ask for the list again to get a new one.")]
    LinkExpired,
    #[error("This link is not valid.")]
    LinkInvalid,
    #[error("There is nothing here.")]
    NotFound,
    #[error("This method cannot be used here.")]
    MethodNotAllowed,
    #[error("The request is too large.")]
    TooLarge,
    #[error("The request cannot be understood.")]
    BadRequest,
    #[error("The request cannot be understood: {0}.")]
    Invalid(String),
    #[error("The body has to be JSON: send `Content-Type: application/json`.")]
    UnsupportedMediaType,
    #[error("The body did not arrive in time.")]
    BodyTimeout,
    #[error("The history does not reach back to there. Fetch the full list.")]
    HistoryGone,
    #[error("Too much is asked for at this moment. Ask again in a few seconds.")]
    Busy,
    #[error("Too many requests. Wait before asking again.")]
    TooManyRequests {
        /// Seconds until the next one is answered.
        retry_after: u64,
    },
    #[error("This feed has no complete list yet. Keep what you have.")]
    NotReady,
    #[error("The list cannot be given now. Keep what you have.")]
    Unsound(#[source] Cause),
    #[error("The service cannot answer now. Keep what you have and ask again later.")]
    Unavailable(#[source] Cause),
    #[error("The service cannot answer this request.")]
    Internal,
}

/// What lies behind an error: for the log only.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Cause {
    what: String,
    #[source]
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// A first list takes at least a run; runs are daily.
const NOT_READY_SECONDS: u64 = 3_600;
/// What is stored has to be mended by a person or by the next run.
const UNSOUND_SECONDS: u64 = 3_600;
/// Reading a list takes a second or two.
const BUSY_SECONDS: u64 = 5;
/// A store that stumbles is soon up again.
const UNAVAILABLE_SECONDS: u64 = 60;

/// Every error that an answer may have: status and code. `docs/operations.md` has a section for each.
pub const ERROR_CODES: [(u16, &str); 16] = [
    (400, "bad_request"),
    (401, "unauthorized"),
    (403, "forbidden"),
    (403, "link_expired"),
    (403, "link_invalid"),
    (404, "not_found"),
    (405, "method_not_allowed"),
    (408, "request_timeout"),
    (410, "history_gone"),
    (413, "too_large"),
    (415, "unsupported_media_type"),
    (429, "too_many_requests"),
    (500, "internal"),
    (503, "busy"),
    (503, "not_ready"),
    (503, "unavailable"),
];

impl ApiError {
    /// Something stored that is not sound: a document or a head that proves nothing.
    pub fn unsound(what: impl Into<String>) -> ApiError {
        let what = what.into();
        ApiError::Unsound(Cause { what, source: None })
    }

    /// What an operator asked for was begun and failed: `told` is for the operator, who sees more than
    /// a site does, and `cause` for the log.
    pub fn failed(
        told: impl Into<String>,
        cause: impl StdError + Send + Sync + 'static,
    ) -> ApiError {
        let cause = Cause {
            what: "what was asked for failed".to_owned(),
            source: Some(Arc::new(cause)),
        };
        ApiError::Failed {
            told: told.into(),
            cause,
        }
    }

    /// A stored list that is not what its head says, or that cannot be read to its end.
    pub fn unreadable(object: &str, error: CodecError) -> ApiError {
        let cause = Cause {
            what: format!("{object} cannot be believed"),
            source: Some(Arc::new(error)),
        };
        ApiError::Unavailable(cause)
    }

    /// A list that took longer than a caller waits for.
    pub fn too_slow(what: impl Into<String>) -> ApiError {
        let what = what.into();
        ApiError::Unavailable(Cause { what, source: None })
    }

    /// The error that a response has which no handler of ours made (a refusal of a layer).
    pub fn of_status(status: StatusCode) -> ApiError {
        match status {
            StatusCode::NOT_FOUND => ApiError::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType,
            status if status.is_client_error() => ApiError::BadRequest,
            _ => ApiError::Internal,
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::Unauthorized | ApiError::NotAnAdmin => StatusCode::UNAUTHORIZED,
            ApiError::Conflict(_) => StatusCode::CONFLICT,
            ApiError::Forbidden | ApiError::LinkExpired | ApiError::LinkInvalid => {
                StatusCode::FORBIDDEN
            }
            ApiError::NotFound | ApiError::Unknown(_) => StatusCode::NOT_FOUND,
            ApiError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::BadRequest | ApiError::Invalid(_) => StatusCode::BAD_REQUEST,
            ApiError::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            ApiError::HistoryGone => StatusCode::GONE,
            ApiError::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            ApiError::NotReady
            | ApiError::Busy
            | ApiError::Failed { .. }
            | ApiError::Unsound(_)
            | ApiError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable name, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ApiError::Unauthorized | ApiError::NotAnAdmin => "unauthorized",
            ApiError::Conflict(_) => "conflict",
            ApiError::Forbidden => "forbidden",
            ApiError::LinkExpired => "link_expired",
            ApiError::LinkInvalid => "link_invalid",
            ApiError::NotFound | ApiError::Unknown(_) => "not_found",
            ApiError::Failed { .. } => "failed",
            ApiError::MethodNotAllowed => "method_not_allowed",
            ApiError::TooLarge => "too_large",
            ApiError::BadRequest | ApiError::Invalid(_) => "bad_request",
            ApiError::UnsupportedMediaType => "unsupported_media_type",
            ApiError::BodyTimeout => "request_timeout",
            ApiError::HistoryGone => "history_gone",
            ApiError::TooManyRequests { .. } => "too_many_requests",
            ApiError::NotReady => "not_ready",
            ApiError::Busy => "busy",
            // The two differ for operators only.
            ApiError::Unsound(_) | ApiError::Unavailable(_) => "unavailable",
            ApiError::Internal => "internal",
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            ApiError::TooManyRequests { retry_after } => Some(*retry_after),
            ApiError::NotReady => Some(NOT_READY_SECONDS),
            ApiError::Busy => Some(BUSY_SECONDS),
            ApiError::Unsound(_) => Some(UNSOUND_SECONDS),
            ApiError::Unavailable(_) => Some(UNAVAILABLE_SECONDS),
            _ => None,
        }
    }

    /// The causes in one line, for the log.
    pub fn causes(&self) -> String {
        self.source()
            .map_or_else(String::new, livelist_model::with_causes)
    }

    /// The body that the caller sees.
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let body = Problem {
            error: Told {
                code: self.code(),
                message: self.to_string(),
                request_id: request_id.to_owned(),
            },
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

/// The body of every answer that is an error.
#[derive(Serialize, ToSchema)]
pub struct Problem {
    error: Told,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
struct Told {
    /// The stable name, for programs.
    #[schema(value_type = String, example = "forbidden")]
    code: &'static str,
    /// The same in a sentence, for people.
    message: String,
    /// Names the request; the header `x-request-id` has the same.
    request_id: String,
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Corrupt { .. } => ApiError::unsound(error.to_string()),
            error => ApiError::Unavailable(Cause {
                what: "the store failed".to_owned(),
                source: Some(Arc::new(error)),
            }),
        }
    }
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> ApiError {
        match error {
            DocumentError::Store(error) => error.into(),
            error => ApiError::unsound(error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        if matches!(self, ApiError::Unauthorized | ApiError::NotAnAdmin) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_to_those_who_meet_it() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
        let guide = std::fs::read_to_string(path).unwrap();
        let internal = ApiError::Internal;
        let mut codes = vec![(internal.status().as_u16(), internal.code())];
        for error in [
            ApiError::Unauthorized,
            ApiError::Forbidden,
            ApiError::LinkExpired,
            ApiError::LinkInvalid,
            ApiError::NotFound,
            ApiError::MethodNotAllowed,
            ApiError::TooLarge,
            ApiError::BadRequest,
            ApiError::UnsupportedMediaType,
            ApiError::BodyTimeout,
            ApiError::HistoryGone,
            ApiError::Busy,
            ApiError::TooManyRequests { retry_after: 1 },
            ApiError::NotReady,
            ApiError::unsound("a test"),
            ApiError::too_slow("a test"),
        ] {
            codes.push((error.status().as_u16(), error.code()));
            let row = format!("| {} | ", error.status().as_u16());
            let code = format!("`{}`", error.code());
            let is_told = |line: &str| line.starts_with(&row) && line.contains(&code);
            assert!(guide.lines().any(is_told), "{row}{code}");
        }
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, ERROR_CODES);
    }
}
