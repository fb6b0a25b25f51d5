//! Keys that sites ask about and nobody listed, from the API to the list: the next run asks the MLS for
//! them. A listing that slipped past the scan is listed; a stale post of a site that has just joined is gone
//! when two looks did not find it; junk costs little and proves nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[allow(dead_code, reason = "the world of the tests `it`")]
#[path = "../it/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode, header};
use livelist_api::ApiState;
use livelist_mls::Provider::{self, Bridge, Crea, MlsGrid, Reso, Spark, Trestle};
use livelist_mls::{Fault, FaultRule, On, RequestKind};
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::questions::Questions;
use livelist_model::run::FeedSpec;
use livelist_steps::Env;
use livelist_steps::chain::Ended;
use livelist_store::hooked::{Call, Hooked};
use livelist_store::memory::{MemoryLinks, SeededEntropy};
use livelist_store::{Clock, Condition, Objects, ObjectsExt, Retention, StoreError};
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{World, always, failed, published, unchanged};

/// Registers sites that have the feed.
async fn join(world: &World, clients: &[&str]) {
    let mls = json!({"mls": "abor", "provider": "trestle", "credential": "ssm:/abor",
        "base_url": "https://api.example.com/odata"});
    let mut documents = vec![("registry/mls/abor.json".to_owned(), mls)];
    for client in clients {
        let hash = livelist_model::codec::digest(site_key(client).as_bytes());
        let document = json!({"client": client, "api_keys": [{"id": "k", "sha256": hash}],
            "pairs": [{"mls": "abor", "resource": "Property"}]});
        documents.push((format!("registry/clients/{client}.json"), document));
    }
    for (name, document) in documents {
        let always = Condition::Always;
        let written = world
            .objects
            .write_json(&name, &document, always, Retention::Keep);
        written.await.unwrap();
    }
}

fn site_key(client: &str) -> String {
    format!("ll1.{client}.site-key-of-{client}")
}

/// What the API says of some keys: how many are listed, which are gone, which are unknown.
#[derive(Debug, PartialEq)]
struct Said {
    listed: u64,
    gone: Vec<String>,
    unknown: Vec<String>,
    noted: u64,
}

async fn ask(world: &World, feed: &FeedSpec, client: &str, keys: Vec<Value>) -> Said {
    let links = Arc::new(MemoryLinks::new(world.clock.clone()));
    let entropy = Arc::new(SeededEntropy::new(7));
    let state = ApiState::new(world.objects.clone(), links, world.clock.clone(), entropy);
    let question = Request::post(format!("/v1/feeds/{}/check", feed.feed))
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", site_key(client)),
        )
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json!({"schema": 2, "keys": keys}).to_string()));
    let answer = livelist_api::router(state)
        .oneshot(question.unwrap())
        .await
        .unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&body);
    assert_eq!(status, StatusCode::OK, "{text}");
    let said: Value = serde_json::from_str(&text).unwrap();
    let names = |of: &Value| -> Vec<String> {
        let names = of.as_array().unwrap().iter();
        names
            .map(|of| of["key"].as_str().or(of.as_str()).unwrap().to_owned())
            .collect()
    };
    Said {
        listed: said["listed"].as_u64().unwrap(),
        gone: names(&said["gone"]),
        unknown: names(&said["unknown"]),
        noted: said["noted"].as_u64().unwrap(),
    }
}

fn plain(keys: &[String]) -> Vec<Value> {
    keys.iter().map(|key| json!(key)).collect()
}

/// An MLS that has sold some listings before Livelist ever saw it: a site has stale posts of them.
/// How many questions about keys were asked since the log was cleared.
fn questions(world: &World) -> usize {
    let log = world.mls().log();
    log.iter()
        .filter(|r| r.kind == RequestKind::Confirm)
        .count()
}

async fn joined(provider: Provider, stale: u64) -> (World, FeedSpec, Vec<String>) {
    let (world, feed) = World::unbegun(provider, 600, 100, |_| {}).await;
    let sold = world.mls().sell(stale);
    published(world.day(&feed).await);
    world.assert_truth(&feed).await;
    join(&world, &["acme", "bolt"]).await;
    (world, feed, sold)
}

