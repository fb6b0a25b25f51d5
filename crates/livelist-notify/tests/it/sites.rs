//! How sites answer notices, and the resulting delivery states.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use livelist_model::notice::DeliveryState::{Delivered, Disabled, GivenUp, Waiting};
use livelist_model::notice::{ATTEMPTS, Delivery, FeedEvent, NoticeMessage};
use livelist_notify::Handled;
use livelist_store::memory::MemoryQueue;
use livelist_store::{Condition, Objects};
use ring::hmac;
use serde_json::{Value, json};

use crate::receiver::{Got, Manner, Receiver};
use crate::world::{SECRET_BYTES, World, event};

/// As a site checks it, with the secret's own bytes.
fn verify(got: &Got) {
    let message = format!(
        "{}.{}.{}",
        got.header("webhook-id"),
        got.header("webhook-timestamp"),
        got.body
    );
    let signature = got.header("webhook-signature").strip_prefix("v1,").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET_BYTES);
    let tag = STANDARD.decode(signature).unwrap();
    hmac::verify(&key, message.as_bytes(), &tag).expect("the signature is right");
}

async fn one(manner: Manner) -> (Delivery, Receiver, World) {
    let (world, site) = (World::local().await, Receiver::start(&[manner]).await);
    let client = world.client("acme", &site.url()).await;
    let delivery = world.tell(&client, 1, 1).await;
    (delivery, site, world)
}

#[tokio::test]
async fn a_site_gets_a_signed_notice_with_counts() {
    let (delivery, site, world) = one(Manner::Status(202)).await;
    assert_eq!((delivery.state, delivery.status), (Delivered, Some(202)));
    assert_eq!((delivery.attempts, &delivery.error), (1, &None));
    let [got] = &site.got()[..] else {
        panic!("{:?}", site.got());
    };
    verify(got);
    assert_eq!(got.line, "POST /?rest_route=/livelist/v1/notify HTTP/1.1");
    assert_eq!(got.header("host"), site.address.to_string());
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("webhook-id"), delivery.id);
    let now = world.now().as_second().to_string();
    assert_eq!(got.header("webhook-timestamp"), now);
    let body: Value = serde_json::from_str(&got.body).unwrap();
    let event = event(1);
    assert_eq!(
        body,
        json!({"type": "feed.changed", "timestamp": event.at, "data": {"feed": event.feed,
            "version": event.version, "sequence": 1, "count": 2093, "added": 7, "removed": 20}})
    );
    assert!(!got.headers.iter().any(|(name, _)| name == "authorization"));
}

