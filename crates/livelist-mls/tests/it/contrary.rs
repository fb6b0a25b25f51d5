//! Behaviours of a server that contradict a client, and their faults: each is shown, and counted when it
//! strikes.

use std::collections::BTreeSet;

use livelist_mls::{
    Contrary, Fault, FaultRule, KeyType, MlsSpec, Odd, OddCount, On, Paging, Provider, Question,
    Refused, RequestKind, Shown, Ties,
};
use serde_json::{Value, json};

use crate::client::{Reply, get, post};
use crate::scan::{Stage, sorted, spec, stage};

const SYSTEM: &str = "$filter=OriginatingSystemName eq 'actris' and MlgCanView eq true";

async fn contrary(provider: Provider, listings: u64, ways: Contrary) -> Stage {
    let mut spec = spec(provider, listings);
    spec.page_limit = Some(50);
    spec.options.contrary = ways;
    stage(spec).await
}

fn with(change: impl FnOnce(&mut Contrary)) -> Contrary {
    let mut ways = Contrary::default();
    change(&mut ways);
    ways
}

fn unique(keys: &[String]) -> BTreeSet<&String> {
    keys.iter().collect()
}

/// Rows of one instant have no order: a scan by offset repeats some and never shows others, though
/// nothing changes meanwhile.
#[tokio::test]
async fn rows_of_one_instant_in_no_order() {
    for (ties, same) in [
        (Ties::ByKey, true),
        (Ties::OfThePlace, true),
        (Ties::Changing, false),
    ] {
        let stage = contrary(Provider::MlsGrid, 400, with(|ways| ways.ties = ties)).await;
        stage.control.touch_at_once(220);
        let first = format!("Property?{SYSTEM}&$select=ListingKey");
        let keys = stage.keys(&first).await;
        assert_eq!(keys.len(), 400);
        assert_eq!(unique(&keys).len() == 400, ties == Ties::ByKey, "{ties:?}");
        assert_eq!(stage.keys(&first).await == keys, same, "{ties:?}");
        // Rows of other instants stay where they are.
        assert_eq!(unique(&keys[..180]).len(), 180);
    }
}

/// Asked for by time and key, rows have one order at any server.
#[tokio::test]
async fn a_key_in_the_order_decides() {
    let stage = contrary(
        Provider::Ampre,
        120,
        with(|ways| ways.ties = Ties::Changing),
    )
    .await;
    stage.control.touch_all_same_timestamp();
    let by_both = "Property?$select=ListingKey&$orderby=ModificationTimestamp,ListingKey&$top=50";
    let one = stage.get(by_both).await.keys();
    assert_eq!(one, stage.get(by_both).await.keys());
    let by_time = "Property?$select=ListingKey&$orderby=ModificationTimestamp&$top=50";
    assert_ne!(
        stage.get(by_time).await.keys(),
        stage.get(by_time).await.keys()
    );
}

fn stamps(page: &Reply) -> Vec<String> {
    let json = page.json();
    let rows = json["value"].as_array().unwrap().iter();
    let of = |row: &Value| row["ModificationTimestamp"].as_str().unwrap().to_owned();
    rows.map(of).collect()
}

/// What is shown is not what is compared: `gt` the last row shown passes over rows, or shows it again.
#[tokio::test]
async fn instants_are_shown_coarser_than_they_are_compared() {
    for (shown, may_skip) in [
        (Shown::Cut(1), false),
        (Shown::Rounded(1), true),
        (Shown::Rounded(1_000), true),
        (Shown::Cut(1_000), false),
    ] {
        let stage = contrary(Provider::Ampre, 40, with(|ways| ways.shown = shown)).await;
        let ask = "Property?$orderby=ModificationTimestamp,ListingKey&$top=50";
        let mut skipped = 0;
        let mut again = 0;
        let page = stage.get(ask).await;
        let stamps = stamps(&page);
        assert!(stamps.is_sorted());
        for (key, stamp) in page.keys().iter().zip(&stamps) {
            let after = format!("{ask}&$filter=ModificationTimestamp gt {stamp}");
            let keys = stage.get(&after).await.keys();
            let exactly = format!("{ask}&$filter=ModificationTimestamp eq {stamp}");
            assert!(stage.get(&exactly).await.keys().is_empty(), "{shown:?}");
            // The row itself comes again where it was cut.
            again += usize::from(keys.contains(key));
            skipped += usize::from(!keys.contains(key));
        }
        assert!(again > 0, "{shown:?}");
        assert_eq!(skipped > 0, may_skip, "{shown:?}");
    }
}

