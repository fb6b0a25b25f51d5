//! `livelist probe`: its output for each provider when everything works, and when something does not.

use livelist_mls::{Fault, FaultRule, MlsSpec, On, Provider, RetryAfter};
use livelist_reso::dialect::{ConfirmForm, CountForm, Dialect, ScanForm};
use serde_json::{Value, json};

use crate::stranger::{Manners, PLAIN, Stranger};
use crate::strangers::town_of;
use crate::town::{Done, Town, account};

const NAMES: [&str; 9] = [
    "registry",
    "secret",
    "token",
    "page",
    "continuation",
    "count",
    "confirmation",
    "clock",
    "budget",
];
/// Enough for a second page of the probe's 200 rows.
const LISTINGS: u64 = 450;

fn name(provider: Provider) -> String {
    let name = serde_json::to_value(provider).unwrap();
    name.as_str().unwrap().to_owned()
}

fn dialect(provider: Provider) -> Dialect {
    Dialect::of(&name(provider)).unwrap()
}

fn town(provider: Provider) -> Town {
    Town::one(MlsSpec::new("abor", provider, LISTINGS))
}

/// A check of the probe's answer.
struct Told(Value);

impl Told {
    fn check(&self, name: &str) -> &Value {
        let mut checks = self.0["checks"].as_array().unwrap().iter();
        checks.find(|check| check["name"] == name).unwrap()
    }

    fn verdict(&self, name: &str) -> &str {
        self.check(name)["verdict"].as_str().unwrap()
    }

    fn seen(&self, name: &str) -> String {
        let seen = self.check(name)["seen"].as_array().unwrap().iter();
        let seen: Vec<&str> = seen.map(|line| line.as_str().unwrap()).collect();
        seen.join("\n")
    }

    /// Whether the check tells to change the field.
    fn changes(&self, name: &str, field: &str) -> bool {
        let mut changes = self.check(name)["change"].as_array().unwrap().iter();
        changes.any(|change| change["field"] == field && change["advice"] != "")
    }
}

impl Town {
    fn probe(&self, more: &[&str]) -> Done {
        self.livelist(&[&["probe", "abor"][..], more].concat())
    }

    /// Probes with `--json`, and sees that all checks are there and no secret is.
    #[track_caller]
    fn told(&self, more: &[&str], code: i32) -> Told {
        let done = self.probe(&[more, &["--json", "--log", "trace"]].concat());
        done.assert(code);
        for secret in self.mls("abor").secrets() {
            assert!(!format!("{done:?}").contains(&secret), "{done:?}");
        }
        let told: Value = serde_json::from_str(&done.out).unwrap();
        let checks = told["checks"].as_array().unwrap();
        let names: Vec<&Value> = checks.iter().map(|check| &check["name"]).collect();
        assert_eq!(names, NAMES);
        let worst = ["failed", "warning", "ok"]
            .into_iter()
            .find(|verdict| checks.iter().any(|check| check["verdict"] == *verdict));
        assert_eq!(told["verdict"].as_str(), worst, "{told}");
        Told(told)
    }
}

#[test]
fn a_provider_that_answers_as_documented_is_called_well() {
    for provider in Provider::ALL {
        let mut spec = MlsSpec::new("abor", provider, LISTINGS);
        // The budgets are kept within a probe, too.
        spec.rate_limited = true;
        let town = Town::one(spec);
        let told = town.told(&[], 0);
        let asked = town.mls("abor").log();
        assert!(asked.len() <= 7, "{provider:?}: {asked:?}");
        assert!(asked.iter().all(|r| r.status == 200), "{asked:?}");
        assert_eq!(told.0["requests"], asked.len());
        for check in NAMES {
            assert!(
                matches!(told.verdict(check), "ok" | "skipped"),
                "{provider:?}: {}",
                told.check(check)
            );
        }
        let is_by_key = dialect(provider).confirm.is_by_key();
        assert_eq!(told.verdict("confirmation") == "ok", is_by_key);
        // Another one: two probes within a second would overdraw some budgets.
        let town = self::town(provider);
        let words = town.probe(&[]).assert(0).out.clone();
        insta::with_settings!({filters => vec![
            (r"127\.0\.0\.1:\d+", "[host]"),
            // With the port in the links, the length of a page varies.
            (r"\d+ bytes, gzip", "[n] bytes, gzip"),
            (r"in \d+ ms", "in [n] ms"),
            (r"about \d+ min", "about [n] min"),
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[time]"),
            (r"(resettime|available|remaining|reset): [0-9.]+", "$1: [n]"),
        ]}, { insta::assert_snapshot!(format!("probe_{}", name(provider)), words) });
    }
}

