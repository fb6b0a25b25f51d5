//! Trestle as documented and recorded.

use livelist_mls::{Provider, RequestKind};

use crate::client::{get, post};
use crate::scan::{sorted, spec, stage};

#[tokio::test]
async fn tokens_are_given_for_the_secret_and_for_nothing_else() {
    let stage = stage(spec(Provider::Trestle, 5)).await;
    let url = stage.simulator.token_url("abor");
    assert!(url.ends_with("/abor/trestle/oidc/connect/token"));
    let reply = stage.token_request().send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["expires_in"], 3600);
    assert_eq!(reply.json()["token_type"], "Bearer");
    let form = "grant_type=client_credentials&client_id=abor-client&client_secret=x&scope=api";
    let reply = post(&url, form).send().await;
    assert_eq!((reply.status, reply.text()), (400, "Bad Request".into()));
    assert_eq!(reply.headers["content-type"], "text/html");
    let token = stage.token().await;
    assert!(stage.control.secrets().contains(&token));
    stage.control.expire_tokens();
    let reply = get(&format!("{}/Property", stage.base))
        .bearer(&token)
        .send()
        .await;
    assert_eq!((reply.status, reply.text()), (401, String::new()));
    assert_eq!(reply.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_token_ends_with_its_seconds() {
    let mut spec = spec(Provider::Trestle, 5);
    spec.token_seconds = 0;
    let stage = stage(spec).await;
    assert_eq!(stage.get("Property").await.status, 401);
}

#[tokio::test]
async fn pages_are_as_large_as_documented() {
    let stage = stage(spec(Provider::Trestle, 1_500)).await;
    for (path, status, rows) in [
        ("Property", 200, 10),
        ("Property?$select=ListingKey", 200, 10),
        ("Property?$top=1000", 200, 1_000),
        ("Property?$top=1001", 400, 0),
        ("Property?$select=ListingKey,ListPrice&$top=1001", 400, 0),
        ("Property?$select=ListingKey&$top=300000", 200, 1_500),
        ("Property?$select=ListingKey&$top=300001", 400, 0),
        ("Property?$skip=1000000", 200, 0),
        ("Property?$skip=1000001", 400, 0),
    ] {
        let reply = stage.get(path).await;
        assert_eq!(reply.status, status, "{path}");
        if status == 200 {
            assert_eq!(reply.keys().len(), rows, "{path}");
        }
    }
}

#[tokio::test]
async fn links_and_counts_look_as_recorded() {
    let stage = stage(spec(Provider::Trestle, 1_500)).await;
    let page = stage
        .get(
            "Property?$filter=ModificationTimestamp gt 2022-03-29T18:49:08.34Z&$count=true&$top=20",
        )
        .await;
    let expected = format!(
        "{}/Property?$filter=ModificationTimestamp+gt+2022-03-29T18%3a49%3a08.34Z&$count=true&$top=20&$skip=20",
        stage.base
    );
    assert_eq!(page.next(), Some(expected));
    let text = page.text();
    let at = |name: &str| text.find(name).unwrap();
    assert!(at("@odata.nextLink") < at("@odata.count") && at("@odata.count") < at("\"value\""));
    assert_eq!(page.json()["@odata.count"], 1_500);
    let second = stage.get(&page.next().unwrap()).await;
    assert!(second.next().unwrap().ends_with("&$top=20&$skip=40"));
    let select = stage.get("Property?$select=ListingKey,ListPrice").await;
    assert!(
        select
            .next()
            .unwrap()
            .ends_with("?$select=ListingKey%2cListPrice&$skip=10")
    );
    let stamp =
        stage.get("Property?$top=1").await.json()["value"][0]["ModificationTimestamp"].clone();
    assert!(stamp.as_str().unwrap().ends_with("-00:00"), "{stamp}");
    for name in [
        "minute-quota-limit",
        "minute-quota-available",
        "hour-quota-limit",
    ] {
        assert!(page.headers[name].ends_with(".0"), "{name}");
    }
    assert!(page.headers["hour-quota-resettime"].len() == 13);
}

#[tokio::test]
async fn the_latest_rows_come_first_unless_an_order_is_asked() {
    let mut spec = spec(Provider::Trestle, 100);
    spec.page_limit = Some(7);
    let stage = stage(spec).await;
    let touched = stage.control.touch(1);
    assert_eq!(stage.get("Property?$top=1").await.keys(), touched);
    let ordered = stage
        .keys("Property?$select=ListingKey&$orderby=ListingKey")
        .await;
    assert_eq!(ordered, stage.control.live_keys());
    let (mut keyset, mut last) = (Vec::new(), String::new());
    loop {
        let filter = format!("$filter=ListingKey gt '{last}'&$orderby=ListingKey");
        let page = stage
            .get(&format!("Property?$select=ListingKey&{filter}"))
            .await
            .keys();
        let Some(end) = page.last() else { break };
        last.clone_from(end);
        keyset.extend(page);
    }
    assert_eq!(keyset, stage.control.live_keys());
    let pending = stage
        .keys("Property?$select=ListingKey&$filter=StandardStatus eq 'Pending'")
        .await;
    let expected = stage
        .control
        .live_keys_matching("StandardStatus eq 'Pending'");
    assert_eq!(sorted(pending), expected.unwrap());
}

#[tokio::test]
async fn the_rate_is_limited_when_it_is_to_be() {
    let mut spec = spec(Provider::Trestle, 5);
    spec.rate_limited = true;
    let stage = stage(spec).await;
    let token = stage.token().await;
    let url = format!("{}/Property", stage.base);
    for _ in 0..180 {
        assert_eq!(get(&url).bearer(&token).send().await.status, 200);
    }
    let reply = get(&url).bearer(&token).send().await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.headers["minute-quota-available"], "0.0");
}

#[tokio::test]
async fn requests_are_told_apart() {
    let stage = stage(spec(Provider::Trestle, 50)).await;
    let key = stage.control.live_keys().remove(0);
    stage.control.clear_log();
    for path in [
        "Property?$select=ListingKey".to_owned(),
        "Property?$count=true&$top=1".to_owned(),
        format!("Property?$filter=ListingKey eq '{key}'&$count=true"),
        format!("Property?$filter=ListingKey ge '{key}' and ListingKey le '{key}'"),
        format!("Property?$filter=ListingKey gt '{key}'"),
        format!("Property('{key}')"),
        "Member".to_owned(),
    ] {
        stage.get(&path).await;
    }
    let log = stage.control.log();
    let kinds: Vec<_> = log
        .iter()
        .map(|r| r.kind)
        .filter(|k| *k != RequestKind::Token)
        .collect();
    use RequestKind::{Confirm, Count, Other, Page};
    assert_eq!(kinds, [Page, Count, Confirm, Confirm, Page, Confirm, Other]);
    let page = log.iter().find(|r| r.kind == Page).unwrap();
    assert_eq!(
        page.target,
        "/abor/trestle/odata/Property?$select=ListingKey"
    );
    assert_eq!(
        (page.status, page.rows, page.authorization),
        (200, 10, true)
    );
    assert_eq!(page.accept_encoding.as_deref(), Some("gzip"));
}
