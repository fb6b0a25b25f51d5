//! The port to HTTP: one method. Everything above it can be tested against a real server or a
//! scripted one, and everything that makes transport worse (faults, limits) can wrap it.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;

/// A body as a stream.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// Why an exchange failed. A retry may help in each case.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection.
    #[error("no connection to {host}")]
    Connect {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nothing arrived for too long.
    #[error("nothing came for {0} seconds")]
    TimedOut(u64),
}

/// Sends one request and gives the answer as it is, whatever its status: no redirects, no retries,
/// no decoding. The URI is sent byte for byte.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`.
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError>;
}
