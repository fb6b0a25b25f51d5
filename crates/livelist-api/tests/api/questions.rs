//! Unknown keys that a site asked about: which are noted, how many, and how often.

use std::time::Duration;

use livelist_model::layout;
use livelist_model::questions::{MOST_OPEN, NEW_A_DAY, Question, Questions};
use livelist_store::ObjectsExt;
use serde_json::{Value, json};

use crate::check::{gone, published};
use crate::history::{Keys, keys};
use crate::world::{ACME_KEY, BOLT_KEY, World, feed, post};

/// Asks, and gives the number of keys that the MLS will be asked for.
async fn noted(world: &World, key: &str, asked: Value) -> u64 {
    let path = format!("/v1/feeds/{}/check", feed("abor"));
    let body = json!({"schema": 2, "keys": asked}).to_string();
    let answer = post(&world.api(), &path, key, "application/json", body).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    answer.json()["noted"].as_u64().unwrap()
}

async fn kept(world: &World, client: &str) -> Option<Questions> {
    let key = layout::questions_of(&feed("abor"), &client.parse().unwrap());
    let found = world.objects.read_json::<Questions>(&key).await.unwrap();
    found.map(|(questions, _)| questions)
}

async fn open(world: &World, client: &str) -> Vec<String> {
    let kept = kept(world, client).await;
    let open = kept.map(|kept| kept.open).unwrap_or_default();
    open.into_iter().map(|open| open.key).collect()
}

fn hours(world: &World, hours: u64) {
    world.clock.advance(Duration::from_secs(hours * 3_600));
}

fn numbers(range: std::ops::Range<u32>) -> Value {
    range.map(|i| json!(format!("{i:06}"))).collect()
}

#[tokio::test]
async fn unknown_keys_of_the_feeds_shape_are_noted_and_no_others() {
    let (world, head) = published(&keys(["A10001", "A20002"])).await;
    gone(&world, head, &["A30003"]).await;
    let asked = json!([
        "A10001", "A30003", {"key": "A99999", "listing_id": "L-1", "got": "2026-11-20T10:00:00Z"},
        "a99999", "A9999", "A999999", "A-9999", "A 9999"
    ]);
    assert_eq!(noted(&world, ACME_KEY, asked).await, 1);
    let kept = kept(&world, "acme").await.unwrap();
    let second = "2026-11-20T10:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let expected = Question {
        at: world.now(),
        key: "A99999".into(),
        id: Some("L-1".into()),
        got: Some(second.as_second()),
    };
    assert_eq!(kept.open, [expected]);
    assert_eq!(kept.at, world.now());
    assert!(open(&world, "bolt").await.is_empty(), "an object a client");
}

/// One write an hour and client; what is asked in between is noted when it is asked again.
#[tokio::test]
async fn the_object_is_written_once_an_hour() {
    let (world, _) = published(&keys(["100000", "200000"])).await;
    assert_eq!(noted(&world, ACME_KEY, json!(["300000"])).await, 1);
    assert_eq!(
        noted(&world, ACME_KEY, json!(["300000", "400000"])).await,
        1
    );
    assert_eq!(noted(&world, BOLT_KEY, json!(["400000"])).await, 1);
    assert_eq!(open(&world, "acme").await, ["300000"]);
    hours(&world, 1);
    assert_eq!(
        noted(&world, ACME_KEY, json!(["300000", "400000"])).await,
        2
    );
    assert_eq!(open(&world, "acme").await, ["300000", "400000"]);
    // Nothing is new: nothing is written.
    let before = kept(&world, "acme").await;
    hours(&world, 2);
    assert_eq!(
        noted(&world, ACME_KEY, json!(["400000", "300000"])).await,
        2
    );
    assert_eq!(kept(&world, "acme").await, before);
}

#[tokio::test]
async fn junk_fills_a_days_room_and_no_more_and_answers_make_room() {
    let (world, head) = published(&keys(["999998", "999999"])).await;
    for day in 0..6 {
        let asked = noted(&world, ACME_KEY, numbers(0..5_000)).await;
        let expected = (day + 1) * NEW_A_DAY;
        assert_eq!(asked, expected.min(MOST_OPEN) as u64, "on day {day}");
        hours(&world, 24);
    }
    assert_eq!(noted(&world, ACME_KEY, numbers(5_000..5_001)).await, 0);
    // The next list has some, and others are gone.
    let listed: Keys = (0..700).map(|i| format!("{i:06}")).collect();
    let head = world
        .publish(&head.feed, &[keys(["999998", "999999"]), listed])
        .await;
    gone(&world, head, &["000700"]).await;
    assert_eq!(noted(&world, ACME_KEY, numbers(5_000..5_900)).await, 701);
    assert_eq!(open(&world, "acme").await.len(), MOST_OPEN);
}

/// What was proved gone is asked anew where a site still asks two days later, and not before.
#[tokio::test]
async fn what_is_gone_is_asked_anew_after_two_days() {
    let (world, head) = published(&keys(["a", "b"])).await;
    gone(&world, head, &["x"]).await;
    // That was a day and five hours ago.
    assert_eq!(noted(&world, ACME_KEY, json!(["x"])).await, 0);
    hours(&world, 18);
    assert_eq!(noted(&world, ACME_KEY, json!(["x"])).await, 0);
    hours(&world, 2);
    assert_eq!(noted(&world, ACME_KEY, json!(["x"])).await, 1);
    assert_eq!(open(&world, "acme").await, ["x"]);
}

/// The answer is what it is, whatever becomes of the note.
#[tokio::test]
async fn a_damaged_note_fails_no_answer() {
    let (world, _) = published(&keys(["a", "b"])).await;
    let key = layout::questions_of(&feed("abor"), &"acme".parse().unwrap());
    world.put(&key, "{\"schema\": 7, \"open\"").await;
    assert_eq!(noted(&world, ACME_KEY, json!(["x"])).await, 1);
    assert_eq!(open(&world, "acme").await, ["x"]);
}
