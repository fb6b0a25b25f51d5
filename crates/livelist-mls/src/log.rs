//! The requests to a simulated MLS, and its answers. Plain data.

use serde::{Deserialize, Serialize};

use crate::fault::FaultRule;
use crate::incoming::RequestKind;

/// One request as received, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LoggedRequest {
    /// When it was received.
    pub at: jiff::Timestamp,
    /// The method.
    pub method: String,
    /// The request target byte for byte: path and query as they were on the wire.
    pub target: String,
    /// Its purpose.
    pub kind: RequestKind,
    /// Whether it carried an `Authorization` header.
    pub authorization: bool,
    /// Its `Accept-Encoding` header.
    pub accept_encoding: Option<String>,
    /// Its `Prefer` header.
    pub prefer: Option<String>,
    /// The status answered; for a broken connection the one sent before it broke.
    pub status: u16,
    /// Rows in the answer.
    pub rows: u64,
    /// The rules that changed the answer, or the book just before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub struck: Vec<FaultRule>,
}
