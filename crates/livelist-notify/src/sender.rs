//! Sends one notice: one POST over a new connection, to an address that was checked, within a time limit.
//! It follows no redirects and reads no body. It does not use the pooled client of `livelist-reso`, because
//! that would resolve the name again after the check.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use livelist_model::notice::is_public;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::resolve::Resolver;
use crate::sign::Signed;

/// From the name to the status.
const LONGEST: Duration = Duration::from_secs(10);
/// The time limit for connecting to one address, after which the next one is tried.
const CONNECT: Duration = Duration::from_secs(4);
/// The head of an answer, and all of it that is ever in memory.
const ANSWER_BYTES: usize = 64 * 1024;
const AGENT: &str = concat!("Livelist/", env!("CARGO_PKG_VERSION"));

/// Which addresses notices may be sent to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Also to this machine, and there over http: for tests and the local stack.
    pub loopback: bool,
}

impl Rules {
    /// Whether `address` may be called; without TLS only this machine may.
    fn permits(self, address: IpAddr, is_tls: bool) -> bool {
        (self.loopback && address.is_loopback()) || (is_tls && is_public(address))
    }
}

/// Why there is no status. The texts hold neither the URL nor anything that was sent.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The registry's URL is not one that notices are sent to.
    #[error("the URL is not one that a notice is sent to: {0}")]
    Url(&'static str),
    /// The host has no address.
    #[error("the host's name has no address")]
    Name(#[source] std::io::Error),
    /// None of the host's addresses is public.
    #[error("the host's name leads to no public address")]
    Address,
    /// No connection.
    #[error("the host takes no connection")]
    Connect(#[source] std::io::Error),
    /// TLS failed: no TLS at all, or a certificate that is not the host's.
    #[error("there is no trustworthy connection to the host")]
    Tls(#[source] std::io::Error),
    /// The answer is no HTTP, or its head is too long.
    #[error("the answer is not one")]
    Answer(#[source] hyper::Error),
    /// It took too long.
    #[error("there was no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

impl PostError {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            PostError::Url(_) => "url_refused",
            PostError::Name(_) => "name_not_resolved",
            PostError::Address => "address_refused",
            PostError::Connect(_) => "connect_failed",
            PostError::Tls(_) => "tls_failed",
            PostError::Answer(_) => "answer_invalid",
            PostError::TimedOut(_) => "timed_out",
        }
    }
}

/// Sends notices.
#[derive(Clone)]
pub struct Sender {
    rules: Rules,
    resolver: Arc<dyn Resolver>,
    tls: TlsConnector,
    longest: Duration,
}

impl Sender {
    /// A sender by `rules` that trusts Mozilla's roots.
    pub fn new(rules: Rules, resolver: Arc<dyn Resolver>) -> Result<Sender, rustls::Error> {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Sender::trusting(rules, resolver, roots)
    }

    /// The same with other roots.
    pub fn trusting(
        rules: Rules,
        resolver: Arc<dyn Resolver>,
        roots: RootCertStore,
    ) -> Result<Sender, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::ALL_VERSIONS)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Sender {
            rules,
            resolver,
            tls: TlsConnector::from(Arc::new(config)),
            longest: LONGEST,
        })
    }

    /// The same with another limit of time.
    pub fn within(self, longest: Duration) -> Sender {
        Sender { longest, ..self }
    }

    /// Posts `body` and gives the status of the answer.
    pub async fn post(
        &self,
        url: &str,
        signed: &Signed,
        body: String,
    ) -> Result<StatusCode, PostError> {
        let posting = self.post_at_leisure(url, signed, body);
        tokio::time::timeout(self.longest, posting)
            .await
            .unwrap_or(Err(PostError::TimedOut(self.longest)))
    }

    async fn post_at_leisure(
        &self,
        url: &str,
        signed: &Signed,
        body: String,
    ) -> Result<StatusCode, PostError> {
        let target = Target::read(url)?;
        let request = target.request(signed, body)?;
        let addresses = self.addresses(&target).await?;
        let stream = connect(&addresses, target.port).await?;
        if !target.is_tls {
            return exchange(stream, request).await;
        }
        let secured = self.tls.connect(target.server_name()?, stream);
        exchange(secured.await.map_err(PostError::Tls)?, request).await
    }

    /// The addresses of the host that may be called.
    async fn addresses(&self, target: &Target) -> Result<Vec<IpAddr>, PostError> {
        let mut addresses = match &target.host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => {
                let found = self.resolver.resolve(name).await;
                found.map_err(PostError::Name)?
            }
        };
        addresses.retain(|address| self.rules.permits(*address, target.is_tls));
        if addresses.is_empty() {
            return Err(PostError::Address);
        }
        Ok(addresses)
    }
}

/// The target of a URL.
struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
    is_tls: bool,
}

impl Target {
    fn read(url: &str) -> Result<Target, PostError> {
        let url = Url::parse(url).map_err(|_| PostError::Url("it is no URL"))?;
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(PostError::Url("it is not https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PostError::Url("it holds a user"));
        }
        let (Some(host), Some(port)) = (
            url.host().map(|h| h.to_owned()),
            url.port_or_known_default(),
        ) else {
            return Err(PostError::Url("it names no host"));
        };
        Ok(Target {
            url,
            host,
            port,
            is_tls,
        })
    }

    fn server_name(&self) -> Result<ServerName<'static>, PostError> {
        match &self.host {
            Host::Ipv4(address) => Ok(ServerName::IpAddress(IpAddr::V4(*address).into())),
            Host::Ipv6(address) => Ok(ServerName::IpAddress(IpAddr::V6(*address).into())),
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| PostError::Url("its host is no name")),
        }
    }

    fn request(&self, signed: &Signed, body: String) -> Result<Request<Full<Bytes>>, PostError> {
        let path = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let path: Uri = path
            .parse()
            .map_err(|_| PostError::Url("its path is none"))?;
        let host = match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        };
        Request::post(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, AGENT)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close")
            .header("webhook-id", &signed.id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", &signed.signature)
            .body(Full::new(body.into()))
            .map_err(|_| PostError::Url("it makes no request"))
    }
}

/// Connects to the first of the addresses that takes it.
async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, PostError> {
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in addresses {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = std::io::ErrorKind::TimedOut.into(),
        }
    }
    Err(PostError::Connect(last))
}

/// Ends the task that drives a connection when nobody waits for it any more.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One request, one status. The body of the answer is not read, and the connection is closed.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<StatusCode, PostError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(ANSWER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(PostError::Answer)?;
    let _driver = Driver(tokio::spawn(async move {
        // The request returns the error as well.
        let _ = connection.await;
    }));
    let answer = sender.send_request(request).await;
    Ok(answer.map_err(PostError::Answer)?.status())
}
