//! `$metadata` of every dialect.

use livelist_mls::{KeyType, Lookups, Provider, Records, RequestKind, Told};

use crate::client::get;
use crate::scan::{Stage, spec, stage};

async fn told(stage: &Stage) -> String {
    let reply = stage.get("$metadata").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.headers["content-type"], "application/xml");
    reply.text()
}

async fn with(provider: Provider, records: Records) -> Stage {
    let mut spec = spec(provider, 5);
    spec.options.records = Some(records);
    stage(spec).await
}

/// Names and types of a resource's fields.
fn fields(document: &str, resource: &str) -> Vec<(String, String)> {
    let begin = document
        .find(&format!("<EntityType Name=\"{resource}\">"))
        .unwrap();
    let entity = &document[begin..];
    let entity = &entity[..entity.find("</EntityType>").unwrap()];
    let mut parts = entity.split("<Property Name=\"");
    parts.next();
    let field = |part: &str| {
        let mut quoted = part.split('"');
        let name = quoted.next().unwrap().to_owned();
        (name, quoted.nth(1).unwrap().to_owned())
    };
    parts.map(field).collect()
}

#[tokio::test]
async fn every_dialect_describes_what_its_rows_have() {
    for provider in Provider::ALL {
        let stage = with(provider, Records::default()).await;
        let document = told(&stage).await;
        assert!(document.starts_with("<?xml"), "{provider:?}");
        let fields = fields(&document, "Property");
        let own = usize::from(matches!(
            provider,
            Provider::MlsGrid
                | Provider::Bridge
                | Provider::Realtyna
                | Provider::Rmls
                | Provider::UtahRealEstate
        ));
        assert_eq!(fields.len(), 150 + own, "{provider:?}");
        // The set names the type as it is called where it stands.
        let (_, set) = document
            .split_once("<EntitySet Name=\"Property\" EntityType=\"")
            .unwrap();
        let (space, name) = set.split_once('"').unwrap().0.rsplit_once('.').unwrap();
        assert_eq!(name, "Property");
        assert!(
            document.contains(&format!("<Schema Namespace=\"{space}\"")),
            "{space}"
        );
        let log = stage.control.log();
        assert_eq!(log.last().unwrap().kind, RequestKind::Other);
        let reply = get(&format!("{}/$metadata", stage.base))
            .gzip()
            .send()
            .await;
        assert!((400..404).contains(&reply.status), "{provider:?} {reply:?}");
    }
}

#[tokio::test]
async fn narrow_rows_are_described_as_they_are() {
    let stage = stage(spec(Provider::Reso, 5)).await;
    let fields = fields(&told(&stage).await, "Property");
    assert_eq!(fields.len(), 13);
    assert!(fields.contains(&("ListPrice".into(), "Edm.Decimal".into())));
}

#[tokio::test]
async fn lookups_have_two_forms_and_namespaces_are_the_vendors() {
    for (provider, space, container, lookup) in [
        (
            Provider::Bridge,
            "ODataService",
            "Default",
            "PropertyEnums.Appliances",
        ),
        (
            Provider::Trestle,
            "CoreLogic.DataStandard.RESO.DD",
            "CoreLogic.DataStandard.RESO.DD",
            "CoreLogic.DataStandard.RESO.DD.Enums.Appliances",
        ),
        (
            Provider::MlsGrid,
            "com.mlsgrid.metadata",
            "com.mlsgrid.container",
            "Edm.String",
        ),
        (
            Provider::UtahRealEstate,
            "Odata.Models",
            "Default",
            "Edm.String",
        ),
        (
            Provider::Spark,
            "org.reso.metadata",
            "org.reso.metadata",
            "org.reso.metadata.Enums.Appliances",
        ),
    ] {
        let document = told(&with(provider, Records::default()).await).await;
        assert!(document.contains(&format!("EntityType=\"{space}.Property\"")));
        let (before, _) = document.split_once("<EntityContainer").unwrap();
        let (_, holder) = before.rsplit_once("<Schema Namespace=\"").unwrap();
        assert!(holder.starts_with(&format!("{container}\"")), "{holder}");
        let appliances = ("Appliances".to_owned(), format!("Collection({lookup})"));
        assert!(
            fields(&document, "Property").contains(&appliances),
            "{provider:?}"
        );
        let annotated = document.contains("RESO.OData.Metadata.LookupName\" String=\"Appliances\"");
        let named = document.contains("<EnumType Name=\"Appliances\">");
        assert_eq!(
            (annotated, named),
            (lookup == "Edm.String", lookup != "Edm.String")
        );
    }
    let renamed = Records {
        namespace: Some("Cotality.DataStandard.RESO.DD".into()),
        lookups: Lookups::Annotation,
        ..Records::default()
    };
    let document = told(&with(Provider::Trestle, renamed).await).await;
    assert!(document.contains("EntityType=\"Cotality.DataStandard.RESO.DD.Property\""));
    assert!(!document.contains("EnumType Name"));
}

