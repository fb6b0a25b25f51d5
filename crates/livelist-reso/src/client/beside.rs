//! Prefetches pages while another answer is awaited: as many at once as the client allows, and as
//! fast as the rate limits allow.

use crate::records::Takes;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::Uri;

use super::{Client, SHORT_WAIT};
use crate::transport::BodyStream;

impl Client<'_> {
    /// Runs `work` while prefetched pages arrive, and requests more of `next` when the rate limits allow.
    pub(super) async fn beside<T>(
        &mut self,
        work: impl Future<Output = T>,
        next: Option<&[Uri]>,
    ) -> T {
        let next = next.unwrap_or_default();
        let mut work = pin!(work);
        loop {
            let due = self.ask_ahead(next);
            let pace = self.pace;
            let mut nap = pin!(async move {
                match due {
                    Some(wait) => pace.sleep(wait).await,
                    None => std::future::pending().await,
                }
            });
            let either = std::future::poll_fn(|context| match work.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending => nap.as_mut().poll(context).map(|()| None),
            });
            if let Some(done) = self.ahead.beside(either).await {
                return done;
            }
        }
    }

    /// Requests those of `next` that may be requested now. Returns how long the first of the others has to
    /// wait, if that is short.
    fn ask_ahead(&mut self, next: &[Uri]) -> Option<Duration> {
        for uri in next {
            if self.ahead.has(uri) {
                continue;
            }
            let now = self.pace.now();
            let quota_wait = self.dialect.quota_wait;
            let is_fine = |answer: &http::Response<BodyStream>| {
                answer.status() == http::StatusCode::OK
                    && quota_wait(answer.headers(), now).is_none()
            };
            if self.ahead.len() + 1 >= self.at_once || self.ahead.is_troubled(is_fine) {
                return None;
            }
            let due = self.due_in();
            if !due.is_zero() {
                return (due <= SHORT_WAIT).then_some(due);
            }
            let request = self.request(uri.clone(), None, Takes::Keys).ok()?;
            self.note(1, 0);
            self.traffic.requests += 1;
            self.ahead.ask(self.transport, request);
        }
        None
    }

    /// Cancels prefetched pages that are no longer wanted; the requests and bytes so far count.
    pub(super) fn give_up(&mut self, is_wanted: impl Fn(&Uri) -> bool) {
        let bytes = self.ahead.keep(is_wanted);
        if bytes > 0 {
            self.note(0, bytes);
        }
    }
}
