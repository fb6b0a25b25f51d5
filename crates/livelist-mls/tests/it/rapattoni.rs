//! Rapattoni as documented and recorded.

use livelist_mls::{Credential, MlsSpec, Provider, RefreshReuse};
use serde_json::{Value, json};

use crate::client::post;
use crate::scan::{Stage, sorted, spec, stage};

fn bari() -> MlsSpec {
    let mut spec = spec(Provider::Rapattoni, 60);
    spec.dataset = Some("bari".into());
    spec
}

async fn grant(stage: &Stage, form: &str) -> Value {
    let reply = post(&stage.simulator.token_url("abor"), form).send().await;
    assert_eq!(reply.status, 200, "also a refusal is a 200");
    reply.json()
}

async fn refreshed(stage: &Stage, token: &Value) -> Value {
    let token = token["refresh_token"].as_str().unwrap();
    grant(
        stage,
        &format!("grant_type=refresh_token&refresh_token={token}"),
    )
    .await
}

#[tokio::test]
async fn a_password_buys_a_week_and_a_refresh_token() {
    let stage = stage(bari()).await;
    assert!(stage.base.ends_with("/abor/2/bari/RESO/OData"));
    assert!(
        stage
            .simulator
            .token_url("abor")
            .ends_with("/abor/bari/oauth/token")
    );
    let token = stage.token_request().send().await.json();
    assert_eq!(token["expires_in"], 604_799);
    assert_eq!(
        (&token["token_type"], &token["userName"]),
        (&json!("bearer"), &json!("abor-user"))
    );
    for name in [".issued", ".expires"] {
        assert!(token[name].as_str().unwrap().ends_with(" GMT"), "{token}");
    }
    for name in ["access_token", "refresh_token"] {
        let issued = token[name].as_str().unwrap().to_owned();
        assert!(stage.control.secrets().contains(&issued));
    }
    let password = stage.control.secrets().remove(0);
    for form in [
        "grant_type=password&username=abor-user&password=wrong".to_owned(),
        format!("grant_type=password&username=other&password={password}"),
        format!("grant_type=client_credentials&client_id=abor-user&client_secret={password}"),
        format!("username=abor-user&password={password}"),
        "grant_type=refresh_token&refresh_token=unknown".to_owned(),
    ] {
        assert_eq!(
            grant(&stage, &form).await,
            json!({"error": "invalid_grant"}),
            "{form}"
        );
    }
    stage.control.revoke(true);
    assert_eq!(
        refreshed(&stage, &token).await,
        json!({"error": "invalid_grant"})
    );
}

#[tokio::test]
async fn a_refresh_token_outlives_the_token_it_came_with() {
    for (reuse, twice) in [
        (RefreshReuse::Once, false),
        (RefreshReuse::UntilNextIsUsed, true),
        (RefreshReuse::Lasting, true),
    ] {
        let mut spec = bari();
        spec.options.refresh = reuse;
        let stage = stage(spec).await;
        let token = stage.token_request().send().await.json();
        stage.control.expire_tokens();
        let second = refreshed(&stage, &token).await;
        let same = second["refresh_token"] == token["refresh_token"];
        assert_eq!(same, reuse == RefreshReuse::Lasting);
        let url = format!("{}/Property?class=Residential", stage.base);
        for (shown, status) in [(&token, 401), (&second, 200)] {
            let shown = shown["access_token"].as_str().unwrap();
            assert_eq!(stage.ask(&url).bearer(shown).send().await.status, status);
        }
        let again = refreshed(&stage, &token).await;
        assert_eq!(again.get("access_token").is_some(), twice, "{reuse:?}");
    }
}

#[tokio::test]
async fn a_client_is_asked_for_where_there_is_one() {
    let mut spec = bari();
    spec.credential = Credential::Password {
        username: "u".into(),
        password: "p".into(),
        client_id: Some("site".into()),
        client_secret: Some("s".into()),
    };
    let stage = stage(spec).await;
    let form = "grant_type=password&username=u&password=p";
    assert_eq!(grant(&stage, form).await, json!({"error": "invalid_grant"}));
    let form = format!("{form}&client_id=site&client_secret=s");
    let token = grant(&stage, &form).await;
    assert_eq!(
        refreshed(&stage, &token).await,
        json!({"error": "invalid_grant"})
    );
    let secrets = stage.control.secrets();
    assert_eq!(secrets[..2], ["p".to_owned(), "s".to_owned()]);
}

#[tokio::test]
async fn the_class_goes_on_in_the_links() {
    let mut spec = bari();
    spec.page_limit = Some(25);
    let stage = stage(spec).await;
    for path in ["Property?$top=1000", "Property?class=Land", "Property('1')"] {
        let reply = stage.get(path).await;
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].as_str()),
            (400, Some("400"))
        );
    }
    let pages = stage.scan("Property?$top=1000&class=Residential").await;
    let next = pages[0].next().unwrap();
    assert!(
        next.ends_with("?$top=1000&class=Residential&$skip=25"),
        "{next}"
    );
    let keys = pages.iter().flat_map(|page| page.keys()).collect();
    assert_eq!(sorted(keys), stage.control.live_keys());
    let at = pages[0].json()["value"][0]["ModificationTimestamp"].clone();
    assert!(at.as_str().unwrap().ends_with("-05:00"), "{at}");
}

#[tokio::test]
async fn a_page_is_cut_at_a_thousand() {
    let stage = stage(spec(Provider::Rapattoni, 1_200)).await;
    let page = stage
        .get("Property?class=Residential&$top=5000&$select=ListingKey")
        .await;
    assert_eq!(page.keys().len(), 1_000);
}
