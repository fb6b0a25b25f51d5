//! Lists served by the process itself: signed, expiring, byte for byte, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use livelist_api::SignedLinks;
use livelist_model::layout;
use livelist_store::memory::SeededEntropy;
use livelist_store::{Links, StoreError};
use rstest::rstest;

use crate::world::{ACME_KEY, World, ask, feed, get, head, live_path, send};

const BASE: &str = "https://lists.example.com";
/// Not gzip at all: what is stored is what is served, whatever it is.
const STORED: &[u8] = b"\x1f\x8b\x08 not even gzip \x00\xff\n";

async fn world() -> (World, Router, Arc<SignedLinks>) {
    let world = World::new().await;
    let head = head(&feed("abor"));
    world.put(&head.full.object, STORED).await;
    world
        .put(&head.deltas[0].stored.object, b"delta".to_vec())
        .await;
    let (api, links) = world.api_with_objects(&format!("{BASE}/"));
    (world, api, links)
}

fn snapshot() -> String {
    head(&feed("abor")).full.object
}

fn path_of(url: &str) -> &str {
    url.strip_prefix(BASE).unwrap()
}

async fn link(links: &SignedLinks, minutes: u64) -> String {
    let valid = Duration::from_secs(minutes * 60);
    links.link(&snapshot(), valid).await.unwrap().url
}

