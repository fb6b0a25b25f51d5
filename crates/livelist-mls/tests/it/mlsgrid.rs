//! MLS Grid as documented and recorded.

use livelist_mls::{MlsSpec, Provider};

use crate::client::get;
use crate::scan::{sorted, spec, stage};

const SYSTEM: &str = "$filter=OriginatingSystemName eq 'actris'";

#[tokio::test]
async fn gzip_comes_before_the_credential() {
    let stage = stage(spec(Provider::MlsGrid, 5)).await;
    let url = format!("{}/Property?{SYSTEM}", stage.base);
    let reply = get(&url).send().await;
    assert_eq!(
        (reply.status, reply.text()),
        (400, "COMPRESSION REQUIRED".into())
    );
    let reply = get(&url).gzip().send().await;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.text(),
        r#"{"error":{"code":401,"message":"Unauthorized request: no authentication given"}}"#
    );
    let reply = stage.get(&format!("Property?{SYSTEM}")).await;
    assert_eq!(
        (reply.status, reply.headers["content-encoding"].as_str()),
        (200, "gzip")
    );
}

#[tokio::test]
async fn what_is_documented_as_refused_is_refused() {
    let stage = stage(spec(Provider::MlsGrid, 600)).await;
    let ors = |n: usize| vec!["MlgCanView eq true"; n].join(" or ");
    for (query, status) in [
        (SYSTEM.to_owned(), 200),
        (String::new(), 400),
        ("$filter=MlgCanView eq true".into(), 400),
        (
            format!("{SYSTEM} and OriginatingSystemName eq 'mfrmls'"),
            400,
        ),
        ("$filter=OriginatingSystemName ne 'actris'".into(), 400),
        (format!("{SYSTEM} and ListingKey eq 'ACT1'"), 400),
        (format!("{SYSTEM}&$orderby=ModificationTimestamp"), 400),
        (format!("{SYSTEM}&$count=true"), 400),
        (format!("{SYSTEM}&$top=5000"), 200),
        (format!("{SYSTEM}&$top=5001"), 400),
        (format!("{SYSTEM}&$top=1001&$expand=Media"), 400),
        (format!("{SYSTEM} and ({})", ors(6)), 200),
        (format!("{SYSTEM} and ({})", ors(7)), 400),
    ] {
        let reply = stage.get(&format!("Property?{query}")).await;
        assert_eq!(reply.status, status, "{query}");
        if status == 400 {
            assert_eq!(reply.json()["error"]["code"], 400);
        }
    }
    assert_eq!(stage.get("Property('ACT1')").await.status, 400);
    let page = stage.get(&format!("Property?{SYSTEM}")).await;
    assert_eq!(page.keys().len(), 500);
}

#[tokio::test]
async fn links_look_as_published() {
    let stage = stage(spec(Provider::MlsGrid, 1_500)).await;
    let first = "Property?$top=1000&$filter=OriginatingSystemName+eq+'actris'+and+MlgCanView+eq+true&$expand=Media,Rooms,UnitTypes";
    let expected = format!(
        "{}/Property?$filter=OriginatingSystemName%20eq%20'actris'%20and%20MlgCanView%20eq%20true&$expand=Media%2CRooms%2CUnitTypes&$top=1000&$skip=1000",
        stage.base
    );
    assert_eq!(stage.get(first).await.next(), Some(expected));
}

#[tokio::test]
async fn keys_carry_the_prefix_of_their_system() {
    let mut mfr = MlsSpec::new("stellar", Provider::MlsGrid, 20);
    mfr.originating_system = Some("mfrmls".into());
    let stage = stage(mfr).await;
    assert!(
        stage
            .control
            .live_keys()
            .iter()
            .all(|key| key.starts_with("MFR"))
    );
    let page = stage.get(&format!("Property?{SYSTEM}")).await;
    assert!(page.keys().is_empty(), "another system's rows");
}

#[tokio::test]
async fn deleted_rows_stay_as_rows_that_cannot_be_viewed() {
    let stage = stage(spec(Provider::MlsGrid, 60)).await;
    let sold = stage.control.sell(4);
    let gone = stage
        .get(&format!("Property?{SYSTEM} and MlgCanView eq false"))
        .await;
    assert_eq!(sorted(gone.keys()), sorted(sold));
    assert_eq!(gone.json()["value"][0]["MlgCanView"], false);
    assert_eq!(
        stage.get(&format!("Property?{SYSTEM}")).await.keys().len(),
        60
    );
    let view = stage
        .get(&format!("Property?{SYSTEM} and MlgCanView eq true"))
        .await;
    assert_eq!(sorted(view.keys()), stage.control.live_keys());
}

#[tokio::test]
async fn a_touched_row_moves_to_the_end() {
    let stage = stage(spec(Provider::MlsGrid, 60)).await;
    let touched = stage.control.touch(1);
    let page = stage.get(&format!("Property?{SYSTEM}")).await;
    assert_eq!(page.keys().last(), touched.last());
    let rows = page.json()["value"].as_array().unwrap().clone();
    let stamps: Vec<_> = rows
        .iter()
        .map(|r| r["ModificationTimestamp"].as_str().unwrap())
        .collect();
    assert!(stamps.is_sorted() && stamps[0].ends_with('Z'));
    let id = format!("{}/Property('{}')", stage.base, page.keys()[0]);
    assert_eq!(rows[0]["@odata.id"], id.as_str());
}

#[tokio::test]
async fn the_third_request_of_a_second_is_too_much() {
    let mut spec = spec(Provider::MlsGrid, 5);
    spec.rate_limited = true;
    let stage = stage(spec).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(stage.get(&format!("Property?{SYSTEM}")).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    assert_eq!(stage.get(&format!("Property?{SYSTEM}")).await.status, 200);
}