#[rstest]
#[tokio::test]
async fn a_listing_that_slipped_past_the_scan_is_listed_once_a_site_asks(
    #[values(Reso, Trestle, Bridge)] provider: Provider,
) {
    let (world, feed, sold) = joined(provider, 10).await;
    // A part of what is new is hidden from every scan.
    let hides = Fault::Rebuilding {
        percent: 3,
        salt: 1,
    };
    let new: BTreeSet<String> = world.mls().add(100).into_iter().collect();
    let hidden: BTreeSet<String> = world.mls().hidden_keys(3, 1).into_iter().collect();
    let slipped: Vec<String> = new.intersection(&hidden).cloned().collect();
    assert!(!slipped.is_empty() && slipped.len() < 20);
    published(world.day_under(&feed, &always(hides.clone())).await);
    let list = world.published(&feed).await;
    assert!(slipped.iter().all(|key| !list.contains(key)));

    let keys: Vec<String> = slipped.iter().chain(&sold).cloned().collect();
    let said = ask(&world, &feed, "acme", plain(&keys)).await;
    assert_eq!(said.unknown.len(), keys.len());
    assert_eq!(said.noted, keys.len() as u64);
    // Nobody asks twice for it: the other site's question is the same.
    ask(&world, &feed, "bolt", plain(&slipped)).await;
    let output = published(world.day_under(&feed, &always(hides)).await);
    assert_eq!((output.added, output.removed), (slipped.len() as u64, 0));
    world.assert_truth(&feed).await;
    let said = ask(&world, &feed, "acme", plain(&keys)).await;
    assert_eq!(said.listed, slipped.len() as u64);
    assert_eq!(
        (said.gone.len(), said.unknown.len()),
        (0, sold.len()),
        "one look is none"
    );
    unchanged(world.day(&feed).await);
    world.assert_truth(&feed).await;
    let said = ask(&world, &feed, "acme", plain(&keys)).await;
    assert_eq!(said.gone.len(), sold.len());
}

/// Unknown, unknown, gone on the third day; and nothing is listed, removed or looked at twice for it.
#[rstest]
#[tokio::test]
async fn a_stale_post_of_a_new_site_is_gone_on_the_third_day(
    #[values(Reso, Trestle, Bridge, Crea)] provider: Provider,
) {
    let (world, feed, stale) = joined(provider, 5).await;
    let version = world.head(&feed).await.unwrap().version;
    let said = ask(&world, &feed, "acme", plain(&stale)).await;
    assert_eq!((said.gone.len(), said.unknown.len(), said.noted), (0, 5, 5));
    for (day, gone) in [(1, 0), (2, 5), (3, 5)] {
        world.mls().clear_log();
        unchanged(world.day(&feed).await);
        let asked = questions(&world);
        assert_eq!(asked > 0, day < 3, "day {day}: {asked}");
        let said = ask(&world, &feed, "acme", plain(&stale)).await;
        assert_eq!((said.gone.len(), said.listed), (gone, 0), "day {day}");
        let head = world.head(&feed).await.unwrap();
        assert_eq!(head.version, version, "the list is what it was");
        assert_eq!(head.tag().contains("-g"), gone > 0, "the sites hear of it");
    }
}

/// Two looks of one night are one look, whatever becomes of the day between.
#[tokio::test]
async fn two_looks_are_a_day_apart() {
    let (world, feed, stale) = joined(Reso, 5).await;
    ask(&world, &feed, "acme", plain(&stale)).await;
    let hours = |n: u64| Duration::from_secs(n * 3_600);
    world.clock.advance(hours(19));
    unchanged(result_of(&world, &feed).await);
    world.clock.advance(hours(2));
    unchanged(result_of(&world, &feed).await);
    assert_eq!(
        ask(&world, &feed, "acme", plain(&stale))
            .await
            .unknown
            .len(),
        5
    );
    world.clock.advance(hours(24));
    unchanged(result_of(&world, &feed).await);
    assert_eq!(
        ask(&world, &feed, "acme", plain(&stale)).await.gone.len(),
        5
    );
}

async fn result_of(world: &World, feed: &FeedSpec) -> Ended {
    world.run_by(&world.env, feed, "test").await
}