#[test]
fn a_wrong_secret_fails_at_the_door() {
    for provider in Provider::ALL {
        let mut town = town(provider);
        let right = account(&MlsSpec::new("abor", provider, 1).credential);
        let mut wrong: Value = serde_json::from_str(&right).unwrap();
        let members = wrong.as_object_mut().unwrap().iter_mut();
        let secret = |name: &str| matches!(name, "token" | "client_secret" | "password");
        for (_, value) in members.filter(|(name, _)| secret(name)) {
            *value = json!("wr0ng-t0ken-77aa");
        }
        town.set("ABOR_ACCOUNT", Some(&wrong.to_string()));
        let told = town.told(&[], 3);
        assert_eq!(told.verdict("token"), "failed", "{provider:?}");
        assert!(told.changes("token", "credential"), "{provider:?}");
        assert_eq!(told.verdict("page"), "skipped");
        assert!(!told.0.to_string().contains("wr0ng"), "{}", told.0);
        assert_eq!(town.mls("abor").log().len(), 1, "{provider:?}");
    }
}

#[test]
fn a_revoked_account_is_told_from_a_wrong_page() {
    for provider in Provider::ALL {
        let town = town(provider);
        town.mls("abor").revoke(true);
        let told = town.told(&[], 3);
        assert_eq!(told.verdict("token"), "failed", "{provider:?}");
        let text = town.probe(&[]).assert(3).out.clone();
        assert!(text.contains("failed   token"), "{text}");
    }
}

#[test]
fn what_is_wrong_with_pages_is_told_with_the_field_to_change() {
    let throttle = Fault::Throttle {
        status: 429,
        retry_after: RetryAfter::Seconds,
        seconds: 30,
    };
    for provider in Provider::ALL {
        let town = town(provider);
        for (fault, field, words) in [
            (Fault::Html200, "base_url", "status 200 with text/html"),
            (Fault::EmptyObject200, "base_url", "no array `value`"),
            (Fault::TruncateJson, "base_url", "not whole JSON"),
            (Fault::RowsWithoutKey, "key_field", "no usable key"),
            (throttle.clone(), "limits", "wait 30 seconds"),
            (Fault::Status { code: 404 }, "base_url", "status 404"),
            (Fault::Status { code: 400 }, "provider", "status 400"),
            (Fault::Status { code: 502 }, "base_url", "status 502"),
        ] {
            town.mls("abor").clear_log();
            town.mls("abor")
                .set_faults(vec![FaultRule::new(fault.clone())]);
            let told = town.told(&[], 3);
            assert_eq!(told.verdict("page"), "failed", "{provider:?} {fault:?}");
            assert!(told.seen("page").contains(words), "{}", told.check("page"));
            assert!(told.changes("page", field), "{}", told.check("page"));
            let asked = town.mls("abor").log();
            assert!(asked.len() <= 2, "nothing is asked twice: {asked:?}");
        }
    }
}

#[test]
fn keys_that_are_json_numbers_are_told() {
    let town = town(Provider::Trestle);
    let numbers = FaultRule::new(Fault::NumericKeys);
    town.mls("abor").set_faults(vec![numbers]);
    let told = town.told(&[], 0);
    let words = "200 keys are JSON numbers";
    assert!(told.seen("page").contains(words), "{}", told.check("page"));
}

#[test]
fn a_short_throttle_is_waited_out_and_told() {
    let town = town(Provider::Trestle);
    let throttle = Fault::Throttle {
        status: 429,
        retry_after: RetryAfter::Seconds,
        seconds: 1,
    };
    let rule = FaultRule::new(throttle).times(1);
    town.mls("abor").set_faults(vec![rule]);
    let told = town.told(&[], 0);
    assert_eq!(told.verdict("page"), "ok");
    assert_eq!(told.verdict("budget"), "warning");
    assert!(told.changes("budget", "limits"), "{}", told.0);
}

