//! The manifest: its form, `since`, ETags, and everything that must not become a 200.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use livelist_model::head::Head;
use livelist_model::layout;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{
    ACME_KEY, BOLT_KEY, World, ask, feed, get, head, live_path, mls_document, send,
};

#[tokio::test]
async fn the_manifest_is_the_contracts() {
    let world = World::new().await;
    let feed = feed("abor");
    let head = head(&feed);
    let answer = ask(&world.api(), &live_path(&feed), ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert_eq!(answer.header("vary"), "Authorization");
    assert_eq!(answer.header("etag"), format!("\"{}\"", head.version));
    assert_eq!(
        answer.json(),
        json!({
            "schema": 1,
            "feed": feed,
            "version": head.version,
            "sequence": 123,
            "epoch": "",
            "as_of": "2026-11-21T04:00:02Z",
            "checked_at": "2026-11-21T04:00:02Z",
            "complete": true,
            "count": 196_000,
            "previous_count": 196_420,
            "key_field": "ListingKey",
            "order": "bytewise",
            "sha256": "a".repeat(64),
            "full": {
                "url": format!("memory:///{}", head.full.object),
                "bytes": 511_901,
                "expires_at": "2026-11-21T09:15:00Z",
            },
            "delta": {
                "from": head.deltas[0].from,
                "to": head.version,
                "added": 310,
                "removed": 730,
                "url": format!("memory:///{}", head.deltas[0].stored.object),
                "bytes": 4_711,
                "sha256": "b".repeat(64),
            },
            "deltas": null,
            "next_expected_at": "2026-11-22T04:00:00Z",
            "stale": false,
        })
    );
}

#[tokio::test]
async fn two_clients_share_a_feed() {
    let world = World::new().await;
    let api = world.api();
    let path = live_path(&feed("abor"));
    let acme = ask(&api, &path, ACME_KEY).await;
    let bolt = ask(&api, &path, BOLT_KEY).await;
    assert_eq!(bolt.status, StatusCode::OK);
    assert_eq!(acme.json(), bolt.json());
}

#[tokio::test]
async fn a_first_list_has_no_delta() {
    let world = World::new().await;
    let mut first = head(&feed("abor"));
    first.deltas.clear();
    first.previous_count = None;
    first.next_expected_at = None;
    world.head(&first).await;
    let manifest = ask(&world.api(), &live_path(&first.feed), ACME_KEY).await;
    let manifest = manifest.json();
    assert_eq!(manifest["delta"], Value::Null);
    assert_eq!(manifest["previous_count"], Value::Null);
    assert_eq!(manifest["next_expected_at"], Value::Null);
    assert_eq!(manifest["count"], 196_000);
}

#[tokio::test]
async fn since_gives_the_delta_from_there_or_the_full_list_alone() {
    let world = World::new().await;
    let api = world.api();
    let head = head(&feed("abor"));
    let path = live_path(&head.feed);
    let newest = &head.deltas[0].from;

    let delta = async |query: String| {
        let answer = ask(&api, &format!("{path}?{query}"), ACME_KEY).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
        let manifest = answer.json();
        assert_eq!(manifest["full"]["bytes"], 511_901, "{query}");
        manifest["delta"].clone()
    };
    assert_eq!(delta(format!("since={newest}")).await["from"], *newest);
    assert_eq!(delta("other=1".to_owned()).await["from"], *newest);
    let encoded = newest.replace(':', "%3A");
    assert_eq!(delta(format!("since={encoded}")).await["from"], *newest);
    for since in [
        head.deltas[1].from.as_str(),
        head.deltas[2].from.as_str(),
        &head.version,
        "2020-01-01T00:00:00Z-000001",
        "",
        "%00%ff",
        "x&since=y",
    ] {
        assert_eq!(
            delta(format!("since={since}")).await,
            Value::Null,
            "{since}"
        );
    }
}

#[tokio::test]
async fn since_gives_the_chain_of_deltas_oldest_first() {
    let world = World::new().await;
    let api = world.api();
    let head = head(&feed("abor"));
    let path = live_path(&head.feed);
    let chain = async |since: &str| {
        let answer = ask(&api, &format!("{path}?since={since}"), ACME_KEY).await;
        let manifest = answer.json();
        let deltas = manifest["deltas"].as_array();
        let told: Option<Vec<String>> = deltas.map(|deltas| {
            let mut at = since.to_owned();
            for delta in deltas {
                assert_eq!(delta["from"], at);
                assert!(delta["url"].as_str().unwrap().starts_with("memory:///"));
                assert_eq!(
                    (&delta["bytes"], &delta["added"]),
                    (&json!(4_711), &json!(310))
                );
                at = delta["to"].as_str().unwrap().to_owned();
            }
            assert_eq!(at, head.version);
            deltas.iter().map(|d| d["from"].to_string()).collect()
        });
        (told.map(|told| told.len()), manifest["delta"].clone())
    };
    assert_eq!(chain(&head.deltas[2].from).await, (Some(3), Value::Null));
    assert_eq!(chain(&head.deltas[1].from).await, (Some(2), Value::Null));
    let (one, delta) = chain(&head.deltas[0].from).await;
    assert_eq!((one, &delta["to"]), (Some(1), &json!(head.version)));
    assert_eq!(chain(&head.version).await, (Some(0), Value::Null));
    for older in ["2020-01-01T00:00:00Z-000001", "", "%00"] {
        assert_eq!(chain(older).await, (None, Value::Null), "{older}");
    }
}

/// What does not hang together is not handed out; the full list is still right.
#[rstest]
#[case::hole(|h: &mut Head| drop(h.deltas.remove(1)))]
#[case::foreign(|h: &mut Head| h.deltas[1].stored.object = layout::delta(&feed("crmls"), 1, 2, "x"))]
#[case::no_digest(|h: &mut Head| h.deltas[1].sha256.truncate(9))]
#[case::circle(|h: &mut Head| h.deltas[1].from = h.deltas[1].to.clone())]
#[tokio::test]
async fn a_chain_with_a_flaw_is_none(#[case] damage: fn(&mut Head)) {
    let world = World::new().await;
    let mut head = head(&feed("abor"));
    let oldest = head.deltas[2].from.clone();
    let newest = head.deltas[0].from.clone();
    damage(&mut head);
    world.head(&head).await;
    let path = live_path(&head.feed);
    let manifest = async |since: &str| {
        let answer = ask(&world.api(), &format!("{path}?since={since}"), ACME_KEY).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.json()
    };
    let told = manifest(&oldest).await;
    assert_eq!(
        (&told["deltas"], &told["full"]["bytes"]),
        (&Value::Null, &json!(511_901))
    );
    let told = manifest(&newest).await;
    assert_eq!(told["deltas"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stale_list_says_so_once() {
    let world = World::new().await;
    let api = world.api();
    let path = live_path(&feed("abor"));
    let ask = async |tag: &str| {
        let key = format!("Bearer {ACME_KEY}");
        get(
            &api,
            &path,
            &[("authorization", &key), ("if-none-match", tag)],
        )
        .await
    };
    let fresh = ask("\"none\"").await;
    assert_eq!(fresh.json()["stale"], false);
    let tag = fresh.header("etag").to_owned();
    let expected: jiff::Timestamp = "2026-11-22T04:00:00Z".parse().unwrap();
    let late =
        expected.duration_since(world.now()).unsigned_abs() + Duration::from_secs(12 * 3_600);
    world.clock.advance(late);
    assert_eq!(
        ask(&tag).await.status,
        StatusCode::NOT_MODIFIED,
        "to the second"
    );
    world.clock.advance(Duration::from_secs(1));
    let stale = ask(&tag).await;
    assert_eq!(stale.status, StatusCode::OK);
    let told = stale.json();
    assert_eq!(
        (&told["stale"], &told["complete"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(told["version"], fresh.json()["version"]);
    let tag = stale.header("etag").to_owned();
    assert_eq!(ask(&tag).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_304_reads_the_registry_and_the_head_alone() {
    let world = World::new().await;
    let feed = feed("abor");
    let key = format!("Bearer {ACME_KEY}");
    let headers = [("authorization", key.as_str()), ("if-none-match", "*")];
    let answer = get(&world.api(), &live_path(&feed), &headers).await;
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
    let expected = ["registry/clients/acme.json", "registry/mls/abor.json"];
    let head = layout::head(&feed);
    assert_eq!(world.objects.reads(), [expected[0], expected[1], &head]);
}

#[rstest]
#[case::same("\"{}\"")]
#[case::weak("W/\"{}\"")]
#[case::listed("\"other\", W/\"{}\"")]
#[case::star("*")]
#[tokio::test]
async fn what_is_held_is_not_sent_again(#[case] tag: &str) {
    let world = World::new().await;
    let head = head(&feed("abor"));
    let answer = get(
        &world.api(),
        &live_path(&head.feed),
        &[
            ("authorization", &format!("Bearer {ACME_KEY}")),
            ("if-none-match", &tag.replace("{}", &head.version)),
        ],
    )
    .await;
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
    assert_eq!(answer.header("etag"), format!("\"{}\"", head.version));
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert!(answer.body.is_empty());
    assert_eq!(world.links.made.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn another_version_is_sent() {
    let world = World::new().await;
    let feed = feed("abor");
    let answer = get(
        &world.api(),
        &live_path(&feed),
        &[
            ("authorization", &format!("Bearer {ACME_KEY}")),
            ("if-none-match", "\"2026-11-20T04:05:11Z-000122\""),
        ],
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_304_needs_the_key_and_the_feed_too() {
    let world = World::new().await;
    let api = world.api();
    let path = live_path(&feed("abor"));
    let answer = get(&api, &path, &[("if-none-match", "*")]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let headers = [
        ("authorization", format!("Bearer {ACME_KEY}")),
        ("if-none-match", "*".to_owned()),
    ];
    let headers = headers.each_ref().map(|(n, v)| (*n, v.as_str()));
    let answer = get(&api, &live_path(&feed("crmls")), &headers).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_a_head_nothing_is_ready() {
    let world = World::new().await;
    let key = layout::head(&feed("abor"));
    world.put(&key, "").await;
    use livelist_store::{Condition, Objects};
    world.objects.delete(&key, Condition::Always).await.unwrap();
    let answer = get(
        &world.api(),
        &live_path(&feed("abor")),
        &[
            ("authorization", &format!("Bearer {ACME_KEY}")),
            ("if-none-match", "*"),
        ],
    )
    .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "3600");
    assert_eq!(answer.code(), "not_ready");
}

fn damaged(damage: impl FnOnce(&mut Head)) -> Vec<u8> {
    let mut head = head(&feed("abor"));
    damage(&mut head);
    serde_json::to_vec(&head).unwrap()
}

#[rstest]
#[case::empty(Vec::new())]
#[case::cut(damaged(|_| ()).split_off(40))]
#[case::other_json(b"{}".to_vec())]
#[case::html(b"<html>".to_vec())]
#[case::incomplete(damaged(|h| h.complete = false))]
#[case::schema(damaged(|h| h.schema = 2))]
#[case::feed(damaged(|h| h.feed = feed("crmls")))]
#[case::order(damaged(|h| h.order = "numeric".to_owned()))]
#[case::sequence(damaged(|h| h.sequence = 0))]
#[case::version(damaged(|h| h.version = "a\r\nset-cookie: x".to_owned()))]
#[case::no_version(damaged(|h| h.version.clear()))]
#[case::digest(damaged(|h| h.sha256 = "A".repeat(64)))]
#[case::key_field(damaged(|h| h.key_field.clear()))]
#[case::empty_object(damaged(|h| h.full.bytes = 0))]
#[case::foreign_list(damaged(|h| h.full.object = h.full.object.replace("abor", "crmls")))]
#[case::no_list(damaged(|h| h.full.object = layout::head(&h.feed)))]
#[case::registry(damaged(|h| h.full.object = "registry/clients/acme.json".to_owned()))]
#[case::delta_elsewhere(damaged(|h| h.deltas[0].to = h.deltas[1].to.clone()))]
#[case::delta_digest(damaged(|h| h.deltas[0].sha256.clear()))]
#[case::delta_object(damaged(|h| h.deltas[0].stored.object = h.full.object.clone()))]
#[tokio::test]
async fn a_damaged_head_is_never_a_200(#[case] bytes: Vec<u8>) {
    let world = World::new().await;
    let feed = feed("abor");
    world.put(&layout::head(&feed), bytes).await;
    for tag in ["\"none\"", "*"] {
        let answer = get(
            &world.api(),
            &live_path(&feed),
            &[
                ("authorization", &format!("Bearer {ACME_KEY}")),
                ("if-none-match", tag),
            ],
        )
        .await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(answer.code(), "unavailable");
        assert_eq!(world.links.made.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn feeds_of_others_and_feeds_that_are_not_look_alike() {
    let world = World::new().await;
    world.head(&head(&feed("crmls"))).await;
    let api = world.api();
    let others = ask(&api, &live_path(&feed("crmls")), ACME_KEY).await;
    let same_mls = ask(&api, "/v1/feeds/abor-property-00000000/live", ACME_KEY).await;
    let nowhere = ask(&api, "/v1/feeds/nowhere/live", ACME_KEY).await;
    let suspended = ask(&api, &live_path(&feed("bolt")), ACME_KEY).await;
    for answer in [&others, &same_mls, &nowhere, &suspended] {
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.code(), "forbidden");
        assert_eq!(
            answer.json()["error"]["message"],
            others.json()["error"]["message"]
        );
        assert_eq!(answer.headers.len(), others.headers.len());
        assert_eq!(answer.body.len(), others.body.len());
    }
}

#[tokio::test]
async fn a_stranger_makes_the_api_look_at_nothing_but_his_own() {
    let world = World::new().await;
    world.head(&head(&feed("crmls"))).await;
    ask(&world.api(), &live_path(&feed("crmls")), ACME_KEY).await;
    assert_eq!(world.objects.reads(), ["registry/clients/acme.json"]);
}

#[rstest]
#[case("/v1/feeds/UPPER/live")]
#[case("/v1/feeds/..%2f..%2fregistry/live")]
#[case("/v1/feeds/a%00b/live")]
#[case("/v1/feeds/a%ffb/live")]
#[case("/v1/feeds/-x/live")]
#[tokio::test]
async fn what_cannot_be_a_feed_is_not_found(#[case] path: &str) {
    let world = World::new().await;
    let api = world.api();
    let answer = ask(&api, path, ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.code(), "not_found");
    let answer = ask(&api, path, "stranger").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_suspended_mls_suspends_its_feeds() {
    let world = World::new().await;
    let mut document = mls_document("abor");
    document["enabled"] = json!(false);
    world.mls(&document).await;
    let answer = ask(&world.api(), &live_path(&feed("abor")), ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_damaged_mls_document_is_no_suspension() {
    let world = World::new().await;
    world.put("registry/mls/abor.json", "{").await;
    let answer = ask(&world.api(), &live_path(&feed("abor")), ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.code(), "unavailable");
}

#[tokio::test]
async fn without_links_there_is_no_manifest() {
    let world = World::new().await;
    world.links.down.store(true, Ordering::Relaxed);
    let answer = ask(&world.api(), &live_path(&feed("abor")), ACME_KEY).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(answer.code(), "unavailable");
}

#[tokio::test]
async fn head_requests_have_no_body() {
    let world = World::new().await;
    let api = world.api();
    for (key, status) in [(ACME_KEY, StatusCode::OK), ("no", StatusCode::UNAUTHORIZED)] {
        let request = Request::head(live_path(&feed("abor")))
            .header("authorization", format!("Bearer {key}"))
            .body(Body::empty())
            .unwrap();
        let answer = send(&api, request).await;
        assert_eq!(answer.status, status);
        assert!(answer.body.is_empty());
    }
}
