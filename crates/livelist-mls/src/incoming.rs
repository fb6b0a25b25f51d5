//! One request as received.

use hyper::body::Bytes;
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, HOST};
use hyper::{HeaderMap, Method, Uri};
use serde::{Deserialize, Serialize};

use crate::query::{Query, decode};

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A token.
    Token,
    /// A page of a scan.
    Page,
    /// A count: `/$count`, or `$count=true` with `$top` of 0 or 1.
    Count,
    /// Rows by key: `ListingKey eq` or `in`, an empty key range, or one row by its own URL.
    Confirm,
    /// Anything else, including invalid requests.
    Other,
}

/// A complete request.
pub(crate) struct Incoming {
    pub method: Method,
    /// Path and query byte for byte.
    pub target: String,
    /// The segments of the path, decoded.
    pub path: Vec<String>,
    pub query: Query,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The scheme by which the client reached the server; for a request from a socket it is http.
    scheme: String,
}

impl Incoming {
    pub fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let target = uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), |target| target.as_str().to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        Self {
            method,
            path: segments.map(|segment| decode(segment, false)).collect(),
            query: Query::parse(query),
            target,
            headers,
            body,
            scheme: uri.scheme_str().unwrap_or("http").to_owned(),
        }
    }

    pub fn header(&self, name: impl hyper::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(AUTHORIZATION)?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    }

    /// Whether the client takes gzip (RFC 9110, 12.5.3).
    pub fn takes_gzip(&self) -> bool {
        self.header(ACCEPT_ENCODING).is_some_and(|codings| {
            codings.split(',').any(|coding| {
                let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
                let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
                matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
            })
        })
    }

    /// Scheme and authority under which the client reached the server.
    pub fn origin(&self) -> String {
        let host = self.header(HOST).unwrap_or("127.0.0.1");
        format!("{}://{host}", self.scheme)
    }
}
