//! Maps the SDK's errors to those of the ports. No other code looks at an SDK error.
//!
//! An SDK error contains the whole answer, and its `Debug` prints it, including a parameter's value or a
//! decrypted token. So none is kept; a [`Failure`] keeps only the facts that an operator needs.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use livelist_store::StoreError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed, without anything that was sent or received.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The service answered with an error.
    #[error("{code}{}{message} (HTTP {status}, request {request})", if message.is_empty() { "" } else { ": " })]
    Answer {
        /// The HTTP status.
        status: u16,
        /// The service's name for it.
        code: String,
        /// The service's words.
        message: String,
        /// The request's id, for the service's support.
        request: String,
    },
    /// The request could not be made.
    #[error("the request could not be made")]
    Request(#[source] Source),
    /// The request could not be sent, or there was no answer.
    #[error("the service could not be reached")]
    Unreached(#[source] Source),
    /// No answer in time.
    #[error("the service did not answer in time")]
    Timeout(#[source] Source),
    /// An answer that cannot be parsed, or that ended early.
    #[error("the service's answer cannot be read")]
    Garbled(#[source] Source),
    /// A required value is missing in the service's answer.
    #[error("the service's answer has no {0}")]
    Incomplete(&'static str),
    /// An error that the adapter found itself.
    #[error("{0}")]
    Found(String),
}

/// The HTTP status and the service's error code, if it answered.
pub(crate) fn answered<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
) -> Option<(u16, &str)> {
    match error {
        SdkError::ServiceError(context) => Some((
            context.raw().status().as_u16(),
            context.err().code().unwrap_or_default(),
        )),
        _ => None,
    }
}

/// Whether the service said `code`.
pub(crate) fn is<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, code: &str) -> bool {
    answered(error).is_some_and(|(_, said)| said == code)
}

/// The port's error for a failed call; `what` names the service and the object.
pub(crate) fn store_error<E>(
    what: impl Into<String>,
    error: SdkError<E, HttpResponse>,
) -> StoreError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if passes(&error) {
        StoreError::unavailable(what, failure(error))
    } else {
        StoreError::refused(what, failure(error))
    }
}

/// Whether the same call may succeed later.
fn passes<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            passing(context.raw().status().as_u16(), code)
        }
        SdkError::DispatchFailure(context) => !context.is_user(),
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        _ => false,
    }
}

/// Codes of temporary errors although their status is 400, 403 or 409. An expired session of a role is
/// among them: the next task has a new one.
const PASSING: &[&str] = &[
    "ConditionalRequestConflict",
    "ExecutionLimitExceeded",
    "ExpiredToken",
    "ExpiredTokenException",
    "KeyUnavailableException",
    "OperationAborted",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "TooManyRequestsException",
];

fn passing(status: u16, code: &str) -> bool {
    status >= 500
        || matches!(status, 408 | 429)
        || code.contains("Throttl")
        || PASSING.contains(&code)
}

fn failure<E>(error: SdkError<E, HttpResponse>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let SdkError::ServiceError(context) = &error {
        let meta = context.err().meta();
        return Failure::Answer {
            status: context.raw().status().as_u16(),
            code: meta.code().unwrap_or("an error without a code").to_owned(),
            message: meta.message().unwrap_or_default().to_owned(),
            request: error.request_id().unwrap_or("without id").to_owned(),
        };
    }
    let wrap = match &error {
        SdkError::TimeoutError(_) => Failure::Timeout,
        SdkError::DispatchFailure(context) if context.is_timeout() => Failure::Timeout,
        SdkError::DispatchFailure(_) => Failure::Unreached,
        SdkError::ResponseError(_) => Failure::Garbled,
        _ => Failure::Request,
    };
    // The source alone: the error around it holds the answer.
    wrap(error.into_source().unwrap_or_else(|e| e.to_string().into()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::error::{ConnectorError, ErrorMetadata};
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use aws_sdk_s3::primitives::SdkBody;

    use super::*;

    const SECRET: &str = "s3cr3t-token";

    fn answer(status: u16, code: &str) -> SdkError<GetObjectError, HttpResponse> {
        let meta = ErrorMetadata::builder()
            .code(code)
            .message("says why")
            .build();
        let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(SECRET));
        SdkError::service_error(GetObjectError::generic(meta), raw)
    }

    fn is_unavailable(error: SdkError<GetObjectError, HttpResponse>) -> bool {
        let error = store_error("the object x", error);
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
        matches!(error, StoreError::Unavailable { .. })
    }

    #[test]
    fn what_may_pass_is_unavailable_and_the_rest_refused() {
        for (status, code) in [
            (503, "SlowDown"),
            (500, "InternalError"),
            (400, "ThrottlingException"),
            (400, "RequestTimeout"),
            (429, ""),
            (409, "ConditionalRequestConflict"),
            (400, "ExecutionLimitExceeded"),
            (403, "ExpiredToken"),
        ] {
            assert!(is_unavailable(answer(status, code)), "{status} {code}");
        }
        for (status, code) in [
            (403, "AccessDenied"),
            (404, "NoSuchBucket"),
            (400, "ValidationException"),
            (400, "StateMachineDoesNotExist"),
        ] {
            assert!(!is_unavailable(answer(status, code)), "{status} {code}");
        }
    }

    #[test]
    fn no_answer_is_unavailable_and_no_request_is_refused() {
        let raw = || HttpResponse::new(200.try_into().unwrap(), SdkBody::from(SECRET));
        assert!(is_unavailable(SdkError::timeout_error("late")));
        assert!(is_unavailable(SdkError::response_error("cut", raw())));
        assert!(is_unavailable(SdkError::dispatch_failure(
            ConnectorError::io("reset".into())
        )));
        assert!(!is_unavailable(SdkError::dispatch_failure(
            ConnectorError::user("no host".into())
        )));
        assert!(!is_unavailable(SdkError::construction_failure("no bucket")));
    }

    #[test]
    fn the_chain_says_what_happened_once() {
        let error = store_error("the object x", answer(403, "AccessDenied"));
        assert_eq!(error.to_string(), "the object x was refused");
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(
            source.to_string(),
            "AccessDenied: says why (HTTP 403, request without id)"
        );
        assert!(source.source().is_none());
    }
}
