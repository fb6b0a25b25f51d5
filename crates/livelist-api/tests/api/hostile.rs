//! Hostile peers on a real socket: too much, too slow, nonsense. After each of them a site is still
//! served, and nothing that they planted comes back or is logged.

use std::sync::Arc;

use axum::Router;
use livelist_api::{Limits, Rate};
use livelist_model::layout;
use livelist_store::Links;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::history::{keys, many};
use crate::log;
use crate::world::{ACME_KEY, World, feed, hash, live_path};

/// What hostile peers plant; it must not be found again anywhere.
const PLANTED: &str = "s3cr3t-pl4nted";

/// The API of a world on a socket of its own.
pub struct Site {
    world: World,
    pub address: String,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<()>,
}

async fn world() -> World {
    let world = World::new().await;
    world
        .publish(&feed("abor"), &[keys(["a"]), many(2_000)])
        .await;
    world
}

impl Site {
    pub async fn open() -> Site {
        Site::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Site {
        let world = world().await;
        let api = world.api_with_rate(Rate {
            requests: u32::MAX,
            per: std::time::Duration::from_secs(60),
        });
        Site::serving(world, api, limits).await
    }

    /// With a link to a file of 8 MB.
    pub async fn with_file(limits: Limits) -> (Site, String) {
        let world = world().await;
        let name = layout::snapshot(&feed("abor"), 124, &"c".repeat(64));
        world.put(&name, vec![0; 8 * 1024 * 1024]).await;
        let (api, links) = world.api_with_objects("");
        let hour = std::time::Duration::from_secs(3_600);
        let link = links.link(&name, hour).await.unwrap();
        (Site::serving(world, api, limits).await, link.url)
    }

    async fn serving(world: World, api: Router, limits: Limits) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let clock = world.clock.clone();
        let served = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            livelist_api::serve(listener, api, limits, clock, stopped).await;
        });
        Site {
            world,
            address,
            stop: Some(stop),
            served,
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// Sends `bytes` and reads to the end of the connection.
    pub async fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // A peer that has heard enough closes; that is an answer as well.
        let _ = stream.write_all(bytes.as_ref()).await;
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        String::from_utf8_lossy(&told).into_owned()
    }

    pub async fn is_well(&self) {
        let path = live_path(&feed("abor"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {ACME_KEY}\r\n\r\n"
        );
        let told = self.send(request).await;
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    }

    fn check(&self, more: &str) -> String {
        let path = format!("/v1/feeds/{}/check", feed("abor"));
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {ACME_KEY}\r\n\
             content-type: application/json\r\n{more}\r\n"
        )
    }

    pub async fn close(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.served.await.unwrap();
        assert!(TcpStream::connect(&self.address).await.is_err());
    }
}

pub fn status(told: &str) -> &str {
    told.split(' ').nth(1).unwrap_or("none")
}

pub fn body(told: &str) -> serde_json::Value {
    serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn too_much_is_refused_without_reading_it() {
    let site = Site::open().await;
    // Announced and never sent: the answer does not wait for it.
    let told = site
        .send(site.check("content-length: 10000000000\r\n"))
        .await;
    assert_eq!(status(&told), "413", "{told}");
    assert_eq!(body(&told)["error"]["code"], "too_large");
    // Sent in chunks without an end.
    let mut chunks = site.check("transfer-encoding: chunked\r\n");
    for _ in 0..100 {
        chunks += &format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
    }
    let told = site.send(chunks).await;
    assert!(matches!(status(&told), "413" | "none"), "{told}");
    // A body where none is asked for.
    let head =
        "GET /v1/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n";
    assert_eq!(status(&site.send(head).await), "413");
    site.is_well().await;
    site.close().await;
}

#[tokio::test]
async fn floods_of_headers_are_refused() {
    let site = Site::open().await;
    let many: String = (0..100).map(|i| format!("x-{i}: {PLANTED}\r\n")).collect();
    let long = format!("x: {}\r\n", PLANTED.repeat(5_000));
    let line = PLANTED.repeat(10_000);
    for request in [
        format!("GET /v1/health HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
        format!("GET /v1/health HTTP/1.1\r\nhost: x\r\n{long}\r\n"),
        format!("GET /{line} HTTP/1.1\r\nhost: x\r\n\r\n"),
    ] {
        let told = site.send(request).await;
        assert!(
            matches!(status(&told), "431" | "414" | "400" | "none"),
            "{told}"
        );
        assert!(!told.contains(PLANTED));
    }
    site.is_well().await;
    site.close().await;
}

#[tokio::test]
async fn nonsense_is_refused() {
    let site = Site::open().await;
    let smuggled = format!(
        "POST /v1/health HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
         0\r\n\r\nGET {} HTTP/1.1\r\nhost: x\r\n\r\n",
        live_path(&feed("abor"))
    );
    for request in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0; 4_096],
        b"\r\n\r\n\r\nGET\r\n\r\n".to_vec(),
        b"GET /v1/health HTTP/9.9\r\nhost: x\r\n\r\n".to_vec(),
        b"GET /v1/health HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n".to_vec(),
        b"GET /v1/health HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"GET /v1/health HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"
            .to_vec(),
        b"GET /v1/health\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        smuggled.into_bytes(),
        // (O14) A server in front may go by the other host.
        b"GET /v1/health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_vec(),
    ] {
        let mut stream = site.connect().await;
        let _ = stream.write_all(&request).await;
        stream.shutdown().await.ok();
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(!told.contains(" 200 "), "{request:?}: {told}");
        assert!(!told.contains("sha256"), "{told}");
    }
    site.is_well().await;
    site.close().await;
}

