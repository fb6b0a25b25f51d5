use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(cron: &str, time_zone: &str, jitter_minutes: u16) -> Schedule {
    Schedule::At(Cron {
        cron: cron.to_owned(),
        time_zone: time_zone.to_owned(),
        jitter_minutes,
    })
}

fn abor() -> MlsId {
    "abor".parse().unwrap()
}

/// The next `n` instants, each found from the one before.
fn times(schedule: &Schedule, from: &str, n: usize) -> Vec<String> {
    let mut now = at(from);
    (0..n)
        .map(|_| {
            now = schedule.next_after(&abor(), now).unwrap();
            now.to_string()
        })
        .collect()
}

#[test]
fn days_are_spread_over_an_hour_by_the_name() {
    let from = at("2026-11-20T12:00:00Z");
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..600 {
        let mls: MlsId = format!("mls{n}").parse().unwrap();
        let next = Schedule::default().next_after(&mls, from).unwrap();
        assert!(next >= at("2026-11-21T04:00:00Z") && next < at("2026-11-21T05:00:00Z"));
        // The same after a restart, and again a day later.
        let again = Schedule::default().next_after(&mls, next).unwrap();
        assert_eq!(again.duration_since(next), SignedDuration::from_hours(24));
        seen.insert(next.as_second() / 60);
    }
    assert_eq!(seen.len(), 60, "every minute has some");
}

#[test]
fn weekdays_and_weeks_pass_over_the_other_days() {
    // 2026-11-20 is a Friday.
    let weekdays = times(&Schedule::On(Days::Weekdays), "2026-11-20T12:00:00Z", 2);
    assert!(weekdays[0].starts_with("2026-11-23T04:"), "{weekdays:?}");
    assert!(weekdays[1].starts_with("2026-11-24T04:"), "{weekdays:?}");
    let weekly = times(&Schedule::On(Days::Weekly), "2026-11-20T12:00:00Z", 2);
    assert!(weekly[0].starts_with("2026-11-22T04:"), "{weekly:?}");
    assert!(weekly[1].starts_with("2026-11-29T04:"), "{weekly:?}");
}

#[test]
fn a_cron_expression_is_read_in_its_zone() {
    let schedule = cron("30 22 * * 1-5", "America/Chicago", 0);
    assert_eq!(
        times(&schedule, "2026-11-20T12:00:00Z", 2),
        ["2026-11-21T04:30:00Z", "2026-11-24T04:30:00Z"]
    );
    // By the date in UTC it is Tuesday to Saturday.
    let due: Vec<bool> = (16..=22)
        .map(|day| schedule.is_due(jiff::civil::date(2026, 11, day)))
        .collect();
    assert_eq!(due, [false, true, true, true, true, true, false]);
}

#[test]
fn a_time_that_the_clock_jumps_over_comes_later_and_one_it_shows_twice_comes_once() {
    // In Chicago 2026-03-08 has no 02:30, and 2026-11-01 has two 01:30.
    let schedule = cron("30 2 * * *", "America/Chicago", 0);
    assert_eq!(
        times(&schedule, "2026-03-07T00:00:00Z", 3),
        [
            "2026-03-07T08:30:00Z",
            "2026-03-08T08:30:00Z",
            "2026-03-09T07:30:00Z"
        ]
    );
    // Asked in the hour that the clock jumped to, the jumped time still comes.
    let next = schedule.next_after(&abor(), at("2026-03-08T08:10:00Z"));
    assert_eq!(next, Some(at("2026-03-08T08:30:00Z")));
    let schedule = cron("30 1 * * *", "America/Chicago", 0);
    assert_eq!(
        times(&schedule, "2026-10-31T12:00:00Z", 2),
        ["2026-11-01T06:30:00Z", "2026-11-02T07:30:00Z"]
    );
    let next = schedule.next_after(&abor(), at("2026-11-01T07:10:00Z"));
    assert_eq!(next, Some(at("2026-11-02T07:30:00Z")));
}

