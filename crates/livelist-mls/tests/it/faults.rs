//! Every fault strikes, and is counted when it does.

use std::collections::BTreeMap;

use livelist_mls::{Fault, FaultRule, On, Provider, RetryAfter};
use serde_json::{Value, json};

use crate::client::{Reply, get};
use crate::scan::{Stage, every_provider, sorted, spec, stage};
use crate::ways::{Way, way};

/// A RESO server of 100 listings in pages of 25, with these rules.
async fn faulty(rules: Vec<FaultRule>) -> Stage {
    let mut spec = spec(Provider::Reso, 100);
    spec.page_limit = Some(25);
    let stage = stage(spec).await;
    stage.control.set_faults(rules);
    stage
}

/// The page after one fault.
async fn page(fault: Fault) -> (Stage, Reply) {
    let stage = faulty(vec![fault.clone().into()]).await;
    let page = stage.get("Property?$count=true").await;
    assert_eq!(
        stage.control.struck(),
        BTreeMap::from([(fault.name().to_owned(), 1)])
    );
    (stage, page)
}

#[tokio::test]
async fn pages_that_are_empty() {
    let (_, reply) = page(Fault::EmptyList).await;
    assert_eq!(
        (reply.status, reply.json()["@odata.count"].as_u64()),
        (200, Some(0))
    );
    assert!(reply.keys().is_empty() && reply.next().is_none());
    let (_, reply) = page(Fault::EmptyListCountKept).await;
    assert_eq!(reply.json()["@odata.count"], 100);
    assert!(reply.keys().is_empty() && reply.next().is_none());
}

#[tokio::test]
async fn answers_that_are_no_pages() {
    for (fault, is) in [
        (Fault::ErrorObject200, "{\"error\":"),
        (Fault::Html200, "<!DOCTYPE html>"),
        (Fault::PlainText200, "Service"),
        (Fault::EmptyObject200, "{}"),
        (Fault::ValueNotArray, "{\"value\":{"),
    ] {
        let (_, reply) = page(fault).await;
        assert_eq!(reply.status, 200);
        assert!(reply.text().starts_with(is), "{}", reply.text());
    }
}

#[tokio::test]
async fn links_that_mislead() {
    let (_, reply) = page(Fault::NoNextLink).await;
    assert!(reply.next().is_none() && reply.keys().len() == 25);
    let (stage, reply) = page(Fault::NextLinkLoop).await;
    assert_eq!(
        reply.next().unwrap(),
        format!("{}/Property?$count=true", stage.base)
    );
    let host = "http://127.0.0.1:9".to_owned();
    let (_, reply) = page(Fault::NextLinkOtherHost { host }).await;
    assert_eq!(
        reply.next().unwrap(),
        "http://127.0.0.1:9/abor/odata/Property?$count=true&$skip=25"
    );
    let (_, reply) = page(Fault::NextLinkHttp).await;
    assert!(
        reply
            .next()
            .unwrap()
            .starts_with("http://127.0.0.1:80/abor/odata/Property?")
    );
    let (_, reply) = page(Fault::NextLinkNull).await;
    assert_eq!(reply.json().get("@odata.nextLink"), Some(&Value::Null));
}

#[tokio::test]
async fn a_last_page_that_leads_to_an_empty_one() {
    for stage in every_provider().await {
        stage
            .control
            .set_faults(vec![Fault::FullLastPageThenEmpty.into()]);
        let pages = stage.whole().await;
        if way(stage.provider) != Way::Link {
            assert!(stage.control.struck().is_empty(), "there is no link");
            continue;
        }
        assert_eq!(pages.len(), 6, "{:?}", stage.provider);
        assert!(pages[5].keys().is_empty());
        assert_eq!(stage.control.struck()["full_last_page_then_empty"], 1);
    }
}

#[tokio::test]
async fn null_at_the_end_is_an_end() {
    let rule = FaultRule::new(Fault::NextLinkNull).after(3);
    let stage = faulty(vec![rule]).await;
    assert_eq!(
        sorted(stage.keys("Property").await),
        stage.control.live_keys()
    );
    assert_eq!(stage.control.struck()["next_link_null"], 1);
}

