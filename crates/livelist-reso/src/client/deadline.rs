//! The time limit of a request: a general upper bound, and never more than the caller's time that is
//! left.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::Client;
use crate::error::ClientError;
use crate::time::Pace;

/// No page takes longer than this from the request to the end of its body. A body that trickles is
/// requested again.
const LONGEST: Duration = Duration::from_secs(300);
/// With less time left than this no request is sent: it would be cut off.
const LEAST: Duration = Duration::from_secs(5);

/// How long a request may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    pub(super) time: Duration,
    /// Whether the caller's time is over then.
    pub(super) is_all: bool,
}

impl Client<'_> {
    /// The same client with a `deadline`: no request begins shortly before it, and none is awaited after
    /// it. Such a request gets [`ClientError::OutOfTime`], and a later task can send it again.
    #[must_use]
    pub fn until(self, deadline: jiff::Timestamp) -> Self {
        Client {
            until: Some(deadline),
            ..self
        }
    }

    /// The time that a request sent now may take.
    pub(super) fn allowed(&self) -> Result<Allowed, ClientError> {
        let left = self.left();
        if left < LEAST {
            return Err(ClientError::OutOfTime);
        }
        Ok(Allowed {
            time: left.min(LONGEST),
            is_all: left <= LONGEST,
        })
    }

    /// Waits, if there is time for a request after it.
    pub(super) async fn pause(&mut self, wait: Duration) -> Result<(), ClientError> {
        if wait.saturating_add(LEAST) > self.left() {
            return Err(ClientError::OutOfTime);
        }
        self.pace.sleep(wait).await;
        Ok(())
    }

    fn left(&self) -> Duration {
        match self.until {
            Some(until) => Duration::try_from(until - self.pace.now()).unwrap_or_default(),
            None => Duration::MAX,
        }
    }
}

/// The result of `work`, or `None` if it takes longer than `time`.
pub(super) async fn within<T>(
    pace: &dyn Pace,
    time: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    let mut end = pin!(pace.patience_ends(time));
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => end.as_mut().poll(context).map(|()| None),
    })
    .await
}