#[tokio::test]
async fn keys_have_their_type() {
    for (keys, kind) in [(KeyType::Int64, "Edm.Int64"), (KeyType::Guid, "Edm.Guid")] {
        let mut spec = spec(Provider::Reso, 5);
        spec.options.contrary.keys = keys;
        let document = told(&stage(spec).await).await;
        assert_eq!(
            fields(&document, "Property")[0],
            ("ListingKey".into(), kind.into())
        );
    }
}

#[tokio::test]
async fn metadata_may_be_something_else() {
    let of = |metadata| Records {
        metadata,
        ..Records::default()
    };
    let stage = with(Provider::Rmls, of(Told::ServiceDocument)).await;
    let reply = stage.get("$metadata").await.json();
    let sets = reply["value"].as_array().unwrap();
    assert!(sets.iter().any(|set| set["name"] == "Deleted"));
    let stage = with(Provider::Rmls, of(Told::NoProperty)).await;
    let document = told(&stage).await;
    assert!(!document.contains("\"Property\"") && document.contains("\"Deleted\""));
    let stage = with(Provider::Rmls, of(Told::Missing)).await;
    assert_eq!(stage.get("$metadata").await.status, 404);
}

#[tokio::test]
async fn metadata_comes_with_gzip() {
    let stage = with(Provider::Crea, Records::default()).await;
    let url = format!("{}/$metadata", stage.base);
    let token = stage.token().await;
    let squeezed = get(&url).bearer(&token).gzip().send().await;
    assert_eq!(squeezed.headers["content-encoding"], "gzip");
    assert_eq!(squeezed.text(), told(&stage).await);
}

#[tokio::test]
async fn a_schema_grows() {
    let stage = with(Provider::Reso, Records::default()).await;
    let before = fields(&told(&stage).await, "Property");
    let row = stage.get("Property").await.json()["value"][0].clone();
    assert_eq!(
        stage.control.grow(),
        (Some("ListAgentFirstName"), Some("TaxYear"))
    );
    let after = fields(&told(&stage).await, "Property");
    assert_eq!(after.len(), before.len() + 1);
    let retyped: Vec<_> = before.iter().filter(|old| !after.contains(old)).collect();
    assert_eq!(retyped, [&("TaxYear".to_owned(), "Edm.Int64".to_owned())]);
    let rows = stage.get("Property").await.json()["value"].clone();
    assert!(rows[0]["ListAgentFirstName"].is_string());
    assert_eq!(
        rows[0]["ModificationTimestamp"],
        row["ModificationTimestamp"]
    );
    for row in rows.as_array().unwrap() {
        assert!(row["TaxYear"].is_string() || row["TaxYear"].is_null());
    }
    let url = format!("{}/_control/abor/grow", stage.simulator.url());
    let told = crate::client::post(&url, "").send().await.json();
    assert_eq!(told["retyped"], "Stories");
    let narrow = crate::scan::stage(spec(Provider::Reso, 5)).await;
    assert_eq!(narrow.control.grow(), (None, None));
}

#[tokio::test]
async fn a_schema_with_everything_grows_by_the_vendors_own() {
    let everything = Records {
        fields: 632,
        ..Records::default()
    };
    let stage = with(Provider::Reso, everything).await;
    assert_eq!(fields(&told(&stage).await, "Property").len(), 632);
    let added: Vec<_> = std::iter::repeat_with(|| stage.control.grow().0)
        .map_while(|added| added)
        .collect();
    assert_eq!(added.len(), 8);
    assert!(added.iter().all(|name| name.starts_with("LL_")));
}
