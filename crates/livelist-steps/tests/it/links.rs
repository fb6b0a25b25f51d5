//! F13: links that lead to another host, to http, or nowhere. The token is not sent there.

use std::sync::{Arc, Mutex};

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, On};
use livelist_steps::chain::reconcile;
use livelist_steps::scan;
use rstest::rstest;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::by_hand::Hand;
use crate::naive;
use crate::world::{World, always, failed, result, unchanged};

/// A listener that is not the provider's: notes the heads of requests, and answers all alike.
struct Stranger {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Stranger {
    async fn listen(answer: &'static str) -> Stranger {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 8_192];
                let n = stream.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..n]).into_owned();
                notes.lock().unwrap().push(head);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Stranger { url, heard }
    }

    /// How many requests came, and how many of them with a token.
    fn heard(&self) -> (usize, usize) {
        let heard = self.heard.lock().unwrap();
        let with_token = heard.iter().filter(|head| {
            let head = head.to_ascii_lowercase();
            head.contains("authorization:") || head.contains("token")
        });
        (heard.len(), with_token.count())
    }
}

/// Trestle's scan goes by key and MLS Grid's by `$skip`: where a link leads is nothing to them.
fn follows_links(provider: Provider) -> bool {
    ![Trestle, MlsGrid].contains(&provider)
}

const EMPTY_PAGE: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"value\":[]}";

#[rstest]
#[tokio::test]
async fn a_link_to_another_host_is_refused(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 2)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let thief = Stranger::listen(EMPTY_PAGE).await;
    let host = thief.url.clone();
    let rules = [FaultRule::new(Fault::NextLinkOtherHost { host }).after(pages)];
    let harm = naive::harm(&world, &rules).await;
    assert_eq!(thief.heard(), (1, 1), "the token went elsewhere");
    assert!(!harm.lost.is_empty());

    let before = world.head(&feed).await;
    let ended = world.day_under(&feed, &rules).await;
    if !follows_links(provider) {
        assert_eq!(result(ended).held_reason, None);
    } else {
        assert_eq!(failed(ended).name, "LinkRefused");
        assert_eq!(world.head(&feed).await, before);
    }
    assert_eq!(thief.heard(), (1, 1), "nothing came from Livelist");
    world.heals(&feed).await;
}

/// The same in an answer about single keys.
#[tokio::test]
async fn a_link_to_another_host_is_refused_where_keys_are_asked_for() {
    let (world, feed) = World::begun(Reso, 600, 5).await;
    let thief = Stranger::listen(EMPTY_PAGE).await;
    let host = thief.url.clone();
    let rules = [FaultRule::new(Fault::NextLinkOtherHost { host }).on(On::Confirm)];
    world.mls().sell(3);
    let before = world.head(&feed).await;
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(
        (failure.name.as_str(), failure.step.as_deref()),
        ("LinkRefused", Some("confirm"))
    );
    assert_eq!(world.head(&feed).await, before);
    assert_eq!(thief.heard(), (0, 0));
    world.heals(&feed).await;
}

/// A host that the registry allows may be linked to, and gets the token.
#[tokio::test]
async fn an_allowed_host_may_be_linked_to() {
    let (world, _) = World::begun(Reso, 600, 100).await;
    let friend = Stranger::listen(EMPTY_PAGE).await;
    let feed = world.feed("abor", Reso, r#","allow_hosts":["127.0.0.1"]"#, None);
    let host = friend.url.clone();
    let rules = [FaultRule::new(Fault::NextLinkOtherHost { host })];
    world.day_under(&feed, &rules).await;
    let (came, with_token) = friend.heard();
    assert!(came > 0 && came == with_token);
}

/// To http on the standard port of the same host: another listener, and on https an open line.
#[rstest]
#[tokio::test]
async fn a_link_to_an_open_line_is_refused(#[values(Reso, Bridge)] provider: Provider) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = always(Fault::NextLinkHttp);
    let harm = naive::harm(&world, &rules).await;
    assert!(harm.stopped.is_some(), "it went there");
    let before = world.head(&feed).await;
    let failure = failed(world.day_under(&feed, &rules).await);
    assert_eq!(failure.name, "LinkRefused");
    assert_eq!(world.head(&feed).await, before);
    world.heals(&feed).await;
}

/// A link that leads to its own page.
#[rstest]
#[tokio::test]
async fn a_circle_is_an_error(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(0, 3)] pages: u64,
) {
    let (world, feed) = World::begun(provider, 600, 100).await;
    let rules = [FaultRule::new(Fault::NextLinkLoop).after(pages)];
    let harm = naive::harm(&world, &rules).await;
    assert_eq!(harm.stopped.as_deref(), Some("endless"));
    let before = world.head(&feed).await;
    world.mls().clear_log();
    let ended = world.day_under(&feed, &rules).await;
    if !follows_links(provider) {
        assert_eq!(result(ended).held_reason, None);
    } else {
        assert_eq!(failed(ended).name, "PagingLoop");
        assert_eq!(world.head(&feed).await, before);
        assert!(world.mls().log().len() < 40, "it is noticed soon");
    }
    world.heals(&feed).await;
}

