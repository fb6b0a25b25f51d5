//! The secret, and secrets in a URL, appear nowhere: not in records, not in errors, not in the most
//! verbose log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use livelist_store::memory::MemoryQueue;
use livelist_store::{Message, Queue};
use tracing_subscriber::fmt::MakeWriter;

use crate::receiver::{Manner, Receiver};
use crate::world::{SECRET, SECRET_BYTES, World, event};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

#[tokio::test]
async fn a_planted_secret_leaves_no_trace() {
    const IN_URL: &str = "t0ken-in-a-query";
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::local().await;
    let mut said = String::new();
    for manner in [
        Manner::Status(200),
        Manner::Status(500),
        Manner::Status(410),
        Manner::Headers(302, "Location: http://127.0.0.1:1/\r\n".to_owned()),
        Manner::Noise,
        Manner::Silent,
    ] {
        let site = Receiver::start(&[manner]).await;
        let url = format!("{}&key={IN_URL}", site.url());
        let client = world.client("acme", &url).await;
        said += &format!("{:?}", world.tell(&client, 1, 1).await);
        said += &format!("{:?}", world.notifier.deliver(&client, &event(2), 9).await);
        assert!(site.got().iter().all(|got| got.line.contains(IN_URL)));
    }
    // No place at all, no secret, and a secret that is none.
    let client = world
        .client("acme", &format!("http://127.0.0.1:1/?{IN_URL}"))
        .await;
    said += &format!("{:?}", world.tell(&client, 3, 1).await);
    let reference = || "env:NOTICES".parse().unwrap();
    let broken = format!("{SECRET}%%");
    world.secrets.set(reference(), broken);
    let delivery = world.tell(&client, 4, 1).await;
    assert_eq!(delivery.error.as_deref(), Some("secret_invalid"));
    said += &format!("{delivery:?}");
    let queue = MemoryQueue::default();
    let body = "no event".to_owned();
    let group = String::new();
    queue.send(&[Message::new(body, group)]).await.unwrap();
    let got = queue.receive().unwrap();
    let handled = world
        .notifier
        .handle(&queue, &got.message.body, &got.receipt, 1);
    said += &format!("{:?} {:?}", handled.await.unwrap(), queue.dead());

    said += &String::from_utf8_lossy(&log.0.lock().unwrap());
    assert!(said.contains("DEBUG"), "the log is at its most talkative");
    assert!(said.contains("notified"));
    for (key, bytes) in world.objects.dump() {
        if !key.starts_with("registry/") {
            said += &String::from_utf8_lossy(&bytes);
        }
    }
    let bytes = std::str::from_utf8(SECRET_BYTES).unwrap();
    let base64 = SECRET.strip_prefix("whsec_").unwrap();
    for secret in [base64, bytes, IN_URL] {
        let lines = said.lines().filter(|line| line.contains(secret));
        let lines: Vec<&str> = lines.take(3).collect();
        assert!(lines.is_empty(), "{secret}: {lines:?}");
    }
}
