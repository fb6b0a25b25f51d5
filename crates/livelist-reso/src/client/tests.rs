//! Requests that take too long, and pages that are given up.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, Stream, stream};
use livelist_model::with_causes;
use tokio::sync::watch;

use super::*;
use crate::strange::{Still, feed};
use crate::time::Pace;
use crate::transport::BodyStream;

/// Time passes only while a task waits for a time limit.
#[derive(Default)]
struct Waiting(Still);

#[async_trait]
impl Pace for Waiting {
    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    async fn patience_ends(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

/// Begins to answer, or not even that, and stops.
struct Hanging {
    answers: bool,
    asked: AtomicU64,
}

impl Hanging {
    fn new(answers: bool) -> Hanging {
        Hanging {
            answers,
            asked: AtomicU64::new(0),
        }
    }
}

/// A runtime on whose thread blocking work is done in place.
fn runtime() -> tokio::runtime::Runtime {
    livelist_blocking::in_place_on_this_thread();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap()
}

#[async_trait]
impl Transport for Hanging {
    async fn send(
        &self,
        _: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if !self.answers {
            return std::future::pending().await;
        }
        let begun = stream::iter([Ok(Bytes::from(r#"{"value":[{"ListingKey":"a"},"#))]);
        let body: BodyStream = Box::pin(futures::StreamExt::chain(begun, stream::pending()));
        Ok(http::Response::new(body))
    }
}

/// Asks for one page of `transport` within this many seconds; returns the result, and how often it was
/// requested.
fn page_within(
    seconds: Option<i64>,
    answers: bool,
    sooner: Duration,
) -> (Result<Answer, ClientError>, u64) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let pace = Waiting::default();
    let transport = Hanging::new(answers);
    let feed = feed("reso", "");
    let session = Session::of("token".into());
    let client = Client::new(&transport, &pace, &feed, &session, Ledger::default()).unwrap();
    let mut client = match seconds {
        Some(seconds) => client.until(pace.now() + jiff::SignedDuration::from_secs(seconds)),
        None => client,
    };
    pace.sleep(sooner).now_or_never().unwrap();
    let mut keys = KeyBuffer::default();
    keys.push(b"before", b"").unwrap();
    let uri: Uri = "https://x.example/odata/Property".parse().unwrap();
    let answer = client.question(&uri, &mut keys).now_or_never().unwrap();
    assert_eq!(
        keys.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        [b"before"]
    );
    let asked = transport.asked.load(Ordering::SeqCst);
    (answer, asked)
}

#[test]
fn a_request_takes_no_longer_than_there_is_time() {
    for answers in [true, false] {
        let (answer, asked) = page_within(Some(60), answers, Duration::ZERO);
        assert!(matches!(answer, Err(ClientError::OutOfTime)));
        assert_eq!(asked, 1);
        // Given up and asked for again, until there is no more time.
        let (answer, asked) = page_within(Some(900), answers, Duration::ZERO);
        assert!(matches!(answer, Err(ClientError::OutOfTime)));
        assert_eq!(asked, 3);
        let (answer, asked) = page_within(None, answers, Duration::ZERO);
        let error = with_causes(&answer.err().unwrap());
        assert!(error.contains("300 seconds"), "{error}");
        assert_eq!(asked, u64::from(policy::ATTEMPTS));
    }
}

#[test]
fn a_page_that_would_begin_too_late_is_not_begun() {
    for late in [57, 60, 600] {
        let (answer, asked) = page_within(Some(60), true, Duration::from_secs(late));
        assert!(matches!(answer, Err(ClientError::OutOfTime)));
        assert_eq!(asked, 0);
    }
}

/// Extra requests are counted one by one, including repeated ones.
#[test]
fn a_share_of_the_budget_is_not_exceeded() {
    let mut before = Ledger::default();
    before.note(Waiting::default().now(), 100, 0);
    let day = r#","limits":[{"most":1000,"seconds":3600},{"most":160,"seconds":86400}]"#;
    for (document, most, expected) in [(day, 500, 3), (day, 2, 2), ("", 4, 4)] {
        let runtime = runtime();
        let _inside = runtime.enter();
        let pace = Waiting::default();
        let transport = Hanging::new(false);
        let feed = feed("reso", document);
        let session = Session::of("token".into());
        let client = Client::new(&transport, &pace, &feed, &session, before.clone());
        let mut client = client.unwrap();
        client.ask_beside(5, most);
        let uri: Uri = "https://x.example/odata/Property".parse().unwrap();
        let mut keys = KeyBuffer::default();
        let answer = client.question(&uri, &mut keys).now_or_never().unwrap();
        assert!(matches!(answer, Err(ClientError::OutOfTime)));
        assert!(client.is_share_spent());
        assert_eq!(transport.asked.load(Ordering::SeqCst), expected);
    }
}

#[test]
fn what_broke_is_told_once() {
    let error = ClientError::Unavailable {
        what: String::new(),
        source: Some(TransportError::Broken("by peer".into())),
    };
    assert_eq!(
        with_causes(&error),
        "the provider does not answer properly: the connection broke: by peer"
    );
}

/// A page that never ends: reports when it is awaited, and when it is dropped.
struct Endless {
    begun: Option<Bytes>,
    told: watch::Sender<&'static str>,
}

impl Stream for Endless {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.begun.take() {
            Some(begun) => Poll::Ready(Some(Ok(begun))),
            None => {
                self.told.send_replace("waiting");
                Poll::Pending
            }
        }
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.told.send_replace("dropped");
    }
}

struct Once(Mutex<Option<Endless>>);

#[async_trait]
impl Transport for Once {
    async fn send(
        &self,
        _: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        let body = self.0.lock().unwrap().take().unwrap();
        Ok(http::Response::new(Box::pin(body)))
    }
}

/// Giving up a long page while a thread reads it keeps the earlier keys, and the thread ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_given_up_takes_no_keys_with_it() {
    let row = r#"{"ListingKey":"0123456789"},"#;
    let begun = format!(r#"{{"value":[{}"#, row.repeat(5 * 1024 * 1024 / row.len()));
    let (told, mut heard) = watch::channel("");
    let transport = Once(Mutex::new(Some(Endless {
        begun: Some(begun.into()),
        told,
    })));
    let pace = Arc::new(Still::default());
    let feed = feed("reso", "");
    let session = Session::of("token".into());
    let client = Client::new(&transport, &*pace, &feed, &session, Ledger::default());
    let mut client = client.unwrap();
    let mut keys = KeyBuffer::default();
    keys.push(b"before", b"").unwrap();
    let uri: Uri = "https://x.example/odata/Property".parse().unwrap();
    tokio::select! {
        _ = client.question(&uri, &mut keys) => panic!("it never ends"),
        waiting = heard.wait_for(|now| *now == "waiting") => drop(waiting.unwrap()),
    }
    assert_eq!(
        keys.iter().map(|(key, _)| key).collect::<Vec<_>>(),
        [b"before"]
    );
    let dropped = heard.wait_for(|now| *now == "dropped");
    let dropped = tokio::time::timeout(Duration::from_secs(20), dropped).await;
    assert_eq!(*dropped.unwrap().unwrap(), "dropped");
}