/// New rows that stand just behind the edge of a page slip under an offset when rows before it go.
#[tokio::test]
async fn new_rows_slip_under_an_offset() {
    for (balanced, paging) in [(false, Paging::NextSkip), (true, Paging::LinkHeader)] {
        let mut spec = spec(Provider::Reso, 200);
        spec.page_limit = Some(50);
        spec.options.paging = paging;
        let stage = stage(spec).await;
        let new = stage.control.add_at(5, 50);
        assert_eq!(
            stage.get("Property?$skip=50&$top=5").await.keys(),
            new,
            "they stand behind the first fifty"
        );
        let mut rules = vec![
            FaultRule::new(Fault::SellDuringScan { n: 5 })
                .after(1)
                .times(1),
        ];
        if balanced {
            rules.push(
                FaultRule::new(Fault::AddDuringScan { n: 5 })
                    .after(1)
                    .times(1),
            );
        }
        stage.control.set_faults(rules);
        let keys = stage.keys("Property?$select=ListingKey").await;
        let live = stage.control.live_keys();
        assert!(new.iter().all(|key| live.contains(key)));
        assert!(new.iter().all(|key| !keys.contains(key)));
        assert_eq!(unique(&keys).len(), keys.len(), "and none is seen twice");
        assert_eq!(live.len() == 205, balanced);
    }
}

#[tokio::test]
async fn an_opaque_link_goes_on_behind_rows_that_came_between() {
    let mut spec = spec(Provider::Reso, 120);
    spec.page_limit = Some(50);
    spec.options.paging = Paging::NextOpaqueId;
    let stage = stage(spec).await;
    stage.control.add_at(7, 30);
    let keys = stage.keys("Property").await;
    assert_eq!(sorted(keys.clone()), stage.control.live_keys());
    assert_eq!(keys.len(), 127);
}

/// Pages and counts agree that rows do not exist; by key they do.
#[tokio::test]
async fn a_list_that_is_being_rebuilt() {
    let stage = contrary(Provider::Reso, 200, Contrary::default()).await;
    let hidden = sorted(stage.control.hidden_keys(15, 7));
    assert!((15..45).contains(&hidden.len()));
    assert_ne!(hidden, stage.control.hidden_keys(15, 8));
    let rule = Fault::Rebuilding {
        percent: 15,
        salt: 7,
    };
    stage.control.set_faults(vec![rule.into()]);
    let pages = stage.scan("Property?$count=true").await;
    let keys: Vec<_> = pages.iter().flat_map(Reply::keys).collect();
    assert_eq!(pages[0].json()["@odata.count"], 200 - hidden.len());
    assert_eq!(keys.len(), 200 - hidden.len());
    assert!(hidden.iter().all(|key| !keys.contains(key)));
    let asked = format!("Property?$filter={}", Stage::by_keys(&hidden[..5]));
    assert_eq!(sorted(stage.get(&asked).await.keys()), hidden[..5]);
    assert!(stage.control.struck()["rebuilding"] >= 4);
}

