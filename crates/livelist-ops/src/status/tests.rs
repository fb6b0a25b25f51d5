use livelist_model::record::Traffic;
use livelist_model::registry::{AnyProvider, parse_mls};
use livelist_model::run::FeedSpec;

use super::*;

const NOW: &str = "2026-11-22T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn past(state: RunState, why: Option<&str>) -> Past {
    Past {
        run: "2026-11-22-abor-property-00000000".parse().unwrap(),
        state,
        started_at: now(),
        finished_at: now(),
        live: Some(3),
        added: 1,
        removed: 2,
        confirmed: 2,
        counted: Some(4),
        absent: Some(900),
        why: why.map(str::to_owned),
        traffic: Traffic::default(),
    }
}

fn head(next: &str) -> Head {
    serde_json::from_value(serde_json::json!({
        "schema": 1, "feed": "abor-property-00000000", "version": "2026-11-22T04:00:00Z-000002",
        "sequence": 2, "as_of": "2026-11-22T04:00:00Z", "complete": true, "count": 3,
        "previous_count": 5, "key_field": "ListingKey", "order": "bytewise", "sha256": "",
        "full": {"object": "x", "bytes": 1}, "run": "2026-11-22-abor-property-00000000",
        "published_at": "2026-11-22T04:00:10Z", "checked_run": "2026-11-22-abor-property-00000000",
        "next_expected_at": next,
    }))
    .unwrap()
}

/// A feed; one that is disabled says `paused` if an operator did it.
fn feed(disabled: Option<&str>) -> Feed {
    let mls = br#"{"mls":"abor","provider":"reso","base_url":"https://x.example/odata","credential":"env:X",
        "schedule":{"cron":"0 * * * *"}}"#;
    let mls = parse_mls("mls/abor.json", mls, &AnyProvider).unwrap();
    let pair = serde_json::from_str(r#"{"mls":"abor","resource":"Property"}"#).unwrap();
    Feed {
        spec: FeedSpec::resolve(&mls, &pair),
        clients: Vec::new(),
        replication: None,
        disabled: disabled.map(str::to_owned),
        is_paused: disabled == Some("paused"),
    }
}

/// What an alert says of a held result: how many keys, and none of them.
#[test]
fn a_held_result_is_told_with_its_numbers() {
    let mut history = History::new("abor-property-00000000".parse().unwrap());
    history.note(past(RunState::Held, Some("mass_removal")));
    let head = head("2026-11-23T04:00:00Z");
    let status = Status {
        at: now(),
        feeds: vec![tell(
            &feed(None),
            Some(&head),
            &history,
            None,
            Vec::new(),
            Starts::Computed,
            now(),
        )],
        copies: Vec::new(),
        findings: vec!["mls/bolt.json: it is wrong".to_owned()],
        troubles: Vec::new(),
    };
    assert_eq!(status.feeds[0].counted, Some(4));
    let found = crate::conditions::conditions(&status);
    let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
    let feed = &status.feeds[0].feed;
    let held = format!("{feed} is held: mass_removal (900 of 3 listed keys were not seen)");
    assert_eq!(
        texts,
        [held.as_str(), "the registry: mls/bolt.json: it is wrong"]
    );
    assert!(crate::conditions::unsure(&status).is_empty());
}

/// (O8) If a process waits for the instant, the next run is at the next hour of the schedule, whatever the
/// last run recorded; otherwise it is the recorded time.
#[test]
fn the_next_run_is_when_somebody_starts_it() {
    let head = head("2026-11-23T04:00:00Z");
    let newest = last_run(None, Some(&past(RunState::Published, None)));
    let next = |starts: Starts, last: Option<&LastRun>, now: &str| {
        let next = starts.next(&feed(None), last, Some(&head), now.parse().unwrap());
        next.map(|at| at.to_string()).unwrap()
    };
    let noon = "2026-11-22T12:00:10Z";
    let last = newest.as_ref();
    assert_eq!(next(Starts::AtTheTime, last, noon), "2026-11-22T13:00:00Z");
    assert_eq!(next(Starts::Computed, last, noon), "2026-11-23T04:00:00Z");
    assert_eq!(next(Starts::OnceADay, last, noon), "2026-11-23T04:00:00Z");
    // A feed that is due is due now.
    assert_eq!(next(Starts::AtTheTime, None, noon), noon);
    let late = "2026-11-22T15:00:00Z";
    assert_eq!(next(Starts::AtTheTime, last, late), late);
}

#[test]
fn what_needs_somebody_comes_before_what_is_well() {
    let well = head("2026-11-23T04:00:00Z");
    let late = head("2026-11-21T23:59:59Z");
    let published = past(RunState::Published, None);
    let held = past(RunState::Held, Some("mass_removal"));
    let failed = past(RunState::Failed, Some("AccessDenied"));
    let rejected = past(RunState::Rejected, Some("mass_removal"));
    let of = |disabled: Option<&str>, running, newest, head| {
        judge(&feed(disabled), running, newest, head, now()).0
    };
    assert_eq!(
        of(None, false, Some(&published), Some(&well)),
        FeedState::OnTime
    );
    assert_eq!(
        of(None, false, Some(&rejected), Some(&well)),
        FeedState::OnTime
    );
    assert_eq!(
        of(None, false, Some(&published), Some(&late)),
        FeedState::Delayed
    );
    assert_eq!(of(None, false, Some(&held), Some(&late)), FeedState::Held);
    assert_eq!(
        of(None, false, Some(&failed), Some(&late)),
        FeedState::Failed
    );
    assert_eq!(
        of(None, true, Some(&failed), Some(&late)),
        FeedState::InProgress
    );
    assert_eq!(
        of(Some("disabled"), false, Some(&held), None),
        FeedState::Disabled
    );
    let disabled = of(Some("paused"), false, Some(&failed), None);
    assert_eq!(disabled, FeedState::Disabled);
    // (O6) A pause hides no result that waits.
    assert_eq!(
        of(Some("paused"), false, Some(&held), None),
        FeedState::Held
    );
    assert_eq!(of(None, false, None, None), FeedState::Delayed);
}

#[test]
fn a_head_is_overdue_twelve_hours_after_it_was_expected() {
    let of = |next| judge(&feed(None), false, None, Some(&head(next)), now()).0;
    assert_eq!(of("2026-11-22T00:00:00Z"), FeedState::OnTime);
    assert_eq!(of("2026-11-21T23:59:59Z"), FeedState::Delayed);
}

#[test]
fn advice_is_that_of_the_reason() {
    let held = past(RunState::Held, Some("mass_removal"));
    let told = what_to_do(FeedState::Held, Some(&held));
    assert_eq!(told, Some(HeldReason::MassRemoval.advice()));
    let failed = past(RunState::Failed, Some("AccessDenied"));
    let told = what_to_do(FeedState::Failed, Some(&failed));
    assert_eq!(told, Some(advice("AccessDenied")));
    assert_eq!(what_to_do(FeedState::OnTime, Some(&held)), None);
}

#[test]
fn the_change_is_against_the_list_before() {
    assert_eq!(change(&head("2026-11-23T04:00:00Z")), Some(-2));
}
