//! The HTTP API on one core, and a client with a limited rate.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use livelist_api::{ApiState, Limits, Rate, SignedLinks, router_with_objects};
use livelist_store::directory::DirectoryObjects;
use livelist_store::{Clock, SystemClock, SystemEntropy};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::Failed;
use crate::machine::{Moment, wait_until};
use crate::pages::{Listening, told_to_end};

/// Serves the API over the directory `data` until the standard input closes.
pub async fn serve(data: String) -> Result<(), Failed> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let links = SignedLinks::new(&url, clock.clone(), &SystemEntropy)?;
    let links = Arc::new(links);
    let objects = Arc::new(DirectoryObjects::open(Path::new(&data))?);
    let entropy = Arc::new(SystemEntropy);
    let unlimited = Rate {
        requests: u32::MAX,
        per: Duration::from_secs(60),
    };
    let state = ApiState::new(objects, links.clone(), clock.clone(), entropy).with_rate(unlimited);
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::to_string(&Listening { url })?)?;
    out.flush()?;
    let router = router_with_objects(state, links);
    let all = Limits::default();
    let limits = Limits {
        per_loopback: all.connections,
        ..all
    };
    livelist_api::serve(listener, router, limits, clock, told_to_end()).await;
    Ok(())
}

/// The requests to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    /// Whom.
    pub url: String,
    /// The site key.
    pub key: String,
    /// The `If-None-Match` to send, if any.
    pub etag: Option<String>,
    /// The body to post, if any.
    pub body: Option<String>,
    /// Requests a second; without it, as many as are answered.
    pub rate: Option<f64>,
    /// Requests that wait for an answer at once, at most.
    pub at_once: usize,
    /// How many in all.
    pub requests: u32,
    /// The status that each answer has to have.
    pub status: u16,
}

/// The answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Asked {
    /// Milliseconds from the moment when a request was due, or was sent if there is no rate, in order.
    pub latencies: Vec<f64>,
    /// Seconds from the first request to the last answer.
    pub seconds: f64,
    /// The ETag of an answer.
    pub etag: Option<String>,
    /// The body of an answer.
    pub body: String,
}

/// Sends requests at the rate, independent of the answers; the latency of a delayed one counts from when it
/// was due.
pub async fn ask(ask: Ask) -> Result<Asked, Failed> {
    let client: Client<HttpConnector, Full<Bytes>> = {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Client::builder(TokioExecutor::new()).build(connector)
    };
    let ask = Arc::new(ask);
    let room = Arc::new(Semaphore::new(ask.at_once));
    // A connection is there before anything is measured.
    let (_, etag, body) = once(&client, &ask).await?;
    let began = Moment::now();
    let mut waiting = Vec::new();
    for nth in 0..ask.requests {
        let due = ask.rate.map(|rate| f64::from(nth) / rate);
        let due = due.map(Duration::from_secs_f64);
        if let Some(due) = due {
            wait_until(began, due).await;
        }
        let seat = Arc::clone(&room).acquire_owned().await?;
        let due = due.unwrap_or_else(|| began.elapsed());
        let (client, ask) = (client.clone(), Arc::clone(&ask));
        waiting.push(tokio::spawn(async move {
            let (status, ..) = once(&client, &ask).await.map_err(|e| e.to_string())?;
            drop(seat);
            let took = began.elapsed().saturating_sub(due).as_secs_f64() * 1e3;
            if status == ask.status {
                Ok(took)
            } else {
                Err(format!("answered {status}"))
            }
        }));
    }
    let mut latencies = Vec::with_capacity(waiting.len());
    for answer in waiting {
        latencies.push(answer.await??);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(Asked {
        latencies,
        seconds: began.elapsed().as_secs_f64(),
        etag,
        body,
    })
}

type Answered = (u16, Option<String>, String);

async fn once(client: &Client<HttpConnector, Full<Bytes>>, ask: &Ask) -> Result<Answered, Failed> {
    let mut request = Request::builder()
        .uri(&ask.url)
        .header(header::AUTHORIZATION, format!("Bearer {}", ask.key));
    if let Some(etag) = &ask.etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let request = match &ask.body {
        Some(body) => request
            .method(Method::POST)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.clone())))?,
        None => request.body(Full::default())?,
    };
    let (head, body) = client.request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    if head.status.is_client_error() || head.status == StatusCode::SERVICE_UNAVAILABLE {
        let text = String::from_utf8_lossy(&body);
        return Err(format!("{} answered {}: {text}", ask.url, head.status).into());
    }
    let etag = head.headers.get(header::ETAG);
    let etag = etag.and_then(|e| e.to_str().ok()).map(str::to_owned);
    Ok((
        head.status.as_u16(),
        etag,
        String::from_utf8_lossy(&body).into_owned(),
    ))
}
