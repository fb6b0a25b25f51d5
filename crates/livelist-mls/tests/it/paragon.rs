//! Paragon: Bridge's shape on another host, with either kind of credential.

use livelist_mls::{Credential, MlsSpec, Provider};

use crate::client::get;
use crate::scan::{sorted, spec, stage};

fn paragon() -> MlsSpec {
    let mut spec = spec(Provider::Paragon, 60);
    spec.dataset = Some("mibor".into());
    spec.page_limit = Some(25);
    spec
}

#[tokio::test]
async fn a_server_token_reads_all_by_replication() {
    let stage = stage(paragon()).await;
    assert!(stage.base.ends_with("/abor/api/v2/OData/mibor"));
    assert_eq!(stage.simulator.token_url("abor"), "");
    let first = "Property/replication?$select=ListingKey&$top=2000";
    let keys = stage.keys(first).await;
    assert_eq!(sorted(keys), stage.control.live_keys());
    let page = stage.get(first).await;
    assert!(
        page.headers.contains_key("link") && page.next().unwrap().contains("/replication?next=")
    );
    assert!(!page.headers.contains_key("burst-ratelimit-limit"));
    assert_eq!(stage.get("Property/replication?$skip=1").await.status, 400);
    assert_eq!(stage.get("Property?$top=25&$skip=9975").await.status, 200);
    assert_eq!(stage.get("Property?$top=25&$skip=9976").await.status, 400);
    let field = "Property?$filter=BridgeModificationTimestamp gt 2024-01-01T00:00:00Z";
    assert_eq!(stage.get(field).await.status, 400, "that field is Bridge's");
    let reply = get(&format!("{}/Property", stage.base))
        .bearer("x")
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_u64()),
        (401, Some(401))
    );
}

#[tokio::test]
async fn client_credentials_do_as_well() {
    let mut spec = paragon();
    spec.credential = Credential::ClientCredentials {
        client_id: "site".into(),
        client_secret: "s".into(),
    };
    let stage = stage(spec).await;
    assert!(
        stage
            .simulator
            .token_url("abor")
            .ends_with("/abor/oauth2/token")
    );
    let keys = stage.keys(&stage.first()).await;
    assert_eq!(sorted(keys), stage.control.live_keys());
    let url = format!("{}/Property", stage.base);
    assert_eq!(get(&url).bearer("s").send().await.status, 401);
    let form = "grant_type=client_credentials&client_id=site&client_secret=x";
    let reply = crate::client::post(&stage.simulator.token_url("abor"), form)
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
}
