//! Crowds of peers that do not read: health is still answered, and the peers are dropped.

use std::time::Duration;

use livelist_api::Limits;
use livelist_store::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::hostile::{Site, body, status};
use crate::log;

/// Longer than any file that is asked for here would take, and much shorter than a crowd may hold a server.
const SOON: Duration = Duration::from_secs(10);

/// A peer at `from` that asks for a file again and again and never reads.
async fn deaf(site: &Site, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(site.address.parse().unwrap()).await.unwrap();
    let asked = "GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    // Whoever is refused is closed while it still asks.
    let _ = tokio::time::timeout(SOON, stream.write_all(asked.as_bytes())).await;
    stream
}

/// Whether health is answered to one at `from`, soon.
async fn is_healthy(site: &Site, from: &str) -> bool {
    let told = ask(site, from, "/v1/health", "").await;
    status(&told) == "200" && body(&told)["status"] == "ok"
}

async fn ask(site: &Site, from: &str, path: &str, headers: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let asking = async {
        let mut stream = socket.connect(site.address.parse().unwrap()).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        let _ = stream.write_all(request.as_bytes()).await;
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told).await;
        String::from_utf8_lossy(&told).into_owned()
    };
    tokio::time::timeout(SOON, asking).await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_take_all_connections() {
    let limits = Limits {
        connections: 64,
        per_loopback: 16,
        ..Limits::default()
    };
    let site = Site::with(limits).await;
    let mut crowd = Vec::new();
    for _ in 0..72 {
        crowd.push(deaf(&site, "127.0.0.2").await);
    }
    // Everybody else is served, and for the crowd's own address there is still health.
    site.is_well().await;
    assert!(is_healthy(&site, "127.0.0.3").await);
    assert!(is_healthy(&site, "127.0.0.2").await);
    let told = ask(&site, "127.0.0.2", "/v1/openapi.json", "").await;
    assert_eq!(status(&told), "429", "{told}");
    assert_eq!(body(&told)["error"]["code"], "too_many_requests");
    assert!(told.contains("retry-after: 30"), "{told}");
    // When they leave, so do their seats.
    drop(crowd);
    SystemClock.sleep(Duration::from_millis(500)).await;
    let told = ask(&site, "127.0.0.2", "/v1/openapi.json", "").await;
    assert_eq!(status(&told), "200", "{told}");
    site.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_addresses_cannot_silence_health() {
    let limits = Limits {
        connections: 32,
        per_loopback: 16,
        ..Limits::default()
    };
    let site = Site::with(limits).await;
    let mut crowd = Vec::new();
    for from in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        for _ in 0..16 {
            crowd.push(deaf(&site, from).await);
        }
    }
    for _ in 0..5 {
        assert!(is_healthy(&site, "127.0.0.9").await);
    }
    let told = ask(&site, "127.0.0.9", "/v1/openapi.json", "").await;
    assert_eq!(status(&told), "503", "{told}");
    assert_eq!(body(&told)["error"]["code"], "busy");
    drop(crowd);
    site.close().await;
}

/// (O4) What strangers ask in vain fills no disk: it is counted. Time is the runtime's.
#[tokio::test(start_paused = true)]
async fn refusals_are_counted_and_not_logged_one_by_one() {
    let site = Site::open().await;
    log::take();
    for path in ["/v1/feeds", "/nothing", "/v1/health", "/v1/openapi.json"] {
        for _ in 0..50 {
            ask(&site, "127.0.0.2", path, "").await;
        }
    }
    let logged = log::take();
    assert_eq!(logged.matches("INFO").count(), 2, "{logged}");
    assert!(logged.contains("answered 401") && logged.contains("answered 404"));
    SystemClock.sleep(Duration::from_secs(61)).await;
    let logged = log::take();
    for told in [
        "refused in a minute code=\"unauthorized\" requests=50",
        "refused in a minute code=\"not_found\" requests=50",
    ] {
        assert!(logged.contains(told), "{logged}");
    }
    // The next minute has a sample of its own.
    ask(&site, "127.0.0.2", "/v1/feeds", "").await;
    assert!(log::take().contains("answered 401"));
    SystemClock.sleep(Duration::from_secs(61)).await;
    assert!(
        !log::take().contains("refused in a minute"),
        "one was told already"
    );
    // Who shows a key is told each time.
    site.is_well().await;
    site.is_well().await;
    assert_eq!(log::take().matches("answered 200").count(), 2);
    site.close().await;
}

/// Time is the runtime's: it passes as soon as everybody waits.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_given_up_after_half_a_minute() {
    let site = Site::open().await;
    let mut peer = deaf(&site, "127.0.0.2").await;
    let began = tokio::time::Instant::now();
    SystemClock.sleep(Duration::from_secs(31)).await;
    // What was on its way is there, and then an end: not all that was asked for.
    let mut told = Vec::new();
    let _ = tokio::time::timeout(SOON, peer.read_to_end(&mut told))
        .await
        .unwrap();
    let answers = String::from_utf8_lossy(&told)
        .matches("HTTP/1.1 200")
        .count();
    assert!((1..100).contains(&answers), "{answers}");
    assert!(began.elapsed() < Duration::from_secs(60));
    site.is_well().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_what_it_forwards_is_counted() {
    let limits = Limits {
        per_address: 4,
        per_loopback: 4,
        trusted_proxies: vec!["127.0.0.2".parse().unwrap()],
        ..Limits::default()
    };
    let (site, file) = Site::with_file(limits).await;
    // The proxy asks for one that does not read, over connections of its own.
    let mut held = Vec::new();
    for _ in 0..8 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut stream = socket.connect(site.address.parse().unwrap()).await.unwrap();
        let asked =
            format!("GET {file} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.9\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        held.push(stream);
    }
    SystemClock.sleep(Duration::from_millis(500)).await;
    let path = "/v1/openapi.json";
    let same = "x-forwarded-for: 198.51.100.1, 203.0.113.9\r\n";
    assert_eq!(status(&ask(&site, "127.0.0.2", path, same).await), "429");
    let other = "x-forwarded-for: 203.0.113.9, 203.0.113.10\r\n";
    assert_eq!(status(&ask(&site, "127.0.0.2", path, other).await), "200");
    // A proxy that asks for itself, and a stranger that only says so.
    assert_eq!(status(&ask(&site, "127.0.0.2", path, "").await), "200");
    assert_eq!(status(&ask(&site, "127.0.0.3", path, same).await), "200");
    // Nothing is kept for those who have gone.
    drop(held);
    SystemClock.sleep(Duration::from_millis(500)).await;
    assert_eq!(status(&ask(&site, "127.0.0.2", path, same).await), "200");
    site.close().await;
}
