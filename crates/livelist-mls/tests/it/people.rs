//! Members and offices: keyed as the metadata says, read by pages and windows of every dialect.

use std::collections::BTreeSet;

use livelist_mls::{Provider, Records};
use serde_json::Value;

use crate::client::post;
use crate::records::{page, with};
use crate::scan::{Stage, sorted};

/// All rows of a table under a filter, by links or by `$skip` or behind the last key.
async fn all(stage: &Stage, resource: &str, key: &str, filter: Option<&str>) -> Vec<Value> {
    let head = page(stage).replacen("Property", resource, 1);
    let (path, query) = head.split_once('?').unwrap();
    let mut filters: Vec<String> = filter.map(str::to_owned).into_iter().collect();
    let mut options: Vec<String> = vec!["$top=9".into()];
    for option in query.split('&') {
        match option.strip_prefix("$filter=") {
            Some(own) => filters.push(own.into()),
            None if option.starts_with("class") => options.push(option.into()),
            None => {}
        }
    }
    let ask = |more: &[String]| {
        let mut filters = filters.clone();
        filters.extend_from_slice(more);
        let filter = match filters.join(" and ") {
            none if none.is_empty() => String::new(),
            some => format!("&$filter={some}"),
        };
        format!("{path}?{}{filter}", options.join("&"))
    };
    let mut rows: Vec<Value> = Vec::new();
    let mut add = |reply: &crate::client::Reply| -> Option<(usize, String)> {
        let page = reply.json();
        let page = page["value"].as_array().unwrap();
        rows.extend(page.iter().cloned());
        let last = page.last()?[key].as_str()?.to_owned();
        Some((rows.len(), last))
    };
    match stage.provider {
        Provider::Realtyna | Provider::UtahRealEstate | Provider::Crea => {
            let mut next = add(&stage.get(&ask(&[])).await);
            while let Some((seen, _)) = next {
                next = add(&stage.get(&format!("{}&$skip={seen}", ask(&[]))).await);
            }
        }
        Provider::Ampre => {
            let order = format!("&$orderby={key}");
            let mut next = add(&stage.get(&format!("{}{order}", ask(&[]))).await);
            while let Some((_, last)) = next {
                let more = [format!("{key} gt '{last}'")];
                next = add(&stage.get(&format!("{}{order}", ask(&more))).await);
            }
        }
        _ => {
            for reply in stage.scan(&ask(&[])).await {
                add(&reply);
            }
        }
    }
    rows
}

fn keys(rows: &[Value], key: &str) -> Vec<String> {
    let rows = rows.iter();
    sorted(
        rows.map(|row| row[key].as_str().unwrap().to_owned())
            .collect(),
    )
}

#[tokio::test]
async fn every_dialect_serves_people_by_their_keys() {
    for provider in Provider::ALL {
        let stage = with(provider, 40, Records::default()).await;
        let document = stage.get("$metadata").await.text();
        let member = match provider {
            Provider::MlsGrid => "MemberMlsId",
            _ => "MemberKey",
        };
        for (resource, key, many) in [("Member", member, 200), ("Office", "OfficeKey", 20)] {
            assert!(document.contains(&format!(
                "<EntityType Name=\"{resource}\">\n<Key><PropertyRef Name=\"{key}\"/>"
            )));
            let rows = all(&stage, resource, key, None).await;
            let names: BTreeSet<_> = keys(&rows, key).into_iter().collect();
            assert_eq!((rows.len(), names.len()), (many, many), "{provider:?}");
            let touched = sorted(stage.control.touch_people(resource, 12));
            assert_eq!(touched.len(), 12);
            let window = "ModificationTimestamp ge 2024-01-01T00:00:00Z";
            let found = all(&stage, resource, key, Some(window)).await;
            assert_eq!(keys(&found, key), touched, "{provider:?}");
        }
    }
}

#[tokio::test]
async fn listings_name_people_that_are_there() {
    let stage = with(Provider::Reso, 200, Records::default()).await;
    let members = all(&stage, "Member", "MemberKey", None).await;
    let rows = stage.get("Property?$top=200").await.json();
    for row in rows["value"].as_array().unwrap() {
        let agent = members
            .iter()
            .find(|member| member["MemberKey"] == row["ListAgentKey"]);
        let agent = agent.unwrap();
        assert_eq!(agent["MemberFullName"], row["ListAgentFullName"]);
        assert_eq!(agent["OfficeKey"], row["ListOfficeKey"]);
    }
    let key = members[3]["MemberKey"].as_str().unwrap();
    let one = stage.get(&format!("Member('{key}')")).await.json();
    assert_eq!(one["MemberEmail"], members[3]["MemberEmail"]);
    let some = stage
        .get("Office?$select=OfficeKey,OfficeName&$filter=OfficeKey in ('OFK001','OFK002','x')&$count=true")
        .await
        .json();
    assert_eq!(some["@odata.count"], 2);
    assert_eq!(some["value"][0].as_object().unwrap().len(), 2);
    assert!(
        some["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("#Office")
    );
    for query in [
        "$select=ListingKey",
        "$filter=ListingKey eq 'x'",
        "$filter=StandardStatus eq 'x'",
    ] {
        assert_eq!(
            stage.get(&format!("Office?{query}")).await.status,
            400,
            "{query}"
        );
    }
    let url = format!("{}/_control/abor/touch", stage.simulator.url());
    let body = r#"{"resource":"Office","n":2}"#;
    let told = post(&url, body).send().await.json();
    assert_eq!(told["keys"].as_array().unwrap().len(), 2);
}
