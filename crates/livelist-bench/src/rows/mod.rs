//! The rows of the benchmark: each prepares, starts the measured processes, and makes a table.

pub mod api;
pub mod compare;
pub mod confirm;
pub mod lambda;
pub mod overlap;
pub mod profile;
pub mod scan;
pub mod whole;

use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use livelist_mls::{Endpoint, MlsSpec, Provider};
use serde::de::DeserializeOwned;

use crate::Failed;
use crate::pages::{FORGET, Input, Listening, TARGETS};
use crate::process::Server;
use crate::world::{CREDENTIAL, Feed, MLS, mls};

/// The amount of measuring, and the folders.
pub struct Plan {
    /// A quick pass over small feeds.
    pub small: bool,
    /// How often each measurement is made.
    pub repeat: usize,
    /// A folder for data directories.
    pub folder: PathBuf,
    /// The function that is deployed, if it was built.
    pub bootstrap: Option<PathBuf>,
    /// An AWS emulator that lets everybody do everything, if one runs.
    pub aws: Option<String>,
}

impl Plan {
    /// The number of keys, or a fiftieth of it in a quick pass.
    pub fn keys(&self, full: u64) -> u64 {
        if self.small { full / 50 } else { full }
    }

    /// A separate folder for a measurement.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The same, new and empty.
    pub fn fresh(&self, name: &str) -> Result<PathBuf, Failed> {
        let folder = self.folder(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Measures as often as planned.
    pub fn several<T>(
        &self,
        mut once: impl FnMut() -> Result<T, Failed>,
    ) -> Result<Vec<T>, Failed> {
        (0..self.repeat).map(|_| once()).collect()
    }
}

/// A simulated MLS in a separate process.
pub struct Provided {
    /// Its URL.
    pub url: String,
    /// Its specification.
    pub spec: MlsSpec,
    endpoint: Endpoint,
    /// The process; it ends with this.
    _server: Server,
}

impl Provided {
    /// Starts one whose provider gives pages of `page` rows.
    pub fn by_pages(page: u64, listings: u64, gzip: bool) -> Result<Provided, Failed> {
        let provider = match page {
            ..=10_000 => Provider::Ampre,
            _ => Provider::Trestle,
        };
        Self::start(provider, listings, gzip)
    }

    /// Starts one with this many listings.
    pub fn start(provider: Provider, listings: u64, gzip: bool) -> Result<Provided, Failed> {
        Self::begin(provider, listings, gzip, 0)
    }

    /// Starts one that takes this many milliseconds for each answer, compressed.
    pub fn slow(provider: Provider, listings: u64, latency_ms: u64) -> Result<Provided, Failed> {
        Self::begin(provider, listings, true, latency_ms)
    }

    fn begin(
        provider: Provider,
        listings: u64,
        gzip: bool,
        latency_ms: u64,
    ) -> Result<Provided, Failed> {
        let spec = mls(provider, listings);
        let input = Input {
            specs: vec![spec.clone()],
            gzip,
            latency_ms,
        };
        let (server, at): (Server, Listening) = Server::start("pages", &input, None)?;
        let mut endpoints: Vec<serde_json::Value> = get(&at.url, "/_control/mlss")?;
        let told = endpoints.pop().ok_or("no endpoint")?;
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        let endpoint = Endpoint {
            mls: MLS.to_owned(),
            provider,
            base_url: text("base_url").ok_or("no base URL")?,
            token_url: text("token_url"),
            settings: serde_json::Map::new(),
        };
        Ok(Provided {
            url: at.url,
            spec,
            endpoint,
            _server: server,
        })
    }

    /// Its feed in pages of `page` rows.
    pub fn feed(&self, page: Option<u64>) -> Result<Feed, Failed> {
        self.feed_by(page, CREDENTIAL)
    }

    /// The same by another credential.
    pub fn feed_by(&self, page: Option<u64>, credential: &str) -> Result<Feed, Failed> {
        Feed::of(&self.spec, &self.endpoint, page, credential)
    }

    /// The targets of all answers so far.
    pub fn targets(&self) -> Result<Vec<String>, Failed> {
        get(&self.url, TARGETS)
    }

    /// The keys that are live now, in the order of their bytes.
    pub fn live(&self) -> Result<Vec<String>, Failed> {
        let text = ask(&self.url, &format!("/_control/{MLS}/live"), None)?;
        let text = String::from_utf8(text)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Sells and lists `n` listings each.
    pub fn change(&self, n: u64) -> Result<(), Failed> {
        let body = format!("{{\"n\":{n}}}");
        for verb in ["sell", "add"] {
            ask(&self.url, &format!("/_control/{MLS}/{verb}"), Some(&body))?;
        }
        ask(&self.url, FORGET, None)?;
        Ok(())
    }
}

fn get<T: DeserializeOwned>(url: &str, target: &str) -> Result<T, Failed> {
    Ok(serde_json::from_slice(&ask(url, target, None)?)?)
}

/// Asks a server of the benchmark; with a body, by POST.
pub fn ask(url: &str, target: &str, body: Option<&str>) -> Result<Vec<u8>, Failed> {
    match body {
        Some(body) => post(url, target, &[], body),
        None => send(http::Request::get(format!("{url}{target}")), ""),
    }
}

/// Posts with these headers.
pub fn post(
    url: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Vec<u8>, Failed> {
    let request = http::Request::post(format!("{url}{target}"));
    let with = headers.iter().fold(request, |r, (n, v)| r.header(*n, *v));
    send(with, body)
}

/// Puts this there.
pub fn put(url: &str, target: &str, body: &str) -> Result<Vec<u8>, Failed> {
    send(http::Request::put(format!("{url}{target}")), body)
}

fn send(request: http::request::Builder, body: &str) -> Result<Vec<u8>, Failed> {
    let request = request.body(Full::new(bytes::Bytes::from(body.to_owned())))?;
    let target = request.uri().path().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client: Client<_, Full<bytes::Bytes>> =
            Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let (head, body) = client.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        if !head.status.is_success() {
            return Err(format!("{target}: {}", head.status).into());
        }
        Ok(body.to_vec())
    })
}

/// The size of a file.
pub fn size(path: &Path) -> Result<u64, Failed> {
    Ok(std::fs::metadata(path)?.len())
}
