//! Requests that `livelist reconcile` refuses, and its messages.

use livelist_mls::{MlsSpec, Provider};
use serde_json::json;

use crate::reader;
use crate::town::Town;

const WRONG: &str = "wr0ng-s3cr3t-77aa";

#[test]
fn a_wrong_secret_fails_and_is_not_shown() {
    for (provider, account) in [
        (
            Provider::Trestle,
            json!({"client_id": "abor-client", "client_secret": WRONG}),
        ),
        (Provider::Bridge, json!({"token": WRONG})),
        (Provider::MlsGrid, json!({"token": WRONG})),
        (Provider::Reso, json!({"token": WRONG})),
    ] {
        let mut town = Town::one(MlsSpec::new("abor", provider, 5));
        town.set("ABOR_ACCOUNT", Some(&account.to_string()));
        let date = ["--date", "2026-11-21", "--log", "trace"];
        let done = town.livelist(&[&["reconcile", "--json"][..], &date].concat());
        done.assert(4);
        let lines = done.lines();
        assert_eq!(
            lines[0]["error"]["name"], "AuthorizationFailed",
            "{lines:?}"
        );
        assert!(!format!("{done:?}").contains(WRONG));
        let table = town.livelist(&[&["reconcile"][..], &date].concat());
        table.assert(4);
        assert!(table.out.contains("(AuthorizationFailed)"), "{}", table.out);
        assert!(!format!("{table:?}").contains(WRONG));
        assert_eq!(reader::only(&town.data()), None);
    }
}

#[test]
fn a_secret_that_is_missing_or_unreadable_is_told_apart() {
    let mut town = Town::trestle(5);
    let error = |town: &Town| {
        let line = town.only("2026-11-21", 4);
        line["error"].clone()
    };
    town.set("ABOR_ACCOUNT", None);
    let missing = error(&town);
    assert_eq!(missing["name"], "SecretMissing");
    let message = missing["message"].as_str().unwrap();
    assert!(message.contains("env:ABOR_ACCOUNT"), "{message}");
    for account in ["s3cr3t-77aa", r#"{"tokn":"s3cr3t-77aa"}"#] {
        town.set("ABOR_ACCOUNT", Some(account));
        let invalid = error(&town);
        assert_eq!(invalid["name"], "SecretInvalid", "{invalid}");
        assert!(!invalid.to_string().contains("s3cr3t"), "{invalid}");
    }
    assert!(town.mls("abor").log().is_empty());
}

#[test]
fn a_secret_may_lie_in_a_file_beside_the_registry() {
    let mut town = Town::trestle(5);
    let spec = MlsSpec::new("abor", Provider::Trestle, 5);
    let account = crate::town::account(&spec.credential);
    town.set("ABOR_ACCOUNT", None);
    town.mls_document("abor", &json!({"credential": "file:../abor.secret"}));
    assert_eq!(town.only("2026-11-21", 4)["error"]["name"], "SecretMissing");
    std::fs::write(town.dir.path().join("abor.secret"), account).unwrap();
    assert_eq!(town.only("2026-11-21", 0)["count"], 5);
}

#[test]
fn disabled_pairs_and_mlss_are_left_alone() {
    let town = Town::of(vec![
        MlsSpec::new("abor", Provider::Trestle, 5),
        MlsSpec::new("bolt", Provider::Trestle, 5),
        MlsSpec::new("cold", Provider::Trestle, 5),
    ]);
    let pair = |mls: &str| json!({"mls": mls, "resource": "Property"});
    let mut disabled = pair("bolt");
    disabled["enabled"] = json!(false);
    town.client("acme", &json!([pair("abor"), disabled, pair("cold")]));
    town.mls_document("cold", &json!({"enabled": false}));
    let lines = town.day("2026-11-21", 0);
    assert_eq!(lines.len(), 1);
    assert!(lines[0]["feed"].as_str().unwrap().starts_with("abor-"));
    assert!(town.mls("bolt").log().is_empty() && town.mls("cold").log().is_empty());
    town.mls_document("abor", &json!({"schedule": "weekdays"}));
    let saturday = town.livelist(&["reconcile", "--date", "2026-11-28"]);
    saturday.assert(0);
    assert_eq!(
        saturday.out,
        "nothing is due (3 pairs are not due or disabled)\n"
    );
    assert!(town.day("2026-11-28", 0).is_empty());
}

#[test]
fn a_selection_narrows_and_an_unknown_name_is_refused() {
    let town = Town::of(vec![
        MlsSpec::new("abor", Provider::Trestle, 5),
        MlsSpec::new("bolt", Provider::Trestle, 6),
    ]);
    let pair = |mls: &str| json!({"mls": mls, "resource": "Property"});
    town.client("acme", &json!([pair("abor")]));
    town.client("zeta", &json!([pair("abor"), pair("bolt")]));
    for (arguments, said) in [
        (["--mls", "nowhere"], "mls/nowhere.json"),
        (["--client", "nobody"], "clients/nobody.json"),
        (["--mls", "No/Where"], "lower-case"),
        (["--date", "2026-13-01"], "--date"),
        (["--jobs", "0"], "--jobs"),
    ] {
        let done = town.livelist(&[&["reconcile", "--json"][..], &arguments].concat());
        done.assert(2);
        assert!(done.err.contains(said), "{}", done.err);
        assert_eq!(done.out, "");
    }
    assert!(reader::feeds(&town.data()).is_empty());
    let select = |arguments: &[&str]| {
        let day = ["reconcile", "--json", "--date", "2026-11-21"];
        let done = town.livelist(&[&day[..], arguments].concat());
        done.assert(0);
        let counts = done.lines().into_iter().map(|l| l["count"].clone());
        counts.collect::<Vec<_>>()
    };
    assert_eq!(select(&["--mls", "bolt"]), [6]);
    assert_eq!(select(&["--client", "acme"]), [5]);
    assert_eq!(select(&["--client", "zeta", "--mls", "abor"]), [5]);
    assert_eq!(select(&["--client", "acme", "--mls", "bolt"]), [0; 0]);
}

#[test]
fn a_bad_document_stops_only_itself() {
    let town = Town::trestle(5);
    town.write("clients/broken.json", &json!({"client": "broken", "x": 1}));
    let lines = town.day("2026-11-21", 2);
    assert_eq!(lines[0]["outcome"], "published");
    let done = town.livelist(&["reconcile", "--json", "--date", "2026-11-22"]);
    assert!(done.err.contains("clients/broken.json: x"), "{}", done.err);
}

#[test]
fn directories_that_are_not_there_are_named() {
    let town = Town::trestle(5);
    for verb in [
        &["live", "abor-property-00000000"][..],
        &["runs"],
        &["show", "2026-11-21-abor-property-00000000"],
        &["approve", "2026-11-21-abor-property-00000000"],
        &["serve", "--no-schedule", "--listen", "127.0.0.1:0"],
    ] {
        let done = town.livelist(verb);
        done.assert(2);
        assert!(done.err.contains("is not a directory"), "{}", done.err);
    }
    let done = town.livelist(&["reconcile", "--registry", "/nowhere"]);
    done.assert(2);
    assert!(!town.data().exists());
    town.only("2026-11-21", 0);
    let done = town.livelist(&["live", "abor-property-00000000"]);
    done.assert(2);
    let done = town.livelist(&["show", "2026-11-21-abor-property-00000000"]);
    done.assert(2);
}
