//! Bodies of requests: JSON of limited size that arrives in limited time. An error names the position,
//! never the value, because a key that was pasted into the wrong field must not be returned.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::error::ApiError;

/// A slower body is aborted, so that slow senders do not hold memory.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// The body of `request` as a JSON object, if it has at most `most` bytes.
///
/// # Errors
/// It is too large or too slow, or no JSON of this form.
pub async fn json<T: DeserializeOwned>(request: Request, most: usize) -> Result<T, ApiError> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    if announced(&parts.headers).is_some_and(|bytes| bytes > most as u64) {
        return Err(ApiError::TooLarge);
    }
    let bytes = tokio::time::timeout(LONGEST, read(body, most))
        .await
        .map_err(|_| ApiError::BodyTimeout)??;
    // Serde would also take a list for a structure, member by member.
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if first.is_some_and(|b| *b != b'{') {
        return Err(ApiError::Invalid(
            "the body is not a JSON object".to_owned(),
        ));
    }
    serde_json::from_slice(&bytes).map_err(|error| ApiError::Invalid(told(&error)))
}

async fn read(body: Body, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::Invalid("the body broke off".to_owned()))?;
        if bytes.len() + chunk.len() > most {
            return Err(ApiError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// `application/json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    value.to_str().is_ok_and(|value| {
        let kind = value.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}

/// How the refusal of a list that is too long begins.
pub(crate) const TOO_MANY: &str = "too many keys";

fn told(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        // Our own words, and no value.
        Category::Data if error.to_string().starts_with(TOO_MANY) => {
            "there are more keys than may be asked for at once; ask several times"
        }
        Category::Data => "the JSON is not of the form that is asked for",
        Category::Eof => "the JSON ends too early",
        Category::Io | Category::Syntax => "the body is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_json() {
        let is = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        assert!(is("application/json"));
        assert!(is("Application/JSON; charset=utf-8"));
        for other in ["", "text/plain", "application/jsonp", "text/json", "json"] {
            assert!(!is(other), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn what_is_wrong_is_told_without_values() {
        let error = serde_json::from_str::<Vec<u8>>(r#"["s3cr3t"]"#).unwrap_err();
        let told = told(&error);
        assert!(!told.contains("s3cr3t"), "{told}");
        assert!(told.contains("line 1, column"), "{told}");
    }
}