#[tokio::test]
async fn the_manifests_links_give_what_is_stored() {
    let (_, api, _) = world().await;
    let manifest = ask(&api, &live_path(&feed("abor")), ACME_KEY).await.json();
    assert_eq!(manifest["full"]["expires_at"], "2026-11-21T09:15:00Z");
    let full = path_of(manifest["full"]["url"].as_str().unwrap()).to_owned();
    let answer = get(&api, &full, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, STORED);
    assert_eq!(answer.header("content-type"), "application/gzip");
    assert_eq!(answer.header("content-length"), STORED.len().to_string());
    assert!(!answer.headers.contains_key("content-encoding"));
    let delta = path_of(manifest["delta"]["url"].as_str().unwrap()).to_owned();
    assert_eq!(get(&api, &delta, &[]).await.body, b"delta");
    // A site that sends its key all the same is not punished for it.
    assert_eq!(ask(&api, &full, ACME_KEY).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_head_request_tells_the_length() {
    let (_, api, links) = world().await;
    let url = link(&links, 15).await;
    let request = Request::head(path_of(&url)).body(Body::empty()).unwrap();
    let answer = send(&api, request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-length"), STORED.len().to_string());
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn links_expire_and_no_later_than_promised() {
    let (world, api, links) = world().await;
    let url = link(&links, 15).await;
    world.clock.set("2026-11-21T09:14:59.9Z".parse().unwrap());
    assert_eq!(get(&api, path_of(&url), &[]).await.status, StatusCode::OK);
    world.clock.set("2026-11-21T09:15:00Z".parse().unwrap());
    let answer = get(&api, path_of(&url), &[]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.code(), "link_expired");
    let day = Duration::from_secs(86_400);
    let long = links.link(&snapshot(), day).await.unwrap();
    assert_eq!(
        long.expires_at,
        "2026-11-21T10:15:00Z".parse().unwrap(),
        "an hour at most"
    );
}

#[tokio::test]
async fn a_changed_link_is_refused() {
    let (world, api, links) = world().await;
    let url = link(&links, 15).await;
    let path = path_of(&url);
    let (object, query) = path.split_once('?').unwrap();
    let (expires, signature) = query.split_once('&').unwrap();
    let delta = head(&feed("abor")).deltas[0].stored.object.clone();
    let seconds = world.now().as_second() + 900;
    let mut flipped = signature.to_owned();
    let last = if flipped.pop() == Some('0') { '1' } else { '0' };
    flipped.push(last);
    for changed in [
        object.to_owned(),
        format!("{object}?{expires}"),
        format!("{object}?{signature}"),
        format!("{object}?{expires}&signature="),
        format!("{object}?{expires}&signature=00"),
        format!("{object}?{expires}&signature=zz"),
        format!("{object}?{expires}&{flipped}"),
        format!("{object}?{expires}0&{signature}"),
        format!("{object}?expires={}&{signature}", seconds + 1),
        format!("{object}?expires=9223372036854775808&{signature}"),
        format!("{object}?expires=&{signature}"),
        format!("{path}&{expires}"),
        format!("{path}&{signature}"),
        format!("/v1/objects/{delta}?{query}"),
    ] {
        let answer = get(&api, &changed, &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{changed}");
        assert_eq!(answer.code(), "link_invalid", "{changed}");
        assert!(world.objects.reads().is_empty(), "{changed}");
    }
    assert_eq!(get(&api, path, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_process_another_key() {
    let (world, api, _) = world().await;
    let entropy = SeededEntropy::new(99);
    let others = SignedLinks::new(BASE, world.clock.clone(), &entropy).unwrap();
    let url = link(&others, 15).await;
    let answer = get(&api, path_of(&url), &[]).await;
    assert_eq!(answer.code(), "link_invalid");

    let key = || secrecy::SecretBox::new(Box::new([7; 32]));
    let one = SignedLinks::with_key(BASE, world.clock.clone(), &key());
    let two = SignedLinks::with_key(BASE, world.clock.clone(), &key());
    assert_eq!(link(&one, 15).await, link(&two, 15).await);
}

#[rstest]
#[case("registry/clients/acme.json")]
#[case("leases/x.json")]
#[case("feeds/{feed}/head.json")]
#[case("feeds/{feed}/runs/r/part-00001.keys.gz")]
#[case("feeds/{feed}/runs/snapshots/1.txt.gz")]
#[case("feeds/{feed}/snapshots/")]
#[case("feeds/{feed}/snapshots/.txt.gz")]
#[case("feeds/{feed}/snapshots/a/b.txt.gz")]
#[case("feeds/{feed}/snapshots/../head.json")]
#[case("feeds/{feed}/snapshots/../../x/snapshots/1.txt.gz")]
#[case("feeds/{feed}/snapshots/%2e%2e/head.json")]
#[case("feeds/{feed}/snapshots/..%2fhead.json")]
#[case("feeds/{feed}/snapshots/..%5chead.json")]
#[case("feeds/{feed}/snapshots/%2e%2e%2fhead.json")]
#[case("feeds/{feed}/snapshots/%252e%252e%252fhead.txt.gz")]
#[case("feeds/{feed}/snapshots/1%00.txt.gz")]
#[case("feeds/{feed}/snapshots//1.txt.gz")]
#[case("feeds//snapshots/1.txt.gz")]
#[case("feeds/../snapshots/1.txt.gz")]
#[case("feeds/./snapshots/1.txt.gz")]
#[case("/feeds/{feed}/snapshots/1.txt.gz")]
#[case("//etc/passwd")]
#[case("./feeds/{feed}/snapshots/1.txt.gz")]
#[case("%66eeds/{feed}/snapshots/1.txt.gz")]
#[case("feeds/{feed}/snapshots/1%2etxt.gz")]
#[case("feeds/{feed}/snapshots/1.txt.gz.retired")]
#[case("feeds/{feed}/Snapshots/1.txt.gz")]
#[case("FEEDS/{feed}/snapshots/1.txt.gz")]
#[tokio::test]
async fn path_tricks_lead_nowhere(#[case] path: &str) {
    let (world, api, links) = world().await;
    let path = path.replace("{feed}", feed("abor").as_str());
    let valid = Duration::from_secs(60);
    let refused = links.link(&path, valid).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{path}");
    // Even with the signature of a good link.
    let good = link(&links, 15).await;
    let query = good.split_once('?').unwrap().1;
    let answer = get(&api, &format!("/v1/objects/{path}?{query}"), &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    assert_eq!(answer.code(), "not_found");
    assert!(world.objects.reads().is_empty(), "{path}");
}

#[tokio::test]
async fn a_list_that_is_gone_is_not_found() {
    let (_, api, links) = world().await;
    let gone = layout::snapshot(&feed("abor"), 1, &"c".repeat(64));
    let url = links
        .link(&gone, Duration::from_secs(60))
        .await
        .unwrap()
        .url;
    let answer = get(&api, path_of(&url), &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.code(), "not_found");
}
