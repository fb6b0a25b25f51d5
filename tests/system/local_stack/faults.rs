//! The fault catalogue through the deployed system: a fault is survived, or refused with a notice, and no
//! live listing is ever published as gone.

use std::collections::BTreeSet;

use livelist_mls::{Fault, FaultRule, MlsSpec, On, Provider, RetryAfter};
use livelist_tests::stack::{Execution, Notice};
use livelist_tests::world::World;
use serde_json::json;

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
const THIRD: &str = "2026-11-23";

/// A world that has published its first day, and listens to the notices.
struct Day {
    world: World,
    mls: String,
}

impl Day {
    async fn after_the_first(name: &str, provider: Provider, listings: u64) -> Day {
        let world = World::one(name, provider, listings).await;
        let execution = world.one_day(FIRST).await;
        assert_eq!(
            execution.output["outcome"], "published",
            "{} {}",
            execution.error, execution.cause
        );
        Day {
            world,
            mls: name.to_owned(),
        }
    }

    fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        self.world
            .control(&self.mls)
            .set_faults(rules.into_iter().collect());
    }

    /// The second day, and the notice it ended with.
    async fn told(&self) -> (Execution, Notice) {
        let topic = self.world.stack.output("NoticesArn");
        let notices = self
            .world
            .stack
            .listen(topic, &format!("listener-{}", self.mls))
            .await;
        let execution = self.world.one_day(SECOND).await;
        let notice = notices
            .of(&format!("Run: {}\n", self.world.run(&self.mls, SECOND).run))
            .await;
        assert!(
            notice.message.contains(&format!("MLS: {}", self.mls)),
            "{notice:?}"
        );
        assert!(notice.message.contains(&execution.arn), "{notice:?}");
        (execution, notice)
    }

    async fn is_held(&self, reason: &str) -> Execution {
        let (execution, notice) = self.told().await;
        assert_eq!(
            execution.status, "SUCCEEDED",
            "{} {}",
            execution.error, execution.cause
        );
        assert_eq!(execution.output["held_reason"], reason);
        assert!(
            notice.message.contains(&format!("Reason: {reason}")),
            "{notice:?}"
        );
        self.the_head_stays().await;
        execution
    }

    async fn fails(&self, error: &str, step: &str) -> Execution {
        let (execution, notice) = self.told().await;
        assert_eq!(
            (execution.status.as_str(), execution.error.as_str()),
            ("FAILED", error),
            "{}",
            execution.cause
        );
        assert!(
            notice.message.contains(&format!("Error: {error}")),
            "{notice:?}"
        );
        assert!(
            notice.message.contains(&format!("Step: {step}")),
            "{notice:?}"
        );
        let failure = self
            .world
            .record(&self.mls, SECOND)
            .await
            .error
            .expect("run.json tells the error");
        assert_eq!(failure.name, error);
        assert!(notice.message.contains(&failure.advice), "{notice:?}");
        self.the_head_stays().await;
        execution
    }

    async fn the_head_stays(&self) {
        assert_eq!(self.world.head(&self.mls).await.unwrap().sequence, 1);
    }

    /// The second day is published, and nothing that is live is missing in it.
    async fn is_survived(&self) -> Execution {
        let execution = self.world.one_day(SECOND).await;
        assert_eq!(
            execution.status, "SUCCEEDED",
            "{} {}",
            execution.error, execution.cause
        );
        let outcome = execution.output["outcome"].as_str().unwrap();
        assert!(
            ["published", "unchanged"].contains(&outcome),
            "{}",
            execution.output
        );
        self.nothing_live_is_gone().await;
        execution
    }

    async fn nothing_live_is_gone(&self) {
        let published: BTreeSet<String> =
            self.world.published(&self.mls).await.into_iter().collect();
        let live = self.world.control(&self.mls).live_keys();
        let gone: Vec<&String> = live.iter().filter(|k| !published.contains(*k)).collect();
        assert!(gone.is_empty(), "live, and published as gone: {gone:?}");
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f1_an_empty_list_is_held() {
    let day = Day::after_the_first("f1", Provider::Trestle, 400).await;
    // Its count is empty as well; if it were not, the count would give it away.
    day.faults([On::Page, On::Count].map(|on| FaultRule::from(Fault::EmptyList).on(on)));
    day.is_held("empty_scan").await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f2_a_list_that_ends_early_is_not_believed() {
    let day = Day::after_the_first("f2", Provider::Reso, 400).await;
    day.faults([FaultRule::from(Fault::NoNextLink)]);
    day.is_held("count_mismatch").await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f3_what_is_no_page_fails_the_run_in_the_end() {
    let day = Day::after_the_first("f3", Provider::Bridge, 400).await;
    day.faults([FaultRule::from(Fault::EmptyObject200).after(1)]);
    let execution = day.fails("PageInvalid", "scan").await;
    assert_eq!(
        execution.task_errors(),
        ["PageInvalid", "PageInvalid"],
        "tried once more"
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f4_throttling_is_waited_out_without_paying_for_it() {
    for (name, retry_after) in [
        ("f4-seconds", RetryAfter::Seconds),
        ("f4-nothing", RetryAfter::None),
    ] {
        let day = Day::after_the_first(name, Provider::Reso, 400).await;
        day.world.control(name).sell(3);
        let throttle = Fault::Throttle {
            status: 429,
            retry_after,
            seconds: 20,
        };
        day.faults([FaultRule::from(throttle).after(1).times(3)]);
        let execution = day.is_survived().await;
        assert_eq!(execution.times_in("WaitScan"), 3, "{name}");
        assert_eq!(execution.output["removed"], 3, "{name}");
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f5_a_broken_provider_is_asked_again_later() {
    let day = Day::after_the_first("f5", Provider::Trestle, 400).await;
    // More than one task tries: the state machine has to wait and invoke it again. Two are spent on
    // pages that were asked for ahead.
    day.faults([FaultRule::from(Fault::Status { code: 500 }).times(9)]);
    let execution = day.is_survived().await;
    assert_eq!(execution.task_errors(), ["ProviderUnavailable"]);
    let struck = day.world.control("f5").struck();
    assert_eq!(struck["status"], 9);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f5_cut_answers_are_read_again() {
    let day = Day::after_the_first("f5-cut", Provider::Reso, 400).await;
    day.world.control("f5-cut").sell(3);
    let cuts = [
        Fault::TruncateJson,
        Fault::Reset,
        Fault::ShortContentLength,
        Fault::GzipTruncated,
    ];
    day.faults(
        cuts.into_iter()
            .enumerate()
            .map(|(n, cut)| FaultRule::from(cut).after(n as u64).times(1)),
    );
    assert_eq!(day.is_survived().await.output["removed"], 3);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f6_half_pages_lose_nothing() {
    for (name, provider) in [
        ("f6-reso", Provider::Reso),
        ("f6-bridge", Provider::Bridge),
        ("f6-grid", Provider::MlsGrid),
    ] {
        let day = Day::after_the_first(name, provider, 400).await;
        day.faults([Fault::HalfPage.into()]);
        let execution = day.world.one_day(SECOND).await;
        assert_eq!(
            execution.status, "SUCCEEDED",
            "{name}: {} {}",
            execution.error, execution.cause
        );
        day.nothing_live_is_gone().await;
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f7_a_mass_removal_is_held_until_a_look_a_day_later() {
    let day = Day::after_the_first("f7", Provider::Reso, 400).await;
    day.world.control("f7").sell(160);
    let execution = day.is_held("mass_removal").await;
    assert_eq!(execution.output["confirmed"], 160);
    // The date is the operator's; the clock has not moved. A second look an hour later is no second day.
    let execution = day.world.one_day(THIRD).await;
    assert_eq!(execution.output["outcome"], "held", "{}", execution.output);
    assert_eq!(day.world.published("f7").await.len(), 400);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f8_f9_rows_that_come_and_go_during_the_scan_lose_nothing() {
    let day = Day::after_the_first("f8", Provider::Reso, 400).await;
    day.faults([
        FaultRule::from(Fault::SellDuringScan { n: 5 })
            .after(2)
            .times(1),
        FaultRule::from(Fault::AddDuringScan { n: 5 })
            .after(1)
            .times(1),
    ]);
    day.is_survived().await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f11_a_token_that_expires_in_mid_scan_is_replaced() {
    let day = Day::after_the_first("f11", Provider::Trestle, 400).await;
    day.world.control("f11").sell(3);
    day.faults([FaultRule::from(Fault::ExpireToken).after(2)]);
    let execution = day.is_survived().await;
    assert_eq!(
        (
            execution.times_in("RequestToken"),
            execution.times_in("Scan")
        ),
        (2, 2)
    );
    assert_eq!(execution.output["removed"], 3);
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f13_links_elsewhere_are_refused_and_loops_noticed() {
    let elsewhere = MlsSpec::new("f13-elsewhere", Provider::Reso, 10);
    let elsewhere = World::open("f13-elsewhere", vec![elsewhere]).await;
    let day = Day::after_the_first("f13-link", Provider::Reso, 400).await;
    // `localhost` is another host than `127.0.0.1`, and somebody listens there.
    let host = elsewhere.simulator.url().replace("127.0.0.1", "localhost");
    day.faults([Fault::NextLinkOtherHost { host }.into()]);
    let execution = day.fails("LinkRefused", "scan").await;
    assert_eq!(execution.task_errors(), ["LinkRefused"]);
    assert!(
        elsewhere.control("f13-elsewhere").log().is_empty(),
        "nothing was sent there"
    );

    let day = Day::after_the_first("f13-loop", Provider::Reso, 400).await;
    day.faults([Fault::NextLinkLoop.into()]);
    day.fails("PagingLoop", "scan").await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f14_replaced_keys_are_held() {
    let day = Day::after_the_first("f14", Provider::Trestle, 400).await;
    day.world.control("f14").rekey_all();
    day.is_held("keys_replaced").await;
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn f15_one_bad_mls_does_not_stop_the_others() {
    let specs = ["f15-denied", "f15-broken", "f15-fine"]
        .map(|mls| MlsSpec::new(mls, Provider::Trestle, 100));
    let mut world = World::open("f15", specs.to_vec()).await;
    world
        .control("f15-denied")
        .set_faults(vec![Fault::Status { code: 403 }.into()]);
    // A document that says nothing of use.
    world
        .register("f15-broken", json!({ "page_size": 0 }))
        .await;
    let planned = world.plan(FIRST).await;
    let findings = planned["findings"].as_array().unwrap();
    assert!(
        findings
            .iter()
            .any(|f| f["file"] == "mls/f15-broken.json" && f["field"] == "page_size"),
        "{planned}"
    );
    assert_eq!(planned["pairs"], 2, "{planned}");
    let fine = world.ended("f15-fine", FIRST).await;
    assert_eq!(fine.output["outcome"], "published");
    let denied = world.ended("f15-denied", FIRST).await;
    assert_eq!(denied.error, "AccessDenied");
    assert!(world.head("f15-denied").await.is_none());
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_credential_that_is_refused_again_fails_the_run() {
    let day = Day::after_the_first("revoked", Provider::Bridge, 200).await;
    day.world.control("revoked").revoke(true);
    let execution = day.fails("AuthorizationFailed", "scan").await;
    assert_eq!(
        execution.times_in("LoadServerToken"),
        2,
        "once more with a new token"
    );
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_broken_confirmation_is_held() {
    let day = Day::after_the_first("blind", Provider::Trestle, 400).await;
    day.world.control("blind").sell(5);
    day.faults([Fault::ConfirmFindsNothing.into()]);
    day.is_held("confirmation_broken").await;
}