#[tokio::test]
async fn what_was_delivered_is_not_sent_again() {
    let (delivery, site, world) = one(Manner::Status(204)).await;
    let client = "acme".parse().unwrap();
    assert_eq!(world.tell(&client, 1, 1).await, delivery);
    assert_eq!(site.got().len(), 1);
    world.tell(&client, 2, 1).await;
    let ids: Vec<String> = site
        .got()
        .iter()
        .map(|got| got.header("webhook-id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1], "another version is another notice");
}

#[tokio::test]
async fn an_error_is_followed_by_another_attempt_under_the_same_id() {
    let world = World::local().await;
    let site = Receiver::start(&[Manner::Status(500), Manner::Status(200)]).await;
    let client = world.client("acme", &site.url()).await;
    let first = world.tell(&client, 1, 1).await;
    assert_eq!((first.state, first.status), (Waiting, Some(500)));
    assert!(first.next_at.unwrap() > world.now());
    world.clock.set(first.next_at.unwrap());
    let second = world.tell(&client, 1, 2).await;
    assert_eq!((second.state, second.attempts), (Delivered, 2));
    let got = site.got();
    got.iter().for_each(verify);
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
    assert_eq!(got[0].body, got[1].body);
    assert_ne!(
        got[0].header("webhook-timestamp"),
        got[1].header("webhook-timestamp"),
        "each attempt has its own time, or a site would take it for a replay"
    );
}

/// The record could not be written, or the process died before: the site hears it twice, and can
/// tell.
#[tokio::test]
async fn a_notice_whose_record_is_lost_is_sent_again_under_the_same_id() {
    let (delivery, site, world) = one(Manner::Status(200)).await;
    let key = format!("notices/acme/{}.json", delivery.event.feed);
    world.write(&key, &json!("not a record")).await;
    world.tell(&"acme".parse().unwrap(), 1, 1).await;
    let got = site.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
}

#[tokio::test]
async fn gone_disables_until_the_registry_names_another_url() {
    let (delivery, site, world) = one(Manner::Status(410)).await;
    assert_eq!((delivery.state, delivery.status), (Disabled, Some(410)));
    let client = "acme".parse().unwrap();
    let next = world.tell(&client, 2, 1).await;
    assert_eq!((next.state, next.attempts), (Disabled, 0));
    assert_eq!(site.got().len(), 1, "it is left in peace");
    let other = Receiver::start(&[Manner::Status(200)]).await;
    world.client("acme", &other.url()).await;
    assert_eq!(world.tell(&client, 3, 1).await.state, Delivered);
    assert_eq!((site.got().len(), other.got().len()), (1, 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Receiver::start(&[Manner::Status(200)]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}\r\n", other.url());
        let (delivery, site, _) = one(Manner::Headers(status, location)).await;
        assert_eq!((delivery.state, delivery.status), (Waiting, Some(status)));
        assert_eq!(delivery.error.as_deref(), Some("redirected"));
        assert_eq!(site.got().len(), 1);
    }
    assert!(other.got().is_empty());
}

#[tokio::test]
async fn bad_answers_are_bounded_and_named() {
    for (manner, name) in [
        (Manner::Silent, "timed_out"),
        (Manner::EndlessHead, "answer_invalid"),
        (Manner::Noise, "answer_invalid"),
        (Manner::Close, "answer_invalid"),
    ] {
        let (delivery, _, _) = one(manner.clone()).await;
        assert_eq!(delivery.error.as_deref(), Some(name), "{manner:?}");
        assert_eq!((delivery.state, delivery.status), (Waiting, None));
    }
    let (delivery, _, _) = one(Manner::EndlessBody).await;
    assert_eq!(delivery.state, Delivered, "nobody reads the body");
}

#[tokio::test]
async fn a_site_that_is_down_is_tried_for_a_day_and_given_up() {
    let world = World::local().await;
    let client = world.client("acme", "http://127.0.0.1:1/").await;
    let begun = world.now();
    for attempt in 1..ATTEMPTS {
        let delivery = world.tell(&client, 1, attempt).await;
        assert_eq!((delivery.state, delivery.attempts), (Waiting, attempt));
        assert_eq!(delivery.error.as_deref(), Some("connect_failed"));
        world.clock.set(delivery.next_at.unwrap());
    }
    let last = world.tell(&client, 1, ATTEMPTS).await;
    assert_eq!((last.state, last.next_at), (GivenUp, None));
    let hours = world.now().duration_since(begun).as_hours();
    assert!((16..30).contains(&hours), "{hours} h");
}

#[tokio::test]
async fn a_client_that_is_not_registered_is_not_told() {
    let world = World::local().await;
    let site = Receiver::start(&[Manner::Status(200)]).await;
    let client = world.client("acme", &site.url()).await;
    let plain = json!({"client": "acme", "pairs": []});
    world.write("registry/clients/acme.json", &plain).await;
    for client in [client, "nobody".parse().unwrap()] {
        let delivery = world.tell(&client, 1, 1).await;
        assert_eq!(delivery.state, Disabled);
        assert_eq!(delivery.error.as_deref(), Some("not_registered"));
    }
    assert!(site.got().is_empty());
}

/// Reading the registry for each of many events costs; who is told is who is registered when the
/// event is multiplied, all the same.
#[tokio::test]
async fn who_is_told_is_who_is_registered_now() {
    let world = World::local().await;
    world.client("acme", "http://127.0.0.1:1/").await;
    let queue = MemoryQueue::default();
    let clients_of = async |version| {
        let event = FeedEvent {
            at: world.now(),
            ..event(version)
        };
        let body = serde_json::to_string(&NoticeMessage::new(event, None)).unwrap();
        let handled = world.notifier.handle(&queue, &body, "none", 1).await;
        assert_eq!(handled.unwrap(), Handled::Done);
        std::iter::from_fn(|| queue.take()).count()
    };
    assert_eq!(clients_of(1).await, 1);
    world.clock.advance(std::time::Duration::from_secs(1));
    world.client("zeta", "http://127.0.0.1:1/").await;
    assert_eq!(clients_of(2).await, 2);
    world.clock.advance(std::time::Duration::from_secs(1));
    let gone = world
        .objects
        .delete("registry/clients/acme.json", Condition::Always);
    gone.await.unwrap();
    assert_eq!(clients_of(3).await, 1, "one is gone");
    world.clock.advance(std::time::Duration::from_secs(1));
    let elsewhere = json!({"client": "zeta", "pairs": [{"mls": "abor", "resource": "Member"}],
        "notify": {"url": "http://127.0.0.1:1/", "credential": "env:NOTICES"}});
    world.write("registry/clients/zeta.json", &elsewhere).await;
    assert_eq!(clients_of(4).await, 0, "the other has another feed now");
}
