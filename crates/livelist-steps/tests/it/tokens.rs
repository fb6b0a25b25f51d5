//! F11, and the answers of token endpoints: tokens that expire during a scan, are refused, or have other
//! forms.

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Auth, Credential, Fault, FaultRule, MlsSpec, On, RequestKind, TokenReuse};
use rstest::rstest;

use crate::naive;
use crate::world::{World, at_once, failed, published};

fn client_credentials(spec: &mut MlsSpec) {
    spec.options.auth = Some(Auth::ClientCredentials);
    spec.credential = Credential::ClientCredentials {
        client_id: "abor-client".to_owned(),
        client_secret: "abor-client-secret-5f1c9a7e".to_owned(),
    };
}

fn as_documented(_: &mut MlsSpec) {}

/// F11: the token ends in mid-scan or while keys are asked for; one new token, and on it goes.
#[rstest]
#[case::reso(Reso, client_credentials as fn(&mut MlsSpec))]
#[case::trestle(Trestle, as_documented as fn(&mut MlsSpec))]
#[tokio::test]
async fn a_token_that_ends_on_the_way_is_replaced(
    #[case] provider: Provider,
    #[case] change: fn(&mut MlsSpec),
    #[values(On::Page, On::Count, On::Confirm)] on: On,
    #[values(0, 1)] after: u64,
    #[values(TokenReuse::Fresh, TokenReuse::Cached, TokenReuse::Single)] reuse: TokenReuse,
) {
    let (world, feed) = World::begun_with(provider, 600, 100, |spec| {
        change(spec);
        spec.options.tokens = reuse;
    })
    .await;
    let rules = [FaultRule::new(Fault::ExpireToken).on(on).after(after)];
    if on == On::Page {
        let harm = naive::harm(&world, &rules).await;
        assert_eq!(harm.stopped.as_deref(), Some("status 401"));
    }
    world.mls().clear_log();
    world.mls().sell(5);
    world.mls().add(2);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!((output.added, output.removed), (2, 5));
    world.assert_truth(&feed).await;
    let log = world.mls().log();
    let tokens = log.iter().filter(|r| r.kind == RequestKind::Token).count();
    assert_eq!(tokens, 2, "one at the beginning and one after it ended");
    let refused = log.iter().filter(|r| r.status == 401).count();
    assert!((1..=at_once(&feed)).contains(&refused), "{refused}");
}

/// R9: it ends with another status, wherever that is: at a count, in a second scan, at a question about keys.
#[rstest]
#[tokio::test]
async fn a_token_that_ends_with_another_status_is_replaced_wherever_it_ends(
    #[values(403, 400)] status: u16,
    #[values(3, 4, 5, 7)] lasts: u64,
) {
    let change = |spec: &mut MlsSpec| {
        client_credentials(spec);
        spec.options.contrary.ended_token = Some(status);
        spec.options.contrary.token_requests = Some(lasts);
    };
    let (world, feed) = World::begun_with(Reso, 600, 100, change).await;
    world.mls().sell(45);
    world.mls().add(2);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (2, 45));
    world.assert_truth(&feed).await;
}

/// Asked for keys, 403 may be the question's: one live key alone tells. Refused as well, it is the token, once;
/// and then the account.
#[rstest]
#[case::the_question(1, 1, true)]
#[case::the_token(2, 2, true)]
#[case::access(99, 2, false)]
#[tokio::test]
async fn a_question_about_keys_that_is_refused_is_not_the_token_at_once(
    #[case] times: u64,
    #[case] tokens: usize,
    #[case] is_published: bool,
) {
    let (world, feed) = World::begun_with(Reso, 600, 100, client_credentials).await;
    let refused = FaultRule::new(Fault::Status { code: 403 });
    world.mls().clear_log();
    world.mls().sell(5);
    let rules = [refused.on(On::Confirm).times(times)];
    let ended = world.day_under(&feed, &rules).await;
    match is_published {
        true => assert_eq!(published(ended).removed, 5),
        false => assert_eq!(failed(ended).name, "AccessDenied"),
    }
    let log = world.mls().log();
    let asked = log.iter().filter(|r| r.kind == RequestKind::Token).count();
    assert_eq!(asked, tokens);
}

/// F11 again and again, each time somewhere else.
#[rstest]
#[case::reso(Reso, client_credentials as fn(&mut MlsSpec))]
#[case::trestle(Trestle, as_documented as fn(&mut MlsSpec))]
#[tokio::test]
async fn tokens_may_end_often(#[case] provider: Provider, #[case] change: fn(&mut MlsSpec)) {
    let (world, mut feed) = World::begun_with(provider, 600, 100, change).await;
    // Of several requests at once, all would be refused, and the next token at the same page again.
    feed.pages_at_once = Some(1);
    let rules: Vec<FaultRule> = (0..12)
        .map(|n| {
            FaultRule::new(Fault::ExpireToken)
                .on(On::Any)
                .after(1 + 3 * n)
        })
        .collect();
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    world.mls().sell(5);
    let output = published(world.day_under(&feed, &rules).await);
    assert_eq!(output.removed, 5);
    world.assert_truth(&feed).await;
}

