use super::*;
use crate::registry::AnyProvider;

fn mls(text: &str) -> Result<Mls, Vec<Finding>> {
    parse_mls("mls/abor.json", text.as_bytes(), &AnyProvider)
}

const GOOD: &str = r#"{"mls":"abor","provider":"trestle",
    "base_url":"https://api.cotality.com/trestle/odata","credential":"ssm:/livelist/mls/abor"}"#;

#[test]
fn the_defaults_are_the_documented_ones() {
    let mls = mls(GOOD).unwrap();
    assert_eq!(mls.key_field, "ListingKey");
    assert_eq!(mls.guards.removed_floor, 50);
    assert!(mls.enabled);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_document() {
    assert!(mls(&format!("\u{feff}{GOOD}")).is_ok());
}

#[test]
fn findings_name_file_field_and_remedy() {
    let cases = [
        (r#""page_sice":3"#, "page_sice", "unknown field"),
        (r#""page_size":0"#, "page_size", "out of range"),
        (
            r#""guards":{"removed_fraction":20}"#,
            "guards.removed_fraction",
            "not a share",
        ),
        (r#""guards":{"floor":2}"#, "guards.floor", "unknown field"),
        (
            r#""allow_hosts":["https://x"]"#,
            "allow_hosts[0]",
            "not a host name",
        ),
        (
            r#""token_url":"http://mls.example/token""#,
            "token_url",
            "not be encrypted",
        ),
        (
            r#""token_url":"https://u:p@mls.example/""#,
            "token_url",
            "password",
        ),
        (
            r#""key_field":"Listing Key""#,
            "key_field",
            "not a field name",
        ),
    ];
    for (addition, field, problem) in cases {
        let text = GOOD.replacen('{', &format!("{{{addition},"), 1);
        let findings = mls(&text).unwrap_err();
        let finding = &findings[0];
        assert_eq!(finding.file, "mls/abor.json");
        assert_eq!(finding.field, field, "{finding}");
        assert!(finding.problem.contains(problem), "{finding}");
        assert!(!finding.remedy.is_empty());
    }
}

/// (O2) Several errors are reported at once, and only about the document's own values.
#[test]
fn one_fault_does_not_hide_the_others() {
    let fields = |found: Vec<Finding>| {
        let fields = found.into_iter().map(|f| f.field);
        fields.collect::<Vec<_>>()
    };
    let text = r#"{"mls":"other","page_sice":3,"provider":"Trestle!","base_url":"http://mls.example/odata",
        "guards":{"floor":2,"removed_fraction":7},"limits":[{"most":"many","of":"requests","seconds":60},{"per":1}],
        "confirm":"never","enabled":"yes","page_size":0}"#;
    let mut found = fields(mls(text).unwrap_err());
    found.sort();
    assert_eq!(
        found,
        [
            "base_url",
            "confirm",
            "credential",
            "enabled",
            "guards.floor",
            "guards.removed_fraction",
            "limits[0].most",
            "limits[1].most",
            "limits[1].per",
            "limits[1].seconds",
            "mls",
            "page_sice",
            "page_size",
            "provider",
        ]
    );
    let text = r#"{"client":"acme","api_keys":[{"sha256":"xy"},{"id":"a","feeds":"all"},5],"sites":1,
        "pairs":[{"mls":"UPPER","resource":"Property"},{"resource":"Property"},{"mls":"abor"}]}"#;
    let mut found = fields(parse_client("clients/acme.json", text.as_bytes()).unwrap_err());
    found.sort();
    assert_eq!(
        found,
        [
            "api_keys[0].id",
            "api_keys[0].sha256",
            "api_keys[1].feeds",
            "api_keys[1].sha256",
            "api_keys[2]",
            "pairs[0].mls",
            "pairs[1].mls",
            "pairs[2].resource",
            "sites",
        ]
    );
    // A value that is no object has no fields, and a duplicate is only visible in the text.
    assert_eq!(fields(mls("[]").unwrap_err()), [""]);
    assert_eq!(fields(mls("{\"mls\": ").unwrap_err()), [""]);
    let twice = GOOD.replacen('{', r#"{"mls":"abor","#, 1);
    assert_eq!(mls(&twice).unwrap_err().len(), 1);
}

#[test]
fn http_is_for_loopback_only() {
    for (url, fine) in [
        ("http://127.0.0.1:8080/odata", true),
        ("http://[::1]:8080/odata", true),
        ("http://mls.example/odata", false),
        ("http://127.0.0.1.evil.example/odata", false),
    ] {
        let text = GOOD.replace("https://api.cotality.com/trestle/odata", url);
        assert_eq!(mls(&text).is_ok(), fine, "{url}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let text = GOOD.replace("ssm:/livelist/mls/abor", "hunter2-secret");
    let shown = mls(&text).unwrap_err()[0].to_string();
    assert!(!shown.contains("hunter2"), "{shown}");
    for field in [
        r#""page_size":"hunter2-secret""#,
        r#""page_size":"unknown variant `x`, hunter2 at line 3, expected hunter2""#,
        r#""page_size":"x\", hunter2 at line 3""#,
        r#""schedule":"x`, expected hunter2""#,
        r#""allow_hosts":["https://user:hunter2@x.example"]"#,
        r#""key_field":"hunter2-secret""#,
    ] {
        let text = GOOD.replacen('{', &format!("{{{field},"), 1);
        let shown = mls(&text).unwrap_err()[0].to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_schedule_that_cannot_be_kept_is_found() {
    let with = |schedule: &str| {
        let text = GOOD.replacen('{', &format!(r#"{{"schedule":{schedule},"#), 1);
        let found = mls(&text).err().unwrap_or_default();
        let fields = found.into_iter().map(|f| f.field);
        fields.collect::<Vec<_>>()
    };
    assert_eq!(
        with(r#"{"cron":"30 4 * * 1-5","time_zone":"America/Chicago","jitter_minutes":30}"#),
        [""; 0]
    );
    assert_eq!(with(r#""weekly""#), [""; 0]);
    assert_eq!(with(r#"{"cron":"30 4 * *"}"#), ["schedule.cron"]);
    assert_eq!(
        with(r#"{"cron":"* * * * *","time_zone":"Mars/Base","jitter_minutes":900}"#),
        [
            "schedule.cron",
            "schedule.time_zone",
            "schedule.jitter_minutes"
        ]
    );
    assert_eq!(with(r#"{"cron":5}"#), ["schedule.cron"]);
    assert_eq!(
        with(r#"{"crom":"30 4 * * *"}"#),
        ["schedule.crom", "schedule.cron"]
    );
    assert_eq!(with(r#"["daily"]"#), ["schedule"]);
    assert_eq!(with(r#""hourly""#), ["schedule"]);
}

#[test]
fn pairs_without_an_mls_and_shared_keys_are_found() {
    let mut builder = RegistryBuilder::new(&AnyProvider);
    builder.mls("mls/abor.json", GOOD.as_bytes());
    let hash = "ab".repeat(32);
    for name in ["acme", "bolt"] {
        let text = format!(
            r#"{{"client":"{name}","api_keys":[{{"id":"k1","sha256":"{hash}"}}],
               "pairs":[{{"mls":"abor","resource":"Property"}},{{"mls":"nope","resource":"Property"}}]}}"#
        );
        builder.client(&format!("clients/{name}.json"), text.as_bytes());
    }
    let (registry, findings) = builder.finish();
    assert_eq!(registry.clients.len(), 2);
    let fields: Vec<_> = findings
        .iter()
        .map(|f| (f.file.as_str(), f.field.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("clients/acme.json", "pairs[1].mls"),
            ("clients/bolt.json", "api_keys[0].sha256"),
            ("clients/bolt.json", "pairs[1].mls"),
        ]
    );
    let client = &registry.clients[&"acme".parse().unwrap()];
    assert_eq!(registry.feeds_of(client).count(), 1);
}

#[test]
fn a_notice_goes_to_public_places_over_https() {
    for (url, fine) in [
        ("https://site.example/?rest_route=/livelist/v1/notify", true),
        ("https://8.8.8.8/hook", true),
        ("http://127.0.0.1:8080/hook", true),
        ("http://site.example/hook", false),
        ("https://user:hunter2@site.example/hook", false),
        ("https://site.example/#hook", false),
        ("https://10.0.0.1/hook", false),
        ("https://0x0a.1/hook", false),
        ("https://169.254.169.254/latest", false),
        ("https://[fd00:ec2::254]/latest", false),
        ("https://[::ffff:8.8.8.8]/hook", false),
        ("ftp://site.example/hook", false),
        ("site.example", false),
    ] {
        let text = format!(
            r#"{{"client":"acme","notify":{{"url":"{url}","credential":"env:ACME_NOTICES"}}}}"#
        );
        let read = parse_client("clients/acme.json", text.as_bytes());
        assert_eq!(read.is_ok(), fine, "{url}: {read:?}");
        if let Err(findings) = read {
            assert!(findings.iter().all(|f| f.field == "notify.url"));
            assert!(!findings.iter().any(|f| f.to_string().contains("hunter2")));
        }
    }
}

#[test]
fn documents_pass_their_own_schema() {
    let schema = schema("mls").unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let required: Vec<_> = schema["required"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|v| v.as_str())
        .collect();
    assert_eq!(required, ["mls", "provider", "base_url", "credential"]);
}
