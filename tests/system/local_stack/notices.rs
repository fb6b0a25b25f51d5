//! Notices to the sites: a head that changes, and a run that is held, reach a real HTTP receiver with
//! a right signature, through the outbox and the function `notify`.

use std::sync::{Arc, Mutex};

use livelist_mls::Provider;
use livelist_model::notice::DeliveryState;
use livelist_tests::files;
use livelist_tests::stack::eventually;
use livelist_tests::world::World;
use ring::hmac;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

/// A notice as a site got it.
#[derive(Debug, Clone)]
struct Got {
    id: String,
    timestamp: String,
    signature: String,
    text: String,
    body: Value,
}

/// A site on the loopback. Answers with the statuses in turn, and with the last one from then on.
struct Site {
    url: String,
    secret: Vec<u8>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Site {
    /// A site that is registered for the world's client.
    async fn of(world: &World, client: &str, statuses: &[u16]) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = Site {
            url: format!("http://127.0.0.1:{port}/?rest_route=/livelist/v1/notify"),
            secret: format!("the secret of the site of {client:.>24}").into_bytes(),
            got: Arc::default(),
        };
        let (got, statuses) = (site.got.clone(), statuses.to_vec());
        tokio::spawn(async move {
            let mut nth = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(notice) = read(&mut stream).await else {
                    continue;
                };
                got.lock().unwrap().push(notice);
                let status = statuses[nth.min(statuses.len() - 1)];
                nth += 1;
                let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let name = format!("/livelist/notify/{client}");
        let secret = format!("whsec_{}", STANDARD.encode(&site.secret));
        world.stack.put_text(&name, &secret).await;
        let notify = json!({ "url": site.url, "credential": format!("ssm:{name}") });
        world.register_client(json!({ "notify": notify })).await;
        site
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for the n-th notice (from 1), which has to be signed as it should.
    async fn wait(&self, n: usize) -> Got {
        let what = format!("notice {n} at {}", self.url);
        let got = eventually(&what, || async { self.got().get(n - 1).cloned() }).await;
        let message = format!("{}.{}.{}", got.id, got.timestamp, got.text);
        let tag = got.signature.strip_prefix("v1,").unwrap();
        let tag = STANDARD.decode(tag).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        hmac::verify(&key, message.as_bytes(), &tag).expect("the signature is right");
        got
    }
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4_096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let field = |name: &str| {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        if body.len() >= field("content-length").parse().unwrap_or(0) {
            return Some(Got {
                id: field("webhook-id"),
                timestamp: field("webhook-timestamp"),
                signature: field("webhook-signature"),
                text: body.to_owned(),
                body: serde_json::from_str(body).unwrap(),
            });
        }
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_changed_head_and_a_held_run_reach_the_site_as_notices() {
    let mls = "told";
    let world = World::one(mls, Provider::Trestle, 400).await;
    let site = Site::of(&world, mls, &[202]).await;
    world.one_day(FIRST).await;
    let got = site.wait(1).await;
    let head = world.head(mls).await.unwrap();
    assert_eq!(
        got.body,
        json!({ "type": "feed.changed", "timestamp": head.published_at, "data": {
            "feed": head.feed, "version": head.version, "sequence": 1, "count": 400,
            "added": 400, "removed": 0,
        } })
    );
    world.control(mls).sell(300);
    let held = world.one_day(SECOND).await;
    assert_eq!(held.output["outcome"], "held");
    let got = site.wait(2).await;
    let data = &got.body["data"];
    assert_eq!(got.body["type"], "feed.held");
    assert_eq!(
        (&data["version"], &data["count"], &data["removed"]),
        (&json!(head.version), &json!(400), &json!(0)),
        "of what is published, which stays"
    );
    let recorded = eventually("both records", || async {
        let notices = world.notices(mls).await;
        let delivered = |d: &&_| {
            let d: &livelist_model::notice::Delivery = d;
            d.state == DeliveryState::Delivered && d.status == Some(202)
        };
        (notices.iter().filter(delivered).count() == 2).then_some(notices)
    })
    .await;
    assert_eq!(recorded[0].id, got.id);
    // A message that comes twice, as SQS may send it, is told once.
    let message = json!({ "schema": 1, "client": mls, "event": recorded[0].event });
    let record = &files::event("notify")["Records"][0];
    let mut again = record.clone();
    again["body"] = json!(message.to_string());
    let told = world
        .stack
        .invoke("livelist-notify", &json!({ "Records": [again] }))
        .await
        .unwrap();
    assert_eq!(told, json!({ "batchItemFailures": [] }));
    assert_eq!(site.got().len(), 2);
    for line in world.stack.logs().await {
        assert!(!line.contains("the secret of the site"), "{line}");
        assert!(!line.contains(&STANDARD.encode(&site.secret)), "{line}");
    }
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_notice_that_fails_comes_again_from_the_queue() {
    let mls = "told-later";
    let world = World::one(mls, Provider::Trestle, 20).await;
    let site = Site::of(&world, mls, &[503, 200]).await;
    world.one_day(FIRST).await;
    let first = site.wait(1).await;
    let second = site.wait(2).await;
    assert_eq!((&first.id, &first.text), (&second.id, &second.text));
    let delivered = eventually("its record", || async {
        let notices = world.notices(mls).await;
        notices
            .into_iter()
            .find(|d| d.state == DeliveryState::Delivered)
    })
    .await;
    assert_eq!((delivered.attempts, delivered.status), (2, Some(200)));
}

#[tokio::test]
#[ignore = "needs the local stack: make test starts it"]
async fn a_message_that_is_no_notice_is_put_aside_with_its_reason() {
    let world = World::one("told-nothing", Provider::Trestle, 10).await;
    let queue = world.stack.output("OutboxUrl");
    let asked = json!({ "QueueUrl": queue, "MessageBody": "{\"told\":\"nothing\"}" });
    let target = "AmazonSQS.SendMessage";
    world.stack.ask("sqs", target, asked).await.unwrap();
    let dead = world.stack.output("OutboxDeadUrl");
    let letter = eventually("the dead letter", || async {
        let letters = world.stack.peek(dead).await;
        letters
            .into_iter()
            .find(|l| l["Body"].as_str().unwrap().contains("told"))
    })
    .await;
    let attributes = letter["MessageAttributes"].to_string();
    assert!(attributes.contains("not an event"), "{letter}");
}
