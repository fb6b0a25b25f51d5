//! A man in the middle: a transport that answers some requests itself, or acts before it passes them on.
//! For faults that the simulator lacks.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use livelist_reso::{BodyStream, HttpTransport, Transport, TransportError};

type Answers = dyn Fn(&http::Uri) -> Option<String> + Send + Sync;

pub struct Meddler {
    inner: HttpTransport,
    status: u16,
    answers: Box<Answers>,
}

impl Meddler {
    /// Requests for which `answers` gives a body get that, with status 200.
    pub fn new(answers: impl Fn(&http::Uri) -> Option<String> + Send + Sync + 'static) -> Self {
        Meddler::with_status(200, answers)
    }

    /// The same with another status.
    pub fn with_status(
        status: u16,
        answers: impl Fn(&http::Uri) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Meddler {
            inner: HttpTransport::new(),
            status,
            answers: Box::new(answers),
        }
    }
}

#[async_trait]
impl Transport for Meddler {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        match (self.answers)(request.uri()) {
            Some(body) => {
                let body: BodyStream = Box::pin(stream::iter([Ok(Bytes::from(body))]));
                let response = http::Response::builder().status(self.status);
                Ok(response.body(body).unwrap())
            }
            None => self.inner.send(request).await,
        }
    }
}
