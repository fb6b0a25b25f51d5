//! `POST /v1/feeds/{feed}/check`: the state of a site's keys. A key of the published list is *listed*. A
//! key that was on a published list, and whose removal was confirmed, is *gone*. Any other key is
//! *unknown*: it may be new.

use axum::Json;
use axum::extract::{Request, State};
use livelist_model::head::whole_seconds;
use livelist_model::keys::{KeyError, MAX_KEY_BYTES, check_key};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    Array, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};

use crate::access::Asked;
use crate::error::ApiError;
use crate::lookup::{Copy, look_up};
use crate::openapi::{BodyRefusals, Refusals};
use crate::state::ApiState;
use crate::{body, head, questions};

/// Keys in one question.
const MAX_KEYS: usize = 5_000;
/// So many keys of the greatest length, and what JSON puts around them.
const MAX_BODY: usize = MAX_KEYS * (MAX_KEY_BYTES + 4) + 1_024;

/// The keys that a site has.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Question {
    /// The form of the answer: 1 (also if it is left out) or 2.
    #[serde(default = "first")]
    #[schema(minimum = 1, maximum = 2, default = 1)]
    schema: u32,
    /// At most 5000, in any order.
    #[serde(deserialize_with = "bounded")]
    #[schema(schema_with = described)]
    keys: Vec<Asking>,
}

fn first() -> u32 {
    1
}

/// A key, alone or with what the site knows of it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Asking {
    /// The key alone.
    Key(String),
    /// The key, and when the site got its copy. It may hold more.
    Copy {
        key: String,
        #[serde(default)]
        listing_id: Option<String>,
        #[serde(default)]
        got: Option<jiff::Timestamp>,
    },
}

impl Asking {
    fn into_copy(self) -> Copy {
        match self {
            Asking::Key(key) => Copy {
                key,
                ..Copy::default()
            },
            Asking::Copy {
                key,
                listing_id,
                got,
            } => Copy {
                key,
                got: got.map(|at| at.as_second()),
                id: listing_id,
            },
        }
    }
}

fn described() -> Array {
    let text = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    let key = || {
        text()
            .min_length(Some(1))
            .max_length(Some(MAX_KEY_BYTES))
            .pattern(Some(r"^[^\u0000-\u001f\u007f]+$"))
            .build()
    };
    let got = text()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some(
            "When the site got its copy from the MLS: what was proved gone before that is not this copy",
        ))
        .build();
    let copy = ObjectBuilder::new()
        .property("key", key())
        .property(
            "listing_id",
            text()
                .description(Some(
                    "Its `ListingId`: some MLSs can be asked for a listing by that alone",
                ))
                .build(),
        )
        .property("got", got)
        .required("key")
        .build();
    ArrayBuilder::new()
        .items(OneOfBuilder::new().item(key()).item(copy))
        .max_items(Some(MAX_KEYS))
        .description(Some(
            "At most 5000 keys, each of 1 to 1020 bytes without control characters, in any order",
        ))
        .examples([serde_json::json!([
            "1124650211",
            {"key": "1124650212", "got": "2026-11-20T10:00:00Z"}
        ])])
        .build()
}

/// What is known of the keys.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Verdict {
    /// The first form.
    First(FirstVerdict),
    /// The second.
    Second(SecondVerdict),
}

/// The first form of the answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct FirstVerdict {
    /// The list that was looked at.
    version: String,
    /// The list holds everything that was live at this instant.
    #[schema(value_type = String, format = DateTime)]
    as_of: jiff::Timestamp,
    /// Always true: without a complete list there is no answer.
    complete: bool,
    /// How many keys were asked for.
    checked: usize,
    /// Those that were listed once and whose removal was confirmed, each once, in the order of their
    /// bytes.
    gone: Vec<String>,
    /// Those that are not listed and of which no more is known: they may be new. Take none of them down.
    unknown: Vec<String>,
}

