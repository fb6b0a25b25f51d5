//! CREA DDF as documented.

use livelist_mls::{MlsSpec, Provider, RequestKind};
use serde_json::json;

use crate::client::{get, post};
use crate::scan::{sorted, spec, stage};

fn ddf(listings: u64) -> MlsSpec {
    spec(Provider::Crea, listings)
}

#[tokio::test]
async fn a_token_is_for_the_scope() {
    let stage = stage(ddf(5)).await;
    assert!(stage.base.ends_with("/abor/odata/v1"));
    let url = stage.simulator.token_url("abor");
    assert!(url.ends_with("/abor/connect/token"));
    let token = stage.token_request().send().await.json();
    assert_eq!(
        (&token["expires_in"], &token["scope"]),
        (&json!(3_600), &json!("DDFApi_Read"))
    );
    let secret = stage.control.secrets().remove(0);
    let form =
        format!("grant_type=client_credentials&client_id=abor-client&client_secret={secret}");
    for form in [form.clone(), format!("{form}&scope=api")] {
        let reply = post(&url, &form).send().await;
        assert_eq!(
            (reply.status, reply.json()["error"].as_str()),
            (401, Some("invalid_client"))
        );
    }
    let reply = get(&format!("{}/Property", stage.base))
        .bearer("x")
        .send()
        .await;
    let error = reply.json()["error"].clone();
    assert_eq!((reply.status, &error["code"]), (401, &json!("401")));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("You are not authorized")
    );
}

#[tokio::test]
async fn the_master_list_is_one_answer() {
    let mut spec = ddf(12_000);
    spec.options.destination = Some(42);
    spec.page_limit = Some(10);
    let stage = stage(spec).await;
    stage.control.sell(7);
    for path in [
        "Property/PropertyReplication()",
        "Property/PropertyReplication(DestinationId=42)",
    ] {
        let list = stage.get(path).await;
        assert!(list.next().is_none());
        assert_eq!(sorted(list.keys()), stage.control.live_keys());
        let row = list.json()["value"][0].as_object().unwrap().clone();
        let fields: Vec<_> = row.keys().collect();
        assert_eq!(fields, ["ListingKey", "ModificationTimestamp"]);
    }
    for parameters in ["DestinationId=43", "DestinationId=x", "Destination=42"] {
        let path = format!("Property/PropertyReplication({parameters})");
        let reply = stage.get(&path).await;
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].as_str()),
            (401, Some("401"))
        );
    }
    assert_eq!(
        stage
            .get("Property/PropertyReplication()?$top=5")
            .await
            .status,
        400
    );
    let log = stage.control.log();
    let pages = log
        .iter()
        .filter(|request| request.kind == RequestKind::Page);
    assert_eq!(pages.count(), 2);
    let bare = crate::scan::stage(ddf(5)).await;
    let any = "Property/PropertyReplication(DestinationId=42)";
    assert_eq!(bare.get(any).await.status, 401, "no destination is its own");
}

#[tokio::test]
async fn the_plain_endpoint_has_small_pages_and_a_window() {
    let mut spec = ddf(700);
    spec.options.skip_window = Some(400);
    let stage = stage(spec).await;
    assert_eq!(stage.get("Property?$top=500").await.keys().len(), 100);
    assert_eq!(stage.get("Property?$top=100&$skip=300").await.status, 200);
    assert_eq!(stage.get("Property?$top=100&$skip=301").await.status, 400);
    let count = stage.get("Property?$top=0&$count=true").await;
    assert_eq!(count.json()["@odata.count"], 700);
    let wide = crate::scan::stage(ddf(5)).await;
    assert_eq!(wide.get("Property?$top=100&$skip=9900").await.status, 200);
    assert_eq!(wide.get("Property?$top=100&$skip=9901").await.status, 400);
}

#[tokio::test]
async fn only_an_order_keeps_rows_in_their_places() {
    let stage = stage(ddf(700)).await;
    let ordered = stage
        .keys("Property?$select=ListingKey&$orderby=ListingKey")
        .await;
    assert_eq!(ordered, stage.control.live_keys());
    let drifting = sorted(stage.keys("Property?$select=ListingKey").await);
    assert_ne!(drifting, stage.control.live_keys());
    let asked = crate::scan::Stage::by_keys(&ordered[..9]);
    for _ in 0..5 {
        let found = stage.get(&format!("Property?$filter={asked}")).await;
        assert_eq!(
            sorted(found.keys()),
            ordered[..9],
            "what is asked by key is found"
        );
    }
}
