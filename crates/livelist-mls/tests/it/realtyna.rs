//! Realtyna's MLS Router as its clients have it.

use livelist_mls::{Provider, RequestKind};

use crate::client::{get, post};
use crate::scan::{sorted, spec, stage};

#[tokio::test]
async fn every_request_shows_the_api_key() {
    let stage = stage(spec(Provider::Realtyna, 5)).await;
    assert!(stage.base.ends_with("/abor/reso/odata"));
    let secrets = stage.control.secrets();
    let (secret, api_key) = (&secrets[0], &secrets[1]);
    let form =
        format!("grant_type=client_credentials&client_id=abor-client&client_secret={secret}");
    let url = stage.simulator.token_url("abor");
    let ask = |key: Option<&str>| {
        let ask = post(&url, &form);
        match key {
            Some(key) => ask.header("x-api-key", key),
            None => ask,
        }
    };
    for (key, status) in [(None, 403), (Some("wrong"), 403), (Some(&api_key[..]), 200)] {
        assert_eq!(ask(key).send().await.status, status);
    }
    let token = stage.token().await;
    let property = format!("{}/Property", stage.base);
    let reply = get(&property).bearer(&token).send().await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (403, Some("403"))
    );
    for (shown, status) in [(&token[..], 200), ("wrong", 401)] {
        let ask = get(&property).bearer(shown).header("x-api-key", api_key);
        assert_eq!(ask.send().await.status, status);
    }
    let wrong = form.replace(secret, "x");
    let reply = post(&url, &wrong).header("x-api-key", api_key).send().await;
    assert_eq!(
        (reply.status, reply.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
}

#[tokio::test]
async fn pages_are_counted_by_the_client() {
    let stage = stage(spec(Provider::Realtyna, 450)).await;
    assert_eq!(stage.get("Property").await.keys().len(), 10);
    let large = stage.get("Property?$top=500").await;
    assert_eq!(large.keys().len(), 200);
    assert!(large.next().is_none() && !large.headers.contains_key("link"));
    let pages = stage.whole().await;
    let sizes: Vec<_> = pages.iter().map(|page| page.keys().len()).collect();
    assert_eq!(sizes, [200, 200, 50]);
    let keys = pages.iter().flat_map(|page| page.keys()).collect();
    assert_eq!(sorted(keys), stage.control.live_keys());
    let log = stage.control.log();
    let rows = log
        .iter()
        .filter(|request| request.kind != RequestKind::Token);
    assert!(
        rows.into_iter()
            .all(|request| request.kind == RequestKind::Page)
    );
}

#[tokio::test]
async fn what_is_null_is_left_out() {
    let stage = stage(spec(Provider::Realtyna, 100)).await;
    let path = "Property?$select=ListingKey,City,RFModificationTimestamp&$top=100";
    let rows = stage.get(path).await.json()["value"]
        .as_array()
        .unwrap()
        .clone();
    let without = rows.iter().filter(|row| row.get("City").is_none()).count();
    assert!(without > 5 && without < 60, "{without}");
    assert!(
        rows.iter()
            .all(|row| row["RFModificationTimestamp"].is_string())
    );
    assert!(
        rows.iter()
            .all(|row| row.get("City").is_none_or(|city| city.is_string()))
    );
    let touched = stage.control.touch(1);
    let at = rows
        .iter()
        .filter_map(|row| row["RFModificationTimestamp"].as_str())
        .max();
    let later = format!(
        "Property?$filter=RFModificationTimestamp gt {}",
        at.unwrap()
    );
    assert_eq!(stage.get(&later).await.keys(), touched);
}