fn follows_links(provider: Provider) -> bool {
    matches!(dialect(provider).scan, ScanForm::Links { skips: false, .. })
}

#[test]
fn a_link_to_another_host_is_not_followed_and_told() {
    for provider in Provider::ALL {
        let town = town(provider);
        let elsewhere = Fault::NextLinkOtherHost {
            host: "http://127.0.0.2:9".to_owned(),
        };
        town.mls("abor").set_faults(vec![FaultRule::new(elsewhere)]);
        if !follows_links(provider) {
            town.told(&[], 0);
            continue;
        }
        let told = town.told(&[], 3);
        assert!(
            told.changes("page", "allow_hosts"),
            "{}",
            told.check("page")
        );
        assert!(told.seen("page").contains("to 127.0.0.2:9"));
        assert_eq!(told.verdict("continuation"), "skipped");
    }
}

#[test]
fn a_page_that_comes_again_is_no_way_on() {
    for provider in Provider::ALL {
        if !follows_links(provider) {
            continue;
        }
        let town = town(provider);
        let circle = FaultRule::new(Fault::NextLinkLoop);
        town.mls("abor").set_faults(vec![circle]);
        let told = town.told(&[], 3);
        assert_eq!(told.verdict("continuation"), "failed", "{}", told.0);
    }
}

#[test]
fn pages_that_are_smaller_than_asked_for_are_told() {
    for provider in Provider::ALL {
        let mut spec = MlsSpec::new("abor", provider, LISTINGS);
        spec.page_limit = Some(50);
        let town = Town::one(spec);
        if dialect(provider).scan == ScanForm::List {
            continue;
        }
        let told = town.told(&[], 0);
        let check = "continuation";
        assert_eq!(told.verdict(check), "warning", "{}", told.check(check));
        assert!(told.changes(check, "page_size"));
        let pages = match dialect(provider).scan {
            ScanForm::Links { skips: false, .. } => 9,
            ScanForm::Links { skips: true, .. } => 12,
            _ => 10,
        };
        let pages = format!("pages: {pages},");
        let told_so = told.seen("budget").contains(&pages);
        // Where nobody counts, the size is not known.
        assert!(told_so || told.verdict("count") == "skipped", "{}", told.0);
    }
}

#[test]
fn a_server_that_does_not_count_is_told_by_the_dialect() {
    for provider in Provider::ALL {
        let town = town(provider);
        let refused = FaultRule::new(Fault::Status { code: 400 }).on(On::Count);
        town.mls("abor").set_faults(vec![refused]);
        let (code, verdict, changes) = match dialect(provider).count {
            CountForm::Always => (3, "failed", true),
            CountForm::IfOffered => (0, "ok", true),
            CountForm::Never => (0, "skipped", false),
        };
        let told = town.told(&[], code);
        assert_eq!(told.verdict("count"), verdict, "{}", told.0);
        assert_eq!(told.changes("count", "count"), changes, "{}", told.0);
    }
    let mut spec = MlsSpec::new("abor", Provider::Reso, LISTINGS);
    spec.options.count = false;
    let town = Town::one(spec);
    assert!(town.told(&[], 0).seen("count").contains("does not count"));
    town.mls_document("abor", &json!({"count": "always"}));
    assert!(town.told(&[], 3).changes("count", "count"));
}

#[test]
fn a_count_below_what_was_shown_is_not_believed() {
    let town = town(Provider::Trestle);
    let wrong = FaultRule::new(Fault::WrongCount { delta: -400 }).on(On::Count);
    town.mls("abor").set_faults(vec![wrong]);
    let told = town.told(&[], 3);
    assert!(told.changes("count", "count"), "{}", told.check("count"));
}

