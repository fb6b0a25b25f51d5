//! Reading records: by windows of the provider's clock, and by keys.

use livelist_mls::{Provider, Records};

use crate::records::{page, with};
use crate::scan::{Stage, sorted};

/// All pages of a filter, by links or else by `$skip` or behind the last key.
async fn pages(stage: &Stage, filter: &str) -> Vec<String> {
    let head = page(stage);
    let (path, query) = head.split_once('?').unwrap_or((&head, ""));
    let mut options: Vec<&str> = query.split('&').collect();
    let own = options
        .iter()
        .find_map(|option| option.strip_prefix("$filter="));
    let filter = own.map_or(filter.to_owned(), |own| format!("{own} and {filter}"));
    options.retain(|option| {
        !option.starts_with("$filter=")
            && !option.starts_with("$top=")
            && !option.starts_with("$select=")
    });
    let options = options.join("&");
    let first = format!("{path}?{options}&$filter={filter}&$top=7");
    match stage.provider {
        Provider::Realtyna | Provider::UtahRealEstate => {
            let mut keys = Vec::new();
            loop {
                let next = stage
                    .get(&format!("{first}&$skip={}", keys.len()))
                    .await
                    .keys();
                if next.is_empty() {
                    return keys;
                }
                keys.extend(next);
            }
        }
        Provider::Ampre => {
            let mut keys = Vec::new();
            loop {
                let behind = keys
                    .last()
                    .map_or(String::new(), |key| format!(" and ListingKey gt '{key}'"));
                let first =
                    format!("{path}?{options}&$filter={filter}{behind}&$top=7&$orderby=ListingKey");
                let next = stage.get(&first).await.keys();
                if next.is_empty() {
                    return keys;
                }
                keys.extend(next);
            }
        }
        Provider::Crea => {
            stage
                .keys(&format!(
                    "Property?{options}&$orderby=ListingKey&$filter={filter}&$top=7"
                ))
                .await
        }
        _ => stage.keys(&first).await,
    }
}

#[tokio::test]
async fn every_dialect_reads_windows_of_its_clock() {
    for provider in Provider::ALL {
        let stage = with(provider, 100, Records::default()).await;
        let clock = match provider {
            Provider::Bridge => "BridgeModificationTimestamp",
            Provider::Realtyna => "RFModificationTimestamp",
            _ => "ModificationTimestamp",
        };
        for window in [
            format!("{clock} ge 2024-01-01T00:00:20Z and {clock} lt 2024-01-01T00:00:40Z"),
            // Bounds that are stamps: the first is in, the last is not.
            format!("{clock} ge 2024-01-01T00:00:20.340Z and {clock} lt 2024-01-01T00:00:40.680Z"),
        ] {
            let truth = stage.control.live_keys_matching(&window).unwrap();
            assert_eq!(truth.len(), 20);
            assert_eq!(sorted(pages(&stage, &window).await), truth, "{provider:?}");
        }
        if !matches!(provider, Provider::Spark) {
            let window = format!("StandardStatus eq 'Active' and {clock} ge 2024-01-01T00:01:00Z");
            let truth = stage.control.live_keys_matching(&window).unwrap();
            assert!((20..41).contains(&truth.len()));
            assert_eq!(sorted(pages(&stage, &window).await), truth, "{provider:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_asked_for_with_whole_records() {
    for provider in [
        Provider::Trestle,
        Provider::Bridge,
        Provider::Reso,
        Provider::Crea,
    ] {
        let stage = with(provider, 50, Records::default()).await;
        let live: Vec<_> = stage
            .control
            .live_keys()
            .into_iter()
            .filter(|key| !key.contains(['/', '\'']))
            .collect();
        let asked = &live[..5];
        let list: Vec<_> = asked.iter().map(|key| format!("'{key}'")).collect();
        for filter in [
            format!("ListingKey in ({})", list.join(",")),
            Stage::by_keys(asked),
        ] {
            let reply = stage
                .get(&format!("Property?$filter={filter}&$top=50"))
                .await;
            assert_eq!(sorted(reply.keys()), asked, "{provider:?}");
            assert!(reply.json()["value"][0]["PublicRemarks"].is_string());
        }
    }
}
