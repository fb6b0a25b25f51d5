//! A plain RESO Web API server in all its settings.

use livelist_mls::{Auth, Credential, Options, Paging, Provider, TokenReuse};

use crate::client::{get, post};
use crate::scan::{Stage, sorted, spec, stage};

async fn server(options: Options) -> Stage {
    let mut spec = spec(Provider::Reso, 120);
    spec.page_limit = Some(25);
    spec.options = options;
    stage(spec).await
}

#[tokio::test]
async fn every_form_of_paging_reaches_every_row() {
    for (paging, looks) in [
        (Paging::NextSkip, "$skip=25"),
        (Paging::NextOpaqueId, "Property?next="),
        (Paging::NextSkiptoken, "$skiptoken="),
        (Paging::LinkHeader, "$skip=25"),
        (Paging::RelativeLink, "Property?$select=ListingKey&$skip=25"),
    ] {
        let stage = server(Options {
            paging,
            ..Options::default()
        })
        .await;
        let page = stage.get("Property?$select=ListingKey").await;
        assert_eq!(page.headers["odata-version"], "4.0");
        assert!(page.next().unwrap().contains(looks), "{paging:?} {page:?}");
        let in_header = page.headers.contains_key("link");
        assert_eq!(in_header, paging == Paging::LinkHeader);
        assert_eq!(
            page.next().unwrap().starts_with("http"),
            paging != Paging::RelativeLink
        );
        let keys = stage.keys("Property?$select=ListingKey").await;
        assert_eq!(sorted(keys), stage.control.live_keys(), "{paging:?}");
    }
}

#[tokio::test]
async fn the_page_is_as_large_as_preferred() {
    let stage = server(Options::default()).await;
    let url = format!("{}/Property", stage.base);
    let token = stage.token().await;
    for (prefer, rows) in [("odata.maxpagesize=7", 7), ("odata.maxpagesize=9000", 25)] {
        let page = get(&url)
            .bearer(&token)
            .header("prefer", prefer)
            .send()
            .await;
        assert_eq!(page.keys().len(), rows);
    }
    assert_eq!(stage.get("Property?$top=3").await.keys().len(), 3);
    assert_eq!(stage.keys("Property?$top=3").await.len(), 120);
}

#[tokio::test]
async fn top_can_be_the_total_owed() {
    for paging in [
        Paging::NextSkip,
        Paging::NextOpaqueId,
        Paging::NextSkiptoken,
    ] {
        let options = Options {
            top_is_total: true,
            paging,
            ..Options::default()
        };
        let stage = server(options).await;
        assert_eq!(stage.keys("Property?$top=60").await.len(), 60, "{paging:?}");
        assert_eq!(stage.keys("Property?$top=25").await.len(), 25, "{paging:?}");
        assert_eq!(
            stage.keys("Property?$top=9000").await.len(),
            120,
            "{paging:?}"
        );
        assert!(stage.get("Property?$top=0").await.next().is_none());
    }
}

#[tokio::test]
async fn counts_come_as_they_are_set() {
    let stage = server(Options::default()).await;
    let query = "Property?$count=true";
    assert_eq!(stage.get(query).await.json()["@odata.count"], 120);
    assert_eq!(stage.get("Property/$count").await.text(), "120");
    assert!(
        stage
            .get("Property")
            .await
            .json()
            .get("@odata.count")
            .is_none()
    );
    let stage = server(Options {
        count_as_string: true,
        ..Options::default()
    })
    .await;
    assert_eq!(stage.get(query).await.json()["@odata.count"], "120");
    let stage = server(Options {
        count: false,
        ..Options::default()
    })
    .await;
    assert!(stage.get(query).await.json().get("@odata.count").is_none());
    assert_eq!(stage.get("Property/$count").await.status, 404);
}

#[tokio::test]
async fn unordered_paging_loses_and_repeats_rows_and_an_order_mends_it() {
    let stage = server(Options {
        unordered: true,
        ..Options::default()
    })
    .await;
    let mut keys = sorted(stage.keys("Property?$select=ListingKey").await);
    let seen = keys.len();
    keys.dedup();
    assert!(keys.len() < seen || keys.len() < 120, "{seen}");
    assert_ne!(keys, stage.control.live_keys());
    let ordered = stage
        .keys("Property?$select=ListingKey&$orderby=ListingKey")
        .await;
    assert_eq!(ordered, stage.control.live_keys());
}

#[tokio::test]
async fn a_timestamp_and_key_cursor_passes_equal_timestamps() {
    let stage = server(Options::default()).await;
    stage.control.touch_all_same_timestamp();
    let page = stage
        .get("Property?$orderby=ModificationTimestamp,ListingKey")
        .await;
    let last = page.json()["value"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    let (at, key) = (
        last["ModificationTimestamp"].as_str().unwrap(),
        crate::scan::escaped(&last["ListingKey"].as_str().unwrap().replace('\'', "''")),
    );
    let filter = format!(
        "(ModificationTimestamp gt {at} or (ModificationTimestamp eq {at} and ListingKey gt '{key}'))"
    );
    let rest = stage
        .keys(&format!(
            "Property?$filter={filter}&$orderby=ModificationTimestamp,ListingKey"
        ))
        .await;
    assert_eq!(rest, stage.control.live_keys()[25..]);
}

#[tokio::test]
async fn client_credentials_come_as_a_form_or_as_basic() {
    let mut spec = spec(Provider::Reso, 10);
    spec.credential = Credential::ClientCredentials {
        client_id: "site".into(),
        client_secret: "se cret".into(),
    };
    spec.options.auth = Some(Auth::ClientCredentials);
    spec.options.tokens = TokenReuse::Single;
    let stage = stage(spec).await;
    let url = stage.simulator.token_url("abor");
    let form = "grant_type=client_credentials&client_id=site&client_secret=se+cret";
    let reply = post(&url, form).send().await;
    let first = reply.json()["access_token"].as_str().unwrap().to_owned();
    let reply = post(&url, "grant_type=client_credentials")
        .header("authorization", "Basic c2l0ZTpzZStjcmV0")
        .send()
        .await;
    let second = reply.json()["access_token"].as_str().unwrap().to_owned();
    let property = format!("{}/Property", stage.base);
    assert_eq!(get(&property).bearer(&first).send().await.status, 401);
    assert_eq!(get(&property).bearer(&second).send().await.status, 200);
    let reply = post(
        &url,
        "grant_type=client_credentials&client_id=site&client_secret=x",
    );
    let reply = reply.send().await;
    assert_eq!(
        (reply.status, reply.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
}