/// Time is the runtime's: it passes as soon as everybody waits.
#[tokio::test(start_paused = true)]
async fn slow_senders_are_given_up() {
    let site = Site::open().await;
    // A head that never ends, and one that never begins: the connection ends.
    for begun in ["GET /v1/health HTTP/1.1\r\nhost: x\r\nx-", ""] {
        let told = site.send(begun).await;
        assert!(matches!(status(&told), "408" | "none"), "{told}");
    }
    // A body that never ends: the connection ends with an answer.
    let begun = site.check("content-length: 100\r\n") + "{\"keys\":[\"a\"";
    let told = site.send(begun).await;
    assert_eq!(status(&told), "408", "{told}");
    assert_eq!(body(&told)["error"]["code"], "request_timeout");
    site.is_well().await;
    // Many at once do not lock a site out.
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = site.connect().await;
        let begun = site.check("content-length: 100\r\n") + "{\"keys\":[";
        stream.write_all(begun.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    site.is_well().await;
    drop(slow);
    site.close().await;
}

#[tokio::test]
async fn nothing_planted_is_found_again() {
    let site = Site::open().await;
    let feed = feed("abor");
    let site_key = format!("authorization: Bearer {ACME_KEY}\r\n");
    let own = format!("/v1/feeds/{feed}");
    let mut told = String::new();
    let json = "content-type: application/json\r\n";
    for (line, headers, body) in [
        (
            format!("GET {own}/live?key={PLANTED}"),
            format!("authorization: Bearer {PLANTED}\r\n"),
            String::new(),
        ),
        (
            format!("GET {own}/live?since={PLANTED}"),
            site_key.clone(),
            String::new(),
        ),
        (
            format!("GET {own}/changes?since={PLANTED}"),
            site_key.clone(),
            String::new(),
        ),
        (
            format!("GET {own}/changes?cursor={PLANTED}"),
            site_key.clone(),
            String::new(),
        ),
        (
            format!("GET /{PLANTED}/v1"),
            format!("authorization: Basic {PLANTED}\r\n"),
            String::new(),
        ),
        (
            format!("GET /v1/feeds/{PLANTED}/live"),
            site_key.clone(),
            String::new(),
        ),
        (
            format!("{} {own}/live", PLANTED.to_uppercase()),
            site_key.clone(),
            String::new(),
        ),
        (
            format!("POST {own}/check"),
            site_key.clone() + json,
            json!({"keys": {PLANTED: 1}}).to_string(),
        ),
        (
            format!("POST {own}/check"),
            site_key.clone() + json,
            format!("{PLANTED}{{"),
        ),
        (
            format!("POST {own}/acks"),
            site_key.clone() + json,
            json!({"held": PLANTED}).to_string(),
        ),
        (
            format!("POST {own}/acks"),
            site_key.clone() + json,
            json!({"error": PLANTED}).to_string(),
        ),
        (
            format!("POST {own}/acks"),
            format!("{site_key}content-type: {PLANTED}\r\n"),
            "{}".to_owned(),
        ),
        (
            format!("GET {own}/live"),
            format!("{site_key}x-request-id: {PLANTED} \u{1}\r\ncookie: {PLANTED}\r\n"),
            String::new(),
        ),
    ] {
        told += &site
            .send(format!(
                "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
    }
    site.is_well().await;
    let logged = log::take();
    assert!(logged.contains("answered 401") && logged.contains("answered 400"));
    for text in [&told, &logged] {
        for secret in [PLANTED, &PLANTED.to_uppercase(), ACME_KEY, &hash(ACME_KEY)] {
            let at = text
                .find(secret)
                .map(|at| &text[at.saturating_sub(200)..at + 40]);
            assert_eq!(at, None);
        }
    }
    site.close().await;
}

/// 10,000 requests under way at once, over 200 connections, of sites that have the list already: all are
/// told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_304s_at_once() {
    const CONNECTIONS: usize = 200;
    const EACH: usize = 50;
    let site = Arc::new(Site::open().await);
    let asking = (0..CONNECTIONS).map(|_| {
        let site = site.clone();
        tokio::spawn(async move {
            let request = format!(
                "GET {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ACME_KEY}\r\nif-none-match: *\r\n\r\n",
                live_path(&feed("abor"))
            );
            // All at once, one behind the other: none waits for an answer before it is sent.
            let mut stream = site.connect().await;
            stream.write_all(request.repeat(EACH).as_bytes()).await.unwrap();
            let mut told = String::new();
            let mut answered = 0;
            while answered < EACH {
                let mut piece = Vec::with_capacity(4_096);
                assert!(stream.read_buf(&mut piece).await.unwrap() > 0, "it hung up");
                told.push_str(std::str::from_utf8(&piece).unwrap());
                answered = told.matches("\r\n\r\n").count();
            }
            assert_eq!(told.matches("HTTP/1.1 304").count(), EACH, "{told}");
            answered
        })
    });
    let answered = futures::future::join_all(asking.collect::<Vec<_>>()).await;
    let answered: usize = answered.into_iter().map(Result::unwrap).sum();
    assert_eq!(answered, CONNECTIONS * EACH);
    site.is_well().await;
    assert_eq!(
        site.world
            .links
            .made
            .load(std::sync::atomic::Ordering::Relaxed),
        2
    );
}
