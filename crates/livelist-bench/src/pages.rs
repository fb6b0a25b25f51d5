//! A page server: a simulated MLS whose answers are generated once and then served from memory, so that it
//! costs the measured client only the transfer. Runs in a separate process.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use livelist_mls::clock::{Clock, SystemClock};
use livelist_mls::{MlsSpec, Town};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::Failed;

/// The pages to serve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// The MLSs.
    pub specs: Vec<MlsSpec>,
    /// Whether pages may be compressed.
    pub gzip: bool,
    /// How long an answer takes that was made before, in milliseconds.
    pub latency_ms: u64,
}

/// Its address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Listening {
    /// Its URL.
    pub url: String,
}

/// Drops all answers, so that they are generated again.
pub const FORGET: &str = "/bench/forget";
/// The targets of all answers that are kept, in the order in which they were asked for.
pub const TARGETS: &str = "/bench/targets";

struct Kept {
    headers: HeaderMap,
    body: Bytes,
}

/// The answers by their targets, and the targets in the order in which they were asked for.
type Shelf = (HashMap<String, Arc<Kept>>, Vec<String>);

struct Server {
    town: Town,
    gzip: bool,
    latency: Duration,
    kept: Mutex<Shelf>,
}

/// Serves until its standard input closes.
pub async fn serve(input: Input) -> Result<(), Failed> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let server = Arc::new(Server {
        town: Town::new(input.specs, &clock)?,
        gzip: input.gzip,
        latency: Duration::from_millis(input.latency_ms),
        kept: Mutex::default(),
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::to_string(&Listening { url })?)?;
    out.flush()?;
    let accepting = async {
        while let Ok((stream, _)) = listener.accept().await {
            // A small answer is not held back for a larger one.
            let _ = stream.set_nodelay(true);
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let service = service_fn(|request| answer(&server, request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                // A connection that breaks is the client's to notice.
                let _ = connection.await;
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = told_to_end() => {}
    }
    Ok(())
}

/// Returns when the standard input closes, which means that the parent process is done.
pub async fn told_to_end() {
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    // In either case the parent is gone.
    let _ = read.await;
}

#[expect(clippy::disallowed_methods, reason = "a slow provider takes real time")]
async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn answer(
    server: &Server,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request
        .uri()
        .path_and_query()
        .map(|t| t.as_str().to_owned());
    let target = target.unwrap_or_default();
    let is_get = request.method() == Method::GET;
    let lock = || server.kept.lock().unwrap_or_else(PoisonError::into_inner);
    match target.as_str() {
        FORGET => {
            *lock() = Default::default();
            return Ok(Response::new(Full::default()));
        }
        TARGETS => {
            let text = serde_json::to_vec(&lock().1).unwrap_or_default();
            return Ok(Response::new(Full::new(text.into())));
        }
        _ => {}
    }
    let found = lock().0.get(&target).cloned();
    if let Some(kept) = found.filter(|_| is_get) {
        if !server.latency.is_zero() {
            wait(server.latency).await;
        }
        let mut response = Response::new(Full::new(kept.body.clone()));
        *response.headers_mut() = kept.headers.clone();
        return Ok(response);
    }
    let (mut head, body) = request.into_parts();
    if !server.gzip {
        head.headers.remove(header::ACCEPT_ENCODING);
    }
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let delivery = server.town.send(Request::from_parts(head, body));
    let (status, headers) = (delivery.status, delivery.headers);
    let body = delivery.pieces.into_pieces().collect::<Vec<_>>().concat();
    let body = Bytes::from(body);
    if status == StatusCode::OK && is_get && !target.starts_with("/_control") {
        let mut kept = lock();
        kept.1.push(target.clone());
        let answer = Kept {
            headers: headers.clone(),
            body: body.clone(),
        };
        kept.0.insert(target, Arc::new(answer));
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
