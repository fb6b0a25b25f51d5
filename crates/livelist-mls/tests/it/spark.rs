//! Spark as documented and recorded.

use livelist_mls::{Envelope, Fault, FaultRule, MlsSpec, On, Provider, RequestKind};

use crate::client::get;
use crate::scan::{Stage, sorted, spec, stage};

fn spark(listings: u64) -> MlsSpec {
    spec(Provider::Spark, listings)
}

#[tokio::test]
async fn keys_are_26_digits_and_pages_go_on_behind_the_last_of_them() {
    let stage = stage(spark(2_500)).await;
    assert!(stage.base.ends_with("/abor/Reso/OData"));
    let first = "Property?$select=ListingKey,ModificationTimestamp&$top=1000&$count=true";
    let pages = stage.scan(first).await;
    let keys: Vec<_> = pages.iter().flat_map(|page| page.keys()).collect();
    assert_eq!(pages.len(), 3);
    assert_eq!(keys, stage.control.live_keys(), "they come in order");
    let digits = |key: &String| key.len() == 26 && key.bytes().all(|byte| byte.is_ascii_digit());
    assert!(keys.iter().all(digits));
    assert_eq!(pages[0].json()["@odata.count"], 2_500);
    let next = pages[0].next().unwrap();
    assert!(
        next.ends_with(&format!("&$skiptoken={}", keys[999])),
        "{next}"
    );
    let at = pages[0].json()["value"][0]["ModificationTimestamp"].clone();
    assert!(at.as_str().unwrap().len() == 20, "whole seconds: {at}");
    assert_eq!(stage.get("Property?$top=5000").await.keys().len(), 1_000);
    assert_eq!(stage.get("Property?$skiptoken=").await.keys(), keys[..10]);
}

#[tokio::test]
async fn the_pull_allows_no_more_than_documented() {
    let stage = stage(spark(50)).await;
    let key = stage.control.live_keys().remove(7);
    let by_key = format!("Property?$filter=ListingKey eq '{key}'");
    for (path, status) in [
        ("Property?$skip=5", 400),
        ("Property?$orderby=ListingKey", 400),
        ("Property?$filter=StandardStatus eq 'Active'", 400),
        (
            "Property?$filter=ModificationTimestamp gt 2024-01-01T00:00:00Z",
            200,
        ),
        (&by_key, 400),
    ] {
        let reply = stage.get(path).await;
        assert_eq!(reply.status, status, "{path}");
        if status == 400 {
            assert_eq!(reply.json()["error"]["code"], 400);
        }
    }
    let mut spec = spark(50);
    spec.options.key_filter = true;
    let stage = crate::scan::stage(spec).await;
    let gone = stage.control.sell(2);
    let live = stage.control.live_keys();
    let asked = [&gone[..], &live[..3]].concat();
    let found = stage
        .get(&format!("Property?$filter={}", Stage::by_keys(&asked)))
        .await;
    assert_eq!(sorted(found.keys()), live[..3]);
    assert_eq!(stage.control.log()[0].kind, RequestKind::Confirm);
    assert_eq!(
        stage.get(&format!("Property('{}')", live[0])).await.status,
        200
    );
}

#[tokio::test]
async fn errors_come_in_the_envelope_that_is_set() {
    let message = "Invalid API key and/or request signed improperly";
    let stage = stage(spark(5)).await;
    let url = format!("{}/Property", stage.base);
    let reply = get(&url).bearer("wrong").send().await;
    let expected = format!(r#"{{"error":{{"code":401,"message":"{message}"}}}}"#);
    assert_eq!((reply.status, reply.text()), (401, expected));

    let mut spec = spark(5);
    spec.options.envelope = Envelope::Spark;
    spec.options.unavailable_code = 1516;
    let stage = crate::scan::stage(spec).await;
    let url = format!("{}/Property", stage.base);
    let reply = get(&url).bearer("wrong").send().await;
    let error = reply.json();
    assert_eq!(reply.status, 401);
    assert_eq!(
        (&error["D"]["Code"], &error["D"]["Success"]),
        (&1000.into(), &false.into())
    );
    assert_eq!(error["D"]["Message"], message);
    for (fault, status, code) in [
        (Fault::ExpireToken, 401, Some(1020)),
        (Fault::Status { code: 403 }, 403, Some(1021)),
        (Fault::Status { code: 429 }, 429, Some(1550)),
        (Fault::Status { code: 503 }, 503, Some(1516)),
        (Fault::Status { code: 500 }, 500, None),
    ] {
        stage
            .control
            .set_faults(vec![FaultRule::new(fault).on(On::Any).times(1)]);
        let reply = stage.get("Property").await;
        assert_eq!(reply.status, status);
        let error = reply.json();
        assert_eq!(error["D"]["Success"], false);
        assert_eq!(error["D"].get("Code").and_then(|code| code.as_u64()), code);
    }
    assert_eq!(
        stage.get("Property").await.status,
        200,
        "the key never expires"
    );
    let refused = stage.get("Property?$skip=1").await.json();
    assert!(refused["D"]["Message"].is_string() && refused.get("error").is_none());
}

#[tokio::test]
async fn a_cache_hides_what_happened_since() {
    let mut spec = spark(60);
    spec.options.cache_seconds = 1_200;
    spec.options.key_filter = true;
    let stage = stage(spec).await;
    let before = stage.keys("Property?$top=20").await;
    let sold = stage.control.sell(6);
    let added = stage.control.add(4);
    let page = stage.get("Property?$count=true&$top=0").await;
    assert_eq!(page.json()["@odata.count"], 60);
    let cached = stage.keys("Property?$top=20").await;
    assert_eq!(cached, before);
    let asked = [&sold[..], &added[..]].concat();
    let found = stage
        .get(&format!("Property?$filter={}", Stage::by_keys(&asked)))
        .await;
    assert_eq!(
        sorted(found.keys()),
        sorted(added),
        "by key it tells what is"
    );
    let fresh = crate::scan::stage(spark(60)).await;
    let sold = fresh.control.sell(6);
    let seen = fresh.keys("Property?$top=20").await;
    assert_eq!(seen.len(), 54, "without a cache");
    assert!(sold.iter().all(|key| !seen.contains(key)));
}