/// A server token that is refused once by mistake is shown again.
#[rstest]
#[tokio::test]
async fn one_refusal_of_a_server_token_is_survived(
    #[values(Reso, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 3)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::Status { code: 401 })
        .after(pages)
        .times(1)];
    assert!(naive::harm(&world, &rules).await.stopped.is_some());
    world.mls().add(2);
    published(world.day_under(&feed, &rules).await);
    world.assert_truth(&feed).await;
}

/// A token that was just issued and is refused: one more, should another request for one have ended it. Then
/// the run fails, and the list stays.
#[rstest]
#[tokio::test]
async fn tokens_that_are_refused_one_after_the_other_fail_the_run(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(On::Page, On::Confirm)] on: On,
) {
    if provider == MlsGrid && on == On::Confirm {
        return;
    }
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::Status { code: 401 }).on(on)];
    if on == On::Page {
        assert_eq!(naive::harm(&world, &rules).await.lost.len(), 600);
    }
    world.mls().sell(5);
    world.mls().clear_log();
    let before = world.head(&feed).await;
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(failure.name, "AuthorizationFailed");
    assert_eq!(world.head(&feed).await, before);
    let log = world.mls().log();
    let refused = log.iter().filter(|r| r.status == 401).count();
    // One that is issued for ever has no successor.
    let least = if provider == MlsGrid { 2 } else { 3 };
    assert!((least..=2 + at_once(&feed)).contains(&refused), "{refused}");
    let tokens = log.iter().filter(|r| r.kind == RequestKind::Token).count();
    assert_eq!(tokens, if provider == Trestle { 3 } else { 0 });
    world.heals(&feed).await;
}

/// A wrong secret: the run fails by that name, and says nothing of the secret.
#[rstest]
#[case::reso(Reso, client_credentials as fn(&mut MlsSpec))]
#[case::trestle(Trestle, as_documented as fn(&mut MlsSpec))]
#[tokio::test]
async fn a_wrong_secret_is_told_and_not_shown(
    #[case] provider: Provider,
    #[case] change: fn(&mut MlsSpec),
) {
    let (world, feed) = World::begun_with(provider, 300, 100, change).await;
    let wrong = r#"{"client_id":"abor-client","client_secret":"wr0ng-and-secret"}"#;
    world.secrets.set("ssm:/abor".parse().unwrap(), wrong);
    let before = world.head(&feed).await;
    let failure = failed(world.day(&feed).await);
    assert_eq!(failure.name, "AuthorizationFailed");
    assert_eq!(failure.step.as_deref(), Some("authorize"));
    assert!(!format!("{failure:?}").contains("wr0ng"), "{failure:?}");
    assert_eq!(world.head(&feed).await, before);
}

/// What is no account, or not there, is told by name and not shown.
#[rstest]
#[case::not_json("t0psecret", "SecretInvalid")]
#[case::other_form(r#"{"tokn":"t0psecret"}"#, "SecretInvalid")]
#[case::line_end(r#"{"token":"t0psecret\n"}"#, "SecretInvalid")]
#[tokio::test]
async fn a_secret_that_is_no_account_fails_the_run(#[case] secret: &str, #[case] name: &str) {
    let (world, feed) = World::begun(Bridge, 100, 50).await;
    world.secrets.set("ssm:/abor".parse().unwrap(), secret);
    let failure = failed(world.day(&feed).await);
    assert_eq!(failure.name, name);
    assert!(!format!("{failure:?}").contains("t0psecret"), "{failure:?}");
}

/// Token answers in the forms that were seen.
#[rstest]
#[case::no_life(Fault::TokenNoExpiresIn, None)]
#[case::life_as_text(Fault::TokenExpiresInString, None)]
#[case::error_200(Fault::TokenError200, Some("AuthorizationFailed"))]
#[case::html_200(Fault::TokenHtml, Some("ProviderUnavailable"))]
#[case::s500(Fault::Status { code: 500 }, Some("ProviderUnavailable"))]
#[case::reset(Fault::Reset, Some("ProviderUnavailable"))]
#[tokio::test]
async fn token_answers_come_in_many_forms(#[case] fault: Fault, #[case] fails: Option<&str>) {
    let (world, feed) = World::begun(Trestle, 300, 100).await;
    let rules = [FaultRule::new(fault.clone()).on(On::Token)];
    world.mls().add(2);
    let before = world.head(&feed).await;
    let ended = world.day_under(&feed, &rules).await;
    match fails {
        None => {
            published(ended);
        }
        Some(name) => {
            assert_eq!(failed(ended).name, name);
            assert_eq!(world.head(&feed).await, before);
        }
    }
    world.heals(&feed).await;
    // The same a few times only: asked again.
    if fails == Some("ProviderUnavailable") {
        world.mls().add(1);
        let passing = [FaultRule::new(fault).on(On::Token).times(3)];
        published(world.day_under(&feed, &passing).await);
        world.assert_truth(&feed).await;
    }
}