/// A key that any page showed, even one of a run that failed, is looked at anew.
#[tokio::test]
async fn what_was_seen_is_looked_at_anew() {
    let (world, feed, mut stale) = joined(Trestle, 5).await;
    stale.sort();
    ask(&world, &feed, "acme", plain(&stale)).await;
    unchanged(world.day(&feed).await);
    // It is on the market again for a day on which the run fails behind the pages that show it.
    world.mls().relist(&stale[..1]);
    let breaks = FaultRule::new(Fault::Status { code: 404 })
        .on(On::Page)
        .after(5);
    failed(world.day_under(&feed, &[breaks]).await);
    world.mls().sell_keys(&stale[..1]);
    unchanged(world.day(&feed).await);
    let said = ask(&world, &feed, "acme", plain(&stale)).await;
    assert_eq!(said.unknown, stale[..1]);
    unchanged(world.day(&feed).await);
    let said = ask(&world, &feed, "acme", plain(&stale)).await;
    assert_eq!(said.gone.len(), 5);
}

/// A key that is live but left out by the feed's filter is none of this feed, and gone in its sense. A copy
/// that was got later than the proof is another.
#[tokio::test]
async fn gone_is_of_this_feed_and_of_older_copies() {
    let (world, feed, stale) = joined(Reso, 2).await;
    let got = |at: &str| vec![json!({"key": stale[0], "got": at}), json!(stale[1])];
    let before = world.clock.now().to_string();
    ask(&world, &feed, "acme", got(&before)).await;
    unchanged(world.day(&feed).await);
    unchanged(world.day(&feed).await);
    let said = ask(&world, &feed, "acme", got(&before)).await;
    assert_eq!(said.gone.len(), 2);
    let later = world.clock.now().to_string();
    let said = ask(&world, &feed, "acme", got(&later)).await;
    assert_eq!(
        (said.gone, said.unknown),
        (stale[1..].to_vec(), stale[..1].to_vec())
    );
    // What is asked about two days later is asked anew: it came back and no scan shows it.
    world.mls().relist(&stale[1..]);
    let hides = always(Fault::EmptyList);
    let head: Head = world.head(&feed).await.unwrap();
    for _ in 0..3 {
        let _ = world.day_under(&feed, &hides).await;
    }
    assert_eq!(world.head(&feed).await.unwrap().version, head.version);
    let said = ask(&world, &feed, "acme", plain(&stale[1..])).await;
    assert_eq!((said.gone.len(), said.noted), (1, 1));
    published(world.day(&feed).await);
    assert_eq!(
        ask(&world, &feed, "acme", plain(&stale[1..])).await.listed,
        1
    );
}

/// Where nobody can be asked by key, nothing is asked, and keys stay unknown.
#[rstest]
#[tokio::test]
async fn who_cannot_be_asked_is_not(#[values(Spark)] provider: Provider) {
    let (world, feed, stale) = joined(provider, 5).await;
    ask(&world, &feed, "acme", plain(&stale)).await;
    for _ in 0..3 {
        unchanged(world.day(&feed).await);
    }
    let said = ask(&world, &feed, "acme", plain(&stale)).await;
    assert_eq!((said.gone.len(), said.unknown.len()), (0, 5));
}

/// MLS Grid is asked by the listing's id, if the site tells it.
#[tokio::test]
async fn mls_grid_is_asked_by_the_id_that_the_site_tells() {
    let (world, feed, mut stale) = joined(MlsGrid, 4).await;
    stale.sort();
    unchanged(world.day(&feed).await);
    let told = |key: &String| json!({"key": key, "listing_id": format!("L{key}")});
    let keys: Vec<Value> = stale[..2]
        .iter()
        .map(told)
        .chain(plain(&stale[2..]))
        .collect();
    ask(&world, &feed, "acme", keys.clone()).await;
    unchanged(world.day(&feed).await);
    unchanged(world.day(&feed).await);
    let said = ask(&world, &feed, "acme", keys).await;
    assert_eq!(
        (said.gone, said.unknown),
        (stale[..2].to_vec(), stale[2..].to_vec())
    );
}

