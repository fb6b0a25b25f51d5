//! Sends a chunked body to S3: chunk by chunk, never joined, and again from the start if an attempt fails.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use livelist_store::Body;

/// The stream of `body`. A single chunk is sent with its checksum in a header; several are sent with the
/// checksum after them.
pub(super) fn stream(body: Body) -> ByteStream {
    match body.chunks() {
        [] => SdkBody::empty().into(),
        [one] => SdkBody::from(one.clone()).into(),
        _ => ByteStream::new(SdkBody::retryable(move || {
            SdkBody::from_body_1_x(Chunks {
                left: body.len(),
                next: 0,
                body: body.clone(),
            })
        })),
    }
}

struct Chunks {
    body: Body,
    next: usize,
    left: u64,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.body.chunks().get(self.next).cloned();
        self.next += 1;
        self.left -= chunk.as_ref().map_or(0, |c| c.len() as u64);
        Poll::Ready(chunk.map(|c| Ok(Frame::data(c))))
    }

    fn is_end_stream(&self) -> bool {
        self.next >= self.body.chunks().len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked() -> Body {
        let chunks: &[&[u8]] = &[b"one ", b"", b"two"];
        Body::from(
            chunks
                .iter()
                .map(|c| Bytes::from_static(c))
                .collect::<Vec<_>>(),
        )
    }

    #[tokio::test]
    async fn chunks_arrive_whole_and_in_order_on_every_attempt() {
        let body = stream(chunked()).into_inner();
        assert_eq!(body.content_length(), Some(7));
        for _ in 0..2 {
            let again = ByteStream::new(body.try_clone().unwrap());
            assert_eq!(again.collect().await.unwrap().to_vec(), b"one two");
        }
    }

    #[tokio::test]
    async fn one_chunk_and_none_are_held_in_memory() {
        let one = stream(Body::from(b"one".to_vec())).into_inner();
        assert_eq!(one.bytes(), Some(&b"one"[..]));
        assert_eq!(stream(Body::default()).into_inner().bytes(), Some(&b""[..]));
    }
}
