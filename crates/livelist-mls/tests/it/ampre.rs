//! PropTx / AMPRE as its clients have it.

use livelist_mls::{Provider, RequestKind};

use crate::client::{Reply, get};
use crate::scan::{sorted, spec, stage};

#[tokio::test]
async fn a_cursor_of_instant_and_key_reaches_every_row() {
    let mut spec = spec(Provider::Ampre, 500);
    spec.page_limit = Some(60);
    let stage = stage(spec).await;
    assert!(stage.base.ends_with("/abor/odata"));
    stage.control.touch(100);
    let pages = stage.whole().await;
    assert_eq!(pages.len(), 9);
    let keys = pages.iter().flat_map(Reply::keys).collect();
    assert_eq!(sorted(keys), stage.control.live_keys());
    stage.control.touch_all_same_timestamp();
    let pages = stage.whole().await;
    let keys: Vec<_> = pages.iter().flat_map(Reply::keys).collect();
    assert_eq!(
        keys,
        stage.control.live_keys(),
        "more of one instant than a page holds"
    );
    let log = stage.control.log();
    assert!(log.iter().all(|request| request.kind == RequestKind::Page));
}

#[tokio::test]
async fn pages_are_large_and_not_skipped() {
    let stage = stage(spec(Provider::Ampre, 10_500)).await;
    let page = stage
        .get("Property?$select=ListingKey&$top=20000&$count=true")
        .await;
    assert_eq!((page.keys().len(), page.next()), (10_000, None));
    assert_eq!(page.json()["@odata.count"], 10_500);
    let reply = stage.get("Property?$skip=10000").await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (400, Some("400"))
    );
    let reply = get(&format!("{}/Property", stage.base))
        .bearer("x")
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (401, Some("401"))
    );
}

#[tokio::test]
async fn instants_and_blanks_have_one_form() {
    let stage = stage(spec(Provider::Ampre, 5)).await;
    for (filter, status) in [
        ("ModificationTimestamp%20gt%202024-01-01T00:00:00Z", 200),
        (
            "ModificationTimestamp%20gt%202024-01-01T00:00:00.123456Z",
            200,
        ),
        ("ModificationTimestamp%20gt%202024-01-01T00:00Z", 400),
        (
            "ModificationTimestamp%20gt%202024-01-01T00:00:00-05:00",
            400,
        ),
        (
            "ModificationTimestamp%20gt%202024-01-01T00:00:00%2B00:00",
            400,
        ),
        ("ModificationTimestamp+gt+2024-01-01T00:00:00Z", 400),
        ("ListingKey%20eq%20'2024-01-01'", 200),
    ] {
        let reply = stage.get(&format!("Property?$filter={filter}")).await;
        assert_eq!(reply.status, status, "{filter}: {}", reply.text());
    }
    let order = "$orderby=ModificationTimestamp,ListingKey";
    assert_eq!(
        stage.get(&format!("Property?{order}")).await.keys().len(),
        5
    );
}

#[tokio::test]
async fn one_request_too_many_is_told_how_long_to_wait() {
    let mut spec = spec(Provider::Ampre, 5);
    spec.rate_limited = true;
    spec.options.rate_limit = Some(3);
    let stage = stage(spec).await;
    for _ in 0..3 {
        assert_eq!(stage.get("Property").await.status, 200);
    }
    let reply = stage.get("Property").await;
    assert_eq!(reply.status, 429);
    let seconds = &reply.headers["x-rate-limit-retry-after-seconds"];
    assert!(
        (1..=60).contains(&seconds.parse::<u64>().unwrap()),
        "{seconds}"
    );
    assert!(!reply.headers.contains_key("retry-after"));
}
