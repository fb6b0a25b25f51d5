//! F20: after runs with every kind of failure, no token and no secret is in the store, in an error,
//! or in what is logged at the finest level.

use std::io;
use std::sync::{Arc, Mutex};

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Auth, Credential, Fault, FaultRule, MlsSpec, On, RetryAfter};
use livelist_steps::chain::Ended;
use livelist_steps::{authorize, scan};
use rstest::rstest;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;

use crate::by_hand::Hand;
use crate::meddler::Meddler;
use crate::naive;
use crate::world::World;

/// Everything that one test logs, at the finest level.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<u8>>>);

impl io::Write for Everything {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was heard, and what keeps listening on this thread; a test runs on one.
struct Listener(
    Everything,
    #[expect(dead_code, reason = "listens until dropped")] DefaultGuard,
);

fn listen() -> Listener {
    let heard = Everything::default();
    let writer = heard.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    Listener(heard, tracing::subscriber::set_default(subscriber))
}

/// The secrets of a world, and the forms in which one could slip out.
fn secrets(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for secret in world.mls().secrets() {
        let encoded: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
        let dashes = secret.replace('-', "%2D").replace('_', "%5F");
        all.extend([secret, encoded, dashes]);
    }
    all
}

fn assert_silent(world: &World, listener: &Listener, ended: &[Ended]) {
    let logged = String::from_utf8_lossy(&listener.0.0.lock().unwrap()).into_owned();
    assert!(logged.contains("abor"), "something is logged");
    let told = format!("{ended:?}");
    let dump = world.objects.dump();
    for secret in secrets(world) {
        assert!(!logged.contains(&secret), "logged: {secret}");
        assert!(!told.contains(&secret), "told: {told}");
        for (key, bytes) in &dump {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found && !key.contains(&secret), "{secret} in {key}");
        }
    }
}

fn faults() -> Vec<FaultRule> {
    let throttle = Fault::Throttle {
        status: 429,
        retry_after: RetryAfter::BodyKey,
        seconds: 30,
    };
    let mut rules: Vec<FaultRule> = [
        Fault::Status { code: 500 },
        Fault::Reset,
        Fault::TruncateJson,
        Fault::Html200,
        throttle.clone(),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, fault)| FaultRule::new(fault).after(at as u64).times(1))
    .collect();
    rules.push(FaultRule::new(Fault::ExpireToken).after(3));
    rules.push(FaultRule::new(throttle.clone()).on(On::Token).times(1));
    rules.push(FaultRule::new(throttle).on(On::Confirm).times(1));
    rules
}

/// The control: what is logged and stored is heard and found.
#[tokio::test]
#[should_panic(expected = "logged: ")]
async fn what_is_logged_is_heard() {
    let listener = listen();
    let (world, _) = World::begun(Trestle, 100, 50).await;
    let secret = world.mls().secrets().remove(0);
    tracing::trace!(header = format!("Bearer {secret}"), "as many programs do");
    assert_silent(&world, &listener, &[]);
}

fn as_documented(_: &mut MlsSpec) {}

fn client_credentials(spec: &mut MlsSpec) {
    spec.options.auth = Some(Auth::ClientCredentials);
    spec.credential = Credential::ClientCredentials {
        client_id: "abor-client".to_owned(),
        client_secret: "abor-client-secret-5f1c9a7e".to_owned(),
    };
}

#[rstest]
#[case::reso(Reso, as_documented as fn(&mut MlsSpec))]
#[case::reso_oauth(Reso, client_credentials as fn(&mut MlsSpec))]
#[case::trestle(Trestle, as_documented as fn(&mut MlsSpec))]
#[case::mls_grid(MlsGrid, as_documented as fn(&mut MlsSpec))]
#[case::bridge(Bridge, as_documented as fn(&mut MlsSpec))]
#[tokio::test]
async fn secrets_are_found_nowhere(#[case] provider: Provider, #[case] change: fn(&mut MlsSpec)) {
    let listener = listen();
    let (world, feed) = World::begun_with(provider, 300, 50, change).await;
    assert!(naive::harm(&world, &faults()).await.stopped.is_some());
    let mut ended = Vec::new();
    world.mls().sell(20);
    ended.push(world.day_under(&feed, &faults()).await);
    let fatal = [
        FaultRule::new(Fault::Status { code: 401 }),
        FaultRule::new(Fault::Status { code: 400 }),
        FaultRule::new(Fault::Status { code: 403 }).on(On::Any),
        FaultRule::new(Fault::Status { code: 500 }).on(On::Any),
        FaultRule::new(Fault::TokenError200),
        FaultRule::new(Fault::TokenHtml),
        FaultRule::new(Fault::Html200),
        FaultRule::new(Fault::NextLinkLoop),
        FaultRule::new(Fault::NextLinkHttp),
        FaultRule::new(Fault::EmptyList).on(On::Any),
    ];
    for rule in fatal {
        ended.push(world.day_under(&feed, &[rule]).await);
    }
    // A secret of another's: the provider refuses it, and it is shown nowhere.
    world.mls().revoke(true);
    ended.push(world.day(&feed).await);
    world.mls().revoke(false);
    ended.push(world.day(&feed).await);
    assert!(ended.iter().any(|e| matches!(e, Ended::Failed(_))));
    assert_silent(&world, &listener, &ended);
    world.assert_truth(&feed).await;
}

