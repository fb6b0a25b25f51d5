//! UtahRealEstate.com (WFRMLS) as documented and published.

use livelist_mls::{Fault, FaultRule, Provider, RequestKind};
use serde_json::json;

use crate::client::{Reply, get};
use crate::scan::{sorted, spec, stage};

#[tokio::test]
async fn slices_by_number_reach_every_row() {
    let stage = stage(spec(Provider::UtahRealEstate, 900)).await;
    assert!(stage.base.ends_with("/abor/reso/odata"));
    let pages = stage.whole().await;
    assert_eq!(pages.len(), 5);
    let keys: Vec<_> = pages.iter().flat_map(Reply::keys).collect();
    assert_ne!(
        keys,
        stage.control.live_keys(),
        "their order is that of numbers"
    );
    assert_eq!(sorted(keys), stage.control.live_keys());
    assert!(pages.iter().all(|page| page.next().is_none()));
    let page = stage.get("Property?$top=900&$count=true").await;
    assert_eq!(
        (page.keys().len(), page.json()["@odata.count"].as_u64()),
        (200, Some(900))
    );
    let descending = stage
        .get("Property?$orderby=ListingKeyNumeric desc&$top=1")
        .await;
    assert_eq!(descending.keys().last(), pages[4].keys().last());
}

#[tokio::test]
async fn pages_look_as_published() {
    let stage = stage(spec(Provider::UtahRealEstate, 20)).await;
    let page = stage
        .get("Property?$select=ListPrice,PostalCode,ListingKey&$top=1")
        .await;
    let json = page.json();
    assert_eq!(
        json["@odata.context"],
        "$metadata#Property(ListPrice,PostalCode,ListingKey)"
    );
    assert!(json["value"][0].get("@odata.id").is_none());
    let key = page.keys().remove(0);
    let page = stage.get("Property?$select=PostalCode&$top=1").await.json();
    assert_eq!(page["value"][0]["@odata.id"], format!("Property({key})"));
    let one = stage
        .get(&format!("Property({key})?$select=ListingKey"))
        .await;
    assert_eq!(
        (one.status, one.json()["ListingKey"].as_str()),
        (200, Some(&key[..]))
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
async fn deleted_leaves_out_what_left_and_keeps_what_came_back() {
    let stage = stage(spec(Provider::UtahRealEstate, 500)).await;
    assert_eq!(stage.get("Deleted").await.json()["value"], json!([]));
    let sold = stage.control.sell(80);
    let told = stage.get("Deleted").await.json();
    assert_eq!(told["@odata.context"], "$metadata#Deleted");
    let rows = told["value"].as_array().unwrap().clone();
    assert!(rows.len() > 40 && rows.len() < 80, "{}", rows.len());
    let keys: Vec<String> = rows
        .iter()
        .map(|row| row["primary_key"].as_str().unwrap().to_owned())
        .collect();
    assert!(keys.iter().all(|key| sold.contains(key)));
    assert_eq!(rows[0]["resource"], "Property");
    assert!(rows[0]["ts"].as_str().unwrap().len() == 20);
    stage.control.relist(&keys);
    let again = stage.get("Deleted").await.json()["value"].clone();
    assert_eq!(
        again, told["value"],
        "rows that live again are still told as gone"
    );
    let second = stage.get("Deleted?$top=10&$skip=5").await.json()["value"].clone();
    assert_eq!(second.as_array().unwrap()[..], rows[5..15]);
    assert_eq!(
        stage
            .get("Deleted?$filter=ts gt 2024-01-01T00:00:00Z")
            .await
            .status,
        400
    );
    let log = stage.control.log();
    assert!(log.iter().all(|request| request.kind == RequestKind::Other));
}

#[tokio::test]
async fn a_heavy_query_is_a_504() {
    let stage = stage(spec(Provider::UtahRealEstate, 20)).await;
    let rule = FaultRule::new(Fault::Status { code: 504 }).times(1);
    stage.control.set_faults(vec![rule]);
    let first = stage.first();
    assert_eq!(stage.get(&first).await.status, 504);
    assert_eq!(stage.get(&first).await.status, 200);
}
