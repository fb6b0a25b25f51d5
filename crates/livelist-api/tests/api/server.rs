//! The router behind a real socket, with requests that clients and servers would normally correct.

use axum::Router;
use livelist_store::directory::DirectoryObjects;
use livelist_store::memory::SeededEntropy;
use livelist_store::{Condition, Objects, ObjectsExt, Retention};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{ACME_KEY, World, feed, head, live_path};

async fn exchange(address: &str, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let body = bytes.split_off(end + 4);
    (String::from_utf8(bytes).unwrap().to_ascii_lowercase(), body)
}

async fn fetch(address: &str, path: &str, more: &str) -> (String, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n");
    exchange(address, &request).await
}

fn serve(listener: TcpListener, api: Router) {
    tokio::spawn(async move { axum::serve(listener, api).await });
}

#[tokio::test]
async fn a_site_asks_and_fetches() {
    let world = World::new().await;
    // Larger than a chunk, and of bytes that no encoding would leave alone.
    let stored: Vec<u8> = (0..300_000u32)
        .map(|i| (i.wrapping_mul(i) >> 3) as u8)
        .collect();
    world
        .put(&head(&feed("abor")).full.object, stored.clone())
        .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (api, _) = world.api_with_objects(&format!("http://{address}"));
    serve(listener, api);

    let key = format!("authorization: Bearer {ACME_KEY}\r\n");
    let (head, body) = fetch(&address, &live_path(&feed("abor")), &key).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let manifest: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let url = manifest["full"]["url"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{address}")).unwrap();

    let (head, body) = fetch(&address, path, "accept-encoding: gzip, deflate, br\r\n").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/gzip"), "{head}");
    assert!(head.contains("content-length: 300000"), "{head}");
    for never in ["content-encoding", "transfer-encoding", "location"] {
        assert!(!head.contains(never), "{head}");
    }
    assert_eq!(body, stored);

    let version = manifest["version"].as_str().unwrap();
    let held = format!("{key}if-none-match: \"{version}\"\r\n");
    let (head, body) = fetch(&address, &live_path(&feed("abor")), &held).await;
    assert!(head.starts_with("http/1.1 304"), "{head}");
    assert!(body.is_empty());
}

#[tokio::test]
async fn raw_path_tricks_never_leave_the_lists() {
    let dir = tempfile::tempdir().unwrap();
    let objects = DirectoryObjects::open(dir.path()).unwrap();
    let world = World::new().await;
    for key in world.objects.list("").await.unwrap() {
        let (bytes, _) = world.objects.read(&key.key).await.unwrap().unwrap();
        let (always, keep) = (Condition::Always, Retention::Keep);
        objects
            .put(&key.key, bytes.into(), always, keep)
            .await
            .unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let entropy = std::sync::Arc::new(SeededEntropy::new(3));
    let links = livelist_api::SignedLinks::new("http://x", world.clock.clone(), &*entropy);
    let links = std::sync::Arc::new(links.unwrap());
    let state = livelist_api::ApiState::new(
        std::sync::Arc::new(objects),
        links.clone(),
        world.clock.clone(),
        entropy,
    );
    serve(listener, livelist_api::router_with_objects(state, links));
    let feed = feed("abor");
    for path in [
        "/v1/objects/../../registry/clients/acme.json".to_owned(),
        "/v1/objects/registry/clients/acme.json".to_owned(),
        format!("/v1/objects/feeds/{feed}/snapshots/../head.json"),
        format!("/v1/objects/feeds/{feed}/snapshots/%2e%2e/head.json"),
        format!("/v1/objects/feeds/{feed}/snapshots/..\\head.json"),
        format!(
            "/v1/objects//{}/feeds/{feed}/head.json",
            dir.path().display()
        ),
        "/v1/objects/%00".to_owned(),
        "//v1/objects/feeds/x".to_owned(),
        format!("/v1/feeds/../feeds/{feed}/live"),
    ] {
        let (head, body) = fetch(&address, &path, "").await;
        let refused = ["http/1.1 404", "http/1.1 400"];
        assert!(
            refused.iter().any(|s| head.starts_with(s)),
            "{path}: {head}"
        );
        assert!(!String::from_utf8_lossy(&body).contains("sha256"), "{path}");
    }
}
