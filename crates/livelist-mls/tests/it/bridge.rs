//! Bridge as documented and observed.

use livelist_mls::{NextIn, Provider};

use crate::client::get;
use crate::scan::{sorted, spec, stage};

#[tokio::test]
async fn the_token_may_stand_in_the_query() {
    let mut spec = spec(Provider::Bridge, 30);
    spec.page_limit = Some(10);
    spec.dataset = Some("abor_ref".into());
    let stage = stage(spec).await;
    assert!(stage.base.ends_with("/abor/api/v2/OData/abor_ref"));
    let token = stage.token().await;
    let url = format!("{}/Property/replication?access_token={token}", stage.base);
    let page = get(&url).send().await;
    assert_eq!(page.status, 200);
    let next = page.next().unwrap();
    assert!(
        next.contains(&format!("access_token={token}&next=")),
        "{next}"
    );
    assert_eq!(get(&next).send().await.status, 200);
    let page = stage.get("Property/replication").await;
    assert!(!page.next().unwrap().contains("token"));
    let reply = get(&format!("{}/Property", stage.base)).send().await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_u64()),
        (401, Some(401))
    );
}

#[tokio::test]
async fn replication_takes_neither_skip_nor_order() {
    let stage = stage(spec(Provider::Bridge, 2_500)).await;
    for query in ["$skip=5", "$orderby=ListingKey"] {
        let reply = stage.get(&format!("Property/replication?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
    }
    let page = stage
        .get("Property/replication?$top=9000&$select=ListingKey&$count=true")
        .await;
    assert_eq!(page.keys().len(), 2_000);
    assert_eq!(page.json()["@odata.count"], 2_500);
    let id = page.next().unwrap();
    let (_, id) = id.split_once("/replication?next=").unwrap();
    let reply = stage.get(&format!("Property/replication?next={id}")).await;
    assert_eq!(reply.keys().len(), 500);
    assert_eq!(
        stage.get("Property/replication?next=unknown").await.status,
        400
    );
}

#[tokio::test]
async fn the_next_page_is_named_where_it_is_told_to_be() {
    for (next_in, in_body, in_header) in [
        (NextIn::Both, true, true),
        (NextIn::Body, true, false),
        (NextIn::Header, false, true),
    ] {
        let mut spec = spec(Provider::Bridge, 50);
        spec.page_limit = Some(20);
        spec.options.next_in = next_in;
        let stage = stage(spec).await;
        let page = stage.get("Property/replication").await;
        assert_eq!(page.json().get("@odata.nextLink").is_some(), in_body);
        assert_eq!(page.headers.contains_key("link"), in_header);
        let keys = stage.keys("Property/replication").await;
        assert_eq!(sorted(keys), stage.control.live_keys());
    }
}

#[tokio::test]
async fn the_plain_endpoint_has_small_pages_and_a_window() {
    let stage = stage(spec(Provider::Bridge, 10_300)).await;
    assert_eq!(stage.get("Property?$top=500").await.keys().len(), 200);
    assert_eq!(stage.get("Property?$top=200&$skip=9800").await.status, 200);
    assert_eq!(stage.get("Property?$top=200&$skip=9801").await.status, 400);
    let page = stage.get("Property?$count=true&$top=1").await;
    assert_eq!(page.json()["@odata.count"], 10_300);
    for (name, value) in [
        ("application-ratelimit-limit", "5000"),
        ("burst-ratelimit-limit", "334"),
    ] {
        assert_eq!(page.headers[name], value);
    }
    let reset = &page.headers["burst-ratelimit-reset"];
    assert!(reset.contains('T') && reset.ends_with('Z'), "{reset}");
}
