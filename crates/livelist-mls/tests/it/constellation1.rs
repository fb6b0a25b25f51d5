//! Constellation1 as documented.

use livelist_mls::{MlsSpec, Provider, RequestKind, TokenReuse};

use crate::client::get;
use crate::scan::{Stage, sorted, spec, stage};

const SYSTEM: &str = "$filter=OriginatingSystemName eq 'abor'";

fn cdl(listings: u64) -> MlsSpec {
    spec(Provider::Constellation1, listings)
}

#[tokio::test]
async fn a_token_is_the_same_until_it_ends() {
    let stage = stage(cdl(5)).await;
    assert!(stage.base.ends_with("/abor/odata"));
    assert!(
        stage
            .simulator
            .token_url("abor")
            .ends_with("/abor/oauth2/token")
    );
    let first = stage.token_request().send().await.json();
    let second = stage.token_request().send().await.json();
    assert_eq!(first["access_token"], second["access_token"]);
    assert!(second["expires_in"].as_u64().unwrap() <= 3_600);
    stage.control.expire_tokens();
    let third = stage.token_request().send().await.json();
    assert_ne!(first["access_token"], third["access_token"]);
    let url = format!("{}/Property?{SYSTEM}", stage.base);
    let shown = first["access_token"].as_str().unwrap();
    let reply = get(&url).bearer(shown).send().await;
    assert_eq!(
        (reply.status, reply.headers["www-authenticate"].as_str()),
        (401, "Bearer")
    );
    assert_eq!(reply.json()["error"]["code"], "401");

    let mut spec = cdl(5);
    spec.options.tokens = TokenReuse::Fresh;
    let stage = crate::scan::stage(spec).await;
    assert_ne!(
        stage.token().await,
        stage.token().await,
        "unless it is told otherwise"
    );
}

#[tokio::test]
async fn every_request_names_its_system() {
    let stage = stage(cdl(1_500)).await;
    for (path, status, rows) in [
        (format!("Property?{SYSTEM}"), 200, 10),
        (format!("Property?{SYSTEM}&$top=1000"), 200, 1_000),
        (format!("Property?{SYSTEM}&$top=9000"), 200, 1_000),
        (
            format!("Property?{SYSTEM} and StandardStatus eq 'None'"),
            200,
            0,
        ),
        (
            "Property?$filter=OriginatingSystemName eq 'other'".into(),
            200,
            0,
        ),
        ("Property".into(), 400, 0),
        ("Property?$filter=StandardStatus eq 'Active'".into(), 400, 0),
        ("Property('1')".into(), 400, 0),
    ] {
        let reply = stage.get(&path).await;
        assert_eq!(reply.status, status, "{path}");
        if status == 200 {
            assert_eq!(reply.keys().len(), rows, "{path}");
        }
    }
    let live = stage.control.live_keys();
    let by_key = Stage::by_keys(&live[..5]);
    let found = stage
        .get(&format!("Property?{SYSTEM} and ({by_key})"))
        .await;
    assert_eq!(sorted(found.keys()), live[..5]);
    assert_eq!(
        stage.control.log().pop().unwrap().kind,
        RequestKind::Confirm
    );
}

#[tokio::test]
async fn links_go_on_where_skip_may_not() {
    let mut spec = cdl(200);
    spec.page_limit = Some(40);
    spec.options.skip_window = Some(80);
    let stage = stage(spec).await;
    for (skip, status) in [(80, 200), (81, 400)] {
        let path = format!("Property?{SYSTEM}&$skip={skip}");
        assert_eq!(stage.get(&path).await.status, status);
    }
    for order in [
        "",
        "&$orderby=ListingKey",
        "&$orderby=ModificationTimestamp desc",
    ] {
        let first = format!("Property?{SYSTEM}&$select=ListingKey&$top=1000{order}");
        let pages = stage.scan(&first).await;
        assert_eq!(pages.len(), 5);
        assert!(pages[0].next().unwrap().contains("/Property?$skiptoken="));
        let keys = pages.iter().flat_map(|page| page.keys()).collect();
        assert_eq!(sorted(keys), stage.control.live_keys(), "{order}");
    }
    assert_eq!(stage.get("Property?$skiptoken=unknown").await.status, 400);
}
