//! Prefetching: requests that are sent before their turn. Their answers arrive while other answers
//! are awaited or read. This file sends requests and holds answers. The client decides whether a
//! request may be sent and whether an answer is used. There are no background tasks: requests make
//! progress only while somebody polls, and dropping one cancels it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use http::{Request, Response, Uri};

use crate::transport::{BodyStream, Transport, TransportError};

/// How many bytes of a prefetched answer are buffered. The rest is read when it is its turn.
const HOLD: usize = 4 * 1024 * 1024;

/// The result of a request.
pub(crate) type Answered = Result<Response<BodyStream>, TransportError>;

/// An answer, and how many bytes of it are here.
struct Arrived {
    answer: Answered,
    bytes: u64,
}

enum State<'a> {
    Awaited(BoxFuture<'a, Arrived>),
    There(Arrived),
}

/// Requests under way, in the order in which they were sent.
#[derive(Default)]
pub(crate) struct Ahead<'a> {
    requests: Vec<(Uri, State<'a>)>,
}

impl<'a> Ahead<'a> {
    /// Queues a request. It is sent when [`Ahead::beside`] is polled.
    pub(crate) fn ask(&mut self, transport: &'a dyn Transport, request: Request<Bytes>) {
        let uri = request.uri().clone();
        let arrival = arrival(transport, request).boxed();
        self.requests.push((uri, State::Awaited(arrival)));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether `uri` was asked for.
    pub(crate) fn has(&self, uri: &Uri) -> bool {
        self.requests.iter().any(|(asked, _)| asked == uri)
    }

    /// The answer to `uri`, available now or later, if it was requested.
    pub(crate) fn take(&mut self, uri: &Uri) -> Option<BoxFuture<'a, Answered>> {
        let at = self.requests.iter().position(|(asked, _)| asked == uri)?;
        Some(match self.requests.remove(at).1 {
            State::Awaited(arrival) => arrival.map(|arrived| arrived.answer).boxed(),
            State::There(arrived) => std::future::ready(arrived.answer).boxed(),
        })
    }

    /// Cancels requests that are no longer wanted, and returns how many of their bytes had arrived.
    pub(crate) fn keep(&mut self, is_wanted: impl Fn(&Uri) -> bool) -> u64 {
        let mut bytes = 0;
        self.requests.retain(|(uri, state)| {
            let keep = is_wanted(uri);
            if let (false, State::There(arrived)) = (keep, state) {
                bytes += arrived.bytes;
            }
            keep
        });
        bytes
    }

    /// Whether an answer has arrived that `is_fine` rejects, or that failed.
    pub(crate) fn is_troubled(&self, is_fine: impl Fn(&Response<BodyStream>) -> bool) -> bool {
        self.requests.iter().any(|(_, state)| match state {
            State::There(arrived) => !arrived.answer.as_ref().is_ok_and(&is_fine),
            State::Awaited(_) => false,
        })
    }

    /// Runs `work` while answers arrive.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            let done = work.as_mut().poll(context);
            if done.is_pending() {
                self.poll(context);
            }
            done
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        for (_, state) in &mut self.requests {
            if let State::Awaited(arrival) = state
                && let Poll::Ready(arrived) = arrival.poll_unpin(context)
            {
                *state = State::There(arrived);
            }
        }
    }
}

/// Sends a request and waits for the beginning of its answer's body.
async fn arrival(transport: &dyn Transport, request: Request<Bytes>) -> Arrived {
    let (parts, mut body) = match transport.send(request).await {
        Ok(response) => response.into_parts(),
        Err(error) => {
            return Arrived {
                answer: Err(error),
                bytes: 0,
            };
        }
    };
    let mut pieces = Vec::new();
    let mut held = 0;
    let rest = loop {
        match body.next().await {
            None => break None,
            Some(piece) => {
                held += piece.as_ref().map_or(0, Bytes::len);
                let is_broken = piece.is_err();
                pieces.push(piece);
                if is_broken {
                    break None;
                }
            }
        }
        if held >= HOLD {
            break Some(body);
        }
    };
    let here = stream::iter(pieces);
    let body: BodyStream = match rest {
        Some(rest) => Box::pin(here.chain(rest)),
        None => Box::pin(here),
    };
    Arrived {
        answer: Ok(Response::from_parts(parts, body)),
        bytes: held as u64,
    }
}
