//! `GET /v1/objects/{path}`: the targets of `SignedLinks`. The bytes are sent as they are stored, with
//! their length and without `Content-Encoding`, because WordPress would decode that with one transport and
//! not with the other. Never a redirect.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::TryStreamExt;
use livelist_store::Objects;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use crate::error::ApiError;
use crate::signed::{OBJECTS, SignedLinks, is_list};

/// Large enough that a list of half a megabyte takes few turns.
const CHUNK: usize = 64 * 1024;

#[derive(Clone)]
struct Served {
    objects: Arc<dyn Objects>,
    links: Arc<SignedLinks>,
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    objects: Arc<dyn Objects>,
    links: Arc<SignedLinks>,
) -> Router<S> {
    Router::new()
        .route("/v1/objects/{*path}", get(object))
        .with_state(Served { objects, links })
}

async fn object(
    State(served): State<Served>,
    uri: Uri,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    // The path as it was sent, not decoded: no list's path needs escapes.
    let path = uri
        .path()
        .strip_prefix(OBJECTS)
        .filter(|path| is_list(path))
        .ok_or(ApiError::NotFound)?;
    let (Some(expires), Some(signature)) =
        (only(&parameters, "expires"), only(&parameters, "signature"))
    else {
        return Err(ApiError::LinkInvalid);
    };
    served.links.check(path, expires, signature)?;
    let object = served.objects.get(path).await?.ok_or(ApiError::NotFound)?;
    // More than was announced would break the connection for the next response.
    let chunks = ReaderStream::with_capacity(object.body.take(object.bytes), CHUNK);
    let chunks = chunks
        .inspect_err(|error| tracing::error!("an object's transfer was interrupted: {error}"));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/gzip"),
        ),
        (header::CONTENT_LENGTH, object.bytes.into()),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// The value of a parameter that is there once.
fn only<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut values = parameters.iter().filter(|(n, _)| n == name);
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}
