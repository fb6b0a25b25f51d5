//! HTTP over hyper. Not reqwest: that re-encodes URLs (`'` becomes `%27`), and a provider's
//! nextLink has to go back byte for byte.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, BodyStream as HttpBodyStream, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::transport::{BodyStream, Transport, TransportError};

/// The time limit for a connection to be established.
const CONNECT: Duration = Duration::from_secs(10);
/// The time limit until an answer begins: key queries over a whole MLS are slow.
const FIRST_BYTE: Duration = Duration::from_secs(120);
/// The time limit between two chunks of a body.
const BETWEEN: Duration = Duration::from_secs(30);
/// Idle connections are dropped before the provider does it, so that a request does not meet a
/// connection that is about to be closed.
const IDLE: Duration = Duration::from_secs(20);

/// HTTP/1.1 and HTTP/2 with pooled connections; TLS by rustls with Mozilla's roots.
#[derive(Clone)]
pub struct HttpTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpTransport {
    /// A transport with its own connection pool.
    pub fn new() -> Self {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.enforce_http(false);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        HttpTransport { client }
    }
}

impl Default for HttpTransport {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        let host = request.uri().host().unwrap_or("").to_owned();
        let sent = self.client.request(request.map(Full::new));
        let response = tokio::time::timeout(FIRST_BYTE, sent)
            .await
            .map_err(|_| TransportError::TimedOut(FIRST_BYTE.as_secs()))?
            .map_err(|e| {
                if e.is_connect() {
                    TransportError::Connect {
                        host,
                        source: e.into(),
                    }
                } else {
                    TransportError::Broken(e.into())
                }
            })?;
        Ok(response.map(|body| {
            let frames = HttpBodyStream::new(body.map_err(|e| TransportError::Broken(e.into())));
            let pieces = frames.filter_map(|frame| async {
                match frame {
                    Ok(frame) => frame.into_data().ok().map(Ok),
                    Err(e) => Some(Err(e)),
                }
            });
            Box::pin(timed(Box::pin(pieces))) as BodyStream
        }))
    }
}

/// The same stream, with an error if the next chunk takes too long.
fn timed(pieces: BodyStream) -> impl futures::Stream<Item = Result<Bytes, TransportError>> + Send {
    futures::stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match tokio::time::timeout(BETWEEN, pieces.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(e))) => Some((Err(e), None)),
            Ok(None) => None,
            Err(_) => Some((Err(TransportError::TimedOut(BETWEEN.as_secs())), None)),
        }
    })
}
