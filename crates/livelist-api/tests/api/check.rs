//! Which keys are gone: never a listed one, and none at all if the list proves nothing.

use axum::http::StatusCode;
use livelist_model::gone::{GoneRef, GoneWriter, Proof, Since};
use livelist_model::head::{Head, ObjectRef};
use livelist_model::layout;
use livelist_store::{Condition, Objects, ObjectsExt, Retention};
use rstest::rstest;
use serde_json::{Value, json};

use crate::history::{Keys, keys, many};
use crate::world::{ACME_KEY, Answer, BOLT_KEY, World, feed, post};

async fn check(world: &World, asked: &Value) -> Answer {
    let path = format!("/v1/feeds/{}/check", feed("abor"));
    let body = json!({ "keys": asked }).to_string();
    post(&world.api(), &path, ACME_KEY, "application/json", body).await
}

pub async fn published(list: &Keys) -> (World, Head) {
    let world = World::new().await;
    let head = world
        .publish(&feed("abor"), std::slice::from_ref(list))
        .await;
    (world, head)
}

/// When what is gone in these tests was proved gone.
const PROVED: &str = "2026-11-20T04:00:00Z";

/// Writes a record of what is gone, and lets the head point at it.
pub async fn gone(world: &World, head: Head, keys: &[&str]) -> Head {
    gone_since(world, head, keys, PROVED).await
}

async fn gone_since(world: &World, mut head: Head, keys: &[&str], proved: &str) -> Head {
    let second = proved.parse::<jiff::Timestamp>().unwrap().as_second();
    let mut record = GoneWriter::new(Vec::new());
    for key in keys {
        let proof = Proof::Key;
        record
            .push(key.as_bytes(), Since { second, proof })
            .unwrap();
    }
    let (bytes, summary) = record.finish().unwrap();
    let object = layout::gone(&head.feed, head.sequence, &summary.sha256);
    let stored = ObjectRef {
        object: object.clone(),
        bytes: bytes.len() as u64,
    };
    world.put(&object, bytes).await;
    head.gone = Some(GoneRef {
        stored,
        summary,
        came_back: None,
    });
    let key = layout::head(&head.feed);
    let keep = Retention::Keep;
    let written = world
        .objects
        .write_json(&key, &head, Condition::Always, keep);
    written.await.unwrap();
    head
}

#[tokio::test]
async fn keys_are_compared_byte_by_byte() {
    let list = keys(["1000", "ABC", "abc", "a b", "clé", "z"]);
    let (world, head) = published(&list).await;
    let head = gone(&world, head, &["!", "abC", "cle", "z "]).await;
    let asked = json!([
        "z", "1e3", "1000", "Abc", "ABC", "cle", "clé", "a b", "a  b", "~", "!", "~"
    ]);
    let answer = check(&world, &asked).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({
            "version": head.version,
            "as_of": "2026-11-21T04:00:02Z",
            "complete": true,
            "checked": 12,
            "gone": ["!", "cle"],
            "unknown": ["1e3", "Abc", "a  b", "~"],
        })
    );
}