#[tokio::test]
async fn a_page_that_is_cut_off_silently() {
    let stage = contrary(Provider::Reso, 200, Contrary::default()).await;
    stage.control.set_faults(vec![Fault::Cap.into()]);
    let page = stage.get("Property?$count=true").await;
    assert_eq!((page.keys().len(), page.next()), (50, None));
    assert!(page.json().get("@odata.count").is_none());
    let behind = stage.get("Property?$skip=50").await;
    assert_eq!(behind.keys().len(), 50, "there is more");
    assert_eq!(stage.control.struck()["cap"], 2);
}

#[tokio::test]
async fn a_server_without_links() {
    let mut spec = spec(Provider::Reso, 120);
    spec.page_limit = Some(50);
    spec.options.paging = Paging::None;
    let stage = stage(spec).await;
    let mut keys = Vec::new();
    for skip in [0, 50, 100, 150] {
        let page = stage.get(&format!("Property?$skip={skip}")).await;
        assert_eq!(page.next(), None);
        keys.extend(page.keys());
    }
    assert_eq!(sorted(keys), stage.control.live_keys());
}

/// Links without end, each of them another.
#[tokio::test]
async fn links_that_never_end() {
    for (fault, rows) in [(Fault::EmptyPagesForEver, 0), (Fault::LastPageForEver, 20)] {
        for paging in [Paging::NextSkip, Paging::NextOpaqueId, Paging::LinkHeader] {
            let mut spec = spec(Provider::Reso, 120);
            spec.page_limit = Some(50);
            spec.options.paging = paging;
            let stage = stage(spec).await;
            stage.control.set_faults(vec![fault.clone().into()]);
            let mut url = "Property".to_owned();
            let mut seen = BTreeSet::new();
            for nth in 0..12 {
                let page = stage.get(&url).await;
                assert_eq!(page.status, 200);
                if nth > 2 {
                    assert_eq!(page.keys().len(), rows, "{fault:?} {paging:?} {nth}");
                }
                url = page.next().expect("a link");
                assert!(seen.insert(url.clone()), "another link each time");
            }
            assert!(stage.control.struck()[fault.name()] >= 9);
        }
    }
}

#[tokio::test]
async fn page_tokens_that_die() {
    let stage = contrary(Provider::Spark, 120, Contrary::default()).await;
    let rule = FaultRule::new(Fault::PageTokenDies { code: 410 })
        .after(2)
        .times(1);
    stage.control.set_faults(vec![rule]);
    let first = stage.get("Property").await;
    let second = stage.get(&first.next().unwrap()).await;
    let link = second.next().unwrap();
    for _ in 0..3 {
        assert_eq!(stage.get(&link).await.status, 410, "it stays dead");
    }
    // Those before it live, and a new beginning brings it back.
    assert_eq!(stage.get(&first.next().unwrap()).await.status, 200);
    assert_eq!(stage.keys("Property").await.len(), 120);
    assert_eq!(stage.control.struck()["page_token_dies"], 1);
}

#[tokio::test]
async fn tokens_that_end_with_another_status() {
    for status in [403, 400] {
        let ways = with(|ways| ways.ended_token = Some(status));
        let stage = contrary(Provider::Trestle, 20, ways.clone()).await;
        let token = stage.token().await;
        let url = format!("{}/Property", stage.base);
        assert_eq!(stage.ask(&url).bearer(&token).send().await.status, 200);
        stage.control.expire_tokens();
        let reply = stage.ask(&url).bearer(&token).send().await;
        assert_eq!(reply.status, status);
        assert!(reply.text().contains("expired"));
        assert_eq!(stage.ask(&url).bearer("other").send().await.status, 401);
        assert_eq!(stage.get("Property").await.status, 200, "a new one serves");
        // A static token is refused so once.
        let stage = contrary(Provider::Reso, 20, ways).await;
        stage.control.set_faults(vec![Fault::ExpireToken.into()]);
        assert_eq!(stage.get("Property").await.status, status);
        assert_eq!(stage.get("Property").await.status, 200);
    }
}

