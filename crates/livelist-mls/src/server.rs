//! Simulated MLSs behind one port of this machine, and the sockets it serves.

mod socket;

use std::collections::BTreeMap;
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
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::{Answer, Sent};
use crate::clock;
use crate::control::{Control, remote};
use crate::incoming::Incoming;
use crate::mls::Mls;
use crate::spec::{MlsSpec, Provider};
use socket::Socket;

/// The first path segment of the controls; no MLS can have it as its name.
const CONTROLS: &str = "_control";
/// Bodies of requests above this are refused; keys to sell are the longest.
const LONGEST_BODY: usize = 256 * 1024 * 1024;

/// Between attempts to accept where accepting fails.
const BREATH: Duration = Duration::from_millis(10);

/// Simulated MLSs behind one port. They end when this is shut down or dropped.
pub struct Simulator {
    addr: SocketAddr,
    mlss: Mlss,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

type Mlss = Arc<BTreeMap<String, Control>>;

/// How one simulated MLS is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The MLS's name.
    pub mls: String,
    /// Whose API it speaks.
    pub provider: Provider,
    /// What goes into the registry document.
    pub base_url: String,
    /// Where tokens are issued, for client credentials.
    pub token_url: Option<String>,
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
        MlsSpec::check(&specs)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        // Books of millions take a second to key.
        let opened = tokio::task::spawn_blocking(|| {
            let named = specs.into_iter().map(|spec| {
                let name = spec.mls.clone();
                (name, Control::new(Mls::open(spec)))
            });
            named.collect::<BTreeMap<_, _>>()
        });
        let mlss: Mlss = Arc::new(opened.await.map_err(io::Error::other)?);
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(accept(listener, Arc::clone(&mlss), stopped));
        Ok(Self {
            addr,
            mlss,
            stop,
            serving,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The base URL of an MLS as it goes into the registry document; empty for an unknown one.
    pub fn base_url(&self, mls: &str) -> String {
        self.endpoint(mls)
            .map_or_else(String::new, |endpoint| endpoint.base_url)
    }

    /// Where an MLS issues tokens; empty where it issues none.
    pub fn token_url(&self, mls: &str) -> String {
        let endpoint = self.endpoint(mls);
        endpoint
            .and_then(|endpoint| endpoint.token_url)
            .unwrap_or_default()
    }

    /// The hands on an MLS.
    pub fn control(&self, mls: &str) -> Option<Control> {
        self.mlss.get(mls).cloned()
    }

    /// How every MLS is reached, by name.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let names = self.mlss.keys();
        names.filter_map(|mls| self.endpoint(mls)).collect()
    }

    fn endpoint(&self, mls: &str) -> Option<Endpoint> {
        Some(endpoint(self.mlss.get(mls)?, &self.url()))
    }

    /// Closes the port and every connection.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // An accept loop that panicked has ended as well.
        let _ = self.serving.await;
    }
}

fn endpoint(control: &Control, origin: &str) -> Endpoint {
    let mls = control.mls();
    Endpoint {
        mls: mls.spec.mls.clone(),
        provider: mls.spec.provider,
        base_url: format!("{origin}{}", mls.base_path()),
        token_url: mls.token_path().map(|path| format!("{origin}{path}")),
    }
}

async fn accept(listener: TcpListener, mlss: Mlss, mut stopped: watch::Receiver<bool>) {
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
        let mlss = Arc::clone(&mlss);
        connections.spawn(async move {
            let reset = Arc::new(AtomicBool::new(false));
            let socket = Socket::new(stream, Arc::clone(&reset));
            let service = service_fn(|request| respond(request, &mlss, &reset));
            // A connection that breaks is the client's to notice, or was meant to break.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn respond(
    request: Request<HyperBody>,
    mlss: &Mlss,
    reset: &Arc<AtomicBool>,
) -> Result<Sent, Infallible> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let answer = remote::refused(StatusCode::BAD_REQUEST, &error.to_string());
            return Ok(answer.into_response(false, reset));
        }
    };
    let incoming = Incoming::new(head.method, &head.uri, head.headers, body);
    let path: Vec<&str> = incoming.path.iter().map(String::as_str).collect();
    let answer = match path[..] {
        [CONTROLS, "mlss"] => {
            let origin = incoming.origin();
            let all: Vec<_> = mlss.values().map(|mls| endpoint(mls, &origin)).collect();
            Answer::json(StatusCode::OK, &serde_json::json!(all))
        }
        [CONTROLS, mls, verb] => match mlss.get(mls) {
            Some(control) => control.answer(verb, &incoming),
            None => remote::refused(StatusCode::NOT_FOUND, "no such mls"),
        },
        [mls, ..] => match mlss.get(mls) {
            Some(control) => control.mls().answer(&incoming),
            None => remote::refused(StatusCode::NOT_FOUND, "no such mls"),
        },
        [] => remote::refused(StatusCode::NOT_FOUND, "no such mls"),
    };
    if !answer.delay.is_zero() {
        clock::wait(answer.delay).await;
    }
    Ok(answer.into_response(incoming.takes_gzip(), reset))
}