/// Gone is said of the record's keys alone, and of copies that are older than the proof.
#[tokio::test]
async fn gone_speaks_of_older_copies() {
    let (world, head) = published(&keys(["a", "b"])).await;
    let head = gone(&world, head, &["x", "y", "z"]).await;
    let body = json!({"schema": 2, "keys": [
        "a",
        {"key": "x", "got": "2026-11-20T03:59:59Z", "listing_id": "L1"},
        {"key": "y", "got": PROVED},
        {"key": "z"},
        {"key": "z", "got": "2026-11-21T00:00:00Z"},
        "never listed",
    ]});
    let path = format!("/v1/feeds/{}/check", feed("abor"));
    let answer = post(
        &world.api(),
        &path,
        ACME_KEY,
        "application/json",
        body.to_string(),
    )
    .await;
    assert_eq!(
        answer.json(),
        json!({
            "schema": 2,
            "version": head.version,
            "as_of": "2026-11-21T04:00:02Z",
            "checked_at": "2026-11-21T04:00:02Z",
            "complete": true,
            "listed": 1,
            "gone": [{"key": "x", "since": PROVED}],
            "unknown": ["never listed", "y", "z"],
            "noted": 2,
        })
    );
    let body = json!({"schema": 3, "keys": []}).to_string();
    let answer = post(&world.api(), &path, ACME_KEY, "application/json", body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// A proof that was written by a clock years ahead does not say which copies are older than it.
#[tokio::test]
async fn a_proof_from_the_future_speaks_of_no_copy() {
    let (world, head) = published(&keys(["a", "b"])).await;
    gone_since(&world, head, &["x", "y"], "2036-11-20T04:00:00Z").await;
    let asked = json!([{"key": "x", "got": "2026-11-20T03:59:59Z"}, "y"]);
    let answer = check(&world, &asked).await.json();
    assert_eq!(
        (&answer["gone"], &answer["unknown"]),
        (&json!(["y"]), &json!(["x"]))
    );
}

/// A listing that is new and not listed yet is no listing that is gone.
#[tokio::test]
async fn without_a_record_nothing_is_gone() {
    let (world, _) = published(&keys(["a"])).await;
    let answer = check(&world, &json!(["a", "b"])).await;
    assert_eq!(answer.json()["gone"], json!([]));
    assert_eq!(answer.json()["unknown"], json!(["b"]));
}

#[tokio::test]
async fn all_or_none_or_nothing_may_be_asked_for() {
    let list = many(300);
    let (world, head) = published(&list).await;
    gone(&world, head, &["x"]).await;
    for (asked, gone) in [
        (json!([]), json!([])),
        (json!(list), json!([])),
        (json!(["", "x"][1..]), json!(["x"])),
    ] {
        let answer = check(&world, &asked).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json()["gone"], gone);
    }
}

#[tokio::test]
async fn five_thousand_keys_fit_and_one_more_does_not() {
    let list = many(20_000);
    let (world, head) = published(&list).await;
    gone(&world, head, &["gone"]).await;
    let mut asked: Vec<String> = list.iter().step_by(4).rev().cloned().collect();
    asked[17] = "gone".to_owned();
    let answer = check(&world, &json!(asked)).await;
    assert_eq!(answer.json()["checked"], 5_000);
    assert_eq!(answer.json()["gone"], json!(["gone"]));
    asked.push("one more".to_owned());
    let answer = check(&world, &json!(asked)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "bad_request");
}

#[tokio::test]
async fn the_longest_keys_fit() {
    let (world, _) = published(&keys(["a"])).await;
    let longest: Vec<String> = (0..5_000).map(|i| format!("{i:0>1020}")).collect();
    let answer = check(&world, &json!(longest)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["unknown"].as_array().unwrap().len(), 5_000);
    assert!(answer.body.len() < 6_000_000, "Lambda's limit");
}

/// Rule zero: of each damage, the sound list as a control, and a key that only the sound list has.
#[rstest]
#[case::cut(|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2))]
#[case::cut_by_a_byte(|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1))]
#[case::empty(|bytes: &mut Vec<u8>| bytes.clear())]
#[case::html(|bytes: &mut Vec<u8>| *bytes = b"<html>".to_vec())]
#[case::flipped(|bytes: &mut Vec<u8>| { let at = bytes.len() / 2; bytes[at] ^= 4; })]
#[case::longer(|bytes: &mut Vec<u8>| bytes.push(0))]
#[case::twice(|bytes: &mut Vec<u8>| bytes.extend_from_within(..))]
#[tokio::test]
async fn a_damaged_list_calls_nothing_gone(#[case] damage: fn(&mut Vec<u8>)) {
    let list = many(5_000);
    let (world, head) = published(&list).await;
    let head = gone(&world, head, &["rented", "sold"]).await;
    let asked = json!([list.last().unwrap(), "sold"]);
    let sound = check(&world, &asked).await;
    assert_eq!(sound.json()["gone"], json!(["sold"]));
    for object in [&head.full.object, &head.gone.unwrap().stored.object] {
        let (bytes, _) = world.objects.read(object).await.unwrap().unwrap();
        let mut damaged = bytes.to_vec();
        damage(&mut damaged);
        world.put(object, damaged).await;
        let answer = check(&world, &asked).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{object}");
        assert_eq!(answer.code(), "unavailable");
        assert!(!answer.header("retry-after").is_empty());
        assert!(!answer.text().contains("gone"), "{}", answer.text());
        world.put(object, bytes.to_vec()).await;
    }
}

/// A sound list, but another one than the head means: older, shorter, or of another feed.
#[tokio::test]
async fn another_list_in_its_place_calls_nothing_gone() {
    let list = many(5_000);
    let (world, head) = published(&list).await;
    let mut other = list.clone();
    let missing = other.pop_last().unwrap();
    let shorter = world.publish(&feed("abor"), &[other.clone()]).await;
    let (bytes, _) = world
        .objects
        .read(&shorter.full.object)
        .await
        .unwrap()
        .unwrap();
    other.insert("x".to_owned());
    let as_long = world.publish(&feed("abor"), &[other]).await;
    let (as_many, _) = world
        .objects
        .read(&as_long.full.object)
        .await
        .unwrap()
        .unwrap();
    world.head(&head).await;
    let asked = json!([missing]);
    assert_eq!(check(&world, &asked).await.json()["gone"], json!([]));
    for bytes in [bytes, as_many] {
        world.put(&head.full.object, bytes).await;
        let answer = check(&world, &asked).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let (object, always) = (&head.full.object, Condition::Always);
    world.objects.delete(object, always).await.unwrap();
    let answer = check(&world, &asked).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[rstest]
#[case::nothing("")]
#[case::no_json("keys=a")]
#[case::cut("{\"keys\":[\"a\"")]
#[case::behind("{\"keys\":[]} x")]
#[case::list("[\"a\"]")]
#[case::list_of_members(" [[\"a\"]]")]
#[case::null("{\"keys\":null}")]
#[case::other_name("{\"key\":[\"a\"]}")]
#[case::text("{\"keys\":\"a\"}")]
#[case::numbers("{\"keys\":[1000]}")]
#[case::nested("{\"keys\":[[\"a\"]]}")]
#[case::twice("{\"keys\":[],\"keys\":[\"a\"]}")]
#[case::empty_key("{\"keys\":[\"\"]}")]
#[case::line_feed("{\"keys\":[\"a\\nb\"]}")]
#[case::nul("{\"keys\":[\"a\\u0000\"]}")]
#[case::half_a_character("{\"keys\":[\"\\ud800\"]}")]
#[tokio::test]
async fn what_is_no_question_is_told_so(#[case] body: &str) {
    let (world, _) = published(&keys(["a"])).await;
    let path = format!("/v1/feeds/{}/check", feed("abor"));
    let api = world.api();
    let answer = post(&api, &path, ACME_KEY, "application/json", body.to_owned()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "bad_request");
}

#[tokio::test]
async fn depth_and_size_are_bounded() {
    let (world, _) = published(&keys(["a"])).await;
    let path = format!("/v1/feeds/{}/check", feed("abor"));
    let api = world.api();
    let deep = format!("{{\"x\":{}", "[".repeat(1_000_000));
    let answer = post(&api, &path, ACME_KEY, "application/json", deep).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let large = format!("{{\"keys\":[\"{}\"]}}", "a".repeat(6_000_000));
    let answer = post(&api, &path, ACME_KEY, "application/json", large).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.code(), "too_large");
}

#[tokio::test]
async fn only_json_is_taken_and_only_from_those_who_may_ask() {
    let (world, _) = published(&keys(["a"])).await;
    let path = format!("/v1/feeds/{}/check", feed("abor"));
    let api = world.api();
    let ask = async |path: &str, key: &str, kind: &str| {
        let answer = post(&api, path, key, kind, "{\"keys\":[]}".to_owned()).await;
        (answer.status.as_u16(), answer.code())
    };
    for kind in ["", "text/plain", "application/x-www-form-urlencoded"] {
        let unsupported = (415, "unsupported_media_type".to_owned());
        assert_eq!(ask(&path, ACME_KEY, kind).await, unsupported);
    }
    // Strangers are told that they are, whatever they send.
    for kind in ["", "application/json"] {
        assert_eq!(ask(&path, "no", kind).await.0, 401);
        let foreign = format!("/v1/feeds/{}/check", feed("crmls"));
        assert_eq!(ask(&foreign, ACME_KEY, kind).await.0, 403);
        assert_eq!(ask("/v1/feeds/UPPER/check", BOLT_KEY, kind).await.0, 404);
    }
    let suspended = format!("/v1/feeds/{}/check", feed("bolt"));
    assert_eq!(ask(&suspended, ACME_KEY, "application/json").await.0, 403);
    world
        .objects
        .delete(
            &livelist_model::layout::head(&feed("abor")),
            Condition::Always,
        )
        .await
        .unwrap();
    let not_ready = (503, "not_ready".to_owned());
    assert_eq!(ask(&path, ACME_KEY, "application/json").await, not_ready);
}
