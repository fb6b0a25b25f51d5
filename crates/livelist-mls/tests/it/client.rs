//! A small HTTP/1.1 client over a bare socket, which shows every sent and received byte.

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// What came back, and how the connection ended.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// The body after transfer coding and gzip.
    pub body: Vec<u8>,
    /// The bytes after the head as they came.
    pub raw: Vec<u8>,
    /// Whether the framing (length, chunks) came to its end.
    pub complete: bool,
    /// The error the connection ended with.
    pub broke: Option<io::ErrorKind>,
}

pub fn get(url: &str) -> Ask {
    Ask {
        method: "GET",
        // Blanks cannot be sent; all else goes as it is.
        url: url.replace(' ', "%20"),
        headers: Vec::new(),
        body: String::new(),
    }
}

pub fn post(url: &str, body: &str) -> Ask {
    Ask {
        method: "POST",
        body: body.to_owned(),
        ..get(url)
    }
}

pub fn delete(url: &str) -> Ask {
    Ask {
        method: "DELETE",
        ..get(url)
    }
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn gzip(self) -> Self {
        self.header("accept-encoding", "gzip")
    }

    pub async fn send(self) -> Reply {
        let rest = self.url.strip_prefix("http://").expect("an http url");
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut text = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\n", self.method);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("connection: close\r\n");
        if !self.body.is_empty() {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        let mut socket = TcpStream::connect(host).await.expect("connects");
        socket.write_all(text.as_bytes()).await.expect("sends");
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        let broke = loop {
            match socket.read(&mut buffer).await {
                Ok(0) => break None,
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                Err(error) => break Some(error.kind()),
            }
        };
        Reply::parse(&bytes, broke)
    }
}

impl Reply {
    fn parse(bytes: &[u8], broke: Option<io::ErrorKind>) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let raw = bytes[end + 4..].to_vec();
        let (body, complete) = if headers.contains_key("transfer-encoding") {
            unchunked(&raw)
        } else {
            // Only an answer that has no body has no length.
            let length = headers.get("content-length");
            let length: usize = length.map_or(0, |text| text.parse().expect("a length"));
            (raw.clone(), raw.len() == length)
        };
        let body = match headers.get("content-encoding") {
            Some(coding) if coding == "gzip" => {
                let mut plain = Vec::new();
                // A stream that is cut off gives what it has.
                let _ = flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain);
                plain
            }
            _ => body,
        };
        Self {
            status: status.expect("a status").parse().expect("a number"),
            headers,
            body,
            raw,
            complete,
            broke,
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The keys of a page's rows.
    pub fn keys(&self) -> Vec<String> {
        let json = self.json();
        let rows = json["value"].as_array().expect("an array").iter();
        rows.map(|row| row["ListingKey"].as_str().expect("a key").to_owned())
            .collect()
    }

    /// The next link of the body or of the `Link` header.
    pub fn next(&self) -> Option<String> {
        let in_header = self.headers.get("link").and_then(|link| {
            let (url, rel) = link.strip_prefix('<')?.split_once('>')?;
            rel.contains("rel=\"next\"").then(|| url.to_owned())
        });
        let body = self.json();
        let in_body = body.get("@odata.nextLink").and_then(Value::as_str);
        in_body.map(str::to_owned).or(in_header)
    }
}

fn unchunked(mut raw: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(line) = raw.windows(2).position(|two| two == b"\r\n") else {
            return (body, false);
        };
        let length = std::str::from_utf8(&raw[..line]).expect("a chunk's length");
        let length = usize::from_str_radix(length, 16).expect("hex");
        raw = &raw[line + 2..];
        if length == 0 {
            return (body, true);
        }
        body.extend_from_slice(&raw[..length.min(raw.len())]);
        if raw.len() < length + 2 {
            return (body, false);
        }
        raw = &raw[length + 2..];
    }
}
