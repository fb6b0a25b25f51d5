//! A site on the loopback that answers as it is told, and remembers what it got.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a site does with a notice.
#[derive(Debug, Clone)]
pub enum Manner {
    /// Answers with this status.
    Status(u16),
    /// Answers with this status and these header lines.
    Headers(u16, String),
    /// Answers 200, and with a body that never ends.
    EndlessBody,
    /// Begins an answer whose headers never end.
    EndlessHead,
    /// Takes the notice and says nothing.
    Silent,
    /// Answers something that is no HTTP.
    Noise,
    /// Closes the connection.
    Close,
}

/// What a site got.
#[derive(Debug, Clone, Default)]
pub struct Got {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none(), "{name} twice");
        value
    }
}

/// A site.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    /// The n-th notice (from 0) is met in the n-th manner, and those after the last in the last.
    pub async fn start(manners: &[Manner]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
        };
        let (got, manners) = (receiver.got.clone(), manners.to_vec());
        tokio::spawn(async move {
            let mut nth = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let manner = manners[nth.min(manners.len() - 1)].clone();
                nth += 1;
                tokio::spawn(serve(stream, manner, got.clone()));
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/?rest_route=/livelist/v1/notify", self.address)
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// Reads one notice and answers in the manner.
pub async fn serve<S>(mut stream: S, manner: Manner, got: Arc<Mutex<Vec<Got>>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(notice) = read(&mut stream).await else {
        return;
    };
    got.lock().unwrap().push(notice);
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} Said\r\n{more}\r\n");
    let answer = match &manner {
        Manner::Status(status) => head(*status, "Content-Length: 0\r\n"),
        Manner::Headers(status, more) => head(*status, &format!("{more}Content-Length: 0\r\n")),
        Manner::EndlessBody => head(200, "Transfer-Encoding: chunked\r\n"),
        Manner::EndlessHead => "HTTP/1.1 200 OK\r\n".to_owned(),
        Manner::Noise => "\u{1}\u{2}{}\r\n\r\n".to_owned(),
        Manner::Silent => {
            // Until the other side hangs up.
            let _ = stream.read(&mut [0; 16]).await;
            return;
        }
        Manner::Close => return,
    };
    // A sender that hung up has heard enough.
    if stream.write_all(answer.as_bytes()).await.is_err() {
        return;
    }
    let piece = match manner {
        Manner::EndlessBody => "10000\r\n".to_owned() + &"x".repeat(0x10000) + "\r\n",
        Manner::EndlessHead => format!("x-more: {}\r\n", "y".repeat(4_000)),
        _ => {
            let _ = stream.shutdown().await;
            return;
        }
    };
    while stream.write_all(piece.as_bytes()).await.is_ok() {}
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4_096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
        if body.len() >= length {
            return Some(Got {
                line,
                headers,
                body: body.to_owned(),
            });
        }
    }
}
