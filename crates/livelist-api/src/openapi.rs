//! `GET /v1/openapi.json`: the description of this API (OpenAPI 3.1), generated from the handlers. The same
//! document is docs/openapi.json; a test compares the two.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::error::Problem;

/// What the whole API has in common.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Livelist",
        description = "Which listings of an MLS are still live. docs/api.md tells how to follow a feed.\n\nEvery error has a JSON body with `code`, `message` and `request_id`. No error ever means that a listing is gone.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    components(schemas(Problem)),
    tags(
        (name = "feeds", description = "Lists of live keys, and what changed"),
        (name = "service", description = "The service itself")
    ),
    modifiers(&SiteKey)
)]
pub(crate) struct Livelist;

/// The one way to say who is asking.
struct SiteKey;

impl Modify for SiteKey {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The site key: `Authorization: Bearer ll1.{client}.{secret}`",
            ))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("site_key", SecurityScheme::Http(bearer));
    }
}

/// Serves the document.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(document: String) -> Router<S> {
    let document = Bytes::from(document);
    Router::new().route(
        "/v1/openapi.json",
        get(move || async move {
            let headers = [
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                ),
                (
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("public, max-age=3600"),
                ),
            ];
            (headers, document)
        }),
    )
}

type Responses = BTreeMap<String, RefOr<Response>>;

fn refusals(told: &[(u16, &str)]) -> Responses {
    let refusal = |(status, description): &(u16, &str)| {
        let problem = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(problem)).build();
        let mut response = ResponseBuilder::new()
            .description(*description)
            .content("application/json", content);
        if matches!(status, 429 | 503) {
            let seconds = ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::Integer))
                .build();
            let header = HeaderBuilder::new()
                .schema(seconds)
                .description(Some("Seconds to wait"))
                .build();
            response = response.header("Retry-After", header);
        }
        (status.to_string(), response.build().into())
    };
    told.iter().map(refusal).collect()
}

/// What a question about a feed can be refused with.
pub(crate) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> Responses {
        refusals(&[
            (401, "`unauthorized`: the site key is missing or not valid"),
            (
                403,
                "`forbidden`: the feed is not open to this site key; also where there is no such feed",
            ),
            (404, "`not_found`: this cannot be the id of a feed"),
            (
                429,
                "`too_many_requests`: too many with this site key; wait as `Retry-After` says",
            ),
            (
                503,
                "`not_ready`, `unavailable` or `busy`: keep what you have and ask again as `Retry-After` says",
            ),
        ])
    }
}

/// What a query can be refused with besides.
pub(crate) struct QueryRefusals;

impl IntoResponses for QueryRefusals {
    fn responses() -> Responses {
        refusals(&[(400, "`bad_request`: a parameter cannot be understood")])
    }
}

/// What a body can be refused with besides.
pub(crate) struct BodyRefusals;

impl IntoResponses for BodyRefusals {
    fn responses() -> Responses {
        refusals(&[
            (400, "`bad_request`: the body is not what is asked for"),
            (
                408,
                "`request_timeout`: the body took longer than ten seconds",
            ),
            (413, "`too_large`: the body is too large"),
            (
                415,
                "`unsupported_media_type`: the body has to be `application/json`",
            ),
        ])
    }
}