#[tokio::test]
async fn rows_that_are_wrong() {
    let (_, reply) = page(Fault::HalfPage).await;
    assert_eq!(
        (reply.keys().len(), reply.json()["@odata.count"].as_u64()),
        (13, Some(100))
    );
    assert!(reply.next().unwrap().ends_with("$skip=25"));
    let (_, reply) = page(Fault::RowsWithoutKey).await;
    let rows = reply.json()["value"].as_array().unwrap().clone();
    let keyless = rows.iter().filter(|row| row.get("ListingKey").is_none());
    assert_eq!((rows.len(), keyless.count()), (25, 9));
    let (_, reply) = page(Fault::DuplicateRows).await;
    let mut keys = reply.keys();
    assert_eq!(keys.len(), 28);
    keys.dedup();
    assert_eq!(keys.len(), 25);
    let (_, reply) = page(Fault::NumericKeys).await;
    let rows = reply.json()["value"].as_array().unwrap().clone();
    let numbers = rows
        .iter()
        .filter(|row| row["ListingKey"].is_number())
        .count();
    assert!(numbers > 0 && numbers < 25, "zeros in front stay strings");
}

#[tokio::test]
async fn counts_that_are_wrong() {
    let (_, reply) = page(Fault::CountAsString).await;
    assert_eq!(reply.json()["@odata.count"], "100");
    let (_, reply) = page(Fault::WrongCount { delta: -7 }).await;
    assert_eq!(reply.json()["@odata.count"], 93);
    let stage = faulty(vec![Fault::CountAsString.into()]).await;
    stage.get("Property").await;
    assert!(stage.control.struck().is_empty(), "no count was asked");
}

#[tokio::test]
async fn throttles_tell_the_wait_in_every_way() {
    for (retry_after, name, value) in [
        (RetryAfter::None, "", ""),
        (RetryAfter::Seconds, "retry-after", "2"),
        (RetryAfter::HttpDate, "retry-after", "GMT"),
        (
            RetryAfter::VendorHeader,
            "x-rate-limit-retry-after-seconds",
            "2",
        ),
        (RetryAfter::BodyKey, "", ""),
    ] {
        let fault = Fault::Throttle {
            status: 503,
            retry_after,
            seconds: 2,
        };
        let (_, reply) = page(fault).await;
        assert_eq!(reply.status, 503);
        if name.is_empty() {
            assert!(!reply.headers.contains_key("retry-after"));
        } else {
            assert!(reply.headers[name].ends_with(value));
        }
        assert_eq!(
            reply.json()["retry-after"] == 2,
            retry_after == RetryAfter::BodyKey
        );
    }
    let (_, reply) = page(Fault::RetryAfterHuge).await;
    assert_eq!(
        (reply.status, reply.headers["retry-after"].as_str()),
        (429, "999999999")
    );
}

#[tokio::test]
async fn statuses_come_with_the_dialects_body() {
    for stage in every_provider().await {
        for code in [400, 403, 404, 500, 502, 503, 504] {
            stage
                .control
                .set_faults(vec![Fault::Status { code }.into()]);
            let reply = stage.get(&stage.first()).await;
            assert_eq!(reply.status, code);
            assert!(reply.json()["error"]["message"].is_string());
        }
        stage
            .control
            .set_faults(vec![Fault::Status { code: 401 }.into()]);
        assert_eq!(stage.get(&stage.first()).await.status, 401);
        assert_eq!(stage.control.struck()["status"], 8);
    }
}

#[tokio::test]
async fn rows_sold_in_mid_scan_push_live_ones_out_of_sight() {
    let rule = FaultRule::new(Fault::SellDuringScan { n: 5 });
    let stage = faulty(vec![rule.times(1)]).await;
    let before = stage.control.live_keys();
    let seen = stage.keys("Property?$select=ListingKey").await;
    let live = stage.control.live_keys();
    assert_eq!((before.len(), live.len(), seen.len()), (100, 95, 95));
    let lost = live.iter().filter(|key| !seen.contains(key)).count();
    let dead = seen.iter().filter(|key| !live.contains(key)).count();
    assert_eq!(
        (lost, dead),
        (5, 5),
        "the count is even, and five live rows are missing"
    );
    assert_eq!(stage.control.struck()["sell_during_scan"], 1);
}

