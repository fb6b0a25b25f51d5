//! A set of simulated MLSs behind one port of this machine, and its sockets.

mod socket;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming as HyperBody;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::Sent;
use crate::clock::{self, Clock, SystemClock};
use crate::control::{Control, remote};
use crate::spec::MlsSpec;
use crate::town::{Endpoint, Town};
use socket::Socket;

/// Bodies of requests above this are refused; keys to sell are the longest.
const LONGEST_BODY: usize = 256 * 1024 * 1024;

/// The pause after a failed accept.
const BREATH: Duration = Duration::from_millis(10);

/// Simulated MLSs behind one port. They end when this is shut down or dropped.
pub struct Simulator {
    addr: SocketAddr,
    town: Arc<Town>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Simulator {
    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The specs cannot be served together (`InvalidInput`), or no port could be bound.
    pub async fn start(specs: Vec<MlsSpec>) -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), specs).await
    }

    /// Serves on this address.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_on(addr: SocketAddr, specs: Vec<MlsSpec>) -> io::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        // Books of millions take a second to key.
        let opened = tokio::task::spawn_blocking(move || Town::new(specs, &clock));
        let town = opened.await.map_err(io::Error::other)?;
        let town = town.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let town = Arc::new(town);
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(accept(listener, Arc::clone(&town), stopped));
        Ok(Self {
            addr,
            town,
            stop,
            serving,
        })
    }

    /// The address on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The base URL of an MLS for the registry document; empty for an unknown one.
    pub fn base_url(&self, mls: &str) -> String {
        self.endpoint(mls)
            .map_or_else(String::new, |endpoint| endpoint.base_url)
    }

    /// The token URL of an MLS; empty if it issues none.
    pub fn token_url(&self, mls: &str) -> String {
        let endpoint = self.endpoint(mls);
        endpoint
            .and_then(|endpoint| endpoint.token_url)
            .unwrap_or_default()
    }

    /// The controls of an MLS.
    pub fn control(&self, mls: &str) -> Option<Control> {
        self.town.control(mls)
    }

    /// How every MLS is reached, by name.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.town.endpoints(&self.url())
    }

    fn endpoint(&self, mls: &str) -> Option<Endpoint> {
        self.town.endpoint(mls, &self.url())
    }

    /// Closes the port and every connection.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // An accept loop that panicked has ended as well.
        let _ = self.serving.await;
    }
}

async fn accept(listener: TcpListener, town: Arc<Town>, mut stopped: watch::Receiver<bool>) {
    // Dropping the set at the end closes the connections.
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = stopped.changed() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of sockets, or the peer is gone already: the next one may do better.
                Err(_) => {
                    clock::wait(BREATH).await;
                    continue;
                }
            },
        };
        let town = Arc::clone(&town);
        connections.spawn(async move {
            let reset = Arc::new(AtomicBool::new(false));
            let socket = Socket::new(stream, Arc::clone(&reset));
            let service = service_fn(|request| respond(request, &town, &reset));
            // A connection that breaks is the client's to notice, or was meant to break.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn respond(
    request: Request<HyperBody>,
    town: &Town,
    reset: &AtomicBool,
) -> Result<Sent, Infallible> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let answer = remote::refused(StatusCode::BAD_REQUEST, &error.to_string());
            return Ok(answer.deliver(false).into_response(reset));
        }
    };
    let delivery = town.send(Request::from_parts(head, body));
    if !delivery.delay.is_zero() {
        clock::wait(delivery.delay).await;
    }
    Ok(delivery.into_response(reset))
}
