//! Reading each provider's whole key list in its documented way.

use livelist_mls::Provider;
use serde_json::Value;

use crate::client::Reply;
use crate::scan::{Stage, every_provider, sorted};

/// How the next page is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The provider's link.
    Link,
    /// Behind the last `ListingKeyNumeric`.
    Number,
    /// Behind the last (`ModificationTimestamp`, `ListingKey`).
    Instant,
    /// `$skip`, counted by the client.
    Skip,
    /// There is one page.
    Once,
}

pub fn way(provider: Provider) -> Way {
    match provider {
        Provider::UtahRealEstate => Way::Number,
        Provider::Ampre => Way::Instant,
        Provider::Realtyna => Way::Skip,
        Provider::Crea => Way::Once,
        _ => Way::Link,
    }
}

impl Stage {
    /// The first page of the provider's key scan.
    pub fn first(&self) -> String {
        match self.provider {
            Provider::Crea => "Property/PropertyReplication()".into(),
            Provider::UtahRealEstate => {
                self.page_of("ListingKey,ListingKeyNumeric") + "&$orderby=ListingKeyNumeric"
            }
            Provider::Ampre => {
                self.page_of("ListingKey,ModificationTimestamp")
                    + "&$orderby=ModificationTimestamp,ListingKey"
            }
            _ => self.page_of("ListingKey"),
        }
    }

    /// A page of these fields, as large as the provider's key scan has them.
    pub fn page_of(&self, select: &str) -> String {
        let (path, before, after) = match self.provider {
            Provider::Trestle => ("Property", "", "&$top=300000"),
            Provider::MlsGrid => (
                "Property",
                "$filter=OriginatingSystemName eq 'actris' and MlgCanView eq true&",
                "&$top=5000",
            ),
            Provider::Bridge | Provider::Paragon => ("Property/replication", "", "&$top=2000"),
            Provider::Reso => ("Property", "", ""),
            Provider::Spark => ("Property", "", "&$top=1000"),
            Provider::Rmls => ("Property", "", "&$top=250"),
            Provider::UtahRealEstate | Provider::Realtyna => ("Property", "", "&$top=200"),
            Provider::Rapattoni => ("Property", "class=Residential&", "&$top=1000"),
            Provider::Constellation1 => (
                "Property",
                "$filter=OriginatingSystemName eq 'abor'&",
                "&$top=1000",
            ),
            Provider::Crea => ("Property", "", "&$top=100"),
            Provider::Ampre => ("Property", "", "&$top=10000"),
        };
        format!("{path}?{before}$select={select}{after}")
    }

    /// The pages of the whole key list.
    pub async fn whole(&self) -> Vec<Reply> {
        let first = self.first();
        match way(self.provider) {
            Way::Link | Way::Once => self.scan(&first).await,
            way => self.asked_on(&first, way).await,
        }
    }

    /// The pages behind `first` by the client's own asking, up to the empty one.
    pub async fn asked_on(&self, first: &str, way: Way) -> Vec<Reply> {
        let (mut pages, mut on, mut seen) = (Vec::new(), String::new(), 0);
        loop {
            let page = self.get(&format!("{first}{on}")).await;
            assert_eq!(page.status, 200, "{first}{on}: {}", page.text());
            assert!(page.next().is_none() || way == Way::Number);
            let rows = page.json()["value"].as_array().unwrap().clone();
            let Some(last) = rows.last() else {
                return pages;
            };
            seen += rows.len();
            on = match way {
                Way::Number => {
                    format!(
                        "&$filter=ListingKeyNumeric gt {}",
                        last["ListingKeyNumeric"]
                    )
                }
                Way::Skip => format!("&$skip={seen}"),
                _ => behind(last),
            };
            pages.push(page);
            assert!(pages.len() < 1_000, "no end");
        }
    }
}

fn behind(last: &Value) -> String {
    let (at, key) = (&last["ModificationTimestamp"], &last["ListingKey"]);
    let (at, key) = (at.as_str().unwrap(), key.as_str().unwrap());
    format!(
        "&$filter=(ModificationTimestamp gt {at} or (ModificationTimestamp eq {at} and ListingKey gt '{key}'))"
    )
}