#[tokio::test]
async fn a_keyset_scan_loses_none_of_them() {
    let stage = stage(spec(Provider::Trestle, 100)).await;
    let rule = FaultRule::new(Fault::SellDuringScan { n: 5 }).times(2);
    stage.control.set_faults(vec![rule]);
    let (mut seen, mut last) = (Vec::new(), String::new());
    loop {
        let filter = format!("$filter=ListingKey gt '{last}'&$orderby=ListingKey&$top=25");
        let url = format!("Property?$select=ListingKey&{filter}");
        let page = stage.get(&url).await.keys();
        let Some(end) = page.last() else { break };
        last.clone_from(end);
        seen.extend(page);
    }
    let live = stage.control.live_keys();
    assert_eq!((seen.len(), live.len()), (100, 90));
    assert!(live.iter().all(|key| seen.contains(key)));
}

#[tokio::test]
async fn rows_come_and_move_in_mid_scan() {
    let rule = FaultRule::new(Fault::AddDuringScan { n: 3 })
        .after(1)
        .times(2);
    let stage = faulty(vec![rule]).await;
    assert_eq!(stage.keys("Property").await.len(), 106);
    assert_eq!(stage.control.struck()["add_during_scan"], 2);
    let mut grid = spec(Provider::MlsGrid, 100);
    grid.page_limit = Some(25);
    let grid = crate::scan::stage(grid).await;
    let rule = FaultRule::new(Fault::TouchDuringScan { n: 20 })
        .after(1)
        .times(1);
    grid.control.set_faults(vec![rule]);
    let mut seen = sorted(grid.keys(&grid.first()).await);
    seen.dedup();
    assert!(
        seen.len() < 100,
        "touched rows moved behind and shifted others"
    );
    assert_eq!(grid.control.struck()["touch_during_scan"], 1);
}

#[tokio::test]
async fn tokens_that_end_and_credentials_that_are_revoked() {
    let stage = stage(spec(Provider::Trestle, 30)).await;
    stage
        .control
        .set_faults(vec![FaultRule::new(Fault::ExpireToken).after(1)]);
    let token = stage.token().await;
    let url = format!("{}/Property", stage.base);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(get(&url).bearer(&token).send().await.status);
    }
    assert_eq!(statuses, [200, 401, 401], "the token is gone for good");
    assert_eq!(
        stage.get("Property").await.status,
        200,
        "another one serves"
    );
    assert_eq!(stage.control.struck()["expire_token"], 1);
    stage.control.set_faults(vec![Fault::Revoke.into()]);
    let token = stage.token().await;
    assert_eq!(get(&url).bearer(&token).send().await.status, 401);
    stage.control.clear_faults();
    assert_eq!(get(&url).bearer(&token).send().await.status, 401);
    assert_eq!(stage.token_request().send().await.status, 400);
    stage.control.revoke(false);
    assert_eq!(get(&url).bearer(&token).send().await.status, 200);
    assert_eq!(stage.control.struck()["revoke"], 1);
}

#[tokio::test]
async fn a_static_token_is_refused_once() {
    let stage = stage(spec(Provider::Bridge, 30)).await;
    stage.control.set_faults(vec![Fault::ExpireToken.into()]);
    assert_eq!(stage.get("Property").await.status, 401);
    assert_eq!(stage.get("Property").await.status, 200);
}

#[tokio::test]
async fn a_part_is_denied_everywhere_alike() {
    let rule = FaultRule::new(Fault::DenyPartial { percent: 50 }).on(On::Any);
    let stage = faulty(vec![rule]).await;
    let seen = stage.keys("Property?$select=ListingKey").await;
    assert!(seen.len() > 30 && seen.len() < 70, "{}", seen.len());
    let count = stage.get("Property/$count").await.text();
    assert_eq!(count, seen.len().to_string());
    let live = stage.control.live_keys();
    let hidden: Vec<_> = live.into_iter().filter(|key| !seen.contains(key)).collect();
    let filter = Stage::by_keys(&hidden[..5]);
    assert!(
        stage
            .get(&format!("Property?$filter={filter}"))
            .await
            .keys()
            .is_empty()
    );
    assert!(stage.control.struck()["deny_partial"] > 3);
    assert_eq!(stage.control.live_count(), 100);
}

