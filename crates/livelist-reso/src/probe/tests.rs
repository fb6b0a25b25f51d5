//! What facts mean: tables of facts, the verdict, and the fields to change.

use livelist_model::registry::parse_mls;

use super::account::{Door, TokenSeen, token};
use super::ask::{Question, confirmation};
use super::pace::{Amount, budget, clock};
use super::read::{CountSeen, NextSeen, PageSeen, SecondSeen, continuation, count, page};
use super::*;
use crate::allow::LinkError;
use crate::catalog::Dialects;
use crate::confirm::Shown;
use crate::page::PageError;
use crate::secret::AccountError;
use crate::strange;
use Verdict::{Failed, Ok as Fine, Skipped, Warning};

fn feed(provider: &str, more: &str) -> FeedSpec {
    strange::feed(provider, &format!(r#","originating_system":"abor"{more}"#))
}

fn both(provider: &str, more: &str) -> (FeedSpec, Dialect) {
    let feed = feed(provider, more);
    let dialect = Dialect::for_feed(&feed).unwrap();
    (feed, dialect)
}

/// The fields to change; `-` if something else than the document has to change.
fn fields(check: &Check) -> Vec<&str> {
    let changes = check.change.iter();
    changes.map(|c| c.field.as_deref().unwrap_or("-")).collect()
}

#[track_caller]
fn assert_is(check: &Check, verdict: Verdict, changed: &[&str]) {
    assert_eq!(
        (check.verdict, fields(check).as_slice()),
        (verdict, changed),
        "{check:#?}"
    );
    assert!(!check.seen.is_empty());
}

fn heard(skew: i64) -> Heard {
    let at = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    Heard {
        status: 200,
        sent_at: at,
        answered_at: at,
        took: Duration::from_millis(20),
        date: jiff::Timestamp::from_second(1_700_000_000 + skew).ok(),
        is_aged: false,
        encoding: Some("gzip".to_owned()),
        content_type: Some("application/json".to_owned()),
        quota: Vec::new(),
        refusal: None,
    }
}

fn seen(rows: u64, asked: u32, way_on: Result<bool, ClientError>) -> PageSeen {
    PageSeen {
        asked: Some(asked),
        rows,
        look: KeyLook::of((0..rows).map(|_| b"1".as_slice()).take(1)),
        numbers: 0,
        seconds: 0,
        next: None,
        way_on,
        by_skip: false,
        bytes: rows * 30,
        heard: heard(0),
    }
}

fn denied(status: u16) -> ClientError {
    ClientError::Denied {
        status,
        message: "no".to_owned(),
    }
}

fn rejected() -> ClientError {
    ClientError::Rejected {
        status: 400,
        message: "no".to_owned(),
    }
}

fn shape(what: &str) -> ClientError {
    ClientError::Page(PageError::Shape(what.to_owned()))
}

#[test]
fn documents_are_told_with_all_their_findings() {
    let parse = |more: &str| {
        let text = format!(
            r#"{{"mls":"abor","provider":"reso","base_url":"https://x.example","credential":"env:X"{more}}}"#
        );
        registry(
            "mls/abor.json",
            &parse_mls("mls/abor.json", text.as_bytes(), &Dialects),
        )
    };
    assert_is(&parse(""), Fine, &[]);
    assert_is(
        &parse(r#","page_size":0,"key_field":"a b""#),
        Failed,
        &["page_size", "key_field"],
    );
    assert_is(&parse(","), Failed, &["-"]);
    assert_is(&parse(r#","page_size":5000"#), Warning, &["page_size"]);
    let (mut feed, dialect) = both("crea", "");
    assert_is(&filter(parse(""), &feed, &dialect), Fine, &[]);
    feed.filter = Some("City eq 'X'".to_owned());
    assert_is(&filter(parse(""), &feed, &dialect), Failed, &["-"]);
}

#[test]
fn secrets_are_told_by_what_is_wrong_with_them() {
    let feed = feed("trestle", "");
    let check = |trouble| secret(&feed, &Err(trouble));
    let unreadable = SecretTrouble::Unreadable("there is nothing".to_owned());
    assert_is(&check(unreadable), Failed, &["credential"]);
    for (error, changed) in [
        (AccountError::Form, &["credential"][..]),
        (AccountError::Bearer, &["credential"]),
        (
            AccountError::Characters {
                member: "token",
                what: "a blank",
            },
            &["credential"],
        ),
        (AccountError::ApiKeyMissing, &["credential"]),
        (
            AccountError::Kind {
                found: "`token`",
                wanted: "`client_id`",
            },
            &["credential", "auth"],
        ),
    ] {
        assert_is(&check(SecretTrouble::Account(error)), Failed, changed);
    }
}

#[test]
fn tokens_are_judged_by_the_answer_and_by_the_first_request() {
    let feed = feed("trestle", "");
    let issued = |lives| TokenSeen::Issued {
        lives,
        refresh: false,
    };
    let hour = Some(Duration::from_secs(3_600));
    let shut = || Door::Shut("no".to_owned());
    for (got, door, verdict, changed) in [
        (Ok(TokenSeen::Given), Door::Open, Fine, &[][..]),
        (Ok(TokenSeen::Given), Door::Unknown, Fine, &[]),
        (Ok(TokenSeen::Given), shut(), Failed, &["credential"]),
        (Ok(issued(hour)), Door::Open, Fine, &[]),
        (Ok(issued(None)), Door::Open, Fine, &[]),
        (
            Ok(issued(Some(Duration::from_secs(300)))),
            Door::Open,
            Warning,
            &["-"],
        ),
        (
            Ok(issued(hour)),
            shut(),
            Failed,
            &["token_url", "base_url", "dataset"],
        ),
        (
            Err(ClientError::CredentialRefused("400".to_owned())),
            Door::Unknown,
            Failed,
            &["credential", "token_url"],
        ),
    ] {
        assert_is(&token(&feed, &got, door), verdict, changed);
    }
}

#[test]
fn pages_are_judged_by_what_came() {
    let (feed, dialect) = both("reso", "");
    let host = || LinkError::Host {
        host: "other.example".to_owned(),
    };
    for (seen, verdict, changed) in [
        (Ok(seen(200, 200, Ok(true))), Fine, &[][..]),
        (
            Ok(seen(0, 200, Ok(false))),
            Warning,
            &["originating_system", "-"],
        ),
        (
            Ok(seen(200, 200, Err(ClientError::Link(host())))),
            Failed,
            &["allow_hosts"],
        ),
        (
            Ok(seen(200, 200, Err(ClientError::Link(LinkError::Downgrade)))),
            Failed,
            &["-"],
        ),
        (
            Ok(seen(200, 200, Err(ClientError::Page(PageError::Order)))),
            Failed,
            &["provider"],
        ),
        (
            Ok(seen(
                200,
                200,
                Err(shape("a row has no usable `N`, by which it is read")),
            )),
            Failed,
            &["provider"],
        ),
        (
            Err(ClientError::Page(PageError::Key {
                row: 1,
                reason: "no `ListingKey`".to_owned(),
            })),
            Failed,
            &["key_field"],
        ),
        (Err(shape("there is no array")), Failed, &["base_url", "-"]),
        (Err(denied(404)), Failed, &["base_url", "dataset", "-"]),
        (Err(rejected()), Failed, &["originating_system", "provider"]),
        (
            Err(ClientError::Throttled(Duration::from_secs(9))),
            Failed,
            &["-", "limits"],
        ),
        (
            Err(ClientError::Unavailable {
                what: "x".to_owned(),
                source: None,
            }),
            Failed,
            &["base_url", "-"],
        ),
    ] {
        let check = page(&feed, &dialect, &seen, Some(&heard(0)));
        assert_is(&check, verdict, changed);
    }
    let html = Heard {
        content_type: Some("text/html".to_owned()),
        ..heard(0)
    };
    let check = page(&feed, &dialect, &Err(shape("it is HTML")), Some(&html));
    assert_eq!(check.seen[0], "status 200 with text/html");
}

#[test]
fn links_are_told_by_their_form_and_host() {
    let of = |link: &str| NextSeen::of(link, false);
    let seen = |host: Option<&str>, by| NextSeen {
        host: host.map(str::to_owned),
        by,
        in_header: false,
    };
    let x = Some("x.example");
    assert_eq!(of("https://x.example/P?a&$skip=5"), seen(x, "with `$skip`"));
    assert_eq!(of("Property?%24skip=5"), seen(None, "with `$skip`"));
    assert_eq!(
        of("https://x.example/P?$skiptoken=5"),
        seen(x, "with `$skiptoken`")
    );
    assert_eq!(of("https://x.example/P?next=1-7b"), seen(x, "opaque"));
    assert_eq!(of("https://u:pw@x.example/P"), seen(x, "opaque"));
}

#[test]
fn a_way_on_has_to_lead_to_other_rows() {
    let second = |rows, repeated| {
        Ok(SecondSeen {
            rows,
            repeated,
            way_on: Ok(true),
            in_parts: false,
            gave_up: false,
        })
    };
    let full = || seen(200, 200, Ok(true));
    let short = || seen(100, 200, Ok(true));
    let last = || seen(60, 200, Ok(false));
    for (provider, first, second, counted, verdict, changed) in [
        ("reso", full(), Some(second(200, 0)), None, Fine, &[][..]),
        (
            "reso",
            short(),
            Some(second(9, 0)),
            None,
            Warning,
            &["page_size"],
        ),
        ("reso", full(), Some(second(200, 3)), None, Warning, &["-"]),
        (
            "reso",
            full(),
            Some(second(200, 200)),
            None,
            Failed,
            &["provider", "-"],
        ),
        (
            "trestle",
            full(),
            Some(second(200, 200)),
            None,
            Failed,
            &["provider", "-"],
        ),
        (
            "trestle",
            full(),
            Some(second(200, 0)),
            None,
            Failed,
            &["provider", "-"],
        ),
        ("trestle", full(), Some(second(200, 1)), None, Fine, &[]),
        ("trestle", full(), Some(second(1, 1)), Some(200), Fine, &[]),
        ("trestle", full(), Some(second(0, 0)), Some(200), Fine, &[]),
        (
            "trestle",
            full(),
            Some(second(0, 0)),
            Some(900),
            Failed,
            &["provider"],
        ),
        ("reso", last(), None, Some(60), Fine, &[]),
        ("reso", last(), None, Some(61), Failed, &["provider"]),
        ("reso", last(), None, None, Fine, &[]),
        (
            "reso",
            seen(200, 200, Ok(false)),
            None,
            None,
            Warning,
            &["provider", "-"],
        ),
        (
            "reso",
            seen(200, 200, Ok(false)),
            None,
            Some(200),
            Fine,
            &[],
        ),
        (
            "reso",
            full(),
            Some(Err(shape("it is HTML"))),
            None,
            Failed,
            &["base_url", "-"],
        ),
        (
            "reso",
            seen(9, 9, Err(denied(403))),
            None,
            None,
            Skipped,
            &[],
        ),
    ] {
        let (feed, dialect) = both(provider, "");
        let check = continuation(&feed, &dialect, &first, second.as_ref(), counted);
        assert_is(&check, verdict, changed);
    }
}

#[test]
fn counts_are_held_against_the_dialect_and_the_rows() {
    use CountSeen::{Counted, Failed as No, NotAsked, Silent};
    for (provider, seen, verdict, changed) in [
        ("mlsgrid", NotAsked, Skipped, &[][..]),
        ("trestle", Counted(400), Fine, &[]),
        ("reso", Counted(400), Fine, &["count"]),
        ("reso", Silent(400), Fine, &["count"]),
        ("reso", Counted(399), Failed, &["count"]),
        ("trestle", No(shape("it is missing")), Failed, &["count"]),
        ("trestle", No(rejected()), Failed, &["count"]),
        (
            "trestle",
            No(ClientError::Throttled(Duration::from_secs(9))),
            Failed,
            &["-", "limits"],
        ),
    ] {
        let (feed, dialect) = both(provider, "");
        assert_is(&count(&feed, &dialect, &seen, 400, None), verdict, changed);
    }
    let (mut feed, dialect) = both("reso", "");
    feed.originating_system = None;
    let of_one = |feed: &FeedSpec, one| count(feed, &dialect, &Counted(900), 400, Some(one));
    assert_is(&of_one(&feed, 1), Fine, &["count"]);
    assert_is(&of_one(&feed, 900), Warning, &["count"]);
    feed.filter = Some("City eq 'X'".to_owned());
    assert_is(&of_one(&feed, 900), Failed, &["count"]);
    assert_is(&of_one(&feed, 1), Fine, &["count"]);
    let (feed, dialect) = both("reso", r#","count":"never""#);
    let check = count(&feed, &dialect, &NotAsked, 1, None);
    assert!(check.seen[0].contains("the registry says"), "{check:?}");
}

const ONE: Manner = Manner {
    words: crate::confirm::Words::Or,
    literal: crate::query::KeyLiteral::Quoted,
    keys: 1,
};

#[test]
fn what_works_is_proposed_and_what_was_not_tried_is_not() {
    let ask = |manner: Manner| {
        let (feed, dialect) = both("trestle", "");
        let question = Question {
            live: vec![b"11".to_vec()],
            impossible: b"0".to_vec(),
            wanted: None,
            manner,
            shown: Ok(Shown {
                keys: [b"11".to_vec()].into(),
                ..Shown::default()
            }),
        };
        confirmation(&feed, &dialect, Some(&question), None)
    };
    let set = crate::confirm::as_set(&both("trestle", "").1).unwrap();
    assert_is(&ask(set), Fine, &[]);
    assert_is(&ask(ONE), Warning, &["confirm"]);
    let fewer = Manner { keys: 40, ..set };
    assert_is(&ask(fewer), Warning, &["confirm_keys"]);
    assert!(ask(fewer).change[0].advice.contains("40"));
    let or = Manner { keys: 100, ..ONE };
    assert_is(&ask(or), Warning, &["confirm"]);
    let bare = Manner {
        literal: crate::query::KeyLiteral::Bare,
        ..set
    };
    assert_is(&ask(bare), Fine, &[]);
    assert!(ask(bare).seen[0].contains("without quotes"));
}

#[test]
fn a_confirmation_has_to_show_exactly_what_lives() {
    let ask = |provider: &str, more: &str, shown: Result<&[&str], ClientError>| {
        let (feed, dialect) = both(provider, more);
        let set = crate::confirm::as_set(&dialect);
        let question = Question {
            live: vec![b"11".to_vec()],
            impossible: b"0".to_vec(),
            wanted: Some(b"12".to_vec()),
            manner: set.unwrap_or(ONE),
            shown: shown.map(|keys| Shown {
                keys: keys.iter().map(|key| key.as_bytes().to_vec()).collect(),
                ..Shown::default()
            }),
        };
        confirmation(&feed, &dialect, Some(&question), Some("12"))
    };
    let forms = &["confirm"];
    assert_is(&ask("trestle", "", Ok(&["11", "12"])), Fine, &[]);
    assert_is(&ask("trestle", "", Ok(&["11"])), Warning, &[]);
    for shown in [&["12"][..], &[], &["11", "0"], &["11", "13"], &["77"]] {
        assert_is(&ask("trestle", "", Ok(shown)), Failed, forms);
    }
    let check = ask("trestle", "", Err(rejected()));
    assert_is(&check, Failed, forms);
    assert!(
        check.change[0].advice.contains("\"second_scan\""),
        "{check:?}"
    );
    let by_scan = r#","confirm":"second_scan""#;
    for (provider, more, why) in [("spark", "", "Spark"), ("reso", by_scan, "the registry")] {
        let check = ask(provider, more, Ok(&[]));
        assert_is(&check, Skipped, &[]);
        assert!(check.seen[0].contains(why), "{check:?}");
        assert!(check.seen[1].contains("12 cannot"), "{check:?}");
    }
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let at = |skew| clock(Some(&heard(skew)));
    for skew in [0, 60, -60] {
        assert_is(&at(skew), Fine, &[]);
    }
    assert!(at(61).seen[0].contains("61 s ahead"), "{:?}", at(61));
    assert!(at(-700).seen[0].contains("700 s behind"));
    assert_is(&at(61), Warning, &["-"]);
    assert_is(&clock(None), Skipped, &[]);
    let silent = Heard {
        date: None,
        ..heard(0)
    };
    assert_is(&clock(Some(&silent)), Skipped, &[]);
}

#[test]
fn budgets_are_told_in_requests_and_minutes() {
    let told = |provider: &str, limits: &str, rows: Option<u64>, page_size: u64| {
        let (feed, dialect) = both(provider, limits);
        budget(&Amount {
            dialect: &dialect,
            limits: &dialect.limits_of(&feed),
            rows,
            page_size,
            counts: 2,
            sample: (6_000, 200),
            took: Duration::from_millis(100),
            quota: &[],
            throttled: 0,
        })
    };
    let last = |check: &Check| check.seen.last().unwrap().clone();
    let check = told("trestle", "", Some(1_000_000), 1_000);
    assert_is(&check, Fine, &[]);
    assert!(
        check.seen[2].contains("1003 requests (pages: 1001, counts: 2)"),
        "{check:?}"
    );
    // 10,000 removals in questions of 92, twice; 180 a minute.
    assert!(check.seen[2].ends_with(": 219"), "{check:?}");
    assert!(last(&check).contains("1222 requests"), "{check:?}");
    assert!(last(&check).contains("asks 6 min"), "{check:?}");
    let check = told(
        "reso",
        r#","limits":[{"most":1000,"seconds":3600}]"#,
        Some(5_000_000),
        1_000,
    );
    assert_is(&check, Warning, &["page_size"]);
    let check = told(
        "reso",
        r#","limits":[{"most":100,"seconds":3600}]"#,
        Some(5_000_000),
        1_000,
    );
    assert_is(&check, Failed, &["page_size", "limits"]);
    let check = told("mlsgrid", "", None, 5_000);
    assert!(check.seen[2].contains("nobody says how many"), "{check:?}");
    assert!(
        check.seen[3].contains("to confirm 1000 removals"),
        "{check:?}"
    );
    let check = told("spark", "", Some(100_000), 1_000);
    assert!(
        check
            .seen
            .iter()
            .any(|s| s.contains("a later run confirms: 0")),
        "{check:?}"
    );
    let list = told("crea", "", Some(70_000), 100);
    assert!(
        list.seen.iter().any(|s| s.contains("pages: 1,")),
        "{list:?}"
    );
}

#[test]
fn a_secret_that_a_provider_repeats_is_taken_out() {
    let check = Check::ok(Name::Page)
        .fail("it says a-b/1 and a%2Db%2F1")
        .change("base_url", "not a-b/1");
    let hidden = check.reworded(|text| policy::without(text, &["a-b/1"]));
    assert_eq!(hidden.seen, ["it says *** and ***"]);
    assert_eq!(hidden.change[0].advice, "not ***");
}
