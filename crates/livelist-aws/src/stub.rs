//! A service on loopback with scripted answers, for tests of errors and lost answers that a local stack
//! cannot produce.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{AwsClients, Place};

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method, path and headers, as sent.
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A scripted answer.
pub(crate) enum Answer {
    /// Nothing: the connection ends.
    Lost,
    /// Status, further header lines, body.
    Http(u16, String, String),
}

impl Answer {
    pub fn of(status: u16, body: &str) -> Answer {
        Answer::Http(status, String::new(), body.to_owned())
    }
}

/// The requests so far.
pub(crate) type Requests = Arc<Mutex<Vec<Request>>>;

/// Clients of a service that answers the n-th request (from 0) with `answer(n, request)`.
pub(crate) async fn serve(
    answer: impl Fn(usize, &Request) -> Answer + Send + 'static,
) -> (AwsClients, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Some(request) = read(&mut stream).await else {
                continue;
            };
            let n = {
                let mut seen = seen.lock().unwrap();
                seen.push(request.clone());
                seen.len() - 1
            };
            if let Answer::Http(status, headers, body) = answer(n, &request) {
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\
                     {headers}\r\n{body}"
                );
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        }
    });
    (AwsClients::new(Place::Local(url)).await, requests)
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let request = Request {
                head: String::from_utf8(bytes[..end].to_vec()).unwrap(),
                body: String::from_utf8(bytes[end + 4..].to_vec()).unwrap(),
            };
            let length = request.header("content-length").unwrap_or("0");
            if request.body.len() >= length.parse().unwrap() {
                return Some(request);
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return None;
        }
    }
}