#[tokio::test]
async fn confirmations_that_fail() {
    let stage = faulty(vec![Fault::ConfirmFindsNothing.into()]).await;
    let keys = &stage.control.live_keys()[..4];
    let filter = format!("Property?$filter={}", Stage::by_keys(keys));
    assert!(stage.get(&filter).await.keys().is_empty());
    assert_eq!(stage.get("Property").await.keys().len(), 25);
    let one = format!(
        "Property('{}')",
        crate::scan::escaped(&keys[0].replace('\'', "''"))
    );
    assert_eq!(stage.get(&one).await.status, 404);
    assert_eq!(stage.control.struck()["confirm_finds_nothing"], 2);
    let half = FaultRule::new(Fault::HalfPage).on(On::Any);
    stage.control.set_faults(vec![half]);
    assert_eq!(stage.get(&filter).await.keys().len(), 2);
}

#[tokio::test]
async fn tokens_that_are_wrong() {
    let stage = stage(spec(Provider::Trestle, 30)).await;
    for (fault, check) in [
        (
            Fault::TokenError200,
            (|reply| reply.json() == json!({"error": "invalid_grant"})) as fn(&Reply) -> bool,
        ),
        (Fault::TokenHtml, |reply| reply.text().starts_with('<')),
        (Fault::TokenNoExpiresIn, |reply| {
            reply.json().get("expires_in").is_none() && reply.json()["access_token"].is_string()
        }),
        (Fault::TokenExpiresInString, |reply| {
            reply.json()["expires_in"] == "3600"
        }),
    ] {
        stage.control.set_faults(vec![fault.clone().into()]);
        let reply = stage.token_request().send().await;
        assert!(reply.status == 200 && check(&reply), "{fault:?} {reply:?}");
        assert_eq!(stage.control.struck()[fault.name()], 1);
    }
}

#[tokio::test]
async fn rules_pass_strike_and_end_as_told() {
    let rule = FaultRule::new(Fault::Status { code: 500 })
        .after(1)
        .times(2);
    let stage = faulty(vec![rule]).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(stage.get("Property").await.status);
        assert_eq!(
            stage.get("Property/$count").await.status,
            200,
            "counts are not pages"
        );
    }
    assert_eq!(statuses, [200, 500, 500, 200, 200]);
}

#[test]
fn every_fault_has_the_json_form_it_is_named_by() {
    for text in [
        "empty_list",
        "empty_list_count_kept",
        "no_next_link",
        "error_object_200",
        "html_200",
        "plain_text_200",
        "empty_object_200",
        "value_not_array",
        "retry_after_huge",
        "truncate_json",
        "reset",
        "short_content_length",
        "gzip_truncated",
        "half_page",
        "next_link_loop",
        "next_link_http",
        "next_link_null",
        "full_last_page_then_empty",
        "rows_without_key",
        "duplicate_rows",
        "numeric_keys",
        "count_as_string",
        "expire_token",
        "revoke",
        "token_error_200",
        "token_html",
        "token_no_expires_in",
        "token_expires_in_string",
        "confirm_finds_nothing",
    ] {
        let fault: Fault = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(fault.name(), text);
    }
    for form in [
        json!({"throttle": {"status": 429, "retry_after": "http_date", "seconds": 1}}),
        json!({"throttle": {"status": 429}}),
        json!({"status": {"code": 504}}),
        json!({"next_link_other_host": {"host": "http://127.0.0.1:9"}}),
        json!({"wrong_count": {"delta": -1}}),
        json!({"slow": {"ms": 5}}),
        json!({"sell_during_scan": {"n": 1}}),
        json!({"add_during_scan": {"n": 1}}),
        json!({"touch_during_scan": {"n": 1}}),
        json!({"deny_partial": {}}),
    ] {
        let fault: Fault = serde_json::from_value(form.clone()).unwrap();
        assert_eq!(
            form.as_object().unwrap().keys().next().unwrap(),
            fault.name()
        );
    }
}
