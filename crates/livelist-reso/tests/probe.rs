//! The probe against a server in this process that answers some questions and not others: it proposes what
//! works, and only what it has tried.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::FeedSpec;
use livelist_reso::Dialects;
use livelist_reso::probe::{Check, Name, Verdict, probe};
use livelist_reso::secret::Account;
use livelist_reso::time::Pace;
use livelist_reso::transport::{BodyStream, Transport, TransportError};

/// Numbers as keys, in pages of 100.
#[derive(Default)]
struct Server {
    /// More keys than this are not answered.
    most: usize,
    /// Keys in quotes are not answered.
    is_strict: bool,
    /// `in` is not answered.
    knows_no_in: bool,
    /// Its count is that of all rows.
    counts_all: bool,
}

impl Server {
    fn answer(&self, url: &str) -> (u16, String) {
        let url = url.replace("%20", " ").replace("%2C", ",");
        let option = |name: &str| {
            let options = url
                .split_once('?')
                .map_or("", |(_, options)| options)
                .split('&');
            let mut values = options.filter_map(|o| o.split_once('=').filter(|(n, _)| *n == name));
            values.next().map(|(_, value)| value.to_owned())
        };
        let page = |keys: &[u64], next: &str| {
            let rows: Vec<String> = keys
                .iter()
                .map(|k| format!(r#"{{"ListingKey":{k}}}"#))
                .collect();
            let counted = if self.counts_all {
                600
            } else {
                keys.len().min(600)
            };
            let count = match (option("$count"), option("$filter")) {
                (Some(_), Some(_)) => format!(r#","@odata.count":{counted}"#),
                (Some(_), None) => r#","@odata.count":600"#.to_owned(),
                _ => String::new(),
            };
            (
                200,
                format!(r#"{{"value":[{}]{count}{next}}}"#, rows.join(",")),
            )
        };
        let all: Vec<u64> = (1_000..1_600).collect();
        let Some(filter) = option("$filter") else {
            let at: usize = option("$skiptoken").map_or(0, |at| at.parse().unwrap());
            let next = format!(r#","@odata.nextLink":"Property?$skiptoken={}""#, at + 100);
            return page(&all[at..at + 100], &next);
        };
        let asked: Vec<&str> = match filter.split_once(" in (") {
            Some(_) if self.knows_no_in => return (500, String::new()),
            Some((_, list)) => list.trim_end_matches(')').split(',').collect(),
            None => filter
                .split(" or ")
                .map(|term| &term["ListingKey eq ".len()..])
                .collect(),
        };
        if asked.len() > self.most || (self.is_strict && filter.contains('\'')) {
            return (400, "no".to_owned());
        }
        let keys = asked
            .iter()
            .map(|key| key.trim_matches('\'').parse().unwrap());
        let keys: Vec<u64> = keys.filter(|key| all.contains(key)).collect();
        page(&keys, "")
    }
}

#[async_trait]
impl Transport for Server {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<BodyStream>, TransportError> {
        let (status, body) = self.answer(&request.uri().to_string());
        let body: BodyStream = Box::pin(futures::stream::iter([Ok(Bytes::from(body))]));
        Ok(http::Response::builder().status(status).body(body).unwrap())
    }
}

struct Still;

#[async_trait]
impl Pace for Still {
    fn now(&self) -> jiff::Timestamp {
        "2026-11-21T04:00:00Z".parse().unwrap()
    }

    async fn sleep(&self, _: Duration) {}

    fn fraction(&self) -> f64 {
        0.5
    }
}

async fn probed(server: Server, filter: Option<&str>) -> (Vec<Check>, u64) {
    let text = br#"{"mls":"x","provider":"reso","base_url":"https://x.example/odata",
        "credential":"env:X","confirm":"in","confirm_keys":50}"#;
    let mls = parse_mls("mls/x.json", text, &Dialects).unwrap();
    let pair = Pair {
        mls: mls.mls.clone(),
        resource: "Property".parse().unwrap(),
        filter: filter.map(str::to_owned),
        enabled: true,
    };
    let feed = FeedSpec::resolve(&mls, &pair);
    let account =
        Account::parse(&r#"{"token":"a-token-of-some-length"}"#.to_owned().into()).unwrap();
    let probed = probe(&server, &Still, &feed, &account, None).await.unwrap();
    (probed.checks, probed.requests)
}

fn check(checks: &[Check], name: Name) -> (Verdict, String, Vec<String>) {
    let check = checks.iter().find(|check| check.name == name).unwrap();
    let fields = check
        .change
        .iter()
        .filter_map(|c| c.field.clone())
        .collect();
    (check.verdict, check.seen.join("\n"), fields)
}

#[tokio::test]
async fn what_is_answered_is_told_and_what_works_is_proposed() {
    let all = || Server {
        most: 1_000,
        ..Server::default()
    };
    let (checks, requests) = probed(all(), None).await;
    let (verdict, seen, fields) = check(&checks, Name::Confirmation);
    assert_eq!((verdict, fields.len()), (Verdict::Ok, 0), "{seen}");
    assert!(
        seen.contains("50 keys") && requests <= 7,
        "{seen} {requests}"
    );

    let (checks, requests) = probed(Server { most: 12, ..all() }, None).await;
    let (verdict, seen, fields) = check(&checks, Name::Confirmation);
    assert_eq!(
        (verdict, fields),
        (Verdict::Warning, vec!["confirm_keys".to_owned()]),
        "{seen}"
    );
    assert!(
        seen.contains("at most 12 at once") && requests < 20,
        "{seen} {requests}"
    );

    let (checks, _) = probed(
        Server {
            knows_no_in: true,
            ..all()
        },
        None,
    )
    .await;
    let (verdict, seen, fields) = check(&checks, Name::Confirmation);
    assert_eq!(
        (verdict, fields),
        (Verdict::Warning, vec!["confirm".to_owned()]),
        "{seen}"
    );

    let (checks, _) = probed(
        Server {
            is_strict: true,
            ..all()
        },
        None,
    )
    .await;
    let (verdict, seen, _) = check(&checks, Name::Confirmation);
    assert_eq!(verdict, Verdict::Ok, "{seen}");
    assert!(seen.contains("without quotes"), "{seen}");

    let (checks, _) = probed(Server { most: 1, ..all() }, None).await;
    let (verdict, seen, _) = check(&checks, Name::Confirmation);
    assert!(
        verdict == Verdict::Warning && seen.contains("one at a time"),
        "{seen}"
    );

    let (checks, requests) = probed(Server { most: 0, ..all() }, None).await;
    let (verdict, seen, _) = check(&checks, Name::Confirmation);
    assert!(
        verdict == Verdict::Failed && requests < 15,
        "{seen} {requests}"
    );
}

#[tokio::test]
async fn a_count_that_does_not_heed_the_filter_is_told() {
    for (counts_all, expected) in [(true, Verdict::Warning), (false, Verdict::Ok)] {
        let server = Server {
            most: 1_000,
            counts_all,
            ..Server::default()
        };
        let (checks, _) = probed(server, None).await;
        let (verdict, seen, fields) = check(&checks, Name::Count);
        assert_eq!(verdict, expected, "{seen}");
        assert_eq!(fields, ["count"]);
    }
}
