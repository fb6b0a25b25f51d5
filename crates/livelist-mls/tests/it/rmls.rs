//! RMLS of Oregon as documented.

use livelist_mls::{Provider, RequestKind};

use crate::client::{Reply, get};
use crate::scan::{sorted, spec, stage};
use crate::ways::Way;

#[tokio::test]
async fn links_and_slices_by_number_reach_every_row() {
    let stage = stage(spec(Provider::Rmls, 600)).await;
    assert!(stage.base.ends_with("/abor/reso/odata"));
    let links = stage.scan("Property?$select=ListingKey&$top=250").await;
    let sizes: Vec<_> = links.iter().map(|page| page.keys().len()).collect();
    assert_eq!(sizes, [250, 250, 100]);
    let keys = links.iter().flat_map(Reply::keys).collect();
    assert_eq!(sorted(keys), stage.control.live_keys());

    stage.control.clear_log();
    let first = "Property?$select=ListingKey,ListingKeyNumeric&$top=250&$orderby=ListingKeyNumeric";
    let slices = stage.asked_on(first, Way::Number).await;
    let keys: Vec<_> = slices.iter().flat_map(Reply::keys).collect();
    let numbers: Vec<u64> = keys.iter().map(|key| key.parse().unwrap()).collect();
    assert!(numbers.is_sorted() && !keys.is_sorted());
    assert_eq!(sorted(keys), stage.control.live_keys());
    let row = slices[0].json()["value"][0].clone();
    assert_eq!(row["ListingKeyNumeric"], numbers[0]);
    let log = stage.control.log();
    assert!(log.iter().all(|request| request.kind == RequestKind::Page));
    assert_eq!(stage.get("Property?$top=900").await.keys().len(), 250);
}

#[tokio::test]
async fn what_it_cannot_read_is_refused() {
    let stage = stage(spec(Provider::Rmls, 30)).await;
    let keys = stage.control.live_keys();
    let (a, b) = (&keys[0], &keys[1]);
    let long = |n: usize| vec![format!("ListingKey eq '{a}'"); n].join(" or ");
    for (filter, status) in [
        (format!("ListingKey eq '{a}' or ListingKey eq '{b}'"), 200),
        (format!("ListingKey eq '{a}' OR ListingKey eq '{b}'"), 400),
        (format!("ListingKey eq '{a}' AND ListingKey eq '{b}'"), 400),
        (format!("ListingKey in ('{a}','{b}')"), 400),
        (format!("ListingKeyNumeric in ({a},{b})"), 400),
        (
            format!("ListingKeyNumeric eq {a} or ListingKeyNumeric eq {b}"),
            200,
        ),
        (long(100), 200),
        (long(200), 414),
    ] {
        let reply = stage.get(&format!("Property?$filter={filter}")).await;
        assert_eq!(reply.status, status, "{filter}");
        if status == 200 {
            assert!(!reply.keys().is_empty());
            let last = stage.control.log().pop().unwrap();
            assert_eq!(last.kind, RequestKind::Confirm);
        }
    }
    assert_eq!(stage.get(&format!("Property('{a}')")).await.status, 200);
}

#[tokio::test]
async fn the_longest_url_is_the_documented_one() {
    let stage = stage(spec(Provider::Rmls, 5)).await;
    let token = stage.token().await;
    let start = format!("{}/Property?x=", stage.base);
    for (length, status) in [(5_246, 200), (5_247, 414)] {
        let url = format!("{start}{}", "a".repeat(length - start.len()));
        assert_eq!(get(&url).bearer(&token).send().await.status, status);
    }
    let reply = get(&format!("{}/Property", stage.base)).send().await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (401, Some("401"))
    );
}

#[tokio::test]
async fn deleted_is_a_list_of_keys() {
    let stage = stage(spec(Provider::Rmls, 300)).await;
    let sold = stage.control.sell(40);
    let told = stage.get("Deleted").await;
    assert!(!told.keys().is_empty() && told.keys().len() < 40);
    assert!(told.keys().iter().all(|key| sold.contains(key)));
    assert_eq!(stage.control.log()[0].kind, RequestKind::Other);
}
