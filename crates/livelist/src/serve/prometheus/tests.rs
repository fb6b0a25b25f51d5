//! Every number that CloudWatch gets is there, under names that do not change.

use livelist_model::record::{RunState, Traffic};
use livelist_ops::health::QueueHealth;

use super::*;

fn run(state: RunState) -> RunMetrics {
    RunMetrics {
        at: "2026-11-29T04:00:00Z".parse().unwrap(),
        run: "2026-11-29-abor-property-1f0c9a2b".parse().unwrap(),
        feed: "abor-property-1f0c9a2b".parse().unwrap(),
        mls: "abor".parse().unwrap(),
        provider: "reso".parse().unwrap(),
        state,
        held: None,
        error: None,
        live: Some(99),
        added: 4,
        removed: 5,
        asked: 6,
        restored: 1,
        scan: std::time::Duration::from_millis(1_500),
        took: std::time::Duration::from_secs(3),
        traffic: Traffic {
            requests: 7,
            retries: 2,
            throttled: 1,
            bytes: 1_000,
        },
    }
}

#[test]
fn runs_are_counted_by_mls_and_outcome() {
    let prometheus = Prometheus::new(Seen::default());
    prometheus.run(&run(RunState::Published));
    prometheus.run(&run(RunState::Published));
    prometheus.run(&run(RunState::Failed));
    let text = prometheus.text().unwrap();
    for line in [
        r#"livelist_runs_total{mls="abor",outcome="published"} 2"#,
        r#"livelist_runs_total{mls="abor",outcome="failed"} 1"#,
        r#"livelist_keys_added_total{mls="abor"} 12"#,
        r#"livelist_keys_removed_total{mls="abor"} 15"#,
        r#"livelist_keys_confirmed_total{mls="abor"} 18"#,
        r#"livelist_keys_restored_total{mls="abor"} 3"#,
        r#"livelist_requests_total{mls="abor"} 21"#,
        r#"livelist_retries_total{mls="abor"} 6"#,
        r#"livelist_throttled_total{mls="abor"} 3"#,
        r#"livelist_received_bytes_total{mls="abor"} 3000"#,
        r#"livelist_scan_seconds_total{mls="abor"} 4.5"#,
        r#"livelist_run_seconds_total{mls="abor"} 9.0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn gauges_are_of_the_newest_look() {
    let seen = Seen::default();
    let prometheus = Prometheus::new(seen.clone());
    assert!(!prometheus.text().unwrap().contains("livelist_feeds"));
    let at = "2026-11-29T04:00:00Z".parse().unwrap();
    let status = Status {
        at,
        feeds: Vec::new(),
        copies: Vec::new(),
        findings: vec!["mls/abor.json: it is wrong".to_owned()],
        troubles: Vec::new(),
    };
    let queue = QueueHealth {
        notices_given_up: 3,
        ..QueueHealth::default()
    };
    let health = Health {
        at,
        troubles: Vec::new(),
        disk: None,
        clock: None,
        registry_findings: 1,
        queue,
        backup: None,
    };
    seen.keep(Arc::new(status), health);
    let text = prometheus.text().unwrap();
    for line in [
        r#"livelist_feeds{state="failed"} 0"#,
        r#"livelist_feeds{state="in_progress"} 0"#,
        "livelist_old_lists 0",
        "livelist_registry_findings 1",
        r#"livelist_queue{what="notices_given_up"} 3"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}
