//! `GET /metrics`: what a Prometheus server reads. It has names of MLSs and feeds, so it needs an operators' key.
//! A process that keeps no metrics has no such route's answer.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use livelist_api::ApiError;

use super::auth::Admin;
use super::{AdminState, Metrics};

/// The metrics, for holders of an operators' key.
pub(super) async fn metrics(
    State(state): State<AdminState>,
    _: Admin,
) -> Result<Response, ApiError> {
    let none = || ApiError::Unknown("metrics in this process".to_owned());
    state.metrics.as_ref().ok_or_else(none)?.answer()
}

impl Metrics {
    /// The answer to whoever may read them.
    ///
    /// # Errors
    /// The text could not be written.
    pub fn answer(&self) -> Result<Response, ApiError> {
        let text = (self.text)().ok_or(ApiError::Internal)?;
        let kind = HeaderValue::from_static(self.content_type);
        let private = HeaderValue::from_static("private, no-store");
        let headers = [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, private),
        ];
        Ok((headers, text).into_response())
    }
}
