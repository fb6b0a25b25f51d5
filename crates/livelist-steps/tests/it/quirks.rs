//! The peculiarities of each provider, end to end. `days` shows that all of them are published over three
//! days; the tests of faults cover their common errors.

use livelist_mls::Provider::{
    Ampre, Constellation1, Crea, Paragon, Rapattoni, Realtyna, Rmls, Spark, UtahRealEstate,
};
use livelist_mls::{
    Credential, Envelope, Fault, FaultRule, MlsSpec, On, RefreshReuse, RequestKind, RetryAfter,
};
use livelist_model::run::FeedSpec;
use livelist_steps::publish::Outcome;
use rstest::rstest;
use secrecy::SecretString;
use serde_json::json;

use crate::world::{World, failed, published, result, unchanged};

fn status(code: u16) -> FaultRule {
    FaultRule::new(Fault::Status { code })
}

fn requests(world: &World, kind: RequestKind) -> usize {
    world.mls().log().iter().filter(|r| r.kind == kind).count()
}

/// The world's feed with more in its registry document.
fn feed_with(world: &World, extra: &str) -> FeedSpec {
    world.feed("abor", world.specs[0].provider, extra, None)
}

/// Sells and adds some, and publishes just that.
async fn a_day_is_right(world: &World, feed: &FeedSpec) {
    world.mls().sell(6);
    world.mls().add(3);
    let output = published(world.day(feed).await);
    assert_eq!((output.added, output.removed), (3, 6));
    world.assert_truth(feed).await;
}

/// The same where the MLS cannot be asked: what is sold goes on the day after.
async fn two_days_are_right(world: &World, feed: &FeedSpec) {
    world.mls().sell(6);
    world.mls().add(3);
    let output = published(world.day(feed).await);
    assert_eq!((output.added, output.removed), (3, 0));
    let output = published(world.day(feed).await);
    assert_eq!((output.added, output.removed), (0, 6));
    world.assert_truth(feed).await;
}

/// 1550 is a throttle and 1510 a bad moment under whatever status; both are in either envelope.
#[rstest]
#[tokio::test]
async fn sparks_codes_say_more_than_its_statuses(
    #[values(Envelope::Reso, Envelope::Spark)] envelope: Envelope,
    #[values(1_510, 1_515, 1_516, 1_023, 1_024)] unavailable: u32,
) {
    let (world, feed) = World::begun_with(Spark, 300, 50, |spec| {
        spec.options.envelope = envelope;
        spec.options.unavailable_code = unavailable;
    })
    .await;
    world.mls().sell(4);
    let throttle = Fault::Throttle {
        status: 429,
        retry_after: RetryAfter::None,
        seconds: 0,
    };
    let rules = [
        FaultRule::new(throttle).after(2).times(1),
        status(503).after(3).times(3),
    ];
    unchanged(world.day_under(&feed, &rules).await);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed, 4);
    world.assert_truth(&feed).await;
}

/// 1020, 1000 and 1021 are about the token and the host, never about listings.
#[rstest]
#[tokio::test]
async fn sparks_refusals_remove_nothing(
    #[values(Envelope::Reso, Envelope::Spark)] envelope: Envelope,
) {
    let (world, feed) =
        World::begun_with(Spark, 300, 50, |spec| spec.options.envelope = envelope).await;
    let failure = failed(world.day_under(&feed, &[status(403).after(1)]).await);
    assert_eq!(failure.name, "AccessDenied");
    world.mls().revoke(true);
    let failure = failed(world.day(&feed).await);
    assert_eq!(failure.name, "AuthorizationFailed");
    world.mls().revoke(false);
    world.heals(&feed).await;
}