#[tokio::test]
async fn tokens_that_serve_a_few_requests() {
    let ways = with(|ways| {
        ways.token_requests = Some(3);
        ways.ended_token = Some(403);
    });
    let stage = contrary(Provider::Trestle, 20, ways.clone()).await;
    let token = stage.token().await;
    let url = format!("{}/Property", stage.base);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(stage.ask(&url).bearer(&token).send().await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 403, 403]);
    assert_eq!(stage.get("Property").await.status, 200, "a new one serves");
    // A static one has no end.
    let stage = contrary(Provider::Reso, 20, ways).await;
    for _ in 0..5 {
        assert_eq!(stage.get("Property").await.status, 200);
    }
}

#[tokio::test]
async fn questions_that_are_too_long() {
    for refused in [
        Refused::Status(404),
        Refused::Status(403),
        Refused::Status(500),
        Refused::CutJson,
    ] {
        let ways = with(|ways| {
            ways.question = Question {
                longest: Some(700),
                most_values: Some(4),
                refused,
                in_status: None,
            };
        });
        let stage = contrary(Provider::Reso, 60, ways).await;
        let keys = stage.control.live_keys();
        let asked = |n: usize| format!("Property?$filter={}", Stage::by_keys(&keys[..n]));
        let few = stage.get(&asked(4)).await;
        assert_eq!((few.status, few.keys().len()), (200, 4));
        let long = format!("{}&$expand={}", asked(2), "M".repeat(700));
        for question in [asked(5), long] {
            let reply = stage.get(&question).await;
            match refused {
                Refused::Status(status) => assert_eq!(reply.status, status),
                Refused::CutJson => {
                    assert_eq!(reply.status, 200);
                    assert!(serde_json::from_str::<Value>(&reply.text()).is_err());
                }
            }
        }
    }
    let ways = with(|ways| ways.question.in_status = Some(500));
    let stage = contrary(Provider::Trestle, 60, ways).await;
    let key = stage.control.live_keys().remove(0);
    let by_list = format!("Property?$filter=ListingKey in ('{key}')");
    assert_eq!(stage.get(&by_list).await.status, 500);
    let by_eq = format!("Property?$filter=ListingKey eq '{key}'");
    assert_eq!(stage.get(&by_eq).await.keys(), [key]);
}

#[tokio::test]
async fn keys_of_other_types() {
    let ways = with(|ways| ways.keys = KeyType::Int64);
    let stage = contrary(Provider::Trestle, 120, ways).await;
    let page = stage.get("Property?$orderby=ListingKey&$top=100").await;
    let json = page.json();
    let rows = json["value"].as_array().unwrap();
    let numbers: Vec<u64> = rows
        .iter()
        .map(|row| row["ListingKey"].as_u64().expect("a JSON number"))
        .collect();
    assert!(numbers.is_sorted(), "in the order of numbers");
    let last = numbers.last().unwrap();
    for (filter, status) in [
        (format!("ListingKey gt {last}"), 200),
        (format!("ListingKey in ({last},1)"), 200),
        (format!("ListingKey gt '{last}'"), 400),
        (format!("ListingKey in ('{last}')"), 400),
    ] {
        let reply = stage.get(&format!("Property?$filter={filter}")).await;
        assert_eq!(reply.status, status, "{filter}: {}", reply.text());
    }
    assert_eq!(stage.control.live_keys().len(), 120);

    let ways = with(|ways| ways.keys = KeyType::Guid);
    let stage = contrary(Provider::Reso, 60, ways).await;
    let key = stage.control.live_keys().remove(0);
    assert_eq!(key.len(), 36);
    for (literal, status) in [
        (key.clone(), 200),
        (key.to_uppercase(), 200),
        (format!("'{key}'"), 400),
        ("1".to_owned(), 400),
    ] {
        let asked = format!("Property?$filter=ListingKey eq {literal}");
        let reply = stage.get(&asked).await;
        assert_eq!(reply.status, status, "{literal}");
        if status == 200 {
            assert_eq!(reply.keys(), [key.as_str()]);
        }
    }
    let log = stage.control.log();
    assert_eq!(log[0].kind, RequestKind::Confirm);
}