/// The second form of the answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondVerdict {
    /// The form: 2.
    schema: u32,
    /// The list that was looked at.
    version: String,
    /// The list holds everything that was live at this instant.
    #[schema(value_type = String, format = DateTime)]
    as_of: jiff::Timestamp,
    /// When the last good look at the MLS began.
    #[schema(value_type = String, format = DateTime)]
    checked_at: jiff::Timestamp,
    /// Always true: without a complete list there is no answer.
    complete: bool,
    /// How many of the keys are listed.
    listed: usize,
    /// Those that were listed once and whose removal was confirmed, each once, in the order of their
    /// bytes.
    gone: Vec<Gone>,
    /// Those that are not listed and of which no more is known: they may be new. Take none of them down.
    unknown: Vec<String>,
    /// For how many keys the MLS will be asked. The others are not of this feed's shape, or there is no
    /// room for them today.
    noted: usize,
}

/// A key that is gone.
#[derive(Serialize, ToSchema)]
pub(crate) struct Gone {
    key: String,
    /// Since when that is proved. A copy that was got later is another listing.
    #[schema(value_type = String, format = DateTime)]
    since: jiff::Timestamp,
}

/// What is known of a site's keys
///
/// The keys are compared byte by byte with the published list, and with the record of what is gone. One
/// that cannot be read to its end, or is not the one that the head means, gives 503 and never a gone key.
#[utoipa::path(
    post,
    path = "/v1/feeds/{feed}/check",
    operation_id = "check",
    tag = "feeds",
    params(("feed" = String, Path, description = "The feed's id")),
    request_body = Question,
    responses((status = 200, description = "What is known of the keys", body = Verdict), Refusals, BodyRefusals),
    security(("site_key" = []))
)]
pub(crate) async fn check(
    State(state): State<ApiState>,
    asked: Asked,
    request: Request,
) -> Result<Json<Verdict>, ApiError> {
    let room = state.bodies.acquire().await;
    let Question { schema, keys } = body::json(request, MAX_BODY).await?;
    if !(1..=2).contains(&schema) {
        return Err(ApiError::Invalid("`schema` is 1 or 2".to_owned()));
    }
    let mut copies = Vec::with_capacity(keys.len());
    for (i, asking) in keys.into_iter().enumerate() {
        let copy = asking.into_copy();
        check_key(copy.key.as_bytes()).map_err(|error| ApiError::Invalid(told(i, error)))?;
        copies.push(copy);
    }
    let head = head::ready(&state, &asked.feed).await?;
    let checked = copies.len();
    copies.sort_unstable();
    // Of two copies of a listing the younger one decides.
    copies.dedup_by(|later, first| {
        let is_same = later.key == first.key;
        if is_same {
            first.got = first.got.max(later.got);
            first.id = first.id.take().or(later.id.take());
        }
        is_same
    });
    let distinct = copies.len();
    let (known, shape) = look_up(&state, &head, copies).await?;
    let noted = questions::note(&state, &asked, &head, &known, shape).await;
    drop(room);
    let listed = distinct - known.gone.len() - known.unknown.len();
    let unknown = known.unknown.into_iter().map(|copy| copy.key).collect();
    let as_of = whole_seconds(head.as_of);
    Ok(Json(match schema {
        2 => Verdict::Second(SecondVerdict {
            schema,
            as_of,
            checked_at: whole_seconds(head.looked_at()),
            version: head.version,
            complete: head.complete,
            listed,
            gone: known
                .gone
                .into_iter()
                .map(|(copy, since)| Gone {
                    key: copy.key,
                    since,
                })
                .collect(),
            unknown,
            noted,
        }),
        _ => Verdict::First(FirstVerdict {
            version: head.version,
            as_of,
            complete: head.complete,
            checked,
            gone: known.gone.into_iter().map(|(copy, _)| copy.key).collect(),
            unknown,
        }),
    }))
}

fn told(nth: usize, error: KeyError) -> String {
    let what = match error {
        KeyError::Empty => "is empty",
        KeyError::TooLong => "is longer than 1020 bytes",
        KeyError::Control => "holds a control character",
        KeyError::Full => "is one key too many",
    };
    format!("keys[{nth}] {what}")
}

/// Ends at the first key too many, so that a body of empty strings does not become a large vector.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Asking>, D::Error> {
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<Asking>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "at most {MAX_KEYS} keys")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Asking>, A::Error> {
            let mut keys = Vec::new();
            while let Some(key) = seq.next_element()? {
                if keys.len() == MAX_KEYS {
                    return Err(A::Error::custom(body::TOO_MANY));
                }
                keys.push(key);
            }
            Ok(keys)
        }
    }

    deserializer.deserialize_seq(Keys)
}