#[test]
fn jitter_delays_and_stays_the_same() {
    let plain = cron("0 4 * * *", "UTC", 0);
    let spread = cron("0 4 * * *", "UTC", 30);
    let mut delays = std::collections::BTreeSet::new();
    for n in 0..50 {
        let mls: MlsId = format!("mls{n}").parse().unwrap();
        let from = at("2026-11-20T12:00:00Z");
        let first = plain.next_after(&mls, from).unwrap();
        let next = spread.next_after(&mls, from).unwrap();
        let delay = next.duration_since(first);
        assert!(!delay.is_negative() && delay < SignedDuration::from_mins(30));
        // Between the expression's time and the delayed one it is still to come.
        assert_eq!(spread.next_after(&mls, next - 1.second()), Some(next));
        let day = SignedDuration::from_hours(24);
        assert_eq!(spread.next_after(&mls, next), Some(next + day));
        delays.insert(delay);
    }
    assert!(delays.len() > 40, "{}", delays.len());
}

#[test]
fn the_next_run_is_expected_when_it_is_due() {
    let friday = at("2026-11-20T04:20:00Z");
    let expected = |schedule: &Schedule, planner| schedule.next_expected(&abor(), friday, planner);
    let weekdays = Schedule::On(Days::Weekdays);
    assert_eq!(
        expected(&weekdays, Planner::OnceADay),
        Some(at("2026-11-23T04:20:00Z"))
    );
    assert_eq!(
        expected(&Schedule::default(), Planner::OnceADay),
        Some(at("2026-11-21T04:20:00Z"))
    );
    let mondays = cron("30 18 * * 1", "UTC", 0);
    // Who comes by once a day comes at that hour.
    assert_eq!(
        expected(&mondays, Planner::OnceADay),
        Some(at("2026-11-23T04:20:00Z"))
    );
    assert_eq!(
        expected(&mondays, Planner::AtTheTime),
        Some(at("2026-11-23T18:30:00Z"))
    );
}

#[test]
fn what_is_wrong_is_found() {
    use ScheduleProblem::{Expression, Jitter, Never, TimeZone, TooOften};
    for (schedule, expected) in [
        (cron("30 4 * * 1-5", "America/Chicago", 30), vec![]),
        (cron(" 30  4,16 * * *", "UTC", 720), vec![]),
        (cron("0 0 29 2 *", "UTC", 0), vec![]),
        (cron("", "UTC", 0), vec![Expression]),
        (cron("30 4 * *", "UTC", 0), vec![Expression]),
        (cron("30 4 * * * UTC", "UTC", 0), vec![Expression]),
        (cron("30 25 * * *", "UTC", 0), vec![Expression]),
        (cron("@daily", "UTC", 0), vec![Expression]),
        (cron("0 0 30 2 *", "UTC", 0), vec![Never]),
        (cron("* 4 * * *", "UTC", 0), vec![TooOften]),
        (cron("0,30 4 * * *", "UTC", 0), vec![TooOften]),
        (cron("0 4 * * *", "Chicago", 0), vec![TimeZone]),
        (cron("x", "", 721), vec![Expression, TimeZone, Jitter]),
    ] {
        assert_eq!(schedule.problems(), expected, "{schedule:?}");
        let runs = schedule.next_after(&abor(), at("2026-11-20T12:00:00Z"));
        if expected.is_empty() {
            assert!(runs.is_some(), "{schedule:?}");
        }
    }
}

#[test]
fn both_forms_are_read_and_written() {
    for text in [
        r#""weekdays""#,
        r#"{"cron":"30 4 * * 1-5","time_zone":"America/Chicago","jitter_minutes":30}"#,
    ] {
        let schedule: Schedule = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&schedule).unwrap(), text);
    }
    let short: Schedule = serde_json::from_str(r#"{"cron":"0 4 * * *"}"#).unwrap();
    assert_eq!(short, cron("0 4 * * *", "UTC", 0));
}