/// `eq 'ml1'` is answered with `ML1` as well, and `gt` the one passes over the other.
#[tokio::test]
async fn comparisons_that_ignore_case() {
    let stage = contrary(Provider::Reso, 80, with(|ways| ways.blind = true)).await;
    let keys = stage.control.live_keys();
    let lower = keys.iter().find(|key| key.starts_with("ml")).unwrap();
    let upper = lower.to_uppercase();
    assert!(keys.contains(&upper));
    let both = sorted(vec![lower.clone(), upper.clone()]);
    for literal in [lower.clone(), upper.clone(), format!("{lower}  ")] {
        for form in ["ListingKey eq", "ListingKey in"] {
            let literal = match form {
                "ListingKey eq" => format!("'{literal}'"),
                _ => format!("('{literal}')"),
            };
            let asked = format!("Property?$filter={form} {literal}");
            assert_eq!(sorted(stage.get(&asked).await.keys()), both, "{asked}");
        }
    }
    stage.control.sell_keys(std::slice::from_ref(lower));
    let asked = format!("Property?$filter=ListingKey eq '{lower}'");
    assert_eq!(
        stage.get(&asked).await.keys(),
        std::slice::from_ref(&upper),
        "its twin"
    );
    let ordered = "Property?$orderby=ListingKey";
    let after = format!("{ordered}&$filter=ListingKey gt '{lower}'");
    assert!(!stage.get(&after).await.keys().contains(&upper));
    let from = format!("{ordered}&$filter=ListingKey ge '{lower}'");
    assert_eq!(stage.get(&from).await.keys()[0], upper);
}

/// Its own links go on behind the very row that they name.
#[tokio::test]
async fn links_of_a_server_that_ignores_case_lose_no_twin() {
    for page in [1, 3, 7] {
        let mut spec = spec(Provider::Reso, 30);
        spec.page_limit = Some(page);
        spec.options.paging = Paging::NextSkiptoken;
        spec.options.contrary.blind = true;
        let stage = stage(spec).await;
        let keys = stage.keys("Property?$select=ListingKey").await;
        assert_eq!(sorted(keys), sorted(stage.control.live_keys()), "{page}");
    }
}

#[tokio::test]
async fn bytes_that_no_strict_reader_takes() {
    for what in [
        Odd::ByteOrderMark,
        Odd::ControlCharacter,
        Odd::NotANumber,
        Odd::Latin1,
        Odd::HalfSurrogate,
    ] {
        let stage = contrary(Provider::Reso, 20, Contrary::default()).await;
        stage
            .control
            .set_faults(vec![Fault::Unreadable { what }.into()]);
        let page = stage.get("Property?$select=ListingKey").await;
        assert_eq!(page.status, 200);
        let strict = serde_json::from_slice::<Value>(&page.body);
        assert!(strict.is_err(), "{what:?}: {}", page.text());
        let key = &stage.control.live_keys()[0];
        assert!(page.text().contains(&json!(key).to_string()));
        assert_eq!(stage.control.struck()["unreadable"], 1);
        let stage = contrary(Provider::Reso, 20, with(|ways| ways.bytes = Some(what))).await;
        let page = stage.get("Property").await;
        assert!(serde_json::from_slice::<Value>(&page.body).is_err());
    }
}

#[tokio::test]
async fn counts_of_something_else() {
    for (what, count) in [
        (OddCount::OfAll, json!(100)),
        (OddCount::Capped(10), json!(10)),
        (OddCount::Negative, json!(-1)),
        (OddCount::Text, json!("many")),
        (OddCount::OfThePage, json!(50)),
    ] {
        let stage = contrary(Provider::Reso, 100, Contrary::default()).await;
        let filter = "$filter=StandardStatus eq 'Active'";
        let page = stage.get(&format!("Property?$count=true&{filter}")).await;
        let active = page.json()["@odata.count"].as_u64().unwrap();
        assert!((60..100).contains(&active));
        stage
            .control
            .set_faults(vec![Fault::OddCount { what }.into()]);
        let page = stage.get(&format!("Property?$count=true&{filter}")).await;
        assert_eq!(page.json()["@odata.count"], count, "{what:?}");
        assert_eq!(stage.control.struck()["odd_count"], 1);
    }
}

