//! The controls, in the process and over HTTP.

use livelist_mls::{MlsSpec, Provider, Simulator};
use serde_json::json;

use crate::client::{delete, get, post};
use crate::scan::{sorted, spec, stage};

#[tokio::test]
async fn the_book_is_changed_over_http() {
    let stage = stage(spec(Provider::Trestle, 100)).await;
    let control = format!("{}/_control/abor", stage.simulator.url());
    let url = |verb: &str| format!("{control}/{verb}");
    let live = get(&url("live")).send().await.text();
    assert_eq!(live.lines().collect::<Vec<_>>(), stage.control.live_keys());
    assert!(live.ends_with('\n'));
    let sold = post(&url("sell"), r#"{"n":10}"#).send().await.json();
    assert_eq!(sold["keys"].as_array().unwrap().len(), 10);
    let key = stage.control.live_keys().remove(0);
    let body = json!({ "keys": [key] }).to_string();
    assert_eq!(
        post(&url("sell"), &body).send().await.json()["keys"],
        json!([key])
    );
    assert_eq!(
        post(&url("relist"), &body).send().await.json()["keys"],
        json!([key])
    );
    post(&url("add"), r#"{"n":5}"#).send().await;
    let state = get(&url("state")).send().await.json();
    assert_eq!(
        (state["live"].as_u64(), state["provider"].as_str()),
        (Some(95), Some("trestle"))
    );
    post(&url("touch"), r#"{"n":5}"#).send().await;
    let before = stage.control.live_keys();
    post(&url("rekey"), "").send().await;
    let after = stage.control.live_keys();
    assert!(after.len() == 95 && after.iter().all(|key| !before.contains(key)));
    assert_eq!(sorted(stage.keys(&stage.first()).await), after);
    let rules = r#"[{"fault":"empty_list"},{"fault":{"throttle":{"status":429,"retry_after":"seconds","seconds":2}},"on":"count","skip":1,"times":2}]"#;
    assert_eq!(post(&url("faults"), rules).send().await.json()["rules"], 2);
    assert!(stage.get("Property").await.keys().is_empty());
    assert_eq!(
        get(&url("struck")).send().await.json(),
        json!({"empty_list": 1})
    );
    delete(&url("faults")).send().await;
    assert_eq!(stage.get("Property").await.keys().len(), 10);
    let log = get(&url("log")).send().await.json();
    assert_eq!(log.as_array().unwrap().last().unwrap()["kind"], "page");
    delete(&url("log")).send().await;
    assert_eq!(get(&url("log")).send().await.json(), json!([]));
    post(&url("expire-tokens"), "").send().await;
    post(&url("revoke"), r#"{"on":true}"#).send().await;
    assert_eq!(stage.token_request().send().await.status, 400);
    for (verb, body) in [
        ("faults", r#"[{"fault":"unheard_of"}]"#),
        ("faults", r#"[{"fault":"reset","often":1}]"#),
        ("sell", r#"{"number":1}"#),
    ] {
        let reply = post(&url(verb), body).send().await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.json()["error"].is_string());
    }
    assert_eq!(get(&url("nothing")).send().await.status, 404);
}

#[tokio::test]
async fn mlss_are_apart_and_all_are_named() {
    let specs = Provider::ALL.map(|provider| {
        let name = format!("{provider:?}").to_lowercase();
        MlsSpec::new(name, provider, 10)
    });
    let simulator = Simulator::start(specs.into()).await.unwrap();
    let url = format!("{}/_control/mlss", simulator.url());
    let listed = get(&url).send().await.json();
    assert_eq!(listed, json!(simulator.endpoints()));
    assert_eq!(listed.as_array().unwrap().len(), 13);
    assert_eq!(simulator.token_url("bridge"), "");
    simulator.control("trestle").unwrap().sell(5);
    assert_eq!(simulator.control("bridge").unwrap().live_count(), 10);
    assert!(simulator.control("none").is_none());
    assert_eq!(
        get(&format!("{}/none/odata", simulator.url()))
            .send()
            .await
            .status,
        404
    );
    let addr = simulator.addr();
    simulator.shutdown().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn specs_that_cannot_be_served_are_refused() {
    let good = || MlsSpec::new("abor", Provider::Bridge, 1);
    let bad_name = MlsSpec {
        mls: "a/b".into(),
        ..good()
    };
    let no_pages = MlsSpec {
        page_limit: Some(0),
        ..good()
    };
    let wrong_kind = MlsSpec {
        provider: Provider::Trestle,
        ..good()
    };
    for specs in [
        vec![good(), good()],
        vec![bad_name],
        vec![no_pages],
        vec![wrong_kind],
    ] {
        let error = Simulator::start(specs).await.err().unwrap();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