/// Asked by key only where the registry says that the account may; a refusal is told, and what to
/// change stands in the advice.
#[tokio::test]
async fn spark_is_asked_by_key_only_where_the_registry_says_so() {
    let (world, feed) =
        World::begun_with(Spark, 300, 50, |spec| spec.options.key_filter = true).await;
    two_days_are_right(&world, &feed).await;
    assert_eq!(requests(&world, RequestKind::Confirm), 0);
    world.mls().clear_log();
    let by_key = feed_with(&world, r#","confirm":"or""#);
    a_day_is_right(&world, &by_key).await;
    assert!(requests(&world, RequestKind::Confirm) > 0);

    let (world, _) = World::begun(Spark, 300, 50).await;
    world.mls().sell(4);
    let by_key = feed_with(&world, r#","confirm":"or""#);
    let failure = failed(world.day(&by_key).await);
    assert_eq!(failure.name, "RequestRejected");
    assert!(failure.advice.contains("confirm"), "{}", failure.advice);
    let by_scan = feed_with(&world, "");
    unchanged(world.day(&by_scan).await);
    world.heals(&by_scan).await;
}

/// What comes from a cache of twenty minutes is said to be as of twenty minutes before.
#[tokio::test]
async fn sparks_lists_are_as_old_as_its_cache() {
    let (world, feed) = World::unbegun(Spark, 100, 50, |_| {}).await;
    let run = world.run_of(&feed);
    published(world.day(&feed).await);
    let head = world.head(&feed).await.unwrap();
    let record = world.record(&feed, &run).await;
    let began = record.comparison.unwrap().scans.last().unwrap().started_at;
    let older = began.duration_since(head.as_of);
    assert!(older.as_secs() >= 20 * 60, "{older}");
}

/// Hundreds of keys make more than one URL of at most 4,000 characters, with `or` in small letters.
#[tokio::test]
async fn rmls_is_asked_in_urls_that_it_takes() {
    let (world, _) = World::begun(Rmls, 800, 100).await;
    let feed = feed_with(&world, r#","confirm_keys":500"#);
    world.mls().clear_log();
    world.mls().sell(150);
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed, 150);
    world.assert_truth(&feed).await;
    let log = world.mls().log();
    let asked: Vec<_> = log
        .iter()
        .filter(|r| r.kind == RequestKind::Confirm)
        .collect();
    assert!(asked.len() >= 4);
    assert!(
        asked
            .iter()
            .all(|r| r.target.len() < 4_500 && r.status == 200)
    );
    assert!(asked.iter().all(|r| !r.target.contains("%20OR%20")));
}

/// Rows that come and go under a scan by number move no other out of sight.
#[rstest]
#[tokio::test]
async fn a_scan_by_number_loses_nothing_under_it(
    #[values(Rmls, UtahRealEstate)] provider: livelist_mls::Provider,
) {
    let (world, feed) = World::begun(provider, 600, 50).await;
    // While the first scan reads: controls that are sold before they are asked for would be another test.
    let rules = [
        FaultRule::new(Fault::SellDuringScan { n: 3 }).times(12),
        FaultRule::new(Fault::AddDuringScan { n: 2 }).times(12),
    ];
    let before = world.mls().live_keys();
    let output = result(world.day_under(&feed, &rules).await);
    assert_eq!(output.outcome, Outcome::Published);
    let listed = world.published(&feed).await;
    let live = world.mls().live_keys();
    let through: Vec<_> = before.iter().filter(|k| live.contains(k)).collect();
    assert!(through.iter().all(|k| listed.contains(k)));
    world.heals(&feed).await;
}

/// `Deleted` names listings that came back and omits others that went: it is never asked.
#[tokio::test]
async fn utahs_list_of_the_deleted_decides_nothing() {
    let (world, feed) = World::begun(UtahRealEstate, 300, 50).await;
    let sold = world.mls().sell(20);
    published(world.day(&feed).await);
    world.mls().relist(&sold[..8]);
    let output = published(world.day(&feed).await);
    assert_eq!(output.added, 8);
    world.assert_truth(&feed).await;
    let log = world.mls().log();
    assert!(log.iter().all(|r| !r.target.contains("Deleted")));
}

/// A token that ends is renewed with the refresh token, without the password; where that was used
/// up, with the password.
#[rstest]
#[tokio::test]
async fn rapattonis_tokens_are_refreshed(
    #[values(
        RefreshReuse::Once,
        RefreshReuse::UntilNextIsUsed,
        RefreshReuse::Lasting
    )]
    reuse: RefreshReuse,
) {
    let (world, feed) =
        World::begun_with(Rapattoni, 300, 50, |spec| spec.options.refresh = reuse).await;
    let right = world.specs[0].credential.members().to_string();
    let wrong = json!({"username": "abor-user", "password": "was-changed"}).to_string();
    let reference: livelist_model::registry::CredentialRef = "ssm:/abor".parse().unwrap();
    world
        .secrets
        .set(reference.clone(), SecretString::from(wrong));
    world.mls().sell(5);
    let rules = [FaultRule::new(Fault::ExpireToken).after(2)];
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!(
        output.removed, 5,
        "the password is wrong, the refresh token is not"
    );

    // Another process has no refresh token, and with this password it gets nothing.
    world.mls().sell(1);
    let failure = match world.run_by(&world.env(), &feed, "other").await {
        livelist_steps::chain::Ended::Failed(failure) => failure,
        other => panic!("{other:?}"),
    };
    assert_eq!(failure.name, "AuthorizationFailed");
    assert!(!failure.message.contains("was-changed"));
    world.secrets.set(reference, SecretString::from(right));
    world.next_day();
    world.heals(&feed).await;
}