#[tokio::test]
async fn faults_strike_the_pages_of_every_provider() {
    use livelist_mls::{Fault, FaultRule, RetryAfter};
    let throttle = Fault::Throttle {
        status: 429,
        retry_after: RetryAfter::VendorHeader,
        seconds: 3,
    };
    for stage in every_provider().await {
        let first = stage.first();
        for fault in [
            Fault::EmptyList,
            Fault::EmptyListCountKept,
            Fault::ErrorObject200,
            Fault::Html200,
            Fault::PlainText200,
            Fault::EmptyObject200,
            Fault::ValueNotArray,
            throttle.clone(),
            Fault::RetryAfterHuge,
            Fault::Status { code: 504 },
            Fault::TruncateJson,
            Fault::Reset,
            Fault::ShortContentLength,
            Fault::GzipTruncated,
            Fault::HalfPage,
            Fault::NextLinkNull,
            Fault::RowsWithoutKey,
            Fault::DuplicateRows,
            Fault::AddDuringScan { n: 1 },
            Fault::TouchDuringScan { n: 1 },
            Fault::DenyPartial { percent: 50 },
            Fault::ExpireToken,
        ] {
            let name = fault.name();
            stage
                .control
                .set_faults(vec![FaultRule::new(fault).times(1)]);
            stage.get(&first).await;
            let struck = stage.control.struck();
            assert_eq!(struck.get(name), Some(&1), "{:?} {name}", stage.provider);
        }
        stage.control.clear_faults();
        let keys = stage.whole().await.iter().flat_map(Reply::keys).collect();
        assert_eq!(sorted(keys), stage.control.live_keys());
    }
}

#[tokio::test]
async fn faults_strike_the_links_of_every_provider_that_has_them() {
    use livelist_mls::{Fault, FaultRule};
    for stage in every_provider().await {
        let has_links = way(stage.provider) == Way::Link;
        let host = "http://127.0.0.1:9".to_owned();
        for fault in [
            Fault::NoNextLink,
            Fault::NextLinkLoop,
            Fault::NextLinkHttp,
            Fault::NextLinkOtherHost { host },
        ] {
            let name = fault.name();
            stage
                .control
                .set_faults(vec![FaultRule::new(fault).times(1)]);
            stage.get(&stage.first()).await;
            let struck = stage.control.struck().contains_key(name);
            assert_eq!(struck, has_links, "{:?} {name}", stage.provider);
        }
    }
}

#[tokio::test]
async fn rows_sold_in_mid_scan_are_rows_already_served() {
    use livelist_mls::{Fault, FaultRule};
    for stage in every_provider().await {
        if way(stage.provider) == Way::Once {
            continue;
        }
        let before = stage.control.live_keys();
        let rule = FaultRule::new(Fault::SellDuringScan { n: 5 }).times(1);
        stage.control.set_faults(vec![rule]);
        let pages = stage.whole().await;
        let live = stage.control.live_keys();
        assert_eq!(live.len(), 225, "{:?}", stage.provider);
        let sold = before.iter().filter(|key| !live.contains(key));
        let first = pages[0].keys();
        assert!(sold.into_iter().all(|key| first.contains(key)));
    }
}

#[tokio::test]
async fn faults_strike_every_token_endpoint() {
    use livelist_mls::Fault;
    for stage in every_provider().await {
        if stage.simulator.token_url("abor").is_empty() {
            continue;
        }
        for fault in [
            Fault::TokenError200,
            Fault::TokenHtml,
            Fault::TokenNoExpiresIn,
            Fault::TokenExpiresInString,
        ] {
            stage.control.set_faults(vec![fault.clone().into()]);
            assert_eq!(stage.token_request().send().await.status, 200);
            assert_eq!(
                stage.control.struck()[fault.name()],
                1,
                "{:?}",
                stage.provider
            );
        }
    }
}

#[tokio::test]
async fn a_full_scan_gives_exactly_the_live_keys() {
    for stage in every_provider().await {
        stage.control.sell(23);
        stage.control.add(13);
        stage.control.touch(40);
        let pages = stage.whole().await;
        let expected = match way(stage.provider) {
            Way::Once => 1,
            _ => 5,
        };
        assert_eq!(pages.len(), expected, "{:?}", stage.provider);
        let keys: Vec<_> = pages.iter().flat_map(Reply::keys).collect();
        assert_eq!(
            sorted(keys),
            stage.control.live_keys(),
            "{:?}",
            stage.provider
        );
        let log = stage.control.log();
        let kinds: Vec<_> = log.iter().map(|request| request.kind).collect();
        use livelist_mls::RequestKind::{Page, Token};
        assert!(
            kinds.iter().all(|kind| matches!(kind, Page | Token)),
            "{:?} {kinds:?}",
            stage.provider
        );
    }
}
