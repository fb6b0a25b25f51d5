//! Site keys over the store in memory.

use livelist_model::layout;

use super::*;
use crate::memory::{MemoryObjects, SeededEntropy};
use crate::{Condition, Retention};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn now() -> Timestamp {
    "2026-11-21T09:00:00.5Z".parse().unwrap()
}

async fn of<'a>(objects: &'a MemoryObjects, text: &str) -> SiteKeys<'a> {
    let client: ClientId = "acme".parse().unwrap();
    let object = layout::client(&client);
    let (always, keep) = (Condition::Always, Retention::Keep);
    let body = text.as_bytes().to_vec().into();
    objects.put(&object, body, always, keep).await.unwrap();
    SiteKeys {
        objects,
        object,
        client,
    }
}

async fn text(keys: &SiteKeys<'_>) -> String {
    let (bytes, _) = keys.objects.read(&keys.object).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_new_key_is_shown_once_and_kept_as_its_hash() {
    let objects = MemoryObjects::new();
    let keys = of(&objects, "{\"client\":\"acme\",\"pairs\":[]}").await;
    let entropy = SeededEntropy::new(1);
    let first = keys.add(&NewKey::default(), now(), &entropy).await.unwrap();
    let second = keys.add(&NewKey::default(), now(), &entropy).await.unwrap();
    let (one, two) = (first.key.expose_secret(), second.key.expose_secret());
    assert_ne!(one, two);
    for key in [one, two] {
        let secret = key.strip_prefix("ll1.acme.").unwrap();
        assert_eq!(secret.len(), 64);
        assert!(secret.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(!text(&keys).await.contains(secret));
    }
    let kept = keys.list().await.unwrap();
    assert_eq!(kept[0].sha256, digest(one.as_bytes()));
    let ids: Vec<&str> = kept.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["2026-11-21", "2026-11-21-2"]);
    assert_eq!(kept[0].created.unwrap().to_string(), "2026-11-21T09:00:00Z");
    assert!(text(&keys).await.ends_with(",\"pairs\":[]}"));
    assert!(!format!("{first:?}").contains(one));
}

#[tokio::test]
async fn a_rotation_keeps_the_former_key_for_a_while_and_its_scope() {
    let objects = MemoryObjects::new();
    let keys = of(&objects, "{\"client\":\"acme\"}").await;
    let entropy = SeededEntropy::new(1);
    let feeds = Some(vec!["abor-property-1f0c9a2b".parse().unwrap()]);
    let new = NewKey {
        id: Some("site".to_owned()),
        feeds: feeds.clone(),
        valid_for: Some(DAY),
    };
    keys.add(&new, now(), &entropy).await.unwrap();
    let made = keys.rotate("site", 7 * DAY, now(), &entropy).await.unwrap();
    assert_eq!(made.kept.feeds, feeds);
    assert_eq!(made.kept.expires, None);
    let kept = keys.list().await.unwrap();
    assert_eq!(kept.len(), 2);
    let end = kept[0].expires.unwrap();
    assert_eq!(end.to_string(), "2026-11-22T09:00:00Z", "not prolonged");
    keys.rotate(&made.kept.id, 7 * DAY, now(), &entropy)
        .await
        .unwrap();
    let end = keys.list().await.unwrap()[1].expires.unwrap();
    assert_eq!(end.to_string(), "2026-11-28T09:00:00Z");
    assert!(kept[0].is_expired(end) && !kept[0].is_expired(now()));
}

#[tokio::test]
async fn what_cannot_be_done_changes_nothing() {
    let objects = MemoryObjects::new();
    let before = "{\"client\":\"acme\",\"api_keys\":[]}";
    let keys = of(&objects, before).await;
    let entropy = SeededEntropy::new(1);
    let named = |id: &str| NewKey {
        id: Some(id.to_owned()),
        ..NewKey::default()
    };
    for id in ["", "a b", "a\nb", &"a".repeat(65)] {
        let refused = keys.add(&named(id), now(), &entropy).await;
        assert!(matches!(refused, Err(KeyError::NotAnId(_))), "{id}");
    }
    let refused = keys.revoke("none").await;
    assert!(matches!(refused, Err(KeyError::Unknown(_))));
    let refused = keys.rotate("none", DAY, now(), &entropy).await;
    assert!(matches!(refused, Err(KeyError::Unknown(_))));
    let refused = keys.rotate("none", Duration::MAX, now(), &entropy).await;
    assert!(matches!(refused, Err(KeyError::TooLong)));
    assert_eq!(text(&keys).await, before);
    keys.add(&named("one"), now(), &entropy).await.unwrap();
    let refused = keys.add(&named("one"), now(), &entropy).await;
    assert!(matches!(refused, Err(KeyError::Taken(_))));
    keys.revoke("one").await.unwrap();
    assert_eq!(text(&keys).await, before);
}

#[tokio::test]
async fn a_document_that_is_not_sound_is_left_alone() {
    let objects = MemoryObjects::new();
    let entropy = SeededEntropy::new(1);
    for damaged in [
        "{",
        "{\"client\":\"other\"}",
        "{\"client\":\"acme\",\"x\":1}",
    ] {
        let keys = of(&objects, damaged).await;
        let refused = keys.add(&NewKey::default(), now(), &entropy).await;
        assert!(matches!(refused, Err(KeyError::Document(_))), "{damaged}");
        assert_eq!(text(&keys).await, damaged);
    }
}

#[tokio::test]
async fn two_who_add_at_once_both_keep_their_keys() {
    let objects = MemoryObjects::new();
    let keys = of(&objects, "{\"client\":\"acme\"}").await;
    let entropy = SeededEntropy::new(1);
    let new = NewKey::default();
    let adding = (0..4).map(|_| keys.add(&new, now(), &entropy));
    let done = futures::future::join_all(adding).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(keys.list().await.unwrap().len(), 4);
}