/// A site has a listing under a key that was never listed. Its ListingId stands beside another key: where no
/// list has that one, nobody calls the site's copy gone; where one has it, the copy is another listing's.
#[tokio::test]
async fn the_id_under_another_key_is_no_proof_for_a_site() {
    let (world, feed, _) = joined(MlsGrid, 4).await;
    let moved = world.mls().rekey(30);
    let split = |salt| -> (Vec<_>, Vec<_>) {
        let hidden = world.mls().hidden_keys(20, salt);
        let moved = moved.iter().enumerate();
        moved.partition(|(_, (_, new))| hidden.contains(new))
    };
    let salt = (1..).find(|salt| split(*salt).0.len() > 3).unwrap();
    let (lost, shown) = split(salt);
    let hides = || always(Fault::Rebuilding { percent: 20, salt });
    let copy = |at: usize| format!("ACT77700{at:02}");
    let told = |(at, (_, new)): &(usize, &(String, String))| json!({"key": copy(*at), "listing_id": world.mls().listing_id(new)});
    let keys: Vec<Value> = lost.iter().chain(&shown).map(told).collect();
    world.day_under(&feed, &hides()).await;
    ask(&world, &feed, "acme", keys.clone()).await;
    for _ in 0..3 {
        world.day_under(&feed, &hides()).await;
    }
    let said = ask(&world, &feed, "acme", keys).await;
    let copies = |of: &[(usize, &(String, String))]| -> Vec<String> {
        let mut copies: Vec<String> = of.iter().map(|(at, _)| copy(*at)).collect();
        copies.sort();
        copies
    };
    assert_eq!((said.gone, said.unknown), (copies(&shown), copies(&lost)));
}

/// A server that shows by key what is gone lists nothing by its answers; what it does not find is gone.
#[tokio::test]
async fn who_shows_what_is_gone_lists_nothing() {
    let (world, feed, stale) = joined(Reso, 5).await;
    let gone = world.mls().sell(9);
    published(world.day(&feed).await);
    assert!(!gone.is_empty());
    ask(&world, &feed, "acme", plain(&stale)).await;
    let shows = FaultRule::new(Fault::ConfirmFindsGone);
    unchanged(world.day_under(&feed, std::slice::from_ref(&shows)).await);
    world.assert_truth(&feed).await;
    assert_eq!(
        ask(&world, &feed, "acme", plain(&stale))
            .await
            .unknown
            .len(),
        5
    );
}

/// Failures on the way fail nothing, list nothing and teach nothing.
#[rstest]
#[case(Fault::Status { code: 500 })]
#[case(Fault::Status { code: 403 })]
#[case(Fault::Status { code: 400 })]
#[case(Fault::EmptyList)]
#[case(Fault::TruncateJson)]
#[case(Fault::ConfirmFindsNothing)]
#[tokio::test]
async fn what_fails_there_fails_nothing(#[case] fault: Fault) {
    let (world, feed, stale) = joined(Reso, 5).await;
    ask(&world, &feed, "acme", plain(&stale)).await;
    let rule = FaultRule::new(fault).on(On::Confirm);
    for _ in 0..3 {
        unchanged(world.day_under(&feed, std::slice::from_ref(&rule)).await);
    }
    let said = ask(&world, &feed, "acme", plain(&stale)).await;
    assert_eq!(said.unknown.len(), 5);
    let forms = layout::forms(&feed.credential);
    assert!(
        world.objects.read(&forms).await.unwrap().is_none(),
        "it was learned from"
    );
    world.heals(&feed).await;
}

