//! The page: the files of `dashboard/`, built into the binary. They contain no data, so they need no key;
//! all data come from the admin API.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use livelist_api::{ApiError, is_held};
use sha2::{Digest, Sha256};
use tower_http::compression::CompressionLayer;

use super::AdminState;

/// Only content of this server, no framing, and no text that becomes code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of the page.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($name:literal, $kind:literal) => {
        File {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("../../dashboard/", $name)),
        }
    };
}

const FILES: [File; 13] = [
    file!("index.html", "text/html; charset=utf-8"),
    file!("style.css", "text/css; charset=utf-8"),
    file!("icon.svg", "image/svg+xml"),
    file!("main.js", "text/javascript; charset=utf-8"),
    file!("api.js", "text/javascript; charset=utf-8"),
    file!("dom.js", "text/javascript; charset=utf-8"),
    file!("format.js", "text/javascript; charset=utf-8"),
    file!("spark.js", "text/javascript; charset=utf-8"),
    file!("feeds.js", "text/javascript; charset=utf-8"),
    file!("feed.js", "text/javascript; charset=utf-8"),
    file!("run.js", "text/javascript; charset=utf-8"),
    file!("held.js", "text/javascript; charset=utf-8"),
    file!("schedule.js", "text/javascript; charset=utf-8"),
];

/// The texts with which the page explains reasons and errors.
const GUIDE: File = File {
    name: "operations.md",
    kind: "text/markdown; charset=utf-8",
    text: include_str!("../../../../docs/operations.md"),
};

/// The page below `/dashboard`.
pub(super) fn routes() -> Router<AdminState> {
    Router::new()
        .route("/", get(async || Redirect::temporary("dashboard")))
        .route(
            "/dashboard",
            get(async |headers| sent("index.html", headers)),
        )
        .route(
            "/dashboard/",
            get(async || Redirect::permanent("../dashboard")),
        )
        .route("/dashboard/{file}", get(file))
        .layer(CompressionLayer::new())
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    sent(&name, headers)
}

fn sent(name: &str, headers: HeaderMap) -> Response {
    let found = TAGGED.iter().find(|(file, _)| file.name == name);
    let Some((file, tag)) = found else {
        return ApiError::NotFound.into_response();
    };
    let told = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ];
    let etag = HeaderValue::from_str(&format!("\"{tag}\""));
    let mut response = if is_held(&headers, tag) {
        (StatusCode::NOT_MODIFIED, told).into_response()
    } else {
        (told, file.text).into_response()
    };
    if let Ok(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

static TAGGED: LazyLock<Vec<(File, String)>> = LazyLock::new(|| {
    let tag = |file: File| {
        let digest = Sha256::digest(file.text.as_bytes());
        let tag = hex::encode(&digest[..12]);
        (file, tag)
    };
    FILES.into_iter().chain([GUIDE]).map(tag).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let bytes: usize = FILES.iter().map(|file| file.text.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }

    #[test]
    fn everything_in_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboard");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut served: Vec<String> = FILES.iter().map(|file| file.name.to_owned()).collect();
        there.sort();
        served.sort();
        assert_eq!(there, served);
    }
}