/// A provider that repeats the token wherever it can: in its links, in error texts, in bodies.
#[rstest]
#[case::status(400, r#"{"error":{"message":"bad token SECRET here"}}"#)]
#[case::html(500, "<html>Authorization: Bearer SECRET</html>")]
#[case::page(200, r#"{"error":"SECRET"}"#)]
#[case::cut(200, r#"{"value":[{"ListingKey":"SECRET"#)]
#[case::wrong_type(200, r#"{"value":[{"ListingKey":{"a":"SECRET"}}]}"#)]
#[case::wrong_count(200, r#"{"@odata.count":"SECRET","value":[]}"#)]
#[case::other_host(
    200,
    r#"{"value":[],"@odata.nextLink":"https://other.example/x?t=SECRET"}"#
)]
#[tokio::test]
async fn a_provider_that_repeats_the_token_is_not_repeated(
    #[case] status: u16,
    #[case] body: &'static str,
) {
    let listener = listen();
    let (world, feed) = World::begun(Bridge, 300, 50).await;
    let secret = world.mls().secrets().remove(0);
    let text = body.replace("SECRET", &secret);
    let mut env = world.env();
    env.transport = Arc::new(Meddler::with_status(status, move |uri| {
        uri.path().ends_with("/replication").then(|| text.clone())
    }));
    let ended = world.run_by(&env, &feed, "test").await;
    assert!(matches!(ended, Ended::Failed(_)), "{ended:?}");
    assert_silent(&world, &listener, &[ended]);
}

/// A token endpoint that repeats what it was sent.
#[rstest]
#[case::form(400, "you sent grant_type=client_credentials&client_secret=ENCODED")]
#[case::plain(400, "wrong secret: SECRET")]
#[case::error_200(200, r#"{"error":"no such secret SECRET"}"#)]
#[case::error_500(500, "SECRET ENCODED")]
#[tokio::test]
async fn a_token_endpoint_that_repeats_the_secret_is_not_repeated(
    #[case] status: u16,
    #[case] body: &'static str,
) {
    let listener = listen();
    let (world, feed) = World::begun(Trestle, 300, 50).await;
    let secret = world.mls().secrets().remove(0);
    let encoded = secret.replace('-', "%2D");
    let text = body.replace("SECRET", &secret).replace("ENCODED", &encoded);
    let mut env = world.env();
    env.transport = Arc::new(Meddler::with_status(status, move |uri| {
        uri.path().ends_with("/connect/token").then(|| text.clone())
    }));
    let ended = world.run_by(&env, &feed, "test").await;
    assert!(matches!(ended, Ended::Failed(_)), "{ended:?}");
    assert_silent(&world, &listener, &[ended]);
}

/// A link that holds the token is stored without it, and asked for with it.
#[tokio::test]
async fn a_link_with_the_token_is_kept_without_it() {
    let listener = listen();
    let (world, feed) = World::begun(Bridge, 300, 50).await;
    let secret = world.mls().secrets().remove(0);
    let base = feed.base_url.clone();
    let mut env = world.env();
    env.limits.task_pages = Some(2);
    let page = format!(
        r#"{{"value":[{{"ListingKey":"x"}}],"@odata.nextLink":"{base}/Property/replication?access_token={secret}&$top=50"}}"#
    );
    env.transport = Arc::new(Meddler::new(move |uri| {
        let first = uri.query().is_some_and(|q| q.contains("$select"));
        first
            .then(|| page.clone())
            .filter(|_| uri.path().ends_with("/replication"))
    }));
    let hand = Hand::begin(&env, world.run_of(&feed), "one").await;
    let out = scan::run(&env, hand.scan(None)).await.unwrap();
    assert_eq!(out.outcome, scan::Outcome::More);
    assert_silent(&world, &listener, &[]);
    world.mls().clear_log();
    scan::run(&env, hand.scan(Some(out.progress)))
        .await
        .unwrap();
    let asked = world.mls().log();
    assert!(
        asked
            .iter()
            .any(|r| r.target.contains(&format!("access_token={secret}&$top=50")))
    );
    assert_silent(&world, &listener, &[]);
}

/// What travels between steps is of no use in another run.
#[tokio::test]
async fn a_sealed_token_opens_in_its_run_only() {
    let (world, feed) = World::begun(Trestle, 100, 50).await;
    let one = Hand::begin(&world.env, world.run_of(&feed), "one").await;
    let sealed = authorize::run(&world.env, one.authorize()).await.unwrap();
    let shown = format!("{sealed:?}") + &serde_json::to_string(&sealed).unwrap();
    assert!(secrets(&world).iter().all(|secret| !shown.contains(secret)));
    world.next_day();
    let mut other = Hand::begin(&world.env, world.run_of(&feed), "two").await;
    other.token = sealed.token.unwrap();
    let error = scan::run(&world.env, other.scan(None)).await.unwrap_err();
    assert_eq!(error.name(), "SealInvalid");
}