/// A redirect is no answer, and is not followed.
#[rstest]
#[tokio::test]
async fn a_redirect_is_not_followed(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values("301 Moved", "302 Found", "307 Temporary Redirect")] status: &'static str,
) {
    let (world, _) = World::begun(provider, 100, 100).await;
    let thief = Stranger::listen(EMPTY_PAGE).await;
    let answer = format!(
        "HTTP/1.1 {status}\r\nlocation: {}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        thief.url
    );
    let door = Stranger::listen(answer.leak()).await;
    let mut feed = world.feed("abor", provider, "", None);
    feed.base_url = door.url.clone();
    let ended = world.run_by(&world.env, &feed, "test").await;
    assert_eq!(failed(ended).name, "RequestRejected");
    assert!(door.heard().0 > 0);
    assert_eq!(thief.heard(), (0, 0));
}

/// Somebody who may start an execution writes another address into its input: no secret goes there, for the
/// registry says where it may go.
#[rstest]
#[case::base_url("base_url")]
#[case::token_url("token_url")]
#[case::allow_hosts("allow_hosts")]
#[case::credential("credential")]
#[case::parameters("parameters")]
#[case::another_feed("feed")]
#[tokio::test]
async fn a_run_that_was_written_by_hand_gets_no_token(#[case] member: &str) {
    let (world, feed) = World::begun(Trestle, 100, 100).await;
    let thief = Stranger::listen(EMPTY_PAGE).await;
    let mut run = world.run_of(&feed);
    let mls = &mut run.feed;
    match member {
        "base_url" => mls.base_url.clone_from(&thief.url),
        "token_url" => mls.token_url = Some(thief.url.clone()),
        "allow_hosts" => mls.allow_hosts = vec!["thief.example".to_owned()],
        "credential" => mls.credential = "ssm:/another".parse().unwrap(),
        "parameters" => mls.parameters = [("to".to_owned(), "thief".to_owned())].into(),
        // The list of all would be that of a few.
        _ => mls.filter = Some("StandardStatus eq 'Pending'".to_owned()),
    }
    let ended = reconcile(&world.env, run, "thief", &|_| {}).await;
    let failure = failed(ended);
    assert_eq!(failure.name, "NotInRegistry");
    assert_eq!(failure.step.as_deref(), Some("authorize"));
    assert!(
        failure.message.contains(&format!("`{member}`")),
        "{}",
        failure.message
    );
    assert_eq!(thief.heard(), (0, 0));
}

/// A token that was sealed for a run opens for no other address.
#[tokio::test]
async fn a_sealed_token_goes_nowhere_else() {
    let (world, feed) = World::begun(Trestle, 100, 100).await;
    let thief = Stranger::listen(EMPTY_PAGE).await;
    let mut hand = Hand::begin(&world.env, world.run_of(&feed), "one").await;
    hand.run.feed.base_url.clone_from(&thief.url);
    let error = scan::run(&world.env, hand.scan(None)).await.unwrap_err();
    assert_eq!(error.name(), "SealInvalid");
    assert_eq!(thief.heard(), (0, 0));
}

/// A run that was under way when this version was deployed goes on with the token that it has.
#[tokio::test]
async fn what_a_former_version_sealed_opens() {
    let (world, feed) = World::begun(Trestle, 100, 100).await;
    let mut hand = Hand::begin(&world.env, world.run_of(&feed), "one").await;
    let sealer = &world.env.sealer;
    let now = sealer
        .open(hand.run.run.as_str(), &hand.token)
        .await
        .unwrap();
    let token = now.expose_secret().rsplit_once(':').unwrap().1.to_owned();
    hand.token = sealer
        .seal(hand.run.run.as_str(), &token.into())
        .await
        .unwrap();
    let output = scan::run(&world.env, hand.scan(None)).await.unwrap();
    assert_eq!(output.outcome, scan::Outcome::Done);
}

/// What does not say where secrets go may be edited while a run is under way.
#[tokio::test]
async fn a_run_under_way_outlives_an_edited_page_size() {
    let (world, feed) = World::begun(Trestle, 100, 100).await;
    let run = world.run_of(&feed);
    let mut edited = feed.clone();
    edited.page_size = Some(20);
    world.run_of(&edited);
    unchanged(reconcile(&world.env, run, "one", &|_| {}).await);
}
