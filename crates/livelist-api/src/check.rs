//! `POST /v1/feeds/{feed}/check`: which of the keys that a site has are not in the published list.
//! The list is read as a stream beside the sorted keys, so that two million keys need no more memory
//! than two hundred. Nothing is called gone before the whole list was read and is the one that the
//! head means: what a damaged list does not show proves nothing.

use axum::Json;
use axum::extract::{Request, State};
use livelist_model::codec::{CodecError, KeyStream, ListReader, ListSummary};
use livelist_model::head::whole_seconds;
use livelist_model::keys::{KeyError, MAX_KEY_BYTES, check_key};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};

use crate::access::Asked;
use crate::error::ApiError;
use crate::lists::Waiting;
use crate::openapi::{BodyRefusals, Refusals};
use crate::state::ApiState;
use crate::{body, head, lists};

/// Keys in one question.
const MAX_KEYS: usize = 5_000;
/// So many keys of the greatest length, and what JSON puts around them.
const MAX_BODY: usize = MAX_KEYS * (MAX_KEY_BYTES + 4) + 1_024;
/// Whether anybody still waits is looked at once in so many keys.
const LOOK_EVERY: u32 = 4_096;

/// The keys that a site has.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Question {
    /// At most 5000 keys, each of 1 to 1020 bytes without control characters, in any order.
    #[serde(deserialize_with = "bounded")]
    #[schema(schema_with = described)]
    keys: Vec<String>,
}

fn described() -> Array {
    let key = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .min_length(Some(1))
        .max_length(Some(MAX_KEY_BYTES))
        .pattern(Some(r"^[^\u0000-\u001f\u007f]+$"))
        .build();
    ArrayBuilder::new()
        .items(key)
        .max_items(Some(MAX_KEYS))
        .description(Some(
            "At most 5000 keys, each of 1 to 1020 bytes without control characters, in any order",
        ))
        .examples([serde_json::json!(["1124650211", "1124650212"])])
        .build()
}

/// Which of them are gone.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verdict {
    /// The list that was looked at.
    version: String,
    /// The list holds everything that was live at this instant. A listing that came later may be
    /// missing from it, and so be among `gone`: do not take down what the site got after it.
    #[schema(value_type = String, format = DateTime)]
    as_of: jiff::Timestamp,
    /// Always true: without a complete list there is no answer.
    complete: bool,
    /// How many keys were asked for.
    checked: usize,
    /// Those that are not in the list, each once, in the order of their bytes.
    gone: Vec<String>,
}

/// Which of a site's keys are gone
///
/// The keys are compared byte by byte with the published list. A list that cannot be read to its end,
/// or is not the one that the head means, gives 503 and never a gone key.
#[utoipa::path(
    post,
    path = "/v1/feeds/{feed}/check",
    operation_id = "check",
    tag = "feeds",
    params(("feed" = String, Path, description = "The feed's id")),
    request_body = Question,
    responses((status = 200, description = "The keys that are gone", body = Verdict), Refusals, BodyRefusals),
    security(("site_key" = []))
)]
pub(crate) async fn check(
    State(state): State<ApiState>,
    asked: Asked,
    request: Request,
) -> Result<Json<Verdict>, ApiError> {
    let room = state.bodies.acquire().await;
    let Question { keys } = body::json(request, MAX_BODY).await?;
    for (i, key) in keys.iter().enumerate() {
        check_key(key.as_bytes()).map_err(|error| ApiError::Invalid(told(i, error)))?;
    }
    let head = head::ready(&state, &asked.feed).await?;
    let checked = keys.len();
    let list = lists::open(&state, &head.full).await?;
    let expected = ListSummary {
        count: head.count,
        sha256: head.sha256,
    };
    let gone = lists::read(&state, &head.full.object, move |waiting| {
        absent(&mut ListReader::new(list, Some(expected)), keys, waiting)
    })
    .await?;
    drop(room);
    Ok(Json(Verdict {
        version: head.version,
        as_of: whole_seconds(head.as_of),
        complete: head.complete,
        checked,
        gone,
    }))
}

/// The `keys` that are not in `list`.
fn absent(
    list: &mut impl KeyStream,
    mut keys: Vec<String>,
    waiting: &Waiting,
) -> Result<Vec<String>, CodecError> {
    keys.sort_unstable();
    keys.dedup();
    let mut gone = Vec::new();
    let mut left = keys.into_iter().peekable();
    let mut since_look = 0;
    loop {
        // Each was seen: that needs no proof of what comes behind.
        if gone.is_empty() && left.peek().is_none() {
            return Ok(gone);
        }
        if !list.advance()? {
            break;
        }
        while let Some(key) = left.next_if(|key| key.as_bytes() < list.key()) {
            gone.push(key);
        }
        left.next_if(|key| key.as_bytes() == list.key());
        since_look += 1;
        if since_look == LOOK_EVERY {
            since_look = 0;
            if waiting.is_over() {
                return Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into());
            }
        }
    }
    // Here the list has shown its count and its digest.
    gone.extend(left);
    Ok(gone)
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
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "at most {MAX_KEYS} keys")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
            let mut keys = Vec::new();
            while let Some(key) = seq.next_element()? {
                if keys.len() == MAX_KEYS {
                    return Err(A::Error::custom("too many keys"));
                }
                keys.push(key);
            }
            Ok(keys)
        }
    }

    deserializer.deserialize_seq(Keys)
}

#[cfg(test)]
mod tests {
    use livelist_model::codec::{Effort, ListWriter};

    use super::*;

    fn list(keys: u64) -> (Vec<u8>, ListSummary) {
        let mut list = ListWriter::new(Vec::new(), Effort::Stored);
        for i in 0..keys {
            list.push(format!("{i:026}").as_bytes()).unwrap();
        }
        list.finish().unwrap()
    }

    /// The list passes by; what is kept is the question and the answer.
    #[test]
    fn two_million_keys_need_no_more_memory_than_a_thousand() {
        let mut peaks = Vec::new();
        for n in [1_000, 2_000_000] {
            let (bytes, summary) = list(n);
            let asked: Vec<String> = (0..5_000).map(|i| format!("{:026}", i * 401)).collect();
            let sold = asked.iter().filter(|key| key.parse::<u64>().unwrap() >= n);
            let sold: Vec<String> = sold.cloned().collect();
            let mut gone = Vec::new();
            let used = allocation_counter::measure(|| {
                let mut list = ListReader::new(&bytes[..], Some(summary));
                gone = absent(&mut list, asked, &Waiting::default()).unwrap();
            });
            assert_eq!(gone, sold);
            peaks.push(used.bytes_max);
        }
        assert!(peaks[1] < 1_000_000, "{peaks:?}");
        assert!(peaks[1] < peaks[0] + 100_000, "{peaks:?}");
    }

    #[test]
    fn nobody_reads_on_for_a_caller_who_has_gone() {
        let (bytes, summary) = list(10_000);
        let mut list = ListReader::new(&bytes[..], Some(summary));
        let gone = absent(&mut list, vec!["x".to_owned()], &Waiting::nobody());
        assert!(gone.is_err());
        assert!(list.advance().unwrap(), "it stopped in the middle");
    }
}
