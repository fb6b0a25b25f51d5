//! The common parts of every response: a request id, security headers, errors as JSON, and one log line
//! with the cause of a failure. Requests that anyone can repeat without limit (refusals, and routes without
//! a key) have no line of their own. Neither query strings nor headers are logged, because they may contain
//! signatures and keys.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use livelist_store::{Clock, Entropy};
use tracing::Instrument;
use tracing::field::Empty;

use crate::error::ApiError;
use crate::health::HEALTH;
use crate::refusals::Refusals;
use crate::request_id::{REQUEST_ID, request_id};

/// An answer that takes longer is none: API Gateway waits 30 seconds, WordPress as a rule less.
const LONGEST: Duration = Duration::from_secs(25);

/// Routes that need no key begin with one of these.
const OPEN: [&str; 3] = [HEALTH, "/v1/openapi.json", "/dashboard"];

/// The ports of the envelope.
#[derive(Clone)]
pub struct Envelope {
    /// For ids of requests that came without one.
    pub entropy: Arc<dyn Entropy>,
    /// The same, if there is no entropy.
    pub clock: Arc<dyn Clock>,
    /// Counts of refused requests.
    pub refusals: Refusals,
}

/// Why a request was refused before it came here. Only `/v1/health` is answered in spite of it.
#[derive(Clone)]
pub(crate) struct Refusal(pub(crate) ApiError);

/// Wraps every route and both fallbacks: the layer `from_fn_with_state(Envelope, envelope)`.
pub async fn envelope(State(state): State<Envelope>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers(), &*state.entropy, &*state.clock);
    let refusal = request.extensions_mut().remove::<Refusal>();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |path| path.as_str());
    let is_ambiguous = |Refusal(error): &Refusal| matches!(error, ApiError::BadRequest);
    let refusal = refusal.filter(|refusal| route != HEALTH || is_ambiguous(refusal));
    let is_turned_away = refusal.is_some();
    let is_open = OPEN.iter().any(|open| route.starts_with(open));
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method = known(request.method()),
        route = %route,
        client = Empty,
        admin = Empty,
        feed = Empty,
        status = Empty,
    );
    async {
        let answer = async {
            match refusal {
                Some(Refusal(error)) => error.into_response(),
                None => next.run(request).await,
            }
        };
        let answered = tokio::time::timeout(LONGEST, answer).await;
        let response = answered
            .unwrap_or_else(|_| ApiError::too_slow("the request took too long").into_response());
        let (response, code) = finish(response, &id, is_turned_away);
        let status = response.status().as_u16();
        let is_refusal = is_turned_away || (400..500).contains(&status);
        let is_told = match code {
            Some(code) if is_refusal => state.refusals.is_first(code),
            Some(_) => true,
            None => !is_open,
        };
        tracing::Span::current().record("status", status);
        match is_told {
            true => tracing::info!("answered {status}"),
            false => tracing::debug!("answered {status}"),
        }
        response
    }
    .instrument(span)
    .await
}

/// A method that has a name; others are the caller's words.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH => method.as_str(),
        Method::DELETE | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}

fn finish(
    mut response: Response,
    id: &str,
    is_turned_away: bool,
) -> (Response, Option<&'static str>) {
    let status = response.status();
    let mut code = None;
    if status.is_client_error() || status.is_server_error() {
        let error = response.extensions_mut().remove::<ApiError>();
        let error = error.unwrap_or_else(|| ApiError::of_status(status));
        if status.is_server_error() && !is_turned_away {
            tell(&error);
        }
        code = Some(error.code());
        *response.body_mut() = Body::from(error.body(id));
        let headers = response.headers_mut();
        // An inner layer may have set the length of its own text.
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    (response, code)
}

fn tell(error: &ApiError) {
    let code = error.code();
    match error {
        // A feed that is new is no failure of ours.
        ApiError::NotReady => tracing::info!(code, "the feed has no head yet"),
        ApiError::Busy => tracing::warn!(code, "too many lists are read at once"),
        error => tracing::error!(code, "cannot answer: {}", error.causes()),
    }
}