#[tokio::test]
async fn a_last_link_that_leads_nowhere() {
    for status in [404, 400, 416, 204] {
        let ways = with(|ways| ways.dead_end = Some(status));
        let stage = contrary(Provider::Reso, 120, ways).await;
        let mut url = "Property".to_owned();
        let mut keys = Vec::new();
        let last = loop {
            let page = stage.get(&url).await;
            if page.status != 200 {
                break page.status;
            }
            keys.extend(page.keys());
            url = page.next().expect("each page has a link");
        };
        assert_eq!(last, status);
        assert_eq!(sorted(keys), stage.control.live_keys());
        // Questions by key have no pages.
        let one = Stage::by_keys(&stage.control.live_keys()[..1]);
        let one = stage.get(&format!("Property?$filter={one}")).await;
        assert_eq!((one.status, one.next()), (200, None));
    }
}

#[tokio::test]
async fn answers_by_key_that_show_what_is_gone() {
    let stage = contrary(Provider::Reso, 60, Contrary::default()).await;
    let sold = sorted(stage.control.sell(3));
    let asked = format!("Property?$filter={}", Stage::by_keys(&sold));
    assert!(stage.get(&asked).await.keys().is_empty());
    stage
        .control
        .set_faults(vec![Fault::ConfirmFindsGone.into()]);
    assert_eq!(sorted(stage.get(&asked).await.keys()), sold);
    assert_eq!(stage.keys("Property").await.len(), 57);
}

/// MLS Grid is searched by ListingId, as its documentation has it.
#[tokio::test]
async fn mls_grid_finds_listings_by_their_id() {
    let stage = contrary(Provider::MlsGrid, 120, Contrary::default()).await;
    let page = stage
        .get(&format!("Property?{SYSTEM}&$select=ListingKey,ListingId"))
        .await;
    let json = page.json();
    let ids: Vec<(String, String)> = json["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("ListingKey"), text("ListingId"))
        })
        .collect();
    assert!(ids.iter().all(|(_, id)| id.starts_with("ACT")));
    let quoted: Vec<_> = ids[..3].iter().map(|(_, id)| format!("'{id}'")).collect();
    let asked = |list: &str| format!("Property?{SYSTEM} and ListingId in ({list})");
    let found = stage.get(&asked(&quoted.join(","))).await;
    let expected: Vec<_> = ids[..3].iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(sorted(found.keys()), sorted(expected));
    let log = stage.control.log();
    assert_eq!(log.last().unwrap().kind, RequestKind::Confirm);
    // What is sold is not found, and a new id finds the old key.
    stage.control.sell_keys(&[ids[0].0.clone()]);
    assert!(stage.get(&asked(&quoted[0])).await.keys().is_empty());
    let renumbered = stage.control.renumber(119);
    assert!(renumbered.contains(&ids[1].0));
    assert!(stage.get(&asked(&quoted[1])).await.keys().is_empty());
    // The same id under another key finds that one alone.
    let moved = stage.control.rekey(1).remove(0);
    assert!(!stage.control.live_keys().contains(&moved.0));
    let id = stage.control.listing_id(&moved.1).unwrap();
    assert_eq!(stage.control.listing_id(&moved.0), Some(id.clone()));
    let found = stage.get(&asked(&format!("'{id}'"))).await;
    assert_eq!(found.keys(), [moved.1]);
    for field in ["StandardStatus eq 'Active'", "PropertyType eq 'Land'"] {
        let reply = stage.get(&format!("Property?{SYSTEM} and {field}")).await;
        assert_eq!(reply.status, 200, "{field}");
    }
    let ways = with(|ways| ways.broker_only = true);
    let stage = contrary(Provider::MlsGrid, 60, ways).await;
    for (condition, status) in [
        ("ListingId eq 'ACT1000000'", 400),
        ("StandardStatus eq 'Active'", 400),
        ("ListOfficeMlsId eq 'OFF3'", 200),
        ("ModificationTimestamp gt 2020-01-01T00:00:00Z", 200),
    ] {
        let asked = format!("Property?{SYSTEM} and {condition}");
        assert_eq!(stage.get(&asked).await.status, status, "{condition}");
    }
}

