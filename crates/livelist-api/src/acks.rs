//! `POST /v1/feeds/{feed}/acks`: what a site did with a list, for the operators. The newest acknowledgement
//! of each client and feed is kept; nothing is decided by it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use livelist_model::{ClientId, FeedId, layout};
use livelist_store::{Condition, ObjectsExt, Retention};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::access::Asked;
use crate::body;
use crate::error::ApiError;
use crate::openapi::{BodyRefusals, Refusals};
use crate::state::ApiState;

const MAX_BODY: usize = 16 * 1024;
/// Characters of a version.
const MAX_VERSION: usize = 128;
/// Characters of an error.
const MAX_ERROR: usize = 2_000;
/// Characters of the version of a program.
const MAX_PROGRAM: usize = 64;

/// What a site did. Members that are not known are ignored.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Ack {
    /// The version of the list that it worked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    version: Option<String>,
    /// Listings that the site has of this feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local_total: Option<Count>,
    /// Those that are not in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Count>,
    /// Those that it took down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    removed: Option<Count>,
    /// Those that wait for a person, as a number, or whether any do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<Waiting>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    error: Option<String>,
    /// The version of the site's Livelist plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    plugin: Option<String>,
    /// The version of WordPress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    wp: Option<String>,
    /// The version of PHP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    php: Option<String>,
}

/// A number or a word.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
enum Waiting {
    Listings(Count),
    Whether(bool),
}

/// A number of listings. JSON knows one kind of numbers, and PHP writes `928.0` where it has counted
/// in floating point: that is 928.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "u64")]
struct Count(u64);

/// Up to here every whole number has a place in JSON's numbers.
const MAX_COUNT: f64 = 9_007_199_254_740_991.0;

impl PartialSchema for Count {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(0))
            .maximum(Some(MAX_COUNT as i64))
            .description(Some("A number of listings"))
            .into()
    }
}

impl ToSchema for Count {}

impl TryFrom<f64> for Count {
    type Error = &'static str;

    fn try_from(number: f64) -> Result<Count, &'static str> {
        let fits = (0.0..=MAX_COUNT).contains(&number) && number.fract() == 0.0;
        fits.then_some(Count(number as u64)).ok_or("no count")
    }
}

impl From<Count> for u64 {
    fn from(count: Count) -> u64 {
        count.0
    }
}

/// `acks/{feed}/{client}.json`.
#[derive(Serialize)]
struct Kept<'a> {
    schema: u32,
    feed: &'a FeedId,
    client: &'a ClientId,
    /// The id of the site key.
    key: &'a str,
    at: jiff::Timestamp,
    #[serde(flatten)]
    ack: Ack,
}

impl Ack {
    fn too_long(&self) -> Option<&'static str> {
        let texts = [
            ("version", &self.version, MAX_VERSION),
            ("error", &self.error, MAX_ERROR),
            ("plugin", &self.plugin, MAX_PROGRAM),
            ("wp", &self.wp, MAX_PROGRAM),
            ("php", &self.php, MAX_PROGRAM),
        ];
        texts.into_iter().find_map(|(name, text, most)| {
            let length = text.as_ref().map_or(0, |text| text.chars().count());
            (length > most).then_some(name)
        })
    }
}

/// Tells what the site did
///
/// For the operators; the newest one of each client and feed is kept.
#[utoipa::path(
    post,
    path = "/v1/feeds/{feed}/acks",
    operation_id = "ack",
    tag = "feeds",
    params(("feed" = String, Path, description = "The feed's id")),
    request_body = Ack,
    responses((status = 204, description = "It is kept"), Refusals, BodyRefusals),
    security(("site_key" = []))
)]
pub(crate) async fn ack(
    State(state): State<ApiState>,
    asked: Asked,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let ack: Ack = body::json(request, MAX_BODY).await?;
    if let Some(name) = ack.too_long() {
        return Err(ApiError::Invalid(format!("`{name}` is too long")));
    }
    let client = &asked.caller.client.client;
    let kept = Kept {
        schema: 1,
        feed: &asked.feed,
        client,
        key: &asked.caller.key.id,
        at: state.clock.now(),
        ack,
    };
    let object = layout::ack(&asked.feed, client);
    state
        .objects
        .write_json(&object, &kept, Condition::Always, Retention::Keep)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