/// Junk of the feed's shape costs no more than its bound, and no site waits for it.
#[tokio::test]
async fn junk_is_bounded_and_keeps_nobody_waiting() {
    let (world, feed, stale) = joined(Reso, 5).await;
    let model = world.published(&feed).await[0].clone();
    let length = model.len();
    let junk: Vec<String> = (0..5_000).map(|i| format!("{i:0length$}")).collect();
    let said = ask(&world, &feed, "acme", plain(&junk)).await;
    assert_eq!((said.unknown.len(), said.noted), (5_000, 1_000));
    let odd = [
        "x".repeat(length + 1),
        "<script>".to_owned(),
        "?".repeat(length),
    ];
    assert_eq!(ask(&world, &feed, "acme", plain(&odd)).await.noted, 0);
    let later = ask(&world, &feed, "acme", plain(&junk)).await;
    assert_eq!(later.noted, 1_000, "no more room today");
    ask(&world, &feed, "bolt", plain(&stale)).await;

    let extra = r#","limits":[{"most":1000,"seconds":86400}]"#;
    let feed = FeedSpec {
        limits: world.feed("abor", Reso, extra, None).limits,
        ..feed
    };
    for day in 1..=2 {
        world.mls().clear_log();
        unchanged(world.day(&feed).await);
        let asked = questions(&world);
        assert!(
            asked > 0 && asked <= 50,
            "5 % of what is left, on day {day}: {asked}"
        );
    }
    assert_eq!(
        ask(&world, &feed, "bolt", plain(&stale)).await.gone.len(),
        5
    );
    let key = layout::questions_of(&feed.feed, &"acme".parse().unwrap());
    let (noted, _) = world
        .objects
        .read_json::<Questions>(&key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(noted.open.len(), 1_000);
}

/// A world in which storage fails each call that `fails` names.
fn failing(world: &World, fails: impl Fn(Call<'_>) -> bool + Send + Sync + 'static) -> Env {
    let hook = move |call: Call<'_>| match fails(call) {
        true => Err(StoreError::unavailable("this", "the test says so")),
        false => Ok(()),
    };
    Env {
        objects: Arc::new(Hooked {
            objects: world.objects.clone(),
            hook,
        }),
        ..world.env()
    }
}

/// A run that dies between asking and publishing, wherever, says nothing twice and forgets nothing that was
/// published before.
#[rstest]
#[case("/head.json", 0)]
#[case("/gone/", 0)]
#[case("/confirmation-", 0)]
#[case("/asked-gone-", 5)]
#[case("/asked-live-", 5)]
#[tokio::test]
async fn a_run_that_dies_on_the_way_loses_no_look(
    #[case] put: &'static str,
    #[case] unknown: usize,
) {
    let (world, feed, stale) = joined(Reso, 5).await;
    ask(&world, &feed, "acme", plain(&stale)).await;
    unchanged(world.day(&feed).await);
    let env = failing(
        &world,
        move |call| matches!(call, Call::Put(key) if key.contains(put)),
    );
    let ended = world.run_by(&env, &feed, "first").await;
    // What only the answers need fails nothing.
    assert_eq!(matches!(ended, Ended::Result(_)), unknown > 0, "{ended:?}");
    assert_eq!(
        ask(&world, &feed, "acme", plain(&stale)).await.gone.len(),
        0
    );
    if unknown > 0 {
        world.next_day();
    }
    unchanged(world.run_by(&world.env, &feed, "second").await);
    assert_eq!(
        ask(&world, &feed, "acme", plain(&stale)).await.gone.len(),
        5
    );
}

/// What sites asked about cannot be read, or changes while the run reads it: the run is what it would have
/// been without.
#[tokio::test]
async fn the_object_of_a_site_fails_no_run() {
    let (world, feed, stale) = joined(Reso, 5).await;
    ask(&world, &feed, "acme", plain(&stale)).await;
    let questions = |call: Call<'_>| {
        call.reads()
            .is_some_and(|key| key.starts_with("questions/"))
    };
    unchanged(
        world
            .run_by(&failing(&world, questions), &feed, "test")
            .await,
    );
    world.next_day();
    let key = layout::questions_of(&feed.feed, &"acme".parse().unwrap());
    let damaged = world.objects.put(
        &key,
        b"{".to_vec().into(),
        Condition::Always,
        Retention::Keep,
    );
    damaged.await.unwrap();
    unchanged(world.day(&feed).await);
    // It is begun anew by the next question.
    assert_eq!(ask(&world, &feed, "acme", plain(&stale)).await.noted, 5);
    unchanged(world.day(&feed).await);
    unchanged(world.day(&feed).await);
    assert_eq!(
        ask(&world, &feed, "acme", plain(&stale)).await.gone.len(),
        5
    );
}