/// CREA: what left the destination is not in its master list, and is found by key.
#[tokio::test]
async fn crea_finds_by_key_what_left_the_destination() {
    let stage = contrary(Provider::Crea, 60, Contrary::default()).await;
    let left = stage.control.leave(2);
    let sold = stage.control.sell(1);
    let list = stage.keys("Property/PropertyReplication()").await;
    assert_eq!(sorted(list), stage.control.live_keys());
    let asked: Vec<_> = left.iter().chain(&sold).cloned().collect();
    let found = stage
        .get(&format!("Property?$filter={}", Stage::by_keys(&asked)))
        .await;
    assert_eq!(sorted(found.keys()), sorted(left.clone()));
    // Back in the list, it is like any other.
    stage.control.relist(&left[..1]);
    assert!(stage.control.live_keys().contains(&left[0]));
}

#[tokio::test]
async fn the_new_controls_over_http() {
    let stage = stage(spec(Provider::Reso, 50)).await;
    let control = |verb: &str| format!("{}/_control/abor/{verb}", stage.simulator.url());
    let body = r#"{"n":3,"at":10}"#;
    let added = post(&control("add"), body).send().await.json();
    let at = stage.get("Property?$skip=10&$top=3").await.keys();
    assert_eq!(added["keys"], json!(at));
    let body = r#"{"n":20,"at_once":true}"#;
    post(&control("touch"), body).send().await;
    let newest = "Property?$orderby=ModificationTimestamp desc&$top=21";
    let stamps = stamps(&stage.get(newest).await);
    assert!(stamps[..20].iter().all(|stamp| *stamp == stamps[0]));
    assert_ne!(stamps[20], stamps[0]);
    for verb in ["renumber", "leave", "rekey"] {
        let done = post(&control(verb), r#"{"n":2}"#).send().await.json();
        assert_eq!(done["keys"].as_array().unwrap().len(), 2);
    }
    let state = get(&control("state")).send().await.json();
    assert_eq!(state["live"], 51);
}

#[test]
fn ways_are_named_in_json() {
    let text = r#"{"mls":"abor","provider":"reso","listings":5,"credential":{"token":"t"},
        "options":{"paging":"none","contrary":{"ties":"of_the_place","shown":{"cut":1000},
        "keys":"int64","blind":true,"bytes":"latin1","token_requests":9,"ended_token":403,"dead_end":416,"broker_only":true,
        "question":{"longest":2048,"most_values":12,"refused":"cut_json","in_status":500}}}}"#;
    let spec: MlsSpec = serde_json::from_str(text).unwrap();
    let ways = &spec.options.contrary;
    assert_eq!(ways.ties, Ties::OfThePlace);
    assert_eq!(ways.shown, Shown::Cut(1_000));
    assert_eq!(ways.question.refused, Refused::CutJson);
    let again: Contrary = serde_json::from_value(serde_json::to_value(ways).unwrap()).unwrap();
    assert_eq!(&again, ways);
    let rule = r#"{"fault":{"odd_count":{"what":{"capped":10000}}},"on":"listing"}"#;
    let rule: FaultRule = serde_json::from_str(rule).unwrap();
    assert_eq!(rule.on, Some(On::Listing));
}
