//! Serves the API on a socket, on one machine. It limits the number of connections, and the time and
//! memory that each may take, so that a hostile peer cannot exhaust the process. On AWS, API Gateway
//! does that.

mod door;
mod gate;
mod limits;
mod stall;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use livelist_store::Clock;
use tokio::net::{TcpListener, TcpStream};

pub use limits::{Limits, Network, NotANetwork};

use door::{Door, Let};
use gate::Gate;
use stall::Stalling;

/// Header lines of a request (hyper answers 431 above).
const MAX_HEADERS: usize = 64;
/// Bytes of the request line and all headers together.
const MAX_HEAD: usize = 16 * 1024;
/// The time limit for the head of a request; it also ends idle connections.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// A write that waits longer for the peer to read ends the connection.
const STALL_TIME: Duration = Duration::from_secs(30);
/// The system's send buffer for a peer (Linux doubles it). With a larger one, a slow reader would free
/// space so rarely that it looks like a peer that does not read. With this one, a peer has to read about 3
/// KB a second.
const SEND_BUFFER: usize = 128 * 1024;
/// A connection that lasts longer belongs to a peer that reads byte by byte. Links are valid for the same
/// time.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// A connection for `/v1/health` has this long for the head of its request, and in all.
const SHORT_HEAD: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_secs(3);
/// When the process is told to stop, running answers have this time.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// After a failure to accept (out of file descriptors, as a rule).
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `stopped` is done, and then the answers that are on their way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    clock: Arc<dyn Clock>,
    stopped: impl Future<Output = ()>,
) {
    let ordinary = http(HEAD_TIME, true);
    let short = http(SHORT_HEAD, false);
    let open = GracefulShutdown::new();
    let door = Arc::new(Door::new(limits));
    let mut stopped = pin!(stopped);
    loop {
        let (stream, peer, admitted) = tokio::select! {
            () = &mut stopped => break,
            accepted = accept(&listener, &door, &*clock) => accepted,
        };
        let (http, longest, seat, refused) = match admitted {
            Let::In(seat) => (&ordinary, LONGEST, (Some(seat), None), None),
            Let::ToHealth(seat, error) => (&short, SHORT, (None, Some(seat)), Some(error)),
            Let::Not => continue,
        };
        let gate = Gate {
            router: router.clone(),
            door: door.clone(),
            peer: peer.ip(),
            refused,
        };
        let service = service_fn(move |request| gate.clone().answer(request));
        let stream = Stalling::new(stream, STALL_TIME);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // A peer that breaks off or talks nonsense is its own business.
            match tokio::time::timeout(longest, connection).await {
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

fn http(head_time: Duration, keep_alive: bool) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .keep_alive(keep_alive)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD);
    http
}

async fn accept(
    listener: &TcpListener,
    door: &Door,
    clock: &dyn Clock,
) -> (TcpStream, SocketAddr, Let) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small: waiting to fill a packet only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("{error}");
                }
                let set = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER);
                if let Err(error) = set {
                    tracing::debug!("{error}");
                }
                let admitted = door.enter(peer.ip()).await;
                return (stream, peer, admitted);
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                clock.sleep(PAUSE).await;
            }
        }
    }
}