#[test]
fn a_question_about_keys_that_is_not_answered_fails_where_one_is_asked() {
    for provider in Provider::ALL {
        let town = town(provider);
        for fault in [Fault::Status { code: 400 }, Fault::ConfirmFindsNothing] {
            let rule = FaultRule::new(fault).on(On::Confirm);
            town.mls("abor").set_faults(vec![rule]);
            if dialect(provider).confirm == ConfirmForm::SecondScan {
                assert_eq!(town.told(&[], 0).verdict("confirmation"), "skipped");
                continue;
            }
            let told = town.told(&[], 3);
            assert_eq!(told.verdict("confirmation"), "failed", "{}", told.0);
            assert!(told.changes("confirmation", "confirm"), "{}", told.0);
            town.mls_document("abor", &json!({"confirm": "second_scan"}));
            assert_eq!(town.told(&[], 0).verdict("confirmation"), "skipped");
            town.mls_document("abor", &json!({}));
        }
    }
}

fn keys() -> impl Iterator<Item = String> {
    (0..90).map(|n| format!("KEY{:04}", n * 7_919 % 9_973))
}

#[test]
fn a_filter_that_is_not_heeded_is_no_confirmation() {
    let manners = Manners {
        deaf: true,
        ..PLAIN
    };
    let stranger = Stranger::start(keys(), manners.clone());
    let town = town_of(&stranger, &manners, "reso");
    let told = town.told(&[], 3);
    let seen = told.seen("confirmation");
    assert!(seen.contains("does not heed the filter"), "{seen}");
    assert!(told.changes("confirmation", "confirm"));
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    let manners = Manners {
        date: Some("Fri, 20 Nov 2020 04:00:00 GMT"),
        ..PLAIN
    };
    let stranger = Stranger::start(keys(), manners.clone());
    let told = town_of(&stranger, &manners, "reso").told(&[], 0);
    assert_eq!(told.verdict("clock"), "warning");
    assert!(told.seen("clock").contains("behind"), "{}", told.0);
}

#[test]
fn a_key_can_be_asked_for() {
    let town = town(Provider::Trestle);
    let sold = town.mls("abor").sell(1).remove(0);
    let live = town.mls("abor").live_keys().remove(9);
    let told = town.told(&["--key", &live], 0);
    assert!(
        told.seen("confirmation")
            .contains(&format!("{live} is live"))
    );
    let told = town.told(&["--key", &sold], 0);
    assert_eq!(told.verdict("confirmation"), "warning");
    assert!(
        told.seen("confirmation")
            .contains(&format!("{sold} is not found"))
    );
}

#[test]
fn a_filter_is_asked_with() {
    let town = town(Provider::Trestle);
    let filter = "StandardStatus eq 'Active'";
    let told = town.told(&["--filter", filter], 0);
    assert_eq!(told.0["filter"], filter);
    let active = town.mls("abor").live_keys_matching(filter).unwrap().len();
    assert!(active < LISTINGS as usize);
    let count = format!("counts {active} rows");
    assert!(told.seen("count").contains(&count), "{}", told.0);
    let told = town.told(&["--filter", "City eq"], 3);
    assert_eq!(told.verdict("page"), "failed");
}

#[test]
fn a_document_or_secret_that_is_not_sound_asks_nobody() {
    let mut town = town(Provider::Trestle);
    town.mls_document("abor", &json!({"page_size": 0, "allow_hosts": ["a/b"]}));
    let told = town.told(&[], 2);
    assert!(told.changes("registry", "page_size"));
    assert!(told.changes("registry", "allow_hosts[0]"));
    town.mls_document("abor", &json!({}));
    for secret in [
        None,
        Some("s3cr3t-77aa"),
        Some(r#"{"token":"s3cr3t-77aa"}"#),
    ] {
        town.set("ABOR_ACCOUNT", secret);
        let told = town.told(&[], 3);
        assert_eq!(told.verdict("secret"), "failed");
        assert!(told.changes("secret", "credential"), "{}", told.0);
        assert!(!told.0.to_string().contains("s3cr3t"), "{}", told.0);
    }
    town.mls_document("abor", &json!({"credential": "ssm:/livelist/abor"}));
    assert!(town.told(&[], 3).changes("secret", "credential"));
    let done = town.livelist(&["probe", "nowhere"]);
    done.assert(2);
    assert!(done.err.contains("mls/nowhere.json"), "{}", done.err);
    assert!(town.mls("abor").log().is_empty());
}