/// `{"error":"invalid_grant"}` comes with status 200 and is a refusal, not a token.
#[tokio::test]
async fn rapattonis_refusal_with_status_200_is_one() {
    let (world, feed) = World::unbegun(Rapattoni, 100, 50, |_| {}).await;
    let rules = [FaultRule::new(Fault::TokenError200)];
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(failure.name, "AuthorizationFailed");
    assert!(
        failure.message.contains("invalid_grant"),
        "{}",
        failure.message
    );
    published(world.day(&feed).await);
}

/// The class of property stands beside OData's options; without it the server says what it wants.
#[tokio::test]
async fn rapattoni_is_asked_for_a_class() {
    let (world, feed) = World::begun(Rapattoni, 100, 50).await;
    a_day_is_right(&world, &feed).await;
    let log = world.mls().log();
    let rows = log.iter().filter(|r| r.kind != RequestKind::Token);
    assert!(
        rows.into_iter()
            .all(|r| r.target.contains("class=Residential"))
    );
    let without = FeedSpec {
        parameters: Default::default(),
        ..feed
    };
    let failure = failed(world.day(&without).await);
    assert_eq!(failure.name, "RequestRejected");
    assert!(failure.message.contains("class"), "{}", failure.message);
}

/// A newer Paragon host issues tokens.
#[tokio::test]
async fn paragon_authenticates_in_either_way() {
    let (world, feed) = World::begun_with(Paragon, 300, 50, |spec| {
        spec.credential = Credential::ClientCredentials {
            client_id: "abor-client".to_owned(),
            client_secret: "abor-client-secret-5f1c9a7e".to_owned(),
        };
    })
    .await;
    assert_eq!(feed.auth.as_str(), "client_credentials");
    a_day_is_right(&world, &feed).await;
    let (world, feed) = World::begun(Paragon, 300, 50).await;
    assert_eq!(feed.auth.as_str(), "server_token");
    a_day_is_right(&world, &feed).await;
}

/// Links lead beyond the largest `$skip`.
#[tokio::test]
async fn constellation_is_read_beyond_its_skip_window() {
    let (world, feed) = World::begun_with(Constellation1, 600, 50, |spec| {
        spec.options.skip_window = Some(100)
    })
    .await;
    a_day_is_right(&world, &feed).await;
    let log = world.mls().log();
    let mut asked = log.iter().filter(|r| r.target.contains("$select"));
    assert!(asked.all(|r| r.target.contains("OriginatingSystemName")));
}

/// Asked again, it gives the same token with less life left; one that ends in mid-scan is replaced.
#[tokio::test]
async fn constellations_cached_token_may_end_in_mid_scan() {
    let (world, feed) = World::begun(Constellation1, 600, 50).await;
    for after in [0, 3, 7] {
        world.mls().sell(2);
        let rules = [FaultRule::new(Fault::ExpireToken).on(On::Any).after(after)];
        published(world.day_under(&feed, &rules).await);
        world.assert_truth(&feed).await;
    }
}

/// The key goes with every request; without it, or with another, nothing is read and nothing gone.
#[tokio::test]
async fn realtyna_wants_a_key_besides_the_token() {
    let (world, feed) = World::begun(Realtyna, 300, 50).await;
    a_day_is_right(&world, &feed).await;
    let reference: livelist_model::registry::CredentialRef = "ssm:/abor".parse().unwrap();
    let mut members = world.specs[0].credential.members();
    members["api_key"] = json!("another-key-77aa");
    let secret = SecretString::from(members.to_string());
    world.secrets.set(reference.clone(), secret);
    let ended = world.run_by(&world.env(), &feed, "other").await;
    let failure = failed(ended);
    assert!(
        ["AuthorizationFailed", "AccessDenied"].contains(&failure.name.as_str()),
        "{failure:?}"
    );
    assert!(!failure.message.contains("another-key-77aa"));
    world.next_day();
    members.as_object_mut().unwrap().remove("api_key");
    let secret = SecretString::from(members.to_string());
    world.secrets.set(reference, secret);
    let failure = failed(world.run_by(&world.env(), &feed, "other").await);
    assert_eq!(failure.name, "SecretInvalid");
    assert!(failure.message.contains("api_key"), "{}", failure.message);
}

