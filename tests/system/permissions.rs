//! Compares the functions' permissions with their calls. The local stack's emulator checks no permissions,
//! so the real steps and the API run through some weeks over ports that record each access (`life`,
//! `recording`), and the records are compared with the template's statements (`policy`). Needs no network.

mod copies;
mod life;
mod policy;
mod recording;
mod tasks;

use std::collections::BTreeSet;

use policy::{Grant, OPERATORS, Policies, covers};
use recording::Access;

async fn accesses(policies: &Policies) -> BTreeSet<Access> {
    let mut all = life::lived().await;
    all.extend(policies.of_lambda_itself());
    all
}

/// What is missing here is a 403 on AWS and nowhere else.
#[tokio::test]
async fn a_function_may_do_what_it_does() {
    let policies = Policies::read();
    let all = accesses(&policies).await;
    let functions: BTreeSet<&str> = all.iter().map(|access| access.function.as_str()).collect();
    assert_eq!(functions, policies.functions(), "each function was seen");
    let missing: BTreeSet<String> = all
        .iter()
        .filter(|access| !policies.allow(access))
        .map(|access| {
            let on = without_names(&access.on.to_string());
            format!("{}: {} on {on}", access.function, access.action)
        })
        .collect();
    assert!(missing.is_empty(), "the template lacks {missing:#?}");
}

/// The key with `*` for what has a digit in it: feeds, runs and digests, so that hundreds of the same
/// are one.
fn without_names(key: &str) -> String {
    let parts = key.split('/').map(|part| {
        let is_name = part.contains(|c: char| c.is_ascii_digit());
        if is_name { "*" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Every action on every resource of a statement is used: what is not is to be taken out.
#[tokio::test]
async fn a_function_does_what_it_may() {
    let policies = Policies::read();
    let all = accesses(&policies).await;
    let superfluous: Vec<String> = policies
        .grants()
        .filter(|grant| !all.iter().any(|access| policies.fits(grant, access)))
        .map(ToString::to_string)
        .collect();
    assert!(superfluous.is_empty(), "nobody uses {superfluous:#?}");
}

/// An approval takes the credential, publishes and gives it back, wherever it is asked for: on the
/// operators' page or by the command.
#[test]
fn operators_may_do_what_an_approval_does() {
    let policies = Policies::read();
    let page: Vec<&Grant> = policies.of(OPERATORS).collect();
    let command = policies.of_operators();
    let command: Vec<&Grant> = command.iter().collect();
    let needed: Vec<&Grant> = ["publish", "release"]
        .iter()
        .flat_map(|step| policies.of(step))
        .collect();
    assert!(!needed.is_empty() && !page.is_empty());
    let lacks = |who: &[&Grant], needed: &[&Grant]| -> Vec<String> {
        let may = |grant: &Grant| {
            let fits = |g: &&&Grant| g.action == grant.action && covers(&g.pattern, &grant.pattern);
            who.iter().find(fits).is_some()
        };
        let lacking = needed.iter().filter(|grant| !may(grant));
        lacking.map(ToString::to_string).collect()
    };
    assert_eq!(lacks(&page, &needed), Vec::<String>::new());
    assert_eq!(lacks(&command, &page), Vec::<String>::new());
    // What is published is changed by publishing alone, and never deleted.
    for grant in page.iter().chain(&command) {
        let deletes = grant.action == "s3:DeleteObject" && grant.pattern.contains("/feeds/");
        assert!(!deletes || grant.pattern.ends_with("/held.json"), "{grant}");
    }
}

#[test]
fn a_grant_is_one_action_within_one_folder() {
    for grant in Policies::read().grants() {
        let (service, action) = grant.action.split_once(':').unwrap();
        assert!(!service.contains('*') && !action.contains('*'), "{grant}");
        let fixed = grant.pattern.split('*').next().unwrap();
        let names_a_folder = fixed
            .split_once('/')
            .is_some_and(|(_, folder)| !folder.is_empty());
        assert!(
            names_a_folder || !grant.pattern.contains('*'),
            "too wide: {grant}"
        );
    }
}

#[test]
fn patterns_match_as_they_do_in_iam() {
    let head = "${Bucket.Arn}/feeds/*/head.json";
    assert!(covers(
        head,
        "${Bucket.Arn}/feeds/abor-property-1/head.json"
    ));
    assert!(covers(head, "${Bucket.Arn}/feeds/a/b/head.json"));
    assert!(!covers(head, "${Bucket.Arn}/feeds/a/held.json"));
    assert!(!covers(head, "${Bucket.Arn}/feeds/head.json"));
    assert!(!covers(head, "${Bucket.Arn}/feeds/a/head.json.old"));
    assert!(covers("${Key.Arn}", "${Key.Arn}"));
    assert!(!covers("${Key.Arn}", "${Key.Arn}/x"));
    assert!(!covers("ab*ba", "aba"));
}
