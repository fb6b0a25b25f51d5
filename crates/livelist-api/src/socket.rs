//! Serves the API on a socket, on one machine. It limits the number of connections, and the time and
//! memory that each may take, so that a hostile peer cannot exhaust the process. On AWS, API Gateway
//! does that.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use livelist_store::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once; further ones wait in the system's queue.
const CONNECTIONS: usize = 1_024;
/// Header lines of a request (hyper answers 431 above).
const MAX_HEADERS: usize = 64;
/// Bytes of the request line and all headers together.
const MAX_HEAD: usize = 16 * 1024;
/// The head of a request has to be there in this time; so an idle connection ends, too.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// A connection that lasts longer is a peer that reads a byte at a time: links work as long.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// When the process is told to stop, answers that are on their way have this time.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// After a failure to accept (out of file descriptors, as a rule).
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `stopped` is done, and then the answers that are on their way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    clock: Arc<dyn Clock>,
    stopped: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD);
    let open = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stopped = pin!(stopped);
    loop {
        let (stream, seat) = tokio::select! {
            () = &mut stopped => break,
            accepted = accept(&listener, &room, &*clock) => accepted,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // A peer that breaks off or talks nonsense is its own business.
            match tokio::time::timeout(LONGEST, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("a connection ended: {error}"),
                Err(_) => tracing::debug!("a connection lasted too long"),
            }
            drop(seat);
        });
    }
    drop(listener);
    if tokio::time::timeout(LAST_ANSWERS, open.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some answers were interrupted");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    clock: &dyn Clock,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let seat = room.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small: waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("{error}");
                }
                return (stream, seat);
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                clock.sleep(PAUSE).await;
            }
        }
    }
}