/// It pages by `$skip` and without links: rows that are sold under the scan push others out of
/// sight, and these are found by key.
#[tokio::test]
async fn what_slips_past_realtynas_skip_is_found_by_key() {
    let (world, feed) = World::begun(Realtyna, 600, 50).await;
    for _ in 0..3 {
        let rules = [FaultRule::new(Fault::SellDuringScan { n: 2 }).after(2)];
        let _ = result(world.day_under(&feed, &rules).await);
        world.heals(&feed).await;
    }
}

/// The whole list comes at once, for one destination if there is one; another's is refused.
#[tokio::test]
async fn creas_master_list_is_the_destinations() {
    let (world, feed) = World::begun_with(Crea, 300, 50, |spec| {
        spec.options.destination = Some(77);
    })
    .await;
    a_day_is_right(&world, &feed).await;
    let log = world.mls().log();
    let lists = log.iter().filter(|r| r.kind == RequestKind::Page);
    for list in lists {
        let end = "/Property/PropertyReplication(DestinationId=77)";
        assert!(list.target.ends_with(end), "{}", list.target);
    }
    let another = FeedSpec {
        dataset: Some("78".to_owned()),
        ..feed.clone()
    };
    let failure = failed(world.day(&another).await);
    assert_eq!(failure.name, "AuthorizationFailed");
    world.heals(&feed).await;
}

/// It cannot be narrowed, and a pair that wants it narrowed is told so.
#[tokio::test]
async fn creas_master_list_takes_no_filter() {
    let (world, _) = World::begun(Crea, 100, 50).await;
    let narrowed = world.feed("abor", Crea, "", Some("StandardStatus eq 'Active'"));
    let failure = failed(world.day(&narrowed).await);
    assert_eq!(failure.name, "RegistryInvalid");
    assert!(failure.message.contains("filter"), "{}", failure.message);
}

/// A list that comes half is not believed by itself, and a second half one is not its proof.
#[rstest]
#[tokio::test]
async fn half_of_creas_master_list_removes_nothing(#[values(1, 2, 3, 9)] times: u64) {
    let (world, feed) = World::begun(Crea, 300, 50).await;
    let rules = [FaultRule::new(Fault::HalfPage).times(times)];
    let ended = world.day_under(&feed, &rules).await;
    let _ = result(ended);
    world.assert_truth(&feed).await;
    world.heals(&feed).await;
}

/// F12: more rows of one instant than pages hold, and rows that are touched while it reads.
#[tokio::test]
async fn ampre_is_read_through_equal_timestamps() {
    let (world, feed) = World::begun(Ampre, 700, 50).await;
    world.mls().touch_all_same_timestamp();
    a_day_is_right(&world, &feed).await;
    let rules = [
        FaultRule::new(Fault::TouchDuringScan { n: 5 }).times(8),
        FaultRule::new(Fault::SellDuringScan { n: 2 }).times(3),
    ];
    let _ = result(world.day_under(&feed, &rules).await);
    world.heals(&feed).await;
    let log = world.mls().log();
    assert!(
        log.iter().all(|r| !r.target.contains('+')),
        "blanks are %20"
    );
}

/// Its own header says how long to wait.
#[tokio::test]
async fn ampres_header_is_waited_for() {
    let (world, feed) = World::begun(Ampre, 300, 50).await;
    world.mls().sell(3);
    let throttle = Fault::Throttle {
        status: 429,
        retry_after: RetryAfter::VendorHeader,
        seconds: 37,
    };
    let rules = [FaultRule::new(throttle).after(2).times(2)];
    published(world.day_under(&feed, &rules).await);
    let waits = world.clock.slept();
    let told = waits.iter().filter(|w| w.as_secs() == 37).count();
    // Both, if they were not asked for at the same time.
    assert!((1..=2).contains(&told), "{waits:?}");
}

/// One credential's budget is as the provider documents it, whatever the spec of the server allows.
#[test]
fn every_usual_credential_is_of_the_kind_that_its_dialect_wants() {
    for provider in livelist_mls::Provider::ALL {
        let spec = MlsSpec::new("abor", provider, 1);
        let name = json!(provider);
        let dialect = livelist_reso::dialect::Dialect::of(name.as_str().unwrap()).unwrap();
        let secret = SecretString::from(spec.credential.members().to_string());
        let needs_key = dialect.api_key_header.is_some();
        let kind = dialect.auth[0];
        livelist_reso::secret::Account::parse_as(kind, needs_key, &secret).unwrap();
    }
}
